"""Two bundles of one model compared: on which texts, and what their differences come to."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from synthetic_corpus import row, table
from tiny_bundle import write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.errors import BundleError
from scamdetect.train.parity import Parity, check_parity, compare_detectors, sample_languages


def test_texts_come_from_every_source_and_language() -> None:
    rows = [row(n, "legit", source="first") for n in range(90)]
    rows += [row(n, "legit", source="second") for n in range(90)]
    rows += [row(n, "scam", lang="th", source="third") for n in range(5)]
    sample = sample_languages(table(rows), 40)
    sources = Counter(sample["source"].to_pylist())
    assert sources["first"] + sources["second"] == 40 and sources["third"] == 5
    assert min(sources["first"], sources["second"]) > 10


def test_a_change_of_the_scam_probability_is_counted(
    detector: ScamDetector, tmp_path: Path
) -> None:
    texts = ["profit guaranteed", "hello lunch", None, "discount"]
    other = ScamDetector.load(write_tiny_bundle(tmp_path / "b", scam_curve=[[-1, -9], [1, -7]]))
    whole, english, thai = compare_detectors(detector, other, texts, ["en", "en", "th", "th"])
    assert (whole.language, whole.n, whole.verdict_flips, whole.flag_flips) == ("all", 3, 1, 1)
    assert whole.flip_share == pytest.approx((0.00840, 0.90570), abs=1e-4)  # 1 of 3, exact
    before, after = (each.predict_proba(texts)[:, 2] for each in (detector, other))
    assert whole.largest_change == pytest.approx(abs(before - after)[[0, 1, 3]].max(), abs=1e-4)
    assert (english.n, thai.language, thai.n) == (2, "th", 1)


def test_texts_that_cannot_be_scored_prove_nothing(detector: ScamDetector) -> None:
    with pytest.raises(BundleError, match="none of 1 texts was scored"):
        compare_detectors(detector, detector, [""], ["en"])


def test_too_many_flips_stop_a_release() -> None:
    check_parity([Parity("all", 1000, 30, 10, (0.005, 0.018), 0.2, 0.001)])
    with pytest.raises(BundleError, match="11 of 1000"):
        check_parity([Parity("all", 1000, 30, 11, (0.006, 0.02), 0.2, 0.001)])
