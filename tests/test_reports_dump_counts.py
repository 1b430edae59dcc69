"""Sums over a scored dump: whatever the batches, their size does not grow with the rows."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.errors import InputError
from scamdetect.reports.dump_counts import NO_KIND, Counts
from scamdetect.scored.read import ScoredBatch

_SCHEMA = pa.schema(
    [
        ("decision", pa.string()),
        ("probability", pa.float64()),
        ("verdict", pa.string()),
        ("kinds", pa.list_(pa.string())),
        ("language", pa.string()),
        ("model_id", pa.string()),
        ("schema_version", pa.int64()),
        ("reason", pa.string()),
        ("time", pa.string()),
    ]
)


def row(**values: Any) -> dict[str, Any]:  # noqa: ANN401
    shared = {
        "decision": "flag",
        "probability": 0.95,
        "verdict": "scam",
        "kinds": ["romance"],
        "language": "en",
        "model_id": "m@1",
        "schema_version": 1,
        "reason": None,
        "time": "2026-01-01",
    }
    return shared | values


def counted(*batches: list[dict[str, Any]]) -> Counts:
    counts = Counts()
    for rows in batches:
        counts.add(ScoredBatch(pa.Table.from_pylist(rows, _SCHEMA), 1))
    return counts


def test_decisions_kinds_and_languages_are_counted() -> None:
    unscored = row(decision="unscored", probability=None, verdict=None, kinds=[], language=None)
    counts = counted(
        [row(), row(kinds=["romance", "crypto"], language="th"), row(kinds=[])],
        [unscored, row(decision="pass", probability=0.1, verdict="legit")],
    )
    assert counts.messages == 5 and counts.unreadable == 2
    assert counts.total() == {"flag": 3, "unscored": 1, "pass": 1}
    assert counts.total("language") == {"en": 3, "th": 1, "und": 1}
    assert counts.kinds == {
        ("en", "romance"): 1, ("th", "romance"): 1, ("th", "crypto"): 1, ("en", NO_KIND): 1,
    }  # fmt: skip


def test_probabilities_go_into_bins_and_extremes() -> None:
    counts = counted([row(probability=p) for p in (0.0, 0.95, 1.0)])
    assert counts.histogram.sum() == 3
    assert counts.histogram[0] == counts.histogram[-1] == 1
    ((_, extremes),) = counts.groups.items()
    assert (extremes.lowest, extremes.highest) == (0.0, 1.0)


def test_what_kinds_flagged_tells_nothing_of_thresholds() -> None:
    by_kind = row(probability=0.7, reason="flagged by kind romance")
    allowed = row(decision="pass", probability=0.99, reason="allowed by sender")
    assert all(e.highest is None for e in counted([allowed]).groups.values())
    counts = counted([row(), by_kind, row(reason="scored 3 of 18 windows", probability=0.96)])
    ((_, extremes),) = counts.groups.items()
    assert (extremes.messages, extremes.lowest, extremes.highest) == (3, 0.95, 0.96)
    assert counts.histogram.sum() == 3


def test_days_are_counted_by_decision() -> None:
    rows = [row(), row(time="2026-01-02T10:00"), row(time="soon"), row(decision="pass")]
    counts = counted(rows, [row(time=None)])
    assert counts.days["flag"] == {date(2026, 1, 1): 1, date(2026, 1, 2): 1}
    assert counts.days["pass"] == {date(2026, 1, 1): 1}
    assert counts.without_day == 2


def test_days_are_counted_by_verdict_and_by_kind_of_the_flagged() -> None:
    day, other = date(2026, 1, 1), date(2026, 1, 2)
    counts = counted(
        [row(kinds=["romance", "crypto"]), row(decision="review"), row(kinds=[], verdict="spam")],
        [row(time="2026-01-02", kinds=None), row(time=None), row(decision="pass", verdict=None)],
    )
    assert counts.day_verdicts == {"legit": {}, "spam": {day: 1}, "scam": {day: 2, other: 1}}
    assert counts.day_kinds == {
        "romance": {day: 1}, "crypto": {day: 1}, NO_KIND: {day: 1, other: 1},
    }  # fmt: skip


def test_an_empty_batch_and_one_without_times_change_nothing() -> None:
    counts = Counts()
    counts.add(ScoredBatch(_SCHEMA.empty_table().drop_columns(["time"]), 0))
    assert counts.messages == counts.without_day == 0
    assert not counts.groups and not counts.kinds


def test_a_column_that_is_no_language_is_refused() -> None:
    with pytest.raises(InputError, match="score the dump again"):
        counted([row(language=f"text {n}") for n in range(20_001)])


_ROWS = st.builds(
    row,
    decision=st.sampled_from(["flag", "review", "pass"]),
    probability=st.floats(0, 1, width=32),
    language=st.sampled_from(["en", "th", None]),
    kinds=st.lists(st.sampled_from(["romance", "crypto"]), unique=True),
    time=st.sampled_from(["2026-01-01", "2026-02-03", None]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_ROWS, max_size=30), st.integers(0, 30))
def test_the_batches_do_not_matter(rows: list[dict[str, Any]], place: int) -> None:
    whole, parts = counted(rows), counted(rows[:place], rows[place:])
    assert whole.groups == parts.groups
    assert whole.kinds == parts.kinds
    assert whole.days == parts.days
    assert whole.day_verdicts == parts.day_verdicts
    assert whole.day_kinds == parts.day_kinds
    assert whole.histogram.tolist() == parts.histogram.tolist()
    flagged = Counter(r["language"] or "und" for r in rows if r["decision"] == "flag")
    assert all(whole.kinds[language, NO_KIND] <= n for language, n in flagged.items())
