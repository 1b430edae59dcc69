"""Cut the lines of a CSV or TSV file into records."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from scamdetect.dumps.delimited import Splitter, State
from scamdetect.dumps.lines import Line

# How far an open quote is followed before it counts as never closed.
MAX_MULTILINE_BYTES = 16 << 20
_HINT = re.compile(r'"?sep=([^"\r\n])"?\r?\n', re.IGNORECASE)


@dataclass(frozen=True)
class Record:
    """The lines of one record and its raw cells.

    There are none where a quote never closes or the line is too long, which is a record of its own.
    """

    lines: list[Line]
    cells: list[str]

    @property
    def problem(self) -> str | None:
        """Return why its lines cannot be read, None where they can."""
        return next((line.problem for line in self.lines if line.problem), None)


def separator_hint(first: str) -> str | None:
    """Return the separator that a first line ``sep=;`` tells Excel, None where it is no such."""
    found = _HINT.fullmatch(first)
    return None if found is None else found[1]


def records(source: Iterator[Line], delimiter: str) -> Iterator[Record]:
    """Yield records; a quote that never closes costs its first line, later ones are read anew."""
    waiting: deque[Line] = deque()
    while waiting or (line := next(source, None)) is not None:
        if waiting:
            line = waiting.popleft()
        assert line is not None
        splitter = Splitter(delimiter)
        lines = [line]
        size = len(line.raw)
        state = State.BROKEN if line.is_cut else splitter.feed(line.text)
        while state is State.OPEN and size <= MAX_MULTILINE_BYTES:
            more = waiting.popleft() if waiting else next(source, None)
            if more is None:
                break
            lines.append(more)
            size += len(more.raw)
            state = State.BROKEN if more.is_cut else splitter.feed(more.text)
        if state is State.DONE:
            yield Record(lines, splitter.cells)
        else:
            waiting.extendleft(reversed(lines[1:]))
            yield Record(lines[:1], [])
