"""The thresholds of a scored dump, found again, and their false alarms."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from scamdetect.calibration.operating_points import OperatingPoint
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.reports.dump_counts import Band, Extremes, Group, bands

_POINTS = tuple(
    OperatingPoint(fpr, threshold, 2 * fpr, 500, 0.8)
    for fpr, threshold in ((0.05, 0.4), (0.01, 0.6), (0.005, 0.9))
)


@dataclass(frozen=True)
class _Bundle:
    thresholds: Thresholds = Thresholds(0.9, 0.6)
    operating_points: tuple[OperatingPoint, ...] = _POINTS


def _bands(
    bundle: _Bundle | None = _Bundle(), model_id: str = "m", **found: tuple[float, float]
) -> tuple[Band, ...]:
    groups = {
        Group("en", None, decision, "m", 1): Extremes(3, lowest, highest)
        for decision, (lowest, highest) in found.items()
    }
    groups[Group("en", None, "unscored", "m", 1)] = Extremes(1, None, None)
    groups[Group("en", None, "pass", "other", 1)] = Extremes(1, 0.99, 0.99)
    return bands(groups, model_id, bundle)


def test_the_shipped_thresholds_are_known_again() -> None:
    flag, review = _bands(flag=(0.9, 1.0), review=(0.6, 0.89), **{"pass": (0.0, 0.59)})
    assert (flag.shipped, review.shipped) == (0.9, 0.6)
    assert flag.point == _POINTS[2] and review.point == _POINTS[1]
    assert flag.is_measured and review.is_measured


def test_a_score_of_float32_at_the_threshold_agrees() -> None:
    flag, _ = _bands(flag=(0.8999999761581421, 1.0))
    assert flag.shipped == 0.9


def test_other_thresholds_are_read_off_the_decisions() -> None:
    flag, review = _bands(flag=(0.71, 1.0), review=(0.5, 0.69), **{"pass": (0.0, 0.45)})
    assert flag.shipped is None and review.shipped is None
    assert (flag.above, flag.upto, flag.threshold) == (0.69, 0.71, 0.71)
    assert (review.above, review.upto) == (0.45, 0.5)
    # No more false alarms than the threshold below them gave.
    assert flag.point == _POINTS[1] and review.point == _POINTS[0]
    assert not flag.is_measured and not review.is_measured


def test_a_threshold_under_all_that_were_measured_has_no_point() -> None:
    _, review = _bands(flag=(0.9, 1.0), review=(0.2, 0.89), **{"pass": (0.0, 0.1)})
    assert review.point is None


def test_without_a_bundle_the_decisions_alone_tell() -> None:
    flag, review = _bands(None, flag=(0.95, 1.0))
    assert (flag.shipped, flag.point, flag.above, flag.upto) == (None, None, None, 0.95)
    assert review.upto == 0.95


@pytest.mark.parametrize("bundle", [None, _Bundle()])
def test_a_model_that_scored_nothing_has_no_thresholds_to_read(bundle: _Bundle | None) -> None:
    flag, _ = _bands(bundle, model_id="absent", flag=(0.95, 1.0))
    assert (flag.above, flag.upto) == (None, None)


def test_a_preset_is_known_again_where_only_one_agrees() -> None:
    bundle = _Bundle(
        operating_points=tuple(
            OperatingPoint(fpr, threshold, 2 * fpr, 5000, 0.8, effective_n=4000.0)
            for fpr, threshold in ((0.02, 0.7), (0.005, 0.9), (0.001, 0.95))
        )
    )
    own, _ = _bands(bundle, flag=(0.91, 1.0), **{"pass": (0.0, 0.59)})
    assert own.shipped == 0.9 and own.preset is not None and own.preset.name == "balanced"
    sweep, _ = _bands(bundle, flag=(0.71, 1.0), review=(0.6, 0.69))
    assert sweep.shipped is None and sweep.preset is not None and sweep.preset.name == "sweep"
    assert sweep.threshold == 0.7 and sweep.point == bundle.operating_points[0]
    other, _ = _bands(bundle, flag=(0.8, 1.0), review=(0.6, 0.75))
    assert other.preset is None and (other.exact, other.threshold) == (None, 0.8)
