"""Score a dump from file to file, part by part, or from one stream to another."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.batch import Batch, Dump, Reject, column_values
from scamdetect.dumps.formats import Format, default_destination, destination_format, named_format
from scamdetect.dumps.parts import RESTART, Parts, is_begun, open_parts
from scamdetect.dumps.source import (
    ReadOptions,
    Source,
    find_source,
    locate,
    open_dump,
    open_stream,
    source_format,
)
from scamdetect.dumps.summary import (
    JOB_SUFFIX,
    Counts,
    JobRecord,
    Progress,
    Summary,
    count,
    read_limit,
    summarise,
)
from scamdetect.dumps.text import Stream
from scamdetect.dumps.write import write_tables
from scamdetect.errors import InputError, JobInterrupted, NothingToResume
from scamdetect.frames import columns as output
from scamdetect.labels import Decision
from scamdetect.prediction import SCHEMA_VERSION, Detector
from scamdetect.system.destinations import check_no_input, check_parent, followed
from scamdetect.system.files import OWNER, access_of, create, write_text, writing
from scamdetect.system.os_errors import written
from scamdetect.system.shown import missing_column

if TYPE_CHECKING:
    from scamdetect.dumps.decide import AllowList, Listed
    from scamdetect.dumps.remote import RemoteFile

Report = Callable[[Progress], None]
Stop = Callable[[], bool]
_FIRST_ROWS = 100_000  # of which a feed may match only a share
_STREAMS = (Format.CSV, Format.TSV, Format.JSONL, Format.TEXT)
_STDIN = "standard input"


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
        if self.sender_column is not None and self.allow_list is None:
            raise InputError(
                "sender_column (--sender-column) needs an allow-list; pass --allow-list too"
            )
        needs_senders = self.allow_list is not None and self.allow_list.needs_senders
        if needs_senders and self.sender_column is None:
            raise InputError(
                "the allow-list contains senders; name the column with the senders with "
                "sender_column (--sender-column)"
            )

    @property
    def reading(self) -> ReadOptions:
        """Return how the source is read."""
        return ReadOptions(self.source_format, self.encoding, self.delimiter, self.text_column)

    def settings(self) -> dict[str, Any]:
        """Return plain JSON values of the options that decide the result."""
        return {
            "text_column": self.text_column,
            "only_flagged": self.only_flagged,
            "part_rows": self.part_rows,
            "allow_list": self.allow_list and self.allow_list.digest,
            "sender_column": self.sender_column,
            "indicators": self.listed and self.listed.digest,
            "spreadsheet_safe": self.spreadsheet_safe,
        }


class Job:
    """How each batch of a dump is scored; ``where`` names the dump in errors."""

    def __init__(self, where: str, dump: Dump, detector: Detector, options: ScoreOptions) -> None:
        self.where, self.dump, self.detector, self.options = where, dump, detector, options
        self._max_rejects = options.max_rejects and read_limit(
            options.max_rejects, "max_rejects (--max-rejects)"
        )
        self._max_listed = read_limit(options.max_listed, "max_listed (--max-listed)")
        for column in filter(None, (options.text_column, options.sender_column)):
            self._check_column(column)
        self._check_text()
        self.columns = self._columns()

    def _missing(self, name: str, cure: str) -> InputError:
        names = [*self.dump.schema.names, *self.dump.members]
        first_line = self.dump.delimiter is not None
        return missing_column(self.where, repr(name), names, first_line=first_line, cure=cure)

    def _check_column(self, name: str) -> None:
        if name in output.OWN_COLUMNS:
            raise InputError(f"{self.where}: column {name!r} is an output column; rename it")
        if name not in self.dump.schema.names and name not in self.dump.members:
            raise self._missing(name, "name another with text_column (--text-column)")

    def _check_text(self) -> None:
        name = self.options.text_column
        if name in self.dump.schema.names:
            kind = self.dump.schema.field(name).type
            if pa.types.is_dictionary(kind):
                kind = kind.value_type
            if pa.types.is_primitive(kind) or pa.types.is_nested(kind):
                raise InputError(
                    f"{self.where}: column {name!r} holds {kind}, not text; name the text column "
                    "with --text-column"
                )

    def _columns(self) -> tuple[str, ...]:
        """Return the input columns to keep; raise InputError."""
        names = self.dump.schema.names
        overwrite = self.options.overwrite_columns
        kept = output.kept_columns(names, overwrite=overwrite, where=self.where)
        if self.options.columns is None:
            return kept
        wanted = dict.fromkeys(self.options.columns)
        if not wanted or len(wanted) < len(self.options.columns):
            raise InputError("columns (--columns): name at least one column, and each once")
        for name in wanted:
            if name not in kept:
                raise self._missing(name, "name others with columns (--columns)")
        many = [output.FILE_COLUMN] if output.FILE_COLUMN in names else []
        return tuple(dict.fromkeys([*wanted, *many]))

    @cached_property
    def schema(self) -> pa.Schema:
        """Return the columns of the result."""
        return self._schema_of(self.dump.schema)

    def _schema_of(self, schema: pa.Schema) -> pa.Schema:
        fields = [schema.field(name) for name in self.columns if name in schema.names]
        fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in fields]
        if self.options.listed is not None:
            fields.append(pa.field(output.INDICATORS_COLUMN, pa.string()))
        return pa.schema([*fields, *output.SCHEMA], metadata=schema.metadata)

    def score(self, batch: Batch, before: Counts) -> tuple[pa.Table, Counts]:
        """Return the rows of a batch with their predictions, and its counts.

        ``before`` counts the batches before it. Raises InputError at too many rejects, or too many
        messages with an indicator of one feed.
        """
        options, table = self.options, batch.table
        texts = column_values(table, options.text_column)
        predictions = self.detector.predict(texts)
        if options.allow_list is not None:
            sender = options.sender_column
            senders = None if sender is None else column_values(table, sender)
            predictions = options.allow_list.apply(predictions, texts, senders)
        schema = self.schema if table.schema.equals(self.dump.schema) else None
        schema = schema or self._schema_of(table.schema)
        arrays = [table.column(name) for name in schema.names if name in self.columns]
        counts = Counts()
        if options.listed is not None:
            predictions, names, feeds = options.listed.apply(predictions, texts)
            arrays.append(pa.array(names, pa.string()))
            counts += Counts({f"feed:{feed}": number for feed, number in feeds.items()})
            counts["listed"] = len(names) - names.count(None)
        arrays += output.columns(predictions).values()
        damaged = sum(reject.kept for reject in batch.rejects)
        counts += count(predictions)
        counts += Counts(rejected=len(batch.rejects) - damaged, damaged=damaged)
        self.check(before + counts, batch.rejects[-1:], ended=False)
        columns = [
            column if column.type.equals(field.type) else column.cast(field.type)
            for column, field in zip(arrays, schema, strict=True)
        ]
        return pa.Table.from_arrays(columns, schema=schema), counts

    def check(self, counts: Counts, last: Sequence[Reject] = (), *, ended: bool) -> None:
        """Raise InputError at too many rejects, or too many messages of one feed."""
        rows, rejected = counts["rows"], counts["rejected"]
        limit = self._max_rejects
        if limit and limit.exceeded(rejected, rows + rejected, ended=ended):
            place = f", the last at line {last[0].line} ({last[0].reason})" if last else ""
            raise InputError(
                f"{self.where}: {rejected:,} of {rows + rejected:,} records cannot be read{place}; "
                f"--max-rejects is {limit.text}: correct the source or allow more"
            )
        for name, number in counts.items():
            total = rows if ended else _FIRST_ROWS
            if name.startswith("feed:") and rows <= _FIRST_ROWS and rows >= 1_000:
                if self._max_listed.exceeded(number, total, ended=False):
                    raise InputError(
                        f"{self.where}: {number:,} of the first {rows:,} messages contain an "
                        f"indicator of {name.partition(':')[2]}, so it probably lists something "
                        "that honest messages contain; remove that from the feed, or allow more "
                        f"than {self._max_listed.text} with --max-listed"
                    )


def score_file(
    source: str | Path,
    destination: str | Path | None = None,
    *,
    detector: Detector,
    options: ScoreOptions = ScoreOptions(),
    progress: Report | None = None,
    stop: Stop | None = None,
) -> Summary:
    """Score every row of a dump and write it with the ``scamdetect_*`` columns appended.

    The source is a file, a folder, a glob or a URL that fsspec supports; the files of a folder or
    glob become one result with the column ``scamdetect_file``. Its extension sets the format: CSV,
    TSV, JSONL, JSON, Parquet, text, mail, WhatsApp or Telegram, also with .gz, .zst or .zip. The
    destination is CSV, TSV, JSONL or Parquet, by default ``<stem>.scored.<extension>`` next to the
    source, Parquet for formats that cannot be written.

    Every row is kept, in order; those without text are ``unscored``. Records that cannot be read go
    to ``<destination>.rejected.jsonl``, and ``<destination>.job.json`` describes the result. The
    destination appears completely or not at all. Until then finished parts are in
    ``<destination>.parts``; ``resume`` continues there and gives the same bytes. The source is
    never overwritten.

    ``progress`` is called after each batch and each part. ``stop`` is called before each part; if
    it returns True, the job ends with JobInterrupted.

    Raises InputError for unreadable input, for files that may not be overwritten and if unfinished
    work does not match; OutputError if writing fails; MissingExtraError if a format needs an extra.
    """
    began = time.monotonic()
    origin = find_source(source)
    kind = source_format(origin, options.reading)
    target = _default(origin, kind) if destination is None else locate(destination)
    files = _Destination(target, options, origin)
    dump = open_dump(
        origin,
        source_format=kind,
        encoding=options.encoding,
        delimiter=options.delimiter,
        text_column=options.text_column,
    )
    job = Job(str(origin), dump, detector, options)
    record = _record(job, origin, kind)
    settings = record | origin.identity() | options.settings()
    settings |= {"destination": str(target), "columns": job.columns, "delimiter": dump.delimiter}
    with (
        written(files.target),
        open_parts(files.folder, settings, resume=options.resume) as parts,
    ):
        if options.overwrite:
            files.may_replace.touch()
        resumed = _records(parts.counts)
        _score_parts(job, parts, progress or (lambda state: None), stop or (lambda: False))
        rejects = files.publish(job, parts, record)
    return summarise(
        parts.counts,
        only_flagged=options.only_flagged,
        destination=target,
        rejects=rejects,
        model_id=detector.model_id,
        seconds=time.monotonic() - began,
        preset=detector.preset,
        resumed=resumed,
        notes=dump.notes,
    )


def _default(source: Source, kind: Format) -> Path:
    """Return the destination next to the source; nothing is uploaded unless requested."""
    root = source.root if isinstance(source.root, Path) else Path(source.root.name)
    if source.is_many:
        root = root if root.name not in ("", "..") else root.resolve()
        return root.with_name(f"{root.name}.scored.parquet")
    return default_destination(root, kind)


def _record(job: Job, source: Source, kind: Format) -> dict[str, Any]:
    """Return the model, thresholds and source for the job record and for resuming."""
    thresholds, preset = job.detector.thresholds, job.detector.preset
    return {
        "model_id": job.detector.model_id,
        "flag": thresholds.flag,
        "review": thresholds.review,
        "preset": preset and preset.name,
        "source": str(source),
        "source_format": kind.value,
        "text_column": job.options.text_column,
        "options": {
            "kind_flags": {k.value: p for k, p in thresholds.kind_flags.items()},
            "review_scam_verdicts": thresholds.review_scam_verdicts,
            "tier": "auto" if job.detector.clears else "full",
            "encoding": job.dump.encoding,
            "sender_column": job.options.sender_column,
            "only_flagged": job.options.only_flagged,
            "schema_version": SCHEMA_VERSION,
        },
    }


def _records(counts: Counts) -> int:
    return counts["rows"] + counts["rejected"]


def _score_parts(job: Job, parts: Parts, report: Report, stop: Stop) -> None:
    """Score what no finished part contains yet.

    A part ends with the batch that fills it, so parts depend only on the source.
    """
    batches = job.dump.batches()
    resumed = _records(parts.counts)
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
            counts, share = counts + more, batch.share
            yield table, batch.rejects, more
            tell(counts, ended=False)
            done += batch.records
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


class _Destination:
    """The files that a job writes, checked before it starts."""

    def __init__(self, target: Path | RemoteFile, options: ScoreOptions, source: Source) -> None:
        self.remote = None if isinstance(target, Path) else target
        name = target.name
        self.kind = destination_format(name)
        local = followed(target) if isinstance(target, Path) else Path(name)
        parent = local.parent if options.work_folder is None else Path(options.work_folder)
        self.folder = parent / f"{name}.parts"
        self.target = local if self.remote is None else self.folder / f"joined.{name}"
        self.may_replace = self.folder / "may-replace"
        self._sources = [file.path for file in source.files if isinstance(file.path, Path)]
        if options.spreadsheet_safe and self.kind not in (Format.CSV, Format.TSV):
            raise InputError(f"{target}: only CSV and TSV can be made safe for spreadsheets")
        check_parent(self.folder, "--work-folder")
        if self.remote is None:
            self._check_local(source, options)
        elif self.remote.url in [getattr(file.path, "url", None) for file in source.files]:
            raise InputError(f"{target}: the source would be overwritten; choose another name")
        self._check_start(target, options)

    def _check_local(self, source: Source, options: ScoreOptions) -> None:
        check_parent(self.target)
        for path in self._paths():
            check_no_input(path, self._sources, "the source")
            check_no_input(path, [Path(file) for file in options.inputs])
            if path.exists() and not path.is_file():
                raise InputError(f"{path}: exists and is not a file; choose another name")
        for path in (self.target, self.folder / f"part-000000{self.target.suffix}"):
            if source.would_read(path):
                raise InputError(
                    f"{path}: would be read as part of {source}; write outside of that folder, or "
                    "use a name that starts with _"
                )

    def _check_start(self, target: Path | RemoteFile, options: ScoreOptions) -> None:
        begun, exists = is_begun(self.folder), target.exists()
        if begun and not (options.resume or options.overwrite):
            raise InputError(
                f"{self.folder}: contains the unfinished work of an earlier run; continue it with "
                f"--resume, or {RESTART}"
            )
        if exists and options.resume and not begun and not options.overwrite:
            raise NothingToResume(
                f"{target}: already exists without unfinished work, so there is nothing to resume; "
                "score again with --overwrite"
            )
        allowed = options.resume and begun and self.may_replace.exists()
        if exists and not (options.overwrite or allowed):
            raise InputError(f"{target}: already exists; remove it or pass --overwrite")

    def _paths(self) -> list[Path]:
        """Return the destination, the rejected records and the job record."""
        return [
            self.target,
            self.target.with_name(f"{self.target.name}.rejected.jsonl"),
            self.target.with_name(f"{self.target.name}{JOB_SUFFIX}"),
        ]

    def publish(self, job: Job, parts: Parts, record: dict[str, Any]) -> Path | RemoteFile | None:
        """Write all files, the destination last, and remove the parts; return the rejects."""
        target, rejects, job_path = self._paths()
        counts, only_flagged = parts.counts, job.options.only_flagged
        has_rejects = bool(counts["rejected"] or counts["damaged"])
        access = access_of([*self._sources, *(path for path in self._paths() if path.exists())])
        self.may_replace.touch()
        if has_rejects:
            with writing(rejects, access) as file:
                parts.write_rejects(file)
        else:
            rejects.unlink(missing_ok=True)  # it describes an earlier job
        flagged = counts[f"decision:{Decision.FLAG.value}"]
        details = JobRecord(
            **record,
            cleared=bool(counts["cleared"]),
            rows=counts["rows"],
            written=flagged if only_flagged else counts["rows"],
        )
        write_text(job_path, details.text(), access)
        tables = parts.tables(job.schema)
        write_tables(
            target,
            self.kind,
            map(_flagged, tables) if only_flagged else tables,
            delimiter=(job.dump.format == Format.CSV and job.dump.delimiter) or ",",
            spreadsheet_safe=job.options.spreadsheet_safe,
            access=access,
        )
        if self.remote is not None:
            for path, suffix in (
                (rejects, ".rejected.jsonl"),
                (job_path, JOB_SUFFIX),
                (target, ""),
            ):
                if path.exists():
                    self.remote.sibling(suffix).upload(path)
        parts.remove()
        if not has_rejects:
            return None
        return rejects if self.remote is None else self.remote.sibling(".rejected.jsonl")


def _flagged(table: pa.Table) -> pa.Table:
    return table.filter(pc.equal(table.column("scamdetect_decision"), Decision.FLAG.value))


class _StandardInput:
    """A stream whose beginning can be read several times before ``live`` is set, and all once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.live = file, False
        try:
            self._head = file.read(1 << 20)
        except OSError as problem:
            raise InputError(f"{_STDIN}: cannot be read ({problem.strerror})") from None

    def open(self) -> Stream:
        """Open the beginning or, if ``live``, all."""
        return Stream(
            _Joined(self._head, self._file if self.live else None), io.BytesIO(), _STDIN, 0
        )


