"""One row a group of a scored file: what it tells, its order and types, bounds, and sums."""

from __future__ import annotations

import csv
from collections.abc import Sequence
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
from scamdetect.dumps import score_file
from scamdetect.dumps.columns import Column
from scamdetect.errors import InputError
from scamdetect.frames.times import instants
from scamdetect.labels import Decision, Kind
from scamdetect.prediction import KindScore, Prediction, unscored
from scamdetect.scored import group_sums
from scamdetect.scored.group_sums import Groups
from scamdetect.scored.groups import GroupsSummary, write_groups
from scamdetect.scored.work import read_streams

LURE, PLAIN = "guaranteed bitcoin profit", "hello lunch"
ROWS = [
    ("ann", "2024-01-02T10:00:00", LURE),
    ("bob", "2024-01-01", PLAIN),
    ("ann", "soon", PLAIN),
    ("", "2024-01-05", LURE),
    ("ann", "2024-01-01T23:00:00-05:00", "guaranteed darling profit"),
    ("cid", "", ""),
    ("dot", "2024-01-03", LURE),
]


def _score(
    source: Path,
    target: str,
    detector: ScamDetector,
    *,
    by: str = "who",
    time_column: str | None = "at",
    **options: Any,  # noqa: ANN401 - of scoring
) -> Path:
    """Score a dump and return the file of its groups; the columns are those of the dump."""
    scored = source.with_name(target)
    if not scored.exists():
        score_file(source, scored, detector=detector, **options)
    return write_groups(scored, by=by, time_column=time_column, source=source).destination


def _csv(folder: Path) -> Path:
    path = folder / "in.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("who", "at", "text"), *ROWS])
    return path


def test_a_group_tells_what_its_account_did(tmp_path: Path, detector: ScamDetector) -> None:
    score_file(_csv(tmp_path), tmp_path / "out.jsonl", detector=detector)
    summary = write_groups(tmp_path / "out.jsonl", by="who", time_column="at")
    assert summary == GroupsSummary(tmp_path / "out.groups.jsonl", groups=5, flagged=3, rows=7)
    ann, *others = read_rows(summary.destination)
    risk = detector.predict([LURE])[0].scam_probability
    assert ann == {
        "who": "ann", "messages": 3, "flagged": 2, "review": 0, "unscored": 0,
        "flagged_share": pytest.approx(2 / 3),
        "kinds": [
            {"kind": "investment", "messages": 2}, {"kind": "crypto", "messages": 1},
            {"kind": "romance", "messages": 1},
        ],
        "languages": [{"language": "en", "messages": 3}],
        "first_time": "2024-01-02T10:00:00", "last_time": "2024-01-01T23:00:00-05:00",
        "bad_times": 1, "highest_scam_probability": risk, "highest_row": 0,
    } | {"first_time": "2024-01-01T23:00:00-05:00", "last_time": "2024-01-02T10:00:00"}  # fmt: skip
    # After the most flagged come, of one flagged message each, the earliest, then the others.
    assert [row["who"] for row in others] == [None, "dot", "bob", "cid"]
    assert (others[3]["unscored"], others[3]["highest_scam_probability"]) == (1, None)
    assert (others[3]["highest_row"], others[3]["bad_times"], others[3]["kinds"]) == (None, 0, [])


@pytest.mark.parametrize("target", ["out.csv", "out.tsv"])
def test_delimited_files_hold_kinds_as_text(
    tmp_path: Path, detector: ScamDetector, target: str
) -> None:
    first, second, *_, last = read_rows(_score(_csv(tmp_path), target, detector))
    assert first["kinds"] == "investment:2;crypto:1;romance:1"
    assert (first["languages"], second["who"], last["kinds"]) == ("en:3", "", "")


