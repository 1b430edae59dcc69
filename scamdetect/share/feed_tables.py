"""Read indicators of others from CSV, TSV, JSONL, JSON arrays and plain text."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scamdetect.dumps.batches import Reject
from scamdetect.dumps.delimited import strip_line_end, unquote
from scamdetect.dumps.json import read_object
from scamdetect.dumps.lines import beginning, read_lines
from scamdetect.dumps.read_delimited import open_cells
from scamdetect.errors import InputError
from scamdetect.share.json_values import values
from scamdetect.share.listing import LeftOut, Listing, Plain, plain_of, type_named
from scamdetect.system.shown import shown_names
from scamdetect.text.indicators import IndicatorType

Entry = Listing | LeftOut

# Column names; the first one that exists is used. Our own exports have two for the type.
_VALUE = ("signal", "indicator", "value", "ioc", "ioc_value", "url", "domain", "hostname", "phone")
_TYPE = ("type", "signal_type", "indicator_type", "ioc_type")
_CONFIDENCE = ("confidence_score", "confidence", "confidence_level")
_UNTIL = ("valid_until", "expires", "expiration", "expiration_date", "expiry")
_FROM = ("valid_from",)
_WITHDRAWN = ("withdrawn", "revoked", "deleted")
_CHANGED = ("changed", "modified", "updated", "last_updated")
_TYPED_BY_NAME = frozenset(("url", "domain", "hostname", "phone"))
# Rights, not fraud: others request takedowns of these.
_OTHER_ABUSE = frozenset(("copyright", "piracy", "trademark"))
_YES, _NO = frozenset(("true", "1", "yes", "y")), frozenset(("false", "0", "no", "n", ""))
_DELIMITERS = (",", ";", "\t", "|")
_HEAD = 64 << 10
_BAD_TIME = "with an invalid date; write it as 2026-12-31"


def read_table(path: Path) -> Iterator[Entry]:
    """Yield the indicators of a CSV or TSV feed; raise InputError without a value column."""
    for found in table_rows(path):
        yield found if isinstance(found, LeftOut) else entry_of(found[0], path.name, found[1])


def table_rows(path: Path) -> Iterator[tuple[dict[str, str], str] | LeftOut]:
    """Yield the rows by lower-case names, each with its place; raise InputError as above."""
    delimiter, names = _header(path)
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    _, items = open_cells(path, delimiter, "utf-8")
    for number, item in enumerate(items(), 1):
        if isinstance(item.value, Reject):
            reason = f"not readable as CSV ({item.value.reason})"
            yield LeftOut(reason, f"line {item.value.line}")
            continue
        cells = [unquote(cell) for cell in item.value]
        yield {name: cells[place] for name, place in places.items()}, f"row {number}"


def read_lines_of_json(path: Path) -> Iterator[Entry]:
    """Yield the indicators of a feed with one JSON object per line."""
    for line in read_lines(path, "utf-8"):
        place = f"line {line.number}"
        if line.problem:
            yield LeftOut(line.problem, place)
        elif line.text.strip():
            found = read_object(line.text)
            if isinstance(found, str):
                yield LeftOut(found, place)
            else:
                yield entry_of(_flat(found), path.name, place)


def read_array(path: Path) -> Iterator[Entry]:
    """Yield the indicators of a JSON array of objects."""
    for value in values(path, [("*",)]):
        place = f"object {value.number} at line {value.line}"
        if value.problem is not None or not isinstance(value.content, dict):
            yield LeftOut(value.problem or "not a JSON object", place)
        else:
            yield entry_of(_flat(value.content), path.name, place)


def read_text_lines(path: Path) -> Iterator[Entry]:
    """Yield the values of a text file, one per line; # starts a comment."""
    for line in read_lines(path, "utf-8"):
        value = strip_line_end(line.text).partition("#")[0].strip()
        if line.problem:
            yield LeftOut(line.problem, f"line {line.number}")
        elif value:
            yield entry_of({"value": value}, path.name, f"line {line.number}")


def entry_of(row: Mapping[str, object], source: str, place: str) -> Entry:
    """Return the indicator in a record of a feed, or why it is left out."""
    name = next((name for name in _VALUE if _text(row.get(name))), None)
    if name is None:
        return LeftOut("without a value; put it in the column signal", place)
    kind: IndicatorType | None = None
    named = next((_text(row.get(t)) for t in _TYPE if _text(row.get(t))), None)
    if named is not None or name in _TYPED_BY_NAME:
        known = type_named(named or name)
        if not isinstance(known, IndicatorType):
            return LeftOut(known, place)
        kind = known
    if _text(row.get("abuse_type")).casefold() in _OTHER_ABUSE:
        return LeftOut("about copyright or trademarks, not about scams", place)
    plain = plain_of(kind, _text(row[name]))
    if not isinstance(plain, Plain):
        return LeftOut(plain, place)
    try:
        return Listing(
            type=plain.type,
            value=plain.value,
            source=source,
            place=place,
            id=first_of(row, ("id",)) or None,
            changed=time_of(first_of(row, _CHANGED)),
            confidence=_confidence(first_of(row, _CONFIDENCE)),
            valid_from=time_of(first_of(row, _FROM)),
            valid_until=time_of(first_of(row, _UNTIL)),
            withdrawn=_truth(first_of(row, _WITHDRAWN)),
        )
    except ValueError as problem:
        return LeftOut(str(problem), place)


def time_of(text: str) -> datetime.datetime | None:
    """Return an ISO 8601 time or seconds since 1970 in UTC, None for an empty text.

    Raises ValueError.
    """
    if not text:
        return None
    try:
        if text.isdecimal() and len(text) > len("20261231"):
            return datetime.datetime.fromtimestamp(int(text), datetime.UTC)
        found = datetime.datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError) as problem:
        raise ValueError(_BAD_TIME) from problem
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def _header(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the delimiter and the column names in lower case; raise InputError."""
    if not beginning(path, 1):
        raise InputError(f"{path}: the file is empty; download it again")
    for delimiter in _DELIMITERS:
        names, _ = open_cells(path, delimiter, "utf-8")
        found = tuple(name.strip().removeprefix("\ufeff").casefold() for name in names)
        if set(found) & set(_VALUE):
            return delimiter, found
    names, _ = open_cells(path, ",", "utf-8")
    listed = ", ".join(shown_names(names, first_line=True))
    raise InputError(
        f"{path}: no column with indicators; name it signal, indicator, value, url or domain "
        f"(its columns are: {listed})"
    )


def _flat(found: Mapping[str, object]) -> dict[str, object]:
    """Return the members and those of the extra data, by names in lower case."""
    extra = found.get("extra_data")
    more = extra if isinstance(extra, dict) else {}
    return {str(name).casefold(): value for name, value in {**more, **found}.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() if isinstance(value, str | int | float) else ""


def first_of(row: Mapping[str, object], names: Sequence[str]) -> str:
    """Return the first of the named cells that is not empty, else an empty text."""
    return next((text for name in names if (text := _text(row.get(name)))), "")


def _confidence(text: str) -> int | None:
    if not text:
        return None
    try:
        found = float(text)
    except ValueError:
        found = -1
    if not 0 <= found <= 100:
        raise ValueError("with a confidence that is not a number from 0 to 100; correct it")
    return round(found)


def _truth(text: str) -> bool:
    plain = text.casefold()
    if plain in _YES or plain in _NO:
        return plain in _YES
    raise ValueError("with a value other than true or false for withdrawn; correct it")
