"""Read Telegram Desktop's ``result.json``, with one chat or all, in bounded memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from scamdetect.dumps.batch import Dump, Item, Reject, record_dump
from scamdetect.dumps.read_json import UNDECODED, Buffer, next_value
from scamdetect.dumps.text import open_bytes
from scamdetect.dumps.whatsapp import COLUMNS
from scamdetect.errors import InputError

if TYPE_CHECKING:
    from scamdetect.dumps.text import Location

_MORE = ("chat_id", "chat_type", "time_unix", "forwarded_from", "reply_to", "links", "details")
SCHEMA = pa.schema(
    [(name, pa.int64() if name == "time_unix" else pa.string()) for name in (*COLUMNS, *_MORE)]
)
_HEADER_CHARACTERS = 64 << 10  # kept outside of the lists of messages
_CONSUMED_CHARACTERS = 1 << 20
_LIST = re.compile(rb'"messages"\s{0,200}:\s{0,200}\[')
_TYPE = re.compile(  # of a message or a chat
    rb'"type"\s*:\s*"(?:message|service|unsupported|saved_messages|replies|verify_codes'
    rb'|(?:personal|bot)_chat|private_group|(?:private|public)_(?:supergroup|channel))"'
)
_FULL_EXPORT = re.compile(
    rb'\s*\{\s*"about"\s*:.*?"(?:personal_information|profile_pictures|stories|contacts'
    rb'|frequent_contacts|sessions|web_sessions|other_data|chats|left_chats)"\s*:',
    re.DOTALL,
)
# The start of a list of messages, with the details of its chat, or of a message. Neither can occur
# inside a JSON string, where quotes are escaped.
_START = re.compile(
    r'(?:\{\s*+(?P<chat>(?:"\w++"\s*+:\s*+(?:"(?:[^"\\]|\\.)*+"|[-\w.]++)\s*+,\s*+)*+))?'
    r'"messages"\s*+:\s*+\['
    r'|(?P<message>\{\s*+"id"\s*+:\s*+-?\d++\s*+,\s*+"type"\s*+:\s*+'
    r'"(?:message|service|unsupported)")'
)
_BEFORE_START = re.compile(rf"(?={_START.pattern})")
_DECODER = json.JSONDecoder(strict=False)
_BETWEEN = re.compile(r"[\s,]*")
# Telegram writes control characters as ``\x01`` (tdesktop issue 27571), which anyone can send, and
# in 2022 paths of custom emoji without quotes (24961). Neither is JSON.
_INVALID = re.compile(
    r"\\(?:x(?P<hex>[0-9A-Fa-f]{2})|.)"
    r'|(?<="document_id": )(?P<path>(?!["\d\[{]|-\d|(?:null|true|false)\b)[^\n"]{1,1000}?)'
    r"(?=,?\r?\n)",
    re.DOTALL,
)
# The key of an attachment without Telegram's media_type, and its type.
_ATTACHMENTS = {
    "photo": "photo", "file": "file", "contact_information": "contact", "poll": "poll",
    "todo_list": "todo_list", "game_title": "game", "invoice_information": "invoice",
    "place_name": "venue", "location_information": "location",
    "giveaway_information": "giveaway", "giveaway_results": "giveaway",
    "paid_stars_amount": "paid_media",
}  # fmt: skip
# Keys that have their own column.
_KEPT = {
    "id", "type", "date", "date_unixtime", "text", "text_entities", "media_type",
    "forwarded_from", "reply_to_message_id",
}  # fmt: skip


def is_telegram(head: bytes) -> bool:
    """Return True if a JSON file starts like an export of Telegram Desktop."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    is_chat = _LIST.search(head) and _TYPE.search(head)
    return head.startswith(b"{") and bool(is_chat or _FULL_EXPORT.match(head))


def open_telegram(path: Location) -> Dump:
    """Open an export; raise InputError if it has no list of messages."""
    with open_bytes(path) as stream:
        total = stream.size
    next(_items(path), None)
    notes = ("read as an export of Telegram Desktop",)
    items = partial(_items, path)
    return record_dump(SCHEMA, items, encoding="utf-8", notes=notes, total=total, where=str(path))


def _items(path: Location) -> Iterator[Item]:
    """Yield the messages; damage costs the bytes up to the next message or list of messages."""
    chat: dict[str, Any] | None = None
    in_list = False
    with open_bytes(path) as stream:
        buffer = Buffer(stream)
        while True:
            if in_list and (character := _next_character(buffer)) != "]":
                start = _START.match(buffer.text, buffer.at)
                in_list = bool(character) and (start is None or start["message"] is not None)
                if in_list:
                    yield _next_item(buffer, chat or {}, stream.position)
                elif not character:
                    reason = "the file ends before its list of messages does"
                    yield Item(Reject(buffer.line, reason, b""), 0, stream.position)
                continue
            start = _next_start(buffer)
            if start is None:
                break
            is_list = start["message"] is None
            chat = _chat(start["chat"] or "") if is_list else chat or {}
            buffer.take(start.end() if is_list else start.start())
            in_list = True
    if chat is None:
        raise InputError(
            f'{path}: has no list "messages", so it is not an export of Telegram Desktop; '
            "pass its format with --format"
        )


def _chat(members: str) -> dict[str, Any]:
    with suppress(ValueError):
        details: dict[str, Any] = _DECODER.decode("{" + _INVALID.sub(_valid, members) + '"":0}')
        return details
    return {}


