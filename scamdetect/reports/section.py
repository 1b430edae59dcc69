"""What reports are made of: sections of one table each, and chapters of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A table under its title, its meaning in a line, and its plots; ``about`` says why no rows."""

    title: str
    about: str
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    plots: tuple[str, ...] = ()


def section(
    title: str, about: str, header: Sequence[str], rows: Sequence[Sequence[str]], *plots: str
) -> Section:
    """Return the section with its cells as tuples."""
    return Section(title, about, tuple(header), tuple(map(tuple, rows)), plots)


@dataclass(frozen=True, slots=True)
class Chapter:
    """Tables on one question, under its title."""

    title: str
    sections: tuple[Section, ...]
