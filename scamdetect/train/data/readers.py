"""Read the original files of a source into records, and create drafts of rows."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

import msgspec

from scamdetect.errors import MissingExtraError, SourceError
from scamdetect.labels import Kind
from scamdetect.system.files import read_bytes
from scamdetect.system.os_errors import unreadable
from scamdetect.train.data.registry import Part, Read, Source


@dataclass(frozen=True)
class Draft:
    """A text with the source's details of it, before the label map and the cleaning."""

    text: str
    label: str
    lang: str
    channel: str
    orig_label: str = ""
    split: str | None = None
    thread_id: str | None = None
    turn: int | None = None
    number: str | None = None  # of the row in its file, if roles are set by row
    generated: str | None = None
    kinds: tuple[Kind, ...] = ()  # kinds stated by the source


def make_draft(
    source: Source,
    part: Part,
    text: str,
    label: str | None = None,
    *,
    orig_label: str | None = None,
    lang: str | None = None,
    thread_id: str | None = None,
) -> Draft:
    """Return a draft; missing values are taken from the part and the source's [row]."""
    row = source.row
    assert row is not None
    label = (part.label or "") if label is None else label
    return Draft(
        text=text,
        label=label,
        lang=lang or part.lang or row.lang or "und",
        channel=part.channel or row.channel,
        orig_label=row.orig_label or label if orig_label is None else orig_label,
        split=part.split,
        thread_id=thread_id,
        generated=part.generated or row.generated,
    )


Record = dict[str, Any]


class MissingFileError(SourceError):
    """Raised if an original file has not been downloaded."""


csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


def read_records(source: Source, folder: Path) -> Iterator[tuple[Part, Record]]:
    """Yield the records of an available source, part by part, file by file, in order.

    Each record has two additional keys, ``file`` (path below ``folder``) and ``stem``. Raises
    SourceError with the file that is missing or cannot be parsed.
    """
    read = read_of(source)
    for part, path, data in read_files(source, folder):
        where = f"{source.slug}/{path}"
        for name, content in _members(source, path, data):
            record_of_file = {"file": path, "stem": Path(name).stem}
            for record in _parse(content, read, where):
                if not isinstance(record, dict):
                    raise SourceError(f"{where}: expected objects, found {type(record).__name__}")
                yield part, record | record_of_file


def read_records_as(
    source: Source,
    folder: Path,
    form: Literal["csv", "json", "jsonl", "lines"],
    parts: list[Part] | None = None,
    members: str | None = None,
) -> Iterator[tuple[Part, Record]]:
    """Yield the records of a source with an adapter, its files (or some parts) read as ``form``."""
    read = msgspec.structs.replace(
        read_of(source), format=form, parts=parts or read_of(source).parts, members=members
    )
    return read_records(msgspec.structs.replace(source, read=read), folder)


def read_files(source: Source, folder: Path) -> Iterator[tuple[Part, str, bytes]]:
    """Yield part, path below ``folder`` and content of the data files, in the order of the parts.

    Raises SourceError with the file that is missing or not as described, and the command that
    downloads it.
    """
    for part in read_of(source).parts:
        files = [f for f in source.files if f.role == "data" and fnmatch(f.path, part.files)]
        if not files:
            raise SourceError(f"{source.slug}: no listed file matches {part.files!r}")
        for file in files:
            data = read_file(source, folder / file.path)
            if file.sha256 and hashlib.sha256(data).hexdigest() != file.sha256:
                raise SourceError(
                    f"{folder / file.path}: its sha256 is not that of the description; delete it "
                    f"and run: scamdetect data fetch --only {source.raw_folder}"
                )
            yield part, file.path, data


def read_gzip_json_lines(source: Source, folder: Path) -> Iterator[tuple[Part, Record]]:
    """Yield the records of a source whose files are gzip-compressed JSON lines."""
    for part, path, data in read_files(source, folder):
        try:
            lines = decode_file(source, path, gzip.decompress(data)).split("\n")
        except (OSError, EOFError, zlib.error) as problem:
            raise SourceError(f"{source.slug}/{path}: not a gzip file ({problem})") from problem
        for line in filter(str.strip, lines):
            yield part, load_json(source, path, line)


