"""Keep spreadsheets from running a cell as a formula, as OWASP advises on CSV injection.

A spreadsheet may cut the file elsewhere than we do: at every kind of line end, and at the list
separator of its own country, where the quotes of our cells stand in the middle of its cells and
protect nothing. So a formula counts wherever some spreadsheet may begin a cell.
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
# Spreadsheets pass over blanks, signs without width and quotes before a formula; each imports them
# in its own way, so that a tab or line end at the beginning counts by itself.
_INVISIBLE = (
    r"\x00-\x20\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    r"\U000e0000-\U000e01ef"
)
_IGNORED = rf"[\s{_INVISIBLE}'\"]*"
_SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"
_FORMULA = re.compile(rf"{_IGNORED}[{re.escape(_SIGNS)}]")
_FIRST = re.compile(r"'*[\t\r\n]")
# What has no letter but an exponent refers to no cell and calls nothing: -5, +3.50 %, +49 170 12.
_NUMBER = re.compile(r" *+[+-][\d .,()/%-]*+(?:(?<=\d)[eE][+-]?\d++)?[ %]*+")
_CALLS = re.compile(r"[(|\[]")  # functions, DDE and other workbooks
_BLANKS = f" \"'{_LINE_ENDS}\t"
_NEEDS_QUOTES = re.compile(f'["{_LINE_ENDS}]')


def check_spreadsheet_safe(destination: Path) -> None:
    """Raise InputError where the destination's format is none that spreadsheets open as cells."""
    kind = destination_format(destination)
    if kind not in DELIMITERS:
        raise InputError(
            f"{destination}: only CSV and TSV can be made safe for spreadsheets; leave "
            f"--spreadsheet-safe out, or write one of these instead of {kind.value}"
        )


def check_safe_delimiter(destination: Path, delimiter: str) -> None:
    """Raise InputError if the delimiter of a CSV destination begins formulas or guards them."""
    if destination_format(destination) is Format.CSV and delimiter in f"{_SIGNS}'":
        raise InputError(
            f"{destination}: cells between --delimiter {delimiter!r} cannot be made safe for "
            "spreadsheets; leave --spreadsheet-safe out, or write TSV"
        )


def safe_row(cells: Sequence[str], delimiter: str) -> list[str]:
    """Return the raw cells of a row, none of which a spreadsheet runs; see ``safe_cell``.

    A number that another separator makes the beginning of a longer cell, which calls something, is
    no plain number any more.
    """
    safe = [safe_cell(cell, delimiter) for cell in cells]
    # Behind a delimiter that is no blank no cell of theirs begins, but at the start of the row.
    for place in range(len(safe) if delimiter in _BLANKS else min(len(safe), 1)):
        value = unquote(safe[place])
        if value and _NUMBER.fullmatch(value) and _begins_cell(safe[:place], delimiter):
            theirs = _ends(delimiter).split(delimiter.join(safe[place + 1 :]), maxsplit=1)[0]
            if place or _CALLS.search(theirs):
                safe[place] = _written(f"'{value}", safe[place], delimiter)
    return safe


def safe_cell(cell: str, delimiter: str) -> str:
    """Return the raw cell with an apostrophe before what a spreadsheet could run.

    That is the value, and what follows in it whatever ends a cell or a row elsewhere. A value with
    a quote or any line end is within sound quotes: a quote that never closes would open the rest
    of the file.
    """
    value = unquote(cell)
    safe = _guarded(value, delimiter)
    if safe == value and _is_sound(cell):
        return cell
    return _written(safe, cell, delimiter)


def original(value: str, delimiter: str) -> str:
    """Return the value of a cell as it was before apostrophes were put into it.

    That is by ``safe_cell`` or, before a plain number, by ``safe_row``.
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
    """Return what ends a row, or a cell for spreadsheets with another separator."""
    others = _SEPARATORS.replace(delimiter, "")
    return re.compile(f"([{_LINE_ENDS}{others}])")


def _begins_cell(before: Sequence[str], delimiter: str) -> bool:
    """Tell whether a cell of some spreadsheet begins right behind these cells of a row."""
    text = delimiter.join(before)
    left = text.rstrip(_BLANKS)
    return not left or _ends(delimiter).search(text, len(left) - 1) is not None


def _is_sound(cell: str) -> bool:
    """Tell whether the raw cell has all the quotes that it needs, and no others."""
    if cell.startswith('"'):
        return not has_stray_quote(cell)
    return _NEEDS_QUOTES.search(cell) is None


def _written(value: str, cell: str, delimiter: str) -> str:
    """Return the raw cell of a value, within quotes where the cell was or the value must be."""
    if cell.startswith('"') or _NEEDS_QUOTES.search(value):
        return '"' + value.replace('"', '""') + '"'
    return quote(value, delimiter)