def _next_start(buffer: Buffer) -> re.Match[str] | None:
    while (start := _START.search(buffer.text, buffer.at)) is None and not buffer.ended:
        buffer.take(max(buffer.at, len(buffer.text) - _HEADER_CHARACTERS))
        buffer.grow()
    return start


def _next_character(buffer: Buffer) -> str:
    """Move to the next character of a list that is neither blank nor a comma; "" at the end."""
    while True:
        between = _BETWEEN.match(buffer.text, buffer.at)
        buffer.take(between.end() if between else buffer.at)
        if buffer.at > _CONSUMED_CHARACTERS:  # errors of the decoder count lines from the start
            buffer.text, buffer.at = buffer.text[buffer.at :], 0
        if buffer.at < len(buffer.text) or buffer.ended:
            return buffer.text[buffer.at : buffer.at + 1]
        buffer.grow()


def _next_item(buffer: Buffer, chat: dict[str, Any], position: int) -> Item:
    line, offset = buffer.line, buffer.offset
    value, end = next_value(buffer, _BEFORE_START)
    text = buffer.text[buffer.at : end]
    if isinstance(value, str):
        text = _INVALID.sub(_valid, text)
        with suppress(ValueError, RecursionError):
            parsed, stop = _DECODER.raw_decode(text)
            if isinstance(parsed, dict):
                value, end, text = parsed, end - len(text) + stop, text[:stop]
    raw = buffer.take(end)
    note = None
    try:
        if isinstance(value, str):
            raise ValueError(value)
        if UNDECODED.search(text):
            value = _DECODER.decode(UNDECODED.sub("\ufffd", text))
            note = Reject(line, "not utf-8; U+FFFD instead", raw, offset=offset, kept=True)
        return Item(_record(value, chat), len(raw), position, note)
    except (ValueError, RecursionError) as problem:
        reason = str(problem) if isinstance(problem, ValueError) else "JSON nested too deeply"
        return Item(Reject(line, reason, raw, offset=offset), len(raw), position)


def _valid(match: re.Match[str]) -> str:
    if match["hex"]:
        return rf"\u00{match['hex']}"
    return json.dumps(match["path"]) if match["path"] else match[0]


def _record(value: dict[str, Any], chat: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a message; raise ValueError for a text of another type."""
    text = _joined(value.get("text", value.get("text_entities")))
    if text is None:
        raise ValueError("the text is neither a string nor a list of strings and entities")
    is_service = value.get("type") == "service"
    if not is_service:
        text = "\n".join(words for words in (text, *_more_words(value)) if words)
    sender = "from" if "from" in value else "actor"
    media = _media(value)
    return {
        "chat": _string(chat.get("name")),
        "message_id": _string(value.get("id")),
        "time": _string(value.get("date")),
        "sender": _string(value.get(sender)),
        "sender_id": _string(value.get(f"{sender}_id")),
        "kind": "system" if is_service else "media" if media and not text.strip() else "message",
        "text": "" if is_service else text,
        "media": media,
        "notice": _string(value.get("action")) if is_service else None,
        "chat_id": _string(chat.get("id")),
        "chat_type": _string(chat.get("type")),
        "time_unix": _seconds(value.get("date_unixtime")),
        "forwarded_from": _string(value.get("forwarded_from")),
        "reply_to": _string(value.get("reply_to_message_id")),
        "links": _links(value.get("text")),
        "details": _details(value, sender, text if is_service else ""),
    }


def _more_words(value: dict[str, Any]) -> Iterator[str]:
    """Yield the words of polls, lists, invoices, games and buttons."""
    for name in ("poll", "todo_list", "invoice_information"):
        content = value.get(name)
        if isinstance(content, dict):
            for key in ("question", "title", "description"):
                yield _joined(content.get(key)) or ""
            for key in ("answers", "items"):
                yield from _texts(content.get(key))
    for name in ("game_title", "game_description"):
        yield _joined(value.get(name)) or ""
    rows = value.get("inline_bot_buttons")
    for row in rows if isinstance(rows, list) else ():
        yield from _texts(row)


def _texts(items: object) -> Iterator[str]:
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, dict):
            yield _joined(item.get("text")) or ""


def _joined(text: object) -> str | None:
    """Return a text, or join its strings and entities; None for anything else."""
    if text is None or isinstance(text, str):
        return text or ""
    if not isinstance(text, list):
        return None
    parts = [part.get("text") if isinstance(part, dict) else part for part in text]
    strings = [part for part in parts if isinstance(part, str)]
    return "".join(strings) if len(strings) == len(parts) else None


def _links(text: object) -> str | None:
    """Return the addresses behind words, which the text does not show, separated by spaces."""
    entities = [part for part in text if isinstance(part, dict)] if isinstance(text, list) else []
    return " ".join(part["href"] for part in entities if isinstance(part.get("href"), str)) or None


def _media(value: dict[str, Any]) -> str | None:
    if value.get("type") == "unsupported":
        return "unsupported"
    named = _string(value.get("media_type"))
    return named or next((name for key, name in _ATTACHMENTS.items() if key in value), None)


def _details(value: dict[str, Any], sender: str, notice: str) -> str | None:
    """Return the values without their own column, as JSON."""
    kept = _KEPT | {sender, f"{sender}_id"} | ({"action"} if notice is not None else set())
    rest = {name: item for name, item in value.items() if name not in kept}
    if notice:  # the text of a service message, written by Telegram
        rest["text"] = notice
    return json.dumps(rest, ensure_ascii=False) if rest else None


def _string(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _seconds(value: object) -> int | None:
    try:
        seconds = int(_string(value) or "")
    except ValueError:
        return None
    return seconds if abs(seconds) < 1 << 62 else None
