"""No character hides, turns or controls what a reader sees, and spelling stays as it is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.system.shown import visible, visible_line


def test_characters_that_hide_are_shown_as_codes() -> None:
    assert visible("a\u202eb\u2066c\x1b") == "a⟨U+202E⟩b⟨U+2066⟩c⟨U+001B⟩"
    assert visible("ur\u200bgent\u200d \ud800") == "ur⟨U+200B⟩gent⟨U+200D⟩ ⟨U+D800⟩"
    assert visible("over\rwritten\x9b2J") == "over⟨U+000D⟩written⟨U+009B⟩2J"


def test_a_line_has_no_breaks_and_tabs() -> None:
    assert visible_line("a\nb\r\nc\td\x1b") == "a⟨U+000A⟩b⟨U+000D⟩⟨U+000A⟩c⟨U+0009⟩d⟨U+001B⟩"


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم 👨\u200d👩\u200d👧\n\t",
        "ផ្ទេរ\u200bលុយ",
        "two lines\r\nof Windows",
        "क्\u200dष 🏳️\u200d🌈",
    ],
)
def test_spelling_emoji_and_line_ends_stay(text: str) -> None:
    assert visible(text) == text


@given(st.text())
def test_no_control_is_left_but_blanks(text: str) -> None:
    left = visible(text).replace("\r\n", "\n")
    assert {c for c in left if unicodedata.category(c) in ("Cc", "Cs")} <= {"\n", "\t"}


def test_what_is_no_text_stays_and_a_text_keeps_its_type() -> None:
    class Safe(str):
        __slots__ = ()

    assert visible(3) == 3 and visible(None) is None
    assert type(visible(Safe("a\u202e"))) is Safe
