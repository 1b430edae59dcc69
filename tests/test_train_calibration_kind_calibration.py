"""Kinds: which rows tell them, a temperature among scams, thresholds on the joint probability."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_corpus import row, table

from scamdetect.calibration.thresholds import KindThresholds
from scamdetect.labels import KINDS, Kind
from scamdetect.train.calibration import (
    fit_kind_temperature,
    fit_kind_thresholds,
    joint_probabilities,
    kind_truth,
    known_kinds,
    logit,
    proven_kinds,
)

ROMANCE = KINDS.index(Kind.ROMANCE)


def test_only_kinds_that_were_read_or_authored_are_known() -> None:
    provenances = ["read", "authored", "source", "rule", None]
    rows = [
        row(n, "scam", kinds=["romance"], kinds_provenance=one) for n, one in enumerate(provenances)
    ]
    found = table([*rows, row(9, "legit"), row(10, "scam", kinds=[], kinds_provenance="read")])
    assert known_kinds(found).tolist() == [True, True, *[False] * 5]
    assert kind_truth(found)[:, ROMANCE].tolist() == [*[True] * 5, False, False]


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
    assert [kind for kind in own if own[kind].f1 is not None] == [Kind.ROMANCE]
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


def _two_kinds(
    romance: list[tuple[float, int]], others: list[tuple[float, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return joint and truth of scams with these (score of romance, number), and honest rows."""
    truth = np.zeros((800, len(KINDS)), dtype=bool)
    joint = np.full(truth.shape, 0.01)
    place = 0
    for kind, groups in ((ROMANCE, romance), (ROMANCE + 1, others)):
        for score, number in groups:
            truth[place : place + number, kind] = True
            joint[place : place + number, ROMANCE] = score
            place += number
    return joint, truth


@pytest.mark.parametrize(
    ("romance", "others", "named_from"),
    [
        # 40 of 40 right; 40 of 80 right: half is too few, but of the 30 surest all are right
        ([(0.8, 40)], [(0.05, 40)], 0.425),
        ([(0.8, 30), (0.4, 30)], [(0.4, 60)], 0.6),
        # 24 of 40 right is 60 %, but with a lower bound of 45 %
        ([(0.8, 24), (0.1, 10)], [(0.8, 16), (0.1, 20)], None),
        # all of the surest are right, but they are 29
        ([(0.8, 29), (0.4, 31)], [(0.4, 60)], None),
    ],
)
def test_a_kind_is_named_from_where_it_can_be_believed(
    romance: list[tuple[float, int]], others: list[tuple[float, int]], named_from: float | None
) -> None:
    joint, truth = _two_kinds(romance, others)
    _, own = fit_kind_thresholds(joint, truth, np.ones(len(truth)))
    assert own[Kind.ROMANCE].f1 == (named_from and pytest.approx(named_from))


def test_a_kind_with_few_rows_or_told_by_chance_is_never_named() -> None:
    generator = np.random.default_rng(0)
    truth = np.zeros((2000, len(KINDS)), dtype=bool)
    truth[:29, ROMANCE] = truth[:60, ROMANCE + 1] = True
    _, own = fit_kind_thresholds(generator.random(truth.shape), truth, np.ones(2000))
    never = dict.fromkeys(KINDS, KindThresholds(None, None))
    assert own == never
    assert fit_kind_thresholds(truth * 1.0, truth & False, np.ones(2000)) == (0.5, never)


def test_the_joint_probability_is_at_most_the_scam_probability() -> None:
    scam = np.array([0.0, 0.3, 1.0])
    joint = joint_probabilities(scam, logit(np.full((3, len(KINDS)), 0.999)), 0.5)
    assert (joint <= scam[:, None]).all() and joint[2].min() > 0.99


def test_kinds_are_proven_on_other_scams() -> None:
    joint, truth = _two_kinds([(0.8, 40), (0.4, 10)], [(0.4, 30)])
    named = {kind: KindThresholds(None, None) for kind in KINDS}
    named[Kind.ROMANCE] = KindThresholds(0.3, 0.35)
    proven = proven_kinds(named, joint, truth)[Kind.ROMANCE]
    # From 0.4 on 50 of 80 are right, and from there up 40 of 40.
    assert proven == KindThresholds(0.3, 0.35)
    joint, truth = _two_kinds([(0.8, 40), (0.4, 2)], [(0.4, 60)])
    proven = proven_kinds(named, joint, truth)[Kind.ROMANCE]
    assert proven.f1 == proven.precision == pytest.approx(0.6)
    joint, truth = _two_kinds([(0.8, 29)], [(0.1, 60)])
    assert proven_kinds(named, joint, truth)[Kind.ROMANCE] == KindThresholds(None, None)
