"""Threads of a scored file: what their rows tell, whatever the format and what lies between."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dump_files import read_rows, write_jsonl
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect import ScamDetector
from scamdetect.cli.console import thread_lines
from scamdetect.dumps import score_file
from scamdetect.dumps.allow_list import AllowList
from scamdetect.errors import InputError, JobInterrupted
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
COLUMNS: dict[str, Any] = {
    "thread_column": "chat", "sender_column": "who", "time_column": "at", "me": "me",
}  # fmt: skip


def _score(
    source: Path,
    target: str,
    detector: ScamDetector,
    **options: Any,  # noqa: ANN401
) -> ThreadsSummary:
    """Score a dump and judge its threads; the columns are those of the dump."""
    asked = COLUMNS | options
    own = {name: asked.pop(name) for name in ("part_rows", "columns") if name in asked}
    if asked.get("allow_list") is not None:
        own |= {name: asked[name] for name in ("allow_list", "sender_column")}
    scored = source.with_name(target)
    if not scored.exists():
        score_file(source, scored, detector=detector, **own)
    return write_threads(scored, detector=detector, source=source, **asked)


def _csv(folder: Path, rows: Iterable[Sequence[object]] = ROWS) -> Path:
    path = folder / "in.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([NAMES, *rows])
    return path


def _message(row: Sequence[str]) -> dict[str, str | None]:
    _, sender, time, text = (value or None for value in row)
    return {"sender": sender, "time": time, "text": text}


def test_a_thread_tells_what_happened(tmp_path: Path, detector: ScamDetector) -> None:
    summary = _score(_csv(tmp_path), "out.jsonl", detector)
    assert summary == ThreadsSummary(
        tmp_path / "out.threads.jsonl", threads=4, flagged=2, review=0, needs_context=1,
        messages=7, own=3, rows=8,
    )  # fmt: skip
    dot, ann, *others = read_rows(summary.destination)
    expected = detector.predict_conversation([_message(ROWS[n]) for n in (0, 2, 4)], me="me")
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
    assert risks[0] is None and ann["kinds"] and ann["turns_that_mattered"]
    assert dot["risk"] > ann["risk"]
    bob, cid = others
    assert (bob["chat"], bob["decision"], bob["needs_context"]) == ("bob", "pass", True)
    assert (bob["bad_times"], bob["first_time"]) == (1, "2024-01-01T10:00:00")
    assert (cid["chat"], cid["decision"], cid["risk"], cid["judged"]) == (
        "cid",
        "unscored",
        None,
        0,
    )
    assert (cid["first_time"], cid["suspect"], cid["crossed_turn"]) == (None, None, None)
    told = "\n".join(thread_lines(summary))
    assert "4 threads of 7 messages: flagged 2, review 0, too short to tell 1" in told
    assert "rows in no thread: 1\n" in told
    assert str(summary.destination) in told


@pytest.mark.parametrize("target", ["out.csv", "out.tsv"])
def test_delimited_files_hold_lists_as_text(
    tmp_path: Path, detector: ScamDetector, target: str
) -> None:
    _, ann, _, cid = read_rows(_score(_csv(tmp_path), target, detector).destination)
    first, *others = ann["turns"].split(";")
    assert first == "0:"
    assert [turn.partition(":")[0] for turn in others] == ["4", "2"]
    assert f"{float(ann['risk']):.3f}" == others[-1].partition(":")[2]
    assert ann["kinds"].startswith("investment:0.")
    assert set(ann["turns_that_mattered"].split(";")) <= {"2", "4"}
    assert (ann["needs_context"], cid["risk"], cid["kinds"]) == ("false", "", "")


def test_parquet_keeps_types(tmp_path: Path, detector: ScamDetector) -> None:
    stamps = [datetime(2024, 1, 2, tzinfo=UTC), None, datetime(2023, 1, 2, tzinfo=UTC)]
    table = pa.table(
        {
            "text": [LURE, PLAIN, LURE],
            "in": pa.array([{"id": 7}, {"id": None}, {"id": 7}], pa.struct({"id": pa.uint32()})),
            "at": pa.array(stamps, pa.timestamp("ns", "UTC")),
            "who": pa.array(["x", "y", "x"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    options = {"thread_column": "in.id", "columns": ["text"], "me": None}
    summary = _score(tmp_path / "in.parquet", "out.parquet", detector, **options)
    found = pq.read_table(summary.destination)
    assert found.schema.field("in.id").type == pa.uint32()
    assert found.schema.field("first_time").type == pa.timestamp("ns", "UTC")
    assert found["in.id"].to_pylist() == [7]
    assert found["last_time"].cast(pa.timestamp("s", "UTC")).to_pylist() == [stamps[0]]
    assert [turn["row"] for turn in found["turns"].to_pylist()[0]] == [2, 0]
    tags = _score(tmp_path / "in.parquet", "tags.parquet", detector, **options | {
        "thread_column": "who", "sender_column": None, "time_column": None,
    })  # fmt: skip
    assert [row["who"] for row in read_rows(tags.destination)] == ["x", "y"]
    assert (
        not {"senders", "suspect", "first_time", "bad_times"}
        & read_rows(tags.destination)[0].keys()
    )


@pytest.mark.parametrize(
    ("threads", "expected"),
    [
        (pa.array([1.5, float("nan"), None, 1.5]), [1.5]),
        (pa.array([b"\xff", b"", None, b"\xff"]), [b"\xff", b""]),
        (pa.array(["a", "", None, "b"]).cast(pa.large_string()), ["a", "b"]),
        (pa.array([True, False, None, True]), [True, False]),
        (pa.array([b"\xff\xfe", b"a", None, b"a"]).cast(pa.string(), safe=False), None),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_threads_of_any_flat_type(
    tmp_path: Path, detector: ScamDetector, threads: pa.Array, expected: list[object] | None
) -> None:
    pq.write_table(pa.table({"text": [LURE] * 4, "chat": threads}), tmp_path / "in.parquet")
    options = {"sender_column": None, "time_column": None, "me": None}
    summary = _score(tmp_path / "in.parquet", "out.parquet", detector, **options)
    found = pq.read_table(summary.destination)
    assert found.schema.field("chat").type == threads.type
    if expected is not None:
        assert found["chat"].to_pylist() == expected
        assert summary.threads == len(expected)
        return
    assert found["chat"].cast(pa.binary()).to_pylist() == [b"\xff\xfe", b"a"]
    summary = _score(
        tmp_path / "in.parquet", "out.jsonl", detector, **options | {"columns": ["text"]}
    )
    assert [row["chat"] for row in read_rows(summary.destination)] == ["\\xff\\xfe", "a"]


def test_names_and_texts_that_utf8_lacks(tmp_path: Path, detector: ScamDetector) -> None:
    source = tmp_path / "in.jsonl"
    row = '{"text": "guaranteed \\ud83d profit", "chat": "\\ud83d", "who": "\\ude00", "at": "x"}\n'
    source.write_text(row * 2, encoding="utf-8")
    (thread,) = read_rows(_score(source, "out.jsonl", detector, me=None).destination)
    assert (thread["chat"], thread["suspect"], thread["messages"]) == ("\\ud83d", "\\ude00", 2)
    assert thread["bad_times"] == 2
    alone = detector.predict_conversation([{"text": "guaranteed \ud83d profit"}] * 2)
    assert thread["risk"] == alone.risk


def test_a_spreadsheet_runs_no_name_of_a_thread(tmp_path: Path, detector: ScamDetector) -> None:
    source = _csv(tmp_path, [("=1+1", "@eve", "2024-01-01", LURE)])
    (safe,) = read_rows(_score(source, "safe.csv", detector, spreadsheet_safe=True).destination)
    assert (safe["chat"], safe["suspect"]) == ("'=1+1", "'@eve")
    (plain,) = read_rows(_score(source, "plain.csv", detector).destination)
    assert (plain["chat"], plain["suspect"]) == ("=1+1", "@eve")


_TEXTS = st.sampled_from([None, PLAIN, LURE, "bitcoin", "利润 darling", "> hello"])
_MESSAGES = st.lists(
    st.tuples(
        st.sampled_from([None, "", "a", "b", "c", "d"]),
        st.sampled_from([None, "me", "eve", " eve ", "dot"]),
        st.sampled_from([None, "bad", "2024-01-01", "2024-01-01T00:00:00Z", "1700000000"]),
        _TEXTS,
    ),
    min_size=1,
    max_size=14,
)  # fmt: skip


@settings(deadline=None, max_examples=15)
@given(_MESSAGES, st.integers(1, 15), st.sampled_from([1, 200, 1 << 20]), st.sampled_from([1, 256]))
def test_each_thread_is_judged_as_if_it_stood_alone(
    tmp_path_factory: pytest.TempPathFactory,
    detector: ScamDetector,
    messages: list[tuple[str | None, ...]],
    part_rows: int,
    bucket_bytes: int,
    few: int,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    rows = [dict(zip(NAMES, row, strict=True)) for row in messages]
    source = write_jsonl(folder, rows)
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in (
            ("dumps.batches", "BATCH_ROWS", 3),
            ("scored.threads", "SEGMENT_ROWS", part_rows),
            ("scored.threads", "BUCKET_BYTES", bucket_bytes),
            ("scored.work", "_HELD_BYTES", bucket_bytes),
            ("scored.thread_rows", "_BATCH_MESSAGES", few * 4),
            ("scored.work", "_CHUNK", few),
            ("scored.work", "_SLICE_WEIGHT", few * 3),
        ):
            patch.setattr(f"scamdetect.{module}.{name}", value)
        found = read_rows(_score(source, "out.jsonl", detector, part_rows=part_rows).destination)
    assert {row["chat"] for row in found} == {row["chat"] for row in rows if row["chat"]}
    keys = [(r["decision"] != "flag", -(r["risk"] or 0), r["first_row"]) for r in found]
    assert keys == sorted(keys)
    for row in found:
        own = [n for n, one in enumerate(rows) if one["chat"] == row["chat"]]
        alone = detector.predict_conversation(
            [
                {
                    "text": rows[n]["text"],
                    "sender": rows[n]["who"] and rows[n]["who"].strip(),
                    "time": 1.7e9 if rows[n]["at"] == "1700000000" else rows[n]["at"],
                }
                for n in own
            ],
            me="me",
        )
        assert (row["decision"], row["needs_context"]) == (
            alone.decision.value,
            alone.needs_context,
        )
        assert row["risk"] == alone.risk
        assert [turn["row"] for turn in row["turns"]] == [own[t.position] for t in alone.turns]
        assert [turn["risk"] for turn in row["turns"]] == [turn.risk for turn in alone.turns]
        assert row["crossed_row"] == (None if alone.crossed_at is None else own[alone.crossed_at])
        assert row["messages"] == len(own)
        assert row["first_row"] == own[0]


def test_texts_are_read_once_however_long_a_thread(
    tmp_path: Path, detector: ScamDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = ScamDetector.predict

    def predict(self: ScamDetector, texts: Any) -> Any:  # noqa: ANN401
        given = list(texts)
        asked.append(len(given))
        return real(self, given)

    monkeypatch.setattr(ScamDetector, "predict", predict)
    turns = 20_000
    rows = [
        ("ann", ("eve", "me")[n % 2], str(1_700_000_000 + n), f"hello {n}") for n in range(turns)
    ]
    rows[14_000] = ("ann", "eve", "1700014000", LURE)
    rows[4_002:4_002] = [("short", "eve", "", PLAIN)]
    (long, short) = read_rows(_score(_csv(tmp_path, rows), "out.csv", detector).destination)
    # The messages by themselves, then each judged one alone and with the last words before it.
    assert sum(asked) == turns + 1 + 2 * (turns // 2 + 1)
    assert (long["messages"], long["crossed_row"], long["crossed_turn"]) == (
        "20000",
        "14001",
        "14001",
    )
    assert long["turns"].count(";") == turns - 1
    assert (short["messages"], short["first_row"]) == ("1", "4002")


def test_a_dump_without_threads_gives_a_file_without_rows(
    tmp_path: Path, detector: ScamDetector
) -> None:
    source = _csv(tmp_path, [("", "eve", "", LURE)])
    for target in ("out.csv", "out.jsonl", "out.parquet"):
        summary = _score(source, target, detector)
        assert read_rows(summary.destination) == []
        assert (summary.threads, summary.messages, summary.own, summary.rows) == (0, 0, 0, 1)
    assert (tmp_path / "out.threads.csv").read_text("utf-8").startswith("chat,decision,")


def test_a_side_that_wrote_nothing_is_told(tmp_path: Path, detector: ScamDetector) -> None:
    summary = _score(_csv(tmp_path), "out.csv", detector, me="Me")
    assert summary.own == 0
    assert any("--me names" in line for line in thread_lines(summary))
    numbers = _csv(tmp_path, [("ann", "7", "", LURE), ("ann", "8", "", PLAIN)])
    (row,) = read_rows(_score(numbers, "numbers.csv", detector, me=" 7 ").destination)
    assert (row["decision"], row["suspect"], row["judged"]) == ("pass", "8", "1")


def test_what_is_allowed_is_not_judged(tmp_path: Path, detector: ScamDetector) -> None:
    allow_list = AllowList(frozenset([("eve", None)]))
    summary = _score(_csv(tmp_path), "out.csv", detector, allow_list=allow_list)
    decisions = {row["chat"]: row["decision"] for row in read_rows(summary.destination)}
    assert decisions == {"dot": "flag", "ann": "unscored", "bob": "pass", "cid": "unscored"}


def test_the_files_of_a_folder_may_be_the_threads(tmp_path: Path, detector: ScamDetector) -> None:
    folder = tmp_path / "chats"
    folder.mkdir()
    for name, text in (("WhatsApp Chat with Eve", LURE), ("WhatsApp Chat with Bob", PLAIN)):
        lines = [
            f"[02/01/24, 10:0{n}:00] {'Ann' if n % 2 else name[19:]}: {text}" for n in range(6)
        ]
        (folder / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")
    scored = tmp_path / "out.parquet"
    score_file(folder, scored, detector=detector)
    by_file = write_threads(scored, detector=detector, thread_column="scamdetect_file", me="Ann")
    found = [(row["scamdetect_file"], row["decision"]) for row in read_rows(by_file.destination)]
    assert found == [("WhatsApp Chat with Eve.txt", "flag"), ("WhatsApp Chat with Bob.txt", "pass")]
    by_name = write_threads(scored, detector=detector, me="Ann", overwrite=True)  # which are known
    rows = read_rows(by_name.destination)
    assert [row["suspect"] for row in rows] == ["Eve", "Bob"]
    assert "chat" in rows[0] and "first_time" in rows[0]


def test_a_column_named_as_one_of_ours_is_called_thread(
    tmp_path: Path, detector: ScamDetector
) -> None:
    options = {"thread_column": "turns", "sender_column": None, "time_column": None, "me": None}
    source = write_jsonl(tmp_path, [{"text": PLAIN, "turns": 5}])
    (row,) = read_rows(_score(source, "out.jsonl", detector, **options).destination)
    assert (row["thread"], row["turns"][0]["row"]) == (5, 0)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([{"text": "a", "chat": {"a": 1}}], {}, "'chat' holds objects or lists.*such as chat.id"),
        ([{"text": "a", "chat": "x"}, {"text": "a", "chat": [1]}], {}, "'chat' holds objects"),
        ([{"text": "a", "chat": "x"}], {"thread_column": "no"}, "no column 'no'.*--thread-column"),
        ([{"text": "a", "chat": {"a": 1}}], {"thread_column": "chat.b"}, "no column 'chat.b'"),
        (
            [{"text": "a", "chat": "x"}],
            {"me": "x"},
            "--sender-column",
        ),
        ([{"text": "a", "chat": "x"}], {"me": " ", "sender_column": "chat"}, "--me. is blank"),
        (
            [{"text": "a", "who": "x"}],
            {"thread_column": None, "sender_column": "who"},
            "--thread-col",
        ),
    ],
)
def test_what_names_no_thread_is_refused_before_anything_is_judged(
    tmp_path: Path,
    detector: ScamDetector,
    rows: list[object],
    options: dict[str, Any],
    message: str,
) -> None:
    source = write_jsonl(tmp_path, rows)
    given = {"sender_column": None, "time_column": None, "me": None} | options
    with pytest.raises(InputError, match=message):
        _score(source, "out.jsonl", detector, **given)
    assert not list(tmp_path.glob("out.threads*"))


def test_columns_that_hold_lists_or_are_there_twice_are_refused(
    tmp_path: Path, detector: ScamDetector
) -> None:
    pq.write_table(pa.table({"text": ["a"], "chat": [[1]]}), tmp_path / "in.parquet")
    options = {"sender_column": None, "time_column": None, "me": None}
    with pytest.raises(InputError, match=r"'chat' holds list<.*--thread-column"):
        _score(tmp_path / "in.parquet", "out.parquet", detector, **options)
    (tmp_path / "in.csv").write_text("text,chat,chat\na,b,c\n", encoding="utf-8")
    with pytest.raises(InputError, match="2 columns 'chat'"):
        _score(tmp_path / "in.csv", "out.csv", detector, **options)


def test_an_existing_file_of_threads_stays(tmp_path: Path, detector: ScamDetector) -> None:
    source = _csv(tmp_path)
    score_file(source, tmp_path / "out.csv", detector=detector)
    (tmp_path / "out.threads.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"out\.threads\.csv: already exists"):
        _score(source, "out.csv", detector)
    assert (tmp_path / "out.threads.csv").read_text("utf-8") == "mine"
    assert read_rows(_score(source, "out.csv", detector, overwrite=True).destination)
    with pytest.raises(InputError, match="would be overwritten"):
        write_threads(
            tmp_path / "out.csv",
            source,
            detector=detector,
            source=source,
            overwrite=True,
            **COLUMNS,
        )


def test_thresholds_that_no_detector_gives_any_more_are_refused(
    tmp_path: Path, detector: ScamDetector
) -> None:
    scored = tmp_path / "out.csv"
    score_file(_csv(tmp_path), scored, detector=detector)
    record = tmp_path / "out.csv.job.json"
    text = record.read_text("utf-8")
    assert text.count('"review_scam_verdicts": true') == 1
    record.write_text(text.replace('scam_verdicts": true', 'scam_verdicts": false'), "utf-8")
    with pytest.raises(InputError, match=r"out\.csv: was scored with thresholds that this"):
        write_threads(scored, detector=detector, **COLUMNS)
    assert not (tmp_path / "out.threads.csv").exists()


def test_batches_of_another_size_are_not_gone_on_with(
    tmp_path: Path, detector: ScamDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scamdetect.dumps.batches.BATCH_ROWS", 3)
    monkeypatch.setattr("scamdetect.scored.threads.SEGMENT_ROWS", 3)
    source, read = _csv(tmp_path), []
    with pytest.raises(JobInterrupted):
        _score(source, "out.csv", detector, watch=read.append, stop=lambda: len(read) > 0)
    monkeypatch.setattr("scamdetect.dumps.batches.BATCH_ROWS", 4)
    with pytest.raises(InputError, match=r"not split into the same parts.*--overwrite"):
        _score(source, "out.csv", detector, resume=True)
    assert _score(source, "out.csv", detector, overwrite=True).threads == 4


def test_threads_go_behind_a_url_too(
    tmp_path: Path, detector: ScamDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs the extra remote")
    memory = fsspec.filesystem("memory")
    monkeypatch.chdir(tmp_path)
    source = _csv(tmp_path)
    score_file(source, "memory://out.jsonl", detector=detector)
    options = COLUMNS | {"detector": detector, "source": source}
    summary = write_threads("memory://out.jsonl", "memory://out.threads.jsonl", **options)
    assert str(summary.destination) == "memory:///out.threads.jsonl"
    local = _score(source, "out.jsonl", detector).destination
    assert memory.cat("/out.threads.jsonl") == local.read_bytes()
    beside = write_threads("memory://out.jsonl", overwrite=True, **options)
    assert beside.destination.resolve() == local  # nothing is uploaded unasked
    memory.store.clear()
