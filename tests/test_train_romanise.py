"""Chat romanisation of Devanagari, Bengali and Arabic script."""

from __future__ import annotations

import pytest

from scamdetect.train.romanise import romanise


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("क्या हाल है?", "kya hal hai?"),
        ("मेरी जान, ५०० भेजो", "meri jan, 500 bhejo"),
        ("ज़रूरी", "zaruri"),
        ("टाकা", "taka"),
        ("টাকা পাঠান", "taka pathan"),
        ("مرحبا", "mra7ba"),
        ("حبيبي 3", "7bibi 3"),
        ("بھیج دو", "bhij do"),
        ("already Latin", "already Latin"),
        ("๕๐๐ and ٥٠٠", "๕๐๐ and 500"),
    ],
)
def test_words_are_written_as_people_type_them(text: str, latin: str) -> None:
    assert romanise(text) == latin


def test_nothing_of_the_script_is_left() -> None:
    assert romanise("গেলাম না, र्‍य क्ष श्री ہاں ئے").isascii()
