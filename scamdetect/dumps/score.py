"""Score a dump from file to file, part by part, so that a killed job can be resumed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.batch import Batch, Dump, Reject, column_values
from scamdetect.dumps.destination import Destination, find_destination
from scamdetect.dumps.parts import RESTART, Parts, open_parts
from scamdetect.dumps.source import ReadOptions, common_format, find_source, locate, open_dump
from scamdetect.dumps.summary import (
    Counts,
    JobRecord,
    Progress,
    Summary,
    count,
    exceeds,
    summarise,
)
from scamdetect.dumps.write import write_tables
from scamdetect.errors import InputError, JobInterrupted
from scamdetect.frames import columns as output
from scamdetect.frames.arrow import array
from scamdetect.labels import Decision
from scamdetect.prediction import SCHEMA_VERSION
from scamdetect.system.files import write_text, writing
from scamdetect.system.os_errors import written
from scamdetect.system.shown import missing_column

if TYPE_CHECKING:
    from scamdetect.detector import ScamDetector
    from scamdetect.dumps.decide import AllowList, Listed
    from scamdetect.dumps.remote import RemoteFile

Report = Callable[[Progress], None]
Stop = Callable[[], bool]
_FIRST_ROWS = 100_000  # of which a feed may match only a share
_FEWEST_ROWS = 1_000  # of fewer a share is no evidence


@dataclass(frozen=True)
class ScoreOptions:
    """The options of a job; what is None is detected or not limited.

    ``text_column`` and ``sender_column`` can be dotted paths into nested columns. ``columns`` keeps
    only these input columns, ``only_flagged`` only the flagged rows. ``max_rejects`` (records) and
    ``max_listed`` (of the first 100,000 messages with an indicator of one feed) are numbers or
    percentages; the job stops if there are more. ``inputs`` are files that are never overwritten.
    """

    text_column: str = "text"
    source_format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    columns: Sequence[str] | None = None
    only_flagged: bool = False
    overwrite: bool = False
    overwrite_columns: bool = False
    resume: bool = False
    part_rows: int = 20_000
    max_rejects: str | int | None = None
    allow_list: AllowList | None = None
    sender_column: str | None = None
    listed: Listed | None = None
    max_listed: str | int = "1%"
    spreadsheet_safe: bool = False
    work_folder: str | Path | None = None
    inputs: Sequence[str | Path] = ()

    def __post_init__(self) -> None:
        if self.part_rows < 1:
            raise InputError(f"part_rows={self.part_rows!r} is invalid; use 1 or more")
        needs_senders = self.allow_list is not None and self.allow_list.needs_senders
        if self.sender_column is not None and self.allow_list is None:
            raise InputError("sender_column (--sender-column) needs an allow-list (--allow-list)")
        if needs_senders and self.sender_column is None:
            raise InputError(
                "the allow-list contains senders; name the column with the senders with "
                "sender_column (--sender-column)"
            )

    @property
    def reading(self) -> ReadOptions:
        """Return how the source is read."""
        return ReadOptions(self.source_format, self.encoding, self.delimiter, self.text_column)


class Job:
    """How each batch of a dump is scored; ``where`` names the dump in errors."""

    def __init__(
        self, where: str, dump: Dump, detector: ScamDetector, options: ScoreOptions
    ) -> None:
        self.where, self.dump, self.detector, self.options = where, dump, detector, options
        exceeds(options.max_rejects, 0, 0, "--max-rejects")
        exceeds(options.max_listed, 0, 0, "--max-listed")
        self._check_text(options.text_column)
        if options.sender_column is not None:
            self._check_column(options.sender_column, "sender_column (--sender-column)")
        self.schema = self._schema_of(dump.schema)
        self._check_columns()

    def _missing(self, name: str, option: str) -> InputError:
        names, first = self.dump.schema.names, self.dump.delimiter is not None
        cure = f"name another with {option}"
        return missing_column(self.where, repr(name), names, first_line=first, cure=cure)

    def _check_column(self, name: str, option: str) -> None:
        """Raise InputError if a column is missing, or a path has no value in the first rows."""
        names = self.dump.schema.names
        if name in names:
            return
        if name.partition(".")[0] in names:
            first = next(self.dump.batches(), None)
            if first is None or any(v is not None for v in column_values(first.table, name)):
                return
        raise self._missing(name, option)

    def _check_text(self, name: str) -> None:
        self._check_column(name, "text_column (--text-column)")
        if name in output.OWN_COLUMNS:
            raise InputError(f"{self.where}: column {name!r} is an output column; rename it")
        if name in self.dump.schema.names:
            kind = self.dump.schema.field(name).type
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            if pa.types.is_primitive(kind) or pa.types.is_nested(kind):
                raise InputError(
                    f"{self.where}: column {name!r} holds {kind}, not text; name the text column "
                    "with --text-column"
                )

    def _check_columns(self) -> None:
        wanted = self.options.columns
        if wanted is not None and (not wanted or len(set(wanted)) < len(wanted)):
            raise InputError("columns (--columns): name at least one column, and each once")
        for name in wanted or ():
            if name not in self.schema.names:
                raise self._missing(name, "columns (--columns)")

    def _schema_of(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of the result for rows of these columns; raise InputError."""
        overwrite = self.options.overwrite_columns
        names = output.kept_columns(schema.names, overwrite=overwrite, where=self.where)
        if self.options.columns is not None:
            wanted = dict.fromkeys([*self.options.columns, output.FILE_COLUMN])
            names = tuple(name for name in wanted if name in names)
        fields = [schema.field(name) for name in names]
        fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in fields]
        if self.options.listed is not None:
            fields.append(pa.field(output.INDICATORS_COLUMN, pa.string()))
        return pa.schema([*fields, *output.SCHEMA], metadata=schema.metadata)

    def score(self, batch: Batch, before: Counts) -> tuple[pa.Table, Counts]:
        """Return the rows of a batch with their predictions, and its counts; raise InputError."""
        options, table = self.options, batch.table
        damaged = sum(reject.kept for reject in batch.rejects)
        counts = Counts(rejected=len(batch.rejects) - damaged, damaged=damaged)
        texts = column_values(table, options.text_column)
        predictions = self.detector.predict(texts)
        if options.allow_list is not None:
            sender = options.sender_column
            senders = None if sender is None else column_values(table, sender)
            predictions = options.allow_list.apply(predictions, texts, senders)
        schema = self._schema_of(table.schema)
        columns = {name: table.column(name) for name in schema.names if name in table.column_names}
        if options.listed is not None:
            predictions, names, feeds = options.listed.apply(predictions, texts)
            columns[output.INDICATORS_COLUMN] = array(names, pa.string())
            counts.update({f"feed:{feed}": number for feed, number in feeds.items()})
            counts["listed"] = len(names) - names.count(None)
        columns |= output.columns(predictions)
        counts.update(count(predictions))
        self.check(before + counts, batch.rejects[-1:], ended=False)
        arrays = [columns[field.name].cast(field.type) for field in schema]
        return pa.Table.from_arrays(arrays, schema=schema), counts

    def check(self, counts: Counts, last: Sequence[Reject] = (), *, ended: bool) -> None:
        """Raise InputError at too many rejects, or too many messages of one feed."""
        rows, rejected = counts["rows"], counts["rejected"]
        total = rows + rejected
        limit = self.options.max_rejects
        given = limit is not None and "%" not in str(limit)
        if (ended or given or total >= _FEWEST_ROWS) and exceeds(limit, rejected, total, ""):
            place = f", the last at line {last[0].line} ({last[0].reason})" if last else ""
            raise InputError(
                f"{self.where}: {rejected:,} of {total:,} records cannot be read{place}; "
                f"--max-rejects is {limit}: correct the source or allow more"
            )
        if not _FEWEST_ROWS <= rows <= _FIRST_ROWS:
            return
        for name, number in counts.items():
            most = rows if ended else _FIRST_ROWS
            if name.startswith("feed:") and exceeds(self.options.max_listed, number, most, ""):
                raise InputError(
                    f"{self.where}: {number:,} of the first {rows:,} messages contain an indicator "
                    f"of {name.partition(':')[2]}, so it probably lists something that honest "
                    "messages contain; remove that from the feed, or allow more than "
                    f"{self.options.max_listed} with --max-listed"
                )

    def settings(self) -> dict[str, Any]:
        """Return plain JSON values of what, with the source, decides the result."""
        options, thresholds = self.options, self.detector.thresholds
        return {
            "format": self.dump.format,
            "encoding": self.dump.encoding,
            "delimiter": self.dump.delimiter,
            "text_column": options.text_column,
            "columns": [name for name in self.schema.names if name not in output.OWN_COLUMNS],
            "only_flagged": options.only_flagged,
            "part_rows": options.part_rows,
            "allow_list": options.allow_list and options.allow_list.digest,
            "sender_column": options.sender_column,
            "indicators": options.listed and options.listed.digest,
            "spreadsheet_safe": options.spreadsheet_safe,
            "model_id": self.detector.model_id,
            "flag": thresholds.flag,
            "review": thresholds.review,
            "kind_flags": {kind.value: p for kind, p in thresholds.kind_flags.items()},
            "review_scam_verdicts": thresholds.review_scam_verdicts,
            "tier": "auto" if self.detector.clears else "full",
            "schema_version": SCHEMA_VERSION,
        }


