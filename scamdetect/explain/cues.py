"""Cues: visible features of a message, with offsets into it: phrases and link tricks.

A cue is an observation, never a verdict: banks, shops and families ask for money, set deadlines and
send codes too, and a scam may have no cue. No score depends on cues. They are found by written
patterns in the languages of ``LANGUAGES``, not by the model, as ``by`` states.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Literal, Self

from scamdetect.text.normalise import SHORTENERS, find_links, fold
from scamdetect.text.traced import Text, Traced, compose, substitute, trace

# A phrase is written as people type it. In it ``*`` matches up to three words (ten characters in
# scripts without blanks), ``#`` a number with its currency sign, and ``~`` after a word any ending.

LANGUAGES = tuple(
    "ar bn de en es fa fr hi id it ja km ko ms my ne pt ru sw ta th tl tr ur vi zh".split()
)
# Latin and Cyrillic words end with the phrase; other scripts attach endings, and some have no
# blanks at all.
_SCRIPTS = {
    "Cyrillic": "\u0400-\u052f",
    "Arabic": "\u0620-\u06d3",
    "Devanagari": "\u0900-\u097f",
    "Bengali": "\u0980-\u09ff",
    "Tamil": "\u0b80-\u0bff",
    "Hangul": "\uac00-\ud7a3",
    "Thai": "\u0e00-\u0e7f",
    "Burmese": "\u1000-\u109f",
    "Khmer": "\u1780-\u17ff",
    "Han": "\u3040-\u30ff\u3400-\u9fff",
    "Latin": "a-z",  # last: a phrase of two scripts is of the other one
}
_SPACELESS = ("Thai", "Burmese", "Khmer", "Han")
_OPTIONAL_BLANKS = (*_SPACELESS, "Hangul", "Arabic")
_CLOSED = ("Latin", "Cyrillic")
# The danda marks are between two letters of the Indic blocks, and end a sentence.
_APART = "(?<![^\\W_])(?<![\u0900-\u0963\u0971-\u0dff])"
_ANYWHERE = re.compile(r"[^\W_]")
# Where words start, and after the articles and prepositions that Arabic attaches to them.
_WORD_START = re.compile(
    f"(?:{_APART}|(?<={_APART}[وفبلك])|(?<={_APART}ال)|(?<={_APART}[وفبك]ال)|(?<={_APART}لل))[^\\W_]"
)
_SPACELESS_LETTER = re.compile(f"[{''.join(_SCRIPTS[name] for name in _SPACELESS)}]")
_NUMBER, _LONGEST_KEY = "#", 5
_JOINER_OF_WORDS = re.compile("(?<=[\u0600-\u06ff])\u200c")
_UNSEEN = re.compile("[\u200b-\u200d\u0640\u064b-\u065f\u0670]")

APP_HOSTS = frozenset("wa.me t.me lin.ee m.me line.me zalo.me".split())
_SCHEME = re.compile(r"(?:h(?:tt|xx)ps?|ftp)(?:://|:\\\\|\[:\]//)", re.IGNORECASE)
_DISABLED = re.compile(r"hxx|ftp:\\\\|http.{0,2}:\\\\|.{0,6}\[:\]", re.IGNORECASE)
_DOT = re.compile(r"\[\.\]|\(\.\)")
_NUMBERS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
_JOINING = "\u200d\ufe0e\ufe0f"


class CueKind(StrEnum):
    """The topic of a cue; ``meaning`` describes it for readers."""

    MONEY = "money", "speaks of sending money"
    CODE = "code", "speaks of a code or secret"
    OTHER_APP = "other_app", "points to another app or chat"
    GAIN = "gain", "speaks of a sure or quick gain"
    SECRECY = "secrecy", "speaks of secrecy"
    URGENCY = "urgency", "presses for time"
    FEE = "fee", "names a fee or an advance"
    PAYMENT = "payment", "names a payment that is hard to undo"
    IDENTITY = "identity", "names an office, a firm or a relative"
    LINK = "link", "hides where a link leads"

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Self:
        """Create a member with its meaning."""
        member = str.__new__(cls, value)
        member._value_, member.meaning = value, meaning
        return member


@dataclass(frozen=True, slots=True)
class Cue:
    """An observation in ``text[start:end]``; ``detail`` is the trick of a link, else None."""

    kind: CueKind
    start: int
    end: int
    detail: str | None = None
    by: Literal["pattern"] = "pattern"

    @property
    def meaning(self) -> str:
        """Return the meaning of the kind, with the detail of a link."""
        return f"{self.kind.meaning} ({self.detail})" if self.detail else self.kind.meaning


def find_cues(text: str, languages: tuple[str, ...] = LANGUAGES) -> tuple[Cue, ...]:
    """Return the cues of a text in order, in time linear in its length.

    Disguises (invisible or styled letters, spelt words) are undone as by the normaliser. Phrases of
    all ``languages`` in the scripts of the text count, because people mix languages.
    """
    folded = fold(trace(text))
    words = plain(folded)
    cues = {
        Cue(CueKind(kind), *_whole(text, *words.span(start, end)))
        for kind, start, end in find_phrases(words, languages)
    }
    for start, end in find_links(folded):
        link, span = folded[start:end], folded.span(start, end)
        whole = _whole(text, *span)
        cues |= {Cue(CueKind.LINK, *whole, trick) for trick in tricks(link, text[slice(*span)])}
        if _host(link) in APP_HOSTS:
            cues.add(Cue(CueKind.OTHER_APP, *whole, "app link"))
    return tuple(sorted(cues, key=lambda cue: (cue.start, cue.end, cue.kind, cue.detail or "")))


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span, extended by everything drawn on its last character."""
    while end < len(text) and (unicodedata.category(text[end])[0] == "M" or text[end] in _JOINING):
        end += 1
    return start, end


