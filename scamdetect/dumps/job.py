"""Score a dump from file to file, part by part, so that a killed job can be resumed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from scamdetect.dumps.batches import Batch, Dump, Reject
from scamdetect.dumps.formats import (
    Format,
    beside_folder,
    default_destination,
    destination_format,
    is_remote,
)
from scamdetect.dumps.identity import Asked, Detected, Identity, model_of
from scamdetect.dumps.open import open_dump, recognise
from scamdetect.dumps.outputs import check_paths, keep_columns, keep_flagged, reported
from scamdetect.dumps.rows import Rows
from scamdetect.dumps.sources import Source, find_source, located
from scamdetect.dumps.state import ANEW
from scamdetect.dumps.tally import (
    Progress,
    RejectLimit,
    Standing,
    Stop,
    Summary,
    Tally,
    Watch,
    check_rejects,
    count,
    reject_limit,
    summarise,
)
from scamdetect.dumps.work import Work, check_start, working
from scamdetect.dumps.work import work_folder as parts_folder
from scamdetect.dumps.writers import check_columns_fit, part_writer
from scamdetect.errors import InputError, JobInterrupted
from scamdetect.prediction import Detector, Prediction
from scamdetect.system.destinations import followed
from scamdetect.system.files import access_of

if TYPE_CHECKING:
    from scamdetect.dumps.allow_list import Allowing, AllowList
    from scamdetect.dumps.listed import Listed, Looking

PART_ROWS = 20_000


class ScoreOptions(TypedDict, total=False):
    """The keyword arguments of ``score_file``, except the detector."""

    text_column: str
    encoding: str | None
    overwrite: bool
    overwrite_columns: bool
    source_format: str | None
    delimiter: str | None
    resume: bool
    part_rows: int
    max_rejects: str | int | None
    columns: Sequence[str] | None
    only_flagged: bool
    allow_list: AllowList | None
    sender_column: str | None
    listed: Listed | None
    max_listed: str | int
    work_folder: str | Path | None
    inputs: Iterable[str | Path]
    spreadsheet_safe: bool
    progress: Progress | None
    watch: Watch | None
    stop: Stop | None


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
    allow_list: AllowList | None = None,
    sender_column: str | None = None,
    listed: Listed | None = None,
    max_listed: str | int = "1%",
    work_folder: str | Path | None = None,
    inputs: Iterable[str | Path] = (),
    spreadsheet_safe: bool = False,
    progress: Progress | None = None,
    watch: Watch | None = None,
    stop: Stop | None = None,
) -> Summary:
    """Score every row of a dump and write it with the ``scamdetect_*`` columns appended.

    The extension sets the format: CSV, TSV, JSONL, Parquet and, for sources, plain text, JSON, mail
    and chats exported by WhatsApp or Telegram Desktop, which are recognised by their content;
    ``source_format`` overrides it. All formats except Parquet can be compressed with gzip or
    Zstandard. ``text_column`` can be a dotted path into JSON objects or Parquet structs, such as
    ``message.body``.

    The source can also be a folder or a glob, whose files form one dump of one format with the
    additional column ``scamdetect_file``. Sources and destinations can be URLs that fsspec
    supports, such as ``s3://``.

    The default destination is ``<stem>.scored.<extension>`` in the folder of the source, Parquet
    for JSON, chats and mail; for a folder or glob it is ``<folder>.scored.parquet`` next to the
    folder. For a URL it is in the current folder. Rows, their order and all input columns are kept;
    ``columns`` keeps only these, in this order, and ``only_flagged`` only the flagged rows. Rows
    without text are ``unscored``. Records that cannot be read go to
    ``<destination>.rejected.jsonl``; ``max_rejects``, a number or a percentage such as ``"0.5%"``,
    stops the job if there are more. Text is written as UTF-8; a CSV destination keeps the delimiter
    of a CSV source. ``encoding`` and ``delimiter`` (one character or a name such as ``"tab"``) are
    detected if not given.

    Messages allowed by ``allow_list``, by template or by ``sender_column`` (an input column or
    path), pass. A message with one of the ``listed`` indicators goes at least to review, even if
    allowed, and the column ``scamdetect_indicators`` lists them. The job stops if a feed matches
    more than ``max_listed``, a number or a percentage, of the first 100,000 messages.

    With ``spreadsheet_safe``, cells of CSV and TSV that a spreadsheet would run as a formula get a
    leading apostrophe. ``<destination>.job.json`` describes the result to its readers, such as
    ``scamdetect.scored.groups`` and ``scamdetect.scored.threads``.

    No final file is created unless the whole job succeeds. Until then finished parts of
    ``part_rows`` records, rounded up to whole batches, are stored in ``<destination>.parts``.
    ``resume`` continues a killed job there and writes the same bytes as an uninterrupted one;
    settings and source must be the same. ``overwrite`` replaces an existing destination and,
    without ``resume``, discards unfinished work. ``work_folder`` moves the work folder; for a URL
    destination its default is in the current folder, and the complete result is uploaded at the
    end.

    The results are readable only for those who can read all of the source, the work folder only for
    its owner. A destination that is a symbolic link of the user is followed. The source and the
    files and folders in ``inputs`` are never written, under any name.

    ``progress`` is called after each batch with the number of records read and the share of the
    source, ``watch`` after each batch and each part with the Standing. ``stop`` is called before
    each part; if it returns True, the job ends with JobInterrupted.

    Raises InputError for unreadable input, for files that may not be overwritten, and if unfinished
    work does not match; OutputError if writing fails; MissingExtraError if a format needs an extra.
    Errors during the job have a note on what is kept and how to resume.
    """
    began = time.monotonic()
    found = find_source(source)
    limit = None if max_rejects is None else reject_limit(max_rejects)
    if allow_list is not None or sender_column is not None:
        from scamdetect.dumps.allow_list import check_senders

        check_senders(allow_list, sender_column)
    if part_rows < 1:
        raise InputError(f"part_rows={part_rows!r} is invalid; use 1 or more")
    if found.is_many:
        from scamdetect.dumps.many import recognise_many

        kind = recognise_many(found, source_format, encoding)
    else:
        kind = recognise(found.root, source_format, encoding)
    destination = _default(found, kind) if destination is None else located(destination)
    with reported(destination):
        if not is_remote(destination):
            destination = followed(destination)  # replace the target of a link, not the link
        folder = parts_folder(destination, None if work_folder is None else Path(work_folder))
        check_paths(found, destination, folder, [Path(path) for path in inputs])
        if spreadsheet_safe:
            from scamdetect.dumps.spreadsheet import check_spreadsheet_safe

            check_spreadsheet_safe(destination)
        check_start(destination, folder, resume=resume, overwrite=overwrite)
    asked = Asked(
        text_column=text_column,
        encoding=encoding,
        delimiter=delimiter,
        only_flagged=only_flagged,
        allow_list=None if allow_list is None else allow_list.digest,
        sender_column=sender_column,
        indicators=None if listed is None else listed.digest,
        spreadsheet_safe=spreadsheet_safe,
        part_rows=part_rows,
    )
    dump = open_source(found, kind, asked, overwrite_columns=overwrite_columns)
    allowing = allowing_for(dump, kind, str(found), allow_list, sender_column)
    if spreadsheet_safe:
        from scamdetect.dumps.spreadsheet import check_safe_delimiter

        check_safe_delimiter(destination, dump.csv_delimiter)
    dump = replace(dump, spreadsheet_safe=spreadsheet_safe)
    if columns is not None:
        dump = keep_columns(dump, columns, str(found))
    check_columns_fit(destination, dump)
    identity = Identity(
        asked,
        found.identity() | {"format": kind.value},
        Detected(dump.encoding, dump.delimiter, dump.columns, dump.files_read_as),
        model_of(detector),
    )
    dump, looking = looking_for(dump, str(found), listed, max_listed)
    settings = identity.settings()
    if is_remote(destination):  # the name of its work folder may be the same as another's
        settings["destination"] = str(destination)
    elif work_folder is not None:
        settings["destination"] = str(destination.resolve())

    def tell(standing: Standing) -> None:
        if progress is not None and not standing.ended:
            progress(standing.tally.records, standing.share)
        if watch is not None:
            watch(standing)

    with (
        reported(destination),
        working(
            destination,
            folder,
            settings,
            resume=resume,
            overwrite=overwrite,
            access=access_of(_local_files(found)),
        ) as work,
    ):
        resumed = work.state.tally.rows
        if not work.state.joined:
            task = Task(str(found), dump, detector, limit, only_flagged, allowing, looking)
            _score(task, part_rows, stop or (lambda: False), work, tell)
            work.join(dump, identity)
        tally = work.state.tally
        rejects = work.publish()
    return summarise(
        tally,
        destination=destination,
        model_id=detector.model_id,
        seconds=time.monotonic() - began,
        rejects=rejects,
        only_flagged=only_flagged,
        notes=dump.notes,
        resumed=resumed,
        preset=detector.preset,
    )


def open_source(source: Source, kind: Format, asked: Asked, *, overwrite_columns: bool) -> Dump:
    """Open the dump to score, or that was scored; raise InputError, MissingExtraError."""
    open_file = partial(
        open_dump,
        text_column=asked.text_column,
        encoding=asked.encoding,
        overwrite_columns=overwrite_columns,
        source_format=kind,
        delimiter=asked.delimiter,
    )
    if source.is_many:
        from scamdetect.dumps.many import open_many

        return open_many(source, open_file, overwrite_columns)
    return open_file(source.root)


def allowing_for(
    dump: Dump, kind: Format, where: str, allow_list: AllowList | None, sender_column: str | None
) -> Allowing | None:
    """Return what lets messages of the dump pass, None without a list; raise InputError."""
    if allow_list is None:
        return None
    from scamdetect.dumps.allow_list import Allowing
    from scamdetect.dumps.columns import grouping

    objects = kind in (Format.JSON, Format.JSONL)
    senders = grouping(dump, where, sender_column=sender_column, objects=objects)
    return Allowing(allow_list, senders)


def looking_for(
    dump: Dump, where: str, listed: Listed | None, max_listed: str | int
) -> tuple[Dump, Looking | None]:
    """Return the dump with the column of indicators and what finds them, if feeds are given."""
    if listed is None:
        return dump, None
    from scamdetect.dumps.listed import Looking, limit_of, with_indicators

    return with_indicators(dump), Looking(listed, limit_of(max_listed), where)


@dataclass(frozen=True)
class Task:
    """How each batch of a dump is scored; ``source`` names the dump in errors."""

    source: str
    dump: Dump
    detector: Detector
    limit: RejectLimit | None
    only_flagged: bool
    allowing: Allowing | None
    looking: Looking | None

    def scored(
        self, batch: Batch, before: Tally, last: Reject | None
    ) -> tuple[Rows, Sequence[Prediction], Tally]:
        """Return the rows to write, their predictions and the tally of the batch.

        ``before`` counts the batches before it, ``last`` is the last record rejected so far. Raises
        InputError as ``check`` does.
        """
        texts = batch.rows.texts()
        predictions = self.detector.predict(texts)
        if self.allowing is not None:
            predictions = self.allowing.passed(batch.rows, texts, predictions)
        rows, seen = batch.rows, Tally()
        if self.looking is not None:
            rows, predictions, seen = self.looking.at(rows, texts, predictions, before)
        counted = count(predictions, len(batch.rejects)) + seen
        self.check(before + counted, last, ended=False)
        kept = keep_flagged(rows, predictions) if self.only_flagged else (rows, predictions)
        return *kept, counted

    def check(self, tally: Tally, last: Reject | None, *, ended: bool) -> None:
        """Raise InputError at too many rejected records, or too many indicators of a feed."""
        check_rejects(self.limit, self.source, tally, last, ended=ended)
        if self.looking is not None:
            self.looking.check(tally, ended=ended)


def _local_files(source: Source) -> Iterator[Path]:
    paths = [file.path for file in source.files] if source.is_many else [source.root]
    return (path for path in paths if not is_remote(path))


def _default(source: Source, kind: Format) -> Path:
    """Return the default destination; nothing is uploaded unless requested."""
    beside = (
        beside_folder(source.root) if source.is_many else default_destination(source.root, kind)
    )
    return Path(beside.name) if is_remote(source.root) else beside


def _score(task: Task, part_rows: int, stop: Stop, work: Work, tell: Watch) -> None:
    """Score what no finished part contains yet."""
    batches = task.dump.batches()
    tally = work.state.tally
    resumed = tally.records
    share = resumed_share = _skip(batches, resumed, task.source, stop) if resumed else 0.0
    began = time.monotonic()
    last = None

    def now(ended: bool) -> Standing:
        parts, seconds = len(work.state.parts), time.monotonic() - began
        return Standing(tally, share, parts, ended, seconds, resumed, resumed_share)

    if resumed:
        tell(now(ended=False))
    for batches_of_part in _in_parts(batches, part_rows):
        _check_stop(stop)
        before, of_part = tally, Tally()
        with (
            work.part() as files,
            part_writer(destination_format(work.destination), files.content, task.dump) as write,
        ):
            for batch in batches_of_part:
                last = batch.rejects[-1] if batch.rejects else last
                rows, predictions, counted = task.scored(batch, tally, last)
                write(rows, predictions)
                files.write_rejects(batch.rejects)
                of_part += counted
                tally, share = before + of_part, batch.share
                tell(now(ended=False))
        work.finish_part(of_part)
        tell(now(ended=True))
    task.check(tally, last, ended=True)


def _in_parts(batches: Iterator[Batch], records: int) -> Iterator[Iterator[Batch]]:
    """Yield the batches of one part after another; consume each before the next.

    A part ends with the batch that fills it. So part boundaries, and which rows are predicted
    together, depend only on the source.
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


def _skip(batches: Iterator[Batch], records: int, source: str, stop: Stop) -> float:
    """Skip that many records and return their share of the source."""
    found, share = 0, 0.0
    while found < records and (batch := next(batches, None)) is not None:
        found += len(batch.rows) + len(batch.rejects)
        share = batch.share
        _check_stop(stop)
    if found != records:
        raise InputError(
            f"{source}: is not split into the same parts as before (no boundary after record "
            f"{records:,}); resume with the scamdetect version that started the job, or {ANEW}"
        )
    return share


def _check_stop(stop: Stop) -> None:
    if stop():
        raise JobInterrupted("interrupted")
