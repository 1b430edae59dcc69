"""Judge the threads of a scored file as conversations: one row per thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.detector import ScamDetector
from scamdetect.dumps.allow_list import Allowing, AllowList
from scamdetect.dumps.columns import Grouping
from scamdetect.dumps.formats import DELIMITERS, Format, destination_format
from scamdetect.dumps.writers import write_tables
from scamdetect.errors import InputError
from scamdetect.frames.arrow import number_array, numbers, one_array, plain_array, valid, wide
from scamdetect.labels import Decision
from scamdetect.scored.job import ReadingJob, Step, Stop, Watch, check_stop, reading_job
from scamdetect.scored.source import Opened
from scamdetect.scored.thread_messages import MessageWriter
from scamdetect.scored.thread_rows import judge, thread_schema
from scamdetect.scored.work import Work, merged, read_streams

SEGMENT_ROWS = 1 << 17
BUCKET_BYTES = 4 << 20  # about 30,000 messages, the most that a kill costs
_KEYS = ("decision", "risk", "first_row")
_FLAG = Decision.FLAG.value


@dataclass(frozen=True)
class ThreadsSummary:
    """The path of the threads and their numbers: flagged, to review, too short to judge.

    ``messages`` are those of the ``rows`` that are in threads, ``own`` those of the side that is
    not judged, None without such a side.
    """

    destination: Path
    threads: int
    flagged: int
    review: int
    needs_context: int
    messages: int
    own: int | None
    rows: int
    resumed: int = 0  # of the rows, those that earlier runs had read


def threads_path(scored: Path) -> Path:
    """Return the path of the table of threads, in the format of the scored file."""
    return scored.with_name(f"{scored.stem}.threads{scored.suffix}")


def write_threads(
    scored: str | Path,
    destination: str | Path | None = None,
    *,
    detector: ScamDetector,
    thread_column: str | None = None,
    sender_column: str | None = None,
    time_column: str | None = None,
    me: str | None = None,
    allow_list: AllowList | None = None,
    source: str | Path | None = None,
    spreadsheet_safe: bool = False,
    work_folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    inputs: tuple[Path, ...] = (),
    watch: Watch | None = None,
    stop: Stop | None = None,
) -> ThreadsSummary:
    """Judge the threads of a scored file, or of a folder of parts, and write one row per thread.

    ``thread_column`` names the thread of a message, ``sender_column`` its sender, whose words are
    judged together, and ``time_column`` its time, which sets the order. They can be dotted paths;
    those of chat exports and mail are known. They, and the messages, are columns of the scored file
    or, with ``source``, of the original file, which must be unchanged. Messages of the sender
    ``me``, or allowed by the job's ``allow_list``, are not judged. Flagged threads come first, then
    the riskiest, then the earliest. Parquet keeps the types of the columns; CSV and TSV hold lists
    as text such as ``12:0.031;15:0.410``, and with ``spreadsheet_safe`` no cell that a spreadsheet
    would run.

    The detector must have the model of the job; the job's thresholds are used. The destination, by
    default ``<stem>.threads.<extension>`` next to the scored file, ``work_folder``, ``resume`` and
    ``overwrite`` are as in ``scored.groups.write_groups``. ``inputs`` are never written.

    Raises as ``write_groups`` does, and InputError for another model or allow-list than the job's.
    """
    watch = watch or (lambda step: None)
    named = {
        "thread_column": thread_column, "sender_column": sender_column, "time_column": time_column,
    }  # fmt: skip
    with reading_job(
        scored,
        source,
        "threads",
        destination,
        threads_path,
        named | {"me": me, "allow_list": None if allow_list is None else allow_list.digest},
        bucket_bytes=BUCKET_BYTES,
        spreadsheet_safe=spreadsheet_safe,
        work_folder=work_folder,
        resume=resume,
        overwrite=overwrite,
        inputs=inputs,
    ) as job:
        judging = _as_scored(job.opened, detector)
        columns = _columns(job.opened, allow_list, me, **named)
        with job.working() as work:
            resumed = work.state.rows
            if not work.state.joined:
                _read(job.opened, columns, Allowing(allow_list, columns), me, work, stop, watch)
                _judge(columns, judging, me, work, stop, watch)
                watch(Step("write", 0.0, work.state.rows))
                work.join(lambda file: _write(file, job, columns, work, spreadsheet_safe))
            state = work.state
            work.publish()
    messages = sum(segment.messages for segment in state.segments)
    return ThreadsSummary(
        destination=job.destination,
        messages=messages,
        own=None if me is None else sum(segment.own for segment in state.segments),
        rows=state.rows,
        resumed=resumed,
        **state.counts,
    )


def _as_scored(opened: Opened, detector: ScamDetector) -> ScamDetector:
    """Return the detector with the thresholds of the job; raise InputError for another model."""
    model = opened.record.model
    if detector.model_id != model.model_id:
        raise InputError(
            f"{opened.path}: scored with {model.model_id}, not with {detector.model_id}; pass "
            "the bundle that scored it (--model), or score again"
        )
    found = detector.with_thresholds(
        flag=model.flag, review=model.review, kind_flags=model.kind_flags or {}
    )
    if found.thresholds.review_scam_verdicts != model.review_scam_verdicts:
        raise InputError(
            f"{opened.path}: was scored with thresholds that this scamdetect does not support; "
            "score again"
        )
    return found


# How the readers of exports name the thread, the sender and the time of a message. Mail has no
# header that reliably names its thread.
_KNOWN: dict[Format, tuple[str | None, str, str]] = {
    Format.WHATSAPP: ("chat", "sender", "time"),
    Format.TELEGRAM: ("chat", "sender", "time"),
    Format.MBOX: (None, "sender", "time"),
    Format.EML: (None, "sender", "time"),
}


def _columns(
    opened: Opened, allow_list: AllowList | None, me: str | None, **given: str | None
) -> Grouping:
    """Return the columns to judge by; raise InputError if a needed one is missing."""
    asked = opened.record.asked
    if asked.allow_list != (None if allow_list is None else allow_list.digest):
        how = "without an" if asked.allow_list is None else "with another"
        if allow_list is None:
            how = "with an"
        raise InputError(
            f"{opened.path}: was scored {how} allow-list; pass the same allow_list "
            "(--allow-list), or score again"
        )
    kind = Format(opened.record.source["format"])
    known = dict(zip(given, _KNOWN.get(kind, (None, None, None)), strict=True))
    named = {name: column or known[name] for name, column in given.items()}
    if allow_list is not None:
        named["sender_column"] = named["sender_column"] or asked.sender_column
    if named["thread_column"] is None:
        raise InputError(
            f"{opened.path}: name the column of threads with thread_column (--thread-column)"
        )
    if me is not None and named["sender_column"] is None:
        raise InputError(
            "me (--me) is the side of threads that is not judged; name the column with senders "
            "with sender_column (--sender-column)"
        )
    if me is not None and not me.strip():
        raise InputError("me (--me) is blank; pass the name of the own side, or leave it out")
    opened.check_texts()
    return opened.columns(**named)


def _read(
    opened: Opened,
    columns: Grouping,
    allowing: Allowing,
    me: str | None,
    work: Work,
    stop: Stop | None,
    watch: Watch,
) -> None:
    """Store the messages of threads, segment by segment, for segments that are not done."""
    check_stop(stop)
    done, total = 0, max(1, opened.record.rows)
    batches = opened.batches()
    while done < work.state.rows and (skipped := next(batches, None)) is not None:
        done += len(skipped)
    if done != work.state.rows:
        raise InputError(
            f"{opened.path}: is not split into the same parts as before; start again with "
            "--overwrite"
        )
    for first in batches:
        start = done
        with work.segment() as file:
            messages = MessageWriter(file, columns, me)
            for rows in chain([first], batches):
                texts = opened.texts(rows)
                messages.write(rows, allowing.left(rows, texts), done)
                done += len(rows)
                watch(Step("read", done / total, done))
                if done - start >= SEGMENT_ROWS:
                    break
            messages.close()
        work.finish_segment(done - start, messages.messages, messages.bytes, messages.own)
        watch(Step("read", done / total, done, ended=True))
        check_stop(stop)


def _judge(
    columns: Grouping,
    detector: ScamDetector,
    me: str | None,
    work: Work,
    stop: Stop | None,
    watch: Watch,
) -> None:
    rows = work.state.rows
    total = max(1, sum(segment.messages for segment in work.state.segments))

    def reduce(bucket: Path, done: int) -> pa.Table:
        check_stop(stop)
        tables = [thread_schema(columns).empty_table()]
        for table, messages in judge(_messages(bucket), columns, detector, me):
            tables.append(table)
            done += messages
            watch(Step("threads", done / total, rows))
        found = pa.concat_tables(tables)
        order = np.lexsort(_keys(found).T[::-1])
        return found.take(number_array(order))

    work.sort(reduce, lambda done: watch(Step("threads", done / total, rows, ended=True)))


def _messages(bucket: Path) -> pa.Table:
    """Return the messages of a bucket, thread by thread, and ``code``, a number for each thread.

    Threads are in the order of their first rows, and so are the messages of each. Raises InputError
    if the file is damaged.
    """
    batches = list(read_streams(bucket))
    if not batches:
        return pa.table({"code": number_array(np.empty(0, np.int64))})
    table = pa.Table.from_batches(batches)
    table = table.cast(pa.schema([(f.name, wide(f.type)) for f in table.schema]))
    found = pc.dictionary_encode(one_array(table["thread"]))
    codes = numbers(found.indices.cast(pa.int64()))
    order = np.argsort(codes, kind="stable")
    sorted_table = table.take(number_array(order)).combine_chunks()
    return sorted_table.append_column("code", number_array(codes[order]))


def _keys(threads: pa.Table) -> NDArray[np.float64]:
    """Return the sort keys of threads: flagged first, then riskiest, then earliest."""
    flagged = numbers(one_array(pc.equal(threads["decision"], _FLAG).cast(pa.int64())))
    risk = one_array(threads["risk"])
    risks = np.where(valid(risk), numbers(risk), -1)
    return np.column_stack([-flagged, -risks, numbers(one_array(threads["first_row"]))])


def _write(
    file: IO[bytes], job: ReadingJob, columns: Grouping, work: Work, spreadsheet_safe: bool
) -> dict[str, int]:
    kind = destination_format(job.destination)
    counts = dict.fromkeys(("threads", "flagged", "review", "needs_context"), 0)

    def slices() -> Iterator[pa.Table]:
        yield _final(thread_schema(columns).empty_table(), columns, flat=kind in DELIMITERS)
        for table in merged(work.runs, _KEYS, _keys, weight="messages"):
            counts["threads"] += table.num_rows
            counts["flagged"] += _count(pc.equal(table["decision"], _FLAG))
            counts["review"] += _count(pc.equal(table["decision"], Decision.REVIEW.value))
            counts["needs_context"] += _count(table["needs_context"])
            yield _final(table, columns, flat=kind in DELIMITERS)

    write_tables(
        file,
        kind,
        slices(),
        what="the threads",
        csv_delimiter=job.csv_delimiter,
        spreadsheet_safe=spreadsheet_safe,
    )
    return counts


def _final(threads: pa.Table, grouping: Grouping, *, flat: bool) -> pa.Table:
    """Return the threads with the types and the name of the input; ``flat`` has no lists."""
    thread, time = grouping.thread, grouping.time
    assert thread is not None
    columns = {name: threads[name] for name in threads.column_names}
    columns["thread"] = columns["thread"].cast(thread.kind)
    if time is not None:
        columns |= {n: columns[n].cast(time.kind) for n in ("first_time", "last_time")}
    if flat:
        columns["kinds"] = _texts(columns["kinds"], lambda k: f"{k['kind']}:{k['probability']:.2f}")
        columns["turns"] = _texts(columns["turns"], _turn)
        columns["turns_that_mattered"] = _texts(columns["turns_that_mattered"], str)
    title = "thread" if thread.name in columns else thread.name
    return pa.Table.from_arrays(list(columns.values()), names=[title, *list(columns)[1:]])


def _turn(turn: dict[str, Any]) -> str:
    return f"{turn['row']}:" + ("" if turn["risk"] is None else f"{turn['risk']:.3f}")


def _texts(lists: pa.ChunkedArray, shown: Any) -> pa.Array:  # noqa: ANN401
    texts = (";".join(map(shown, items)) for items in lists.to_pylist())
    return plain_array([text or None for text in texts], pa.string())


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)
