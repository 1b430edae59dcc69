"""The file formats of dumps and the names of the files that a job writes."""

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
_WRITABLE = (Format.CSV, Format.TSV, Format.JSONL, Format.PARQUET)
# Formats that can be read but not written; such dumps are scored into Parquet.
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
_COMPRESSED = (".gz", ".zst", ".zip")
JOB_SUFFIX = ".job.json"
_WITH_COLUMNS = tuple(
    extension
    for extension, kind in _EXTENSIONS.items()
    if kind is not Format.TEXT and kind not in EXPORTS
)


def is_remote(path: object) -> bool:
    """Return True for a RemotePath, which is used like a Path but is not one."""
    return not isinstance(path, Path)


def source_format(path: Path) -> Format:
    """Return the format to read; raise InputError for an unknown extension."""
    cure = ", each also followed by .gz or .zst; or pass --format"
    return _format(path, unpacked(path).suffix, tuple(_EXTENSIONS), cure)


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
    packed = path != Path(name)
    if kind not in _WRITABLE or (packed and kind is Format.PARQUET):
        raise InputError(
            f"{name}: the extension is not one of a format that can be written; use "
            ".csv, .tsv, .jsonl or .parquet, all but the last also with .gz or .zst"
        )
    return kind


def named_format(name: str) -> Format:
    """Return the format of that name; raise InputError for an unknown one."""
    try:
        return Format(name)
    except ValueError as problem:
        raise InputError(
            f"unknown format {name!r}; known formats: {', '.join(Format)}"
        ) from problem


def unpacked(path: Path) -> Path:
    """Return the name of a compressed file without its last extension."""
    return path.with_name(path.stem) if path.suffix.lower() in _COMPRESSED else path


def _format(path: Path, extension: str, allowed: tuple[str, ...], cure: str = "") -> Format:
    extension = extension.lower()
    if extension not in allowed:
        seen = f"the extension {extension!r}" if extension else "no extension"
        raise InputError(
            f"{path}: {seen} is not a known format; use one of {', '.join(allowed)}{cure}"
        )
    return _EXTENSIONS[extension]


def default_destination(source: Path, kind: Format) -> Path:
    """Return ``<stem>.scored.<extension>`` in the folder of the source.

    The extension is that of the source, without compression, if it belongs to the format;
    ``.jsonl`` for plain text, and ``.parquet`` for exports, whose formats cannot be written.
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
    """Return the path of the job record; with the stem, results of two formats would share one."""
    return destination.with_name(f"{destination.name}{JOB_SUFFIX}")


def beside_folder(folder: Path) -> Path:
    """Return ``<folder>.scored.parquet`` next to the folder; raise InputError for the root."""
    name = folder.name
    if name in ("", ".."):
        folder = folder.resolve()
        name = folder.name
    if not name:
        raise InputError(f"{folder}: has no name to derive the destination from; pass it with -o")
    return folder.with_name(f"{name}.scored.parquet")


def rejects_path(destination: Path) -> Path:
    """Return the path for records that cannot be read."""
    return destination.with_name(f"{destination.name}.rejected.jsonl")
