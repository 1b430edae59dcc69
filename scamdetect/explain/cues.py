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
from typing import Literal, cast

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
_OF_SCRIPT = {name: re.compile(f"[{letters}]") for name, letters in _SCRIPTS.items()}
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


def plain(text: Text) -> Text:
    """Return a folded text in lower case without accents, letter forms and joiners.

    A traced text keeps its offsets.
    """
    text = substitute(_UNSEEN, "", substitute(_JOINER_OF_WORDS, " ", compose(text)))
    made = text.translate(_plain_letters())
    if isinstance(text, Traced):
        traced = Traced(made)
        traced.offsets = text.offsets
        made = traced
    return cast(Text, made)


def find_phrases(
    text: str, languages: tuple[str, ...] = LANGUAGES
) -> Iterator[tuple[str, int, int]]:
    """Yield kind, start and end of the phrases in a plain text; those of one kind do not overlap.

    Only phrases whose start occurs in the text are tried, and no part of one repeats without limit,
    so the search is linear in the text.
    """
    for places, spaceless in ((_WORD_START, False), (_ANYWHERE, True)):
        index = _index(spaceless, languages)
        if spaceless and not _SPACELESS_LETTER.search(text):
            continue
        lengths = sorted({len(key) for key in index})
        ends: dict[str, int] = {}
        for place in (match.start() for match in places.finditer(text)):
            keys = (text[place : place + length] for length in lengths)
            groups = [index[key] for key in keys if key in index]
            if text[place].isdecimal() and not text[place - 1 : place].isdecimal():
                groups.append(index.get(_NUMBER, {}))
            for kind, end in _longest(text, place, groups).items():
                if place >= ends.get(kind, 0):
                    ends[kind] = end
                    yield kind, place, end