def score_file(
    source: str | Path,
    destination: str | Path | None = None,
    *,
    detector: ScamDetector,
    options: ScoreOptions = ScoreOptions(),
    progress: Report | None = None,
    stop: Stop | None = None,
) -> Summary:
    """Score every row of a dump and write it with the ``scamdetect_*`` columns appended.

    The source is a file, a folder, a glob or a URL that fsspec supports; the files of a folder or
    glob become one result with the column ``scamdetect_file``. Formats are CSV, TSV, JSONL, JSON,
    Parquet, text, mail, WhatsApp and Telegram, also with .gz, .zst or .zip. The destination is CSV,
    TSV, JSONL or Parquet, by default ``<stem>.scored.<extension>`` next to the source, Parquet for
    formats that cannot be written.

    Every row is kept, in order; those without text are ``unscored``. Records that cannot be read go
    to ``<destination>.rejected.jsonl``, and ``<destination>.job.json`` describes the result. The
    destination appears completely or not at all. Until then finished parts are in
    ``<destination>.parts``; ``resume`` continues there and gives the same bytes. The source is
    never overwritten. ``progress`` is called after each batch and each part. ``stop`` is called
    before each part; if it returns True, the job ends with JobInterrupted.

    Raises InputError for unreadable input, for files that may not be overwritten and if unfinished
    work does not match; OutputError if writing fails; MissingExtraError if a format needs an extra.
    """
    began = time.monotonic()
    origin = find_source(source)
    kind = common_format(origin, options.reading)
    target = None if destination is None else locate(destination)
    files = find_destination(target, origin, kind, options)
    dump = open_dump(
        origin,
        source_format=kind,
        encoding=options.encoding,
        delimiter=options.delimiter,
        text_column=options.text_column,
    )
    job = Job(str(origin), dump, detector, options)
    settings = job.settings() | origin.identity() | {"destination": str(files)}
    with (
        written(files.target),
        open_parts(files.folder, settings, resume=options.resume) as parts,
    ):
        if options.overwrite:
            files.may_replace.touch()
        resumed = _records(parts.counts)
        _score_parts(job, parts, progress or (lambda state: None), stop or (lambda: False))
        rejects = _publish(job, parts, files, str(origin))
    return summarise(
        parts.counts,
        only_flagged=options.only_flagged,
        destination=files.remote or files.target,
        rejects=rejects,
        model_id=detector.model_id,
        seconds=time.monotonic() - began,
        preset=detector.preset,
        resumed=resumed,
        notes=dump.notes,
    )


