"""A suite of conversations: whole ones, and each of them after its first messages."""

from __future__ import annotations

from collections.abc import Iterable

from scamdetect.bench.sources import Material
from scamdetect.bench.suite import Suite, make_suite
from scamdetect.bench.suites.rows import VERSION, SuiteRow, authored_rows, licences
from scamdetect.train.data.authored import Part
from scamdetect.train.data.table import messages_of

FIRST = (2, 4, 8)  # messages
CHANGE = "first messages"


def conversation(material: Material) -> Suite:
    """Return the conversations of the authored dev part; raise InputError without any."""
    return _suite("conversation", material, "dev")


def conversation_final(material: Material) -> Suite:
    """Return the conversations of the authored final part; raise InputError without any."""
    return _suite("conversation-final", material, "final")


def _suite(name: str, material: Material, part: Part) -> Suite:
    whole = [
        row | {"pair": None}
        for row in authored_rows(material, name, part)
        if len({message["sender"] for message in messages_of(row["text"])}) > 1
    ]
    rows = [*whole, *_beginnings(whole)]
    about = (
        f"Conversations of this project's own messages ({part}), scam and honest, in lines such as "
        "'A: hello': whole, and each after its first messages, when a scam is often not yet told."
    )
    return make_suite(name, VERSION, about, rows, licences(rows), final=part == "final")


def _beginnings(whole: Iterable[SuiteRow]) -> Iterable[SuiteRow]:
    for row in whole:
        messages = messages_of(row["text"])
        for count in FIRST:
            if count < len(messages):
                yield row | {
                    "id": f"{row['id']}/first/{count}",
                    "text": "\n".join(f"{m['sender']}: {m['text']}" for m in messages[:count]),
                    "clean_id": row["id"],
                    "change": CHANGE,
                    "strength": str(count),
                }