def test_parquet_keeps_types(tmp_path: Path, detector: ScamDetector) -> None:
    stamps = [datetime(2024, 1, 2, tzinfo=UTC), None, datetime(2023, 1, 2, tzinfo=UTC)]
    table = pa.table(
        {
            "text": [LURE, PLAIN, LURE],
            "from": pa.array([{"id": 7}, {"id": None}, {"id": 7}], pa.struct({"id": pa.uint32()})),
            "at": pa.array(stamps, pa.timestamp("ns", "UTC")),
            "tag": pa.array(["x", "y", "x"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    found = pq.read_table(
        _score(tmp_path / "in.parquet", "out.parquet", detector, by="from.id", columns=["text"])
    )
    assert found.schema.field("from.id").type == pa.uint32()
    assert found.schema.field("first_time").type == pa.timestamp("ns", "UTC")
    assert found["from.id"].to_pylist() == [7, None]
    assert found["first_time"].cast(pa.timestamp("s", "UTC")).to_pylist() == [stamps[2], None]
    assert found["last_time"].cast(pa.timestamp("s", "UTC")).to_pylist() == [stamps[0], None]
    tags = _score(tmp_path / "in.parquet", "tags.csv", detector, by="tag", time_column=None)
    assert [row["tag"] for row in read_rows(tags)] == ["x", "y"]
    assert "first_time" not in read_rows(tags)[0]


def test_objects_name_groups_by_a_path(tmp_path: Path, detector: ScamDetector) -> None:
    whos: list[object] = [{"id": 5}, {"id": "5"}, {"id": True}, {"id": ""}, {}, None, "x"]
    source = write_jsonl(tmp_path, [{"text": LURE, "who": who} for who in whos])
    found = read_rows(_score(source, "out.jsonl", detector, by="who.id", time_column=None))
    assert [(row["who.id"], row["messages"]) for row in found] == [
        (None, 3), ("5", 2), ("true", 1), ("", 1),
    ]  # fmt: skip


def test_numbers_of_objects_stay_numbers(tmp_path: Path, detector: ScamDetector) -> None:
    rows = [{"text": PLAIN, "who": n % 2, "at": 1_700_000_000 + n} for n in range(4)]
    found = read_rows(_score(write_jsonl(tmp_path, rows), "out.jsonl", detector))
    assert [(row["who"], row["first_time"]) for row in found] == [
        (0, 1_700_000_000), (1, 1_700_000_001),
    ]  # fmt: skip


def test_a_chat_is_grouped_by_sender(tmp_path: Path, detector: ScamDetector) -> None:
    lines = [f"[02/01/24, 10:0{n}:00] {'Ann' if n % 3 else 'Bob'}: {LURE}" for n in range(6)]
    (tmp_path / "chat.txt").write_text("\n".join(lines), encoding="utf-8")
    found = read_rows(
        _score(tmp_path / "chat.txt", "out.parquet", detector, by="sender", time_column="time")
    )
    assert [(row["sender"], row["flagged"]) for row in found] == [("Ann", 4), ("Bob", 2)]
    assert found[0]["first_time"] < found[0]["last_time"]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([{"text": "a", "who": "x"}], {"by": "no"}, r"no column 'no'.*text, who.*--by"),
        ([{"text": "a", "who": {"a": 1}}], {"by": "who.b"}, "no column 'who.b'"),
        ([{"text": "a", "who": {"a": 1}}], {}, "column 'who' holds objects or lists"),
        ([{"text": "a", "who": "x"}, {"text": "a", "who": [1]}], {}, "column 'who' holds objects"),
        ([{"text": "a", "who": "x", "at": {}}], {"time_column": "at"}, "column 'at' holds"),
        ([{"text": "a", "who": "x"}], {"time_column": "on"}, "no column 'on'.*--time-column"),
        ([{"text": "a", "who": "x", "at": True}], {"time_column": "at"}, "holds bool, not times"),
    ],
)
def test_what_cannot_be_grouped_is_named_before_anything_is_written(
    tmp_path: Path,
    detector: ScamDetector,
    rows: list[object],
    options: dict[str, Any],
    message: str,
) -> None:
    source = write_jsonl(tmp_path, rows)
    with pytest.raises(InputError, match=message):
        _score(source, "out.jsonl", detector, **({"time_column": None} | options))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["in.jsonl", "out.jsonl", "out.jsonl.job.json"]


def test_nested_and_repeated_columns_are_refused(tmp_path: Path, detector: ScamDetector) -> None:
    table = pa.table({"text": ["a"], "who": [[1]], "at": [b"x"]})
    pq.write_table(table, tmp_path / "in.parquet")
    with pytest.raises(InputError, match="'who' holds list<.*cannot be grouped"):
        _score(tmp_path / "in.parquet", "out.parquet", detector)
    with pytest.raises(InputError, match="'at' holds binary, not times"):
        _score(tmp_path / "in.parquet", "out.parquet", detector, by="at")
    (tmp_path / "in.csv").write_text("text,who,who\na,b,c\n", encoding="utf-8")
    with pytest.raises(InputError, match="2 columns 'who'"):
        _score(tmp_path / "in.csv", "out.csv", detector, time_column=None)
    with pytest.raises(InputError, match=r"no column 'text\.x'"):
        _score(tmp_path / "in.csv", "out.csv", detector, by="text.x", time_column=None)


def test_an_existing_file_of_groups_stays(tmp_path: Path, detector: ScamDetector) -> None:
    source = _csv(tmp_path)
    score_file(source, tmp_path / "out.csv", detector=detector)
    (tmp_path / "out.groups.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"out\.groups\.csv: already exists"):
        _score(source, "out.csv", detector)
    assert (tmp_path / "out.groups.csv").read_text("utf-8") == "mine"
    write_groups(tmp_path / "out.csv", by="who", overwrite=True)
    assert read_rows(tmp_path / "out.groups.csv")
    for read in ("out.csv", "in.csv", "out.csv.job.json"):
        with pytest.raises(InputError, match="would be overwritten|not a known format"):
            write_groups(
                tmp_path / "out.csv", tmp_path / read, by="who", source=source, overwrite=True
            )


def test_a_column_named_as_one_of_ours_is_called_group(
    tmp_path: Path, detector: ScamDetector
) -> None:
    source = write_jsonl(tmp_path, [{"text": PLAIN, "kinds": "a"}])
    found = read_rows(_score(source, "out.jsonl", detector, by="kinds", time_column=None))
    assert found[0]["group"] == "a"


_DECISIONS = st.sampled_from([Decision.FLAG, Decision.REVIEW, Decision.PASS])
_PREDICTIONS = st.one_of(
    st.just(unscored("missing", "m")),
    st.builds(
        lambda decision, risk, kinds, language: Prediction(
            decision, None, 0.0, 0.0, risk, tuple(KindScore(k, 0.9) for k in sorted(kinds)),
            language, 1, None, "m",
        ),
        _DECISIONS, st.sampled_from([0.1, 0.5, 0.9]), st.sets(st.sampled_from(list(Kind)[:3])),
        st.sampled_from(["en", "id"]),
    ),
)  # fmt: skip
_MESSAGES = st.lists(
    st.tuples(
        st.sampled_from([None, "", "a", "b"]),
        st.sampled_from([None, "", "bad", "2024-01-01", "2024-01-01T00:00:00Z", "2023-05-06"]),
        _PREDICTIONS,
    ),
    max_size=12,
)
_BY, _AT = Column("who", ("who",), pa.string()), Column("at", ("at",), pa.string())


def _scores(predictions: Sequence[Prediction]) -> pa.Table:
    """Return what a scored file tells of these."""
    return pa.table(
        {
            "decision": pa.array([p.decision.value for p in predictions], pa.string()),
            "probability": pa.array([p.scam_probability for p in predictions], pa.float64()),
            "kinds": pa.array(
                [[k.kind.value for k in p.kinds] for p in predictions], pa.list_(pa.string())
            ),
            "language": pa.array([p.language for p in predictions], pa.string()),
        }
    )


def _grouped(messages: Sequence[tuple[str | None, str | None, Prediction]], first: int) -> Groups:
    found = Groups(_BY, _AT)
    times = pa.array([m[1] for m in messages], pa.string())
    names = pa.array([m[0] for m in messages], pa.string())
    found.add(names, _scores([m[2] for m in messages]), first, (times, instants(times)))
    return found


@settings(deadline=None)
@given(_MESSAGES, st.lists(st.integers(0, 12), max_size=3), st.sampled_from([1, 1 << 18]))
def test_the_sum_of_segments_is_one_run(
    tmp_path_factory: pytest.TempPathFactory,
    messages: Any,  # noqa: ANN401
    cuts: list[int],
    pending: int,
) -> None:
    cuts = sorted({0, len(messages), *(cut for cut in cuts if cut < len(messages))})
    path = tmp_path_factory.getbasetemp() / "sums.arrow"
    with pytest.MonkeyPatch.context() as patch, path.open("wb") as file:
        patch.setattr(group_sums, "_LEAST_PENDING", pending)
        for start, end in zip(cuts, cuts[1:], strict=False):
            _grouped(messages[start:end], start).save(file)
        file.flush()
        summed = Groups(_BY, _AT)
        summed.load(read_streams(path))
        groups, labels = summed.tables()
    whole = _grouped(messages, 0).tables()
    assert groups.equals(whole[0]) and _set(labels) == _set(whole[1])
    rows = groups.to_pylist()
    assert sum(row["messages"] for row in rows) == len(messages)
    assert {row["group"] for row in rows} == {m[0] for m in messages}
    for row in rows:
        own = [m[2] for m in messages if m[0] == row["group"]]
        risks = [p.scam_probability for p in own if p.scam_probability is not None]
        assert row["probability"] == max(risks, default=None)
        assert row["flagged"] == sum(p.decision is Decision.FLAG for p in own)
        if risks:
            assert messages[row["highest_row"]][2].scam_probability == max(risks)


def _set(labels: pa.Table) -> set[tuple[object, ...]]:
    return {tuple(row.values()) for row in labels.to_pylist()}


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1.5, float("nan"), None, float("nan")]),
        pa.array([True, False, None, False]),
        pa.array([b"\xff", b"", None, b""]),
        pa.array(["a", "b", None, "b"]).cast(pa.large_string()),
        pa.array([datetime(2024, 1, 1), datetime(2025, 1, 1), None, datetime(2025, 1, 1)]),
    ],
    ids=lambda values: str(values.type),
)
def test_groups_of_any_flat_type(tmp_path: Path, detector: ScamDetector, values: pa.Array) -> None:
    pq.write_table(pa.table({"text": [PLAIN] * 4, "who": values}), tmp_path / "in.parquet")
    table = pq.read_table(
        _score(tmp_path / "in.parquet", "out.parquet", detector, time_column=None)
    )
    assert table["messages"].to_pylist() == [1, 2, 1]
    assert table.schema.field("who").type == values.type


