"""Judge the threads of a scored file as conversations: one row per thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.formats import Format
from scamdetect.errors import InputError
from scamdetect.scored.database import DEFAULTS, OutputOptions, database, result_path
from scamdetect.scored.read import ScoredDump, open_scored

if TYPE_CHECKING:
    from scamdetect.conversation.predict import ConversationPrediction
    from scamdetect.detector import ScamDetector
    from scamdetect.dumps.decide import AllowList

    Message = dict[str, Any]

_BATCH_MESSAGES = 2048  # that are judged together; a longer thread is judged whole
_CHATS = (Format.WHATSAPP, Format.TELEGRAM)
_MAIL = (Format.MBOX, Format.EML)  # has no header that reliably names its thread
_KIND = pa.struct([("kind", pa.string()), ("probability", pa.float64())])
_TURN = pa.struct([("row", pa.int64()), ("risk", pa.float64())])
_SCHEMA = pa.schema([
    ("thread", pa.string()), ("decision", pa.string()), ("needs_context", pa.bool_()),
    ("risk", pa.float64()), ("kinds", pa.list_(_KIND)), ("crossed_row", pa.int64()),
    ("crossed_turn", pa.int64()), ("messages", pa.int64()), ("judged", pa.int64()),
    ("senders", pa.int64()), ("suspect", pa.string()), ("first_time", pa.string()),
    ("last_time", pa.string()), ("bad_times", pa.int64()), ("first_row", pa.int64()),
    ("turns_that_mattered", pa.list_(pa.int64())), ("turns", pa.list_(_TURN)),
    ("notes", pa.string()),
])  # fmt: skip
_IN_ORDER = """
SELECT * FROM rows JOIN (SELECT thread, min(row) AS first_row FROM rows GROUP BY thread)
USING (thread) WHERE thread <> '' ORDER BY first_row, row"""
_SORTED = """
SELECT * {} FROM threads ORDER BY decision = 'flag' DESC, risk DESC NULLS LAST, first_row"""
_FLAT = """
REPLACE (
    nullif(array_to_string(turns_that_mattered, ';'), '') AS turns_that_mattered,
    array_to_string([t.row || ':' || coalesce(printf('%.3f', t.risk), '') FOR t IN turns], ';')
        AS turns,
    nullif(array_to_string([k.kind || ':' || printf('%.2f', k.probability) FOR k IN kinds], ';'),
        '') AS kinds
)"""
_COUNTS = """
SELECT count(*) AS threads, count(*) FILTER (decision = 'flag') AS flagged,
    count(*) FILTER (decision = 'review') AS review,
    count(*) FILTER (needs_context) AS needs_context,
    (SELECT count(*) FROM rows WHERE thread <> '') AS messages,
    (SELECT count(*) FROM rows WHERE thread <> '' AND own) AS own
