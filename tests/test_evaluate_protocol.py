"""What counts, for whom, and what selects."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from synthetic_corpus import row, table

from scamdetect.evaluate.protocol import (
    Transferred,
    evaluate_scores,
    flag_masks,
    transferred_thresholds,
)
from scamdetect.labels import Kind
from scamdetect.train.data.scores import DetectorScores

pytestmark = pytest.mark.slow

TRANSFERRED = Transferred({"1%": 0.5, "0.1%": 0.8}, 100, 100.0)


def _scores(rows: pa.Table, values: list[float], flag: float = 0.9) -> DetectorScores:
    scam = np.array(values)
    kinds = tuple(frozenset({Kind.LOTTERY}) if v > 0.7 else frozenset() for v in values)
    assert rows.num_rows == len(values)
    return DetectorScores("detector", scam, scam >= flag, kinds)


def _selecting(source: str, caught: int) -> tuple[list[dict], list[float]]:
    rows = [row(i, "scam", source=source) for i in range(10)]
    rows += [row(i + 10, "legit", source=source) for i in range(10)]
    return rows, [0.6] * caught + [0.1] * (10 - caught) + [0.2] * 10


def test_figures_of_a_source() -> None:
    rows = [row(i, "scam") for i in range(4)] + [row(i, "legit") for i in range(10, 20)]
    rows += [row(30, "spam"), row(31, "spam", not_legit=True)]
    values = [0.95, 0.85, 0.6, float("nan")] + [0.55] + [0.1] * 9 + [0.99, 0.99]
    rows_table = table(rows)
    found = evaluate_scores(rows_table, _scores(rows_table, values), TRANSFERRED).sources[0]
    assert (found.n_scam, found.n_legit, found.n_spam, found.n_unscored) == (4, 10, 1, 1)
    assert found.recall_at["1%"].value == 0.75
    assert found.transferred["1%"].recall.value == 0.75
    assert found.transferred["1%"].fpr.value == 0.1
    assert found.transferred["0.1%"].recall.value == 0.5
    assert found.flag.recall.value == 0.25
    assert found.flag.spam.value == 1.0
    assert found.auc.value == pytest.approx(30 / 40)


def test_a_source_without_legit_rows_has_transferred_recall_only() -> None:
    rows = table(row(i, "scam") for i in range(3))
    found = evaluate_scores(rows, _scores(rows, [0.6, 0.6, 0.1]), TRANSFERRED).sources[0]
    assert found.recall_at == {"1%": None, "0.1%": None}
    assert found.auc is None and found.flag.fpr is None
    assert found.transferred["1%"].recall.value == pytest.approx(2 / 3)


def test_selection_is_the_mean_of_vi_and_pt_until_there_are_authored_rows() -> None:
    vi, vi_scores = _selecting("vi_sms_ie403", 8)
    pt, pt_scores = _selecting("pt_mz_mpesa_smishing", 4)
    rows = table(vi + pt)
    found = evaluate_scores(rows, _scores(rows, vi_scores + pt_scores), TRANSFERRED).selection
    assert found.score == pytest.approx(0.6)
    assert "no authored" in found.note

    authored, authored_scores = _selecting("authored_dev", 2)
    for entry in authored:
        entry["verdict_provenance"] = "authored"
    rows = table(vi + pt + authored)
    values = vi_scores + pt_scores + authored_scores
    found = evaluate_scores(rows, _scores(rows, values), TRANSFERRED).selection
    assert found.score == pytest.approx(0.5 * 0.2 + 0.25 * 0.8 + 0.25 * 0.4)


def test_a_missing_selecting_source_gives_no_score() -> None:
    rows, values = _selecting("vi_sms_ie403", 8)
    found = evaluate_scores(table(rows), _scores(table(rows), values), TRANSFERRED)
    assert found.selection.score is None


def test_kinds_are_measured_on_enough_rows_whose_kinds_somebody_saw() -> None:
    rows = [row(i, "scam", kinds=["lottery"], kinds_provenance="read") for i in range(30)]
    rows += [row(i, "scam", kinds=["romance"], kinds_provenance="read") for i in range(30, 59)]
    unseen = ("rule", "source")
    rows += [
        row(i, "scam", kinds=["romance"], kinds_provenance=unseen[i % 2]) for i in range(60, 90)
    ]
    values = [0.95] * 15 + [0.6] * 15 + [0.95] * 59
    found = evaluate_scores(table(rows), _scores(table(rows), values), TRANSFERRED).kinds
    by_kind = {result.kind: result for result in found}
    assert by_kind["lottery"].flagged["T@1%"].value == 1.0
    assert by_kind["lottery"].flagged["flag"].value == 0.5
    assert by_kind["lottery"].named.value == 0.5
    assert by_kind["romance"].n == 29
    assert by_kind["romance"].named is None and by_kind["romance"].flagged["flag"] is None


def test_worst_rows_are_alarms_and_misses_by_hash() -> None:
    rows = table([row(1, "legit"), row(2, "legit"), row(3, "scam"), row(4, "scam")])
    values = [0.7, 0.2, 0.3, float("nan")]
    found = evaluate_scores(rows, _scores(rows, values), TRANSFERRED).worst
    hashes = rows["row_hash"].to_pylist()
    assert [(worst.row_hash, worst.scam_probability) for worst in found] == [
        (hashes[0], 0.7),
        (hashes[3], None),
        (hashes[2], 0.3),
    ]


def test_transferred_threshold_gives_its_rate_on_the_mix() -> None:
    rows = [row(i, "legit", lang="en") for i in range(900)]
    rows += [row(i, "legit", lang="vi") for i in range(100)]
    rows += [row(i, "scam") for i in range(50)]
    generator = np.random.default_rng(0)
    scores = _scores(table(rows), generator.random(1050).astype(np.float32).tolist())
    found = transferred_thresholds(table(rows), scores)
    flagged = flag_masks(scores, found)["T@1%"]
    rate = (flagged[:900].mean() + flagged[900:1000].mean()) / 2
    assert 0 < rate <= 0.01
    assert found.n_legit == 1000
    assert found.effective_n == pytest.approx(4 / (1 / 900 + 1 / 100))
