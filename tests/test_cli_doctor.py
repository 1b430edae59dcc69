"""The doctor: a machine and a bundle that are fine, and ones that are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_bundle import write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import write_manifest
from scamdetect.bundle.settings import KnownAnswer
from scamdetect.cli.doctor import examine, self_test


def _detail(model: Path, cpuinfo: Path, name: str) -> tuple[bool | None, str]:
    return next((c.ok, c.detail) for c in examine(model, cpuinfo) if c.name == name)


def test_processor_features_are_read(tmp_path: Path, tiny_bundle: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nflags\t\t: fpu avx2 avx512_vnni\n", encoding="utf-8")
    ok, detail = _detail(tiny_bundle, cpuinfo, "processor")
    assert ok is True
    assert detail.endswith("has avx2, avx512_vnni; lacks avx_vnni, amx_int8")
    cpuinfo.write_text("Features : asimd\n", encoding="utf-8")
    assert _detail(tiny_bundle, cpuinfo, "processor")[0] is None
    assert _detail(tiny_bundle, tmp_path / "none", "processor")[0] is None


def test_bundle_is_checked(tmp_path: Path, tiny_bundle: Path) -> None:
    ok, detail = _detail(tiny_bundle, tmp_path, "bundle")
    assert ok is True
    assert "scamdetect-tiny@0.0.1" in detail
    ok, detail = _detail(tmp_path / "none", tmp_path, "bundle")
    assert ok is False
    assert "none" in detail


def test_thresholds_are_shown(tmp_path: Path, tiny_bundle: Path) -> None:
    ok, detail = _detail(tiny_bundle, tmp_path, "thresholds")
    assert ok is True
    assert detail.startswith("flag 0.9000, review 0.6000; operating points at FPR 0.5%; 0 lang")


def test_the_rates_of_the_thresholds_are_shown_where_known(tmp_path: Path) -> None:
    rates = {"flag": 0.01, "review": 0.03}
    folder = write_tiny_bundle(tmp_path / "bundle", thresholds_fpr=rates)
    detail = _detail(folder, tmp_path, "thresholds")[1]
    assert detail.startswith("flag 0.9000 (FPR 1.0%), review 0.6000 (FPR 3.0%); operating points")


def test_runtime_int8_and_cascade_are_shown(
    tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _detail(tiny_bundle, tmp_path, "runtime")[1].startswith("auto is onnxruntime; openvino")
    assert _detail(tiny_bundle, tmp_path, "int8") == (True, "8-bit products are exact")
    assert _detail(tiny_bundle, tmp_path, "cascade")[1].startswith("no cascade")
    unproven = write_tiny_bundle(tmp_path / "unproven", proven=False)
    assert _detail(unproven, tmp_path, "cascade")[1] == "not proven, off"
    proven = write_tiny_bundle(tmp_path / "proven", proven=True)
    lost = {
        "rows": 90,
        "cleared": 40,
        "flags": 9,
        "flags_lost": 0,
        "reviews": 20,
        "reviews_lost": 1,
    }
    of_source = {"en_one": [*lost.values()], "en_two": [50, 30, 5, 0, 9, 0]}
    write_manifest(proven, {"cascade": {"check": lost, "honest": lost, "sources": of_source}})
    detail = _detail(proven, tmp_path, "cascade")[1]
    assert "on unless tier='full'; clears 44% of honest held-out rows" in detail
    assert detail.endswith("sources that lose most reviews: en_one 1 of 20")
    monkeypatch.setattr("scamdetect.cli.doctor.multiplies_exactly", lambda fast: not fast)
    ok, detail = _detail(tiny_bundle, tmp_path, "int8")
    assert ok is True and "exact, slower ones are used" in detail
    monkeypatch.setattr("scamdetect.cli.doctor.multiplies_exactly", lambda fast: False)
    ok, detail = _detail(tiny_bundle, tmp_path, "int8")
    assert ok is False and "scores are wrong" in detail


@pytest.mark.parametrize(("shift", "expected"), [(0.0, True), (0.019, True), (0.03, False)])
def test_known_answers_are_compared(detector: ScamDetector, shift: float, expected: bool) -> None:
    texts = ["profit", "hello lunch"]
    answers = [
        KnownAnswer(text, float(p.scam_probability or 0) - shift)
        for text, p in zip(texts, detector.predict(texts), strict=True)
    ]
    assert self_test(detector, answers).ok is expected


def test_the_bundles_own_answers_are_used(
    tmp_path: Path, tiny_bundle: Path, detector: ScamDetector
) -> None:
    assert _detail(tiny_bundle, tmp_path, "self-test")[0] is None
    right = detector.predict("profit").scam_probability
    for probability, expected in ((right, True), (0.0, False)):
        answers = [{"text": "profit", "scam_probability": probability}]
        folder = write_tiny_bundle(tmp_path / f"bundle-{expected}", known_answers=answers)
        assert _detail(folder, tmp_path, "self-test")[0] is expected


def test_known_answer_that_is_not_scored_is_wrong(detector: ScamDetector) -> None:
    assert self_test(detector, [KnownAnswer("", 0.1)]).ok is False
    assert self_test(detector, []).ok is None
