"""Conversations: the risk after each turn, from each sender's own words."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from scamdetect.conversation import rule as rules
from scamdetect.conversation.rule import ConversationRule, SenderState, Weights, as_risk
from scamdetect.conversation.turns import (
    Message,
    one_spelling,
    own_words,
    read_messages,
    says_new,
    sender_name,
    with_words,
    without_padding,
)
from scamdetect.errors import InputError
from scamdetect.frames.tables import check_several
from scamdetect.labels import Decision, Kind, Verdict
from scamdetect.prediction import SCHEMA_VERSION, KindScore, Prediction, ranked

if TYPE_CHECKING:
    from scamdetect.detector import ScamDetector

OWN_SIDE = "written by the own side"
ONLY_QUOTES = "only quotes others"
NOTHING_JUDGED = "there is nothing to judge"

_MOST_MATTERED = 3
_NEAR = math.log(10)  # below the highest, in log odds


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, its ``position`` in those given, from 0, and the risk after it.

    ``risk`` is the highest of all judged senders, None until something was judged.
    ``scam_probability`` is that of its own words, None with a ``reason`` if they were not judged.
    """

    position: int
    sender: str | None
    risk: float | None
    scam_probability: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class ConversationPrediction:
    """The prediction for one conversation, by a risk that never falls from turn to turn.

    ``needs_context`` is True if it passes only because there are too few turns to judge.
    ``crossed_at`` is the position of the first turn from which the decision was ``flag``,
    ``suspect`` the judged sender with the highest risk. ``turns`` are in the order read.
    ``turns_that_mattered`` are the positions of the turns behind the suspect's risk, and ``kinds``
    theirs, most probable first; both are empty unless it is flagged or goes to review.
    """

    decision: Decision
    needs_context: bool
    risk: float | None
    crossed_at: int | None
    suspect: str | None
    kinds: tuple[KindScore, ...]
    turns: tuple[Turn, ...]
    turns_that_mattered: tuple[int, ...]
    notes: tuple[str, ...]
    model_id: str

    @property
    def crossed_turn(self) -> int | None:
        """Return the number of turns read when the decision was first ``flag``."""
        if self.crossed_at is None:
            return None
        return 1 + [turn.position for turn in self.turns].index(self.crossed_at)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, with the ``schema_version`` of this layout."""
        plain = asdict(self)
        lists = {name: list(value) for name, value in plain.items() if isinstance(value, tuple)}
        kinds = [score | {"kind": score["kind"].value} for score in lists["kinds"]]
        changed = lists | {"kinds": kinds, "decision": self.decision.value}
        return {"schema_version": SCHEMA_VERSION} | plain | changed


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged turn: its ``index`` in the order read, and the model's output for it.

    ``message`` and ``window`` are the log odds of scam of the message and of the sender's last
    words, which end with it; ``kinds`` are the kinds of either. ``new`` is False if all its words
    are among the last words before it.
    """

    index: int
    sender: str | None
    message: float
    window: float
    scam_probability: float
    kinds: tuple[KindScore, ...]
    new: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """The messages of a conversation in the order read, and which are judged."""

    messages: tuple[Message, ...]
    reasons: tuple[str | None, ...]  # why one is not judged
    judged: tuple[Judged, ...]
    notes: tuple[str, ...]


def read_conversations(
    detector: ScamDetector,
    window: int,
    conversations: Iterable[Iterable[Any]],
    me: str | int | None = None,
) -> list[Reading]:
    """Return the model's output for the turns of each conversation; all are scored together.

    ``window`` characters of a sender's last words are read together, without padding. Messages of
    ``me`` are not judged. Raises InputError as ``read_messages`` does, and for a blank ``me``.
    """
    name = None if me is None else one_spelling(sender_name(me) or "")
    if name == "":
        raise InputError("me is blank; pass the sender's name, or leave it out to judge everyone")
    cure = "pass a list of them, or call predict_conversation"
    check_several(conversations, "several conversations", cure)
    texts: list[object] = []
    readings = []
    for number, conversation in enumerate(conversations):
        try:
            messages, notes = read_messages(conversation)
        except InputError as problem:
            raise type(problem)(f"conversation {number}: {problem}") from problem
        last_words: dict[str | None, str] = defaultdict(str)
        own: dict[int, tuple[object, bool]] = {}  # the words of each judged turn, and if it is new
        for index, (message, text) in enumerate(zip(messages, own_words(messages), strict=True)):
            sender = message.sender
            if sender is not None and name is not None and one_spelling(sender) == name:
                continue
            own[index] = text, isinstance(text, str) and says_new(last_words[sender], text)
            if isinstance(text, str):
                last_words[sender] = with_words(last_words[sender], text, window)
                text = without_padding(text)
            texts += [text, last_words[sender]]
        readings.append((messages, notes, own))
    predictions = iter(detector.predict(texts))
    return [_reading(*reading, predictions) for reading in readings]


