"""The script on what should not move a decision: it changes texts and counts flags."""

from __future__ import annotations

from pathlib import Path

from benchmarks.stability import measure
from scamdetect import ScamDetector


def test_flags_of_both_forms_are_counted(tiny_bundle: Path) -> None:
    scam, honest = "guaranteed bitcoin profit, pay the release fee", "lunch meeting tomorrow"
    with ScamDetector.load(tiny_bundle) as detector:
        found = measure(
            detector, [(honest, honest), (honest, scam)], [(scam, scam), (scam, honest)]
        )
    assert (found["honest"], found["flagged"], found["flagged_restyled"]) == (2, 0, 1)
    assert (found["scams"], found["scams_flagged"], found["scams_kept"]) == (2, 2, 1)
    assert found["changed"] == 1
