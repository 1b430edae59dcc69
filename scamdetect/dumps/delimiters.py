"""Which sign parts the cells of a CSV file: as it is given, as Excel is told, or by its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from scamdetect.dumps.delimited import unquote
from scamdetect.dumps.delimited_records import records, separator_hint
from scamdetect.dumps.lines import Line, read_lines
from scamdetect.errors import InputError

_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_LINES = 500
_HEAD_BYTES = 256 << 10
_ALIKE = 0.5  # of the records must have as many cells as the header


@dataclass(frozen=True)
class Delimiter:
    """The sign between cells, and what to tell of it where nobody named it."""

    sign: str
    note: str | None = None


def given_delimiter(name: str) -> Delimiter:
    r"""Return the delimiter of one character, of a name such as ``tab``, or ``\t``.

    Raises InputError where it is none.
    """
    sign = _NAMES.get(name.lower(), "\t" if name == "\\t" else name)
    if len(sign) != 1 or sign in '"\r\n':
        raise InputError(
            f"delimiter (--delimiter) {name!r} is none; give one character but a quote, or "
            f"{', '.join(_NAMES)}"
        )
    return Delimiter(sign)


def find_delimiter(path: Path, encoding: str, text_column: str) -> Delimiter:
    """Return the delimiter that the first records of a CSV file agree on.

    It is a comma where nothing is better. Raises InputError where the file cannot be read.
    """
    lines = _first_lines(path, encoding)
    hint = separator_hint(lines[0].text) if lines else None
    if hint is not None:
        return Delimiter(hint, _note(hint, "its first line says so"))
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
    """Return how well the sign parts the records; whatever parts nothing is the least.

    That is whether the header then names the text column, the share of records with as many cells
    as it, and how many these are.
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
    return f"cells parted by {name} ({why}); --delimiter overrides"
