"""What reports are made of: sections of one table each, and chapters of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from scamdetect.train.pages import table, titled


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


def section_lines(
    sections: Iterable[Section],
    level: int = 2,
    *,
    escape: Callable[[str], str] = str,
    fold: int | None = None,
) -> Iterator[str]:
    """Yield the lines of sections under titles of a level, each after a blank one.

    From ``fold`` rows on a table is folded away.
    """
    for section in sections:
        lines = []
        if section.rows:
            lines = table(map(escape, section.header), (map(escape, row) for row in section.rows))
        if fold is not None and len(section.rows) >= fold:
            summary = f"<details><summary>{len(section.rows)} rows</summary>"
            lines = [summary, "", *lines, "", "</details>"]
        yield from titled(escape(section.title), escape(section.about), lines, level)
