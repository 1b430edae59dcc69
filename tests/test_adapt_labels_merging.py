"""A queue that grows: labels stay, new rows come, and the rates stay those of the dump."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from command_line import command
from scored_rows import scored_row, write_scored

from scamdetect.adapt.labels import (
    Earlier,
    check_same_dump,
    merged,
    read_answers,
    read_earlier,
    record,
    write_csv,
)
from scamdetect.adapt.queue import choose_queue
from scamdetect.errors import InputError


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    scores = np.random.default_rng(0).random(200).tolist()
    texts = [f"='{chr(97 + n % 26) * 9}'\r\n+ {chr(0x4E00 + n) * 5}" for n in range(200)]
    rows = [{"text": text} | scored_row(score) for text, score in zip(texts, scores, strict=True)]
    return write_scored(tmp_path / "scored.parquet", rows)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def answer(path: Path, first: int) -> list[dict[str, str]]:
    """Label the first rows, with a note and another delimiter, as a spreadsheet may save it."""
    rows = [row | {"note": "=why"} for row in rows_of(path)]
    for row in rows[:first]:
        row["label"] = "Scam"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def test_labels_stay_and_new_rows_come(tmp_path: Path, scored: Path) -> None:
    path = tmp_path / "queue.csv"
    assert command(tmp_path, "queue", scored, "-n", "40", "--merge").returncode == 0
    before = answer(path, 10)
    refused = command(tmp_path, "queue", scored, "-n", "60")
    assert refused.returncode == 2 and "--overwrite" in refused.stderr
    done = command(tmp_path, "queue", scored, "-n", "60", "--seed", "1", "--merge")
    after = rows_of(path)
    assert done.returncode == 0
    assert f"kept 10 rows with a label and 30 without, added {len(after) - 40} new" in done.stderr
    for name in ("row", "label", "text", "key"):
        assert [row[name] for row in after[:40]] == [row[name] for row in before]
    assert len({row["row"] for row in after}) == len(after) > 60
    assert {row["note"] for row in after[:40]} == {"'=why"}
    again = command(tmp_path, "queue", scored, "-n", "60", "--seed", "1", "--merge")
    assert "added 0 new" in again.stderr and rows_of(path) == after
    assert len(read_answers(path).usable) == 10


def test_a_chosen_row_that_is_now_drawn_counts_as_drawn(tmp_path: Path, scored: Path) -> None:
    chosen = [record(row) for row in choose_queue(scored, 40, audit=0).rows]
    drawn = [record(row) for row in choose_queue(scored, 150, audit=1).rows]
    both = merged(Earlier(tmp_path / "q.csv", tuple(chosen), ()), drawn)
    assert {row["row"] for row in both.rows if row["part"] == "audit"} == {r["row"] for r in drawn}
    assert all(
        (row["inclusion_probability"] is None) == (row["part"] != "audit") for row in both.rows
    )


def test_the_queue_of_another_dump_is_refused(tmp_path: Path, scored: Path) -> None:
    write_csv(choose_queue(scored, 20).rows, tmp_path / "q.csv")
    earlier = read_earlier(tmp_path / "q.csv")
    check_same_dump(earlier, scored, "text")
    other = write_scored(tmp_path / "o.parquet", [{"text": "x"} | scored_row(0.5)] * 200)
    short = write_scored(tmp_path / "s.parquet", [{"text": "x"} | scored_row(0.5)])
    for dump in (other, short):
        with pytest.raises(InputError, match="so it is the queue of another dump"):
            check_same_dump(earlier, dump, "text")
    (tmp_path / "no.csv").write_text("text\nprecious\n")
    with pytest.raises(InputError, match="has no column 'row'"):
        read_earlier(tmp_path / "no.csv")


def test_merge_is_for_a_csv(tmp_path: Path, scored: Path) -> None:
    for options in (("--overwrite",), ("--label-studio", "t.json"), ("--html", "p.html")):
        done = command(tmp_path, "queue", scored, "--merge", *options)
        assert done.returncode == 2 and options[0] in done.stderr
