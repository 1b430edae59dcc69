"""Measured rows in the training text."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_corpus import row, table

from scamdetect.evaluate.contamination import containment, contamination
from scamdetect.train.data.neardup import near_duplicate_groups

LONG = "dear customer your parcel waits at the river depot please pay the small release fee today"
HALF = LONG[:50] + "or phone my brother, who keeps a garden of tall sunflowers"
OTHER = "a quiet garden letter about music and winter tea"
OWN = {"verdict_provenance": "authored", "source": "authored_en"}


def test_copies_and_halves_are_counted_by_set() -> None:
    train = table([row(1, "scam", role="train", norm=LONG)])
    measured = table(
        [
            row(2, "scam", source="a", norm=LONG),
            row(3, "scam", source="a", norm=LONG + " 2"),
            row(4, "legit", source="a", norm=OTHER),
            row(5, "legit", norm="tennis now", **OWN),
        ]
    )
    found = {one.rows: one for one in contamination(measured, train)}
    own, a = found["authored dev"], found["a"]
    assert (own.n, own.exact, own.n_long, own.contained, own.most) == (1, 0, 0, 0, None)
    assert (a.n, a.exact, a.n_long, a.contained) == (3, 1, 3, 2)
    assert a.most == 1.0


def test_what_the_build_lets_through_is_found() -> None:
    """A message of which a train message holds half is no near-duplicate to the build."""
    groups = near_duplicate_groups([HALF, LONG])
    assert groups[0] != groups[1]
    assert 0.4 < containment([HALF], [OTHER, LONG])[0] < 0.6


def test_a_text_inside_a_longer_one_is_contained() -> None:
    texts = [LONG, OTHER, "short"]
    assert containment(texts, [f"{OTHER} {LONG} {OTHER[::-1]}"]) == pytest.approx(
        [1.0, 1.0, np.nan], nan_ok=True
    )


def test_without_training_text_nothing_is_compared() -> None:
    assert np.isnan(containment([LONG], [])).all()
