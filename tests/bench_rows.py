"""Invented rows of suites and detectors over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect.bench.answers import Answers
from scamdetect.bench.figures.target import (
    Target,
)
from scamdetect.bench.suite import SCHEMA, Suite, make_suite

LICENCES = {"invented": "CC-BY-4.0", "other": "CC-BY-4.0"}


def row(name: str, verdict: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return one row of a suite; ``changes`` replace its columns."""
    text = {"scam": "guaranteed profit", "legit": "lunch tomorrow", "spam": "sale offer"}[verdict]
    return {
        "id": name,
        "text": f"{text} {name}",
        "verdict": verdict,
        "kinds": ["investment"] if verdict == "scam" else [],
        "lang": "en",
        "generator": None,
        "source": "invented",
        "group": name,
        "slices": ["everyday"] if verdict == "legit" else [],
        "part": "dev",
    } | changes


def rows(scams: int, legit: int, **changes: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Return so many scams and honest rows."""
    return [
        *(row(f"s{n:04d}", "scam", **changes) for n in range(scams)),
        *(row(f"l{n:04d}", "legit", **changes) for n in range(legit)),
    ]


def suite(
    records: Iterable[Mapping[str, Any]], name: str = "invented", *, final: bool = False
) -> Suite:
    """Return the suite of these rows."""
    return make_suite(name, 1, "Invented rows.", records, LICENCES, final=final)


def target(records: Sequence[Mapping[str, Any]], scam: Sequence[float], **answers: Any) -> Target:  # noqa: ANN401
    """Return rows in the order given with these scam probabilities."""
    table = pa.Table.from_pylist([dict(record) for record in records], schema=SCHEMA)
    return Target(table, Answers(np.array(scam, dtype=np.float64), **answers))
