"""What the detector predicts for one message and what can be seen in it, for people to read."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from scamdetect.explain.cues import Cue, find_cues
from scamdetect.explain.occlusion import Detector, Span, explain, strengths
from scamdetect.labels import Decision
from scamdetect.prediction import Prediction
from scamdetect.system.shown import visible

EXPLANATION_VERSION = 2
LONGEST_WEIGHED = 4_000  # characters whose segments are weighed, each by one more scoring
LONGEST_SEEN = 100_000  # characters that are searched for cues and shown

CAUTION = (
    "Cues are found by written patterns, not by the model: honest messages have them too, and no "
    "score depends on them. Weights are of the beginning of a long text."
)
NOTHING = "No part raises the score much, and no cue was found."
_MOST_LISTED, _MOST_CUES, _LONGEST_QUOTE = 5, 50, 80
_MOST_WORDS, _LEAST_WORD = 8, 0.05  # phrases that are listed, and the logits that each must carry
# The colours of our pages, light or dark; elsewhere dark text on a light mark.
_STYLES = (
    "background:none;color:inherit",
    "background:var(--weak,#ffe6d3);color:var(--ink,#17202b)",
    "background:var(--strong,#ffc2bc);color:var(--ink,#17202b)",
)
_SGR = ("", "7", "1;7")


class Piece(NamedTuple):
    """A part of a text: its mark, 2 strong, 1 weak or 0 none, and the meanings of its cues."""

    text: str
    strength: int
    cues: str


def cut(
    text: str,
    spans: Sequence[Span] = (),
    cues: Sequence[Cue] = (),
    offsets: Sequence[int] | None = None,
) -> Iterator[Piece]:
    """Yield a text in pieces of the same mark and cues, hidden characters as codes.

    ``offsets`` locate each character of a masked text in the text that was explained.
    """
    offsets = range(len(text)) if offsets is None else offsets[: len(text)]
    marks = [0] * (max(offsets, default=0) + 1)
    meanings: dict[int, dict[str, None]] = {}
    for span, strength in zip(spans, strengths(spans), strict=True):
        marks[span.start : span.end] = [strength] * len(marks[span.start : span.end])
    for cue in cues:
        for at in range(cue.start, cue.end):
            meanings.setdefault(at, {})[cue.meaning] = None
    cues_at = {at: "; ".join(names) for at, names in meanings.items()}
    kinds = ((marks[at], cues_at.get(at, "")) for at in offsets)
    for kind, group in groupby(zip(text, kinds, strict=True), itemgetter(1)):
        yield Piece(visible("".join(map(itemgetter(0), group))), *kind)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A prediction, the weights of the segments of its text, and the cues in it.

    ``spans`` are the segments that the model reacts to, ``words`` phrases in lower case of its
    table, with what each adds to the logit of scam. ``cues`` are matches of patterns written by
    hand, and never a verdict. Offsets count characters. All are empty if the text is not scored.
    """

    prediction: Prediction
    spans: tuple[Span, ...]
    words: tuple[tuple[str, float], ...]
    cues: tuple[Cue, ...]
    text: str = field(repr=False)  # its beginning; "" if it was not scored

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, without the text; offsets locate the spans and cues in it."""
        return {
            "explanation_version": EXPLANATION_VERSION,
            "prediction": self.prediction.to_dict(),
            "spans": [asdict(span) for span in self.spans],
            "words": [{"phrase": phrase, "weight": weight} for phrase, weight in self.words],
            "cues": [asdict(cue) | {"kind": cue.kind.value} for cue in self.cues],
        }

    def to_html(self, *, caution: bool = True) -> str:
        """Return a fragment of HTML without scripts or links, the text escaped.

        ``caution=False`` leaves out the sentence on cues and weights, for pages that have it once.
        """
        decision, _, rest = self._headline().partition(":")
        parts = [f"<p><strong>{html.escape(decision)}</strong>:{html.escape(rest)}</p>"]
        if self.text:
            marked = "".join(map(_html_piece, cut(self.text, self.spans, self.cues)))
            style = "white-space:pre-wrap;overflow-wrap:anywhere"
            parts.append(f'<p dir="auto" style="{style}">{marked}</p>')
        for title, lines in (lists := self._lists()).items():
            items = "".join(
                f"<li>{html.escape(name)} <q><bdi>{html.escape(quote)}</bdi></q></li>"
                for name, quote in lines
            )
            parts.append(f"<p><strong>{title}</strong></p><ul>{items}</ul>")
        if self.text and not lists:
            parts.append(f"<p>{NOTHING}</p>")
        if self.text and caution:
            parts.append(f"<p><small>{html.escape(CAUTION)}</small></p>")
        return f'<div class="scamdetect-explanation">{"".join(parts)}</div>\n'

    def to_terminal(self, colour: bool) -> str:
        """Return lines for a terminal; what hides, turns or controls text shows as ⟨U+202E⟩."""
        lines = [visible(self._headline())]
        if not self.text:
            return lines[0] + "\n"
        if colour:
            lines += ["", "".join(map(_terminal_piece, cut(self.text, self.spans, self.cues)))]
        lists = self._lists()
        for title, items in lists.items():
            lines += ["", f"{title}:", *(f"  {name:<6}  {quote}" for name, quote in items)]
        return "\n".join([*lines, *([] if lists else ["", NOTHING]), "", CAUTION]) + "\n"

    def _headline(self) -> str:
        prediction = self.prediction
        if prediction.scam_probability is None:
            return f"{prediction.decision.value}: {prediction.reason}"
        kinds = ", ".join(score.kind.value for score in prediction.kinds)
        parts = [f"{prediction.decision.value}: scam {prediction.scam_probability:.3f}", kinds]
        return "; ".join([part for part in (*parts, prediction.reason) if part])

    def _lists(self) -> dict[str, list[tuple[str, str]]]:
        """Return names and quotes by the title of their list; empty lists are left out."""
        strongest = sorted(self.spans, key=lambda span: -span.weight)[:_MOST_LISTED]
        cues = ((cue.meaning, self._quote(cue)) for cue in self.cues)
        lists = {
            "What raises the score most": [
                (f"{span.weight:+.1f}", self._quote(span))
                for span, strength in zip(strongest, strengths(strongest), strict=True)
                if strength
            ],
            "Words that count by themselves": [
                (f"{weight:+.1f}", visible(phrase)) for phrase, weight in self.words
            ],
            "Cues, which do not change the score": list(dict.fromkeys(cues))[:_MOST_CUES],
        }
        return {title: lines for title, lines in lists.items() if lines}

    def _quote(self, part: Span | Cue) -> str:
        end = min(part.end, part.start + _LONGEST_QUOTE)
        return " ".join(visible(self.text[part.start : end]).split()) + "…" * (end < part.end)


def explain_text(
    detector: Detector, text: object, prediction: Prediction, shares: Mapping[str, float]
) -> Explanation:
    """Return the explanation of a prediction for a text, in bounded time however long it is.

    Segments of the first 4,000 characters are weighed, and cues searched in the first 100,000;
    ``shares`` is what each phrase of its first window adds by the table of words.
    """
    if not isinstance(text, str) or prediction.decision is Decision.UNSCORED:
        return Explanation(prediction, (), (), (), "")
    seen = text[:LONGEST_SEEN]
    spans = explain(detector, text[:LONGEST_WEIGHED])
    return Explanation(prediction, spans, strongest_words(shares), find_cues(seen), seen)


def strongest_words(shares: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Return the phrases that add or take most, strongest first; none contains another."""
    kept: dict[str, float] = {}
    for phrase, share in sorted(shares.items(), key=lambda pair: (-abs(pair[1]), pair[0])):
        if abs(share) < _LEAST_WORD or len(kept) == _MOST_WORDS:
            break
        if not any(
            f" {a} " in f" {b} " for other in kept for a, b in ((phrase, other), (other, phrase))
        ):
            kept[phrase] = share
    return tuple(kept.items())


def _html_piece(piece: Piece) -> str:
    escaped = html.escape(piece.text)
    if not piece.strength and not piece.cues:
        return escaped
    style = _STYLES[piece.strength] + (";text-decoration:underline dotted" if piece.cues else "")
    title = f' title="{html.escape(piece.cues)}"' if piece.cues else ""
    return f'<mark class="s{piece.strength}" style="{style}"{title}>{escaped}</mark>'


def _terminal_piece(piece: Piece) -> str:
    codes = ";".join(filter(None, [_SGR[piece.strength], "4" if piece.cues else ""]))
    return f"\x1b[{codes}m{piece.text}\x1b[0m" if codes else piece.text
