from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench_rows import rows, target

from scamdetect.bench.figures.generator_gap import (
    FILE,
    GapRecord,
    best_f1_threshold,
    read_gaps,
    side,
    write_gaps,
)
from scamdetect.errors import InputError

RECORDS = rows(200, 400)
SEEN = [0.9] * 200 + [0.1] * 400
SHIFTED = [0.4] * 200 + [0.1] * 400  # ranked as well, under the frozen threshold


def test_the_best_f1_takes_both_sides_alike_and_ties_together() -> None:
    scores = np.array([0.9, 0.8, 0.8, 0.3, 0.2])
    scam = np.array([True, True, False, False, False])
    assert best_f1_threshold(scores, scam, np.ones(5)) == 0.8
    assert best_f1_threshold(scores, scam, np.array([1, 0, 100, 1, 1.0])) == 0.9


def test_most_of_a_gap_may_be_the_threshold() -> None:
    thresholds = {"1%": 0.5, "0.1%": 0.8}
    gap = GapRecord(
        "learner", "writer", 200, 400,
        side(target(RECORDS, SEEN), thresholds, 0.5, 70),
        side(target(RECORDS, SHIFTED), thresholds, 0.5, 0),
    )  # fmt: skip
    assert gap.gap("f1") == pytest.approx(100)
    assert gap.gap("f1_moved") == pytest.approx(0)
    assert gap.gap("recall") == pytest.approx(100)
    assert gap.gap("recall_moved") == pytest.approx(0)
    assert gap.without_it.recall_at.value == 1.0


@pytest.mark.parametrize("legit", [0, 6])
def test_without_honest_rows_only_recall_is_told(legit: int) -> None:
    scores = [0.9] * 50 + [0.1] * legit
    found = side(target(rows(50, legit), scores), {"1%": 0.5, "0.1%": None}, 0.5, 3)
    assert found.recall.value == 1.0
    assert found.f1 is found.recall_at is found.f1_moved is None
    assert (found.fpr is None) == (legit == 0)


def test_gaps_are_read_as_written(tmp_path: Path) -> None:
    one = side(target(RECORDS, SEEN), {"1%": 0.5, "0.1%": 0.8}, 0.5, 70)
    gaps = [GapRecord("learner", "writer", 200, 400, one, one)]
    assert read_gaps(tmp_path) == []
    write_gaps(gaps, tmp_path)
    assert read_gaps(tmp_path) == gaps
    (tmp_path / FILE).write_text("[{}]", encoding="utf-8")
    with pytest.raises(InputError, match="remove it"):
        read_gaps(tmp_path)
