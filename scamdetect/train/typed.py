"""Read TOML, JSON and JSONL into typed, frozen structures and report errors in them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from scamdetect.errors import ScamDetectError
from scamdetect.system.files import read_text, writing
from scamdetect.system.os_errors import unreadable

T = TypeVar("T")


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A TOML table or JSON line; unknown keys are an error."""


@dataclass(frozen=True)
class Located(Generic[T]):
    """A row and its place, as "file:line"."""

    where: str
    row: T


def utf8_text(path: Path, error: type[ScamDetectError]) -> str:
    """Return the text of the file; raise ``error`` if it cannot be read or is not UTF-8."""
    try:
        return read_text(path)
    except OSError as problem:
        raise unreadable(path, problem, error=error) from problem
    except UnicodeDecodeError as problem:
        raise error(f"{path}: not UTF-8 text ({problem})") from problem


def read_toml(path: Path, kind: type[T], error: type[ScamDetectError]) -> T:
    """Return the file as ``kind``; raise ``error`` with the file, the key and the expected type."""
    try:
        return msgspec.convert(tomllib.loads(utf8_text(path, error)), kind)
    except msgspec.ValidationError as problem:
        raise error(f"{path}: {problem} ($ is the file)") from problem
    except (ValueError, RecursionError) as problem:
        raise error(f"{path}: not valid TOML ({problem})") from problem


def of_json(value: object, kind: type[T]) -> T:
    """Convert plain JSON types to ``kind``, such as a dataclass; raise ValueError."""
    return msgspec.convert(value, kind)


def read_jsonl(path: Path, kind: type[T], error: type[ScamDetectError]) -> list[T]:
    """Return the lines of the file as ``kind``; raise ``error`` with the file and the line."""
    rows = []
    for where, row in _lines(path, kind, error):
        if isinstance(row, msgspec.DecodeError):
            raise error(f"{where}: {row}; correct the line") from row
        rows.append(row)
    return rows


def locate_jsonl(
    path: Path,
    kind: type[T],
    error: type[ScamDetectError],
    cure: Callable[[str], str],
    first: int = 1,
) -> tuple[list[Located[T]], list[str]]:
    """Return the lines from ``first`` on as ``kind``, and the errors of malformed lines.

    ``cure`` returns the fix for an error text. Raises ``error`` if the file cannot be read.
    """
    located, problems = [], []
    for where, row in _lines(path, kind, error, first):
        if isinstance(row, msgspec.DecodeError):
            problems.append(f"{where}: malformed row: {row}; {cure(str(row))}")
        else:
            located.append(Located(where, row))
    return located, problems


def _lines(
    path: Path, kind: type[T], error: type[ScamDetectError], first: int = 1
) -> Iterator[tuple[str, T | msgspec.DecodeError]]:
    for number, line in enumerate(utf8_text(path, error).split("\n"), 1):
        if number < first or not line.strip():
            continue
        try:
            yield f"{path}:{number}", msgspec.json.decode(line, type=kind)
        except msgspec.DecodeError as problem:
            yield f"{path}:{number}", problem


def write_jsonl(path: Path, rows: Iterable[msgspec.Struct]) -> None:
    """Write one JSON object per line, completely or not at all."""
    with writing(path) as file:
        file.write(msgspec.json.Encoder().encode_lines(rows))
