from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.errors import InputError
from scamdetect.turns import IN_ORDER_OF_TIME, TIMES_MISSING, own_words, read_messages

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def texts(*messages: object) -> list[object]:
    return own_words(read_messages(messages)[0])


def test_texts_and_mappings_may_be_mixed() -> None:
    messages, notes = read_messages(["hello", {"text": "hi", "sender": 7}, None])
    assert [message.text for message in messages] == ["hello", "hi", None]
    assert [message.sender for message in messages] == [None, "7", None]
    assert notes == ()


@pytest.mark.parametrize("message", [{"body": "hi"}, {}, {"text": "hi", "from": "x"}])
def test_a_mapping_needs_text_and_known_keys(message: dict[str, object]) -> None:
    with pytest.raises(InputError, match="message 1 has the keys"):
        read_messages(["hi", message])


@pytest.mark.parametrize("given", ["hello", b"hello", {"text": "hello"}])
def test_one_message_is_no_conversation(given: object) -> None:
    with pytest.raises(TypeError, match="pass a list"):
        read_messages(given)  # type: ignore[arg-type]


def test_times_out_of_order_are_put_in_order_and_noted() -> None:
    later = {"text": "later", "time": NOON}
    sooner = {"text": "sooner", "time": NOON - timedelta(minutes=1)}
    messages, notes = read_messages([later, sooner])
    assert [(message.position, message.text) for message in messages] == [
        (1, "sooner"),
        (0, "later"),
    ]
    assert notes == (IN_ORDER_OF_TIME,)


@pytest.mark.parametrize(
    ("sooner", "later"),
    [
        ("2026-03-01T11:00:00Z", "2026-03-01 12:30"),
        (1_772_000_000, 1_772_000_000.5),
        (np.int64(1_772_000_000), np.float64(1_772_000_001)),
        (pd.Timestamp("2026-03-01"), pd.Timestamp("2026-03-02", tz="Asia/Bangkok")),
        (NOON, NOON.astimezone(timezone(timedelta(hours=7))) + timedelta(seconds=1)),
    ],
)
def test_times_of_many_forms_are_compared(sooner: object, later: object) -> None:
    messages, _ = read_messages([{"text": "b", "time": later}, {"text": "a", "time": sooner}])
    assert [message.text for message in messages] == ["a", "b"]


@pytest.mark.parametrize("time", [None, "yesterday", pd.NaT, float("nan"), True, "9999-99-99"])
def test_without_all_times_the_order_given_stays(time: object) -> None:
    messages, notes = read_messages([{"text": "b", "time": NOON}, {"text": "a", "time": time}])
    assert [message.text for message in messages] == ["b", "a"]
    assert notes == (TIMES_MISSING,)


def test_quoted_lines_are_not_own_words() -> None:
    offer = "Send 500 now and get 1000 tomorrow"
    said = {"sender": "A", "text": offer}
    replies = [f"> {offer}\nno thanks", f"{offer}\nis that a joke?", offer]
    assert texts(said, *({"sender": "B", "text": reply} for reply in replies)) == [
        offer,
        "no thanks",
        "is that a joke?",
        "",
    ]


def test_what_one_says_again_oneself_stays_and_so_does_what_is_short() -> None:
    again = "Did you think about my offer?"
    assert texts({"sender": "A", "text": again}, {"sender": "A", "text": again})[1] == again
    assert texts({"sender": "A", "text": "hello"}, {"sender": "B", "text": "hello"})[1] == "hello"


@given(st.lists(st.fixed_dictionaries({"text": st.text(), "time": st.integers(0, 10**9)})))
def test_every_message_is_read_once_in_order_of_time(given: list[dict[str, object]]) -> None:
    messages, _ = read_messages(given)
    assert sorted(message.position for message in messages) == list(range(len(given)))
    times = [given[message.position]["time"] for message in messages]
    assert times == sorted(times)
