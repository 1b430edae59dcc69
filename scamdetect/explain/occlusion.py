"""Explain a score by occlusion: how much the scam probability falls without a part of the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scamdetect.calibration.probabilities import log_odds
from scamdetect.labels import VERDICTS, Verdict

_SCAM = VERDICTS.index(Verdict.SCAM)
_FEWEST, _LONGEST = 16, 60  # characters of a segment, a wide one counting twice
_MOST_SEGMENTS = 24  # of similar length; a text has up to twice as many
_STRONG, _WEAK = 0.6, 0.25  # of the greatest weight
_LEAST = 0.2  # of a logit; less is noise

# Where a clause ends, with the quotes and blanks after it: at marks that occur in no number and no
# link, at others if a blank follows, and at line ends.
_CLAUSE_END = re.compile(
    r"(?:[。！？；，、…।॥؟،؛۔။၊។៕៖]|[.!?,;:–—-](?=\s|[\"'”’»)\]}]+\s))+[\"'”’»)\]}」』）】]*\s*|\s*\n\s*"
)
# Scripts without blanks between words: Thai, Lao, Tibetan, Burmese, Khmer, kana, Han.
_SPACELESS = re.compile(
    "[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
# These are drawn together with the next character: vowels before their consonant, and stackers.
_NO_PART_AFTER = frozenset("เแโใไເແໂໃໄ\u1039\u17d2")


class Detector(Protocol):
    """The methods of ScamDetector that an explanation needs."""

    def predict_proba(self, texts: Iterable[object], /) -> NDArray[np.float32]:
        """Return float32 (n, verdicts), NaN for a text that cannot be scored."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text, ``text[start:end]``, and how much it raises the logit of scam."""

    start: int
    end: int
    weight: float


def explain(detector: Detector, text: str) -> tuple[Span, ...]:
    """Return the segments of a text, in order, with the weight of each.

    A segment is a clause, or a part of a long one, without surrounding blanks. Its weight is the
    logit of the scam probability minus that of the text without it, so a negative one makes the
    text look honest. If nothing is left without a segment, the weight is the whole logit. All are
    scored in one batch; a text that cannot be scored has no segments.
    """
    parts = segments(text)
    without = [text[:start] + text[end:] for start, end in parts]
    scores = detector.predict_proba([text, *without]).astype(np.float64)
    logits = log_odds(scores[:, _SCAM], np.delete(scores, _SCAM, axis=1).sum(axis=1))
    if np.isnan(logits[0]):
        return ()
    weights = (logits[0] - np.nan_to_num(logits[1:])).tolist()
    ends = (start + len(text[start:end].rstrip()) for start, end in parts)
    return tuple(map(Span, (start for start, _ in parts), ends, weights))


def strengths(spans: Sequence[Span]) -> list[int]:
    """Return how much of the score each span carries: 2 most of it, 1 a part, 0 almost nothing."""
    greatest = max((span.weight for span in spans), default=0.0)
    least, most = max(_LEAST, _WEAK * greatest), _STRONG * greatest
    return [0 if span.weight < least else 2 if span.weight >= most else 1 for span in spans]


def segments(text: str) -> list[tuple[int, int]]:
    """Return start and end of the segments; together they are the text without outer blanks."""
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    if start >= end:
        return []
    shortest = max(_FEWEST, _width(text[start:end]) // _MOST_SEGMENTS)
    longest = max(_LONGEST, 2 * shortest)
    ends = (match.end() for match in _CLAUSE_END.finditer(text, start, end))
    clauses = pairwise(dict.fromkeys((start, *ends, end)))
    parts = [part for clause in clauses for part in _parts(text, *clause, longest)]
    return _joined(text, parts, shortest, longest)


def _width(text: str) -> int:
    return len(text) + sum(unicodedata.east_asian_width(c) in "WF" for c in text)


def _parts(text: str, start: int, end: int, longest: int) -> Iterator[tuple[int, int]]:
    """Yield a clause in even parts that are not much longer than allowed."""
    count = -(-_width(text[start:end]) // longest)
    step = (end - start) / count
    cuts = (_cut(text, round(start + step * n), int(step / 2)) for n in range(1, count))
    yield from pairwise(dict.fromkeys((start, *filter(None, cuts), end)))


def _cut(text: str, position: int, reach: int) -> int | None:
    """Return the word boundary nearest to a position, or None if none is in reach."""
    near = sorted(range(position - reach + 1, position + reach), key=lambda at: abs(at - position))
    spaceless = next((at for at in near if _parts_spaceless(text, at)), None)
    begins = (at for at in near if text[at - 1].isspace() and not text[at].isspace())
    return next(begins, spaceless)


def _parts_spaceless(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    return bool(
        _SPACELESS.match(before)
        and _SPACELESS.match(after)
        and unicodedata.category(after)[0] != "M"
        and before not in _NO_PART_AFTER
    )


def _joined(
    text: str, parts: Sequence[tuple[int, int]], shortest: int, longest: int
) -> list[tuple[int, int]]:
    """Join each part that is too short with the next, and the last one with the one before."""
    joined: list[tuple[int, int]] = []
    width = longest + 1  # of the current segment
    for number, (start, end) in enumerate(parts, 1):
        own = _width(text[start:end])
        short = width < shortest or (number == len(parts) and own < shortest)
        if short and width + own <= longest:
            joined[-1] = (joined[-1][0], end)
            width += own
        else:
            joined.append((start, end))
            width = own
    return joined
