"""Authored rows with invented texts, for tests."""

from __future__ import annotations

from typing import Any

import msgspec

from scamdetect.train.data.authored import AuthoredRow, Card

CARD = Card(
    batch="round1-01",
    stage="ask",
    app="WhatsApp",
    sender="a friend",
    receiver="a nurse",
    hook="gold price talk",
    setting="payday week",
    voice="Kenya",
    register="plain everyday typing",
    opening="a question",
    length=(5, 12),
    unit="words",
    link=None,
    emoji=False,
    amount=False,
)
LEGIT = AuthoredRow(
    id="en-0001",
    lang="en",
    script="Latn",
    part="train",
    slice="finance",
    verdict="legit",  # type: ignore[arg-type]
    kinds=(),
    channel="chat",
    cell="finance",
    pair=None,
    card=CARD,
    hard=False,
    reader=None,
    text="did you see what gold costs at the jeweller today",
    generated="a tester",
)
SCAM = {"verdict": "scam", "slice": None, "kinds": ("investment",), "cell": "investment"}


def row(number: int = 1, **changes: Any) -> AuthoredRow:  # noqa: ANN401
    """Return a legit row about gold; ``changes`` replace its fields, card fields included."""
    card = {name: changes.pop(name) for name in list(changes) if name in Card.__struct_fields__}
    changed = msgspec.structs.replace(
        LEGIT, id=f"{changes.get('lang', 'en')}-{number:04d}", **changes
    )
    fields = msgspec.to_builtins(changed)
    fields["card"] = {**fields["card"], **card}
    return msgspec.convert(fields, AuthoredRow)


def pair_of(number: int = 1, **changes: Any) -> list[AuthoredRow]:  # noqa: ANN401
    """Return the scam and the legit side of a pair."""
    both = {"cell": "pair", "pair": f"en-p{number:04d}"} | changes
    return [row(number, **SCAM | both), row(number + 1, **both)]
