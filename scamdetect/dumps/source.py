"""Find the files of a source, recognise their format, and open them as one dump."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa

from scamdetect.dumps.batch import (
    BATCH_BYTES,
    BATCH_ROWS,
    JSON,
    Batch,
    Dump,
    Reject,
    array,
    is_json,
)
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
from scamdetect.frames.arrow import encodable, json_values
from scamdetect.frames.columns import FILE_COLUMN
from scamdetect.system.os_errors import unreadable
from scamdetect.urls import is_url

if TYPE_CHECKING:
    from scamdetect.dumps.remote import RemoteFile

    Location = Path | RemoteFile
    Files = list[tuple[Location, str]] | None

_LOCAL = re.compile(r"(file|local)://", re.IGNORECASE)
_GLOB = re.compile(r"[*?\[]")
_NULL = "__HIVE_DEFAULT_PARTITION__"
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NEVER_HIDDEN = ("_chat.txt", "_chat.txt.gz", "_chat.txt.zst", "_chat.txt.zip")  # of an iPhone
_WITHOUT_ENCODING = (Format.PARQUET, Format.MBOX, Format.EML)
_IN_UTF8 = (Format.JSON, Format.TELEGRAM)
_MOST_NOTES = 8


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
        versions = [[file.name, file.size, file.version] for file in self.files]
        digest = hashlib.sha256(json.dumps(versions).encode("ascii")).hexdigest()
        return {
            "source": root, "source_files": len(self.files),
            "source_bytes": sum(file.size for file in self.files), "source_sha256": digest,
        }  # fmt: skip

    def would_read(self, path: Location) -> bool:
        """Return True if a file of that path would be one of the files of the folder."""
        if not self.is_many or not isinstance(path, Path) or not isinstance(self.root, Path):
            return False
        target = path.parent.resolve() / path.name
        if not target.is_relative_to(self.root.resolve()) or _is_hidden(path.name):
            return False
        return not _GLOB.search(self.text) or fnmatchcase(path.name, self.text.rpartition("/")[2])


def locate(text: str | Path) -> Location:
    """Return the path, or the file behind a URL; raise InputError, MissingExtraError."""
    text = _LOCAL.sub("", os.fspath(text), count=1)
    if not is_url(text):
        return Path(text)
    from scamdetect.dumps.remote import remote_file  # needs the extra "remote"

    return remote_file(text)


def find_source(text: str | Path) -> Source:
    """Return the source for a path, a glob or a URL.

    Hidden files, by Spark's rules, are skipped. Raises InputError if nothing is found or readable.
    """
    if not str(text):
        raise InputError("the source has no name; pass a file, a folder, a glob or a URL")
    path = locate(text)
    if isinstance(path, Path):
        root, files = _local_files(path)
    else:
        root, files = _remote_files(path)
    if files is None:
        return Source(str(path), path, (_source_file(path, path.name),))
    if not files:
        raise InputError(f"{path}: no file found; names that start with . or _ are hidden")
    entries = [_source_file(file, name) for file, name in files]
    ordered = tuple(sorted(entries, key=lambda file: _natural_key(file.name)))
    return Source(str(path), root, ordered, is_many=True)


def _local_files(path: Path) -> tuple[Path, Files]:
    """Return the folder and its files, or None for a single file; raise InputError."""
    try:
        if path.is_dir():
            return path, list(_walk(path))
        if path.exists() or not _GLOB.search(str(path)):
            return path, None
        start = str(path)[: _GLOB.search(str(path)).start()]  # type: ignore[union-attr]
        root = Path(start.rpartition("/")[0] or ("/" if start.startswith("/") else "."))
        found = [Path(name) for name in glob(str(path), recursive=True)]
    except OSError as problem:
        raise unreadable(path, problem) from problem
    pairs: list[tuple[Location, str]] = []
    for file in found:
        if file.is_dir():
            pairs += [(inner, f"{file.relative_to(root)}/{name}") for inner, name in _walk(file)]
        elif not any(map(_is_hidden, file.relative_to(root).parts)):
            pairs.append((file, file.relative_to(root).as_posix()))
    return root, list(dict(pairs).items())


def _walk(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files below a folder, following links to folders but no circle of them."""

    def failed(problem: OSError) -> None:
        raise problem

    seen = set()
    for at, folders, names in os.walk(folder, followlinks=True, onerror=failed):
        real = os.path.realpath(at)
        folders[:] = [] if real in seen else [name for name in folders if not _is_hidden(name)]
        for name in () if real in seen else names:
            if not _is_hidden(name):
                path = Path(at, name)
                yield path, path.relative_to(folder).as_posix()
        seen.add(real)


