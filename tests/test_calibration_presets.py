"""Presets: which exist, their figures, and the share of all messages at a threshold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from tiny_bundle import write_tiny_bundle

from scamdetect import Decision, ScamDetector
from scamdetect.calibration.operating_points import CalibrationRows, OperatingPoint, review_point
from scamdetect.calibration.presets import PRESETS, fewest_rows, find_preset, preset_at, presets
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
            "0.1% needs .* 3,000 .* 2,250; .*balanced, sweep",
        ),
        ("sweep", points()[3:], "no operating point is stored at .* 2.0%; its presets: none"),
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


def test_the_command_line_names_the_preset_with_its_figures(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": TEXT}), encoding="utf-8")
    done = run("score", "a.jsonl", "--model", folder, cwd=tmp_path)
    assert "flagged 0, review 1" in done.stderr and "preset balanced: flag from 0.9" in done.stderr
    done = run(
        "score", "a.jsonl", "--model", folder, "--preset", "sweep", "--overwrite", cwd=tmp_path
    )
    assert done.exit_code == 0 and "flagged 1, review 0" in done.stderr
    assert (
        "preset sweep: flag from 0.6200; on the bundle's calibration rows at most 2.0% false "
        "alarms (upper bound 4.00%, effective n 2,250), recall 70.0% of 2,716 scams"
    ) in done.stderr
    options = ("a.jsonl", "--model", folder, "--overwrite")
    logged = run(
        "score", *options, "--preset", "sweep", "--log-json", cwd=tmp_path
    ).stderr.splitlines()[-1]
    assert json.loads(logged)["preset"]["name"] == "sweep"
    own = run("score", *options, "--flag", "0.8", cwd=tmp_path)
    assert own.exit_code == 0 and "preset" not in own.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--preset", "strict"), "effective number of 3,000"),
        (("--preset", "sweep", "--flag", "0.5"), "remove flag (--flag)"),
        (("--preset", "lax"), "'lax' is not one of 'balanced', 'sweep', 'strict'"),
    ],
)
def test_the_command_line_refuses_what_the_bundle_lacks(
    folder: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": TEXT}), encoding="utf-8")
    done = run("score", "a.jsonl", "--model", folder, *options, cwd=tmp_path)
    assert done.exit_code == 2 and message in done.stderr
    assert not (tmp_path / "a.scored.jsonl").exists()


def test_the_shipped_bundle_has_every_preset() -> None:
    shipped = ScamDetector.load()
    assert list(shipped.presets) == ["balanced", "sweep", "strict"]
    assert shipped.preset is not None and shipped.preset.name == "balanced"
    assert shipped.preset == preset_at(shipped.bundle.operating_points, shipped.thresholds.flag)


def test_a_review_rate_is_of_all_messages_of_the_shipped_mix(detector: ScamDetector) -> None:
    # 0.2 * 0.7 + 0.8 * 0.02 = 0.156 of all messages reach the second threshold, 0.26 the first.
    point = detector.operating_point(review_rate=0.2)
    assert (point.threshold, point.review_rate) == (0.62, pytest.approx(0.156))
    assert point.base_rate == 0.2 and "not of your traffic" in point.mix
    assert detector.with_thresholds(review=point, flag=0.9).thresholds.review == 0.62
    rare = detector.operating_point(review_rate=0.01, base_rate=0.005)
    assert rare.threshold == 0.9 and rare.review_rate == pytest.approx(0.0025 + 0.995 * 0.005)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"review_rate": 0.01}, "1.00% of all messages.* 20.0% scams, 8.08% reach"),
        ({"review_rate": 1.5}, "review_rate must be a number between 0 and 1"),
        ({"review_rate": "1%"}, "got '1%'"),
        ({"review_rate": 0.1, "base_rate": 0}, "base_rate must be a number between 0 and 1"),
        ({"review_rate": 0.1, "fpr": 0.1}, "fpr and kind"),
        ({"review_rate": 0.1, "kind": "romance"}, "fpr and kind"),
        ({"review_rate": 0.1, "lang": "xx"}, "no operating points for lang='xx'"),
        ({"fpr": 0.02, "base_rate": 0.1}, "base_rate needs review_rate"),
        ({}, "false-positive rate"),
    ],
)
def test_an_impossible_review_rate_names_the_cure(
    detector: ScamDetector, asked: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        detector.operating_point(**asked)  # type: ignore[call-overload]


@given(st.floats(0.09, 0.999), st.floats(0.001, 0.2))
def test_a_review_rate_is_kept(rate: float, base_rate: float) -> None:
    point = review_point(points(), CalibrationRows(), rate, base_rate=base_rate)
    assert point.review_rate <= rate + 1e-9
