"""Readings of everyday messages among real ones: hidden origins, figures, and what is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from invented_everyday import HONEST, SCAM

from data.workshop.realism import (
    KEYS,
    PAIRS,
    PairKey,
    RealismKey,
    origin_figures,
    read_realism,
    realism_figures,
    set_readings,
    shown,
    write_origin,
    write_realism,
)
from scamdetect.errors import SourceError
from scamdetect.train.data.everyday import EverydayRow, read_everyday, write_everyday
from scamdetect.train.typed import read_jsonl

ROWS = [
    msgspec.structs.replace(SCAM, id=f"en-e{n:04d}", text=f"fee {n} due, go.example/{n}")
    for n in range(1, 10)
] + [
    msgspec.structs.replace(HONEST, id=f"en-e{n:04d}", text=f"out for delivery number {n}")
    for n in range(10, 19)
]  # fmt: skip
REAL = [
    {"input": f"a real one {n}", "row_hash": f"h{n}", "lang": "en", "verdict": verdict,
     "channel": "sms"}
    for n in range(20)
    for verdict in ("scam", "legit")
]  # fmt: skip


def answer(folder: Path, batch: str, lines: list[str]) -> None:
    (folder / "answers").mkdir(exist_ok=True)
    (folder / "answers" / f"{batch}.r1.txt").write_text("\n".join(lines), encoding="utf-8")


def test_a_quarter_is_real_and_nothing_shown_tells_which(tmp_path: Path) -> None:
    names = write_realism(ROWS, REAL, tmp_path / "new", 12, 0)
    assert names == ["realism-001", "realism-002"]
    keys = read_jsonl(tmp_path / "new" / KEYS, RealismKey, SourceError)
    assert sum(key.origin == "everyday" for key in keys) == len(ROWS)
    assert 0.2 < sum(key.origin == "real" for key in keys) / len(keys) < 0.3
    text = (tmp_path / "new" / "realism-001.txt").read_text(encoding="utf-8")
    assert "go.example" not in text and "scam" not in text and "[…]" in text


def test_masks_and_numbers_are_alike_in_both_origins() -> None:
    assert shown("pay 12,50 at a.example/x or [phone]") == "pay 0,0 at […] or […]"


def test_readings_are_counted_by_origin_and_set(tmp_path: Path) -> None:
    write_everyday(tmp_path / "own" / "en.jsonl", ROWS, "a tester")
    write_realism(ROWS, REAL, tmp_path, 30, 0)
    keys = read_jsonl(tmp_path / KEYS, RealismKey, SourceError)
    lines = [
        f"{key.number} | {90 if key.verdict == 'scam' else 5} | {5 if key.origin == 'real' else 4}"
        for key in keys
    ]
    answer(tmp_path, "realism-001", lines)
    judged = read_realism(tmp_path)
    figures = realism_figures(judged)
    assert figures["real"]["mean"] == 5 and figures["en"]["mean"] == 4
    assert figures["everyday"]["mean"] == 4
    assert figures["everyday"]["at 3 or less"] == 0
    assert set_readings(tmp_path / "own", ROWS, judged) == []
    placed, _ = read_everyday(tmp_path / "own" / "en.jsonl")
    rows: list[EverydayRow] = [one.row for one in placed]
    assert {(row.reader, row.realism) for row in rows} == {(90, 4), (5, 4)}
    answer(tmp_path, "realism-001", [line.replace("| 5 |", "| 80 |") for line in lines])
    differing = set_readings(tmp_path / "own", ROWS, read_realism(tmp_path))
    assert len(differing) == 9 and differing[0] == "en-e0010: writer legit, reader 80"


@pytest.mark.parametrize("line", ["1 | 101 | 4", "1 | 50 | 6", "99 | 50 | 4", "1 | 50"])
def test_a_malformed_reading_is_named(tmp_path: Path, line: str) -> None:
    write_realism(ROWS, REAL, tmp_path, 30, 0)
    answer(tmp_path, "realism-001", [line])
    with pytest.raises(SourceError, match=r"realism-001\.r1\.txt:1: expected number"):
        read_realism(tmp_path)


def test_pairs_are_of_one_side_and_channel_and_the_real_one_is_counted(tmp_path: Path) -> None:
    assert write_origin(ROWS, REAL, ["en"], tmp_path, 10, 0) == ["origin-en"]
    keys = read_jsonl(tmp_path / PAIRS, PairKey, SourceError)
    assert {key.real for key in keys} == {"A", "B"} and len(keys) == 10
    answer(tmp_path, "origin-en", [f"{key.number} | {key.real}" for key in keys[:-2]]
           + [f"{key.number} | {'AB'[key.real == 'A']}" for key in keys[-2:]])  # fmt: skip
    assert origin_figures(tmp_path) == {"en": (8, 10), "all": (8, 10)}
    with pytest.raises(SourceError, match="en: 18 pairs, 30 wanted"):
        write_origin(ROWS, REAL, ["en"], tmp_path, 30, 0)
    answer(tmp_path, "origin-en", ["1 | C"])
    with pytest.raises(SourceError, match=r"origin-en\.r1\.txt:1: expected number"):
        origin_figures(tmp_path)
