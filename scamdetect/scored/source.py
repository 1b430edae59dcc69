"""Open a scored file to read all its rows, with columns of the file or of the source.

The record next to the file describes the job. A source is joined row by row: records that could not
be read are in neither, and every row of the source is in the file, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.batches import Dump
from scamdetect.dumps.columns import Grouping, grouping
from scamdetect.dumps.formats import DELIMITERS, Format, is_remote, job_path, named_format
from scamdetect.dumps.identity import JobRecord, read_job_record
from scamdetect.dumps.job import open_source
from scamdetect.dumps.json import open_jsonl
from scamdetect.dumps.lines import reading
from scamdetect.dumps.parquet import open_parquet
from scamdetect.dumps.read_delimited import open_delimited
from scamdetect.dumps.rows import Rows
from scamdetect.dumps.sources import Source, find_source, located
from scamdetect.dumps.spreadsheet import original
from scamdetect.errors import InputError
from scamdetect.frames.arrow import number_array, numbers, plain_array, valid
from scamdetect.scored.read import open_scored

_CHANGES = (
    "source_files", "source_bytes", "source_modified_ns", "source_version", "source_sha256",
)  # fmt: skip
_FROM_SOURCE = "columns of the original file can be read with source (--source)"


@dataclass(frozen=True)
class Opened:
    """A scored file, its record, and the dump that has its columns: itself or the source.

    ``guarded`` is the delimiter of cells that were made safe for spreadsheets, None for others.
    """

    path: Path
    record: JobRecord
    scored: Source
    source: Source | None
    dump: Dump
    objects: bool
    guarded: str | None

    @property
    def files(self) -> list[Path]:
        """Return the local files that are read."""
        sources = [self.scored, *([] if self.source is None else [self.source])]
        found = [path for one in sources for path in (one.root, *(f.path for f in one.files))]
        return [path for path in (*found, self.record.path) if not is_remote(path)]

    def columns(self, **names: str | None) -> Grouping:
        """Return the named columns, as ``dumps.columns.grouping`` does; raise InputError."""
        where = str(self.path if self.source is None else self.source)
        try:
            found = grouping(self.dump, where, objects=self.objects, **names)
        except InputError as problem:
            if self.source is None:
                problem.add_note(_FROM_SOURCE)
            raise
        empties = self.source is None and self.record.source["format"] in DELIMITERS
        return _AsScored(**vars(found), guarded=self.guarded, empty_is_null=empties)

    def batches(self) -> Iterator[Rows]:
        """Yield the rows that have the columns; raise InputError if others occur.

        ``texts`` of the rows are those that were scored.
        """
        done = 0
        for batch in self.dump.batches():
            if self.source is None and batch.rejects:
                raise self._changed(f"row {done + len(batch.rows):,} cannot be read")
            done += len(batch.rows)
            yield batch.rows
        self._check_rows(done)

    def texts(self, rows: Rows) -> Sequence[object]:
        """Return the messages of rows as they were scored."""
        texts: Sequence[object] = rows.texts()
        if self.guarded is None:
            return texts
        return [original(str(text), self.guarded) for text in texts]

    def check_texts(self) -> None:
        """Raise InputError if the columns do not include the messages."""
        if not self.dump.has_text:
            raise InputError(
                f"{self.path}: has no column {self.record.asked.text_column!r} with the "
                f"messages; {_FROM_SOURCE}"
            )

    def scores(self, text: str | None = None) -> Iterator[pa.Table]:
        """Yield the result for each row: its decision, probability, kinds and language.

        A column named by ``text`` is added as ``text``. The probability is the double with the same
        decimals as the score, as in a prediction. Raises InputError if a row is not as it was
        written.
        """
        done = 0
        for batch in open_scored(self.path).batches(text):
            if batch.unreadable:
                raise self._changed(f"{batch.unreadable:,} rows differ from what was written")
            done += batch.table.num_rows
            place = batch.table.schema.get_field_index("probability")
            shortest = _shortest(batch.table.column(place).combine_chunks())
            yield batch.table.set_column(place, "probability", shortest)
        self._check_rows(done)

    def _check_rows(self, found: int) -> None:
        if found != self.record.rows:
            raise self._changed(f"{found:,} rows instead of {self.record.rows:,}")

    def _changed(self, how: str) -> InputError:
        return InputError(f"{self.path}: changed since it was scored ({how}); score again")


@dataclass(frozen=True)
class _AsScored(Grouping):
    """Columns with the values that they had when they were scored."""

    guarded: str | None = None
    empty_is_null: bool = False  # as in a CSV source, whatever the format of the result

    def values(self, rows: Rows, column: object) -> pa.Array:
        found = super().values(rows, column)  # type: ignore[arg-type]
        if not pa.types.is_string(found.type):
            return found
        if self.guarded is not None:
            plain = partial(original, delimiter=self.guarded)
            values = [value if value is None else plain(value) for value in found.to_pylist()]
            found = plain_array(values, pa.string())
        if self.empty_is_null:
            empty = pc.fill_null(pc.equal(pc.binary_length(found), 0), False)
            found = pc.if_else(empty, pa.scalar(None, pa.string()), found)
        return found


def companions(
    scored: Sequence[str | Path], given: Sequence[str | Path], what: str = "sources (--source)"
) -> list[str | Path | None]:
    """Return the companion of each scored file, None for all of them if none are given.

    Raises InputError, with ``what``, if there is no scored file or not one companion for each.
    """
    if not scored:
        raise InputError("no scored file given; pass one that `scamdetect score` wrote")
    if given and len(given) != len(scored):
        raise InputError(
            f"got {len(scored)} scored files and {len(given)} {what}; pass one for each scored "
            "file, in the same order, or none"
        )
    return list(given) or [None] * len(scored)


def opened(scored: str | Path, original: str | Path | None, what: str) -> Opened:
    """Open a scored file, or a folder of parts, with its record and optionally its source.

    ``what`` names the result, for errors. Raises InputError if the record is missing, if the file
    holds only flagged rows or has changed, and if the source is not the one that was scored.
    """
    path = located(scored)
    with reading(path):
        folder = path.is_dir()
        status = path.stat()
    record = _record(path)
    asked = record.asked
    if asked.only_flagged or record.written != record.rows:
        raise InputError(
            f"{path}: contains only flagged rows, and {what} need all; score again without "
            "only_flagged (--only-flagged)"
        )
    if not folder and status.st_size != record.destination.bytes:
        raise InputError(
            f"{path}: changed since it was scored ({status.st_size:,} bytes instead of "
            f"{record.destination.bytes or 0:,}); score again"
        )
    files = find_source(path)
    guarded = record.destination.delimiter if asked.spreadsheet_safe else None
    if original is None:
        objects = record.destination.format == Format.JSONL
        return Opened(path, record, files, None, _scored(files, record), objects, guarded)
    source = find_source(original)
    dump = _original(path, source, record)
    objects = record.source["format"] in (Format.JSON, Format.JSONL)
    return Opened(path, record, files, source, dump, objects, None)


def aligned(
    first: Iterator[pa.Table], second: Iterator[pa.Table]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield the rows of both in tables of equal length; both must end together."""
    one = two = pa.table({})
    while True:
        while one is not None and not one.num_rows:
            one = next(first, None)
        while two is not None and not two.num_rows:
            two = next(second, None)
        if one is None or two is None:
            break
        size = min(one.num_rows, two.num_rows)
        yield one.slice(0, size), two.slice(0, size)
        one, two = one.slice(size), two.slice(size)
    for rest in (first, second):  # which checks their number of rows
        for _ in rest:
            pass


