"""Combine many files into one dump, one open at a time, with columns named by their folders."""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self
from urllib.parse import unquote

import pyarrow as pa

from scamdetect.dumps.batches import BATCH_BYTES, BATCH_ROWS, Batch, Dump, Reject
from scamdetect.dumps.delimited import quote
from scamdetect.dumps.formats import Format, unpacked
from scamdetect.dumps.lines import EmptyFileError, OtherContentError, beginning
from scamdetect.dumps.open import recognise
from scamdetect.dumps.rows import ArrowRows, Rows, TextPath, members
from scamdetect.dumps.sources import Source, SourceFile
from scamdetect.dumps.unify import Union, conformed
from scamdetect.errors import InputError
from scamdetect.frames.arrow import encodable, plain_array
from scamdetect.frames.columns import COLUMNS, FILE_COLUMN
from scamdetect.system.shown import shown

_NULL = "__HIVE_DEFAULT_PARTITION__"
_INTEGER = re.compile(r"-?[0-9]{1,18}")

Value = str | int | None


@dataclass(frozen=True)
class Partitions:
    """The columns named by the folders of a dump, in the order of the folders."""

    schema: pa.Schema

    def values(self, name: str) -> tuple[Value, ...]:
        """Return the values of the columns for a file, None if it has no such folder."""
        found = _partitions(name)
        return tuple(
            int(value) if value is not None and pa.types.is_integer(field.type) else value
            for field in self.schema
            for value in (found.get(field.name),)
        )

    def without(self, names: Iterable[str]) -> Partitions:
        """Return the columns without these names."""
        taken = set(names)
        return Partitions(pa.schema([field for field in self.schema if field.name not in taken]))


def partitions(names: Iterable[str]) -> Partitions:
    """Return the columns for files of these relative paths.

    A column is of integers if all its values are, else of text.
    """
    integers: dict[str, bool] = {}
    for name in names:
        for key, value in _partitions(name).items():
            fits = value is None or _INTEGER.fullmatch(value) is not None
            integers[key] = integers.get(key, True) and fits
    return Partitions(
        pa.schema([(k, pa.int64() if whole else pa.string()) for k, whole in integers.items()])
    )


def _partitions(name: str) -> dict[str, str | None]:
    """Return the column values in the folders of a relative path."""
    found: dict[str, str | None] = {}
    for folder in name.split("/")[:-1]:
        key, sign, value = folder.partition("=")
        if key and sign:
            found[encodable(unquote(key))] = None if value == _NULL else encodable(unquote(value))
    return found


Constants = dict[str, Value]  # by column, one value for all rows of a file


