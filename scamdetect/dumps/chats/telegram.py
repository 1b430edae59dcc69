"""Read Telegram Desktop's ``result.json``, with one chat or all, in bounded memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from scamdetect.dumps.batches import Dump, Item, Reject, counted
from scamdetect.dumps.chats.messages import Message, MessageKind, message_dump, schema
from scamdetect.dumps.chats.telegram_export import Piece, pieces
from scamdetect.dumps.chats.telegram_parser import LIST, Header
from scamdetect.errors import InputError

SCHEMA = schema(
    "chat_id", "chat_type", "time_unix", "forwarded_from", "reply_to", "links", "details"
)

_CHAT_TYPE = re.compile(
    rb'"type"\s*:\s*"(?:saved_messages|replies|verify_codes|(?:personal|bot)_chat'
    rb'|private_group|(?:private|public)_(?:supergroup|channel))"'
)
_MESSAGE_TYPE = re.compile(rb'"type"\s*:\s*"(?:message|service|unsupported)"')
_FULL_EXPORT = re.compile(
    rb'\s*\{\s*"about"\s*:.*?"(?:personal_information|profile_pictures|stories|contacts'
    rb'|frequent_contacts|sessions|web_sessions|other_data|chats|left_chats)"\s*:',
    re.DOTALL,
)
# The key of an attachment without Telegram's media_type, and its type.
_ATTACHMENTS = {
    "photo": "photo",
    "file": "file",
    "contact_information": "contact",
    "poll": "poll",
    "todo_list": "todo_list",
    "game_title": "game",
    "invoice_information": "invoice",
    "place_name": "venue",
    "location_information": "location",
    "giveaway_information": "giveaway",
    "giveaway_results": "giveaway",
    "paid_stars_amount": "paid_media",
}
_WORDS_BESIDE = {
    "poll": ("question",),
    "todo_list": ("title",),
    "invoice_information": ("title", "description"),
}
_LISTS_BESIDE = ("answers", "items")  # of texts
_TYPES = ("message", "service", "unsupported")
# Keys that have their own column.
_KEPT = ("id", "date", "media_type", "forwarded_from", "reply_to_message_id")


def is_telegram(head: bytes) -> bool:
    """Return True if a JSON file starts like an export of Telegram Desktop."""
    if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return False
    if _FULL_EXPORT.match(head.removeprefix(b"\xef\xbb\xbf")):
        return True
    found = LIST.search(head)
    if found is None:
        return False
    return bool(_CHAT_TYPE.search(head) or _MESSAGE_TYPE.search(head, found.end()))


def open_telegram(path: Path, text_column: str) -> Dump:
    """Open an export; raise InputError if it has no list of messages."""
    headers = _survey(path)

    def items() -> Iterator[Item[Message]]:
        read: list[Header] = []
        for number, piece in enumerate(pieces(path, read), 1):
            chat = headers.get(piece.chat) or (read[piece.chat] if read else {})
            value = _row(piece, chat, number)
            yield Item(value, len(piece.raw), piece.end)

    return message_dump(
        path,
        SCHEMA,
        items,
        text_column=text_column,
        encoding="utf-8",
        notes=("read as an export of Telegram Desktop",),
    )


def _survey(path: Path) -> dict[int, Header]:
    """Return the chat details that follow the messages in the file."""
    headers: list[Header] = []
    with closing(pieces(path, headers)) as found:
        while not headers and next(found, None) is not None:
            pass
        if not headers:
            raise InputError(
                f'{path}: has no list "messages", so it is not an export of Telegram Desktop; '
                "pass its format with --format"
            )
        if "type" in headers[0]:  # as Telegram itself writes it
            return {}
        for _ in counted(found, "records"):
            pass
    return dict(enumerate(headers))


def _row(piece: Piece, chat: Header, number: int) -> Message | Reject:
    problem = piece.problem
    if problem is None and not isinstance(piece.value, dict):
        problem = f"a JSON {type(piece.value).__name__}, not an object"
    text = None if problem else _text(piece.value)
    if problem is None and text is None:
        problem = "the text is neither a string nor a list of strings and entities"
    if problem is None and text is not None:
        try:
            return _message(piece.value, chat, text)
        except RecursionError:  # it was parsed before
            problem = "JSON nested too deeply"
    return Reject(number, piece.line, piece.raw.count(b"\n") + 1, problem or "", piece.raw)


def _message(value: dict[str, Any], chat: Header, text: str) -> Message:
    media = _media(value)
    system = value.get("type") == "service"
    notice = _string(value.get("action", value.get("information_text"))) if system else None
    sender = "from" if "from" in value else "actor"
    columns = {
        "message_id": _string(value.get("id")),
        "time": _string(value.get("date")),
        "sender": _string(value.get(sender)),
        "sender_id": _string(value.get(f"{sender}_id")),
        "forwarded_from": _string(value.get("forwarded_from")),
        "reply_to": _string(value.get("reply_to_message_id")),
    }
    if system:
        kind = MessageKind.SYSTEM
    else:
        kind = MessageKind.MEDIA if media and not text.strip() else MessageKind.MESSAGE
    return Message(
        chat=_string(chat.get("name")),
        kind=kind,
        text="" if system else text,
        media=media,
        notice=notice,
        chat_id=_string(chat.get("id")),
        chat_type=_string(chat.get("type")),
        time_unix=_seconds(value.get("date_unixtime")),
        links=_links(value.get("text")),
        details=_details(value, sender, text if system else ""),
        **columns,
    )


def _text(value: dict[str, Any]) -> str | None:
    """Return the text as Telegram shows it, or None if it has another form.

    It is followed by other content that readers take for the sender's words, one per line.
    """
    text = _joined(value.get("text", value.get("text_entities")))
    if text is None or value.get("type") == "service":
        return text
    return "\n".join(part for part in (text, *_words_beside(value)) if part)


def _words_beside(value: dict[str, Any]) -> Iterator[str]:
    """Yield the words of polls, lists, invoices, games and buttons."""
    for name, keys in _WORDS_BESIDE.items():
        found = value.get(name)
        if isinstance(found, dict):
            for key in keys:
                yield _joined(found.get(key)) or ""
            for key in _LISTS_BESIDE:
                items = found.get(key)
                yield from _texts(items if isinstance(items, list) else [])
    for name in ("game_title", "game_description"):
        yield _joined(value.get(name)) or ""
    rows = value.get("inline_bot_buttons")
    for row in rows if isinstance(rows, list) else ():
        yield from _texts(row if isinstance(row, list) else [row])


def _texts(items: list[Any]) -> Iterator[str]:
    for item in items:
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
    links = [part["href"] for part in entities if isinstance(part.get("href"), str)]
    return " ".join(links) or None


def _media(value: dict[str, Any]) -> str | None:
    if value.get("type") == "unsupported":
        return "unsupported"
    named = _string(value.get("media_type"))
    return named or next((name for key, name in _ATTACHMENTS.items() if key in value), None)


def _details(value: dict[str, Any], sender: str, notice: str) -> str | None:
    """Return the values without their own column, as JSON."""
    kept = {sender, f"{sender}_id", *_KEPT}
    if value.get("type") == "service":
        kept.add("action")
    if value.get("type") in _TYPES:
        kept.add("type")
    if _seconds(value.get("date_unixtime")) is not None:
        kept.add("date_unixtime")
    rest = {n: v for n, v in value.items() if n not in kept or _string(v) is None}
    for name in ("text", "text_entities"):
        rest.pop(name, None)
    if notice:  # the text of a service message, written by Telegram
        rest["text"] = notice
    return json.dumps(rest, ensure_ascii=False) if rest else None


def _string(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _seconds(value: object) -> int | None:
    text = _string(value)
    try:
        seconds = None if text is None else int(text)
    except ValueError:
        return None
    return seconds if seconds is not None and abs(seconds) < 1 << 62 else None
