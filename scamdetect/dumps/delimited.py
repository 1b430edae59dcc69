"""Split CSV and TSV into raw records and cells, and quote new ones."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from scamdetect.dumps.lines import Line

_QUOTED = re.compile(r'[^"]*(?:""[^"]*)*')


class State(Enum):
    """How far a record has been parsed after a line."""

    DONE = "done"
    OPEN = "open"
    BROKEN = "broken"


@dataclass
class Splitter:
    """Collect the raw cells, quotes included, of one record from its physical lines.

    In a record of one line, text after the closing quote of a cell is read as by Python's csv. In a
    record of several lines it means that an unclosed quote ran into the next record: the record is
    broken.
    """

    delimiter: str
    cells: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)
    _lines: int = 0

    def feed(self, line: str) -> State:
        """Parse one line; its line end is not part of the cells."""
        self._lines += 1
        body = strip_line_end(line)
        if not self._open and '"' not in body:
            self.cells = body.split(self.delimiter)
            return State.DONE
        start = position = 0
        quoted = bool(self._open)
        while True:
            if quoted or body.startswith('"', position):
                content = _QUOTED.match(line, position if quoted else position + 1)
                assert content is not None
                if content.end() == len(line):
                    self._open.append(line[start:])
                    return State.OPEN
                position = content.end() + 1
                quoted = False
                stray = position < len(body) and not body.startswith(self.delimiter, position)
                if stray and self._lines > 1:
                    return State.BROKEN
            end = body.find(self.delimiter, position)
            last = end < 0
            end = len(body) if last else end
            self.cells.append("".join((*self._open, body[start:end])))
            self._open = []
            if last:
                return State.DONE
            start = position = end + 1


def strip_line_end(line: str) -> str:
    """Return the line without its newline, or carriage return and newline."""
    return line.removesuffix("\n").removesuffix("\r")


def has_stray_quote(cell: str) -> bool:
    """Return True if a quote in the raw cell neither encloses the cell nor is doubled."""
    if not cell.startswith('"'):
        return '"' in cell
    content = _QUOTED.match(cell, 1)
    assert content is not None
    return content.end() != len(cell) - 1


def unquote(cell: str) -> str:
    """Return the value of a raw cell; an unclosed quote is a plain character."""
    if not cell.startswith('"'):
        return cell
    content = _QUOTED.match(cell, 1)
    assert content is not None
    if content.end() == len(cell):
        return cell
    return content.group().replace('""', '"') + cell[content.end() + 1 :]


def quote(value: str | None, delimiter: str) -> str:
    """Return the raw cell of a value: nothing for None, two quotes for an empty text."""
    if value is None:
        return ""
    if value == "" or delimiter in value or any(sign in value for sign in '"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


def requote(cell: str, delimiter: str) -> str:
    """Return a raw cell of another dialect for this delimiter; keep or add its quotes."""
    if cell.startswith('"'):
        return '"' + unquote(cell).replace('"', '""') + '"'
    return quote(cell, delimiter) if cell else ""


# Maximum length of an open quote before it counts as unclosed.
MAX_MULTILINE_BYTES = 16 << 20
_HINT = re.compile(r'"?sep=([^"\r\n])"?\r?\n', re.IGNORECASE)


@dataclass(frozen=True)
class Record:
    """The lines of one record and its raw cells.

    A line with an unclosed quote, or that is too long, is a record without cells.
    """

    lines: list[Line]
    cells: list[str]

    @property
    def problem(self) -> str | None:
        """Return why its lines cannot be read, or None."""
        return next((line.problem for line in self.lines if line.problem), None)


def separator_hint(first: str) -> str | None:
    """Return the delimiter in a first line for Excel, such as ``sep=;``, or None."""
    found = _HINT.fullmatch(first)
    return None if found is None else found[1]


def records(source: Iterator[Line], delimiter: str) -> Iterator[Record]:
    """Yield records; an unclosed quote costs only its first line, the later ones are read again."""
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
