"""What counts as worse, and how sure a change is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from synthetic_corpus import row, table

from scamdetect.bundle.bundle import Bundle
from scamdetect.calibration.thresholds import KindThresholds
from scamdetect.labels import KINDS, Kind
from scamdetect.train.data.scores import DetectorScores
from scamdetect.train.finetune_compare import (
    Comparison,
    compare_scores,
    comparison_lines,
    judged_kinds,
    paired_change,
)
from scamdetect.train.finetune_rows import OWN

pytestmark = pytest.mark.slow


def rows(n: int = 100, **changes: object) -> pa.Table:
    """Return n legit and n scam rows of a team, and as many others in two slices."""
    found = []
    for number in range(n):
        for place, verdict in enumerate(("legit", "scam")):
            for source in (OWN, "en_dev"):
                where = {"slices": [("finance", "everyday")[number % 2]]} if not place else {}
                group = 4 * number + 2 * place + (source == OWN)
                seen = {"kinds_provenance": "read"} if place else {}
                found.append(row(number, verdict, source=source, group=group, **where, **seen))
    return table(found)


def scores(of: pa.Table, flagged: np.ndarray) -> DetectorScores:
    return DetectorScores("x", np.where(flagged, 0.9, 0.1), flagged, None, None, "x@1+0")


def compared(before: dict[str, float], after: dict[str, float], asked: float = 0.01) -> Comparison:
    """Compare detectors that flag these shares of the first rows of each source and verdict."""
    of = rows()
    flags = []
    for shares in (before, after):
        flagged = np.zeros(of.num_rows, dtype=bool)
        for name, share in shares.items():
            source, verdict = name.split()
            found = [
                s == source and v == verdict
                for s, v in zip(of["source"].to_pylist(), of["verdict"].to_pylist(), strict=True)
            ]
            flagged[np.flatnonzero(found)[: round(100 * share)]] = True
        flags.append(scores(of, flagged))
    return compare_scores(of, *flags, asked)


def test_a_gain_and_no_change_are_not_worse() -> None:
    same = {"own scam": 0.5, "en_dev scam": 0.8, "en_dev legit": 0.01}
    assert not compared(same, same).worse
    assert not compared(same, same | {"own scam": 0.9}).worse


def test_lost_recall_on_own_rows_is_worse_beyond_chance_alone() -> None:
    before = {"own scam": 0.5, "en_dev scam": 0.8}
    assert not compared(before, before | {"own scam": 0.47}).worse, "3 of 100 may be chance"
    (reason,) = compared(before, before | {"own scam": 0.4}).worse
    assert reason.startswith("own rows, held out: recall at flag 50.0% -> 40.0%, change -10.0 [")
    lost = compared(before, before | {"own scam": 0.2}).worse
    assert [why.partition(":")[0] for why in lost] == [
        "own rows, held out", "language own rows, en",
    ]  # fmt: skip


def test_false_alarms_count_from_the_rate_asked_for_on() -> None:
    before = {"own scam": 0.5, "en_dev scam": 0.8}
    after = before | {"own legit": 0.1}
    assert any("own rows, held out: false-positive rate" in why for why in
               compared(before, after).worse)  # fmt: skip
    assert not compared(before, after, asked=0.1).worse


def test_rehearsed_rows_have_a_margin() -> None:
    before = {"own scam": 0.5, "en_dev scam": 0.8}
    assert not compared(before, before | {"en_dev scam": 0.74}).worse
    told = compared(before, before | {"en_dev scam": 0.5}).worse
    assert any(why.startswith("rehearsal rows, all: recall") for why in told)
    assert any(why.startswith("source en_dev: recall") for why in told)
    slices = compared(before, before | {"en_dev legit": 0.3}).worse
    assert {why.partition(":")[0] for why in slices} >= {"slice finance", "slice everyday"}


def test_a_kind_that_is_named_no_more_is_worse() -> None:
    of = rows()
    scam = np.array(of["verdict"].to_pylist()) == "scam"
    named = [frozenset([Kind.LOTTERY]) if one else frozenset() for one in scam]
    before, after = (
        DetectorScores("x", scam * 0.9, scam, tuple(kinds), None, "x@1+0")
        for kinds in (named, [frozenset[Kind]()] * of.num_rows)
    )
    (reason,) = compare_scores(of, before, after, 0.01).worse
    assert reason.startswith("kind lottery: named 100.0% -> 0.0%, change -100.0 [")
    assert not compare_scores(of, before, before, 0.01).worse
    assert not compare_scores(of, before, after, 0.01, {Kind.ROMANCE}).worse


def test_kinds_that_only_a_source_stated_are_not_compared() -> None:
    of = rows()
    unseen = of.set_column(
        of.column_names.index("kinds_provenance"),
        "kinds_provenance",
        pa.array(["source"] * of.num_rows),
    )
    flagged = scores(of, np.zeros(of.num_rows, dtype=bool))
    found = [
        [
            cell.name
            for cell in compare_scores(one, flagged, flagged, 0.01).cells
            if cell.by == "kind"
        ]
        for one in (of, unseen)
    ]
    assert found == [["lottery"], []]


def test_naming_is_judged_where_both_bundles_can_be_believed(tiny_bundle: Path) -> None:
    own = dict.fromkeys(KINDS, KindThresholds(0.5, None))
    never = KindThresholds(None, None)
    older = Bundle.load(tiny_bundle)
    before = replace(older, kind_thresholds=own | {Kind.JOB: never})
    after = replace(older, kind_thresholds=own | {Kind.LOAN: never})
    assert judged_kinds(before, after) == set(KINDS) - {Kind.JOB, Kind.LOAN}
    assert not judged_kinds(older, after)


def test_the_page_tells_every_table_and_the_verdict() -> None:
    lines = list(comparison_lines(compared({"own scam": 0.9}, {"own scam": 0.1})))
    for title in ("Own rows and all others", "By source of the rehearsal rows", "By language",
                  "False alarms by slice", "By kind", "Verdict"):  # fmt: skip
        assert f"## {title}" in lines
    assert any(line.startswith("- worse: own rows, held out: recall") for line in lines)
    same = compared({"own scam": 0.9}, {"own scam": 0.9})
    assert "Nothing got worse" in list(comparison_lines(same))[-1]


def test_few_own_rows_alone_have_no_figures_and_no_other_tables() -> None:
    of = rows(9)
    own = of.filter(pc.equal(of["source"], OWN))
    alike = scores(own, np.ones(own.num_rows, dtype=bool))
    comparison = compare_scores(own, alike, alike, 0.01)
    assert [cell.name for cell in comparison.cells] == ["own rows, held out", "own rows, en"]
    lines = list(comparison_lines(comparison))
    titles = [line for line in lines if line.startswith("## ")]
    assert titles == ["## Own rows and all others", "## By language", "## Verdict"]
    assert "| own rows, held out | 9 / 9 | - | - | - | - | - | - |" in lines


def test_enough_own_rows_alone_are_ranked() -> None:
    of = rows(10)
    own = of.filter(pc.equal(of["source"], OWN))
    scam = np.array(own["verdict"].to_pylist()) == "scam"
    found = compare_scores(own, scores(own, ~scam), scores(own, scam), 0.01).cells[0]
    assert found.ranked is not None
    assert (found.ranked.before.value, found.ranked.after.value) == (0.0, 1.0)
    assert (found.ranked.change.value, found.ranked.change.n) == (1.0, 10)


def test_copies_count_once() -> None:
    old, new = np.zeros(104), np.r_[np.ones(100), np.zeros(4)]
    groups = np.r_[np.zeros(100), [1, 2, 3, 4]].astype(np.int64)
    mass = np.r_[np.full(100, 0.01), np.ones(4)]
    assert paired_change(old, new, mass, groups).value == pytest.approx(0.2)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_an_interval_holds_its_change_and_zero_where_few_changed(
    flags: list[tuple[bool, bool]],
) -> None:
    old, new = (np.array(side, dtype=np.float64) for side in zip(*flags, strict=True))
    change = paired_change(old, new, np.ones(old.size), np.arange(old.size))
    assert change.low <= change.value <= change.high
    assert np.isclose(change.value, new.mean() - old.mean())
    if (old != new).sum() < 6:  # 0.5 ** 5 > 0.025: no five coins prove a side
        assert change.low <= 0 <= change.high
