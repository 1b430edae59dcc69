"""The file formats of dumps, and the names of results."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from scamdetect.errors import InputError


class Format(StrEnum):
    """A file format, named by its usual extension or the program that exports it."""

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
JOB_SUFFIX, REJECTS_SUFFIX = ".job.json", ".rejected.jsonl"
_WRITABLE = (Format.CSV, Format.TSV, Format.JSONL, Format.PARQUET)
_CHATS = (Format.TELEGRAM, Format.WHATSAPP)  # recognised by their content
_EXTENSIONS = {f".{kind.value}": kind for kind in Format if kind not in _CHATS} | {
    ".tab": Format.TSV, ".ndjson": Format.JSONL, ".pq": Format.PARQUET,
}  # fmt: skip


def extension_format(name: str, where: str) -> Format:
    """Return the format of a file name without compression; raise InputError if it is unknown."""
    extension = Path(name).suffix.lower()
    if extension not in _EXTENSIONS:
        raise InputError(
            f"{where}: the extension {extension!r} is not a known format; use one of "
            f"{', '.join(_EXTENSIONS)}, also with .gz, .zst or .zip, or pass --format"
        )
    return _EXTENSIONS[extension]


def destination_format(name: str | Path) -> Format:
    """Return the format to write, by the file name; raise InputError if it cannot be written."""
    path = unpacked(Path(name))
    kind = _EXTENSIONS.get(path.suffix.lower())
    if kind not in _WRITABLE or (kind is Format.PARQUET and path != Path(name)):
        raise InputError(
            f"{name}: the extension is not one of a format that can be written; use "
            ".csv, .tsv, .jsonl or .parquet, all but the last also with .gz or .zst"
        )
    return kind


def named_format(name: str) -> Format:
    """Return the format of that name; raise InputError for an unknown one."""
    try:
        return Format("txt" if name == "text" else name)
    except ValueError:
        known = ", ".join(Format)
        raise InputError(f"unknown format {name!r}; known formats: {known}") from None


def unpacked(path: Path) -> Path:
    """Return the name of a compressed file without its last extension."""
    return path.with_name(path.stem) if path.suffix.lower() in (".gz", ".zst") else path


def default_destination(source: Path, kind: Format) -> Path:
    """Return ``<stem>.scored.<extension>`` in the folder of the source."""
    source = unpacked(source)
    source = source.with_name(source.stem) if source.suffix == ".zip" else source
    extension = source.suffix
    if kind is Format.TEXT:
        extension = ".jsonl"
    elif kind not in _WRITABLE:
        extension = ".parquet"
    elif _EXTENSIONS.get(extension.lower()) is not kind:
        extension = f".{kind.value}"
    return source.with_name(f"{source.stem}.scored{extension}")


def job_path(destination: Path) -> Path:
    """Return the path of the job record; with the stem, results of two formats would share one."""
    return destination.with_name(f"{destination.name}{JOB_SUFFIX}")


def rejects_path(destination: Path) -> Path:
    """Return the path of the records that cannot be read."""
    return destination.with_name(f"{destination.name}{REJECTS_SUFFIX}")
