"""Invented conversations in the words of the tiny bundle, as rows of a corpus."""

from __future__ import annotations

import pyarrow as pa

HONEST = ("A: hello\nB: lunch tomorrow?\nA: thanks, meeting", "A: hello\nB: hello\nB: lunch")
SCAM = (
    "A: hello\nB: hello\nA: guaranteed profit with bitcoin",
    "A: hello\nB: thanks\nA: darling gift card\nA: profit",
)


def dialogue_table(of_each: int, role: str = "calibrate") -> pa.Table:
    """Return so many honest and as many scam conversations of two sources each."""
    rows = []
    for verdict, texts in (("legit", HONEST), ("scam", SCAM)):
        for number in range(of_each):
            text = texts[number % len(texts)]
            # A few on the wrong side, so that no weights part all.
            text = text if number % 10 else "A: hello\nB: profit\nA: hello"
            rows.append(
                {
                    "row_hash": f"{verdict}{number}",
                    "source": f"{verdict}_{'one' if number % 3 else 'two'}",
                    "lang": "en",
                    "verdict": verdict,
                    "not_legit": False,
                    "slices": ["affection"] if verdict == "legit" else [],
                    "group": number + 10_000 * (verdict == "scam"),
                    "text": text,
                    "role": role,
                }
            )
    return pa.Table.from_pylist(rows)
