"""An evaluation as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scamdetect.evaluate.sections import facts, sections
from scamdetect.reports.pages import table

if TYPE_CHECKING:
    from scamdetect.evaluate.report import Report


def render(report: Report) -> str:
    """Return the whole report as Markdown, ending in a newline."""
    lines = [f"# Evaluation of {report.bundle}", "", *(f"- {fact}" for fact in facts(report))]
    for section in sections(report):
        lines += ["", f"## {section.title}", "", section.about]
        if section.rows:
            # An asterisk marks the sources that select; it must not begin emphasis.
            rows = ([cell.replace("*", "\\*") for cell in row] for row in section.rows)
            lines += ["", *table(section.header, rows)]
    return "\n".join(lines) + "\n"
