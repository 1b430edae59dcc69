"""The pieces of Markdown pages, and result files with a page next to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from scamdetect.errors import InputError
from scamdetect.system.files import write_text

_MARKUP = re.compile(r"[\\|*`~]|(?<!\w)_|_(?!\w)|(?<=\])(?=[(\[])")


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return the lines of a table."""
    header = list(header)
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line: names come from strangers too."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return _MARKUP.sub(r"\\\g<0>", line)


def titled(title: str, about: str = "", lines: Iterable[str] = (), level: int = 2) -> Iterator[str]:
    """Yield a title, its meaning if given, and the lines, each after a blank line."""
    yield from ("", f"{'#' * level} {title}")
    if about:
        yield from ("", about)
    if lines:
        yield from ("", *lines)


def between_markers(page: str, start: str, end: str, lines: Iterable[str], path: Path) -> str:
    """Return the page with these lines between its markers; raise InputError without those."""
    head, opened, rest = page.partition(start)
    _, closed, tail = rest.partition(end)
    if not (opened and closed):
        raise InputError(f"{path}: put the lines {start} and {end} around the section")
    return "\n".join([head + start, *lines, end]) + tail


def write_results(path: Path, record: Mapping[str, object], page: Iterable[str]) -> str:
    """Write the record as JSON to ``path`` and the page next to it; return the page's text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(record, indent=1) + "\n")
    text = "\n".join(page) + "\n"
    write_text(path.with_suffix(".md"), text)
    return text
