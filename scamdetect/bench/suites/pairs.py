"""Suites of contrast pairs: a scam and an honest message that differ in the intent alone."""

from __future__ import annotations

from collections import defaultdict

from scamdetect.bench.sources import Material
from scamdetect.bench.suite import Suite, make_suite
from scamdetect.bench.suites.rows import VERSION, SuiteRow, authored_rows, licences
from scamdetect.labels import Verdict
from scamdetect.train.data.authored import Part

_SIDES = [Verdict.LEGIT.value, Verdict.SCAM.value]


def pairs(material: Material) -> Suite:
    """Return the whole contrast pairs of the authored dev part; raise InputError without any."""
    return _suite("pairs", material, "dev")


def pairs_final(material: Material) -> Suite:
    """Return the whole contrast pairs of the authored final part; raise InputError without any."""
    return _suite("pairs-final", material, "final")


def _suite(name: str, material: Material, part: Part) -> Suite:
    sides: dict[str, list[SuiteRow]] = defaultdict(list)
    for row in authored_rows(material, name, part):
        if row["pair"] is not None:
            sides[row["pair"]].append(row)
    rows = [
        row
        for both in sides.values()
        if sorted(row["verdict"] for row in both) == _SIDES
        for row in both
    ]
    about = (
        f"Contrast pairs of this project's own messages ({part}): a scam and an honest message "
        "with the same topic, words and form, so that only the intent differs."
    )
    return make_suite(name, VERSION, about, rows, licences(rows), final=part == "final")
