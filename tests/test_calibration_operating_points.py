"""Operating points: what they state, and how they are chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.calibration.operating_points import (
    CalibrationRows,
    OperatingPoint,
    find_point,
    operating_point,
    supported,
    with_recall,
)
from scamdetect.calibration.thresholds import threshold_at_fpr
from scamdetect.errors import InputError

ROWS = CalibrationRows({"th": (340, 45), "ja": (80, 12)}, {"romance": 120, "charity": 4})
POINTS = (
    OperatingPoint(0.05, 0.4, 0.06, 2000, 0.8, 500, 1500.0),
    OperatingPoint(0.01, 0.7, 0.015, 2000, 0.5, 500, 1500.0),
    OperatingPoint(0.05, 0.3, 0.09, 340, 0.9, 45, 120.0, lang="th"),
    OperatingPoint(0.01, 0.7, 0.015, 2000, 0.6, 120, 1500.0, kind="romance"),
)


def test_zero_of_forty_has_an_upper_bound_of_nine_percent() -> None:
    point = operating_point(np.linspace(0, 0.4, 40), [0.2, 0.5, 0.9], fpr=0.005)
    assert point.upper_bound == pytest.approx(0.0881, abs=1e-4)
    assert (point.n, point.recall) == (40, pytest.approx(2 / 3))


def test_a_threshold_stands_midway_to_the_next_score() -> None:
    point = operating_point([0.1, 0.2, 0.4], [0.3, 0.8], 0.0)
    assert point.threshold == pytest.approx(0.6, abs=1e-6)
    of_kind = with_recall(point, [0.3, 0.7], kind="romance")
    assert (of_kind.threshold, of_kind.recall, of_kind.n_scam) == (point.threshold, 0.5, 2)
    assert operating_point([0.1, 0.4], [0.3], 0.0).threshold == pytest.approx(0.4, abs=1e-6)


@given(st.lists(st.floats(0, 1, width=32), min_size=1), st.lists(st.floats(0, 1, width=32)))
def test_the_middle_gives_the_figures_of_the_lowest_threshold(
    legit: list[float], scams: list[float]
) -> None:
    lowest, threshold = threshold_at_fpr(legit, 0.1), operating_point(legit, scams, 0.1).threshold
    scores = np.array([*legit, *scams])
    assert ((scores >= lowest) == (scores >= threshold)).all()


def test_rows_of_one_group_count_as_one() -> None:
    scores, groups = np.linspace(0, 0.9, 200), np.repeat(np.arange(50), 4)
    alone, together = (
        operating_point(scores, [], 0.01),
        operating_point(scores, [], 0.01, groups=groups),
    )
    assert (together.n, together.effective_n) == (200, pytest.approx(50))
    assert together.threshold == alone.threshold and together.upper_bound > alone.upper_bound
    assert supported(alone) and not supported(together)
    with pytest.raises(InputError, match="each of 200 rows; got 50"):
        operating_point(scores, [], 0.01, groups=np.arange(50))


def test_a_point_is_found_by_rate_language_and_kind() -> None:
    assert find_point(POINTS, ROWS, 0.01) is POINTS[1]
    assert find_point(POINTS, ROWS, 0.05, lang="th") is POINTS[2]
    assert find_point(POINTS, ROWS, 0.01, kind="romance") is POINTS[3]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"fpr": 0.001}, "from 2000 legit rows .* this bundle has 0.05, 0.01"),
        ({"fpr": 0.02}, "choose one of these"),
        ({"fpr": 0.01, "lang": "th"}, "from 340 legit rows .*120.* has 0.05"),
        ({"fpr": 0.05, "lang": "ja"}, "80 legit and 12 scam .* points: th"),
        ({"fpr": 0.05, "lang": ""}, "no operating points for lang='': only 0 legit"),
        ({"fpr": 0.05, "lang": "xx"}, "0 legit .* th; use lang=None"),
        ({"fpr": 0.05, "kind": "job"}, "only 0 calibration scams.*points: romance"),
        ({"fpr": "1%"}, r"must be in \[0, 1\].* got '1%'"),
        ({"fpr": True}, "got True"),
        ({"fpr": None}, "got None"),
        ({"fpr": 0.01, "kind": "charity"}, "4 calibration scams .* kinds with points: romance"),
        ({"fpr": 0.01, "kind": "weather"}, "not a kind of scam; allowed: investment, romance"),
        ({"fpr": 0.01, "lang": "th", "kind": "romance"}, "language or by kind"),
    ],
)
def test_what_is_not_stored_says_what_is(asked: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        find_point(POINTS, ROWS, **asked)  # type: ignore[arg-type]
