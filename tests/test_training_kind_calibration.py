"""Kinds: which rows tell them, a temperature among scams, thresholds on the joint probability."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_corpus import row, table

from scamdetect.labels import KINDS, Kind
from scamdetect.training.kind_calibration import (
    fit_kind_temperature,
    fit_kind_thresholds,
    joint_probabilities,
    kind_truth,
    known_kinds,
    logit,
)

ROMANCE = KINDS.index(Kind.ROMANCE)


def test_rules_and_honest_rows_do_not_tell_kinds() -> None:
    rows = table(
        [
            row(1, "scam", kinds=["romance"]),
            row(2, "scam", kinds=["romance"], kinds_provenance="rule"),
            row(3, "scam", kinds=[], kinds_provenance=None),
            row(4, "legit"),
        ]
    )
    assert known_kinds(rows).tolist() == [True, False, False, False]
    assert kind_truth(rows)[:, ROMANCE].tolist() == [True, True, False, False]


def test_overconfident_kinds_are_softened() -> None:
    generator = np.random.default_rng(3)
    true = generator.normal(0, 2, (800, len(KINDS)))
    truth = generator.random(true.shape) < 1 / (1 + np.exp(-true))
    assert fit_kind_temperature(true * 3, truth, np.ones(800)) == pytest.approx(3, rel=0.1)
    assert fit_kind_temperature(true[:0], truth[:0], np.ones(0)) == 1.0


def test_thresholds_part_a_kind_that_can_be_told() -> None:
    truth = np.zeros((400, len(KINDS)), dtype=bool)
    truth[:40, ROMANCE] = True
    joint = np.full(truth.shape, 0.01)
    joint[:40, ROMANCE] = np.linspace(0.6, 0.9, 40)
    joint[40:60, ROMANCE] = 0.5
    whole, own = fit_kind_thresholds(joint, truth, np.ones(400))
    assert set(own) == {Kind.ROMANCE}
    # Midway between the lowest romance scam and the highest other text.
    assert own[Kind.ROMANCE].f1 == own[Kind.ROMANCE].precision == pytest.approx(0.55)
    assert whole == pytest.approx(0.55)


def test_a_precision_from_few_rows_is_chance() -> None:
    truth = np.zeros((400, len(KINDS)), dtype=bool)
    truth[:60, ROMANCE] = True
    joint = np.full(truth.shape, 0.01)
    joint[:60, ROMANCE] = 0.3
    joint[60:160, ROMANCE] = 0.5
    for sure, precision in ((29, None), (30, pytest.approx(0.7))):
        joint[:sure, ROMANCE] = 0.9
        _, own = fit_kind_thresholds(joint, truth, np.ones(400))
        assert own[Kind.ROMANCE].precision == precision


def test_a_kind_with_few_rows_or_told_by_chance_has_none() -> None:
    generator = np.random.default_rng(0)
    truth = np.zeros((2000, len(KINDS)), dtype=bool)
    truth[:29, ROMANCE] = truth[:60, ROMANCE + 1] = True
    _, own = fit_kind_thresholds(generator.random(truth.shape), truth, np.ones(2000))
    assert own == {}
    assert fit_kind_thresholds(truth * 1.0, truth & False, np.ones(2000)) == (0.5, {})


def test_the_joint_probability_is_at_most_the_scam_probability() -> None:
    scam = np.array([0.0, 0.3, 1.0])
    joint = joint_probabilities(scam, logit(np.full((3, len(KINDS)), 0.999)), 0.5)
    assert (joint <= scam[:, None]).all() and joint[2].min() > 0.99
