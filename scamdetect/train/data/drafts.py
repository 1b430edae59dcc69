"""What a reader or an adapter says of one message."""

from __future__ import annotations

from dataclasses import dataclass

from scamdetect.labels import Kind
from scamdetect.train.data.registry import Part, Source


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
    number: str | None = None  # of the row in its file, where roles go by row
    generated: str | None = None
    kinds: tuple[Kind, ...] = ()  # kinds that the source itself states


def make_draft(
    source: Source,
    part: Part,
    text: str,
    label: str | None = None,
    *,
    orig_label: str | None = None,
    lang: str | None = None,
    thread_id: str | None = None,
) -> Draft:
    """Return a draft that takes from the part and the source's [row] what is not given."""
    row = source.row
    assert row is not None
    label = (part.label or "") if label is None else label
    return Draft(
        text=text,
        label=label,
        lang=lang or part.lang or row.lang or "und",
        channel=part.channel or row.channel,
        orig_label=row.orig_label or label if orig_label is None else orig_label,
        split=part.split,
        thread_id=thread_id,
        generated=part.generated or row.generated,
    )
