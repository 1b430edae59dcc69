"""The curve of all texts, and languages that get a scaling only where it helps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scamdetect.calibration.statistics import at_base_rate
from scamdetect.train.scaling import (
    Scaling,
    ScalingRows,
    fit_curve,
    fit_scaling,
    fit_scalings,
    own_languages,
)

pytestmark = pytest.mark.slow

NAMES = ("logits", "scam", "weights", "language")


def rows(n: int = 4000, bias: float = 0.0, stretch: float = 1.0, lang: str = "en") -> ScalingRows:
    """Return rows whose logits say the truth once divided by ``stretch`` and moved by ``bias``."""
    generator = np.random.default_rng(7)
    true = generator.normal(-1.5, 2.5, n)
    scam = generator.random(n) < 1 / (1 + np.exp(-true))
    language = np.full(n, lang, dtype=object)
    return ScalingRows((true - bias) * stretch, scam, np.ones(n), language, np.arange(n))


def joined(*parts: ScalingRows) -> ScalingRows:
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in NAMES]
    return ScalingRows(*columns, np.arange(columns[0].size))


def test_the_curve_gives_frequencies_at_the_base_rate() -> None:
    made = rows(stretch=3.0)
    mass = at_base_rate(made.weights, made.scam)
    p = 1 / (1 + np.exp(-fit_curve(made)(made.logits)))
    for low, high in ((0.0, 0.2), (0.2, 0.6), (0.6, 1.0)):
        inside = (p >= low) & (p < high)
        told, found = ((mass[inside] * x[inside]).sum() for x in (p, made.scam))
        assert told == pytest.approx(found, abs=0.01)


def test_scores_that_are_all_the_same_are_left_alone() -> None:
    made = rows(200)
    same = ScalingRows(np.zeros(200), made.scam, made.weights, made.language, made.group)
    assert fit_curve(same).knots == ()


def test_a_perfect_separation_gives_a_finite_curve() -> None:
    logits = np.linspace(-3, 3, 200)
    made = ScalingRows(logits, logits > 0, np.ones(200), np.full(200, "en", object), np.arange(200))
    assert np.isfinite(fit_curve(made)(logits)).all()


def test_a_stronger_penalty_keeps_a_language_nearer_to_all() -> None:
    made = rows(600, bias=2.0)
    sizes = [abs(fit_scaling(made, strength).bias) for strength in (1.0, 100.0, 1e6)]
    assert sizes[0] > sizes[1] > sizes[2]
    strongest = fit_scaling(made, 1e6)
    assert (strongest.temperature, strongest.bias) == (
        pytest.approx(1.0, abs=0.01), pytest.approx(0, abs=0.01),
    )  # fmt: skip


def test_a_language_apart_gets_its_own_scaling() -> None:
    found = fit_scalings(joined(rows(3000), rows(1500, bias=2.5, lang="th")))
    assert found.nll_language < found.nll_curve
    assert found.by_language["th"].bias > found.by_language["en"].bias
    pairs = found.language_pairs(np.array(["th", "und"], dtype=object))
    assert pairs[1].tolist() == [1.0, 0.0] and pairs[0, 1] == found.by_language["th"].bias


def test_a_language_that_gains_nothing_keeps_the_curve_alone() -> None:
    rest = joined(rows(4000, lang="de"), rows(800, bias=2.5, lang="th"))
    english = rows(1200)
    # Six campaigns, every second one off to the other side: none tells of the next.
    campaign = np.arange(1200) % 6
    moved = english.logits + np.where(campaign % 2, 1.0, -1.0)
    made = joined(rest, replace(english, logits=moved))
    found = fit_scalings(replace(made, group=np.append(rest.group, 10_000 + campaign)))
    assert set(found.by_language) == {"de", "th"}
    assert found.nll_language < found.nll_curve
    assert found.language_pairs(np.array(["en"], dtype=object)).tolist() == [[1.0, 0.0]]


def test_rows_of_one_group_are_shrunk_like_one() -> None:
    made = rows(600, bias=2.0)
    tenfold = ScalingRows(*(np.repeat(getattr(made, name), 10) for name in (*NAMES, "group")))
    assert fit_scaling(tenfold, 100.0) == fit_scaling(made, 100.0)


def test_few_rows_and_unsure_texts_get_none() -> None:
    few = rows(60, lang="ja")
    unsure = rows(2000, lang="und")
    assert own_languages(joined(rows(), few, unsure)) == ["en"]
    assert fit_scalings(joined(few, unsure)).by_language == {}


def test_rows_of_few_groups_get_none() -> None:
    for groups, own in ((1, []), (4, []), (5, ["en"])):
        few = rows()
        few = replace(few, group=np.arange(few.scam.size) % groups)
        assert own_languages(few) == own
        assert set(fit_scalings(few).by_language) <= set(own)


def test_rows_of_one_class_change_nothing() -> None:
    made = rows(200)
    assert fit_scaling(made[made.scam], 1.0) == fit_scaling(made[~made.scam], 1.0) == Scaling()


def test_the_base_rate_is_the_share_of_the_scams() -> None:
    scam = np.array([True, False, False, False])
    assert at_base_rate(np.ones(4), scam)[0] == pytest.approx(0.2)
    assert at_base_rate(np.ones(2), np.zeros(2, dtype=bool)).tolist() == [0.5, 0.5]
