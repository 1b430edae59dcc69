"""The geometry of the plots."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import numpy as np

from scamdetect.reports.dump_charts import Timeline, histogram, timeline

_FIRST = date(2026, 3, 2)  # a Monday


def _days(flag: dict[date, int], **others: dict[date, int]) -> dict[str, Counter[date]]:
    named = {"flag": flag, "review": {}, "pass": {}, "unscored": {}} | others
    return {name: Counter(days) for name, days in named.items()}


def _timeline(days: dict[str, Counter[date]], **kinds: dict[date, int]) -> Timeline | None:
    verdicts = {"legit": Counter[date](), "spam": Counter[date](), "scam": days["flag"]}
    return timeline(days, verdicts, {name: Counter(found) for name, found in kinds.items()})


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
    found = _timeline(_days({_FIRST: 2}, review={last: 1}, **{"pass": {last: 5}}))
    assert found is not None and found.unit == "day"
    assert [(b.messages, b.flagged, b.review) for b in found.buckets] == [
        (2, 2, 0), (0, 0, 0), (0, 0, 0), (6, 0, 1),
    ]  # fmt: skip
    assert [tick.label for tick in found.labels] == ["2 Mar 2026", "5 Mar 2026"]
    assert (found.most_flagged, found.most_messages) == (2, 6)


def test_many_days_become_weeks_months_and_years() -> None:
    for days, unit, first in ((300, "week", "2 Mar 2026"), (2000, "month", "Mar 2026"),
                              (9000, "year", "2026")):  # fmt: skip
        found = _timeline(_days({_FIRST + timedelta(n): 1 for n in range(days)}))
        assert found is not None and found.unit == unit
        assert len(found.buckets) <= 120
        assert found.labels[0].label.endswith("2026")
        assert found.buckets[0].label == first or unit == "week"
        shown = sum(bucket.messages for bucket in found.buckets)
        assert shown + found.before + found.after == days


def test_a_wrong_clock_does_not_stretch_the_axis() -> None:
    days = {_FIRST + timedelta(n): 100 for n in range(30)}
    found = _timeline(_days(days | {date(1995, 1, 1): 2, date(2090, 1, 1): 3}))
    assert found is not None and found.unit == "day"
    assert (len(found.buckets), found.before, found.after) == (30, 2, 3)


def test_one_day_and_none_at_all() -> None:
    found = _timeline(_days({}, unscored={_FIRST: 4}))
    assert found is not None and [tick.place for tick in found.labels] == [50]
    assert found.most_flagged == 0
    assert _timeline(_days({})) is None


def test_verdicts_and_kinds_have_their_days() -> None:
    second, last = _FIRST + timedelta(1), _FIRST + timedelta(3)
    days = _days({_FIRST: 2, last: 4})
    found = _timeline(days, crypto={_FIRST: 1}, romance={_FIRST: 1, last: 4}, job={}, loan={})
    assert found is not None
    assert (found.verdicts, found.kinds) == (("scam",), ("romance", "crypto"))
    assert [b.verdicts for b in found.buckets] == [(2,), (0,), (0,), (4,)]
    assert [b.kinds for b in found.buckets] == [(1, 1), (0, 0), (0, 0), (4, 0)]
    assert [(s.kind, s.messages, s.most) for s in found.strips] == [
        ("romance", 5, 4), ("crypto", 1, 1),
    ]  # fmt: skip
    assert found.strips[0].shares == (0.25, 0, 0, 1)
    none = _timeline(_days({}, review={second: 1}))
    assert none is not None and (none.verdicts, none.kinds, none.strips) == ((), (), ())


def test_a_kind_that_is_beyond_the_axis_is_left_out() -> None:
    days = {_FIRST + timedelta(n): 100 for n in range(30)}
    found = _timeline(_days(days | {date(1995, 1, 1): 2}), crypto={date(1995, 1, 1): 2})
    assert found is not None and (found.before, found.kinds) == (2, ())


def test_many_kinds_are_cut_to_the_most_frequent() -> None:
    kinds = {f"kind_{n:02}": {_FIRST: 40 - n} for n in range(40)}
    found = _timeline(_days({_FIRST: 40}), **kinds)
    assert found is not None and len(found.strips) == 6
    assert found.kinds == tuple(f"kind_{n:02}" for n in range(20))
