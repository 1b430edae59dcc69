"""The rows of chat exports: one message per row, with columns common to all formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pyarrow as pa

from scamdetect.dumps.batches import Dump, Item, record_dump
from scamdetect.frames import columns as output


class MessageKind(StrEnum):
    """The type of a record in a chat export; only a message has a text to score."""

    MESSAGE = "message"
    SYSTEM = "system"
    MEDIA = "media"


@dataclass(frozen=True)
class Message:
    """One record of a chat; a format fills the columns of its schema, others are None.

    ``text`` is written by a person, ``media`` describes an attachment and ``notice`` is written by
    the messenger. ``time`` is ISO 8601 as in the export, without a time zone.
    """

    chat: str | None
    message_id: str | None
    time: str | None
    sender: str | None
    sender_id: str | None
    kind: MessageKind
    text: str
    media: str | None = None
    notice: str | None = None
    stamp: str | None = None
    chat_id: str | None = None
    chat_type: str | None = None
    time_unix: int | None = None
    forwarded_from: str | None = None
    reply_to: str | None = None
    links: str | None = None
    details: str | None = None


def schema(*more: str) -> pa.Schema:
    """Return the common columns and ``more``, all of type text except ``time_unix``."""
    shared = (
        "chat", "message_id", "time", "sender", "sender_id", "kind", "text", "media", "notice",
    )  # fmt: skip
    return pa.schema(
        [(name, pa.int64() if name == "time_unix" else pa.string()) for name in (*shared, *more)]
    )


def message_dump(
    path: Path,
    columns: pa.Schema,
    items: Callable[[], Iterator[Item[Message]]],
    *,
    text_column: str,
    encoding: str,
    notes: tuple[str, ...],
) -> Dump:
    """Return a dump of the items, which are read again on each pass; raise InputError."""
    output.check_columns(columns.names, text_column, overwrite=False, where=str(path))
    return record_dump(
        path, columns, items, text_column=text_column, encoding=encoding, notes=notes
    )
