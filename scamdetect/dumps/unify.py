"""Find columns that hold the rows of all files of a dump, and convert the rows of each to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from scamdetect.dumps.batches import Dump
from scamdetect.dumps.delimited import quote
from scamdetect.dumps.rows import ArrowRows, DelimitedRows, JsonRows, Rows
from scamdetect.errors import InputError
from scamdetect.system.shown import shown, shown_names

# The largest integer up to which a floating-point type of so many bits is exact.
_MANTISSA = {16: 11, 32: 24, 64: 53}


@dataclass
class Union:
    """The columns of the files seen so far: those of the first, then new ones in order."""

    _columns: tuple[str, ...] = ()
    _fields: dict[str, pa.Field] = field(default_factory=dict)
    _first_file: dict[str, str] = field(default_factory=dict)  # that has the column
    _files_with: Counter[str] = field(default_factory=Counter)
    _json_types: dict[str, frozenset[str]] = field(default_factory=dict)
    _header: dict[str, str] = field(default_factory=dict)
    _delimiter: str = ""
    _metadata: dict[bytes, bytes] | None = None
    _files: int = 0
    _repeated: bool = False

    def add(self, dump: Dump, where: str) -> None:
        """Add the columns of a file; raise InputError, with the file, if a type does not match."""
        if not self._files:
            self._columns, self._metadata = dump.columns, dump.schema.metadata
        self._files += 1
        repeated = len(set(dump.columns)) < len(dump.columns)
        if (repeated or self._repeated) and dump.columns != self._columns:
            seen = self._shown(dump.columns)
            names = sorted({seen[c] for c in dump.columns if dump.columns.count(c) > 1})
            what = f"several columns named {', '.join(names)}" if names else "others"
            raise InputError(
                f"{where}: has {what}, but columns are repeated in one file and other files "
                "have other columns; rename the repeated ones"
            )
        self._repeated |= repeated
        for place, name in enumerate(dump.columns):
            self._add_column(dump, place, name, where)

    def _add_column(self, dump: Dump, place: int, name: str, where: str) -> None:
        new: pa.Field = dump.schema.field(place)
        known = self._fields.setdefault(name, new)
        self._first_file.setdefault(name, where)
        self._files_with[name] += 1
        if dump.json_types:
            before = self._json_types.get(name, frozenset())
            self._json_types[name] = before | dump.json_types[place]
        if dump.raw_header:
            self._delimiter = self._delimiter or dump.delimiter or ""
            cell = dump.raw_header[place]
            same = dump.delimiter == self._delimiter
            self._header.setdefault(name, cell if same else quote(name, self._delimiter))
        if known is not new and not known.equals(new) and not dump.json_types:
            kind = _common(known.type, new.type)
            if kind is None:
                raise InputError(
                    f"{where}: column {shown(name)!r} holds {new.type}, but {known.type} in "
                    f"{self._first_file[name]}; no type represents both exactly"
                )
            nullable = known.nullable or new.nullable
            self._fields[name] = known.with_type(kind).with_nullable(nullable)

    def without(self, name: str) -> Union:
        """Return the same without that column."""
        rest = {n: found for n, found in self._fields.items() if n != name}
        return replace(self, _fields=rest, _columns=tuple(n for n in self._columns if n != name))

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of all columns."""
        return self._columns if self._repeated else tuple(self._fields)

    @property
    def schema(self) -> pa.Schema:
        """Return the columns with types that represent all values exactly."""
        return pa.schema([self._field(n) for n in self.columns], metadata=self._metadata)

    @property
    def raw_header(self) -> tuple[str, ...]:
        """Return the raw header cells, or nothing without headers."""
        if not self._header:
            return ()
        return tuple(self._header[name] for name in self.columns)

    def notes(self) -> Iterator[str]:
        """Yield a line for each column that some files lack."""
        names = self._shown(list(self._fields))
        for name in self._fields:
            count = self._files_with[name]
            if count < self._files and not self._json_types:
                yield (
                    f"{self._files - count:,} of {self._files:,} files lack the column "
                    f"{names[name]!r}; it is empty in their rows"
                )

    def _shown(self, names: Sequence[str]) -> dict[str, str]:
        """Return the names of columns as errors and notes show them."""
        return dict(zip(names, shown_names(names, first_line=bool(self._header)), strict=True))

    def _field(self, name: str) -> pa.Field:
        found = self._fields[name]
        if self._json_types:
            found = found.with_type(column_type(self._json_types[name]))
        return found.with_nullable(True) if self._files_with[name] < self._files else found


