"""What was scored is read back alike from every format, and what is no scored dump is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from scamdetect import ScamDetector
from scamdetect.dumps import score_file
from scamdetect.errors import InputError
from scamdetect.scored.read import ScoredDump, open_scored

_TEXTS = ["guaranteed bitcoin profit", None, 'lunch, "tomorrow"?\nthanks', "", "прибыль 利润"]
_HEADER = "text,scamdetect_decision,scamdetect_scam_probability,scamdetect_kinds\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dump") / "in.jsonl"
    rows = [{"sent_at": f"2026-01-0{n}", "text": text} for n, text in enumerate(_TEXTS, 1)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _table(dump: ScoredDump, text: str | None = None, time: str | None = None) -> pa.Table:
    return pa.concat_tables([batch.table for batch in dump.batches(text, time)])


@pytest.mark.parametrize("extension", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_gives_the_same_rows(
    source: Path, detector: ScamDetector, tmp_path: Path, extension: str
) -> None:
    target = tmp_path / f"out.{extension}"
    score_file(source, target, detector=detector)
    dump = open_scored(target)
    assert dump.columns[:2] == ("sent_at", "text")
    table = _table(dump, "text", "sent_at")
    expected = detector.predict(_TEXTS)
    assert table["decision"].to_pylist() == [p.decision.value for p in expected]
    assert table["verdict"].to_pylist() == [p.verdict and p.verdict.value for p in expected]
    assert table["kinds"].to_pylist() == [[k.kind.value for k in p.kinds] for p in expected]
    assert table["language"].to_pylist() == [p.language for p in expected]
    assert set(table["model_id"].to_pylist()) == {detector.model_id}
    assert set(table["schema_version"].to_pylist()) == {1}
    assert [text or None for text in table["text"].to_pylist()] == [t or None for t in _TEXTS]
    assert table["time"].to_pylist()[0] == "2026-01-01"
    probabilities = [p.scam_probability for p in expected if p.scam_probability is not None]
    assert table["probability"].drop_null().to_pylist() == pytest.approx(probabilities, rel=1e-6)


def test_a_folder_is_read_as_one(source: Path, detector: ScamDetector, tmp_path: Path) -> None:
    for number in (1, 2, 10):
        score_file(source, tmp_path / f"part-{number}.csv", detector=detector)
    (tmp_path / "_SUCCESS").write_text("", encoding="utf-8")
    dump = open_scored(tmp_path)
    assert _table(dump, "text")["text"].to_pylist() == [
        text or None for _ in range(3) for text in _TEXTS
    ]
    (tmp_path / "part-3.csv").write_text(_HEADER, encoding="utf-8")
    with pytest.raises(InputError, match=r"part-3\.csv: its columns differ from .*part-1\.csv"):
        open_scored(tmp_path)


def test_without_text_and_time_these_are_not_read(
    source: Path, detector: ScamDetector, tmp_path: Path
) -> None:
    score_file(source, tmp_path / "out.parquet", detector=detector)
    names = set(_table(open_scored(tmp_path / "out.parquet")).column_names)
    assert names.isdisjoint({"text", "time"})


@pytest.mark.parametrize("extension", ["jsonl", "parquet"])
def test_a_path_leads_into_nested_columns(
    detector: ScamDetector, tmp_path: Path, extension: str
) -> None:
    path = tmp_path / "in.parquet"
    message = pa.array([{"body": "lunch", "at": 1}, {"body": None, "at": 2}])
    pq.write_table(pa.table({"message": message}), path)
    target = tmp_path / f"out.{extension}"
    score_file(path, target, detector=detector, text_column="message.body")
    dump = open_scored(target)
    assert dump.has("message.body") and not dump.has("message.text")
    assert _table(dump, "message.body")["text"].to_pylist() == ["lunch", None]


def test_compressed_files_and_other_delimiters_are_read(tmp_path: Path) -> None:
    text = _HEADER.replace(",", ";") + "hi;flag;0.95;romance:0.91;crypto:0.50\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode().replace(b"1;c", b"1,c")))
    table = _table(open_scored(tmp_path / "a.csv.gz"))
    assert table["decision"].to_pylist() == ["flag"]
    assert table["schema_version"].null_count == table["verdict"].null_count == 1


def test_kinds_are_read_as_text_and_as_objects(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(_HEADER + "hi,flag,0.95,romance:0.91;crypto:0.50\n", "utf-8")
    table = _table(open_scored(tmp_path / "a.csv"))
    assert table["kinds"].to_pylist() == [["romance", "crypto"]]
    (tmp_path / "b.csv").write_text(_HEADER + "hi,flag,0.95,[{'kind': 'romance'}]\n", "utf-8")
    assert _table(open_scored(tmp_path / "b.csv"))["kinds"].to_pylist() == [[]]
    strings = pa.table(
        {
            "scamdetect_decision": ["flag"],
            "scamdetect_scam_probability": ["0.95"],
            "scamdetect_kinds": pa.array(["romance:0.9"]).dictionary_encode(),
        }
    )
    pq.write_table(strings, tmp_path / "a.parquet")
    table = _table(open_scored(tmp_path / "a.parquet"))
    assert table["kinds"].to_pylist() == [["romance"]]
    assert table["probability"].to_pylist() == [0.95]


@pytest.mark.parametrize(
    "row",
    ["a,maybe,0.5,", "a,flag,1.5,", "a,flag,nan,", "a,flag,,", "a,flag,many,", "a,flag", "a,,,"],
)
def test_what_score_never_writes_is_counted_as_unreadable(tmp_path: Path, row: str) -> None:
    (tmp_path / "a.csv").write_text(f"{_HEADER}ok,pass,0.1,\n{row}\nno,unscored,,\n", "utf-8")
    (batch,) = open_scored(tmp_path / "a.csv").batches()
    assert batch.table["decision"].to_pylist() == ["pass", "unscored"]
    assert batch.unreadable == 1


def test_numbers_that_no_column_can_hold_are_null(tmp_path: Path) -> None:
    row = {"scamdetect_decision": "flag", "scamdetect_scam_probability": 0.9, "text": "hi"}
    more = {"scamdetect_schema_version": 10**30, "time": 10**400}
    (tmp_path / "a.jsonl").write_text(f"{json.dumps(row | more)}\n", encoding="utf-8")
    table = _table(open_scored(tmp_path / "a.jsonl"), "text", "time")
    assert table["schema_version"].to_pylist() == table["time"].to_pylist() == [None]


def test_text_that_is_no_utf_8_is_read_as_escapes(tmp_path: Path) -> None:
    texts = pa.array([b"caf\xe9", b"ok", None]).view(pa.string())
    columns = {"text": texts, "scamdetect_decision": ["pass"] * 3}
    table = pa.table(columns | {"scamdetect_scam_probability": [0.5] * 3})
    pq.write_table(table, tmp_path / "a.parquet")
    assert _table(open_scored(tmp_path / "a.parquet"), "text")["text"].to_pylist() == [
        "caf\\xe9", "ok", None,
    ]  # fmt: skip


def test_memory_is_bounded_by_batches(tmp_path: Path) -> None:
    rows = pa.table({"scamdetect_decision": ["pass"] * 9000, "text": ["x" * 5000] * 9000})
    rows = rows.append_column("scamdetect_scam_probability", pa.array([0.5] * 9000))
    pq.write_table(rows, tmp_path / "a.parquet", use_dictionary=False)
    batches = list(open_scored(tmp_path / "a.parquet").batches("text"))
    assert sum(batch.table.num_rows for batch in batches) == 9000
    assert max(pc.sum(pc.utf8_length(b.table["text"])).as_py() for b in batches) < 12 << 20


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "id,text\n1,hi\n", "score it first"),
        ("a.jsonl", '{"text": "hi"}\n', "scamdetect_decision"),
        ("a.jsonl", "no json\n", "its columns are: none"),
        ("a.csv", "text,scamdetect_decision\nhi,flag\n", "no column scamdetect_scam_probability"),
        ("a.csv", "", "the file is empty"),
        ("a.parquet", "PAR1 no more", "not a complete Parquet file"),
        ("a.txt", "hi", "not a known format"),
        ("a", "hi", "no extension"),
    ],
)
def test_what_is_no_scored_dump_is_refused(
    tmp_path: Path, name: str, content: str, expected: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=expected):
        open_scored(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: cannot be read"):
        open_scored(tmp_path / "none.csv")
