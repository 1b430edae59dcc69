"""What a reader or an adapter says of one message."""

from __future__ import annotations

from dataclasses import dataclass

from scamdetect.labels import Kind


@dataclass(frozen=True)
class Draft:
    """A text with what the source says of it, before the label map and the cleaning."""

    text: str
    label: str
    lang: str
    channel: str
    orig_label: str = ""
    split: str | None = None
    thread_id: str | None = None
    turn: int | None = None
    generated: str | None = None
    kinds: tuple[Kind, ...] = ()  # kinds that the source itself states
