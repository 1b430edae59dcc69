"""Measured rows in the training text."""

from __future__ import annotations

from synthetic_corpus import row, table

from scamdetect.evaluation.contamination import contamination

LONG = "dear customer your parcel waits at the river depot please pay the small release fee today"
OWN = {"verdict_provenance": "authored", "source": "authored_en"}


def test_exact_and_near_copies_are_counted_by_set() -> None:
    train = table([row(1, "scam", role="train", norm=LONG)])
    measured = table(
        [
            row(2, "scam", source="a", norm=LONG),
            row(3, "scam", source="a", norm=LONG + " 2"),
            row(4, "legit", source="a", norm="a quiet garden letter about music and winter tea"),
            row(5, "legit", norm="tennis with the doctor after coffee on the bridge", **OWN),
        ]
    )
    found = {one.rows: (one.n, one.exact, one.near) for one in contamination(measured, train)}
    assert found == {"authored dev": (1, 0, 0), "a": (3, 1, 2)}