def _records(counts: Counts) -> int:
    return counts["rows"] + counts["rejected"]


def _score_parts(job: Job, parts: Parts, report: Report, stop: Stop) -> None:
    """Score what no finished part contains yet."""
    batches, resumed = job.dump.batches(), _records(parts.counts)
    share = resumed_share = _skip(batches, resumed, job.where)
    began = time.monotonic()

    def tell(counts: Counts, *, ended: bool) -> None:
        seconds = time.monotonic() - began
        report(Progress(counts, share, parts.count, seconds, resumed, resumed_share, ended))

    def results(first: Batch) -> Iterator[tuple[pa.Table, tuple[Reject, ...], Counts]]:
        nonlocal share
        done, counts = 0, parts.counts
        for batch in chain([first], batches):
            table, more = job.score(batch, counts)
            counts, share, done = counts + more, batch.share, done + batch.records
            yield table, batch.rejects, more
            tell(counts, ended=False)
            if done >= job.options.part_rows:
                return

    for first in batches:
        if stop():
            raise JobInterrupted("interrupted")
        parts.write(job.schema, results(first))
        tell(parts.counts, ended=True)
    job.check(parts.counts, ended=True)


def _skip(batches: Iterator[Batch], records: int, where: str) -> float:
    """Skip that many records and return their share of the source."""
    done, share = 0, 0.0
    while done < records and (batch := next(batches, None)) is not None:
        done, share = done + batch.records, batch.share
    if done != records:
        raise InputError(f"{where}: is not split into the same parts as before; {RESTART}")
    return share


def _publish(job: Job, parts: Parts, files: Destination, source: str) -> Path | RemoteFile | None:
    """Write all files, the destination last, and remove the parts; return the rejects, if any."""
    counts, options, access = parts.counts, job.options, files.access
    has_rejects = bool(counts["rejected"] or counts["damaged"])
    files.may_replace.touch()
    if has_rejects:
        with writing(files.rejects, access) as file:
            parts.write_rejects(file)
    else:
        files.rejects.unlink(missing_ok=True)  # it describes an earlier job
    preset, settings = job.detector.preset, job.settings()
    record = JobRecord(
        model_id=job.detector.model_id,
        flag=settings["flag"],
        review=settings["review"],
        preset=None if preset is None else preset.name,
        cleared=bool(counts["cleared"]),
        source=source,
        source_format=str(job.dump.format),
        text_column=options.text_column,
        rows=counts["rows"],
        written=counts["decision:flag" if options.only_flagged else "rows"],
        options=settings,
    )
    write_text(files.job, record.to_json(), access)
    tables = parts.tables(job.schema)
    write_tables(
        files.target,
        files.kind,
        map(flagged_rows, tables) if options.only_flagged else tables,
        delimiter=(job.dump.format == "csv" and job.dump.delimiter) or ",",
        spreadsheet_safe=options.spreadsheet_safe,
        access=access,
    )
    rejects = files.upload()
    parts.remove()
    return rejects if has_rejects else None


def flagged_rows(table: pa.Table) -> pa.Table:
    """Return the flagged rows of a scored table."""
    return table.filter(pc.equal(table.column("scamdetect_decision"), Decision.FLAG.value))
