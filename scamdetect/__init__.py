"""Find scam messages in many languages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scamdetect.detector import ScamDetector
    from scamdetect.errors import ScamDetectError
    from scamdetect.labels import Decision, Kind, Verdict
    from scamdetect.prediction import KindScore, Prediction

__version__ = "0.1.0"
__all__ = [
    "Decision",
    "Kind",
    "KindScore",
    "Prediction",
    "ScamDetectError",
    "ScamDetector",
    "Verdict",
    "__version__",
]

# Needs an extra, which `from scamdetect import *` must not.
_OPTIONAL = {"ScamClassifier": "scamdetect.integrations.classifier"}
_HOMES = _OPTIONAL | {
    "Decision": "scamdetect.labels",
    "Kind": "scamdetect.labels",
    "KindScore": "scamdetect.prediction",
    "Prediction": "scamdetect.prediction",
    "ScamDetectError": "scamdetect.errors",
    "ScamDetector": "scamdetect.detector",
    "Verdict": "scamdetect.labels",
}


def __getattr__(name: str) -> object:
    # Names load on first use, so that importing the package costs next to nothing.
    if name not in _HOMES:
        raise AttributeError(f"module 'scamdetect' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_OPTIONAL})
