"""Read CSV, TSV and plain text of one message a line."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

import pyarrow as pa

from scamdetect.dumps.batch import Batch, Dump, Item, Reject, grouped, problem_of, record_dump
from scamdetect.dumps.text import MAX_LINE_BYTES, EmptyFileError, Line, Stream, read_lines
from scamdetect.errors import InputError
from scamdetect.frames.arrow import array

TEXT_COLUMN = "text"
Opener = Callable[[], Stream]
Record = tuple[list[Line], list[str]]  # the lines of a record and its cells

_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_HINT = re.compile(r'"?sep=([^"\r\n])"?\r?\n', re.IGNORECASE)  # the first line of files for Excel
_HEAD_LINES, _HEAD_BYTES = 500, 256 << 10
_MAX_HEADER = 64 << 10
_ALIKE = 0.5  # share of the records that must have as many cells as the header
# A record of more lines or bytes has an unclosed quote. Each of those halves the bytes for the next
# one, or a file of them would take days.
_MAX_LINES, _MAX_BYTES, _MIN_BYTES = 100_000, 16 << 20, 16 << 10
_CARRIAGE_RETURN = "\ufdd0"  # in place of one within a line, at which csv would split it

csv.field_size_limit(MAX_LINE_BYTES)


def open_csv(
    opener: Opener, where: str, encoding: str, delimiter: str | None, text_column: str | None
) -> Dump:
    """Open CSV or TSV whose first record names the columns; raise InputError."""
    notes: tuple[str, ...] = ()
    if delimiter is None:
        delimiter, notes = _detect_delimiter(opener, encoding, text_column)
    delimiter = check_delimiter(delimiter)
    header, names = _header(opener, where, encoding, delimiter)
    # A repeated name gets a number, so that every column is kept.
    columns = [
        f"{name}.{names[:index].count(name)}" if name in names[:index] else name
        for index, name in enumerate(names)
    ]
    schema = pa.schema([(array([name], pa.string())[0].as_py(), pa.string()) for name in columns])
    if len(set(names)) < len(names):
        notes += ("some column names occur twice; the later ones got a number",)

    def batches() -> Iterator[Batch]:
        stream = opener()
        lines = islice(_lines(stream, encoding), header, None)
        items = _items(lines, stream, delimiter, len(names))
        for group in grouped(items, encoding, where):
            cells = list(zip(*group.records, strict=True)) or [()] * len(names)
            arrays = [array(values, pa.string()) for values in cells]
            table = pa.Table.from_arrays(arrays, schema=schema)
            yield Batch(table, tuple(group.rejects), stream.share)

    return Dump(schema, batches, encoding, delimiter, notes)


def open_text(opener: Opener, where: str, encoding: str, total: int = 0) -> Dump:
    """Open a text file of one message a line as a dump with the single column ``text``."""

    def items() -> Iterator[Item]:
        stream = opener()
        for line in read_lines(stream, encoding):
            note = problem_of(line)
            value = note if note and line.is_cut else {TEXT_COLUMN: _body(line.text)}
            yield Item(value, len(line.raw), stream.position, note)

    schema = pa.schema([(TEXT_COLUMN, pa.string())])
    return record_dump(schema, items, encoding=encoding, total=total, where=where)


def _lines(stream: Stream, encoding: str) -> Iterator[Line]:
    """Yield the lines of the records, without a line for Excel before them."""
    lines = read_lines(stream, encoding)
    for line in islice(lines, 1):
        if not _HINT.fullmatch(line.text):
            yield line
    yield from lines


def _header(opener: Opener, where: str, encoding: str, delimiter: str) -> tuple[int, list[str]]:
    """Return the number of lines of the first record, and its cells; raise InputError."""
    with opener() as stream:
        lines, names = next(_records(_lines(stream, encoding), delimiter), ([], []))
    if not lines:
        raise EmptyFileError(f"{where}: the file is empty; its first line must name the columns")
    text = "".join(line.text for line in lines)
    problem = next((line.problem for line in lines if line.problem), None)
    if lines[0].is_cut or len(text) > _MAX_HEADER:
        problem = "too long for column names"
    elif "\r" in _body(text):
        problem = "lines end in a carriage return without a newline; convert them to newlines"
    elif problem is not None:
        problem += "; pass the file's encoding with --encoding"
    if problem is not None:
        raise InputError(f"{where}:{lines[0].number}: {problem}")
    return len(lines), names


def _items(lines: Iterator[Line], stream: Stream, delimiter: str, width: int) -> Iterator[Item]:
    for record, cells in _records(lines, delimiter, width):
        first = record[0]
        if width > 1 and len(record) == 1 and not _body(first.text):
            continue
        raw = b"".join(line.raw for line in record)
        problem = next((line.problem for line in record if line.problem), None)
        item: Reject | list[str] = cells
        if len(cells) != width:
            reason = f"{len(cells)} cells, but the header has {width}"
            reason = problem if first.is_cut and problem else reason
            item = Reject(first.number, reason, raw, offset=first.offset)
        note = problem and Reject(first.number, problem, raw, offset=first.offset, kept=True)
        yield Item(item, len(raw), stream.position, note or None)


def _records(lines: Iterator[Line], delimiter: str, width: int | None = None) -> Iterator[Record]:
    """Yield the records; a quote that is not closed costs no later record."""
    waiting: deque[Line] = deque()
    budget = _MAX_BYTES

    def following() -> Line | None:
        return waiting.popleft() if waiting else next(lines, None)

    while (line := following()) is not None:
        if line.is_cut:
            yield [line], []
            continue
        cells, is_open = _split(line.text, delimiter)
        if is_open:
            taken, joined = _continued(line, following, delimiter, budget)
            if joined and width in (None, len(joined)):
                budget = _MAX_BYTES
                yield taken, joined
                continue
            waiting.extendleft(reversed(taken[1:]))
            budget = max(budget // 2, _MIN_BYTES)
            if delimiter == "\t":  # many TSV files have no quoting
                cells = _body(line.text).split(delimiter)
        yield [line], cells


def _split(text: str, delimiter: str) -> tuple[list[str], bool]:
    """Return the cells of a line, and whether a quote is open at its end."""
    body = _body(text)
    if '"' not in body:
        return body.split(delimiter), False
    reader = csv.reader([body.replace("\r", _CARRIAGE_RETURN), ""], delimiter=delimiter)
    cells = next(reader)
    return _restored(cells), reader.line_num > 1


def _continued(
    first: Line, following: Callable[[], Line | None], delimiter: str, budget: int
) -> tuple[list[Line], list[str]]:
    """Return the lines that were taken for a record, and its cells, none if it does not end."""
    taken = [first]

    def texts() -> Iterator[str]:
        size = 0
        line: Line | None = first
        while line is not None and not line.is_cut:
            body = _body(line.text)
            yield body.replace("\r", _CARRIAGE_RETURN) + line.text[len(body) :]
            size += len(line.raw)
            if size > budget or len(taken) > _MAX_LINES:
                return
            line = following()
            taken.extend([] if line is None else [line])

    try:
        return taken, _restored(next(csv.reader(texts(), delimiter=delimiter, strict=True)))
    except csv.Error:
        return taken, []


def _restored(cells: list[str]) -> list[str]:
    return [cell.replace(_CARRIAGE_RETURN, "\r") for cell in cells]


def _body(text: str) -> str:
    """Return a line without its newline, or carriage return and newline."""
    return text.removesuffix("\n").removesuffix("\r")


def check_delimiter(name: str) -> str:
    r"""Return the delimiter for one character, a name such as ``tab``, or ``\t``."""
    delimiter = _NAMES.get(name.lower(), "\t" if name == "\\t" else name)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise InputError(
            f"delimiter (--delimiter) {name!r} is invalid; pass one character other than a "
            f"quote, or {', '.join(_NAMES)}"
        )
    return delimiter


def _detect_delimiter(
    opener: Opener, encoding: str, text_column: str | None
) -> tuple[str, tuple[str, ...]]:
    """Return the delimiter that best fits the first records, and notes; the default is a comma."""
    lines: list[Line] = []
    size = 0
    with opener() as stream:
        for line in islice(read_lines(stream, encoding), _HEAD_LINES):
            lines.append(line)
            size += len(line.raw)
            if size > _HEAD_BYTES:
                break
    hint = _HINT.fullmatch(lines[0].text) if lines else None
    if hint is not None:
        return hint[1], _delimiter_notes(hint[1], "set by its first line")
    scores = {name: _agreement(lines, name, text_column) for name in _NAMES.values()}
    best = max(scores, key=lambda name: scores[name])  # the first of equals
    return best, _delimiter_notes(best, "detected")


def _agreement(
    lines: list[Line], delimiter: str, text_column: str | None
) -> tuple[bool, float, int]:
    """Return how consistently the delimiter splits the records; 0 if it never occurs."""
    records = [cells for _, cells in _records(iter(lines), delimiter) if any(cells)]
    if not records or len(records[0]) < 2:
        return False, 0.0, 0
    header, *rest = records
    alike = sum(len(cells) == len(header) for cells in rest)
    share = alike / len(rest) if rest else 1.0
    if share < _ALIKE:
        return False, 0.0, 0
    return text_column in header, share, len(header)


def _delimiter_notes(delimiter: str, why: str) -> tuple[str, ...]:
    if delimiter == ",":
        return ()
    name = next((name for name, sign in _NAMES.items() if sign == delimiter), repr(delimiter))
    return (f"cells are separated by {name} ({why}); --delimiter overrides",)
