"""Threads of a scored file: their figures in every format, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dump_files import read_rows, write_jsonl
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect import ScamDetector
from scamdetect.dumps.decide import AllowList
from scamdetect.dumps.score import ScoreOptions, score_file
from scamdetect.errors import InputError
from scamdetect.scored import threads
from scamdetect.scored.database import OutputOptions
from scamdetect.scored.threads import ThreadsSummary, write_threads

LURE, PLAIN = "guaranteed bitcoin profit", "hello lunch"
# thread, sender, time, text
ROWS = [
    ("ann", "me", "2024-01-01T10:00:00", PLAIN),
    ("bob", "bob", "2024-01-01T10:00:00", PLAIN),
    ("ann", "eve", "2024-01-01T10:05:00", LURE),
    ("", "eve", "2024-01-01T10:06:00", LURE),
    ("ann", "eve", "2024-01-01T10:04:00", "hello bitcoin"),
    ("bob", "me", "soon", "thanks"),
    ("cid", "me", "", LURE),
    ("dot", "dot", "2024-01-01", f"{LURE} {LURE}"),
]
NAMES = ("chat", "who", "at", "text")


def columns_of(*names: str | None) -> dict[str, Any]:
    """Return the arguments for the columns of threads, senders and times, and the own side."""
    options = ("thread_column", "sender_column", "time_column", "me")
    return dict(zip(options, names, strict=False))


COLUMNS = columns_of("chat", "who", "at", "me")


def _csv(folder: Path, rows: Iterable[Sequence[object]] = ROWS) -> Path:
    path = folder / "in.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([NAMES, *rows])
    return path


def _judge(
    source: Path,
    target: str,
    detector: ScamDetector,
    columns: dict[str, Any] = COLUMNS,
    **options: Any,  # noqa: ANN401
) -> ThreadsSummary:
    """Score a dump and judge its threads."""
    scored = source.with_name(target)
    if not scored.exists():
        score_file(source, scored, detector=detector)
    return write_threads(scored, detector=detector, **columns, **options)


def test_a_thread_has_the_figures_of_its_messages(tmp_path: Path, detector: ScamDetector) -> None:
    summary = _judge(_csv(tmp_path), "out.jsonl", detector)
    assert summary == ThreadsSummary(
        tmp_path / "out.threads.jsonl", threads=4, flagged=2, review=0, needs_context=1,
        messages=7, own=3, rows=8,
    )  # fmt: skip
    dot, ann, bob, cid = read_rows(summary.destination)
    turns = [{"text": ROWS[n][3], "sender": ROWS[n][1], "time": ROWS[n][2]} for n in (0, 2, 4)]
    expected = detector.predict_conversation(turns, me="me")
    risks = [turn.risk for turn in expected.turns]
    assert ann == {
        "chat": "ann", "decision": "flag", "needs_context": False, "risk": risks[-1],
        "kinds": [{"kind": k.kind.value, "probability": k.probability} for k in expected.kinds],
        "crossed_row": 2, "crossed_turn": 3, "messages": 3, "judged": 2, "senders": 2,
        "suspect": "eve", "first_time": "2024-01-01T10:00:00", "last_time": "2024-01-01T10:05:00",
        "bad_times": 0, "first_row": 0,
        "turns_that_mattered": [(0, 2, 4)[p] for p in expected.turns_that_mattered],
        "turns": [
            {"row": 0, "risk": None}, {"row": 4, "risk": risks[1]}, {"row": 2, "risk": risks[2]},
        ],
        "notes": "times are out of order; messages are read in the order of time",
    }  # fmt: skip
    assert dot["risk"] > ann["risk"]
    assert (bob["chat"], bob["decision"], bob["needs_context"]) == ("bob", "pass", True)
    assert (bob["bad_times"], bob["first_time"]) == (1, "2024-01-01T10:00:00")
    assert (cid["decision"], cid["risk"], cid["judged"]) == ("unscored", None, 0)
    assert (cid["first_time"], cid["suspect"], cid["crossed_turn"]) == (None, None, None)


@pytest.mark.parametrize("target", ["out.csv", "out.tsv"])
def test_delimited_files_hold_lists_as_text(
    tmp_path: Path, detector: ScamDetector, target: str
) -> None:
    _, ann, _, cid = read_rows(_judge(_csv(tmp_path), target, detector).destination)
    first, *others = ann["turns"].split(";")
    assert first == "0:"
    assert [turn.partition(":")[0] for turn in others] == ["4", "2"]
    assert f"{float(ann['risk']):.3f}" == others[-1].partition(":")[2]
    assert ann["kinds"].startswith("investment:0.")
    assert set(ann["turns_that_mattered"].split(";")) <= {"2", "4"}
    assert (ann["needs_context"], cid["risk"], cid["kinds"]) == ("false", "", "")


def test_threads_are_named_by_columns_of_any_type(tmp_path: Path, detector: ScamDetector) -> None:
    table = pa.table(
        {
            "text": [LURE, PLAIN, LURE],
            "in": pa.array([{"id": 7}, {"id": None}, {"id": 7}], pa.struct({"id": pa.uint32()})),
            "turns": [1.5, None, 1.5],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    summary = _judge(tmp_path / "in.parquet", "out.parquet", detector, columns_of("in.id"))
    (row,) = read_rows(summary.destination)
    assert row["in.id"] == "7" and [turn["row"] for turn in row["turns"]] == [0, 2]
    assert not {"senders", "suspect", "first_time", "bad_times"} & row.keys()
    options = OutputOptions(overwrite=True)
    summary = _judge(
        tmp_path / "in.parquet", "out.parquet", detector, columns_of("turns"), options=options
    )
    assert [row["thread"] for row in read_rows(summary.destination)] == ["1.5"]


def test_a_spreadsheet_runs_no_name_of_a_thread(tmp_path: Path, detector: ScamDetector) -> None:
    source = _csv(tmp_path, [("=1+1", "@eve", "2024-01-01", LURE)])
    options = OutputOptions(spreadsheet_safe=True)
    (row,) = read_rows(_judge(source, "safe.csv", detector, options=options).destination)
    assert (row["chat"], row["suspect"]) == ("'=1+1", "'@eve")


_MESSAGES = st.lists(
    st.tuples(
        st.sampled_from([None, "", "a", "b", "c", "d"]),
        st.sampled_from([None, "me", "eve", " eve ", "dot"]),
        st.sampled_from([None, "bad", "2024-01-01", "2024-01-01T00:00:00Z", "1700000000"]),
        st.sampled_from([None, PLAIN, LURE, "bitcoin", "利润 darling", "> hello"]),
    ),
    min_size=1,
    max_size=14,
)  # fmt: skip


@settings(deadline=None, max_examples=15)
@given(_MESSAGES, st.integers(1, 8))
def test_each_thread_is_judged_as_if_it_were_alone(
    tmp_path_factory: pytest.TempPathFactory,
    detector: ScamDetector,
    messages: list[tuple[str | None, ...]],
    together: int,
) -> None:
    rows = [dict(zip(NAMES, row, strict=True)) for row in [*messages, ("a", "eve", "x", "hi")]]
    source = write_jsonl(tmp_path_factory.mktemp("any"), rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "_BATCH_MESSAGES", together)
        found = read_rows(_judge(source, "out.jsonl", detector).destination)
    assert {row["chat"] for row in found} == {row["chat"] for row in rows if row["chat"]}
    keys = [(r["decision"] != "flag", -(r["risk"] or 0), r["first_row"]) for r in found]
    assert keys == sorted(keys)
    for row in found:
        own = [n for n, one in enumerate(rows) if one["chat"] == row["chat"]]
        turns = [
            {
                "text": rows[n]["text"],
                "sender": rows[n]["who"] and rows[n]["who"].strip(),
                "time": 1.7e9 if rows[n]["at"] == "1700000000" else rows[n]["at"],
            }
            for n in own
        ]
        alone = detector.predict_conversation(turns, me="me")
        assert (row["decision"], row["needs_context"], row["risk"]) == (
            alone.decision.value, alone.needs_context, alone.risk,
        )  # fmt: skip
        assert [(turn["row"], turn["risk"]) for turn in row["turns"]] == [
            (own[turn.position], turn.risk) for turn in alone.turns
        ]
        assert row["crossed_row"] == (None if alone.crossed_at is None else own[alone.crossed_at])
        assert (row["messages"], row["first_row"]) == (len(own), own[0])


def test_a_dump_without_threads_gives_a_file_without_rows(
    tmp_path: Path, detector: ScamDetector
) -> None:
    source = _csv(tmp_path, [("", "eve", "", LURE)])
    for target in ("out.csv", "out.jsonl", "out.parquet"):
        summary = _judge(source, target, detector)
        assert read_rows(summary.destination) == []
        assert (summary.threads, summary.messages, summary.own, summary.rows) == (0, 0, 0, 1)
    assert (tmp_path / "out.threads.csv").read_text("utf-8").startswith("chat,decision,")


def test_the_own_side_is_not_judged(tmp_path: Path, detector: ScamDetector) -> None:
    rows = [("ann", "7", "", LURE), ("ann", "8", "", PLAIN)]
    columns = columns_of("chat", "who", None, " 7 ")
    (row,) = read_rows(_judge(_csv(tmp_path, rows), "out.csv", detector, columns).destination)
    assert (row["decision"], row["suspect"], row["judged"]) == ("pass", "8", "1")
    other = columns_of("chat", "who", None, "9")
    options = OutputOptions(overwrite=True)
    assert _judge(tmp_path / "in.csv", "out.csv", detector, other, options=options).own == 0


def test_allowed_messages_are_not_judged(tmp_path: Path, detector: ScamDetector) -> None:
    allow_list = AllowList(frozenset([("eve", None)]))
    options = ScoreOptions(allow_list=allow_list, sender_column="who")
    score_file(_csv(tmp_path), tmp_path / "out.csv", detector=detector, options=options)
    columns = columns_of("chat", None, "at", "me")  # the sender is that of the job
    summary = _judge(tmp_path / "in.csv", "out.csv", detector, columns, allow_list=allow_list)
    decisions = {row["chat"]: row["decision"] for row in read_rows(summary.destination)}
    assert decisions == {"dot": "flag", "ann": "unscored", "bob": "pass", "cid": "unscored"}


def test_columns_of_chat_exports_are_known(tmp_path: Path, detector: ScamDetector) -> None:
    (tmp_path / "chats").mkdir()
    for name, text in (("WhatsApp Chat with Eve", LURE), ("WhatsApp Chat with Bob", PLAIN)):
        lines = [
            f"[02/01/24, 10:0{n}:00] {'Ann' if n % 2 else name[19:]}: {text}" for n in range(6)
        ]
        path = tmp_path / "chats" / f"{name}.txt"
        path.write_text("\n".join(lines), encoding="utf-8")
    columns = columns_of(None, None, None, "Ann")
    summary = _judge(tmp_path / "chats", "out.parquet", detector, columns)
    rows = read_rows(summary.destination)
    assert [(row["suspect"], row["decision"]) for row in rows] == [("Eve", "flag"), ("Bob", "pass")]
    assert "chat" in rows[0] and "first_time" in rows[0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (columns_of(), "--thread-column"),
        (columns_of("no"), "no column 'no'"),
        (columns_of("chat", "no"), "no column 'no'"),
        (columns_of("chat", None, "flag"), "column 'flag' holds bool, not times"),
        (columns_of("chat", None, None, "x"), "--sender-column"),
        (columns_of("chat", "chat", None, " "), "blank"),
    ],
)
def test_unusable_columns_are_refused_before_anything_is_judged(
    tmp_path: Path, detector: ScamDetector, columns: dict[str, Any], message: str
) -> None:
    table = pa.table({"text": ["a secret"], "chat": ["x"], "flag": [True]})
    pq.write_table(table, tmp_path / "in.parquet")
    with pytest.raises(InputError, match=message) as error:
        _judge(tmp_path / "in.parquet", "out.parquet", detector, columns)
    assert "secret" not in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} == {
        "in.parquet", "out.parquet", "out.parquet.job.json",
    }  # fmt: skip


def test_the_job_must_be_known_and_of_the_same_model(
    tmp_path: Path, detector: ScamDetector
) -> None:
    source, record = _csv(tmp_path), tmp_path / "out.csv.job.json"
    summary = _judge(source, "out.csv", detector)
    with pytest.raises(InputError, match="already exists"):
        _judge(source, "out.csv", detector)
    options = OutputOptions(overwrite=True)
    strict = json.loads(record.read_text("utf-8")) | {"flag": 1.0, "review": 1.0}
    record.write_text(json.dumps(strict | {"model_id": "other@1+abc"}), encoding="utf-8")
    with pytest.raises(InputError, match=r"scored with other@1\+abc, not with .*--model"):
        _judge(source, "out.csv", detector, options=options)
    record.unlink()
    with pytest.raises(InputError, match=r"job\.json.* is missing"):
        _judge(source, "out.csv", detector, options=options)
    assert len(read_rows(summary.destination)) == 4
