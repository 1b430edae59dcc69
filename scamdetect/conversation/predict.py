"""Conversations: the risk after each turn, from each sender's own words."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from scamdetect.conversation.rule import (
    LEAST,
    ConversationRule,
    SenderState,
    Weights,
    as_risk,
    log_odds,
)
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
    """A message of a conversation and the risk after it.

    ``position`` is its index in the messages as given, from 0. ``risk`` is that of the
    conversation, over all judged senders, None until something was judged. ``scam_probability`` is
    that of its own words, None with a ``reason`` if they were not judged.
    """

    position: int
    sender: str | None
    risk: float | None
    scam_probability: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class ConversationPrediction:
    """The prediction for one conversation.

    ``risk`` is compared with the thresholds of conversations and never falls from turn to turn.
    ``needs_context`` is True if it passes only because there are too few turns to judge.
    ``crossed_at`` is the position of the first turn from which the decision was ``flag``,
    ``suspect`` the judged sender with the highest risk. ``turns`` are in the order read.
    ``turns_that_mattered`` are the positions, in the same order, of the turns behind the suspect's
    risk, and ``kinds`` are those of these turns, most probable first; both are empty unless it is
    flagged or goes to review.
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
        plain = {
            "decision": self.decision.value,
            "kinds": [{"kind": k.kind.value, "probability": k.probability} for k in self.kinds],
            "turns": [asdict(turn) for turn in self.turns],
            "turns_that_mattered": list(self.turns_that_mattered),
            "notes": list(self.notes),
        }
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"schema_version": SCHEMA_VERSION} | values | plain


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged turn: its index among the turns, and the model's output for it.

    ``message`` and ``window`` are the log odds of scam of the message and of the sender's last
    words, which end with it; ``kinds`` are the kinds of either. ``new`` is False if all its words
    are among the last words before it.
    """

    place: int
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
    reasons: tuple[str | None, ...]  # why one is not judged, by place
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
    own_name = None if me is None else sender_name(me)
    if me is not None and own_name is None:
        raise InputError("me is blank; pass the sender's name, or leave it out to judge everyone")
    check_several(
        conversations, "several conversations", "pass a list of them, or call predict_conversation"
    )
    texts: list[object] = []
    readings = []
    for number, conversation in enumerate(conversations):
        try:
            messages, notes = read_messages(conversation)
        except InputError as problem:
            raise type(problem)(f"conversation {number}: {problem}") from problem
        last_words: dict[str | None, str] = defaultdict(str)
        own: dict[int, tuple[object, bool]] = {}  # the words of each judged turn, and if it is new
        for place, (message, text) in enumerate(zip(messages, own_words(messages), strict=True)):
            if _is_by(message, own_name):
                continue
            before, new = last_words[message.sender], False
            if isinstance(text, str):
                new = says_new(before, text)
                last_words[message.sender] = with_words(before, text, window)
                texts.append(without_padding(text))
            else:
                texts.append(text)
            texts.append(last_words[message.sender])
            own[place] = text, new
        readings.append((messages, notes, own))
    following = iter(detector.predict(texts))
    return [_reading(*reading, following) for reading in readings]


def _reading(
    messages: Sequence[Message],
    notes: tuple[str, ...],
    own: Mapping[int, tuple[object, bool]],
    predictions: Iterator[Prediction],
) -> Reading:
    reasons: list[str | None] = [OWN_SIDE] * len(messages)
    judged = []
    for place, (text, new) in own.items():
        message, window = next(predictions), next(predictions)
        reasons[place] = None
        if message.scam_probability is None:
            whole = messages[place].text
            quotes = isinstance(whole, str) and text != whole and not str(text).strip()
            reasons[place] = ONLY_QUOTES if quotes else message.reason
            continue
        odds, kinds = (_log_odds(message), _log_odds(window)), (*message.kinds, *window.kinds)
        sender, scam = messages[place].sender, message.scam_probability
        judged.append(Judged(place, sender, *odds, scam, kinds, new))
    return Reading(tuple(messages), tuple(reasons), tuple(judged), notes)


def _is_by(message: Message, name: str | None) -> bool:
    if name is None or message.sender is None:
        return False
    return one_spelling(message.sender) == one_spelling(name)


def judge(reading: Reading, rule: ConversationRule, model_id: str) -> ConversationPrediction:
    """Return the prediction for a conversation from its reading."""
    highest, suspect, crossed_at = -math.inf, None, None
    risk: float | None = None
    running = zip(reading.judged, sender_log_odds(reading, rule.weights), strict=True)
    of_place = {judged.place: (judged, own) for judged, own in running}
    turns = []
    for place, message in enumerate(reading.messages):
        judged, own = of_place.get(place, (None, -math.inf))
        if judged is not None:
            if own > highest:
                highest, suspect, risk = own, judged.sender, as_risk(own)
            if crossed_at is None and risk is not None and risk >= rule.thresholds.flag:
                crossed_at = message.position
        turns.append(
            Turn(
                message.position,
                message.sender,
                risk,
                None if judged is None else judged.scam_probability,
                reading.reasons[place],
            )
        )
    decision = Decision.UNSCORED if risk is None else rule.thresholds.decide(risk)
    mattered = (
        _mattered(reading.judged, suspect) if decision in (Decision.FLAG, Decision.REVIEW) else ()
    )
    turns_of_suspect = sum(judged.sender == suspect for judged in reading.judged)
    return ConversationPrediction(
        decision=decision,
        needs_context=decision is Decision.PASS and turns_of_suspect < rule.enough_turns,
        risk=risk,
        crossed_at=crossed_at,
        suspect=suspect,
        kinds=_kinds(mattered),
        turns=tuple(turns),
        turns_that_mattered=tuple(reading.messages[j.place].position for j in mattered),
        notes=reading.notes if reading.judged else (*reading.notes, NOTHING_JUDGED),
        model_id=model_id,
    )


def sender_log_odds(reading: Reading, weights: Weights) -> Iterator[float]:
    """Yield the log odds of the sender's risk after each judged turn."""
    states: dict[str | None, SenderState] = defaultdict(SenderState)
    for turn in reading.judged:
        states[turn.sender].add(turn.message, turn.window, new=turn.new)
        yield states[turn.sender].log_odds(weights)


def _mattered(judged: Sequence[Judged], suspect: str | None) -> tuple[Judged, ...]:
    """Return the turns whose words cause the suspect's risk, in order.

    These are the highest messages, if they are close to the highest, and the last turn of the
    highest window.
    """
    own = [turn for turn in judged if turn.sender == suspect]
    highest = sorted(own, key=lambda turn: -turn.message)[:_MOST_MATTERED]
    near = [turn for turn in highest if highest[0].message - turn.message <= _NEAR]
    ending = max(own, key=lambda turn: turn.window)
    by_place = {turn.place: turn for turn in (*near, ending)}
    return tuple(by_place[place] for place in sorted(by_place))


def _kinds(mattered: Sequence[Judged]) -> tuple[KindScore, ...]:
    """Return the kinds in these turns, each with its highest probability."""
    highest: dict[Kind, float] = {}
    for score in (score for turn in mattered for score in turn.kinds):
        highest[score.kind] = max(score.probability, highest.get(score.kind, 0.0))
    return ranked(KindScore(kind, probability) for kind, probability in highest.items())


def _log_odds(prediction: Prediction) -> float:
    probabilities = prediction.probabilities
    if probabilities is None:
        return LEAST
    rest = probabilities[Verdict.LEGIT] + probabilities[Verdict.SPAM]
    return log_odds(probabilities[Verdict.SCAM], rest)
