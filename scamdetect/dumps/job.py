"""Score a dump from file to file, part by part, so that a killed job can go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Protocol

from scamdetect.dumps.batches import Batch, Dump
from scamdetect.dumps.formats import Format, default_destination, destination_format
from scamdetect.dumps.outputs import check_paths, reported
from scamdetect.dumps.parts import Work, check_start, working
from scamdetect.dumps.readers import open_dump
from scamdetect.dumps.recognise import recognise
from scamdetect.dumps.rejects import RejectLimit, check_rejects, reject_limit
from scamdetect.dumps.selection import keep_columns, keep_flagged
from scamdetect.dumps.spreadsheet import check_spreadsheet_safe
from scamdetect.dumps.state import ANEW, Settings
from scamdetect.dumps.tally import Standing, Tally, count
from scamdetect.dumps.writers import check_columns_fit, part_writer
from scamdetect.errors import InputError, JobInterrupted
from scamdetect.labels import Decision
from scamdetect.prediction import SCHEMA_VERSION, Prediction

PART_ROWS = 20_000

Progress = Callable[[int, float], None]  # records read so far, share of the source read
Watch = Callable[[Standing], None]
Stop = Callable[[], bool]


class Bands(Protocol):
    """The thresholds in force."""

    @property
    def flag(self) -> float:
        """Return the scam probability from which a message is flagged."""

    @property
    def review(self) -> float:
        """Return the scam probability from which a message is reviewed."""


class Detector(Protocol):
    """The part of ScamDetector that a job needs."""

    @property
    def model_id(self) -> str:
        """Return what names the model."""

    @property
    def thresholds(self) -> Bands:
        """Return the thresholds in force."""

    @property
    def clears(self) -> bool:
        """Return whether a first tier answers some messages alone."""

    def predict(self, texts: Iterable[object], /) -> list[Prediction]:
        """Return one prediction a text, in their order."""


@dataclass(frozen=True)
class Summary:
    """What became of a dump; a message of two kinds counts under both."""

    destination: Path
    rejects: Path | None  # where the rejected records are, if any
    model_id: str
    rows: int
    written: int  # of the rows, those in the destination
    flagged: int
    review: int
    passed: int
    unscored: int
    rejected: int
    cleared: int  # of those passed, by the first tier alone
    flagged_by_kind: dict[str, int]  # most frequent first
    flagged_by_language: dict[str, int]
    seconds: float
    notes: tuple[str, ...] = ()  # what was decided about how to read the source
    resumed: int = 0  # of the rows, those that earlier runs had scored


def score_file(
    source: str | Path,
    destination: str | Path | None = None,
    *,
    detector: Detector,
    text_column: str = "text",
    encoding: str | None = None,
    overwrite: bool = False,
    overwrite_columns: bool = False,
    source_format: str | None = None,
    delimiter: str | None = None,
    resume: bool = False,
    part_rows: int = PART_ROWS,
    max_rejects: str | int | None = None,
    columns: Sequence[str] | None = None,
    only_flagged: bool = False,
    spreadsheet_safe: bool = False,
    progress: Progress | None = None,
    watch: Watch | None = None,
    stop: Stop | None = None,
) -> Summary:
    """Score every row of a dump and write it with the ``scamdetect_*`` columns appended.

    Formats go by extension: CSV, TSV, JSONL, Parquet and, as a source, plain text, JSON, mail and
    chats that WhatsApp or Telegram Desktop exported, recognised by their content; ``source_format``
    names one instead. All but Parquet may be compressed with gzip or Zstandard. ``text_column`` may
    be a dotted path into objects of JSON or structs of Parquet, such as ``message.body``.

    Without a destination it is ``<stem>.scored.<extension>`` beside the source, Parquet for JSON,
    chats and mail. Rows, their order and all input columns stay as they were; ``columns`` keeps
    these in this order, ``only_flagged`` the flagged rows alone. A row without text is
    ``unscored``. Records that cannot be read go to ``<destination>.rejected.jsonl``;
    ``max_rejects``, a number or a percentage such as ``"0.5%"``, stops the job once more are.
    Written text is UTF-8; a CSV destination keeps the delimiter of a CSV source. ``encoding`` and
    ``delimiter`` (one character or a name such as ``"tab"``) are detected where they are not given.

    With ``spreadsheet_safe`` cells of a CSV or TSV destination that a spreadsheet would run as a
    formula get an apostrophe before them.

    Nothing appears under the final names unless the whole job succeeds. Until then finished parts
    of ``part_rows`` records, rounded up to whole batches, lie in ``<destination>.parts``. With
    ``resume`` a job that was killed goes on there and gives the same files, to the byte, as one
    that was not; its settings and source must be the same. ``overwrite`` replaces an existing
    destination and, without ``resume``, throws away unfinished work.

    ``progress`` is called after each batch with the records read and the share of the source,
    ``watch`` after each batch and each part with the whole Standing. ``stop`` is asked before each
    part and ends the job there with JobInterrupted.

    Raises InputError on what cannot be read, must not be overwritten or does not fit the
    unfinished work, OutputError where writing fails, MissingExtraError where a format needs an
    extra. Errors on the way have a note that says what is kept and how to go on.
    """
    began = time.monotonic()
    source = Path(source)
    limit = None if max_rejects is None else reject_limit(max_rejects)
    if part_rows < 1:
        raise InputError(f"part_rows={part_rows!r} is impossible; use 1 or more")
    kind = recognise(source, source_format, encoding)
    destination = default_destination(source, kind) if destination is None else Path(destination)
    if destination.is_symlink():  # what the link names is replaced, not the link
        destination = destination.resolve()
    check_paths(source, destination)
    if spreadsheet_safe:
        check_spreadsheet_safe(destination)
    check_start(destination, resume=resume, overwrite=overwrite)
    dump = open_dump(
        source,
        text_column=text_column,
        encoding=encoding,
        overwrite_columns=overwrite_columns,
        source_format=kind,
        delimiter=delimiter,
    )
    dump = replace(dump, spreadsheet_safe=spreadsheet_safe)
    if columns is not None:
        dump = keep_columns(dump, columns, source)
    check_columns_fit(destination, dump)
    settings = _source_settings(source, kind, text_column) | {
        "encoding": dump.encoding,
        "delimiter": dump.delimiter,
        "model_id": detector.model_id,
        "flag": detector.thresholds.flag,
        "review": detector.thresholds.review,
        "tier": "first" if detector.clears else "encoder",
        "columns": list(dump.columns),
        "only_flagged": only_flagged,
        "spreadsheet_safe": spreadsheet_safe,
        "part_rows": part_rows,
        "output_schema_version": SCHEMA_VERSION,
    }

    def tell(standing: Standing) -> None:
        if progress is not None and not standing.ended:
            progress(standing.tally.records, standing.share)
        if watch is not None:
            watch(standing)

    with (
        reported(destination),
        working(destination, settings, resume=resume, overwrite=overwrite) as work,
    ):
        resumed = work.state.tally.rows
        if not work.state.joined:
            task = _Task(
                source, dump, detector, part_rows, limit, only_flagged, stop or (lambda: False)
            )
            _score(task, work, tell)
            work.join(dump)
        tally = work.state.tally
        rejects = work.publish()
    return Summary(
        destination=destination,
        rejects=rejects,
        model_id=detector.model_id,
        rows=tally.rows,
        written=tally.decisions[Decision.FLAG] if only_flagged else tally.rows,
        flagged=tally.decisions[Decision.FLAG],
        review=tally.decisions[Decision.REVIEW],
        passed=tally.decisions[Decision.PASS],
        unscored=tally.decisions[Decision.UNSCORED],
        rejected=tally.rejected,
        cleared=tally.cleared,
        flagged_by_kind=dict(tally.kinds.most_common()),
        flagged_by_language=dict(tally.languages.most_common()),
        seconds=time.monotonic() - began,
        notes=dump.notes,
        resumed=resumed,
    )


@dataclass(frozen=True)
class _Task:
    source: Path
    dump: Dump
    detector: Detector
    part_rows: int
    limit: RejectLimit | None
    only_flagged: bool
    stop: Stop


def _source_settings(source: Path, kind: Format, text_column: str) -> Settings:
    status = source.stat()
    return {
        "source": str(source.resolve()),
        "source_bytes": status.st_size,
        "source_modified_ns": status.st_mtime_ns,
        "format": kind.value,
        "text_column": text_column,
    }


def _score(task: _Task, work: Work, tell: Watch) -> None:
    """Score what no finished part holds yet."""
    batches = task.dump.batches()
    tally = work.state.tally
    resumed = tally.records
    share = resumed_share = _skip(batches, resumed, task) if resumed else 0.0
    began = time.monotonic()
    last = None

    def now(ended: bool) -> Standing:
        parts, seconds = len(work.state.parts), time.monotonic() - began
        return Standing(tally, share, parts, ended, seconds, resumed, resumed_share)

    if resumed:
        tell(now(ended=False))
    for batches_of_part in _in_parts(batches, task.part_rows):
        _check_stop(task)
        before, of_part = tally, Tally()
        with (
            work.part() as (content, write_rejects),
            part_writer(destination_format(work.destination), content, task.dump) as write,
        ):
            for batch in batches_of_part:
                predictions = task.detector.predict(batch.rows.texts())
                kept = batch.rows, predictions
                write(*(keep_flagged(*kept) if task.only_flagged else kept))
                write_rejects(batch.rejects)
                of_part += count(predictions, len(batch.rejects))
                tally, share = before + of_part, batch.share
                last = batch.rejects[-1] if batch.rejects else last
                check_rejects(task.limit, task.source, tally, last, ended=False)
                tell(now(ended=False))
        work.finish_part(of_part)
        tell(now(ended=True))
    check_rejects(task.limit, task.source, tally, last, ended=True)


def _in_parts(batches: Iterator[Batch], records: int) -> Iterator[Iterator[Batch]]:
    """Yield the batches of one part after another; each must be used up before the next.

    A part ends with the batch that fills it: its border, and so what is predicted together,
    depends on nothing but the source.
    """

    def one(first: Batch) -> Iterator[Batch]:
        found = 0
        for batch in chain([first], batches):
            found += len(batch.rows) + len(batch.rejects)
            yield batch
            if found >= records:
                return

    for first in batches:
        yield one(first)


def _skip(batches: Iterator[Batch], records: int, task: _Task) -> float:
    """Pass over that many records and return the share of the source that they are."""
    found, share = 0, 0.0
    while found < records and (batch := next(batches, None)) is not None:
        found += len(batch.rows) + len(batch.rejects)
        share = batch.share
        _check_stop(task)
    if found != records:
        raise InputError(
            f"{task.source}: does not divide as it did when the job began (no border after record "
            f"{records:,}); go on with the version of scamdetect that began, or {ANEW}"
        )
    return share


def _check_stop(task: _Task) -> None:
    if task.stop():
        raise JobInterrupted("interrupted")
