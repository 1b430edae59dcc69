"""Measure how early and how often conversations are flagged: by turn, on sets of whole threads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scamdetect.calibration.statistics import (
    Estimate,
    false_positive_rate,
    recall,
    recall_at_fpr_estimate,
)
from scamdetect.conversation.predict import ConversationPrediction, Reading, judge
from scamdetect.conversation.rule import ConversationRule
from scamdetect.labels import Decision
from scamdetect.train.data.table import Dialogue

TURNS = (1, 2, 4, 8, 16, 32)
LENGTHS = (8, 16, 32)  # messages up to which an honest conversation is short
OWN_FPR = 0.05


@dataclass(frozen=True, slots=True)
class Judged:
    """A conversation with its predictions after the numbers of messages in ``TURNS``, and all."""

    dialogue: Dialogue
    after: dict[int, ConversationPrediction]
    end: ConversationPrediction


@dataclass(frozen=True, slots=True)
class AfterTurn:
    """Shares by decision of n conversations after so many messages (None: at their end).

    A conversation that ended earlier counts with its end. ``too_early`` is the share that passes
    with ``needs_context``, ``passed`` the share that passes without.
    """

    turn: int | None
    flagged: Estimate | None
    to_review: float
    too_early: float
    passed: float


@dataclass(frozen=True, slots=True)
class Detection:
    """Of n flagged scams, quartiles of the messages read until the flag.

    ``share_of_thread`` is the median of that number as a share of the conversation.
    """

    n: int
    quartiles: tuple[float, float, float]
    share_of_thread: float


def judged(found: Sequence[Dialogue], readings: Sequence[Reading], rule: ConversationRule,
           model_id: str) -> list[Judged]:  # fmt: skip
    """Return the predictions for conversations after so many messages, by one rule."""
    return [
        Judged(
            one,
            {turn: judge(first_messages(reading, turn), rule, model_id) for turn in TURNS},
            judge(reading, rule, model_id),
        )
        for one, reading in zip(found, readings, strict=True)
    ]


def first_messages(reading: Reading, count: int) -> Reading:
    """Return the reading of a conversation after its first messages."""
    return replace(
        reading,
        messages=reading.messages[:count],
        reasons=reading.reasons[:count],
        judged=tuple(turn for turn in reading.judged if turn.index < count),
    )


def by_turn(answers: Sequence[Judged], *, scam: bool) -> list[AfterTurn]:
    """Return the shares by decision after each number of messages, and at the end."""
    own = [one for one in answers if one.dialogue.scam == scam]
    if not own:
        return []
    return [_after(turn, own) for turn in (*TURNS, None)]


def _after(turn: int | None, own: Sequence[Judged]) -> AfterTurn:
    predictions = [one.end if turn is None else one.after[turn] for one in own]
    flagged = np.array([one.decision is Decision.FLAG for one in predictions])
    early = [one.needs_context for one in predictions]
    review = [one.decision is Decision.REVIEW for one in predictions]
    passed = [one.decision is Decision.PASS and not one.needs_context for one in predictions]
    shares = [sum(some) / len(own) for some in (review, early)]
    measure = recall if own[0].dialogue.scam else false_positive_rate
    return AfterTurn(turn, measure(flagged), shares[0], shares[1], sum(passed) / len(own))


def detection(answers: Sequence[Judged]) -> Detection | None:
    """Return how many messages it took until the flag, or None if no scam was flagged."""
    taken, shares = [], []
    for one in answers:
        turn = one.end.crossed_turn
        if one.dialogue.scam and turn is not None:
            taken.append(turn)
            shares.append(turn / len(one.end.turns))
    if not taken:
        return None
    low, middle, high = np.quantile(taken, [0.25, 0.5, 0.75]).tolist()
    return Detection(len(taken), (low, middle, high), float(np.median(shares)))


def recall_at_own_fpr(answers: Sequence[Judged], fpr: float = OWN_FPR) -> Estimate | None:
    """Return the recall at a false-positive rate of the set's own honest conversations."""
    scam = np.array([one.dialogue.scam for one in answers])
    risks = np.array([one.end.risk for one in answers], dtype=float)
    groups = [one.dialogue.group for one in answers]
    return recall_at_fpr_estimate(risks, scam, fpr, groups)


def false_alarms(answers: Sequence[Judged]) -> dict[str, Estimate | None]:
    """Return the share of honest conversations that are flagged, by slice and by length."""
    cells: dict[str, list[bool]] = defaultdict(list)
    for one in answers:
        if one.dialogue.scam:
            continue
        flagged = one.end.decision is Decision.FLAG
        for name in (*one.dialogue.slices, _length(len(one.end.turns))):
            cells[name].append(flagged)
    return {name: false_positive_rate(np.array(cells[name])) for name in sorted(cells)}


def suspects(answers: Sequence[Judged], scammer: str) -> Estimate | None:
    """Return the share of flagged scams in which the scammer is named as the suspect."""
    named = [
        one.end.suspect == scammer
        for one in answers
        if one.dialogue.scam and one.end.decision is Decision.FLAG
    ]
    return recall(np.array(named))


def _length(messages: int) -> str:
    shorter = [most for most in LENGTHS if messages <= most]
    return f"up to {shorter[0]} messages" if shorter else f"over {LENGTHS[-1]} messages"
