from __future__ import annotations

import numpy as np
import pytest
from invented_dialogues import dialogue_table

from scamdetect import ScamDetector
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.conversation.predict import judge, read_conversations
from scamdetect.conversation.rule import ConversationRule, Weights
from scamdetect.evaluate.conversations import (
    Judged,
    by_turn,
    detection,
    false_alarms,
    first_messages,
    judged,
    recall_at_own_fpr,
    suspects,
)
from scamdetect.train.conversations import joined
from scamdetect.train.data.table import Dialogue, dialogues

pytestmark = pytest.mark.slow

RULE = ConversationRule(Weights(0.0, 1.0, 0.0), 500, Thresholds(0.9, 0.8), {}, 3, {})


@pytest.fixture(scope="module")
def answers(detector: ScamDetector) -> list[Judged]:
    found = list(dialogues(dialogue_table(20)))
    readings = read_conversations(detector, 500, [one.messages for one in found])
    return judged(found, readings, RULE, detector.model_id)


def test_recall_rises_with_the_turns_and_openers_are_too_early(answers: list[Judged]) -> None:
    rows = by_turn(answers, scam=True)
    shares = [row.flagged.value for row in rows if row.flagged is not None]
    assert shares == sorted(shares)
    assert shares[0] == 0 and shares[-1] == pytest.approx(0.9)
    assert rows[0].too_early == 1
    for row in rows:
        assert row.flagged is not None
        total = row.flagged.value + row.to_review + row.too_early + row.passed
        assert total == pytest.approx(1)


def test_no_conversation_of_a_side_gives_no_rows(answers: list[Judged]) -> None:
    honest = [one for one in answers if not one.dialogue.scam]
    assert by_turn(honest, scam=True) == []
    assert detection(honest) is None
    assert recall_at_own_fpr(honest) is None
    assert suspects(honest, "A") is None


def test_detection_counts_the_messages_read(answers: list[Judged]) -> None:
    found = detection(answers)
    assert found is not None
    assert found.n == 18
    assert found.quartiles == (3, 3, 3)


def test_messages_given_out_of_order_count_as_they_are_read(detector: ScamDetector) -> None:
    one: Dialogue = next(dialogues(dialogue_table(20, "dev").slice(21)))
    timed = [message | {"time": time} for time, message in enumerate(one.messages)]
    given, latest_first = read_conversations(detector, 500, [timed, timed[::-1]])
    in_order, turned = judged([one, one], [given, latest_first], RULE, detector.model_id)
    assert in_order.end.crossed_at != turned.end.crossed_at
    assert detection([in_order]) == detection([turned])


def test_false_alarms_are_told_by_slice_and_length(answers: list[Judged]) -> None:
    rates = false_alarms(answers)
    assert set(rates) == {"affection", "up to 8 messages"}
    assert rates["affection"] is not None and rates["affection"].n == 20


def test_the_suspect_is_compared_with_the_scammer(answers: list[Judged]) -> None:
    named = suspects(answers, "A")
    assert named is not None and named.value == 1


def test_the_first_messages_are_read_as_if_no_more_had_come(detector: ScamDetector) -> None:
    one: Dialogue = next(dialogues(dialogue_table(20, "dev").slice(21)))
    whole, part = read_conversations(detector, 500, [one.messages, one.messages[:2]])
    assert first_messages(whole, 2) == part


def test_long_conversations_are_joined_from_one_sender_at_a_time(detector: ScamDetector) -> None:
    found = list(dialogues(dialogue_table(20)))
    readings = read_conversations(detector, 500, [one.messages for one in found])
    long = joined(readings, 70, np.random.default_rng(0))
    assert len(long.messages) == len(long.judged) == 70
    assert [turn.index for turn in long.judged] == list(range(70))
    assert judge(long, RULE, "").turns[-1].position == 69
    assert joined(readings, 70, np.random.default_rng(0)) == long
