"""What the detector says about one message and what can be seen in it, for people to read."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

from scamdetect.explain.cues import Cue, find_cues
from scamdetect.explain.occlusion import Detector, Span, explain, strengths
from scamdetect.labels import Decision
from scamdetect.prediction import Prediction
from scamdetect.system.shown import visible

Mark = TypeVar("Mark")

EXPLANATION_VERSION = 2
LONGEST_WEIGHED = 4_000  # characters whose segments are weighed, each by one more scoring
LONGEST_SEEN = 100_000  # characters that are looked at for cues and shown

CAUTION = (
    "Cues are found by written patterns, not by the model: honest messages have them too, and no "
    "score depends on them. Weights are of the beginning of a long text."
)
NOTHING = "No part raises the score much, and no cue was found."
_MOST_LISTED = 5
_MOST_WORDS, _LEAST_WORD = 8, 0.05  # phrases that are listed, and the logits that each must carry
_LONGEST_QUOTE = 80
# The colours of our pages, light or dark; elsewhere dark text on a light mark.
_INK = "color:var(--ink,#17202b)"
_STYLES = {
    2: f"background:var(--strong,#ffc2bc);{_INK}",
    1: f"background:var(--weak,#ffe6d3);{_INK}",
    0: "background:none;color:inherit",
}
_TEXT_STYLE = "white-space:pre-wrap;overflow-wrap:anywhere"
_SGR = {2: "1;7", 1: "7", 0: ""}
_CUE_STYLE, _CUE_SGR = "text-decoration:underline dotted", "4"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A prediction, the weights of the segments of its text, and the cues in it.

    ``spans`` are the segments that the model reacts to, found by leaving each out. ``words`` are
    phrases in lower case from the model's table of words, with what each adds to the logit of scam.
    ``cues`` are matches of patterns written by hand, and never a verdict. Offsets count characters
    of the text. A text that cannot be scored has none of the three; its prediction has the reason.
    """

    prediction: Prediction
    spans: tuple[Span, ...]
    words: tuple[tuple[str, float], ...]
    cues: tuple[Cue, ...]
    text: str = field(repr=False)  # the beginning that was looked at; "" if it was not scored

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, without the text; offsets locate the spans and cues in it."""
        return {
            "explanation_version": EXPLANATION_VERSION,
            "prediction": self.prediction.to_dict(),
            "spans": [{"start": s.start, "end": s.end, "weight": s.weight} for s in self.spans],
            "words": [{"phrase": phrase, "weight": weight} for phrase, weight in self.words],
            "cues": [
                {
                    "kind": cue.kind.value,
                    "start": cue.start,
                    "end": cue.end,
                    "detail": cue.detail,
                    "by": cue.by,
                }
                for cue in self.cues
            ],
        }

    def to_html(self, *, caution: bool = True) -> str:
        """Return a fragment of HTML without scripts or links, the text escaped.

        It takes the colours of the page around it if that is one of ours. ``caution=False`` leaves
        out the sentence on cues and weights, for pages that have it once.
        """
        decision, _, rest = _headline(self.prediction).partition(":")
        parts = [f"<p><strong>{html.escape(decision)}</strong>:{html.escape(rest)}</p>"]
        if marked := "".join(_html_piece(*piece) for piece in self._pieces()):
            parts.append(f'<p dir="auto" style="{_TEXT_STYLE}">{marked}</p>')
        found = (
            ("What raises the score most", self._span_lines()),
            ("Words that count by themselves", self._word_lines()),
            ("Cues, which do not change the score", self._cue_lines()),
        )
        parts += [_html_list(title, lines) for title, lines in found if lines]
        if self.text and not any(lines for _, lines in found):
            parts.append(f"<p>{NOTHING}</p>")
        if self.text and caution:
            parts.append(f"<p><small>{html.escape(CAUTION)}</small></p>")
        return f'<div class="scamdetect-explanation">{"".join(parts)}</div>\n'

    def to_terminal(self, colour: bool) -> str:
        """Return lines for a terminal; what hides, turns or controls text shows as ⟨U+202E⟩."""
        lines = [visible(_headline(self.prediction))]
        if not self.text:
            return lines[0] + "\n"
        if colour:
            lines += ["", "".join(_terminal_piece(*piece) for piece in self._pieces())]
        spans, words, cues = self._span_lines(), self._word_lines(), self._cue_lines()
        for title, found in (
            ("What raises the score most:", spans),
            ("Words that count by themselves:", words),
        ):
            if found:
                lines += ["", title, *(f"  {name:<8}{quote}" for name, quote in found)]
        if cues:
            lines += ["", "What can be seen in it:"]
            lines += [f"  {name}: {quote}" for name, quote in cues]
        if not (spans or words or cues):
            lines += ["", NOTHING]
        return "\n".join([*lines, "", CAUTION]) + "\n"

    def _pieces(self) -> Iterator[tuple[str, int, str]]:
        """Yield the text in pieces with the strength, 0 to 2, and the meanings of the cues."""
        places = {0, len(self.text)}
        places |= {place for span in self.spans for place in (span.start, span.end)}
        places |= {place for cue in self.cues for place in (cue.start, cue.end)}
        shown = sorted(places)
        spans = zip(self.spans, strengths(self.spans), strict=True)
        marks = _covering(shown, ((span.start, span.end, strength) for span, strength in spans))
        names = _covering(shown, ((c.start, c.end, c.meaning) for c in self.cues))
        for start, end in pairwise(shown):
            meanings = "; ".join(dict.fromkeys(names.get(start, [])))
            yield visible(self.text[start:end]), max(marks.get(start, [0])), meanings

    def _span_lines(self) -> list[tuple[str, str]]:
        strongest = sorted(self.spans, key=lambda span: -span.weight)[:_MOST_LISTED]
        return [
            (f"{span.weight:+.1f}", _quote(self.text, span.start, span.end))
            for span, strength in zip(strongest, strengths(strongest), strict=True)
            if strength
        ]

    def _word_lines(self) -> list[tuple[str, str]]:
        return [(f"{weight:+.1f}", visible(phrase)) for phrase, weight in self.words]

    def _cue_lines(self) -> list[tuple[str, str]]:
        found = ((cue.meaning, _quote(self.text, cue.start, cue.end)) for cue in self.cues)
        return list(dict.fromkeys(found))[: _MOST_LISTED * 10]


def explain_text(
    detector: Detector, text: object, prediction: Prediction, shares: Mapping[str, float]
) -> Explanation:
    """Return the explanation of a prediction for a text, in bounded time however long it is.

    Segments of the first 4,000 characters are weighed, and cues looked for in the first 100,000;
    ``shares`` is what each phrase of its first window adds by the table of words.
    """
    if not isinstance(text, str) or prediction.decision is Decision.UNSCORED:
        return Explanation(prediction, (), (), (), "")
    seen = text[:LONGEST_SEEN]
    spans = explain(detector, text[:LONGEST_WEIGHED])
    return Explanation(prediction, spans, strongest_words(shares), find_cues(seen), seen)


def strongest_words(shares: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Return the phrases that add or take most, strongest first, none that another one holds."""
    kept: dict[str, float] = {}
    for phrase, share in sorted(shares.items(), key=lambda one: (-abs(one[1]), one[0])):
        if abs(share) < _LEAST_WORD or len(kept) == _MOST_WORDS:
            break
        if not any(
            f" {a} " in f" {b} " for other in kept for a, b in ((phrase, other), (other, phrase))
        ):
            kept[phrase] = share
    return tuple(kept.items())


