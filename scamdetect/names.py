"""What people call the languages and kinds that the scores name by codes."""

from __future__ import annotations

from scamdetect.labels import Kind

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
