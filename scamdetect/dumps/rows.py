"""A batch of rows as in the source, with their text by name or dotted path."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.delimited import quote, requote, unquote
from scamdetect.errors import InputError
from scamdetect.frames import columns as output
from scamdetect.frames.arrow import cell_texts, encodable, is_nested, json_values, plain_array

# A column name has precedence over a path, even with dots. A part of a path contains no dot.


TextPath = tuple[str, ...]

# Maximum in an error message: some objects have a member for each person or day.
MOST_MEMBERS = 100


def find_text(
    text_column: str,
    names: Sequence[str],
    members: Collection[str],
    *,
    overwrite_columns: bool,
    where: str,
    required: bool = True,
) -> tuple[TextPath, tuple[str, ...]]:
    """Return the path to the text and the names of the columns to keep.

    ``members`` are the dotted paths in addition to the columns. A text that is not ``required`` may
    be missing: its path then leads nowhere. Raises InputError, with ``where`` and these paths, as
    ``output.check_columns`` does.
    """
    if not required and text_column not in (*names, *members):
        kept = output.kept_columns(names, overwrite=overwrite_columns, where=where)
        return tuple(text_column.split(".")), kept
    path: TextPath = (text_column,)
    existing = names
    if text_column not in names and text_column in members:
        path = tuple(text_column.split("."))
    elif text_column not in names:
        existing = [*names, *members]
    kept = output.check_columns(existing, path[0], overwrite=overwrite_columns, where=where)
    return path, kept


def value_at(value: object, path: TextPath) -> object:
    """Return the value at the path in JSON objects, None if it leads nowhere."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def leads_to_member(value: object, path: TextPath) -> bool:
    """Return True if a path of several names leads to a member of a JSON object, even a null."""
    inner = value_at(value, path[:-1])
    return len(path) > 1 and isinstance(inner, dict) and path[-1] in inner


def object_members(name: str, value: object, levels: int = 8) -> Iterator[str]:
    """Yield the dotted paths into a JSON value in the column of that name."""
    if not isinstance(value, dict) or not levels:
        return
    for key, item in value.items():
        if "." not in key:
            path = f"{name}.{key}"
            yield path
            yield from object_members(path, item, levels - 1)