class _Joined(io.RawIOBase):
    def __init__(self, head: bytes, rest: BinaryIO | None) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        data = self._head.read(len(buffer))
        if not data and self._rest is not None:
            data = self._rest.read1(len(buffer))  # type: ignore[attr-defined]
        buffer[: len(data)] = data
        return len(data)


def score_stream(
    source: BinaryIO,
    destination: IO[bytes],
    *,
    detector: Detector,
    options: ScoreOptions,
    rejects: str | Path | None = None,
    progress: Report | None = None,
) -> Summary:
    """Score CSV, TSV, JSONL or text from one open file to another, batch by batch.

    The output has the format of the input, and JSONL for text. Records that cannot be read go to
    the new file ``rejects``; without it the first one is an InputError. Raises InputError,
    OutputError.
    """
    began = time.monotonic()
    kind = named_format(options.source_format or "")
    if kind not in _STREAMS:
        raise InputError(f"{_STDIN}: {kind.value} cannot be read from it; use csv, tsv or jsonl")
    stdin = _StandardInput(source)
    dump = open_stream(stdin.open, _STDIN, kind, options.reading)
    job = Job(_STDIN, dump, detector, options)
    stdin.live = True
    counts = Counts()
    with ExitStack() as stack:
        file = None
        if rejects is not None:
            stack.enter_context(written(rejects, elsewhere="give another file to --rejects"))
            file = stack.enter_context(_new_file(Path(rejects), options))

        def tables() -> Iterator[pa.Table]:
            nonlocal counts
            yield job.schema.empty_table()
            for batch in dump.batches():
                destination.flush()
                _keep(batch.rejects, file)
                table, more = job.score(batch, counts)
                counts += more
                yield _flagged(table) if options.only_flagged else table
                if progress is not None:
                    progress(Progress(counts, 0.0, 0, time.monotonic() - began))

        write_tables(
            destination,
            Format.JSONL if kind is Format.TEXT else kind,
            tables(),
            delimiter=dump.delimiter or ",",
            spreadsheet_safe=options.spreadsheet_safe,
        )
    job.check(counts, ended=True)
    return summarise(
        counts,
        only_flagged=options.only_flagged,
        destination=Path("standard output"),
        rejects=rejects if counts["rejected"] else None,
        model_id=detector.model_id,
        seconds=time.monotonic() - began,
        preset=detector.preset,
        notes=dump.notes,
    )


def _new_file(path: Path, options: ScoreOptions) -> IO[bytes]:
    if path.exists() and not options.overwrite:
        raise InputError(f"{path}: already exists; remove it or pass --overwrite")
    check_no_input(path, [Path(file) for file in options.inputs])
    return create(path, OWNER)


def _keep(rejects: Sequence[Reject], file: IO[bytes] | None) -> None:
    """Write rejects to the file; raise InputError for the first one without a file."""
    for reject in rejects:
        if file is not None:
            line = json.dumps(reject.to_dict(), ensure_ascii=False)
            file.write(f"{line}\n".encode("utf-8", "backslashreplace"))
        elif not reject.kept:
            raise InputError(
                f"{_STDIN}:{reject.line}: {reject.reason}; keep such records in a file with "
                "--rejects FILE"
            )
