"""What stands behind the sender of a WhatsApp message: a text, an attachment or a notice."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from scamdetect.dumps.chats import whatsapp_words as words
from scamdetect.dumps.chats.messages import MessageKind
from scamdetect.dumps.chats.whatsapp_notices import is_notice, is_short_file, is_short_name, key
from scamdetect.dumps.chats.whatsapp_stamps import MARKS, unmarked

_MOST_SENDER = 60
_MOST_WORDS_OF_SENDER = 8
_MOST_NOTICE = 300

LEFT_TO_RIGHT = "\u200e"  # an iPhone puts it before what WhatsApp wrote


def _table(listed: str) -> frozenset[str]:
    return frozenset(key(word) for line in listed.strip().splitlines() for word in line.split("|"))


_OMITTED = _table(words.OMITTED)
_ATTACHED = _table(words.ATTACHED)
_NOTICES = _table(words.NOTICES)
_EDITED = _table(words.EDITED)
_ENCRYPTION = _table(words.ENCRYPTION)
_MOST_MARKER = 200
_MOST_NAME = 400

_EXTENSION = "(?:" + "|".join(words.EXTENSIONS.split()) + ")"
_FILE = rf"[^\n/<>]{{1,250}}\.{_EXTENSION}"
# The names that WhatsApp gives to files need no known word behind them, nor an extension.
_OWN_FILE = r"[A-Z]{3}-\d{8}-WA\d{4,}\.\w{0,8}"
_BEHIND = re.compile(
    rf"(?P<file>{_FILE}|{_OWN_FILE})\s?\((?P<word>[^()\n]{{2,60}})\)$", re.IGNORECASE
)
_OWN_NAME = re.compile(rf"{_OWN_FILE}$")
_WITHIN = re.compile(rf"[^<>:\n\d]{{2,20}}:(?P<file>{_FILE})$", re.IGNORECASE)
_TITLE = re.compile(rf"{_FILE}(?:\s•\s[^\n]{{1,40}})?$", re.IGNORECASE)
_PLACE = re.compile(
    rf"(?:(?:{'|'.join(words.PLACE.split())}):?\s)?https://maps\.google\.com/\?q=[-\d.,]{{1,50}}$",
    re.IGNORECASE,
)
_PHONE = re.compile(r"\+?\(?\d[\d\s().\-‑]{5,}$")
_LINK = re.compile(r"://|www\.", re.IGNORECASE)


@dataclass(frozen=True)
class Body:
    """What a message holds; ``notice`` is what WhatsApp itself wrote."""

    kind: MessageKind
    text: str
    media: str | None = None
    notice: str | None = None


def split_sender(rest: str) -> tuple[str | None, str]:
    """Return the sender and what follows; None where WhatsApp itself speaks.

    What is too long for a name, or holds a link, is none: it would be left without a score.
    """
    name, colon, body = rest.partition(":")
    sender = unmarked(name)
    # A notice such as: Ann changed the subject to "Trip: Rome"
    quotes = sender.count('"') % 2 or any(
        sender.count(left) > sender.count(right) for left, right in ("“”", "«»", "„“", "‘’")
    )
    if not colon or not sender or quotes or _LINK.search(sender):
        return None, rest
    if len(sender) > _MOST_SENDER or len(sender.split()) > _MOST_WORDS_OF_SENDER:
        return None, rest
    # Without a space it is a time or an address within a notice.
    if body and not body[0].isspace() and body[0] != LEFT_TO_RIGHT:
        return None, rest
    return sender, body[1:] if body[:1].isspace() else body


def phone_of(sender: str) -> str | None:
    """Return a sender's number where the export shows it for a name, as digits behind a plus."""
    if not _PHONE.match(sender):
        return None
    digits = "".join(sign for sign in sender if sign.isdigit())
    return f"+{digits}" if sender.startswith("+") else digits


def begins_export(body: str, sender: str | None) -> bool:
    """Tell whether a first body is the notice of encryption with which exports begin.

    An iPhone gives it a sender; then it may be in any language, but holds no link.
    """
    bare = key(body)
    if any(word in bare for word in _ENCRYPTION):
        return sender is None or not _LINK.search(body)
    return sender is not None and body.startswith(LEFT_TO_RIGHT) and not _LINK.search(body)


def read_unsigned(text: str) -> Body:
    """Return a line without a sender: a known notice, and else a text that somebody may have put.

    Nothing tells what WhatsApp wrote from a line of a message that looks like the next one.
    """
    return _notice(text) if is_notice(text) else read_body(text.strip())


def _notice(text: str) -> Body:
    return Body(MessageKind.SYSTEM, "", notice=unmarked(text))


def read_body(body: str) -> Body:
    """Return what the body holds; only what is wholly a marker is taken out of the text.

    An iPhone puts a direction mark before a notice, and names a sender; a person can type both.
    """
    if body.startswith(LEFT_TO_RIGHT) and is_notice(body):
        return _notice(body)
    before, angled = _angled(body)
    if angled is not None and key(angled) in _EDITED:
        return replace(_unedited(before), notice=f"<{angled}>")
    return _unedited(body)


def _unedited(body: str) -> Body:
    marker = key(body) if len(body) <= _MOST_MARKER else ""
    if marker in _NOTICES:
        return _notice(body)
    if marker in _OMITTED or (marker and _PLACE.match(unmarked(body))):
        return _media("", unmarked(body))
    return _attachment(body) or Body(MessageKind.MESSAGE, body)


def _attachment(body: str) -> Body | None:
    first, _, more = body.partition("\n")
    bare = unmarked(first) if len(first) <= _MOST_NAME else ""
    if bare.startswith("<") and bare.endswith(">") and key(bare[1:-1]) in _OMITTED:
        return _media(more, bare)
    behind = _BEHIND.match(bare)
    if behind is not None and (
        key(behind["word"]) in _ATTACHED
        or (_OWN_NAME.match(behind["file"]) and is_short_name(behind["word"]))
    ):
        return _file("" if unmarked(more) == behind["file"] else more, behind["file"])
    before, angled = _angled(body)
    within = None if angled is None else _WITHIN.match(angled)
    if within is not None:
        return _file(before, within["file"].strip())
    before, mark, last = body.rpartition(LEFT_TO_RIGHT)
    if mark and len(last) <= _MOST_MARKER and key(last) in _OMITTED:
        return _media(before, unmarked(last))
    return None


def _angled(body: str) -> tuple[str, str | None]:
    """Return what stands before angle brackets at the end and in them, None without them."""
    ended = body.rstrip(MARKS + " \r\n")
    before, bracket, within = ended.rpartition("<")
    if not bracket or not within.endswith(">") or len(within) > _MOST_NOTICE:
        return body, None
    return before.rstrip(MARKS + " "), unmarked(within[:-1])


def _file(text: str, name: str) -> Body:
    """Return a file with the text beside it; a long name is a text too, which its sender chose."""
    found = _media(text, name)
    if is_short_file(name):
        return found
    return Body(MessageKind.MESSAGE, f"{name}\n{found.text}".rstrip(), name)


def _media(text: str, media: str) -> Body:
    """Return an attachment with the text beside it, which an iPhone's document calls its title."""
    title = unmarked(text)
    if title and len(title) <= _MOST_NAME and _TITLE.match(title) and is_short_file(title):
        return Body(MessageKind.MEDIA, "", f"{title} {media}" if media not in title else title)
    return Body(MessageKind.MESSAGE if title else MessageKind.MEDIA, text if title else "", media)
