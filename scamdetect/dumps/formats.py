"""The file formats of dumps and the names of the files that a job writes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from scamdetect.errors import InputError


class Format(StrEnum):
    """A file format, named by its usual extension."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    TEXT = "txt"


DELIMITERS = {Format.CSV: ",", Format.TSV: "\t"}
_EXTENSIONS = {
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
    ".tab": Format.TSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
    ".txt": Format.TEXT,
}


def source_format(path: Path) -> Format:
    """Return the format that the extension says; raise InputError for an unknown one."""
    return _format(path, tuple(_EXTENSIONS))


def destination_format(path: Path) -> Format:
    """Return the format to write; raise InputError where the extension names none with columns."""
    return _format(path, tuple(ext for ext in _EXTENSIONS if ext != ".txt"))


def _format(path: Path, allowed: tuple[str, ...]) -> Format:
    extension = path.suffix.lower()
    if extension not in allowed:
        seen = f"the extension {extension!r}" if extension else "no extension"
        raise InputError(f"{path}: {seen} names no format; use one of {', '.join(allowed)}")
    return _EXTENSIONS[extension]


def default_destination(source: Path) -> Path:
    """Return ``<stem>.scored.<same extension>`` beside the source; ``.jsonl`` for plain text."""
    plain = source_format(source) is Format.TEXT
    return source.with_name(f"{source.stem}.scored{'.jsonl' if plain else source.suffix}")


def rejects_path(destination: Path) -> Path:
    """Return where the records that cannot be read go."""
    return destination.with_name(f"{destination.name}.rejected.jsonl")
