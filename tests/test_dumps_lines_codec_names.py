"""Which codecs a file of text can be in."""

from __future__ import annotations

import pytest

from scamdetect.dumps.lines import text_codec


@pytest.mark.parametrize(
    ("name", "codec"), [("UTF8", "utf-8"), ("windows-1251", "cp1251"), ("IBM037", "cp037")]
)
def test_a_codec_of_text_has_its_usual_name(name: str, codec: str) -> None:
    assert text_codec(name) == codec


@pytest.mark.parametrize(
    "name",
    ["punycode", "idna", "base64", "rot13", "undefined", "unicode_escape", "raw-unicode-escape",
     "zlib_codec", "hex", "uu", "none such", "", "\0", "\ud800", "é", "x" * 5000, "aliases"],
)  # fmt: skip
def test_other_codecs_are_none(name: str) -> None:
    with pytest.raises(LookupError):
        text_codec(name)
