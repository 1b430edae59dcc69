"""Parse the JSON body of a request. No error message contains a text of the body."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Never

from scamdetect.serve.request import Code, Limits, Refusal

LONGEST_NAME = 200  # characters of an id or a sender
_LARGEST = 2**63  # of a 64-bit integer, and not one itself
_PLAIN_KEY = re.compile(r"[A-Za-z_]{1,32}")  # other keys may be a message in the wrong place
_JSON_TYPES = {
    bool: "true or false", int: "a number", float: "a number", str: "a string", list: "an array",
    dict: "an object", type(None): "null",
}  # fmt: skip


@dataclass(frozen=True)
class TextsBody:
    """Texts to score, None for null; ``senders`` and ``ids`` have one entry a text, or are None."""

    texts: list[str | None]
    senders: list[str | None] | None = None
    ids: list[str | int] | None = None
    preset: str | None = None


@dataclass(frozen=True)
class ConversationBody:
    """The messages of a conversation, as ``ScamDetector.predict_conversation`` takes them."""

    messages: list[str | dict[str, Any] | None]
    me: str | int | None = None
    id: str | int | None = None


def parse_texts(
    body: bytes,
    limits: Limits,
    *,
    most: int | None = None,
    presets: Collection[str] = (),
    with_senders: bool = False,
) -> TextsBody:
    """Return the texts of a body; raise Refusal on other JSON and on too many or too long texts.

    At most ``most`` texts are allowed, by default ``limits.texts``; senders only ``with_senders``,
    and only the names of ``presets``.
    """
    allowed = ("texts", "senders", "ids", "preset") if with_senders else ("texts", "ids", "preset")
    value = _object(body, "texts", allowed)
    texts = _strings("texts", value["texts"])
    _check_texts("texts", texts, limits.texts if most is None else most, limits.characters)
    senders = _strings("senders", value["senders"]) if "senders" in value else None
    ids = None
    if "ids" in value:
        ids = [_name(f"ids[{n}]", one) for n, one in enumerate(_array("ids", value["ids"]))]
    for name, values in (("senders", senders), ("ids", ids)):
        if values is not None and len(values) != len(texts):
            _refuse(
                "wrong_members",
                f'"{name}" has {len(values):,} entries and "texts" {len(texts):,}. Send one entry '
                "for each text.",
            )
    if "preset" in value and value["preset"] not in list(presets):
        known = f"Use one of: {', '.join(presets)}." if presets else 'Leave "preset" out.'
        _refuse("unknown_preset", f"The service has no such preset. {known}")
    return TextsBody(texts, senders, ids, value.get("preset"))


def parse_conversation(body: bytes, limits: Limits) -> ConversationBody:
    """Return the conversation of a body; raise Refusal as ``parse_texts`` does."""
    value = _object(body, "messages", ("messages", "me", "id"))
    messages = _array("messages", value["messages"])
    for place, message in enumerate(messages):
        if isinstance(message, dict):
            _check_message(f"messages[{place}]", message)
        elif message is not None and not isinstance(message, str):
            _refuse(
                "not_text",
                f"messages[{place}] is {_JSON_TYPES[type(message)]}. Expected a string, null, or "
                'an object with the key "text".',
            )
    texts = [one["text"] if isinstance(one, dict) else one for one in messages]
    _check_texts("messages", texts, limits.texts, limits.characters)
    me = _name("me", value["me"]) if "me" in value else None
    if isinstance(me, str) and not me.strip():
        _refuse("wrong_value", '"me" is blank. Send the name of a sender, or leave it out.')
    return ConversationBody(messages, me, _name("id", value["id"]) if "id" in value else None)


def _object(body: bytes, required: str, allowed: Collection[str]) -> dict[str, Any]:
    expected = f'Expected a JSON object with the key "{required}".'
    try:
        value = json.loads(
            body.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_unique_keys
        )
    except UnicodeDecodeError as problem:
        message = f"The body is not UTF-8 at byte {problem.start}. Send JSON in UTF-8."
        raise Refusal(400, "not_json", message) from problem
    except json.JSONDecodeError as problem:
        message = f"The body is not valid JSON at character {problem.pos}. {expected}"
        raise Refusal(400, "not_json", message) from problem
    except (ValueError, RecursionError) as problem:
        message = (
            "The body has NaN or Infinity, a repeated key, a number with too many digits, or too "
            f"many nested levels. {expected}"
        )
        raise Refusal(400, "not_json", message) from problem
    if not isinstance(value, dict):
        _refuse("wrong_members", expected)
    _check_keys(value, required, allowed, expected)
    return value


def _check_keys(
    value: dict[str, Any], required: str, allowed: Collection[str], expected: str
) -> None:
    for key in value:
        if key not in allowed:
            named = f' "{key}"' if _PLAIN_KEY.fullmatch(key) else ""
            names = ", ".join(f'"{name}"' for name in allowed)
            _refuse("wrong_members", f"Unknown key{named}. Allowed keys: {names}.")
    if required not in value:
        _refuse("wrong_members", expected)


def _check_message(place: str, message: dict[str, Any]) -> None:
    expected = f'{place} has no "text". Expected a string or null in it.'
    _check_keys(message, "text", ("text", "sender", "time"), expected)
    _check_string(f"{place}.text", message["text"])
    if message.get("sender") is not None:
        _name(f"{place}.sender", message["sender"])
    time = message.get("time")
    if isinstance(time, bool | list | dict):
        _refuse(
            "wrong_value",
            f"{place}.time is {_JSON_TYPES[type(time)]}. Expected ISO 8601 text, seconds since "
            "1970, or null.",
        )


def _check_texts(name: str, texts: list[Any], most: int, characters: int) -> None:
    if len(texts) > most:
        message = f'"{name}" has {len(texts):,} entries. Send at most {most:,} in one request.'
        _refuse("too_many_texts", message)
    for place, text in enumerate(texts):
        if text is not None and len(text) > characters:
            message = f"{name}[{place}] has {len(text):,} characters. Send at most {characters:,}."
            _refuse("text_too_long", message)


def _array(name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        _refuse("wrong_members", f'"{name}" is {_JSON_TYPES[type(value)]}. Expected an array.')
    return value


def _strings(name: str, value: object) -> list[str | None]:
    values = _array(name, value)
    for place, one in enumerate(values):
        _check_string(f"{name}[{place}]", one)
    return values


def _check_string(name: str, value: object) -> None:
    if value is not None and not isinstance(value, str):
        _refuse("not_text", f"{name} is {_JSON_TYPES[type(value)]}. Expected a string or null.")


def _name(name: str, value: object) -> str | int:
    """Return an id or the name of a sender."""
    if isinstance(value, str) and len(value) <= LONGEST_NAME:
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON Schema counts 27.0 as an integer
    if isinstance(value, int) and not isinstance(value, bool) and -_LARGEST <= value < _LARGEST:
        return value
    _refuse(
        "wrong_value",
        f"{name} is not a string of at most {LONGEST_NAME} characters or a 64-bit integer.",
    )


def _refuse(code: Code, message: str) -> Never:
    raise Refusal(422, code, message)


def _unique_keys(members: list[tuple[str, object]]) -> dict[str, object]:
    # A proxy may check the first of two equal keys, while we would answer for the last.
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a repeated key")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
