"""The geometry of the plots."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import numpy as np

from scamdetect.reporting.charts import histogram, timeline

_FIRST = date(2026, 3, 2)  # a Monday


def _days(flag: dict[date, int], **others: dict[date, int]) -> dict[str, Counter[date]]:
    named = {"flag": flag, "review": {}, "pass": {}, "unscored": {}} | others
    return {name: Counter(days) for name, days in named.items()}


def test_bars_are_on_a_log_scale_and_in_their_bands() -> None:
    counts = np.zeros(50, np.int64)
    counts[[0, 30, 49]] = 999_999, 1, 9
    found = histogram(counts, 0.9, 0.5)
    assert [band for _, _, band in found.bars] == ["pass", "review", "flag"]
    heights = [height for _, height, _ in found.bars]
    assert heights[0] == 100 and 4 < heights[1] < 6 and 16 < heights[2] < 17
    assert [tick.label for tick in found.ticks] == ["1", "10", "100", "1,000", "10,000", "100,000"]
    assert sum(count for _, count in found.rows) == counts.sum()


def test_a_histogram_of_nothing_has_no_bars() -> None:
    assert histogram(np.zeros(50, np.int64), None, None).bars == ()


def test_days_without_messages_have_their_place() -> None:
    last = _FIRST + timedelta(3)
    found = timeline(_days({_FIRST: 2}, review={last: 1}, **{"pass": {last: 5}}))
    assert found is not None and found.unit == "day"
    assert [(b.messages, b.flagged, b.review) for b in found.buckets] == [
        (2, 2, 0), (0, 0, 0), (0, 0, 0), (6, 0, 1),
    ]  # fmt: skip
    assert [tick.label for tick in found.labels] == ["2 Mar 2026", "5 Mar 2026"]
    assert (found.most_flagged, found.most_messages) == (2, 6)


def test_many_days_become_weeks_months_and_years() -> None:
    for days, unit, first in ((300, "week", "2 Mar 2026"), (2000, "month", "Mar 2026"),
                              (9000, "year", "2026")):  # fmt: skip
        found = timeline(_days({_FIRST + timedelta(n): 1 for n in range(days)}))
        assert found is not None and found.unit == unit
        assert len(found.buckets) <= 120
        assert found.labels[0].label.endswith("2026")
        assert found.buckets[0].label == first or unit == "week"
        shown = sum(bucket.messages for bucket in found.buckets)
        assert shown + found.before + found.after == days


def test_a_wrong_clock_does_not_stretch_the_axis() -> None:
    days = {_FIRST + timedelta(n): 100 for n in range(30)}
    found = timeline(_days(days | {date(1995, 1, 1): 2, date(2090, 1, 1): 3}))
    assert found is not None and found.unit == "day"
    assert (len(found.buckets), found.before, found.after) == (30, 2, 3)


def test_one_day_and_none_at_all() -> None:
    found = timeline(_days({}, unscored={_FIRST: 4}))
    assert found is not None and [tick.place for tick in found.labels] == [50]
    assert found.most_flagged == 0
    assert timeline(_days({})) is None
