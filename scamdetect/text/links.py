"""Official domains of organisations that scammers impersonate, each with a source."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

FILE = "official_domains.csv"


@dataclass(frozen=True, slots=True)
class Organisation:
    """The owner of an official domain."""

    domain: str
    name: str
    sector: str
    country: str  # ISO 3166, "" if in several
    source: str  # where the domain can be verified: an address, or a file of a repository


@cache
def official_domains() -> Mapping[str, Organisation]:
    """Return the organisations by registered domain, without hosting platforms."""
    text = (files("scamdetect.text") / FILE).read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["domain"]: Organisation(
            row["domain"], row["organisation"], row["sector"], row["country"], row["source"]
        )
        for row in rows
    }


def organisation_of(host: str) -> Organisation | None:
    """Return the organisation whose official domain includes a host, or None.

    Subdomains count: ``login.bank.example`` belongs to ``bank.example``.
    """
    labels = host.lower().rstrip(".").split(".")
    known = official_domains()
    names = (".".join(labels[start:]) for start in range(len(labels) - 1))
    return next((known[name] for name in names if name in known), None)
