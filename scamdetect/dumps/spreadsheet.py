"""Keep spreadsheets from running a cell as a formula, as OWASP advises on CSV injection."""

from __future__ import annotations

import re
from pathlib import Path

from scamdetect.dumps.delimited import quote, unquote
from scamdetect.dumps.formats import DELIMITERS, destination_format
from scamdetect.errors import InputError

# Spreadsheets pass over blanks, signs without width and quotes before a formula; each imports them
# in its own way, so that a tab or line end at the beginning counts by itself.
_IGNORED = r"[\s\x00-\x20\x7f\xad\u200b-\u200f\u2060\ufeff'\"]*"
_FORMULA = re.compile(rf"[\t\r\n]|{_IGNORED}[=+\-@＝＋－＠]")
# What has no letter but an exponent refers to no cell and calls nothing: -5, +3.50 %, +49 170 12.
_NUMBER = re.compile(r" *+[+-][\d .,()/%-]*+(?:(?<=\d)[eE][+-]?\d++)?[ %]*+")


def check_spreadsheet_safe(destination: Path) -> None:
    """Raise InputError where the destination's format is none that spreadsheets open as cells."""
    kind = destination_format(destination)
    if kind not in DELIMITERS:
        raise InputError(
            f"{destination}: only CSV and TSV can be made safe for spreadsheets; leave "
            f"--spreadsheet-safe out, or write one of these instead of {kind.value}"
        )


def safe_cell(cell: str, delimiter: str) -> str:
    """Return the raw cell, with an apostrophe before its value where that could be run.

    A quote that never closes, which would open the rest of the file to a spreadsheet, is doubled.
    """
    value = unquote(cell)
    runs = _FORMULA.match(value) is not None and _NUMBER.fullmatch(value) is None
    opened = cell.startswith('"')
    if opened and value == cell:
        return quote(f"'{value}" if runs else value, delimiter)
    if not runs:
        return cell
    return f"\"'{cell[1:]}" if opened else quote(f"'{value}", delimiter)
