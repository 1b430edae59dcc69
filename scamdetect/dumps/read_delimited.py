"""Read raw cells of CSV, TSV and plain text, and detect the delimiter."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa

from scamdetect.dumps.batches import Batch, Dump, Item, Reject, grouped
from scamdetect.dumps.delimited import (
    Record,
    has_stray_quote,
    quote,
    records,
    separator_hint,
    strip_line_end,
    unquote,
)
from scamdetect.dumps.lines import Line, beginning, read_lines, rejected_raw
from scamdetect.dumps.rows import DelimitedRows
from scamdetect.errors import InputError
from scamdetect.frames import columns as output

_MAX_HEADER = 64 << 10
TEXT_COLUMN = "text"


def open_delimited(
    path: Path,
    delimiter: str,
    encoding: str,
    text_column: str,
    overwrite_columns: bool,
    text_required: bool = True,
) -> Dump:
    """Open a CSV or TSV file whose first record names the columns; raise InputError.

    A line ``sep=;`` for Excel may precede it. Without ``text_required`` it may lack the text
    column.
    """
    header = _read_header(path, delimiter, encoding)
    names = tuple(unquote(cell) for cell in header.cells)
    has_text = text_column in names
    if has_text or text_required:
        kept_names = output.check_columns(
            names, text_column, overwrite=overwrite_columns, where=str(path), first_line=True
        )
    else:
        kept_names = output.kept_columns(names, overwrite=overwrite_columns, where=str(path))
    text_place = names.index(text_column) if has_text else 0
    kept = tuple(place for place, name in enumerate(names) if name in kept_names)
    last = header.lines[-1]

    def batches() -> Iterator[Batch]:
        size = path.stat().st_size
        for group in grouped(_rows(path, delimiter, encoding, len(names)), path, encoding):
            rows = DelimitedRows(names, kept, text_place, delimiter, group.values)
            yield Batch(rows, tuple(group.rejects), group.end / size)

    return Dump(
        columns=kept_names,
        schema=pa.schema([(name, pa.string()) for name in kept_names]),
        batches=batches,
        delimiter=delimiter,
        raw_header=tuple(header.cells[place] for place in kept),
        line_end="\r\n" if last.text.endswith("\r\n") else "\n",
        bom=encoding == "utf-8" and beginning(path, 3) == codecs.BOM_UTF8,
        hint=_hint(path, encoding) == delimiter,
        has_text=has_text,
    )


def open_cells(
    path: Path, delimiter: str, encoding: str
) -> tuple[tuple[str, ...], Callable[[], Iterator[Item[list[str]]]]]:
    """Return the names in the first record and a reader of the raw cells of the others.

    Raises InputError.
    """
    names = tuple(unquote(cell) for cell in _read_header(path, delimiter, encoding).cells)
    return names, lambda: _rows(path, delimiter, encoding, len(names))


def open_text(path: Path, encoding: str) -> Dump:
    """Open a text file of one message per line as a dump with the single column ``text``."""

    def items() -> Iterator[Item[list[str]]]:
        for line in read_lines(path, encoding):
            if line.problem:
                number = line.number
                reject = Reject(number, number, 1, line.problem, line.raw, line.undecodable)
                yield Item(reject, len(line.raw), line.end)
            else:
                cell = quote(strip_line_end(line.text), ",")
                yield Item([cell], len(line.raw), line.end)

    def batches() -> Iterator[Batch]:
        size = path.stat().st_size
        for group in grouped(items(), path, encoding):
            rows = DelimitedRows((TEXT_COLUMN,), (0,), 0, ",", group.values)
            yield Batch(rows, tuple(group.rejects), group.end / size)

    return Dump((TEXT_COLUMN,), pa.schema([(TEXT_COLUMN, pa.string())]), batches)


def _lines(path: Path, encoding: str) -> Iterator[Line]:
    """Yield the lines of the records."""
    lines = read_lines(path, encoding)
    first = next(lines, None)
    if first is not None and separator_hint(first.text) is None:
        yield first
    yield from lines


def _hint(path: Path, encoding: str) -> str | None:
    with closing(read_lines(path, encoding)) as lines:
        return separator_hint(next(lines).text)


def _read_header(path: Path, delimiter: str, encoding: str) -> Record:
    header = next(records(_lines(path, encoding), delimiter), None)
    if header is None:
        raise InputError(f"{path}: the file is empty; its first line must name the columns")
    where = f"{path}:{header.lines[0].number}"
    text = "".join(line.text for line in header.lines)
    if header.lines[0].is_cut or len(text) > _MAX_HEADER:
        raise InputError(f"{where}: the first line is too long for column names")
    if header.problem:
        raise InputError(f"{where}: {header.problem}; pass the file's encoding with --encoding")
    if not header.cells:
        raise InputError(f"{where}: unclosed quote in the column names")
    if "\r" in strip_line_end(text):
        raise InputError(
            f"{where}: the lines end in a carriage return without a newline; convert them to "
            "newlines"
        )
    return header


def _rows(path: Path, delimiter: str, encoding: str, width: int) -> Iterator[Item[list[str]]]:
    found = records(_lines(path, encoding), delimiter)
    next(found)
    number = 0
    # After an unclosed quote, possibly in a line too long to read, later lines may be the rest of
    # that record: until a line is intact, a stray quote does not count as a plain character.
    suspicious = False
    for record in found:
        first = record.lines[0]
        if width > 1 and first.text in ("\n", "\r\n"):
            continue
        number += 1
        cells = record.cells
        if not cells and delimiter == "\t":
            # Many TSV files have no quoting: there a quote that starts no cell is a plain
            # character.
            literal = strip_line_end(first.text).split(delimiter)
            cells = literal if len(literal) == width else []
        reason = record.problem
        suspicious |= first.is_cut
        if reason is None and not cells:
            reason, suspicious = "unclosed quote", True
        elif reason is None and len(cells) != width:
            reason = f"{len(cells)} cells, but the header has {width}"
        elif reason is None and suspicious and any(map(has_stray_quote, cells)):
            reason = "stray quote after a record with an unclosed quote"
        size = sum(len(line.raw) for line in record.lines)
        end = record.lines[-1].end
        if reason is None:
            suspicious = False
            yield Item(cells, size, end)
        else:
            raw = rejected_raw(record.lines, encoding)
            undecodable = any(line.undecodable for line in record.lines)
            reject = Reject(number, first.number, len(record.lines), reason, raw, undecodable)
            yield Item(reject, size, end)


_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_LINES = 500
_HEAD_BYTES = 256 << 10
_ALIKE = 0.5  # share of the records that must have as many cells as the header


@dataclass(frozen=True)
class Delimiter:
    """The delimiter, and a note if it was detected."""

    sign: str
    note: str | None = None


def given_delimiter(name: str) -> Delimiter:
    r"""Return the delimiter for one character, a name such as ``tab``, or ``\t``.

    Raises InputError for anything else.
    """
    sign = _NAMES.get(name.lower(), "\t" if name == "\\t" else name)
    if len(sign) != 1 or sign in '"\r\n':
        raise InputError(
            f"delimiter (--delimiter) {name!r} is invalid; pass one character other than a "
            f"quote, or {', '.join(_NAMES)}"
        )
    return Delimiter(sign)


def find_delimiter(path: Path, encoding: str, text_column: str) -> Delimiter:
    """Return the delimiter that best fits the first records of a CSV file.

    The default is a comma. Raises InputError if the file cannot be read.
    """
    lines = _first_lines(path, encoding)
    hint = separator_hint(lines[0].text) if lines else None
    if hint is not None:
        return Delimiter(hint, _note(hint, "set by its first line"))
    found = {sign: _agreement(lines, sign, text_column) for sign in _NAMES.values()}
    best = max(found, key=lambda sign: found[sign])  # the first of equals
    return Delimiter(best) if best == "," else Delimiter(best, _note(best, "detected"))


def _first_lines(path: Path, encoding: str) -> list[Line]:
    found: list[Line] = []
    size = 0
    for line in islice(read_lines(path, encoding), _LINES):
        found.append(line)
        size += len(line.raw)
        if size > _HEAD_BYTES:
            break
    return found


def _agreement(lines: Sequence[Line], sign: str, text_column: str) -> tuple[bool, float, int]:
    """Return how consistently the delimiter splits the records; 0 if it never occurs.

    The tuple holds whether the header then names the text column, the share of records with as many
    cells as the header, and their number of cells.
    """
    found = [record for record in records(iter(lines), sign) if record.cells]
    if not found or len(found[0].cells) < 2:
        return False, 0.0, 0
    header, *rest = found
    width = len(header.cells)
    whole = [record for record in rest if record.problem is None and record.lines[0].text.strip()]
    alike = sum(len(record.cells) == width for record in whole)
    share = alike / len(whole) if whole else 1.0
    if share < _ALIKE:
        return False, 0.0, 0
    return text_column in map(unquote, header.cells), share, width


def _note(sign: str, why: str) -> str:
    name = next((name for name, known in _NAMES.items() if known == sign), repr(sign))
    return f"cells are separated by {name} ({why}); --delimiter overrides"
