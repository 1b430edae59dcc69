"""The file formats of dumps and the names of the files that a job writes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from scamdetect.errors import InputError


class Format(StrEnum):
    """A file format, named by its usual extension or by the program that exports it."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    JSON = "json"
    PARQUET = "parquet"
    TEXT = "txt"
    MBOX = "mbox"
    EML = "eml"
    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"


DELIMITERS = {Format.CSV: ",", Format.TSV: "\t"}
# What is read but not written; a dump of these is scored into Parquet.
EXPORTS = frozenset((Format.JSON, Format.MBOX, Format.EML, Format.TELEGRAM, Format.WHATSAPP))
_EXTENSIONS = {
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
    ".tab": Format.TSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSON,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
    ".txt": Format.TEXT,
    ".mbox": Format.MBOX,
    ".eml": Format.EML,
}
_WITH_COLUMNS = tuple(
    extension
    for extension, kind in _EXTENSIONS.items()
    if kind is not Format.TEXT and kind not in EXPORTS
)


def source_format(path: Path) -> Format:
    """Return the format to read; raise InputError where the extension names none."""
    return _format(path, tuple(_EXTENSIONS), "; or say with --format what it is")


def destination_format(path: Path) -> Format:
    """Return the format to write; raise InputError where the extension names none with columns."""
    return _format(path, _WITH_COLUMNS)


def named_format(name: str) -> Format:
    """Return the format of that name; raise InputError for an unknown one."""
    try:
        return Format(name)
    except ValueError as problem:
        raise InputError(f"unknown format {name!r}; known are {', '.join(Format)}") from problem


def _format(path: Path, allowed: tuple[str, ...], cure: str = "") -> Format:
    extension = path.suffix.lower()
    if extension not in allowed:
        seen = f"the extension {extension!r}" if extension else "no extension"
        raise InputError(f"{path}: {seen} names no format; use one of {', '.join(allowed)}{cure}")
    return _EXTENSIONS[extension]


def default_destination(source: Path, kind: Format) -> Path:
    """Return ``<stem>.scored.<extension>`` beside the source of this format.

    The extension is the source's own where it names this format; ``.jsonl`` for plain text and
    ``.parquet`` for exports, which are not written again.
    """
    extension = source.suffix
    if kind is Format.TEXT:
        extension = ".jsonl"
    elif kind in EXPORTS:
        extension = ".parquet"
    elif _EXTENSIONS.get(extension.lower()) is not kind:
        extension = f".{kind.value}"
    return source.with_name(f"{source.stem}.scored{extension}")


def rejects_path(destination: Path) -> Path:
    """Return where the records that cannot be read go."""
    return destination.with_name(f"{destination.name}.rejected.jsonl")
