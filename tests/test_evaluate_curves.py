"""What plots show of a set."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_corpus import row, table

from scamdetect.evaluate.curves import Curves, curves


def _curves(scam: list[float], legit: list[float]) -> Curves | None:
    rows = [row(n, "scam") for n in range(len(scam))]
    rows += [row(n + 1000, "legit") for n in range(len(legit))] + [row(5000, "spam")]
    known = table(rows)
    scores = np.array([*scam, *legit, 0.99])
    return curves("dev", known, np.ones(known.num_rows, dtype=bool), scores)


def test_a_curve_begins_where_one_honest_row_is_flagged() -> None:
    legit = [0.01 * n for n in range(50)]
    found = _curves([0.485] * 10 + [0.9] * 10, legit)
    assert found is not None and (found.n_scam, found.n_legit) == (20, 50)
    # Over the second honest row lie the scams that tie with none above it.
    assert found.fpr[0] == pytest.approx(1 / 50) and found.recall[0] == 1.0
    assert found.fpr[-1] == 1.0 and list(found.recall) == sorted(found.recall)


def test_two_scores_give_one_point() -> None:
    found = _curves([1.0] * 15 + [0.0] * 5, [1.0] * 2 + [0.0] * 38)
    assert found is not None
    assert (found.fpr, found.recall) == ((0.05,), (0.75,))
    silent = _curves([0.0] * 20, [0.0] * 19 + [float("nan")])
    assert silent is not None and (silent.fpr, silent.recall) == ((0.0,), (0.0,))


def test_histograms_leave_unscored_rows_and_promos_out() -> None:
    found = _curves([0.999] * 19 + [float("nan")], [0.001] * 20)
    assert found is not None
    assert sum(found.scam_counts) == found.scam_counts[-1] == 19
    assert sum(found.legit_counts) == found.legit_counts[0] == 20


def test_few_rows_have_no_curve() -> None:
    assert _curves([0.9] * 19, [0.1] * 40) is None
    assert _curves([0.9] * 40, [0.1] * 19) is None