def _record(path: Path) -> JobRecord:
    if not is_remote(path):
        path = path.resolve()  # the record is next to the target of a link
    found = job_path(path)
    if not found.exists():
        raise InputError(
            f"{path}: {found.name} is missing next to it, the record of how it was scored; put "
            "it there, or score again"
        )
    return read_job_record(found)


def _original(path: Path, source: Source, record: JobRecord) -> Dump:
    """Open the source as the job did."""
    if record.asked.engine == "spark":
        raise InputError(
            f"{path}: Spark does not keep the order of rows, so a source cannot be joined; "
            "remove source (--source)"
        )
    now = source.identity()
    differing = [name for name in _CHANGES if record.source.get(name) != now.get(name)]
    if differing:
        told = ", ".join(
            f"{name} was {record.source.get(name)!r}, is {now.get(name)!r}" for name in differing
        )
        raise InputError(
            f"{source}: not the file that was scored into {path} ({told}); pass it unchanged, "
            "or remove source (--source)"
        )
    dump = open_source(
        source, named_format(record.source["format"]), record.asked, overwrite_columns=True
    )
    read_as = {
        "encoding": dump.encoding, "delimiter": dump.delimiter, "files_read_as": dump.files_read_as,
    }  # fmt: skip
    if any(record.detected.get(name) != found for name, found in read_as.items()):
        raise InputError(
            f"{source}: is read differently than when it was scored into {path}; use the "
            "scamdetect version that scored it, or score again"
        )
    return dump


def _scored(source: Source, record: JobRecord) -> Dump:
    """Open the scored file itself, or the parts in a folder."""
    if not source.is_many:
        return _scored_file(source.root, record)
    dumps = [_scored_file(file.path, record) for file in source.files]
    for file, dump in zip(source.files, dumps, strict=True):
        if not dump.schema.equals(dumps[0].schema):
            raise InputError(
                f"{file.path}: its columns or types differ from {source.files[0].path}; score again"
            )
    return replace(dumps[0], batches=lambda: (b for dump in dumps for b in dump.batches()))


def _scored_file(path: Path, record: JobRecord) -> Dump:
    text, kind = record.asked.text_column, named_format(record.destination.format)
    if kind is Format.JSONL:
        return open_jsonl(path, "utf-8", text, True, text_required=False)
    if kind is Format.PARQUET:
        return open_parquet(path, text, True, text_required=False)
    delimiter = record.destination.delimiter or DELIMITERS[kind]
    return open_delimited(path, delimiter, "utf-8", text, True, text_required=False)


def _shortest(values: pa.Array) -> pa.Array:
    """Return float64 with the shortest decimals of the float32 values; nulls remain."""
    known = valid(values)
    single = np.where(known, numbers(values), 0).astype(np.float32)
    found = single.astype("U32").astype(np.float64)
    return number_array(np.where(known, found, np.nan))
