"""Cues: what can be seen in a message, with offsets into it.

A cue is an observation, never a verdict: banks, shops and families ask for money, set deadlines and
send codes too, and a scam may have none. No score depends on cues. They are found by written
patterns in the languages of ``LANGUAGES``, not by the model, and say so (``by``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from scamdetect.explain.cue_links import opens_app, tricks
from scamdetect.explain.cue_words import LANGUAGES, find_phrases, plain
from scamdetect.text.normalise import find_links, fold
from scamdetect.text.traced import Traced, trace

_JOINING = "\u200d\ufe0e\ufe0f"


class CueKind(StrEnum):
    """What a cue is of; ``meaning`` says it in words."""

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
    """An observation in ``text[start:end]``; ``detail`` names the trick of a link, else None."""

    kind: CueKind
    start: int
    end: int
    detail: str | None = None
    by: Literal["pattern"] = "pattern"


def find_cues(text: str, languages: tuple[str, ...] = LANGUAGES) -> tuple[Cue, ...]:
    """Return the cues of a text in its order, in time linear in its length.

    Looks under disguises (invisible or styled letters, words spelt out) as the normaliser does.
    Phrases of all ``languages`` in the scripts of the text count, for people mix languages.
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
    """Return the end moved behind what is drawn on the last character."""
    while end < len(text) and (unicodedata.category(text[end])[0] == "M" or text[end] in _JOINING):
        end += 1
    return end
