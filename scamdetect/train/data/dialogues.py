"""Conversations among the corpus rows: texts whose lines begin with the letter of who speaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from scamdetect.labels import Verdict

_SPEAKS = re.compile(r"([A-J]): ?(.*)")


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation with the labels of its row; ``messages`` have ``sender`` and ``text``."""

    id: str
    source: str
    lang: str
    scam: bool
    slices: tuple[str, ...]
    group: str
    messages: tuple[dict[str, str], ...]


def dialogues(table: pa.Table, *, longest: int | None = None) -> Iterator[Dialogue]:
    """Yield the scam and honest rows of a corpus table in which two or more speak, in their order.

    ``longest`` keeps so many messages from the beginning of each. What is unwanted but no scam is
    left out.
    """
    names = ["row_hash", "source", "lang", "verdict", "not_legit", "slices", "group", "text"]
    for row in table.select(names).to_pylist():
        if row["not_legit"] or row["verdict"] not in (Verdict.SCAM, Verdict.LEGIT):
            continue
        messages = messages_of(row["text"])
        if len({message["sender"] for message in messages}) > 1:
            yield Dialogue(
                id=row["row_hash"],
                source=row["source"],
                lang=row["lang"],
                scam=row["verdict"] == Verdict.SCAM,
                slices=tuple(row["slices"] or ()),
                group=str(row["group"]),
                messages=tuple(messages[:longest]),
            )


def messages_of(text: str) -> list[dict[str, str]]:
    """Return the messages of a text in lines such as "A: hello"; other lines go on with theirs.

    What stands before the first such line is left out.
    """
    messages: list[dict[str, str]] = []
    for line in text.split("\n"):
        if found := _SPEAKS.fullmatch(line):
            messages.append({"sender": found[1], "text": found[2]})
        elif messages:
            messages[-1]["text"] += f"\n{line}"
    return messages