def _reading(
    messages: Sequence[Message],
    notes: tuple[str, ...],
    own: Mapping[int, tuple[object, bool]],
    predictions: Iterator[Prediction],
) -> Reading:
    reasons: list[str | None] = [OWN_SIDE] * len(messages)
    judged = []
    for index, (text, new) in own.items():
        message, window = next(predictions), next(predictions)
        reasons[index] = message.reason if message.scam_probability is None else None
        if message.scam_probability is not None:
            odds, kinds = (_log_odds(message), _log_odds(window)), (*message.kinds, *window.kinds)
            scam, sender = message.scam_probability, messages[index].sender
            judged.append(Judged(index, sender, *odds, scam, kinds, new))
        elif isinstance(text, str) and text != messages[index].text and not text.strip():
            reasons[index] = ONLY_QUOTES
    return Reading(tuple(messages), tuple(reasons), tuple(judged), notes)


def _log_odds(prediction: Prediction) -> float:
    probabilities = prediction.probabilities
    if probabilities is None:
        return rules.LEAST
    rest = probabilities[Verdict.LEGIT] + probabilities[Verdict.SPAM]
    return rules.log_odds(probabilities[Verdict.SCAM], rest)


def judge(reading: Reading, rule: ConversationRule, model_id: str) -> ConversationPrediction:
    """Return the prediction for a conversation from its reading."""
    highest, suspect, crossed_at = -math.inf, None, None
    risk: float | None = None
    odds = sender_log_odds(reading, rule.weights)
    judged_at = {turn.index: (turn, own) for turn, own in zip(reading.judged, odds, strict=True)}
    turns = []
    for index, message in enumerate(reading.messages):
        judged, own = judged_at.get(index, (None, -math.inf))
        if judged is not None and own > highest:
            highest, suspect, risk = own, judged.sender, as_risk(own)
        if crossed_at is None and risk is not None and risk >= rule.thresholds.flag:
            crossed_at = message.position
        probability = None if judged is None else judged.scam_probability
        reason = reading.reasons[index]
        turns.append(Turn(message.position, message.sender, risk, probability, reason))
    decision = Decision.UNSCORED if risk is None else rule.thresholds.decide(risk)
    own_turns = [turn for turn in reading.judged if turn.sender == suspect]
    recognised = decision in (Decision.FLAG, Decision.REVIEW)
    mattered = _mattered(own_turns) if recognised else []
    return ConversationPrediction(
        decision=decision,
        needs_context=decision is Decision.PASS and len(own_turns) < rule.enough_turns,
        risk=risk,
        crossed_at=crossed_at,
        suspect=suspect,
        kinds=_kinds(mattered),
        turns=tuple(turns),
        turns_that_mattered=tuple(reading.messages[turn.index].position for turn in mattered),
        notes=reading.notes if reading.judged else (*reading.notes, NOTHING_JUDGED),
        model_id=model_id,
    )


def sender_log_odds(reading: Reading, weights: Weights) -> Iterator[float]:
    """Yield the log odds of the sender's risk after each judged turn."""
    states: dict[str | None, SenderState] = defaultdict(SenderState)
    for turn in reading.judged:
        states[turn.sender].add(turn.message, turn.window, new=turn.new)
        yield states[turn.sender].log_odds(weights)


def _mattered(turns: Sequence[Judged]) -> list[Judged]:
    """Return the turns of the suspect, in order, whose words cause the risk.

    These are the highest messages, if they are close to the highest, and the last turn of the
    highest window.
    """
    highest = sorted(turns, key=lambda turn: -turn.message)[:_MOST_MATTERED]
    near = [turn for turn in highest if highest[0].message - turn.message <= _NEAR]
    ending = max(turns, key=lambda turn: turn.window)
    return [turn for turn in turns if turn in near or turn is ending]


def _kinds(mattered: Sequence[Judged]) -> tuple[KindScore, ...]:
    """Return the kinds in these turns, each with its highest probability."""
    highest: dict[Kind, float] = {}
    for score in (score for turn in mattered for score in turn.kinds):
        highest[score.kind] = max(score.probability, highest.get(score.kind, 0.0))
    return ranked(KindScore(kind, probability) for kind, probability in highest.items())