@pytest.mark.parametrize("by", ["who", "day", "scamdetect_file"])
@pytest.mark.parametrize("joined", [True, False])
def test_groups_run_over_all_files(
    tmp_path: Path, detector: ScamDetector, by: str, joined: bool
) -> None:
    for day in (1, 2):
        folder = tmp_path / "in" / f"day={day}"
        folder.mkdir(parents=True)
        rows = "".join(f'{{"text": "{LURE}", "who": "u{n}"}}\n' for n in range(day))
        (folder / "a.jsonl").write_text(rows, encoding="utf-8")
    scored = tmp_path / "out.jsonl"
    score_file(tmp_path / "in", scored, detector=detector, part_rows=1)
    found = read_rows(
        write_groups(scored, by=by, source=tmp_path / "in" if joined else None).destination
    )
    expected = {
        "who": [("u0", 2), ("u1", 1)],
        "day": [(2, 2), (1, 1)],
        "scamdetect_file": [("day=2/a.jsonl", 2), ("day=1/a.jsonl", 1)],
    }
    assert [(row[by], row["messages"]) for row in found] == expected[by]


@pytest.mark.parametrize("joined", [True, False])
def test_groups_keep_the_delimiter_and_are_safe_for_spreadsheets(
    tmp_path: Path, detector: ScamDetector, joined: bool
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text('who;text\n=1+A1;"hello; lunch"\n', "utf-8")
    (tmp_path / "in" / "b.csv").write_bytes("who,text\né,hello\n".encode("cp1252") * 20)
    scored = tmp_path / "out.csv"
    options: dict[str, Any] = {"spreadsheet_safe": True, "encoding": "cp1252"}
    score_file(tmp_path / "in", scored, detector=detector, **options)
    summary = write_groups(
        scored, by="who", spreadsheet_safe=True, source=tmp_path / "in" if joined else None
    )
    groups = summary.destination.read_text("utf-8").splitlines()
    assert groups[0].startswith("who;messages;flagged")
    assert sorted(line.split(";")[0] for line in groups[1:]) == ["'=1+A1", "who", "é"]


def test_names_of_groups_that_are_not_utf8_are_escaped_in_text(
    tmp_path: Path, detector: ScamDetector
) -> None:
    names = pa.array([b"a\xff", b"b"], pa.binary()).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"who": names, "text": ["hello", "lunch"]}), tmp_path / "in.parquet")
    found = _score(tmp_path / "in.parquet", "out.csv", detector, time_column=None, columns=["text"])
    lines = found.read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["who", r"a\xff", "b"]
