"""Check that this machine and a bundle can score: versions, processor, files, known answers."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from scamdetect.bundle.bundle import Bundle
from scamdetect.bundle.cascade import MOST_REVIEWS_LOST, proof_line
from scamdetect.bundle.runtime import multiplies_exactly
from scamdetect.bundle.settings import KnownAnswer
from scamdetect.detector import ScamDetector
from scamdetect.errors import ScamDetectError
from scamdetect.labels import VERDICTS, Verdict

PACKAGES = ("scamdetect", "numpy", "onnxruntime", "tokenizers", "pyarrow")
CPU_FEATURES = ("avx2", "avx512_vnni", "avx_vnni", "amx_int8")
TOLERANCE = 0.02
_SCAM = VERDICTS.index(Verdict.SCAM)
_MOST_NAMED = 5
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Check:
    """One finding; ``ok`` is None if there was nothing to check."""

    name: str
    ok: bool | None
    detail: str


def examine(model: Path | None = None, cpuinfo: Path = _CPUINFO) -> list[Check]:
    """Return what was found about the machine and the bundle (the shipped one by default)."""
    checks = [Check("python", True, f"{platform.python_version()} on {platform.platform()}")]
    checks += [_package(name) for name in PACKAGES]
    checks += [_processor(cpuinfo), _int8(), _runtime()]
    try:
        detector = ScamDetector.load(model)
    except ScamDetectError as problem:
        return [*checks, Check("bundle", False, str(problem))]
    bundle = detector.bundle
    checks.append(Check("bundle", True, f"{bundle.model_id} in {bundle.folder}"))
    checks.append(Check("thresholds", True, _thresholds(bundle)))
    checks.append(Check("cascade", True, _cascade(bundle)))
    checks.append(self_test(detector, bundle.known_answers))
    return checks


def _thresholds(bundle: Bundle) -> str:
    points = bundle.operating_points
    rates = ", ".join(f"{p.fpr:.1%}" for p in points if p.lang is p.kind is None)
    own = len({p.lang for p in points} - {None})
    bands = ", ".join(
        f"{name} {threshold:.4f}"
        + (f" (FPR {bundle.thresholds_fpr[name]:.1%})" if name in bundle.thresholds_fpr else "")
        for name, threshold in (
            ("flag", bundle.thresholds.flag),
            ("review", bundle.thresholds.review),
        )
    )
    return (
        f"{bands}; operating points at FPR {rates or 'none'}; {own} languages with their own, "
        f"{len(bundle.language_calibration)} calibrated on their own"
    )


def _package(name: str) -> Check:
    try:
        return Check(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, False, f"not installed; run: pip install {name}")


def _processor(cpuinfo: Path) -> Check:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return Check("processor", None, f"{platform.machine()}; features not readable here")
    flags = next((set(line.split()) for line in lines if line.startswith("flags")), None)
    if flags is None:
        return Check("processor", None, f"{platform.machine()}; no x86 features listed")
    has = [name for name in CPU_FEATURES if name in flags]
    lacks = [name for name in CPU_FEATURES if name not in flags]
    detail = f"{platform.machine()}; has {', '.join(has) or 'none'}"
    return Check("processor", True, f"{detail}; lacks {', '.join(lacks)}" if lacks else detail)


def _int8() -> Check:
    if multiplies_exactly(fast=True):
        return Check("int8", True, "8-bit products are exact")
    if multiplies_exactly(fast=False):
        return Check(
            "int8",
            True,
            "fast 8-bit products saturate on this processor; exact, slower ones are used",
        )
    return Check(
        "int8",
        False,
        "8-bit products saturate on this processor, so scores are wrong; install another version "
        "of onnxruntime, or use runtime='openvino'",
    )


def _runtime() -> Check:
    """Report which runtime ``auto`` is; OpenVINO was slower on this kind of graph when measured."""
    chosen = "auto is onnxruntime"
    try:
        other = f"openvino {metadata.version('openvino')} is used when asked for"
    except metadata.PackageNotFoundError:
        other = "openvino is not installed"
    return Check("runtime", True, f"{chosen}; {other}")


def _cascade(bundle: Bundle) -> str:
    if bundle.cascade is None:
        return "no cascade: every message is read in full"
    state = "proven, on unless tier='full'" if bundle.cascade.proven else "not proven, off"
    record = bundle.training.get("cascade")
    if not record:
        return state
    worst = sorted(
        (
            (lost / reviews, f"{name} {lost} of {reviews}")
            for name, (*_, reviews, lost) in record["sources"].items()
            if lost > MOST_REVIEWS_LOST * reviews
        ),
        reverse=True,
    )
    more = ", ".join(words for _, words in worst[:_MOST_NAMED]) or "none"
    return f"{state}; {proof_line(record)}; sources that lose most reviews: {more}"


def self_test(detector: ScamDetector, answers: Sequence[KnownAnswer]) -> Check:
    """Return whether the detector gives the known answers."""
    if not answers:
        return Check("self-test", None, "the bundle has no known answers")
    # The answers are of the whole model, whatever the cascade would clear.
    found = detector.predict_proba([answer.text for answer in answers])[:, _SCAM]
    wanted = np.array([answer.scam_probability for answer in answers])
    off = np.nan_to_num(np.abs(found - wanted), nan=1.0).tolist()
    if max(off) <= TOLERANCE:
        return Check("self-test", True, f"{len(answers)} known answers within {max(off):.3f}")
    wrong = sum(difference > TOLERANCE for difference in off)
    return Check(
        "self-test",
        False,
        f"{wrong} of {len(answers)} known answers differ by up to {max(off):.3f}; {TOLERANCE} is "
        "allowed: reinstall onnxruntime, or report this processor",
    )