@dataclass(frozen=True)
class ManyRows:
    """Rows of several files, one file after the other, with the constants of each.

    ``names`` are all columns in order; those that are not keys of the constants are the columns of
    all ``parts``, in the same order. ``schema`` has the types of the constants.
    """

    names: tuple[str, ...]
    schema: pa.Schema
    parts: tuple[tuple[Rows, Constants], ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(len(rows) for rows, _ in self.parts)

    def texts(self) -> list[Any]:
        """Return the texts to score."""
        return [text for rows, _ in self.parts for text in rows.texts()]

    def column(self, path: TextPath, kind: pa.DataType) -> pa.Array:
        """Return a constant for all rows of a file, or the values at the path."""
        found = [
            plain_array([constants[path[0]]] * len(rows), kind)
            if len(path) == 1 and path[0] in constants
            else rows.column(path, kind)
            for rows, constants in self.parts
        ]
        return pa.chunked_array(found, kind).combine_chunks()

    def cells(self, delimiter: str) -> Iterator[list[str]]:
        """Yield the cells of the rows and of the constants."""
        for rows, constants in self.parts:
            fixed = {
                name: quote(None if value is None else str(value), delimiter)
                for name, value in constants.items()
            }
            own = rows.cells(delimiter) if self._own(constants) else repeat([], len(rows))
            for cells in map(iter, own):
                yield [fixed[name] if name in fixed else next(cells) for name in self.names]

    def objects(self) -> Iterator[str]:
        """Yield the objects with a member for each constant."""
        for rows, constants in self.parts:
            fixed = {
                name: f"{_dumps(name)}: {_dumps(value)}"
                for name, value in constants.items()
                if name in self.names
            }
            end = ", ".join(fixed.values())
            behind = self.names == (*self._own(constants), *fixed)
            for text in rows.objects():
                if behind:
                    start = text.rstrip()[:-1].rstrip()
                    yield f"{start}{'' if start == '{' or not end else ', '}{end}}}"
                    continue
                found = {name: f"{_dumps(name)}: {raw}" for name, raw in members(text)} | fixed
                yield "{" + ", ".join(found[name] for name in self.names if name in found) + "}"

    def table(self) -> pa.Table:
        """Return the concatenated tables of the rows with a column for each constant."""
        tables = []
        for rows, constants in self.parts:
            table = rows.table()
            own = iter(zip(table.schema, table.columns, strict=True))
            found = [
                self._constant(name, constants[name], len(rows)) if name in constants else next(own)
                for name in self.names
            ]
            fields, arrays = zip(*found, strict=True)
            tables.append(pa.Table.from_arrays(arrays, schema=pa.schema(fields)))
        # In one piece: a stream stores every piece as a batch.
        return pa.concat_tables(tables).combine_chunks()

    def take(self, places: Sequence[int]) -> Self:
        """Return the rows at these ascending positions."""
        taken, start = [], 0
        for rows, constants in self.parts:
            end = start + len(rows)
            wanted = places[bisect_left(places, start) : bisect_left(places, end)]
            taken.append((rows.take([place - start for place in wanted]), constants))
            start = end
        return replace(self, parts=tuple(taken))

    def select(self, names: Sequence[str]) -> Self:
        """Return the rows with these columns in this order."""
        new = replace(self, names=tuple(names))
        parts = ((rows.select(new._own(constants)), constants) for rows, constants in self.parts)
        return replace(new, parts=tuple(parts))

    def _constant(self, name: str, value: Value, count: int) -> tuple[pa.Field, pa.Array]:
        field = self.schema.field(name)
        return field, plain_array([value] * count, field.type)

    def _own(self, constants: Constants) -> tuple[str, ...]:
        return tuple(name for name in self.names if name not in constants)


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


_MOST_NOTES = 8
_BROKEN_MAIL_BYTES = 64 << 10
_PACKED = 20  # plausible size of a decompressed file


class Open(Protocol):
    """Opens one file."""

    def __call__(self, path: Path, *, text_required: bool) -> Dump:
        """Return the dump of the file; raise InputError."""


def recognise_many(source: Source, name: str | None, encoding: str | None) -> Format:
    """Return the common format of all files; raise InputError, with two files that differ."""
    first: tuple[Format, SourceFile] | None = None
    for file in _with_content(source):
        try:
            kind = recognise(file.path, name, encoding)
        except InputError as problem:
            raise InputError(f"{problem}; or select some of the files with a glob") from problem
        if first is None:
            first = kind, file
        elif kind is not first[0]:
            raise InputError(
                f"{source}: contains files of several formats, such as {first[0].value} "
                f"({first[1].name}) and {kind.value} ({file.name}); select some of them with a "
                "glob, or pass the format of all with --format"
            )
    assert first is not None
    return first[0]


@dataclass
class _Survey:
    """The results of opening every file once."""

    union: Union = field(default_factory=Union)
    files: list[SourceFile] = field(default_factory=list)  # those with content
    first: Dump | None = None
    opened: dict[str, Dump] = field(default_factory=dict)  # those that would be read twice
    read_as: list[tuple[str, str, str | None]] = field(default_factory=list)
    has_text: bool = False
    empty: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)  # files that are not a mail, and why
    told: Counter[str] = field(default_factory=Counter)

    def notes(self) -> Iterator[str]:
        """Yield how the files are read."""
        yield f"{len(self.files):,} file{'' if len(self.files) == 1 else 's'} read"
        if self.empty:
            some = "" if len(self.empty) == 1 else ", the first"
            are = "file is" if len(self.empty) == 1 else "files are"
            yield f"{len(self.empty):,} {are} empty and skipped{some}: {self.empty[0]}"
        for note, count in self.told.items():
            of = "" if count == len(self.files) else f" (in {count:,} of {len(self.files):,} files)"
            yield f"{note}{of}"
        yield from self.union.notes()


