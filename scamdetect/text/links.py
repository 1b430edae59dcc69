"""Official domains of organisations that scammers impersonate, each with a source."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def official_domains() -> frozenset[str]:
    """Return the registered domains of the shipped list, without hosting platforms."""
    text = (files("scamdetect.text") / "official_domains.csv").read_text(encoding="utf-8")
    return frozenset(row["domain"] for row in csv.DictReader(text.splitlines()))
