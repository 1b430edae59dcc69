from __future__ import annotations

import numpy as np
import pytest
from bench_rows import row, rows, target

from scamdetect.bench.answers import Training
from scamdetect.bench.figures.measures import (
    seen_rows,
    suite_figures,
)
from scamdetect.bench.figures.target import (
    frozen_thresholds,
)
from scamdetect.labels import Kind

pytestmark = pytest.mark.slow


def figures(found, thresholds=None, training=None):
    return suite_figures("s", "d", found, thresholds or {"1%": 0.5, "0.1%": 0.9}, training)


def test_thresholds_are_set_on_the_honest_calibrate_rows_where_there_are_enough() -> None:
    found = target(rows(50, 200), [1.0] * 50 + [n / 1000 for n in range(200)])
    thresholds = frozen_thresholds(found, np.ones(250))
    assert thresholds["1%"] == pytest.approx(0.198, abs=1e-3)
    assert thresholds["0.1%"] is None


def test_recall_and_false_alarms_at_the_frozen_thresholds() -> None:
    scores = [0.6, 0.95, 0.2, 0.4, 0.55, 0.1, 0.1, 0.1]
    found = figures(target(rows(4, 4), scores))
    at = found.frozen["1%"]
    assert (at.recall.value, at.fpr.value) == (0.5, 0.25)
    assert at.recall.low < 0.5 < at.recall.high
    assert found.frozen["0.1%"].recall.value == 0.25
    assert found.auc.value == pytest.approx(14 / 16)
    assert found.recall_at == {"1%": None, "0.1%": None}  # four honest rows set no such threshold


def test_no_answer_is_a_miss_and_no_honest_verdict() -> None:
    scores = [np.nan, 0.9, np.nan, 0.1]
    found = figures(target(rows(2, 2), scores, problems=("malformed", None, "refused", None)))
    assert found.problems == {"malformed": 1, "refused": 1}
    assert found.frozen["1%"].recall.value == 0.5
    assert (found.frozen["1%"].fpr.n, found.n_legit) == (1, 2)


def test_what_a_detector_learnt_from_stands_in_no_headline() -> None:
    records = [
        *rows(2, 2, source="other"),
        *(row(f"{n}-ai", "scam", generator="writer", source="other") for n in range(2)),
    ]
    training = Training(frozenset({"other"}), frozenset({"another"}), None)
    found = target(records, [0.0, 0.0, 0.0, 0.0, 0.9, 0.9])
    assert seen_rows(found.rows, training).tolist() == [True] * 4 + [False] * 2
    told = figures(found, training=training)
    assert told.seen == ("other",)
    assert told.n_headline == (2, 0)
    assert told.headline.recall.value == 1.0
    assert told.frozen["1%"].recall.value == 0.5
    everything = Training(frozenset({"other"}), frozenset({"writer"}), None)
    assert figures(found, training=everything).headline is None


def test_an_unknown_training_is_told() -> None:
    found = figures(target(rows(2, 2), [1, 1, 0, 0]))
    assert not found.training_known
    assert found.n_headline == (2, 2)


def test_pairs_are_right_when_both_sides_are() -> None:
    records = []
    for n in range(4):
        records += [row(f"s{n}", "scam", pair=f"p{n}"), row(f"l{n}", "legit", pair=f"p{n}")]
    records.append(row("alone", "scam", pair="p9"))
    scores = [0.9, 0.1, 0.9, 0.8, 0.3, 0.1, 0.1, 0.4, 0.9]
    found = figures(target(records, scores, flagged=np.array(scores) >= 0.85))
    assert (found.pairs_by_rank.value, found.pairs_by_rank.n) == (0.75, 4)
    assert found.pairs_at_frozen.value == 0.25
    assert found.pairs_at_own.value == 0.5


def test_a_pair_with_a_side_unanswered_is_not_right() -> None:
    records = []
    for n in range(3):
        records += [row(f"s{n}", "scam", pair=f"p{n}"), row(f"l{n}", "legit", pair=f"p{n}")]
    found = figures(target(records, [0.9, np.nan, np.nan, 0.1, np.nan, np.nan]))
    assert found.pairs_by_rank.value == found.pairs_at_frozen.value == 0.0


def test_cells_by_language_generator_slice_and_kind() -> None:
    records = [
        *rows(40, 120),
        *(row(f"t{n}", "scam", lang="th", kinds=["romance"], generator="g") for n in range(40)),
    ]
    kinds = (frozenset({Kind.INVESTMENT}),) * 200
    found = figures(target(records, [0.9] * 40 + [0.1] * 120 + [0.3] * 40, kinds=kinds))
    cells = {(cell.by, cell.name): cell for cell in found.cells}
    assert cells["language", "th"].recall.value == 0.0
    assert cells["generator", "people"].recall_at.value == 1.0
    assert cells["generator", "g"].recall_at is None  # none of its rows is honest
    assert cells["slice", "everyday"].fpr.value == 0.0
    assert cells["kind", "investment"].named.value == 1.0
    assert cells["kind", "romance"].named.value == 0.0


def test_time_and_cost_are_those_of_a_thousand_messages() -> None:
    found = figures(
        target(rows(1, 1), [1, 0], seconds=np.array([0.1, 0.3]), cost=np.array([np.nan, 0.002]))
    )
    assert found.seconds_per_1000 == pytest.approx(200)
    assert found.cost_per_1000 == pytest.approx(2)


def test_pairs_that_tie_are_half_right_and_no_wider_for_it() -> None:
    records = []
    for n in range(400):
        records += [row(f"s{n}", "scam", pair=f"p{n}"), row(f"l{n}", "legit", pair=f"p{n}")]
    found = figures(target(records, [0.0] * 800)).pairs_by_rank
    assert found.value == 0.5
    assert 0.44 < found.low < 0.5 < found.high < 0.56
