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
_COMPRESSED = (".gz", ".zst")
JOB_SUFFIX = ".job.json"
_WITH_COLUMNS = tuple(
    extension
    for extension, kind in _EXTENSIONS.items()
    if kind is not Format.TEXT and kind not in EXPORTS
)


def is_remote(path: object) -> bool:
    """Return whether a path is a RemotePath, which stands for a Path and is none."""
    return not isinstance(path, Path)


def source_format(path: Path) -> Format:
    """Return the format to read; raise InputError where the extension names none."""
    cure = ", each with .gz or .zst behind it too; or say with --format what it is"
    return _format(path, unpacked(path).suffix, tuple(_EXTENSIONS), cure)


def destination_format(path: Path) -> Format:
    """Return the format to write; raise InputError where the extension names none with columns."""
    return _format(path, path.suffix, _WITH_COLUMNS)


def named_format(name: str) -> Format:
    """Return the format of that name; raise InputError for an unknown one."""
    try:
        return Format(name)
    except ValueError as problem:
        raise InputError(f"unknown format {name!r}; known are {', '.join(Format)}") from problem


def unpacked(path: Path) -> Path:
    """Return the name that a compressed file has without its last extension."""
    return path.with_name(path.stem) if path.suffix.lower() in _COMPRESSED else path


def _format(path: Path, extension: str, allowed: tuple[str, ...], cure: str = "") -> Format:
    extension = extension.lower()
    if extension not in allowed:
        seen = f"the extension {extension!r}" if extension else "no extension"
        raise InputError(f"{path}: {seen} names no format; use one of {', '.join(allowed)}{cure}")
    return _EXTENSIONS[extension]


def default_destination(source: Path, kind: Format) -> Path:
    """Return ``<stem>.scored.<extension>`` beside the source of this format.

    The extension is the source's own where it names this format, without that of compression;
    ``.jsonl`` for plain text and ``.parquet`` for exports, which are not written again.
    """
    source = unpacked(source)
    extension = source.suffix
    if kind is Format.TEXT:
        extension = ".jsonl"
    elif kind in EXPORTS:
        extension = ".parquet"
    elif _EXTENSIONS.get(extension.lower()) is not kind:
        extension = f".{kind.value}"
    return source.with_name(f"{source.stem}.scored{extension}")


def job_path(destination: Path) -> Path:
    """Return where the record of a job goes; by the stem results of two formats would share one."""
    return destination.with_name(f"{destination.name}{JOB_SUFFIX}")


def beside_folder(folder: Path) -> Path:
    """Return ``<folder>.scored.parquet`` beside the folder; raise InputError for the root."""
    name = folder.name
    if name in ("", ".."):
        folder = folder.resolve()
        name = folder.name
    if not name:
        raise InputError(f"{folder}: no name follows from it; name the destination with -o")
    return folder.with_name(f"{name}.scored.parquet")


def rejects_path(destination: Path) -> Path:
    """Return where the records that cannot be read go."""
    return destination.with_name(f"{destination.name}.rejected.jsonl")
