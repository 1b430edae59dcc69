"""A small invented corpus in the columns of ``scamdetect data build``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from scamdetect.train.data.corpus_rows import SCHEMA

_TEXTS = {
    "legit": "hello, lunch meeting tomorrow near bridge number {n}",
    "spam": "sale offer: discount on {n} pairs of shoes",
    "scam": "guaranteed bitcoin profit {n}, darling, pay the release fee",
}


def row(number: int, verdict: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return one corpus row; ``changes`` replace its columns."""
    text = changes.pop("norm", _TEXTS[verdict].format(n=number))
    source = changes.get("source", "en_invented")
    return {
        "row_hash": hashlib.sha256(f"{source}\n{number}\n{text}".encode()).hexdigest()[:16],
        "source": source,
        "text": text,
        "input": text,
        "norm": text,
        "verdict": verdict,
        "not_legit": False,
        "kinds": ["lottery"] if verdict == "scam" else [],
        "kinds_provenance": "source" if verdict == "scam" else None,
        "verdict_provenance": "source",
        "lang": "en",
        "channel": "sms",
        "role": "dev",
        "weight": 1.0,
        "group": number,
        "slices": ["everyday"] if verdict == "legit" else [],
        "licence_class": "permissive",
        "generated": None,
        "split": None,
        "thread_id": None,
        "reader": None,
        "length": len(text),
    } | changes


def table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Return the rows as a table of the corpus."""
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def corpus() -> pa.Table:
    """Return a corpus with every role, two selecting sources and a test source."""
    rows = []
    for number in range(40):
        for verdict in ("legit", "spam", "scam"):
            train = 2000 + number
            rows.append(row(train, verdict, role="train"))
            rows.append(row(train + 1000, verdict, role="calibrate", source="en_calibrate"))
            rows.append(row(number, verdict, source="vi_sms_ie403", lang="vi"))
            if verdict != "spam":
                rows.append(row(100 + number, verdict, source="pt_mz_mpesa_smishing", lang="pt"))
                rows.append(row(300 + number, verdict, source="id_sms_spam", role="test"))
    rows.append(row(900, "spam", source="vi_sms_ie403", not_legit=True))
    return table(rows)
