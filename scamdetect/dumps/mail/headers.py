"""Read the headers of a mail, and decode bytes whose charset is missing or wrong.

The parser returns raw values, with bytes beyond ASCII as surrogates.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import quopri
import re
from datetime import UTC, datetime
from email.utils import parseaddr, parsedate_to_datetime

import chardet

from scamdetect.dumps.lines import text_codec

# chardet, because it recognises short texts in Western charsets too: 95 to 100 % of the authored
# messages, compared with 53 to 92 % for charset-normalizer.


# Mail programs use the left label for text of the wider charset on the right, as browsers know.
_WIDER = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
_SEVERAL_BYTES = ("utf", "gb", "big5", "euc", "iso2022", "hz", "johab", "shift", "cp932", "cp949")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"))
_ESCAPE = b"\x1b"  # ISO-2022 text is ASCII except for this
_NOT_ASCII = re.compile(rb"[\x80-\xff\x1b]")
_LABEL = re.compile(r"(?:x-)?([\w.:+-]+)")
_SAMPLE = 1 << 16
_BAD_SHARE = 0.1  # of the characters beyond ASCII; above it the text is not damaged UTF-8


def decode(raw: bytes, declared: str | None = None) -> tuple[str, str | None]:
    """Return the text and the problem with its charset, if any.

    The declared charset is used unless the bytes are invalid in it, or are UTF-8 despite a declared
    single-byte charset. Otherwise it is UTF-8, or chardet's guess.
    """
    for bom, name in _BOMS:
        if raw.startswith(bom):
            return raw.decode(name, "replace"), None
    codec = _codec(declared, raw)
    if codec is None:
        attempts = [] if _ESCAPE in raw else ["utf-8"]
    else:
        several = codec.startswith(_SEVERAL_BYTES)
        attempts = [codec, "utf-8"] if several else ["utf-8", codec]
    for attempt in attempts:
        text = _strict(raw, attempt)
        if text is not None:
            right = attempt == codec or declared is None or raw.isascii()
            return text, None if right else _problem(declared, attempt)
    return _guessed(raw, declared)


def _codec(declared: str | None, raw: bytes) -> str | None:
    """Return the codec for a declared charset, or None if unknown."""
    said = _LABEL.search((declared or "").lower())
    label = said[1].replace("windows-", "cp").removesuffix("-i") if said else ""
    try:
        name = text_codec(label)
    except LookupError:
        return None
    if name.startswith(("utf-16", "utf-32")) and b"\0" not in raw:
        return None
    return _WIDER.get(name, name)


def _guessed(raw: bytes, declared: str | None) -> tuple[str, str]:
    text = raw.decode("utf-8", "replace")
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    if _ESCAPE not in raw and text.count("\ufffd") <= beyond_ascii * _BAD_SHARE:
        return text, "some bytes are not utf-8"
    odd = _NOT_ASCII.search(raw)
    start = max(0, odd.start() - 1024) if odd else 0
    guess = chardet.detect(raw[start : start + _SAMPLE])["encoding"]
    codec = _codec(guess, raw) or "utf-8"
    return raw.decode(codec, "replace"), _problem(declared, codec)


def _strict(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except (LookupError, ValueError):
        return None


def _problem(declared: str | None, codec: str) -> str:
    said = "no charset given" if declared is None else "not in the charset that it names"
    return f"{said}, read as {codec}"


# ``email.header.decode_header`` rejects the whole header at one broken word. A word never contains
# the start of another; otherwise many unclosed ones would take quadratic time.
_ENCODED = re.compile(
    r"=\?([^?*=\s]+)(?:\*[^?\s]*)?\?([bqBQ])\?((?:(?!=\?[^?=\s]).)*?)\?=", re.DOTALL
)
_BLANKS = re.compile(r"[\s\x00]+")
_ADDRESS = re.compile(
    r"^(?P<name>.*?)<?(?<![^\s<>\"',;:()])(?P<address>[^\s<>\"',;:()]+@[^\s<>\"',;:()]+)>?"
)
_ID = re.compile(r"<\s*([^<>\s]+)\s*>")
_LONGEST = 10_000  # characters of an address header to parse
_MOST_DECODED = 100_000  # characters of a header whose encoded words are decoded


def decoded(value: str) -> str:
    """Return a header as readers see it; broken encoded words are left as they are."""
    parts: list[tuple[bytes, str | None]] = []  # bytes and their charset, None for plain text
    end = 0
    for word in _ENCODED.finditer(value, 0, _MOST_DECODED):
        content = _content(word[2], word[3])
        if content is None:
            continue
        gap = value[end : word.start()]
        after_word = bool(parts) and parts[-1][1] is not None
        if gap and not (after_word and not gap.strip()):
            parts.append((as_bytes(gap), None))
            after_word = False
        charset = word[1].lower()
        if after_word and parts[-1][1] == charset:  # a character can be split between two words
            parts[-1] = (parts[-1][0] + content, charset)
        else:
            parts.append((content, charset))
        end = word.end()
    parts.append((as_bytes(value[end:]), None))
    return _BLANKS.sub(" ", "".join(decode(*part)[0] for part in parts)).strip()


def as_bytes(value: str) -> bytes:
    """Return the original bytes of a parsed value."""
    return value.encode("utf-8", "surrogateescape")


def sender(value: str) -> tuple[str | None, str | None]:
    """Return name and address of a From header, None for each missing one.

    A value without an address is returned as the name.
    """
    readable = decoded(value[:_LONGEST])
    # Before decoding: an encoded name can contain characters with a meaning in address lists.
    for text in (value[:_LONGEST], readable):
        try:
            name, address = parseaddr(text)
        except (RecursionError, LookupError, TypeError, ValueError):
            continue
        if "@" in address and " " not in address:
            return decoded(name) or None, decoded(address)
    if found := _ADDRESS.search(readable):
        return found["name"].strip(" \"'") or None, found["address"]
    return readable or None, None


def iso_time(value: str) -> str | None:
    """Return a date as ISO 8601, with a zone if it has one; None if it is not a date."""
    text = decoded(value)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, LookupError, OverflowError):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
    if moment.tzinfo is None and text.endswith("-0000"):  # UTC set by a sender who hides their zone
        moment = moment.replace(tzinfo=UTC)
    return moment.isoformat()


def message_ids(value: str) -> list[str]:
    """Return the ids in a header without their brackets, or all of it without brackets."""
    text = decoded(value)
    return _ID.findall(text) or ([text] if text else [])


def _content(kind: str, text: str) -> bytes | None:
    raw = as_bytes(text)
    if kind in "qQ":
        return quopri.decodestring(raw, header=True)
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True)
    except binascii.Error:
        return None
