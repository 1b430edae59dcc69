"""The sample inbox: the first draw by seed 0, committed as drawn."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("msgspec")

from data.workshop.sample import INBOX, LABELS, draw_inbox, write_inbox
from scamdetect.train.data.everyday import EverydayRow, load_catalogue, load_everyday

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.fixture(scope="module")
def everyday() -> list[EverydayRow]:
    return load_everyday(DATA / "authored" / "everyday", load_catalogue(DATA / "cards"))


def test_the_committed_inbox_is_the_draw_by_seed_0(
    everyday: list[EverydayRow], tmp_path: Path
) -> None:
    write_inbox(tmp_path, draw_inbox(everyday, seed=0))
    for name in (INBOX, LABELS):
        assert (tmp_path / name).read_bytes() == (DATA / "samples" / name).read_bytes()


def test_the_draw_has_both_sides_of_26_languages_and_no_trained_row(
    everyday: list[EverydayRow],
) -> None:
    rows = [one.row for one in draw_inbox(everyday, seed=1)]
    assert len({row.id for row in rows}) == 60 and {row.part for row in rows} == {"final"}
    assert Counter(row.verdict.value for row in rows) == {"scam": 30, "legit": 30}
    cells = {(row.lang, row.verdict) for row in rows}
    assert len(cells) == 52 and len({lang for lang, _ in cells}) == 26


def test_the_labels_are_in_a_file_of_their_own() -> None:
    with (DATA / "samples" / INBOX).open(encoding="utf-8", newline="") as file:
        inbox = list(csv.DictReader(file))
    with (DATA / "samples" / LABELS).open(encoding="utf-8", newline="") as file:
        labels = list(csv.DictReader(file))
    assert [row["id"] for row in inbox] == [row["id"] for row in labels]
    assert not {"verdict", "campaign"} & inbox[0].keys()
