"""No source owns a class, and the form of a text does not tell its class."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from scamdetect.train.data import cleaning
from scamdetect.train.data.cleaning import balance_forms, cap_rows, form_of


def digest(row: object) -> str:
    return hashlib.sha256(repr(row).encode()).hexdigest()


@given(st.lists(st.integers(0, 3)), st.integers(1, 5))
def test_the_cap_holds_for_every_key_and_keeps_the_order(keys: list[int], cap: int) -> None:
    rows = list(enumerate(keys))
    kept = cap_rows(rows, lambda row: row[1], cap, digest)
    assert kept == sorted(kept)
    for key in set(keys):
        assert sum(row[1] == key for row in kept) == min(cap, keys.count(key))


def test_the_cap_does_not_depend_on_the_order() -> None:
    rows = [(n, "a") for n in range(100)]
    kept = cap_rows(rows, lambda row: row[1], 10, digest)
    assert set(kept) == set(cap_rows(rows[::-1], lambda row: row[1], 10, digest))
    assert kept != rows[:10]


def test_forms_differ_by_length_link_and_turns() -> None:
    assert form_of("hi") == (0, False, False)
    assert form_of("x" * 41) == (1, False, False)
    assert form_of("x" * 401) == (4, False, False)
    assert form_of("see [link host 2]")[1]
    assert form_of("A: hi\nB: hello")[2]
    assert not form_of("A: only one turn")[2]


def test_a_form_keeps_both_classes_within_the_ratio() -> None:
    rows = [("short", False, n) for n in range(100)] + [("short", True, n) for n in range(5000)]
    kept = balance_forms(rows, lambda row: row[0], lambda row: row[1], digest)
    assert sum(not row[1] for row in kept) == 100
    assert sum(row[1] for row in kept) == int(100 * cleaning.MAX_RATIO)
    assert kept == [row for row in rows if row in set(kept)]


def test_a_form_of_one_class_keeps_some_rows() -> None:
    rows = [("x" * 50, True, n) for n in range(2 * cleaning.MIN_ROWS)]
    assert len(balance_forms(rows, lambda r: r[0], lambda r: r[1], digest)) == cleaning.MIN_ROWS
