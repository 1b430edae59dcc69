"""A message as the report shows it: masked, and with the parts marked that made it look a scam."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby

from scamdetect.explain.occlusion import Detector, explain, strengths
from scamdetect.text.masking import beginning, masked
from scamdetect.text.traced import trace

_MOST_SHOWN = 600  # characters
_CUT_TAG = re.compile(r"\[[a-z]*$")
_MOST_MARKED = 3


@dataclass(frozen=True)
class Piece:
    """A part of a sample; ``strength`` 2 is marked strongly, 1 weakly, 0 not."""

    text: str
    strength: int = 0


def sample(text: str, detector: Detector | None) -> tuple[Piece, ...]:
    """Return the pieces of a masked message, its strongest segments marked by the detector.

    At most 600 characters are shown, of at most 2,000 that are looked at.
    """
    text = beginning(text)
    spans = () if detector is None else explain(detector, text)
    strongest = sorted(spans, key=lambda span: -span.weight)[:_MOST_MARKED]
    marks = [0] * (len(text) + 1)
    for span, strength in zip(strongest, strengths(strongest), strict=True):
        marks[span.start : span.end] = [strength] * (span.end - span.start)
    whole = masked(trace(text))
    shown = str(whole)
    if len(shown) > _MOST_SHOWN:
        shown = _CUT_TAG.sub("", shown[:_MOST_SHOWN])
    places = range(len(shown))
    pieces = [
        Piece("".join(shown[place] for place in group), strength)
        for strength, group in groupby(places, key=lambda place: marks[whole.offsets[place]])
    ]
    return tuple(pieces) if len(shown) == len(whole) else (*pieces, Piece("…"))