def conformed(rows: Rows, columns: tuple[str, ...], schema: pa.Schema) -> Rows:
    """Return the rows of one file with these columns; missing ones are empty."""
    if isinstance(rows, JsonRows):
        dropped = rows.dropped | (set(rows.names) - set(columns))
        return replace(rows, names=columns, schema=schema, dropped=dropped)
    if isinstance(rows, DelimitedRows):
        return _conformed_cells(rows, columns)
    assert isinstance(rows, ArrowRows)
    if rows.kept == columns and rows.source.schema.equals(schema, check_metadata=True):
        return rows
    try:
        arrays = [
            rows.source.column(f.name).cast(f.type)
            if f.name in rows.kept
            else pa.chunked_array([pa.nulls(len(rows), f.type)])
            for f in schema
        ]
    except pa.ArrowInvalid as problem:
        cause = str(problem).partition("\n")[0]
        raise InputError(
            f"{rows.where}: contains a value that does not fit the type of another file ({cause})"
        ) from problem
    return replace(rows, kept=columns, source=pa.Table.from_arrays(arrays, schema=schema))


def _conformed_cells(rows: DelimitedRows, columns: tuple[str, ...]) -> DelimitedRows:
    if tuple(rows.names[place] for place in rows.kept) == columns:
        return rows
    if len(set(columns)) < len(columns):  # then all files have the same columns in the same order
        return replace(rows, kept=tuple(p for p in rows.kept if rows.names[p] in columns))
    place_of = {rows.names[place]: place for place in rows.kept}
    places = [place_of.get(name) for name in columns]
    return replace(
        rows,
        names=columns,
        kept=tuple(range(len(columns))),
        text_place=columns.index(rows.names[rows.text_place]),
        rows=[["" if p is None else row[p] for p in places] for row in rows.rows],
    )


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Return a type that represents the values of both exactly, or None."""
    schemas = [pa.schema([("x", one)]), pa.schema([("x", other)])]
    try:
        found = pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        if pa.types.is_dictionary(one) or pa.types.is_dictionary(other):
            plain = [k.value_type if pa.types.is_dictionary(k) else k for k in (one, other)]
            return _common(*plain)
        return None
    if not (_is_lossless(one, found) and _is_lossless(other, found)):
        return None
    try:
        for kind in (one, other):
            pa.nulls(0, kind).cast(found)
    except pa.ArrowNotImplementedError:
        return None
    return found


def _is_lossless(before: pa.DataType, after: pa.DataType) -> bool:
    if before.equals(after) or pa.types.is_null(before):
        return True
    if pa.types.is_struct(before):
        inner = [before.field(place) for place in range(before.num_fields)]
        return all(_is_lossless(f.type, after.field(f.name).type) for f in inner)
    if pa.types.is_list(before) or pa.types.is_large_list(before):
        return _is_lossless(before.value_type, after.value_type)
    if pa.types.is_integer(before):
        bits = before.bit_width - pa.types.is_signed_integer(before)
        if pa.types.is_floating(after):
            return bool(bits <= _MANTISSA[after.bit_width])
        room = pa.types.is_integer(after) and after.bit_width - pa.types.is_signed_integer(after)
        return bool(bits <= room)
    return not pa.types.is_decimal(before) or pa.types.is_decimal(after)


def column_type(names: Collection[str]) -> pa.DataType:
    """Return the type of a column; text or JSON text if no plain type represents its values."""
    names = set(names) - {"NoneType"}
    if names == {"bool"}:
        return pa.bool_()
    if names and names <= {"int", "long"}:
        return pa.int64()
    if names and names <= {"int", "float"}:
        return pa.float64()
    return pa.string()
