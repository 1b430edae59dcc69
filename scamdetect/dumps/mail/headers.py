"""Read the headers of a mail: encoded words, addresses, dates and message ids.

The values come from the parser as they stand in the mail, bytes beyond ASCII as surrogates.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from datetime import UTC, datetime
from email.utils import parseaddr, parsedate_to_datetime

from scamdetect.dumps.mail.charsets import decode

# ``email.header.decode_header`` gives up the whole header at one broken word. No word goes on
# where another begins, or many without an end would take a time of the square of their number.
_ENCODED = re.compile(
    r"=\?([^?*=\s]+)(?:\*[^?\s]*)?\?([bqBQ])\?((?:(?!=\?[^?=\s]).)*?)\?=", re.DOTALL
)
_BLANKS = re.compile(r"[\s\x00]+")
_ADDRESS = re.compile(
    r"^(?P<name>.*?)<?(?<![^\s<>\"',;:()])(?P<address>[^\s<>\"',;:()]+@[^\s<>\"',;:()]+)>?"
)
_ID = re.compile(r"<\s*([^<>\s]+)\s*>")
_LONGEST = 10_000  # characters of an address header that are parsed
_MOST_DECODED = 100_000  # characters of a header whose encoded words are decoded


def decoded(value: str) -> str:
    """Return a header as people read it; encoded words that are broken stay as they are."""
    parts: list[tuple[bytes, str | None]] = []  # bytes and their charset, None for plain ones
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
        if after_word and parts[-1][1] == charset:  # a character may be cut between two words
            parts[-1] = (parts[-1][0] + content, charset)
        else:
            parts.append((content, charset))
        end = word.end()
    parts.append((as_bytes(value[end:]), None))
    return _BLANKS.sub(" ", "".join(decode(*part)[0] for part in parts)).strip()


def as_bytes(value: str) -> bytes:
    """Return the bytes of a value that the parser took them for."""
    return value.encode("utf-8", "surrogateescape")


def sender(value: str) -> tuple[str | None, str | None]:
    """Return name and address of a From header, each None where it has none.

    What is no address at all comes back as the name.
    """
    readable = decoded(value[:_LONGEST])
    # Undecoded first: an encoded name may hold signs that mean something in an address list.
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
    """Return a date as ISO 8601 with its zone, without one where it has none; None for no date."""
    text = decoded(value)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, LookupError, OverflowError):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
    if moment.tzinfo is None and text.endswith("-0000"):  # UTC by someone who hides their zone
        moment = moment.replace(tzinfo=UTC)
    return moment.isoformat()


def message_ids(value: str) -> list[str]:
    """Return the ids in a header without their brackets, or all of it where none has brackets."""
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
