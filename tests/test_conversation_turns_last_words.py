from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.conversation.turns import says_new, with_words, without_padding


def words(*messages: str, window: int = 100) -> str:
    last = ""
    for message in messages:
        last = with_words(last, message, window)
    return last


@pytest.mark.parametrize(
    ("padding", "left"),
    [
        (". " * 300, "."),
        ("\U0001f600\U0001f602\U0001f44d" * 200, "\U0001f600"),
        ("?!*" * 300, "?"),
        ("a" * 600, "a"),
        ("haha " * 150, "haha haha"),
        ("\n".join(["ok", "sure", "Ok!"] * 80), "sure\nOk!"),
        ("https://pay.example/" + "x7" * 400, "[link host 2 path]"),
        ("e" + "\u0301" * 400, "\u00e9" + "\u0301" * 6),
    ],
)
def test_padding_takes_little_room(padding: str, left: str) -> None:
    assert words("send it", padding) == f"send it\n{left}"


@pytest.mark.parametrize(
    "text",
    [
        "Wait... what?! (yes!) \U0001f602\U0001f602\U0001f602",
        "1,000,000,000 or 100000000 dong, sooooo much",
        "\u1019\u103c\u103d\u103e\u102d\u102f\u1037 \u0e17\u0e35\u0e48\u0e19\u0e35\u0e48",
        "\u0915\u094d\u0937\u0947\u0924\u094d\u0930\u0940\u092f",
    ],
)
def test_plain_words_in_any_script_stay(text: str) -> None:
    assert words(text) == text
    assert without_padding(text) == text


@pytest.mark.parametrize(
    ("text", "new"),
    [("OK", False), ("ok!\nat noon", False), ("...", False), ("", False), ("ok\nat six", True)],
)
def test_what_is_among_the_last_words_is_not_new(text: str, new: bool) -> None:
    assert says_new("at noon?\nok", text) is new


def test_a_message_loses_its_padding_only_if_it_is_padded() -> None:
    assert without_padding("Bring the cake " + "!" * 200) == "Bring the cake !"
    assert without_padding("  Bring the cake!!!!  ") == "  Bring the cake!!!!  "


@given(st.lists(st.text(alphabet="ab. \n!\U0001f600\u0301_", max_size=60), max_size=6))
def test_the_window_is_bounded_and_never_longer_than_the_words(messages: list[str]) -> None:
    last = words(*messages, window=40)
    assert len(last) <= 40
    assert len(words(*messages, window=1000)) <= sum(map(len, messages)) + len(messages)
