"""Recognise the format of a dump: as the user names it, by its extension, by its beginning."""

from __future__ import annotations

import re
from pathlib import Path

from scamdetect.dumps.chats.messages import MessageKind
from scamdetect.dumps.chats.telegram import is_telegram
from scamdetect.dumps.chats.whatsapp import named_chat
from scamdetect.dumps.chats.whatsapp_bodies import begins_export, read_body, split_sender
from scamdetect.dumps.chats.whatsapp_stamps import Head, read_head
from scamdetect.dumps.encodings import text_encoding
from scamdetect.dumps.formats import Format, named_format, source_format, unpacked
from scamdetect.dumps.streams import beginning
from scamdetect.errors import InputError

_HEAD_BYTES = 256 << 10
_LINES = 200
_LOG_LEVEL = re.compile(
    r"(?:.*[. ])?(?:trace|debug|info|notice|warn(?:ing)?|error|critical|fatal)$"
)


def recognise(path: Path, name: str | None = None, encoding: str | None = None) -> Format:
    """Return the format of a dump.

    ``name`` overrides everything. Else a .json file that begins like an export of Telegram, and a
    .txt file that begins like one of WhatsApp, is taken for one. Raises InputError for an unknown
    name or extension, and where the encoding of a text cannot be told.
    """
    if name is not None:
        return named_format(name)
    kind = source_format(path)
    if kind is Format.JSON and is_telegram(_head(path)):
        return Format.TELEGRAM
    if kind is Format.TEXT and is_whatsapp(path, _lines(path, encoding)):
        return Format.WHATSAPP
    return kind


def is_whatsapp(path: Path, lines: list[str]) -> bool:
    """Tell by a text file's name and first lines whether WhatsApp exported it.

    Its first line must begin with a date and time as in exports, and one must name a sender. That
    is enough where the file has a name as WhatsApp gives it. Else WhatsApp itself must speak in
    the lines and a quarter of them name senders, or half of all lines must be such and neither
    look like a log nor be the only one: what is no chat would be left without scores.
    """
    lines = [line for line in lines if line.strip()]
    heads = [(line, head) for line in lines if (head := read_head(line)) is not None]
    if not heads or heads[0][0] is not lines[0]:
        return False
    style = heads[0][1].style
    if not style.bracketed and style.seconds:  # no phone writes so, but logs do
        return False
    alike = [_parted(line, head) for line, head in heads if head.style == style]
    senders = [sender.casefold() for sender, _ in alike if sender]
    if senders and (unpacked(path).stem == "_chat" or named_chat(path) is not None):
        return True
    if _speaks(alike):
        return len(senders) * 4 >= len(alike)
    return (
        len(senders) > 1
        and len(senders) * 2 >= len(lines)
        and not (style.bracketed and style.year_first)
        and not any(map(_LOG_LEVEL.match, senders))
    )


def _parted(line: str, head: Head) -> tuple[str | None, str]:
    return split_sender(line[head.end :].rstrip("\r\n"))


def _speaks(parted: list[tuple[str | None, str]]) -> bool:
    """Tell whether WhatsApp itself speaks in these lines."""
    sender, body = parted[0]
    return begins_export(body, sender) or any(
        sender and read_body(body).kind is not MessageKind.MESSAGE for sender, body in parted
    )


def _lines(path: Path, encoding: str | None) -> list[str]:
    head = _head(path)
    if not head:
        return []
    name = text_encoding(path, encoding).name
    try:
        lines = head.removeprefix(b"\xef\xbb\xbf").decode(name, "replace").split("\n")
    except UnicodeError:  # an encoding that replaces nothing
        return []
    # The last line of a part of a file may be cut off.
    return (lines[:-1] if len(head) == _HEAD_BYTES else lines)[:_LINES]


def _head(path: Path) -> bytes:
    """Return the beginning of a file, nothing where it cannot be read: opening it tells why."""
    try:
        return beginning(path, _HEAD_BYTES)
    except InputError:
        return b""
