"""Read the original files of a source into records: dictionaries of strings."""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from scamdetect.data.registry import Part, Read, Source
from scamdetect.errors import MissingExtraError, SourceError

Record = dict[str, Any]

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


def read_records(source: Source, folder: Path) -> Iterator[tuple[Part, Record]]:
    """Yield the records of an available source, part by part, file by file, in order.

    Each record has two more keys, ``file`` (path below ``folder``) and ``stem``. Raises SourceError naming
    the file that is missing or cannot be parsed.
    """
    read = source.read
    if read is None:
        raise SourceError(f"{source.slug}: this source is {source.status}: {source.note}")
    for part in read.parts:
        paths = [file.path for file in source.files if fnmatch(file.path, part.files)]
        if not paths:
            raise SourceError(f"{source.slug}: no listed file matches {part.files!r}")
        for path in paths:
            for name, data in _open_members(folder / path, read):
                record_of_file = {"file": path, "stem": Path(name).stem}
                for record in _parse(data, read, f"{source.slug}/{path}"):
                    yield part, record | record_of_file


def decode(data: bytes, encoding: str, errors: str = "strict") -> str:
    """Decode bytes; "a|b" decodes each line as ``a`` and, where that fails, that line as ``b``."""
    first, _, second = encoding.partition("|")
    if not second:
        return data.decode(first, errors)
    lines = []
    for line in data.splitlines(keepends=True):
        try:
            lines.append(line.decode(first))
        except UnicodeDecodeError:
            lines.append(line.decode(second, "replace"))
    return "".join(lines)


def _open_members(path: Path, read: Read) -> Iterator[tuple[str, bytes]]:
    try:
        if read.members is None:
            yield path.name, path.read_bytes()
            return
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if fnmatch(name, read.members) and not name.startswith("__MACOSX"):
                    yield name, archive.read(name)
    except FileNotFoundError as problem:
        raise SourceError(
            f"{path}: missing; run: scamdetect data fetch --only {path.parent.name}"
        ) from problem
    except zipfile.BadZipFile as problem:
        raise SourceError(f"{path}: not a ZIP archive ({problem})") from problem


def _parse(data: bytes, read: Read, where: str) -> Iterator[Record]:
    if read.format == "xlsx":
        return _xlsx(data)
    try:
        text = decode(data, read.encoding, read.errors)
        return _PARSERS[read.format](text, read)
    except (UnicodeDecodeError, json.JSONDecodeError, csv.Error) as problem:
        raise SourceError(f"{where}: cannot be read as {read.format} ({problem})") from problem


def _csv(text: str, read: Read) -> Iterator[Record]:
    quoting = csv.QUOTE_MINIMAL if read.quoted else csv.QUOTE_NONE
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=read.delimiter, quoting=quoting)
    names = read.columns
    if read.header:
        first = next(lines, [])
        names = names or [name.strip() for name in first]
    for line in lines:
        if line:
            yield dict(zip(names or map(str, range(len(line))), line, strict=False))


def _json(text: str, read: Read) -> Iterator[Record]:
    value = json.loads(text)
    yield from value if isinstance(value, list) else [value]


def _jsonl(text: str, read: Read) -> Iterator[Record]:
    for line in text.split("\n"):
        if line.strip():
            yield json.loads(line)


def _lines(text: str, read: Read) -> Iterator[Record]:
    for line in text.replace("\r\n", "\n").split("\n"):
        yield {"text": line}


def _xlsx(data: bytes) -> Iterator[Record]:
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtraError("openpyxl", "train") from error
    sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True).worksheets[0]
    rows = sheet.iter_rows(values_only=True)
    names = [str(name).strip() for name in next(rows)]
    for row in rows:
        yield {
            name: "" if cell is None else str(cell) for name, cell in zip(names, row, strict=False)
        }


_PARSERS: dict[str, Callable[[str, Read], Iterator[Record]]] = {
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "lines": _lines,
}
