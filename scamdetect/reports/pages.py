"""The pieces of Markdown pages that reports share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scamdetect.errors import InputError
from scamdetect.system.files import write_text


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]


def between_markers(page: str, start: str, end: str, lines: Iterable[str], path: Path) -> str:
    """Return the page with these lines between its markers; raise InputError without those."""
    head, opened, rest = page.partition(start)
    _, closed, tail = rest.partition(end)
    if not (opened and closed):
        raise InputError(f"{path}: put the lines {start} and {end} where the section goes")
    return "\n".join([head + start, *lines, end]) + tail


def write_results(path: Path, record: Mapping[str, object], page: Iterable[str]) -> str:
    """Write the record as the JSON file ``path`` and the page beside it; return the page's text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(record, indent=1) + "\n")
    text = "\n".join(page) + "\n"
    write_text(path.with_suffix(".md"), text)
    return text
