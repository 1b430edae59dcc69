"""Part the authored rows into train, calibrate and dev: a batch, and so a pair, stays whole."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec

from scamdetect.train.data.authored import AuthoredRow, Part

SHARES: dict[Part, float] = {"train": 50 / 80, "calibrate": 15 / 80, "dev": 15 / 80}


def assign_parts(rows: Iterable[AuthoredRow], to: Part | None = None) -> list[AuthoredRow]:
    """Return the rows with a part each; parts that are set stay.

    With ``to`` every open row goes there. Else batches of a language come in the order of their
    hashes, each to the part that lacks most, so the same rows always part alike and a later round
    changes no earlier one.
    """
    rows = list(rows)
    if to is not None:
        return [row if row.part else msgspec.structs.replace(row, part=to) for row in rows]
    parts: dict[tuple[str, str], Part] = {}
    open_batches: Counter[tuple[str, str]] = Counter()
    have: dict[str, Counter[Part]] = defaultdict(Counter)
    total: Counter[str] = Counter()
    for row in rows:
        total[row.lang] += row.part != "final"
        if row.part is None:
            open_batches[row.lang, row.card.batch] += 1
        else:
            have[row.lang][row.part] += 1
            parts[row.lang, row.card.batch] = row.part
    for batch in sorted(open_batches, key=_digest):
        lang = batch[0]
        lacking = {part: share * total[lang] - have[lang][part] for part, share in SHARES.items()}
        part = parts.setdefault(batch, max(SHARES, key=lacking.__getitem__))
        have[lang][part] += open_batches[batch]
    return [
        row
        if row.part is not None
        else msgspec.structs.replace(row, part=parts[row.lang, row.card.batch])
        for row in rows
    ]


def _digest(batch: tuple[str, str]) -> str:
    return hashlib.sha256("\n".join(batch).encode()).hexdigest()
