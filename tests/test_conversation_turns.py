from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.conversation.turns import TIMES_MISSING, own_words, read_messages
from scamdetect.errors import InputError

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
    with pytest.raises(InputError, match="message 1 has (the keys|no keys)"):
        read_messages(["hi", message])


ONE_OR_A_TABLE = [
    "hello",
    b"hello",
    bytearray(b"hi"),
    {"text": "hello"},
    pd.DataFrame({"text": []}),
]


@pytest.mark.parametrize("given", ONE_OR_A_TABLE)
def test_one_message_is_no_conversation(given: object) -> None:
    with pytest.raises(TypeError, match="pass a list"):
        read_messages(given)  # type: ignore[arg-type]


def test_senders_go_by_their_names_whatever_the_type_or_spelling() -> None:
    given = [7, 7.0, np.int64(7), " 7 ", "Zoe\u0308", "Zo\u00eb"]
    messages, _ = read_messages({"text": "hi", "sender": sender} for sender in given)
    assert [message.sender for message in messages] == ["7"] * 4 + ["Zoe\u0308"] * 2


@pytest.mark.parametrize("sender", [None, "", " ", float("nan"), np.float32("nan"), pd.NA, pd.NaT])
def test_a_missing_or_blank_sender_is_unknown(sender: object) -> None:
    assert read_messages([{"text": "hi", "sender": sender}])[0][0].sender is None


@pytest.mark.parametrize(
    ("sooner", "later"),
    [
        ("2026-03-01T11:00:00Z", "2026-03-01 12:30"),
        (1_772_000_000, 1_772_000_000.5),
        (np.int64(1_772_000_000), np.float64(1_772_000_001)),
        (pd.Timestamp("2026-03-01"), pd.Timestamp("2026-03-02", tz="Asia/Bangkok")),
        ("1709716666666", "1709716730000"),
        (" 2026-03-01", "1772500000"),
        (NOON, NOON.astimezone(timezone(timedelta(hours=7))) + timedelta(seconds=1)),
    ],
)
def test_times_of_many_forms_are_compared(sooner: object, later: object) -> None:
    messages, _ = read_messages([{"text": "b", "time": later}, {"text": "a", "time": sooner}])
    assert [message.text for message in messages] == ["a", "b"]


@pytest.mark.parametrize(
    "time",
    [None, "yesterday", pd.NaT, float("nan"), True, "9999-99-99", 10**400],
)
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


OFFER = "Put 500 USDT into my uncle's pool today and he gives you back twice that tomorrow"


def test_new_words_marked_as_a_quotation_are_ones_own() -> None:
    assert texts({"sender": "A", "text": f"> {OFFER}"}) == [OFFER]
    hidden = {"sender": "A", "text": f"hello\n> {OFFER}\n>> and hurry"}
    assert texts({"sender": "B", "text": "hello"}, hidden)[1] == f"hello\n{OFFER}\nand hurry"


def test_a_quotation_does_not_cover_new_words_beside_it() -> None:
    asked = {"sender": "B", "text": "How was your day at the yoga class?"}
    reply = {"sender": "A", "text": f"> {asked['text']}\n> {OFFER}"}
    assert texts(asked, reply)[1] == OFFER
    one_line = {"sender": "A", "text": f"> {asked['text']} {OFFER}"}
    assert texts(asked, one_line)[1] == one_line["text"][2:]


def test_quotations_may_be_broken_into_other_lines_and_quoted_again() -> None:
    said = {"sender": "A", "text": f"Dear friend,\n{OFFER}\nok"}
    broken = f"> {OFFER[:30]}\n> {OFFER[30:60]}\n> {OFFER[60:]}"
    assert texts(said, {"sender": "B", "text": f"> Dear friend,\n{broken}\n> ok\nno"})[1] == "no"
    again = {"sender": "A", "text": f">> {OFFER}\n> no\nwhy not?"}
    assert texts(said, {"sender": "B", "text": "no"}, again)[2] == "why not?"


@given(st.lists(st.fixed_dictionaries({"text": st.text(), "time": st.integers(0, 10**9)})))
def test_every_message_is_read_once_in_order_of_time(given: list[dict[str, object]]) -> None:
    messages, _ = read_messages(given)
    assert sorted(message.position for message in messages) == list(range(len(given)))
    times = [given[message.position]["time"] for message in messages]
    assert times == sorted(times)