def _longest(text: str, place: int, groups: list[dict[str, str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for group in groups:
        for kind, pattern in group.items():
            if match := _compiled(pattern).match(text, place):
                found[kind] = max(match.end(), found.get(kind, 0))
    return found


_compiled = cache(re.compile)  # on first use: few of the thousands of phrases are ever needed


@cache
def _index(spaceless: bool, languages: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Return the patterns by the first letters of their phrases and kind."""
    phrases: dict[tuple[str, str], set[str]] = {}
    for language in languages:
        for kind, written in _words(language).items():
            for phrase in map(plain, written):
                if (_script(phrase) in _SPACELESS) is spaceless:
                    first = phrase.split()[0].removesuffix("~")
                    key = _NUMBER if first == _NUMBER else first[:_LONGEST_KEY]
                    phrases.setdefault((key, kind), set()).add(phrase)
    index: dict[str, dict[str, str]] = {}
    for (key, kind), found in phrases.items():
        longest_first = sorted(found, key=lambda phrase: (-len(phrase), phrase))
        index.setdefault(key, {})[kind] = "|".join(map(_phrase, longest_first))
    return index


@cache
def _words(language: str) -> dict[str, list[str]]:
    path = files("scamdetect.explain").joinpath("cue_words", f"{language}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _script(phrase: str) -> str:
    return next(name for name in _SCRIPTS if _OF_SCRIPT[name].search(phrase))


def _phrase(phrase: str) -> str:
    script = _script(phrase)
    blank = r"\s{0,2}" if script in _OPTIONAL_BLANKS else r"\s{1,2}"
    gap = r"[^\n.!?。！？]{0,10}?" if script in _SPACELESS else r"(?:[^\s.!?]{1,20}\s){0,3}?"
    end = r"(?![^\W_])" if script in _CLOSED else ""
    pieces = []
    for word in phrase.split():
        if word == "*":
            pieces.append(gap)
            continue
        literal = r"\W?\d[\d.,]{0,12}" if word == "#" else re.escape(word.removesuffix("~"))
        going_on = r"[^\W_]{0,12}" if word.endswith("~") else ""
        pieces += [literal, going_on, r"\s{0,2}" if word == "#" else blank]
    return "".join(pieces[:-1]) + end


@cache
def _plain_letters() -> dict[int, str]:
    """Return the table from each letter to its plain form, one for one."""
    table = {ord("ı"): "i", ord("İ"): "i", ord("đ"): "d", ord("Đ"): "d", ord("’"): "'"}
    table |= {ord("ʼ"): "'", ord("‘"): "'", ord("ø"): "o", ord("Ø"): "o", ord("ł"): "l"}
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


APP_HOSTS = frozenset("wa.me t.me lin.ee m.me line.me zalo.me".split())
_SCHEME = re.compile(r"(?:h(?:tt|xx)ps?|ftp)(?:://|:\\\\|\[:\]//)", re.IGNORECASE)
_DISABLED = re.compile(r"hxx|ftp:\\\\|http.{0,2}:\\\\|.{0,6}\[:\]", re.IGNORECASE)
_DOT = re.compile(r"\[\.\]|\(\.\)")
_HOST = re.compile(r"(?:(?!\[\.\]|\(\.\))[^/?#:\\]|\[\.\]|\(\.\)){0,255}")
_NUMBERS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")


def opens_app(link: str) -> bool:
    """Return True if a folded link opens a chat in an app."""
    return _host_of(link) in APP_HOSTS


def tricks(link: str, written: str) -> Iterator[str]:
    """Yield the names of the tricks of a folded link, given its original spelling."""
    scheme = _SCHEME.match(link)
    bare = link[scheme.end() :] if scheme else link
    raw_host = _HOST.match(bare)
    host = _host_of(link)
    if _DISABLED.match(link):
        yield "disabled scheme"
    if raw_host and _DOT.search(raw_host[0]):
        yield "hidden dot"
    if "@" in host:
        yield "name before @"
        host = host.rpartition("@")[2]
    if host in SHORTENERS and host not in APP_HOSTS:
        yield "shortener"
    if _NUMBERS.fullmatch(host):
        yield "address of numbers"
    elif any(character.isdigit() for character in host):
        yield "digits in host"
    if "xn--" in host:
        yield "coded letters"
    if host.isascii() and not _letters(written, len(host) * 3).isascii():
        yield "look-alike letters"


def _host_of(link: str) -> str:
    scheme = _SCHEME.match(link)
    bare = _DOT.sub(".", link[scheme.end() :] if scheme else link)
    return re.split(r"[/?#:]", bare, maxsplit=1)[0].lower().removeprefix("www.")


def _letters(written: str, most: int) -> str:
    """Return the letters of the host as written."""
    scheme = _SCHEME.match(written)
    bare = written[scheme.end() :] if scheme else written
    host = re.split(r"[/?#]", bare[:most], maxsplit=1)[0]
    return "".join(filter(str.isalpha, host))


_JOINING = "\u200d\ufe0e\ufe0f"


class CueKind(StrEnum):
    """The topic of a cue; ``meaning`` is its text."""

    MONEY = "money"
    CODE = "code"
    OTHER_APP = "other_app"
    GAIN = "gain"
    SECRECY = "secrecy"
    URGENCY = "urgency"
    FEE = "fee"
    PAYMENT = "payment"
    IDENTITY = "identity"
    LINK = "link"

    @property
    def meaning(self) -> str:
        """Return the kind in a few words for readers."""
        return _MEANING[self]


_MEANING = {
    CueKind.MONEY: "speaks of sending money",
    CueKind.CODE: "speaks of a code or secret",
    CueKind.OTHER_APP: "points to another app or chat",
    CueKind.GAIN: "speaks of a sure or quick gain",
    CueKind.SECRECY: "speaks of secrecy",
    CueKind.URGENCY: "presses for time",
    CueKind.FEE: "names a fee or an advance",
    CueKind.PAYMENT: "names a payment that is hard to undo",
    CueKind.IDENTITY: "names an office, a firm or a relative",
    CueKind.LINK: "hides where a link leads",
}


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
    found = {
        Cue(kind, start, _whole(text, end), detail)
        for kind, start, end, detail in (*_said(folded, languages), *_linked(folded, text))
    }
    return tuple(sorted(found, key=lambda cue: (cue.start, cue.end, cue.kind, cue.detail or "")))


def _said(
    folded: Traced, languages: tuple[str, ...]
) -> Iterator[tuple[CueKind, int, int, str | None]]:
    words = plain(folded)
    for kind, start, end in find_phrases(words, languages):
        yield CueKind(kind), *words.span(start, end), None


def _linked(folded: Traced, text: str) -> Iterator[tuple[CueKind, int, int, str | None]]:
    for start, end in find_links(folded):
        link, place = folded[start:end], folded.span(start, end)
        if opens_app(link):
            yield CueKind.OTHER_APP, *place, "app link"
        for trick in tricks(link, text[slice(*place)]):
            yield CueKind.LINK, *place, trick


def _whole(text: str, end: int) -> int:
    """Return the end, moved after everything drawn on the last character."""
    while end < len(text) and (unicodedata.category(text[end])[0] == "M" or text[end] in _JOINING):
        end += 1
    return end
