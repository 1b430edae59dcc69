"""Prevent spreadsheets from running a cell as a formula, as OWASP advises for CSV injection.

A spreadsheet may split the file differently: at every type of line end, and at the list separator
of its country, where the quotes of our cells are in the middle of its cells and protect nothing. So
a formula counts wherever some spreadsheet may start a cell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from scamdetect.dumps.delimited import has_stray_quote, quote, unquote
from scamdetect.dumps.formats import DELIMITERS, Format, destination_format
from scamdetect.errors import InputError

_LINE_ENDS = "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_SEPARATORS = ",;\t"
# Spreadsheets skip blanks, zero-width characters and quotes before a formula, each in its own way,
# so a leading tab or line end already counts.
_INVISIBLE = (
    r"\x00-\x20\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    r"\U000e0000-\U000e01ef"
)
_IGNORED = rf"[\s{_INVISIBLE}'\"]*"
_SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"
_FORMULA = re.compile(rf"{_IGNORED}[{re.escape(_SIGNS)}]")
_FIRST = re.compile(r"'*[\t\r\n]")
# Without letters other than an exponent, a cell has no reference and no call: -5, +3.50 %, +49 170
# 12.
_NUMBER = re.compile(r" *+[+-][\d .,()/%-]*+(?:(?<=\d)[eE][+-]?\d++)?[ %]*+")
_CALLS = re.compile(r"[(|\[]")  # functions, DDE and other workbooks
_BLANKS = f" \"'{_LINE_ENDS}\t"
_NEEDS_QUOTES = re.compile(f'["{_LINE_ENDS}]')


def check_spreadsheet_safe(destination: Path) -> None:
    """Raise InputError if spreadsheets do not open the destination's format as cells."""
    kind = destination_format(destination)
    if kind not in DELIMITERS:
        raise InputError(
            f"{destination}: only CSV and TSV can be made safe for spreadsheets; remove "
            f"--spreadsheet-safe, or write one of these instead of {kind.value}"
        )


def check_safe_delimiter(destination: Path, delimiter: str) -> None:
    """Raise InputError if the delimiter of a CSV destination is part of the protection."""
    if destination_format(destination) is Format.CSV and delimiter in f"{_SIGNS}'":
        raise InputError(
            f"{destination}: with --delimiter {delimiter!r} cells cannot be made safe for "
            "spreadsheets; remove --spreadsheet-safe, or write TSV"
        )


def safe_row(cells: Sequence[str], delimiter: str) -> list[str]:
    """Return the raw cells of a row, none of which a spreadsheet runs; see ``safe_cell``.

    A number that another separator joins to a longer cell with a call does not count as a number.
    """
    safe = [safe_cell(cell, delimiter) for cell in cells]
    # After a delimiter that is not a blank, no other cell of theirs starts, except in a new row.
    for place in range(len(safe) if delimiter in _BLANKS else min(len(safe), 1)):
        value = unquote(safe[place])
        if value and _NUMBER.fullmatch(value) and _begins_cell(safe[:place], delimiter):
            theirs = _ends(delimiter).split(delimiter.join(safe[place + 1 :]), maxsplit=1)[0]
            if place or _CALLS.search(theirs):
                safe[place] = _written(f"'{value}", safe[place], delimiter)
    return safe


def safe_cell(cell: str, delimiter: str) -> str:
    """Return the raw cell with an apostrophe before everything that a spreadsheet could run.

    That is the value, and each part of it after a possible end of a cell or row. A value with a
    quote or a line end is enclosed in valid quotes: an unclosed quote would include the rest of the
    file.
    """
    value = unquote(cell)
    safe = _guarded(value, delimiter)
    if safe == value and _is_sound(cell):
        return cell
    return _written(safe, cell, delimiter)


def original(value: str, delimiter: str) -> str:
    """Return the value of a cell without the apostrophes added to it.

    They were added by ``safe_cell`` or, before a plain number, by ``safe_row``.
    """
    if value.startswith("'") and _NUMBER.fullmatch(value[1:]):
        return value[1:]
    first, *others = _ends(delimiter).split(value)
    if first.startswith("'") and (_FIRST.match(value) or _FORMULA.match(first[1:])):
        first = first[1:]
    for place in range(1, len(others), 2):
        bare = others[place].removeprefix("'")
        if bare != others[place] and _FORMULA.match(bare):
            others[place] = bare
    found = "".join([first, *others])
    return found if _guarded(found, delimiter) == value else value


def _guarded(value: str, delimiter: str) -> str:
    if _NUMBER.fullmatch(value):
        return value
    first, *others = _ends(delimiter).split(value)
    if _FIRST.match(value) or _FORMULA.match(first):
        first = f"'{first}"
    for place in range(1, len(others), 2):
        if _FORMULA.match(others[place]):
            others[place] = f"'{others[place]}"
    return "".join([first, *others])


@cache
def _ends(delimiter: str) -> re.Pattern[str]:
    """Return what ends a row, or a cell in spreadsheets with another separator."""
    others = _SEPARATORS.replace(delimiter, "")
    return re.compile(f"([{_LINE_ENDS}{others}])")


def _begins_cell(before: Sequence[str], delimiter: str) -> bool:
    """Return True if some spreadsheet starts a cell right after these cells of a row."""
    text = delimiter.join(before)
    left = text.rstrip(_BLANKS)
    return not left or _ends(delimiter).search(text, len(left) - 1) is not None


def _is_sound(cell: str) -> bool:
    """Return True if the raw cell has exactly the quotes it needs."""
    if cell.startswith('"'):
        return not has_stray_quote(cell)
    return _NEEDS_QUOTES.search(cell) is None


def _written(value: str, cell: str, delimiter: str) -> str:
    """Return the raw cell of a value, quoted if the cell was or the value needs it."""
    if cell.startswith('"') or _NEEDS_QUOTES.search(value):
        return '"' + value.replace('"', '""') + '"'
    return quote(value, delimiter)