FROM threads"""


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
    options: OutputOptions = DEFAULTS,
) -> ThreadsSummary:
    """Judge the threads of a scored file, or of a folder of parts, and write one row per thread.

    A sender's messages are judged together, in the order of the times if they are known. Messages
    of ``me``, or allowed by the job's ``allow_list``, are not judged. The columns of chat exports
    and mail are known. The detector must have the model of the job, whose thresholds are used.
    Flagged threads come first, then the riskiest, then the earliest. The default destination is
    ``<stem>.threads.<extension>`` next to the scored file. Raises InputError, OutputError.
    """
    dump = open_scored(Path(scored), all_rows="threads")
    judging = _as_scored(dump, detector)
    if me is not None and not (me := me.strip()):
        raise InputError("me (--me) is blank; pass the name of the own side, or leave it out")
    named = {"thread": thread_column, "sender": sender_column, "time": time_column}
    named = _known_columns(dump, named, with_senders=allow_list is not None)
    if me is not None and named["sender"] is None:
        raise InputError("me (--me) needs the column of senders; name it with --sender-column")
    path = result_path(dump.path, "threads") if destination is None else Path(destination)
    with database([dump], [path], options) as db:
        tables = dump.rows(named, text=True)
        rows = db.load(_messages(table, me, allow_list) for table in tables)
        db.insert("threads", _SCHEMA.empty_table())
        for threads in _batches(db.rows(_IN_ORDER)):
            turns = [[_turn(message) for message in messages] for messages in threads]
            predictions = judging.predict_conversations(turns, me=me)
            records = [_record(*pair) for pair in zip(threads, predictions, strict=True)]
            db.insert("threads", pa.Table.from_pylist(records, _SCHEMA))
        query = _SORTED.format(_FLAT if db.flat else "")
        tables = (_shown(table, named) for table in db.read(query))
        db.write(tables, db.paths[0])
        counts = next(db.rows(_COUNTS))
    own = counts.pop("own")
    return ThreadsSummary(db.paths[0], **counts, own=None if me is None else own, rows=rows)


def _as_scored(dump: ScoredDump, detector: ScamDetector) -> ScamDetector:
    """Return the detector with the thresholds of the job; raise InputError if it differs."""
    job = dump.job
    if job is None:
        raise InputError(
            f"{dump.path}: the record of its job (.job.json), which has the thresholds, is missing "
            "next to it; put it there, or score again"
        )
    if detector.model_id != job.model_id:
        raise InputError(
            f"{dump.path}: scored with {job.model_id}, not with {detector.model_id}; pass the "
            "bundle that scored it (--model), or score again"
        )
    kind_flags = job.options["kind_flags"]
    return detector.with_thresholds(flag=job.flag, review=job.review, kind_flags=kind_flags)


def _known_columns(
    dump: ScoredDump, named: dict[str, str | None], *, with_senders: bool
) -> dict[str, str | None]:
    """Return the columns of messages, with those of exports; raise InputError without threads."""
    assert dump.job is not None
    kind, job_sender = dump.job.source_format, dump.job.options["sender_column"]
    known = {"sender": job_sender if with_senders else None}
    if kind in (*_CHATS, *_MAIL):
        known |= {"sender": "sender", "time": "time"}
    if kind in _CHATS:
        known["thread"] = "chat"
    named = {name: column or known.get(name) for name, column in named.items()}
    if named["thread"] is None:
        raise InputError(f"{dump.path}: name the column of threads with --thread-column")
    return named


def _messages(table: pa.Table, me: str | None, allow_list: AllowList | None) -> pa.Table:
    """Return the columns to store of rows; allowed ones have no text."""
    texts = table["text"]
    if allow_list is not None:
        allowed = allow_list.allows(texts.to_pylist(), table["sender"].to_pylist())
        texts = pc.if_else(pa.array(allowed, pa.bool_()), pa.scalar(None, pa.string()), texts)
    rows = table.select(["row", "thread", "sender", "time", "micros", "bad"])
    own = pc.fill_null(pc.equal(table["sender"], pa.scalar(me, pa.string())), False)
    return rows.append_column("text", texts).append_column("own", own)


def _batches(messages: Iterable[Message]) -> Iterator[list[list[Message]]]:
    """Yield some threads, each a list of its messages."""
    threads: list[list[Message]] = []
    for _, thread in groupby(messages, itemgetter("first_row")):
        threads.append(list(thread))
        if sum(map(len, threads)) >= _BATCH_MESSAGES:
            yield threads
            threads = []
    if threads:
        yield threads


def _turn(message: Message) -> dict[str, Any]:
    micros = message["micros"]
    seconds = None if micros is None else micros / 1e6
    return {"text": message["text"], "sender": message["sender"], "time": seconds}


def _record(messages: list[Message], prediction: ConversationPrediction) -> dict[str, Any]:
    """Return the row of a thread."""
    rows = [message["row"] for message in messages]
    timed = [message for message in messages if message["micros"] is not None]
    first, last = (f(timed, key=itemgetter("micros"), default={"time": None}) for f in (min, max))
    crossed = prediction.crossed_at
    return prediction.to_dict() | {
        "thread": messages[0]["thread"],
        "crossed_row": None if crossed is None else rows[crossed],
        "crossed_turn": prediction.crossed_turn,
        "messages": len(rows),
        "judged": sum(turn.scam_probability is not None for turn in prediction.turns),
        "senders": len({message["sender"] for message in messages} - {None}),
        "first_time": first["time"],
        "last_time": last["time"],
        "bad_times": sum(message["bad"] for message in messages),
        "first_row": rows[0],
        "turns_that_mattered": [rows[position] for position in prediction.turns_that_mattered],
        "turns": [{"row": rows[turn.position], "risk": turn.risk} for turn in prediction.turns],
        "notes": "; ".join(prediction.notes) or None,
    }


def _shown(table: pa.Table, named: dict[str, str | None]) -> pa.Table:
    """Return the columns of threads that are known, with the name in the input."""
    if named["sender"] is None:
        table = table.drop_columns(["senders", "suspect"])
    if named["time"] is None:
        table = table.drop_columns(["first_time", "last_time", "bad_times"])
    title, names = named["thread"], table.column_names[1:]
    return table.rename_columns(["thread" if title in names else title, *names])