def struct_members(name: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """Yield the dotted paths into an Arrow column of that name and type, with their types."""
    if not pa.types.is_struct(kind):
        return
    fields = [kind.field(place) for place in range(kind.num_fields)]
    names = [field.name for field in fields]
    for field in fields:
        if "." not in field.name and names.count(field.name) == 1:
            path = f"{name}.{field.name}"
            yield path, field.type
            yield from struct_members(path, field.type)


def schema_members(schema: pa.Schema) -> dict[str, pa.DataType]:
    """Return the dotted paths into the columns of a schema, with their types."""
    return {
        path: kind
        for field in schema
        if "." not in field.name
        for path, kind in struct_members(field.name, field.type)
    }


_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class NestedError(Exception):
    """Raised if a column that must hold plain values holds an object or a list."""


class Rows(Protocol):
    """Rows that every writer can write, whatever their source."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def texts(self) -> Sequence[Any]:
        """Return the texts to score; the detector rejects other types."""

    def column(self, path: TextPath, kind: pa.DataType) -> pa.Array:
        """Return the values at the path, kept or not, as a flat type; raise NestedError."""

    def cells(self, delimiter: str) -> Iterable[list[str]]:
        """Yield each row as cells, quoted if necessary."""

    def objects(self) -> Iterable[str]:
        """Yield each row as the text of a JSON object."""

    def table(self) -> pa.Table:
        """Return the rows as a table."""

    def take(self, places: Sequence[int]) -> Self:
        """Return the rows at these positions."""

    def select(self, names: Sequence[str]) -> Self:
        """Return the rows with these kept columns, each named once, in this order."""


@dataclass(frozen=True)
class DelimitedRows:
    """Rows of raw CSV or TSV cells, quotes included; ``kept`` are the columns to keep."""

    names: tuple[str, ...]
    kept: tuple[int, ...]
    text_place: int
    delimiter: str
    rows: list[list[str]]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def texts(self) -> list[str]:
        """Return the values of the text column."""
        return [unquote(row[self.text_place]) for row in self.rows]

    def column(self, path: TextPath, kind: pa.DataType) -> pa.Array:
        """Return the values of a text column; an empty cell is null."""
        place = self.names.index(path[0])
        values = (unquote(row[place]) for row in self.rows)
        return plain_array([encodable(value) if value else None for value in values], kind)

    def cells(self, delimiter: str) -> Iterable[list[str]]:
        """Yield the raw cells, or quote them for another delimiter."""
        for row in self.rows:
            kept = [row[place] for place in self.kept]
            yield kept if delimiter == self.delimiter else [requote(c, delimiter) for c in kept]

    def objects(self) -> Iterable[str]:
        """Yield objects whose values are all strings."""
        names = [self.names[place] for place in self.kept]
        for row in self.rows:
            values = (unquote(row[place]) for place in self.kept)
            yield _dumps(dict(zip(names, values, strict=True)))

    def table(self) -> pa.Table:
        """Return a table of strings."""
        columns = [
            plain_array([encodable(unquote(row[place])) for row in self.rows], pa.string())
            for place in self.kept
        ]
        return pa.Table.from_arrays(columns, names=[self.names[place] for place in self.kept])

    def take(self, places: Sequence[int]) -> Self:
        """Return the rows at these positions."""
        return replace(self, rows=[self.rows[place] for place in places])

    def select(self, names: Sequence[str]) -> Self:
        """Return the rows with these columns in this order."""
        place_of = {self.names[place]: place for place in self.kept}
        return replace(self, kept=tuple(place_of[name] for name in names))


@dataclass(frozen=True)
class JsonRows:
    """Rows of JSON objects and their texts; ``names`` and ``schema`` define cells and tables."""

    names: tuple[str, ...]
    schema: pa.Schema
    text_path: TextPath
    dropped: frozenset[str]
    raws: list[str]
    values: list[dict[str, Any]]
    reordered: bool = False  # objects contain only the members in ``names``, in that order

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.raws)

    def texts(self) -> list[Any]:
        """Return the values at the path to the text, None if a row has none."""
        return [value_at(value, self.text_path) for value in self.values]

    def column(self, path: TextPath, kind: pa.DataType) -> pa.Array:
        """Return the values at the path; if ``kind`` is text, other values become JSON text."""
        values = [value_at(value, path) for value in self.values]
        if any(isinstance(value, dict | list) for value in values):
            raise NestedError
        if pa.types.is_string(kind):
            texts = (v if isinstance(v, str) or v is None else _dumps(v) for v in values)
            values = [None if text is None else encodable(text) for text in texts]
        return plain_array(values, kind)

    def cells(self, delimiter: str) -> Iterable[list[str]]:
        """Yield strings unchanged and other values as JSON; missing values and null are empty."""
        for raw, value in zip(self.raws, self.values, strict=True):
            found = _literals(raw, value)
            yield [quote(cell, delimiter) for cell in map(found.get, self.names)]

    def objects(self) -> Iterable[str]:
        """Yield the objects exactly as in the source, without the dropped members."""
        for raw, value in zip(self.raws, self.values, strict=True):
            if self.reordered:
                found = dict(members(raw))
                yield _object((name, found[name]) for name in self.names if name in found)
            elif self.dropped.isdisjoint(value):
                yield raw
            else:
                yield _object((n, text) for n, text in members(raw) if n not in self.dropped)

    def table(self) -> pa.Table:
        """Return a table of the schema; nested and mixed values are JSON text."""
        literals = [_literals(raw, v) for raw, v in zip(self.raws, self.values, strict=True)]
        columns = []
        for name, kind in zip(self.names, self.schema.types, strict=True):
            if pa.types.is_string(kind):
                texts = (row.get(name) for row in literals)
                values = [None if text is None else encodable(text) for text in texts]
            else:
                values = [row.get(name) for row in self.values]
            columns.append(plain_array(values, kind))
        return pa.Table.from_arrays(columns, schema=self.schema)

    def take(self, places: Sequence[int]) -> Self:
        """Return the rows at these positions."""
        raws = [self.raws[place] for place in places]
        return replace(self, raws=raws, values=[self.values[place] for place in places])

    def select(self, names: Sequence[str]) -> Self:
        """Return the rows with these columns in this order."""
        schema = pa.schema([self.schema.field(self.names.index(name)) for name in names])
        return replace(self, names=tuple(names), schema=schema, reordered=True)


@dataclass(frozen=True)
class ArrowRows:
    """Rows of an Arrow table."""

    where: str
    text_path: TextPath
    kept: tuple[str, ...]
    source: pa.Table

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.source.num_rows)

    def texts(self) -> list[Any]:
        """Return the values at the path to the text; bytes that are not UTF-8 remain bytes."""
        column = self._at(self.text_path)
        try:
            values: list[Any] = column.to_pylist()
        except UnicodeDecodeError:
            values = [_decoded(value) for value in column.cast(pa.large_binary()).to_pylist()]
        return values

    def column(self, path: TextPath, kind: pa.DataType) -> pa.Array:
        """Return the values at the path; if ``kind`` is text, others are formatted as cells."""
        found = self._at(path)
        if pa.types.is_string(kind) and not _is_text(found.type):
            if is_nested(found.type):
                raise NestedError
            return plain_array(cell_texts(found), kind)
        if isinstance(found.type, pa.BaseExtensionType):
            found = found.cast(found.type.storage_type)
        return found.cast(kind).combine_chunks()

    def cells(self, delimiter: str) -> Iterable[list[str]]:
        """Yield cells formatted by ``arrow_text.cell_texts``."""
        columns = [[quote(cell, delimiter) for cell in self._strings(name)] for name in self.kept]
        return map(list, zip(*columns, strict=True))

    def objects(self) -> Iterable[str]:
        """Yield objects formatted by ``arrow_text.json_values``."""
        columns = [(_dumps(name), self._json(name)) for name in self.kept]
        for place in range(len(self)):
            yield "{" + ", ".join(f"{name}: {column[place]}" for name, column in columns) + "}"

    def table(self) -> pa.Table:
        """Return the columns unchanged."""
        return self.source.select(self.kept)

    def take(self, places: Sequence[int]) -> Self:
        """Return the rows at these positions."""
        # Slices support any type; pyarrow cannot take rows of some, such as views of text.
        runs = [self.source.slice(0, 0), *(self.source.slice(place, 1) for place in places)]
        return replace(self, source=pa.concat_tables(runs).combine_chunks())

    def select(self, names: Sequence[str]) -> Self:
        """Return the rows with these columns in this order."""
        return replace(self, kept=tuple(names))

    def _at(self, path: TextPath) -> pa.ChunkedArray:
        column = self.source.column(path[0])
        if len(path) > 1:
            column = pc.struct_field(column, list(path[1:]))
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        return column

    def _strings(self, name: str) -> list[str | None]:
        with self._readable(name) as column:
            return cell_texts(column)

    def _json(self, name: str) -> list[str]:
        with self._readable(name) as column:
            return [_dumps(value) for value in json_values(column)]

    @contextmanager
    def _readable(self, name: str) -> Iterator[pa.ChunkedArray]:
        try:
            yield self.source.column(name)
        except UnicodeDecodeError as problem:
            raise InputError(
                f"{self.where}: column {name!r} contains text that is not UTF-8; leave it out "
                "with --columns, or choose a Parquet destination, which keeps it"
            ) from problem


def members(raw: str) -> list[tuple[str, str]]:
    """Return the name and exact JSON text of each member of a valid JSON object."""
    found = []
    position = _skip(raw, raw.index("{") + 1)
    while raw[position] == '"':
        name, position = _DECODER.raw_decode(raw, position)
        start = _skip(raw, _skip(raw, position) + 1)
        _, end = _DECODER.raw_decode(raw, start)
        found.append((name, raw[start:end]))
        position = _skip(raw, end)
        if raw[position] == ",":
            position = _skip(raw, position + 1)
    return found


def _object(found: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{_dumps(name)}: {text}" for name, text in found) + "}"


def _literals(raw: str, value: dict[str, Any]) -> dict[str, str | None]:
    """Return strings unchanged, null as None and every other value as its exact JSON text."""
    if all(isinstance(item, str) for item in value.values()):
        return dict(value)
    texts = dict(members(raw))
    return {
        name: item if isinstance(item, str) or item is None else texts[name]
        for name, item in value.items()
    }


def _skip(raw: str, position: int) -> int:
    space = _SPACE.match(raw, position)
    assert space is not None
    return space.end()


def _dumps(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps(value, ensure_ascii=False)


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _decoded(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return value