def find_phrases(
    text: str, languages: tuple[str, ...] = LANGUAGES
) -> Iterator[tuple[str, int, int]]:
    """Yield kind, start and end of the phrases in a plain text; those of one kind do not overlap.

    Only phrases whose start occurs in the text are tried, and no part of one repeats without limit,
    so the search is linear in the text.
    """
    for starts, spaceless in ((_WORD_START, False), (_ANYWHERE, True)):
        if spaceless and not _SPACELESS_LETTER.search(text):
            continue
        index = _index(spaceless, languages)
        lengths = sorted({len(key) for key in index})
        last: dict[str, int] = {}  # end of the last phrase by kind
        for start in (match.start() for match in starts.finditer(text)):
            keys = [text[start : start + length] for length in lengths]
            if text[start].isdecimal() and not text[start - 1 : start].isdecimal():
                keys.append(_NUMBER)
            ends: dict[str, int] = {}
            for kind, pattern in (pair for key in keys for pair in index.get(key, {}).items()):
                if match := _compiled(pattern).match(text, start):
                    ends[kind] = max(match.end(), ends.get(kind, 0))
            for kind, end in ends.items():
                if start >= last.get(kind, 0):
                    last[kind] = end
                    yield kind, start, end


_compiled = cache(re.compile)  # on first use: few of the thousands of phrases are ever needed


