"""Presets: which exist, and their figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_bundle import write_tiny_bundle

from scamdetect import Decision, ScamDetector
from scamdetect.calibration.operating_points import OperatingPoint
from scamdetect.calibration.presets import PRESETS, fewest_rows, find_preset, preset_words, presets
from scamdetect.errors import InputError

TEXT = "darling"  # scam 0.67: between the thresholds of sweep and of balanced


def points(effective_n: float | None = 2250.0, n: int = 8340) -> tuple[OperatingPoint, ...]:
    rows = ((0.1, 0.2, 0.9), (0.02, 0.62, 0.7), (0.005, 0.9, 0.5), (0.001, 0.95, 0.4))
    return tuple(
        OperatingPoint(fpr, threshold, 2 * fpr, n, recall, 2716, effective_n)
        for fpr, threshold, recall in rows
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    stored = [
        {name: getattr(p, name) for name in OperatingPoint.__dataclass_fields__} for p in points()
    ]
    return write_tiny_bundle(tmp_path_factory.mktemp("b") / "b", operating_points=stored)


@pytest.fixture(scope="module")
def detector(folder: Path) -> ScamDetector:
    return ScamDetector.load(folder, threads=1)


def test_a_rate_is_a_preset_where_the_rows_expect_three_false_alarms() -> None:
    assert [fewest_rows(rate) for rate in PRESETS.values()] == [600, 150, 3000]
    assert list(presets(points())) == ["balanced", "sweep"]
    assert list(presets(points(3000.0))) == ["balanced", "sweep", "strict"]
    assert list(presets(points(599.0))) == ["sweep"]
    assert list(presets(points(None, n=3000))) == list(PRESETS)
    of_language = [OperatingPoint(0.001, 0.9, 0.01, 9000, 0.4, lang="en")]
    assert presets(of_language) == presets(()) == {}


@pytest.mark.parametrize(
    ("name", "stored", "message"),
    [
        (
            "strict",
            points(),
            "0.1% needs .* 3,000 .*balanced, sweep",
        ),
        ("sweep", points()[3:], "2.0% needs .*; its presets: none"),
        ("lax", points(), "unknown preset 'lax'; presets: balanced, sweep, strict"),
    ],
)
def test_an_absent_preset_says_why_and_what_there_is(
    name: str, stored: tuple[OperatingPoint, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        find_preset(stored, name)


def test_a_detector_flags_at_a_preset(detector: ScamDetector) -> None:
    assert list(detector.presets) == ["balanced", "sweep"]
    assert detector.preset is not None and detector.preset.name == "balanced"
    assert preset_words(detector.preset) == (
        "preset balanced: flag from 0.9000; on the bundle's calibration rows at most 0.5% false "
        "alarms (upper bound 1.00%, effective n 2,250), recall 50.0% of 2,716 scams"
    )
    assert detector.predict(TEXT).decision is Decision.REVIEW
    sweep = detector.with_thresholds(preset="sweep")
    assert sweep.preset is not None and sweep.preset.point == detector.presets["sweep"]
    assert sweep.thresholds.flag == 0.62 and sweep.thresholds.review == 0.6
    assert sweep.predict(TEXT).decision is Decision.FLAG
    assert detector.with_thresholds(flag=0.8).preset is None
    with pytest.raises(InputError, match="effective number of 3,000"):
        detector.with_thresholds(preset="strict")
    with pytest.raises(InputError, match="flag threshold"):
        detector.with_thresholds(preset="sweep", flag=0.5)
