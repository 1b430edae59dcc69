"""The labels of a message in their one order, and what people call kinds and languages."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What a message is: honest, unwanted promotion without fraud, or fraud."""

    LEGIT = "legit"
    SPAM = "spam"
    SCAM = "scam"


class Kind(StrEnum):
    """What a scam is about; several may hold (pig butchering is investment and romance)."""

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
    """Where a label comes from: the source's own, a keyword rule, a reading, or our writers."""

    SOURCE = "source"
    RULE = "rule"
    READ = "read"
    AUTHORED = "authored"


class Decision(StrEnum):
    """What to do with a message at the thresholds in force."""

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
    """Return the name of a language with its code behind it, the code alone where it has none."""
    name = language_name(code)
    return name if name == code else f"{name} ({code})"


def language_name(code: str) -> str:
    """Return the English name of a language, its code where there is none."""
    return _LANGUAGES.get(code, code)


def kind_name(kind: str) -> str:
    """Return the words for a kind of scam; for none, that no kind was named."""
    return _KINDS.get(kind, kind.replace("_", " ")) if kind else "no kind named"
