"""The messages on which a bundle fails worst, chosen by a rule and quoted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scamdetect.detector import ScamDetector
from scamdetect.labels import Decision, Verdict
from scamdetect.train.data.authored import AuthoredRow, load_authored

EACH = 6  # of the honest messages, and of the scams
LONGEST = 300  # characters quoted

_RULE = f"""\
From the dev part of the messages written for this project (`data/authored`, CC-BY-4.0; a language
model wrote them, nobody sent them): the {EACH} honest messages with the highest and the {EACH}
scams with the lowest scam probability, one a language, so that no language fills the list. Models
are chosen on this part. Long messages are cut after {LONGEST} characters."""

_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~&]|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)])")


@dataclass(frozen=True, slots=True)
class Failure:
    """A message and what the bundle says of it."""

    id: str
    lang: str
    verdict: Verdict
    about: str  # its kinds, or its slice
    text: str
    probability: float
    decision: Decision


@dataclass(frozen=True, slots=True)
class Failures:
    """The worst of both sides, of how many."""

    model_id: str
    n_legit: int
    n_scam: int
    alarms: tuple[Failure, ...]
    missed: tuple[Failure, ...]


def find_failures(detector: ScamDetector, authored: Path) -> Failures:
    """Return the worst errors on the authored dev rows in the folder.

    Raises SourceError where a row there is malformed.
    """
    rows = [
        row
        for row in load_authored(authored)
        if row.part == "dev" and row.verdict in (Verdict.LEGIT, Verdict.SCAM)
    ]
    predictions = detector.predict([row.text for row in rows])
    found = [
        _failure(row, one.scam_probability, one.decision)
        for row, one in zip(rows, predictions, strict=True)
        if one.scam_probability is not None
    ]
    legit = [one for one in found if one.verdict is Verdict.LEGIT]
    scams = [one for one in found if one.verdict is Verdict.SCAM]
    return Failures(
        model_id=detector.model_id,
        n_legit=len(legit),
        n_scam=len(scams),
        alarms=tuple(_worst(sorted(legit, key=lambda one: (-one.probability, one.id)))),
        missed=tuple(_worst(sorted(scams, key=lambda one: (one.probability, one.id)))),
    )


def failures_text(found: Failures) -> str:
    """Return the section: the rule, then the messages."""
    parts = [_RULE]
    for title, n, chosen in (
        ("Honest, of", found.n_legit, found.alarms),
        ("Scams, of", found.n_scam, found.missed),
    ):
        parts.append(f"{title} {n:,}:")
        parts += [_quoted(one) for one in chosen]
    return "\n\n".join(parts)


def _failure(row: AuthoredRow, probability: float, decision: Decision) -> Failure:
    about = ", ".join(row.kinds) or row.slice or row.cell
    return Failure(row.id, row.lang, row.verdict, about, row.text, probability, decision)


def _worst(ranked: Iterable[Failure]) -> Iterator[Failure]:
    seen: set[str] = set()
    for one in ranked:
        if len(seen) == EACH:
            return
        if one.lang not in seen:
            seen.add(one.lang)
            yield one


def _quoted(one: Failure) -> str:
    text = " ".join(one.text.split())
    cut = text[:LONGEST].rstrip() + (" …" if len(text) > LONGEST else "")
    return (
        f"- `{one.id}` ({one.about.replace('_', ' ')}): scam probability {one.probability:.4f}, "
        f"{one.decision.value}\n\n  > " + _MARKDOWN.sub(r"\\\1", cut)
    )
