"""Find the files of a source, recognise their format, and open them as one dump."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scamdetect.dumps.batch import Dump
from scamdetect.dumps.formats import DELIMITERS, Format, extension_format, named_format
from scamdetect.dumps.text import (
    EmptyFileError,
    Stream,
    detect_encoding,
    first_bytes,
    open_bytes,
    unpacked_name,
)
from scamdetect.errors import InputError
from scamdetect.frames.arrow import encodable
from scamdetect.system.os_errors import unreadable
from scamdetect.urls import is_url

if TYPE_CHECKING:
    from scamdetect.dumps.remote import RemoteFile

    Location = Path | RemoteFile
    Found = list[tuple[Location, str]]  # files with their path below the folder

_LOCAL = re.compile(r"(file|local)://", re.IGNORECASE)
_GLOB = re.compile(r"[*?\[]")
_NEVER_HIDDEN = ("_chat.txt", "_chat.txt.gz", "_chat.txt.zst", "_chat.txt.zip")  # of an iPhone
_BINARY = (Format.PARQUET, Format.MBOX, Format.EML)
_HEAD_BYTES = 256 << 10


@dataclass(frozen=True)
class SourceFile:
    """One file; ``name`` is its path below the folder, ``version`` its time or ETag."""

    path: Location
    name: str
    size: int
    version: str


@dataclass(frozen=True)
class Source:
    """The dump to score: a file, or the files of a folder or glob in order."""

    text: str
    root: Location
    files: tuple[SourceFile, ...]
    is_many: bool = False

    def __str__(self) -> str:
        return self.text

    def identity(self) -> dict[str, Any]:
        """Return plain JSON values that differ if the source has changed."""
        root = str(self.root.resolve()) if isinstance(self.root, Path) else str(self.root)
        versions = json.dumps([[file.name, file.size, file.version] for file in self.files])
        digest = hashlib.sha256(versions.encode("ascii")).hexdigest()
        size = sum(file.size for file in self.files)
        return {"source": root, "source_bytes": size, "source_version": digest}


def locate(text: str | Path) -> Location:
    """Return the path, or the file behind a URL; raise InputError, MissingExtraError."""
    text = _LOCAL.sub("", os.fspath(text), count=1)
    if is_url(text.rpartition("::")[2]) and "::" in text:
        raise InputError("a URL starts with its storage; remove everything before the last ::")
    if not is_url(text):
        return Path(text)
    from scamdetect.dumps.remote import remote_file  # needs the extra "remote"

    return remote_file(text)


def find_source(text: str | Path) -> Source:
    """Return the source for a path, a glob or a URL; raise InputError."""
    if not str(text):
        raise InputError("the source has no name; pass a file, a folder, a glob or a URL")
    path = locate(text)
    try:
        root, found = _local(path) if isinstance(path, Path) else path.files(_GLOB)
        if found is None:
            return Source(str(path), path, (_source_file(path, path.name),))
        shown = [pair for pair in found if not any(map(_is_hidden, pair[1].split("/")))]
        files = tuple(_source_file(*pair) for pair in sorted(shown, key=_natural_key))
    except OSError as problem:
        raise unreadable(Path(str(path)), problem) from problem
    if not files:
        raise InputError(f"{path}: no file found; names that start with . or _ are hidden")
    return Source(str(path), root, files, is_many=True)


def _local(path: Path) -> tuple[Path, Found | None]:
    """Return the folder and its files, or None for a single file; raise OSError."""
    if path.is_dir():
        return path, list(_walk(path, path))
    first = _GLOB.search(str(path))
    if first is None or path.exists():
        return path, None
    start = str(path)[: first.start()].rpartition("/")
    root = Path(start[0] + start[1] or ".")
    found: dict[Location, str] = {}
    for name in map(Path, glob(str(path), recursive=True)):
        found.update(_walk(name, root) if name.is_dir() else [(name, _below(name, root))])
    return root, list(found.items())


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _walk(folder: Path, root: Path) -> Iterator[tuple[Location, str]]:
    """Yield the files below a folder, following links to folders but no circle of them."""

    def failed(problem: OSError) -> None:
        raise problem

    seen = set()
    for at, folders, names in os.walk(folder, followlinks=True, onerror=failed):
        if (real := os.path.realpath(at)) in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from ((Path(at, name), _below(Path(at, name), root)) for name in names)


def _source_file(path: Location, name: str) -> SourceFile:
    if isinstance(path, Path):
        status = path.stat()
        return SourceFile(path, encodable(name), status.st_size, str(status.st_mtime_ns))
    return SourceFile(path, encodable(name), path.size, path.version)


def _is_hidden(name: str) -> bool:
    """Return True if a file or folder is not part of the data; ``_day=1`` is a partition."""
    return name.startswith((".", "_")) and "=" not in name and name not in _NEVER_HIDDEN


def _natural_key(pair: tuple[Location, str]) -> list[list[tuple[int, str]]]:
    """Return a key that sorts relative paths by folder, and the numbers in them by value."""
    return [
        [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in re.split(r"(\d+)", p)]
        for p in pair[1].split("/")
    ]


@dataclass(frozen=True)
class ReadOptions:
    """How files are read; what is None is detected."""

    source_format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    text_column: str | None = None


def open_dump(
    path: str | Path | Source,
    *,
    source_format: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    text_column: str | None = None,
) -> Dump:
    """Open a file, or the files of a folder or glob as one dump with a column of their names.

    All columns are kept. ``text_column`` only helps to detect the delimiter. Raises InputError,
    with the file, if it is missing, empty or damaged, or if its format or encoding is uncertain;
    MissingExtraError if its format needs a package that is not installed.
    """
    source = path if isinstance(path, Source) else find_source(path)
    options = ReadOptions(source_format, encoding, delimiter, text_column)
    if not source.is_many:
        return open_file(source.files[0].path, options)
    from scamdetect.dumps.folder import open_folder

    return open_folder(source, replace(options, source_format=common_format(source, options)))


def common_format(source: Source, options: ReadOptions) -> Format:
    """Return the format of all files with content; raise InputError."""
    kinds: dict[Format, str] = {}
    for file in source.files:
        if file.size or not source.is_many:
            kinds.setdefault(_recognise(file.path, options), file.name)
    if len(kinds) > 1:
        names = ", ".join(f"{kind.value} ({name})" for kind, name in kinds.items())
        raise InputError(
            f"{source}: contains files of several formats: {names}; select some of them with a "
            "glob, or pass the format of all with --format"
        )
    if not kinds:
        raise InputError(f"{source}: all its files are empty; there is nothing to score")
    return next(iter(kinds))


def _recognise(path: Location, options: ReadOptions) -> Format:
    """Return the format of a file by its extension, of chat exports by their content."""
    if options.source_format is not None:
        return named_format(options.source_format)
    name = unpacked_name(path)
    kind = extension_format(name, str(path))
    if kind is Format.JSON:
        from scamdetect.dumps.telegram import is_telegram

        return Format.TELEGRAM if is_telegram(first_bytes(path, _HEAD_BYTES)) else kind
    if kind is Format.TEXT:
        from scamdetect.dumps.whatsapp import is_whatsapp

        head = first_bytes(path, _HEAD_BYTES)
        encoding = detect_encoding(head, str(path), options.encoding).name
        lines = head.decode(encoding, "replace").removeprefix("\ufeff").split("\n")[:200]
        return Format.WHATSAPP if is_whatsapp(lines, name) else kind
    return kind


def open_file(path: Location, options: ReadOptions) -> Dump:
    """Open one file; raise InputError, EmptyFileError, MissingExtraError."""
    kind = _recognise(path, options)
    if not first_bytes(path, 1):
        raise EmptyFileError(f"{path}: the file is empty")
    if kind not in _BINARY:
        return open_text_format(partial(open_bytes, path), str(path), kind, options, path)
    if options.encoding is not None or options.delimiter is not None:
        raise InputError(f"{path}: {kind.value} has no --encoding and no --delimiter; remove it")
    # A job imports only the reader of its format.
    if kind is Format.PARQUET:
        from scamdetect.dumps.read_parquet import open_parquet

        return replace(open_parquet(path), format=kind)
    from scamdetect.dumps.mail import open_mail

    return replace(open_mail(path, kind.value), format=kind)


def open_text_format(
    opener: Callable[[], Stream],
    where: str,
    kind: Format,
    options: ReadOptions,
    path: Location | None = None,
) -> Dump:
    """Open a format that is text; without ``path`` it can be read only once; raise InputError."""
    if options.delimiter is not None and kind not in DELIMITERS:
        raise InputError(f"{where}: only CSV and TSV have a delimiter; remove --delimiter")
    with opener() as stream:
        head, total = stream.read(_HEAD_BYTES * 4), stream.size
    encoding, note = detect_encoding(head, where, options.encoding)
    if kind in (Format.JSON, Format.TELEGRAM) and encoding != "utf-8":
        raise InputError(f"{where}: {kind.value} must be UTF-8, not {encoding}; convert it")
    if kind in DELIMITERS or kind is Format.TEXT:
        from scamdetect.dumps import read_csv

        if kind is Format.TEXT:
            dump = read_csv.open_text(opener, where, encoding, total)
        else:
            given = options.delimiter or ("\t" if kind is Format.TSV else None)
            dump = read_csv.open_csv(opener, where, encoding, given, options.text_column)
    elif kind in (Format.JSONL, Format.JSON):
        from scamdetect.dumps.read_json import open_json

        lines = kind is Format.JSONL
        dump = open_json(opener, where, encoding, lines=lines, survey=path is not None)
    elif kind is Format.TELEGRAM:
        from scamdetect.dumps.telegram import open_telegram

        assert path is not None
        dump = open_telegram(path)
    else:
        from scamdetect.dumps.whatsapp import open_whatsapp

        assert path is not None
        dump = open_whatsapp(path, encoding)
    notes = (*([] if note is None else [note]), *dump.notes)
    return replace(dump, encoding=encoding, notes=notes, format=kind)