@cache
def _index(spaceless: bool, languages: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Return the patterns by the first letters of their phrases and by kind."""
    phrases: dict[tuple[str, str], set[str]] = {}
    for language in languages:
        path = files("scamdetect.explain").joinpath("cue_words", f"{language}.toml")
        for kind, written in tomllib.loads(path.read_text(encoding="utf-8")).items():
            for phrase in map(plain, written):
                if (_script(phrase) in _SPACELESS) is spaceless:
                    first = phrase.split()[0].removesuffix("~")
                    key = _NUMBER if first == _NUMBER else first[:_LONGEST_KEY]
                    phrases.setdefault((key, kind), set()).add(phrase)
    index: dict[str, dict[str, str]] = {}
    for (key, kind), group in phrases.items():
        longest_first = sorted(group, key=lambda phrase: (-len(phrase), phrase))
        index.setdefault(key, {})[kind] = "|".join(map(_pattern, longest_first))
    return index


def _script(phrase: str) -> str:
    return next(name for name, letters in _SCRIPTS.items() if re.search(f"[{letters}]", phrase))


def _pattern(phrase: str) -> str:
    """Return the regular expression of a plain phrase."""
    script = _script(phrase)
    blank = r"\s{0,2}" if script in _OPTIONAL_BLANKS else r"\s{1,2}"
    gap = r"[^\n.!?。！？]{0,10}?" if script in _SPACELESS else r"(?:[^\s.!?]{1,20}\s){0,3}?"
    parts = []
    for word in phrase.split():
        if word == "*":
            parts.append(gap)
            continue
        literal = r"\W?\d[\d.,]{0,12}" if word == "#" else re.escape(word.removesuffix("~"))
        ending = r"[^\W_]{0,12}" if word.endswith("~") else ""
        parts += [literal, ending, r"\s{0,2}" if word == "#" else blank]
    return "".join(parts[:-1]) + (r"(?![^\W_])" if script in _CLOSED else "")


def plain(text: Text) -> Text:
    """Return a folded text in lower case without accents, letter forms and joiners.

    A traced text keeps its offsets.
    """
    text = substitute(_UNSEEN, "", substitute(_JOINER_OF_WORDS, " ", compose(text)))
    letters = type(text)(text.translate(_plain_letters()))
    if isinstance(text, Traced) and isinstance(letters, Traced):
        letters.offsets = text.offsets
    return letters


@cache
def _plain_letters() -> dict[int, str]:
    """Return the table from each letter to its plain form, one for one."""
    table = dict(zip(map(ord, "ıİđĐ’ʼ‘øØł"), "iidd'''ool", strict=True))
    for code in (*range(0x41, 0x530), *range(0x1E00, 0x1F00)):
        small = chr(code).lower()
        base = unicodedata.normalize("NFD", small)[0]
        if code not in table and len(small) == 1 and base != chr(code):
            table[code] = base
    arabic = zip("أإآٱىیئکةۀہھەۃؤ", "ااااييي" + "ك" + "هههههه" + "و", strict=True)
    table |= {ord(form): letter for form, letter in arabic}
    for zero in (0x660, 0x6F0, 0x966, 0x9E6, 0xBE6, 0xE50, 0x1040, 0x17E0, 0xFF10):
        table |= {zero + digit: str(digit) for digit in range(10)}
    return table


def tricks(link: str, written: str) -> list[str]:
    """Return the names of the tricks of a folded link, given its original spelling."""
    host = _host(link).rpartition("@")[2]
    numbers = _NUMBERS.fullmatch(host)
    start = re.split(r"[/?#]", _bare(written)[: 3 * len(host)], maxsplit=1)[0]
    hits = {
        "disabled scheme": _DISABLED.match(link),
        "hidden dot": _DOT.search(re.split(r"[/?#:\\]", _bare(link), maxsplit=1)[0]),
        "name before @": "@" in _host(link),
        "shortener": host in SHORTENERS - APP_HOSTS,
        "address of numbers": numbers,
        "digits in host": not numbers and any(map(str.isdigit, host)),
        "coded letters": "xn--" in host,
        "look-alike letters": host.isascii() and not "".join(filter(str.isalpha, start)).isascii(),
    }
    return [name for name, hit in hits.items() if hit]


def _host(link: str) -> str:
    bare = _DOT.sub(".", _bare(link))
    return re.split(r"[/?#:]", bare, maxsplit=1)[0].lower().removeprefix("www.")


def _bare(link: str) -> str:
    scheme = _SCHEME.match(link)
    return link[scheme.end() :] if scheme else link