def open_many(source: Source, open_file: Open, overwrite_columns: bool) -> Dump:
    """Return one dump of all files: their rows one file after the other, with all their columns.

    The columns of the files are followed by Hive partitions, then by ``scamdetect_file``. Every
    file is opened in advance, one after the other. Empty files are skipped; in a folder of mails, a
    file that is not a mail is a rejected record.

    Raises InputError, with the file, if one cannot be read or does not match the others.
    """
    survey = _survey(source, open_file)
    first = survey.first
    if first is None:
        raise InputError(f"{source}: none of its files contains anything readable")
    union = survey.union
    if FILE_COLUMN in union.columns and not overwrite_columns:
        raise InputError(
            f"{source}: its files already have the column {FILE_COLUMN}; drop it first, or "
            "replace it with overwrite_columns=True (--overwrite-columns)"
        )
    union = union.without(FILE_COLUMN)
    columns, schema = union.columns, union.schema
    given = partitions(file.name for file in survey.files)
    hive = given.without((*columns, FILE_COLUMN, *COLUMNS))
    behind = (*hive.schema.names, FILE_COLUMN)
    names = (*columns, *behind)
    file_field = pa.field(FILE_COLUMN, pa.string())
    full_schema = pa.schema([*schema, *hive.schema, file_field], metadata=schema.metadata)

    def one(file: SourceFile) -> Iterator[Batch]:
        if file.name in survey.broken:
            rows = ArrowRows(file.name, columns[:1], columns, schema.empty_table())
            yield Batch(rows, (_broken_mail(file, survey.broken[file.name]),), 1.0)
            return
        dump = survey.opened.get(file.name) or open_file(file.path, text_required=False)
        yield from dump.batches()

    def pieces() -> Iterator[_Piece]:
        done = 0
        for file in survey.files:
            shown_name = encodable(file.name)
            values = dict(zip(hive.schema.names, hive.values(file.name), strict=True))
            constants = values | {FILE_COLUMN: shown_name}
            size = file.size * (_PACKED if unpacked(file.path) != file.path else 1)
            before = 0.0
            for batch in one(file):
                found = conformed(batch.rows, columns, schema)
                rejects = tuple(replace(reject, file=shown_name) for reject in batch.rejects)
                share = (done + min(1.0, batch.share) * file.size) / source.size
                own = (batch.share - before) * size
                yield _Piece(Batch(found, rejects, share), constants, own)
                before = batch.share
            done += file.size

    def batches() -> Iterator[Batch]:
        for held in _filled(pieces()):
            rows = ManyRows(names, full_schema, tuple((p.batch.rows, p.constants) for p in held))
            rejects = tuple(reject for piece in held for reject in piece.batch.rejects)
            yield Batch(rows, rejects, held[-1].batch.share)

    kept_apart = sorted(set(given.schema.names) - set(hive.schema.names))
    return Dump(
        columns=names,
        schema=full_schema,
        batches=batches,
        delimiter=first.delimiter,
        csv_delimiter=first.csv_delimiter,
        encoding=first.encoding,
        raw_header=(
            ()
            if first.delimiter is None
            else (*union.raw_header, *(quote(name, first.delimiter) for name in behind))
        ),
        line_end=first.line_end,
        bom=first.bom,
        hint=first.hint,
        notes=_bounded(
            [
                *survey.notes(),
                *(f"the column {shown(n)!r} comes from the files, not from the folders"
                  for n in kept_apart),
            ]
        ),
        many=True,
        files_read_as=hashlib.sha256(json.dumps(survey.read_as).encode("ascii")).hexdigest(),
    )  # fmt: skip


def _survey(source: Source, open_file: Open) -> _Survey:
    survey = _Survey()
    for file in source.files:
        if not file.size:
            survey.empty.append(file.name)
            continue
        try:
            dump = open_file(file.path, text_required=False)
        except EmptyFileError:
            survey.empty.append(file.name)
            continue
        except OtherContentError as problem:
            survey.files.append(file)
            survey.broken[file.name] = str(problem).removeprefix(f"{file.path}:1: ")
            continue
        survey.files.append(file)
        survey.first = survey.first or dump
        survey.union.add(dump, str(file.path))
        survey.read_as.append((file.name, dump.encoding, dump.delimiter))
        survey.told.update(dict.fromkeys(dump.notes, 1))
        survey.has_text |= dump.has_text
        if dump.json_types:  # it was read completely, and would be again; this is small
            survey.opened[file.name] = dump
    if survey.first is not None and not survey.has_text:
        open_file(survey.files[0].path, text_required=True)  # raises
    return survey


def _with_content(source: Source) -> Iterator[SourceFile]:
    found = False
    for file in source.files:
        if file.size:
            found = True
            yield file
    if not found:
        raise InputError(
            f"{source}: all its files are empty, such as {source.files[0].name}; there is "
            "nothing to score"
        )


def _broken_mail(file: SourceFile, reason: str) -> Reject:
    raw = beginning(file.path, _BROKEN_MAIL_BYTES)
    return Reject(1, 1, raw.count(b"\n") + 1, reason, raw)


class _Piece(NamedTuple):
    """A batch of one file, its constants, and its approximate size in bytes."""

    batch: Batch
    constants: Constants
    size: float


def _filled(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    """Yield the pieces, with consecutive small ones combined."""
    held: list[_Piece] = []
    records, size = 0, 0.0
    for piece in pieces:
        count = len(piece.batch.rows) + len(piece.batch.rejects)
        if held and (records + count > BATCH_ROWS or size + piece.size > BATCH_BYTES):
            yield held
            held, records, size = [], 0, 0.0
        held.append(piece)
        records += count
        size += piece.size
    if held:
        yield held


def _bounded(notes: list[str]) -> tuple[str, ...]:
    more = len(notes) - _MOST_NOTES
    return (*notes[:_MOST_NOTES], *([f"and {more:,} more notes on its files"] if more > 0 else []))
