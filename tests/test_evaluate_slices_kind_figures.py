"""Precision and recall of kinds, on rows whose kinds somebody saw."""

from __future__ import annotations

import pytest
from synthetic_corpus import row, table

from scamdetect.evaluate.slices import TOGETHER, kind_figures
from scamdetect.labels import Kind

ROMANCE, JOB = frozenset({Kind.ROMANCE}), frozenset({Kind.JOB})
READ = {"kinds_provenance": "read"}


def test_precision_recall_and_macro_f1() -> None:
    rows = [row(n, "scam", kinds=["romance"], **READ) for n in range(40)]
    rows += [row(n + 40, "scam", kinds=["job"], **READ) for n in range(30)]
    rows += [row(n + 70, "legit") for n in range(5)]
    told = [ROMANCE] * 30 + [JOB] * 10 + [ROMANCE] * 6 + [JOB] * 24 + [ROMANCE] * 5
    found = kind_figures(table(rows), told)
    romance = next(one for one in found.kinds if (one.kind, one.rows) == ("romance", "all"))
    assert romance.precision.value == pytest.approx(30 / 36)
    assert romance.recall.value == pytest.approx(30 / 40)
    assert romance.f1 == pytest.approx(60 / 76)
    assert found.n_kinds == 2
    assert found.macro_f1.value == pytest.approx((60 / 76 + 48 / 64) / 2)
    assert [one.rows for one in found.kinds if one.kind == "romance"] == ["all", "en_invented"]


def test_few_rows_and_rule_made_kinds_are_not_measured() -> None:
    rows = [row(n, "scam", kinds=["romance"], **READ) for n in range(29)]
    rows += [row(n + 29, "scam", kinds=["romance"]) for n in range(40)]
    found = kind_figures(table(rows), [ROMANCE] * 69)
    assert found.macro_f1 is None and found.n_kinds == 0
    assert {(one.n, one.precision, one.recall) for one in found.kinds} == {(29, None, None)}


def test_without_a_seen_kind_there_is_no_figure() -> None:
    assert kind_figures(table([row(1, "legit")]), [ROMANCE]).kinds == ()


def test_a_scam_of_two_kinds_is_told_when_both_are_named() -> None:
    own = {"kinds_provenance": "authored", "verdict_provenance": "authored"}
    both = ["investment", "romance"]
    rows = [row(n, "scam", kinds=both, **own) for n in range(40)]
    rows += [row(n + 40, "scam", kinds=["romance"], **own) for n in range(10)]
    rows += [row(n + 50, "scam", kinds=both, **READ) for n in range(5)]
    told = [frozenset(map(Kind, both))] * 30 + [ROMANCE] * 10 + [frozenset(map(Kind, both))] * 15
    found = kind_figures(table(rows), told)
    (together,) = (one for one in found.kinds if one.kind == TOGETHER)
    assert (together.rows, together.n) == ("authored dev", 40)
    assert together.recall.value == pytest.approx(30 / 40)
    assert together.precision.value == pytest.approx(30 / 40)
