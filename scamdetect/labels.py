"""The labels of a message in their fixed order, and display names of kinds and languages."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """The class of a message: honest, unwanted promotion without fraud, or fraud."""

    LEGIT = "legit"
    SPAM = "spam"
    SCAM = "scam"


class Kind(StrEnum):
    """The subject of a scam; a message may have several (pig butchering: investment, romance)."""

    INVESTMENT = "investment"
    ROMANCE = "romance"
    CRYPTO = "crypto"
    PHISHING = "phishing"
    JOB = "job"
    ADVANCE_FEE = "advance_fee"
    IMPERSONATION = "impersonation"
    LOTTERY = "lottery"
    LOAN = "loan"
    DELIVERY = "delivery"
    TECH_SUPPORT = "tech_support"
    ACCOUNT_TAKEOVER = "account_takeover"
    GAMBLING = "gambling"
    FAMILY_EMERGENCY = "family_emergency"
    ECOMMERCE = "ecommerce"
    CHARITY = "charity"
    EXTORTION = "extortion"
    OTHER = "other"


class Provenance(StrEnum):
    """The origin of a label: the source's own, a keyword rule, a reader, or our writers."""

    SOURCE = "source"
    RULE = "rule"
    READ = "read"
    AUTHORED = "authored"


class Decision(StrEnum):
    """The action for a message at the thresholds in force."""

    FLAG = "flag"
    REVIEW = "review"
    PASS = "pass"
    UNSCORED = "unscored"


VERDICTS: tuple[Verdict, ...] = tuple(Verdict)
KINDS: tuple[Kind, ...] = tuple(Kind)

_LANGUAGES = {
    "ace": "Acehnese", "ar": "Arabic", "ban": "Balinese", "bjn": "Banjar", "bn": "Bengali",
    "de": "German", "en": "English", "es": "Spanish", "fa": "Persian", "fr": "French",
    "ha": "Hausa", "hi": "Hindi", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "jv": "Javanese", "km": "Khmer", "ko": "Korean", "min": "Minangkabau", "ms": "Malay",
    "my": "Burmese", "ne": "Nepali", "nl": "Dutch", "pcm": "Nigerian Pidgin", "pl": "Polish",
    "pt": "Portuguese", "ru": "Russian", "su": "Sundanese", "sw": "Swahili", "ta": "Tamil",
    "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "ur": "Urdu", "vi": "Vietnamese",
    "zh": "Chinese", "und": "not certain",
}  # fmt: skip
_KINDS: dict[str, str] = {Kind.JOB: "fake job", Kind.OTHER: "other", Kind.ECOMMERCE: "fake shop"}


def language_title(code: str) -> str:
    """Return the name of a language followed by its code; only the code if it has no name."""
    name = language_name(code)
    return name if name == code else f"{name} ({code})"


def language_name(code: str) -> str:
    """Return the English name of a language, or its code if it has no name."""
    return _LANGUAGES.get(code, code)


def kind_name(kind: str) -> str:
    """Return the display name of a kind of scam, or of no kind."""
    return _KINDS.get(kind, kind.replace("_", " ")) if kind else "no kind named"
