"""What the labels of the random part say of the whole dump."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scamdetect.adapt.labels import Answer
from scamdetect.calibration.statistics import clopper_pearson
from scamdetect.labels import Decision, Verdict

_REACHED = {
    "flag": (Decision.FLAG,),
    "flag or review": (Decision.FLAG, Decision.REVIEW),
}


@dataclass(frozen=True)
class Estimate:
    """So many of so many labelled messages; ``interval`` (95 %, Clopper-Pearson) is of the rate."""

    name: str
    hits: int
    of: int

    @property
    def rate(self) -> float | None:
        """Return the rate, None of no messages."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Return the interval, (0, 1) of no messages."""
        return clopper_pearson(self.hits, self.of)


def estimates(answers: Sequence[Answer]) -> tuple[Estimate, ...]:
    """Return the share of scams and, at each threshold, recall, precision and false alarms.

    Only messages drawn at random count: each stood for as many others, so that plain shares are
    unbiased (the Horvitz-Thompson weights are equal and cancel). False alarms are of the messages
    labelled legit, as in the operating points of a bundle; precision counts spam as no scam.
    """
    drawn = [answer for answer in answers if answer.audited]
    scams = [answer for answer in drawn if answer.label == Verdict.SCAM]
    honest = [answer for answer in drawn if answer.label == Verdict.LEGIT]
    found = [Estimate("scams among the messages", len(scams), len(drawn))]
    for name, decisions in _REACHED.items():
        reached = [answer for answer in drawn if answer.decision in decisions]
        right = sum(answer.label == Verdict.SCAM for answer in reached)
        alarms = sum(answer.label == Verdict.LEGIT for answer in reached)
        found += [
            Estimate(f"recall at {name}", right, len(scams)),
            Estimate(f"precision at {name}", right, len(reached)),
            Estimate(f"false-positive rate at {name}", alarms, len(honest)),
        ]
    return tuple(found)
