"""The script on what should not move a decision: it changes texts and counts flags."""

from __future__ import annotations

import random
from pathlib import Path

import synthetic_corpus

from benchmarks.stability import WORDS, honest_words, measure, padded_scams
from scamdetect import ScamDetector

OWN = {"verdict_provenance": "authored", "source": "everyday_en"}


def test_scams_get_honest_words_of_their_language() -> None:
    rows = [
        synthetic_corpus.row(1, "scam", **OWN, norm="guaranteed profit"),
        synthetic_corpus.row(2, "legit", **OWN, norm="lunch tomorrow at the bridge"),
        synthetic_corpus.row(3, "legit", **OWN, norm="hallo", lang="de"),
        synthetic_corpus.row(4, "scam", norm="of another source"),
    ]
    ((plain, padded),) = padded_scams(synthetic_corpus.table(rows))
    assert plain == "guaranteed profit" and padded.startswith("guaranteed profit lunch tomorrow")
    assert len(padded.split()) == 2 + WORDS and "hallo" not in padded
    assert len(honest_words(["a b c"], random.Random(0)).split()) == WORDS


def test_flags_of_both_forms_are_counted(tiny_bundle: Path) -> None:
    scam, honest = "guaranteed bitcoin profit, pay the release fee", "lunch meeting tomorrow"
    with ScamDetector.load(tiny_bundle) as detector:
        found = measure(
            detector, [(honest, honest), (honest, scam)], [(scam, scam), (scam, honest)]
        )
    assert (found["honest"], found["flagged"], found["flagged_restyled"]) == (2, 0, 1)
    assert (found["scams"], found["scams_flagged"], found["scams_kept"]) == (2, 2, 1)
    assert found["changed"] == 1
