"""A benchmark run as a page of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scamdetect.bench.report.tables import HOW_TO_READ, chapters, facts
from scamdetect.reports.pages import table
from scamdetect.reports.section import Section

if TYPE_CHECKING:
    from scamdetect.bench.figures.results import Results

LONG = 30  # rows, from which a table is folded away
_MARKUP = re.compile(r"[\\|*`~]|(?<!\w)_|_(?!\w)|(?<=\])(?=[(\[])")


def render(results: Results) -> str:
    """Return the whole report as Markdown, ending in a newline."""
    lines = ["# Leaderboard", "", *(f"- {escaped(fact)}" for fact in facts(results))]
    lines += ["", "## How to read this", ""]
    lines += [f"- **{escaped(name)}**: {escaped(words)}" for name, words in HOW_TO_READ]
    for chapter in chapters(results):
        lines += ["", f"## {chapter.title}"]
        for section in chapter.sections:
            lines += _section(section)
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line: names come from strangers too."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return _MARKUP.sub(r"\\\g<0>", line)


def _section(section: Section) -> Iterator[str]:
    yield from ("", f"### {escaped(section.title)}", "", escaped(section.about))
    if not section.rows:
        return
    header = [escaped(cell) for cell in section.header]
    lines = table(header, ([escaped(cell) for cell in row] for row in section.rows))
    if len(section.rows) < LONG:
        yield from ("", *lines)
    else:
        summary = f"<details><summary>{len(section.rows)} rows</summary>"
        yield from ("", summary, "", *lines, "", "</details>")