def _headline(prediction: Prediction) -> str:
    if prediction.scam_probability is None:
        return f"{prediction.decision.value}: {prediction.reason}"
    kinds = ", ".join(score.kind.value for score in prediction.kinds)
    parts = [f"{prediction.decision.value}: scam {prediction.scam_probability:.3f}", kinds]
    return "; ".join([part for part in (*parts, prediction.reason) if part])


def _covering(places: list[int], parts: Iterable[tuple[int, int, Mark]]) -> dict[int, list[Mark]]:
    """Return for each place the marks of the parts that cover what begins there."""
    number = {place: at for at, place in enumerate(places)}
    found: dict[int, list[Mark]] = {}
    for start, end, mark in parts:
        for place in places[number[start] : number[end]]:
            found.setdefault(place, []).append(mark)
    return found


def _quote(text: str, start: int, end: int) -> str:
    quoted = " ".join(visible(text[start : min(end, start + _LONGEST_QUOTE)]).split())
    return quoted + ("…" if end - start > _LONGEST_QUOTE else "")


def _html_piece(text: str, strength: int, meanings: str) -> str:
    escaped = html.escape(text)
    if not strength and not meanings:
        return escaped
    style = ";".join(filter(None, [_STYLES[strength], _CUE_STYLE if meanings else ""]))
    title = f' title="{html.escape(meanings)}"' if meanings else ""
    return f'<mark class="s{strength}" style="{style}"{title}>{escaped}</mark>'


def _html_list(title: str, lines: Iterable[tuple[str, str]]) -> str:
    items = "".join(
        f"<li>{html.escape(name)} <q><bdi>{html.escape(quote)}</bdi></q></li>"
        for name, quote in lines
    )
    return f"<p><strong>{title}</strong></p><ul>{items}</ul>"


def _terminal_piece(text: str, strength: int, meanings: str) -> str:
    codes = ";".join(filter(None, [_SGR[strength], _CUE_SGR if meanings else ""]))
    return f"\x1b[{codes}m{text}\x1b[0m" if codes else text