def read_texts(source: Source, folder: Path) -> Iterator[tuple[Part, str, str]]:
    """Yield what ``read_files`` yields, decoded by the source's [read]."""
    for part, path, data in read_files(source, folder):
        yield part, path, decode_file(source, path, data)


def read_file(source: Source, path: Path) -> bytes:
    """Return the bytes of a file of the source; raise SourceError if it is missing."""
    try:
        return read_bytes(path)
    except FileNotFoundError as problem:
        raise MissingFileError(
            f"{path}: missing; run: scamdetect data fetch --only {source.raw_folder}"
        ) from problem
    except OSError as problem:
        raise unreadable(path, problem, error=SourceError) from problem


def read_of(source: Source) -> Read:
    """Return how the source is read; raise SourceError if it is not."""
    if source.read is None:
        raise SourceError(f"{source.slug}: this source is {source.status}: {source.note}")
    return source.read


def open_zip(source: Source, path: str, data: bytes) -> zipfile.ZipFile:
    """Return the archive; raise SourceError with the file if it is not one."""
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as problem:
        raise SourceError(f"{source.slug}/{path}: not a ZIP archive ({problem})") from problem


def decode_file(source: Source, path: str, data: bytes) -> str:
    """Decode a file by the source's [read]; raise SourceError with the file if that fails."""
    read = read_of(source)
    try:
        return decode(data, read.encoding, read.errors)
    except (LookupError, UnicodeDecodeError) as problem:
        raise SourceError(f"{source.slug}/{path}: cannot be decoded ({problem})") from problem


def load_json(source: Source, path: str, data: bytes | str) -> Any:  # noqa: ANN401
    """Return the JSON value of a file; raise SourceError with the file if it is invalid."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise SourceError(f"{source.slug}/{path}: cannot be read as json ({problem})") from problem


def decode(data: bytes, encoding: str, errors: str = "strict") -> str:
    """Decode bytes; "a|b" decodes each line as ``a`` and, if that fails, as ``b``."""
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


def _members(source: Source, path: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    pattern = read_of(source).members
    if pattern is None:
        yield path, data
        return
    with open_zip(source, path, data) as archive:
        for member in archive.namelist():
            if fnmatch(member, pattern) and not member.startswith("__MACOSX"):
                yield member, archive.read(member)


def _parse(data: bytes, read: Read, where: str) -> Iterator[object]:
    try:
        if read.format == "xlsx":
            yield from _xlsx(data)
        else:
            yield from _PARSERS[read.format](decode(data, read.encoding, read.errors), read)
    except (
        LookupError,
        ValueError,
        TypeError,
        RecursionError,
        csv.Error,
        zipfile.BadZipFile,
    ) as problem:
        raise SourceError(f"{where}: cannot be read as {read.format} ({problem})") from problem


def _csv(text: str, read: Read) -> Iterator[Record]:
    lines = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=read.delimiter,
        quoting=csv.QUOTE_MINIMAL if read.quoted else csv.QUOTE_NONE,
    )
    names = read.columns
    if read.header:
        first = next(lines, [])
        names = names or [name.strip() for name in first]
    for line in lines:
        if line:
            yield dict(zip(names or map(str, range(len(line))), line, strict=False))


def _json(text: str, read: Read) -> Iterator[object]:
    value = json.loads(text)
    yield from value if isinstance(value, list) else [value]


def _jsonl(text: str, read: Read) -> Iterator[object]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except json.JSONDecodeError as problem:
                raise ValueError(f"line {number}: {problem.msg}") from problem


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
    names = [str(name).strip() for name in next(rows, ())]
    for row in rows:
        yield {
            name: "" if cell is None else str(cell) for name, cell in zip(names, row, strict=False)
        }


_PARSERS: dict[str, Callable[[str, Read], Iterator[object]]] = {
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "lines": _lines,
}
