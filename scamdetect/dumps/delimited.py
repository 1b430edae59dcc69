"""Split CSV and TSV records into cells as they stand in the file, and quote new ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

_QUOTED = re.compile(r'[^"]*(?:""[^"]*)*')


class State(Enum):
    """How far a record is after a line."""

    DONE = "done"
    OPEN = "open"
    BROKEN = "broken"


@dataclass
class Splitter:
    """Collect the raw cells, quotes included, of one record from its physical lines.

    Text after the closing quote of a cell is read as Python's csv does where the record has one
    line. In one of several lines it means that a quote was never closed and has run into the next
    record: the record is broken.
    """

    delimiter: str
    cells: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)
    _lines: int = 0

    def feed(self, line: str) -> State:
        """Take one line with its line end, which is no part of the record's cells."""
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
    """Return the line without its newline or carriage return and newline."""
    return line.removesuffix("\n").removesuffix("\r")


def has_stray_quote(cell: str) -> bool:
    """Tell whether a quote in the raw cell is neither around the cell nor doubled."""
    if not cell.startswith('"'):
        return '"' in cell
    content = _QUOTED.match(cell, 1)
    assert content is not None
    return content.end() != len(cell) - 1


def unquote(cell: str) -> str:
    """Return the value of a raw cell; a quote that does not close is a plain character."""
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
    """Return a raw cell of another dialect for this delimiter, quoted where it was or must be."""
    if cell.startswith('"'):
        return '"' + unquote(cell).replace('"', '""') + '"'
    return quote(cell, delimiter) if cell else ""