def _remote_files(path: RemoteFile) -> tuple[RemoteFile, Files]:
    from scamdetect.dumps.remote import remote_files

    at = _GLOB.search(path.path) if not path.url.startswith("http") else None
    if at is None:
        if path.info()["type"] == "file":
            return path, None
        files = remote_files(path, None)
        root = path
    else:
        start = path.path[: at.start()].rpartition("/")[0]
        pattern = path.path[len(start) :].lstrip("/")
        root = replace(path, path=start, url=path.url[: len(path.url) - len(pattern)].rstrip("/"))
        files = remote_files(root, pattern)
    return root, [(f, name) for f, name in files if not any(map(_is_hidden, name.split("/")))]


def _source_file(path: Location, name: str) -> SourceFile:
    name = encodable(name)
    if not isinstance(path, Path):
        return SourceFile(path, name, path.size, path.version)
    try:
        status = path.stat()
    except OSError as problem:
        raise unreadable(path, problem) from problem
    return SourceFile(path, name, status.st_size, str(status.st_mtime_ns))


def _is_hidden(name: str) -> bool:
    """Return True if a file or folder is not part of the data; ``_day=1`` is a partition."""
    return name.startswith((".", "_")) and "=" not in name and name not in _NEVER_HIDDEN


def _natural_key(name: str) -> list[list[tuple[int, str]]]:
    """Return a key that sorts relative paths by folder, and the numbers in them by value."""
    return [
        [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in re.split(r"([0-9]+)", p)]
        for p in name.split("/")
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
    if source.is_many:
        return _open_many(source, options)
    return _open_file(source.files[0].path, options)


def _open_file(path: Location, options: ReadOptions) -> Dump:
    kind = recognise(path, options)
    where = str(path)
    if kind in _WITHOUT_ENCODING and options.encoding is not None:
        raise InputError(f"{where}: {kind.value} has no single encoding; remove --encoding")
    if options.delimiter is not None and kind not in DELIMITERS:
        raise InputError(f"{where}: only CSV and TSV have a delimiter; remove --delimiter")
    if not first_bytes(path, 1):
        raise EmptyFileError(f"{where}: the file is empty")
    if kind in _WITHOUT_ENCODING:
        return replace(_open_binary(path, kind), format=kind.value)
    return replace(_open_text(partial(open_bytes, path), where, kind, options, path), format=kind)


def _open_binary(path: Location, kind: Format) -> Dump:
    # A job imports only the reader of its format.
    if kind is Format.PARQUET:
        from scamdetect.dumps.read_parquet import open_parquet

        return open_parquet(path)
    from scamdetect.dumps.mail import open_mail

    return open_mail(path, kind.value)


def open_stream(
    opener: Callable[[], Stream], where: str, kind: Format, options: ReadOptions
) -> Dump:
    """Open CSV, TSV, JSONL or text that can be read only once; raise InputError."""
    return replace(_open_text(opener, where, kind, options, None), format=kind.value)


def _open_text(
    opener: Callable[[], Stream],
    where: str,
    kind: Format,
    options: ReadOptions,
    path: Location | None,
) -> Dump:
    with opener() as stream:
        head, total = stream.read(1 << 20), stream.size
    encoding = detect_encoding(head, where, options.encoding)
    if kind in _IN_UTF8 and encoding.name != "utf-8":
        raise InputError(f"{where}: {kind.value} must be UTF-8, not {encoding.name}; convert it")
    notes = (encoding.note,) if encoding.note else ()
    if kind in DELIMITERS:
        dump = _open_delimited(opener, where, kind, encoding.name, options)
    elif kind is Format.TEXT:
        from scamdetect.dumps.read_csv import open_text

        dump = open_text(opener, where, encoding.name, total)
    elif kind is Format.JSONL:
        from scamdetect.dumps.read_json import open_jsonl

        dump = open_jsonl(opener, where, encoding.name, survey=path is not None)
    elif kind is Format.JSON:
        from scamdetect.dumps.read_json import open_json

        dump = open_json(opener, where)
    else:
        assert path is not None
        dump = _open_chat(path, kind, encoding.name)
    return replace(dump, encoding=encoding.name, notes=(*notes, *dump.notes))


def _open_delimited(
    opener: Callable[[], Stream], where: str, kind: Format, encoding: str, options: ReadOptions
) -> Dump:
    from scamdetect.dumps.read_csv import check_delimiter, detect_delimiter, open_csv

    notes: tuple[str, ...] = ()
    if options.delimiter is not None:
        delimiter = check_delimiter(options.delimiter)
    elif kind is Format.TSV:
        delimiter = "\t"
    else:
        delimiter, notes = detect_delimiter(opener, encoding, options.text_column)
    dump = open_csv(opener, where, encoding, delimiter)
    return replace(dump, notes=(*notes, *dump.notes))


def _open_chat(path: Location, kind: Format, encoding: str) -> Dump:
    if kind is Format.TELEGRAM:
        from scamdetect.dumps.telegram import open_telegram

        return open_telegram(path)
    from scamdetect.dumps.whatsapp import open_whatsapp

    return open_whatsapp(path, encoding)


def recognise(path: Location, options: ReadOptions) -> Format:
    """Return the format of a file by its extension; chat exports are recognised by their content.

    Raises InputError for an unknown name or extension.
    """
    if options.source_format is not None:
        return named_format(options.source_format)
    name = unpacked_name(path)
    kind = extension_format(name, str(path))
    if kind is Format.JSON:
        from scamdetect.dumps.telegram import is_telegram

        return Format.TELEGRAM if is_telegram(first_bytes(path, 256 << 10)) else kind
    if kind is Format.TEXT:
        from scamdetect.dumps.whatsapp import is_whatsapp

        head = first_bytes(path, 256 << 10)
        encoding = detect_encoding(head, str(path), options.encoding).name
        lines = head.decode(encoding, "replace").removeprefix("\ufeff").split("\n")[:200]
        return Format.WHATSAPP if is_whatsapp(lines, name) else kind
    return kind


def source_format(source: Source, options: ReadOptions) -> Format:
    """Return the format of a file, or the common one of several; raise InputError."""
    if source.is_many:
        return _common_format(source, options)
    return recognise(source.files[0].path, options)


def _open_many(source: Source, options: ReadOptions) -> Dump:
    """Return one dump of the rows of all files, with Hive partitions and the file as columns."""
    kind = _common_format(source, options)
    options = replace(options, source_format=kind)
    dumps: list[tuple[SourceFile, Dump | Reject]] = []
    notes: Counter[str] = Counter()
    for file in source.files:
        try:
            dump = _open_file(file.path, options)
        except EmptyFileError:
            notes["the file is empty and skipped"] += 1
        except InputError as problem:
            if kind is not Format.EML:
                raise
            dumps.append((file, Reject(1, str(problem), first_bytes(file.path, 64 << 10))))
        else:
            notes.update(dump.notes)
            dumps.append((file, dump))
    opened = [(file, dump) for file, dump in dumps if isinstance(dump, Dump)]
    if not opened:
        raise InputError(f"{source}: none of its files contains anything readable")
    schema = _unified(opened, kind)
    hive = _partitions([file.name for file, _ in dumps], {*schema.names, FILE_COLUMN})
    for field in (*hive, pa.field(FILE_COLUMN, pa.string())):
        index = schema.get_field_index(field.name)
        schema = (schema if index < 0 else schema.remove(index)).append(field)
    first = opened[0][1]
    lines = [f"{len(dumps):,} files read"]
    lines += [f"{note} ({count:,} of {len(source.files):,} files)" for note, count in notes.items()]
    return Dump(
        schema,
        lambda: _merged(_file_batches(dumps, schema, hive)),
        first.encoding,
        first.delimiter,
        tuple(lines[:_MOST_NOTES]),
        tuple(dict.fromkeys(name for _, dump in opened for name in dump.members)),
        kind.value,
    )


def _common_format(source: Source, options: ReadOptions) -> Format:
    kinds: dict[Format, str] = {}
    for file in source.files:
        if file.size:
            kinds.setdefault(recognise(file.path, options), file.name)
    if len(kinds) > 1:
        names = ", ".join(f"{kind.value} ({name})" for kind, name in kinds.items())
        raise InputError(
            f"{source}: contains files of several formats: {names}; select some of them with a "
            "glob, or pass the format of all with --format"
        )
    if not kinds:
        raise InputError(f"{source}: all its files are empty; there is nothing to score")
    return next(iter(kinds))


def _unified(opened: list[tuple[SourceFile, Dump]], kind: Format) -> pa.Schema:
    """Return the columns of all files, with types that hold the values of each."""
    fields: dict[str, pa.Field] = {}
    for file, dump in opened:
        for field in dump.schema:
            known = fields.setdefault(field.name, field)
            if known.type.equals(field.type) and is_json(known) == is_json(field):
                continue
            try:
                if is_json(known) or is_json(field):
                    raise pa.ArrowInvalid
                pair = [pa.schema([known]), pa.schema([field])]
                fields[field.name] = pa.unify_schemas(pair, promote_options="permissive").field(0)
            except pa.ArrowException:
                if kind not in (Format.JSON, Format.JSONL):
                    raise InputError(
                        f"{file.path}: column {field.name!r} holds {field.type}, but {known.type} "
                        "in another file; select files of one type with a glob"
                    ) from None
                fields[field.name] = pa.field(field.name, pa.string(), metadata=JSON)
    return pa.schema([field.with_nullable(True) for field in fields.values()])


def _partitions(names: list[str], taken: set[str]) -> list[pa.Field]:
    """Return the columns that folders such as ``day=1`` name; of integers if all values are."""
    values: dict[str, set[str | None]] = {}
    for name in names:
        for key, value in _partition_values(name).items():
            values.setdefault(key, set()).add(value)
    return [
        pa.field(
            key, pa.int64() if all(map(_INTEGER.fullmatch, filter(None, found))) else pa.string()
        )
        for key, found in values.items()
        if key not in taken
    ]


def _partition_values(name: str) -> dict[str, str | None]:
    pairs = [folder.partition("=") for folder in name.split("/")[:-1] if "=" in folder]
    return {unquote(key): None if v == _NULL else unquote(v) for key, _, v in pairs if key}


def _file_batches(
    dumps: list[tuple[SourceFile, Dump | Reject]], schema: pa.Schema, hive: list[pa.Field]
) -> Iterator[Batch]:
    """Yield the batches of one file after the other with the columns of all."""
    done, total = 0, sum(file.size for file, _ in dumps)
    for file, dump in dumps:
        if isinstance(dump, Reject):
            yield Batch(schema.empty_table(), (replace(dump, file=file.name),), done / total)
            continue
        values = _partition_values(file.name)
        constants: dict[str, Any] = {FILE_COLUMN: file.name}
        for field in hive:
            value = values.get(field.name)
            is_number = value is not None and pa.types.is_integer(field.type)
            constants[field.name] = int(value or 0) if is_number else value
        for batch in dump.batches():
            table = conformed(batch.table, schema, constants, str(file.path))
            rejects = tuple(replace(reject, file=file.name) for reject in batch.rejects)
            yield Batch(table, rejects, (done + batch.share * file.size) / total)
        done += file.size


def conformed(
    table: pa.Table, schema: pa.Schema, constants: dict[str, Any], where: str
) -> pa.Table:
    """Return the table with these columns: its own, converted, or constants, or nulls."""
    columns = []
    for field in schema:
        index = table.schema.get_field_index(field.name)
        if field.name in constants or index < 0:
            columns.append(array([constants.get(field.name)] * table.num_rows, field.type))
            continue
        column = table.column(index)
        if is_json(field) and not is_json(table.schema.field(index)):
            values = [None if v is None else json.dumps(v) for v in json_values(column)]
            column = array(values, pa.string())
        try:
            columns.append(column.cast(field.type))
        except pa.ArrowException:
            raise InputError(
                f"{where}: column {field.name!r} has a value that {field.type}, the type of the "
                "other files, cannot hold; select files of one type with a glob"
            ) from None
    return pa.Table.from_arrays(columns, schema=schema)


def _merged(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield the batches, with small ones after each other combined."""
    waiting: list[Batch] = []
    records = size = 0
    for batch in batches:
        if waiting and (
            records + batch.records > BATCH_ROWS or size + batch.table.nbytes > BATCH_BYTES
        ):
            yield _joined(waiting)
            waiting, records, size = [], 0, 0
        waiting.append(batch)
        records += batch.records
        size += batch.table.nbytes
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[Batch]) -> Batch:
    table = pa.concat_tables([batch.table for batch in batches]).combine_chunks()
    rejects = tuple(reject for batch in batches for reject in batch.rejects)
    return Batch(table, rejects, batches[-1].share)
