"""Find scam messages in many languages."""

from __future__ import annotations

TYPE_CHECKING = False  # the constant of typing, which is slower to import than this package
if TYPE_CHECKING:
    from scamdetect.conversation.predict import ConversationPrediction
    from scamdetect.detector import ScamDetector
    from scamdetect.errors import ScamDetectError
    from scamdetect.labels import Decision, Kind, Verdict
    from scamdetect.prediction import KindScore, Prediction

__version__ = "0.5.0"
__all__ = [
    "ConversationPrediction",
    "Decision",
    "Kind",
    "KindScore",
    "Prediction",
    "ScamDetectError",
    "ScamDetector",
    "Verdict",
    "__version__",
]

# Needs an extra, so `from scamdetect import *` must not import it.
_OPTIONAL = {"ScamClassifier": "scamdetect.adapt.classifier"}
_HOMES = _OPTIONAL | {
    "ConversationPrediction": "scamdetect.conversation.predict",
    "Decision": "scamdetect.labels",
    "Kind": "scamdetect.labels",
    "KindScore": "scamdetect.prediction",
    "Prediction": "scamdetect.prediction",
    "ScamDetectError": "scamdetect.errors",
    "ScamDetector": "scamdetect.detector",
    "Verdict": "scamdetect.labels",
}


def __getattr__(name: str) -> object:
    # Names are imported on first use, so that importing the package is fast.
    if name not in _HOMES:
        raise AttributeError(f"module 'scamdetect' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_OPTIONAL})
