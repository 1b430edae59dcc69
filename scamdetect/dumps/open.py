"""Recognise the format of a dump and open it."""

from __future__ import annotations

import codecs
import stat
from dataclasses import replace
from pathlib import Path

from scamdetect.dumps.batches import Dump
from scamdetect.dumps.encodings import Encoding, text_encoding
from scamdetect.dumps.formats import DELIMITERS, Format, named_format, source_format
from scamdetect.dumps.lines import EmptyFileError, beginning, check_encoding, compression, reading
from scamdetect.dumps.read_delimited import (
    TEXT_COLUMN,
    Delimiter,
    find_delimiter,
    given_delimiter,
    open_delimited,
    open_text,
)
from scamdetect.errors import InputError
from scamdetect.system.files import check_status

_HEAD_BYTES = 256 << 10
_LINES = 200


def recognise(path: Path, name: str | None = None, encoding: str | None = None) -> Format:
    """Return the format of a dump.

    ``name`` overrides everything. Otherwise a .json file that starts like an export of Telegram, or
    a .txt file that starts like one of WhatsApp, is treated as one. Raises InputError for an
    unknown name or extension, and if the encoding of a text is uncertain.
    """
    if name is not None:
        return named_format(name)
    kind = source_format(path)
    if kind is Format.JSON:
        from scamdetect.dumps.chats.telegram import is_telegram

        return Format.TELEGRAM if is_telegram(_head(path)) else kind
    if kind is Format.TEXT:
        from scamdetect.dumps.chats.whatsapp import is_whatsapp

        return Format.WHATSAPP if is_whatsapp(path, _lines(path, encoding)) else kind
    return kind


def _lines(path: Path, encoding: str | None) -> list[str]:
    head = _head(path)
    if not head:
        return []
    name = text_encoding(path, encoding).name
    try:
        lines = head.removeprefix(b"\xef\xbb\xbf").decode(name, "replace").split("\n")
    except UnicodeError:  # an encoding that decodes strictly
        return []
    # The last line of a partial file may be cut off.
    return (lines[:-1] if len(head) == _HEAD_BYTES else lines)[:_LINES]


def _head(path: Path) -> bytes:
    """Return the start of a file, or nothing if it is unreadable: opening it reports why."""
    try:
        return beginning(path, _HEAD_BYTES)
    except InputError:
        return b""


_BINARY = {Format.PARQUET: "a Parquet file", Format.MBOX: "a mailbox", Format.EML: "a mail"}
_IN_UTF8 = {Format.JSON: "JSON", Format.TELEGRAM: "an export of Telegram"}


def open_dump(
    path: Path,
    *,
    text_column: str = "text",
    encoding: str | None = None,
    overwrite_columns: bool = False,
    source_format: str | None = None,
    text_required: bool = True,
    delimiter: str | None = None,
) -> Dump:
    """Open the file in its format.

    The encoding of text and the delimiter of CSV are detected if not given; a note of the dump
    reports them unless they are UTF-8 and the comma.

    The format is recognised by the extension and, for chat exports, by the content, unless
    ``source_format`` is given. ``text_column`` can be a dotted path into nested columns; without
    ``text_required``, JSON may lack it.

    Raises InputError, with the file, if it is missing, empty or damaged, if its encoding is wrong
    or uncertain, if it has no ``text_column``, or if it has output columns and
    ``overwrite_columns`` is False; MissingExtraError if its format needs a package that is not
    installed.
    """
    kind = recognise(path, source_format, encoding)
    if kind in _BINARY and encoding is not None:
        raise InputError(f"{path}: {_BINARY[kind]} has no single text encoding; remove --encoding")
    if kind in _IN_UTF8 and check_encoding(encoding) != "utf-8":
        raise InputError(f"{path}: {_IN_UTF8[kind]} is always UTF-8; remove --encoding")
    if delimiter is not None and kind not in DELIMITERS:
        raise InputError(f"{path}: only CSV and TSV have a delimiter; remove --delimiter")
    _check_file(path, kind, encoding)
    plain = kind not in _BINARY and kind not in _IN_UTF8
    text = text_encoding(path, encoding) if plain else Encoding("utf-8")
    sign = _delimiter(path, kind, delimiter, text.name, text_column)
    dump = _open(path, kind, text.name, sign.sign, text_column, overwrite_columns, text_required)
    notes = tuple(note for note in (text.note, sign.note) if note is not None)
    csv_delimiter = sign.sign if kind is Format.CSV else DELIMITERS[Format.CSV]
    return replace(
        dump, encoding=text.name, csv_delimiter=csv_delimiter, notes=(*notes, *dump.notes)
    )


def _delimiter(
    path: Path, kind: Format, given: str | None, encoding: str, text_column: str
) -> Delimiter:
    if given is not None:
        return given_delimiter(given)
    if kind is Format.CSV:
        return find_delimiter(path, encoding, text_column)
    return Delimiter(DELIMITERS.get(kind, ","))


def _open(
    path: Path,
    kind: Format,
    known: str,
    delimiter: str,
    text_column: str,
    overwrite_columns: bool,
    text_required: bool,
) -> Dump:
    # A job imports only the reader of its format.
    if kind is Format.PARQUET:
        from scamdetect.dumps.parquet import open_parquet

        return open_parquet(path, text_column, overwrite_columns)
    if kind is Format.JSONL:
        from scamdetect.dumps.json import open_jsonl

        return open_jsonl(path, known, text_column, overwrite_columns, text_required)
    if kind is Format.JSON:
        from scamdetect.dumps.json import open_json

        return open_json(path, text_column, overwrite_columns, text_required)
    if kind is Format.TELEGRAM:
        from scamdetect.dumps.chats.telegram import open_telegram

        return open_telegram(path, text_column)
    if kind is Format.WHATSAPP:
        from scamdetect.dumps.chats.whatsapp import open_whatsapp

        return open_whatsapp(path, known, text_column)
    if kind is Format.TEXT:
        if text_column != TEXT_COLUMN:
            raise InputError(f"{path}: plain text has only the column {TEXT_COLUMN!r}")
        return open_text(path, known)
    if kind in (Format.MBOX, Format.EML):
        from scamdetect.dumps.mail.reader import open_eml, open_mbox  # needs the extra "mail"

        return (open_mbox if kind is Format.MBOX else open_eml)(path, text_column)
    return open_delimited(path, delimiter, known, text_column, overwrite_columns)


def _check_file(path: Path, kind: Format, given: str | None) -> None:
    with reading(path):
        status = path.stat()
        check_status(path, status)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: not a file")
    if kind is Format.PARQUET and (packed := compression(path)):
        raise InputError(f"{path}: cannot read a Parquet file inside {packed}; decompress it first")
    start = beginning(path, 4)
    if not start:
        raise EmptyFileError(f"{path}: the file is empty")
    utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    said = given is not None and check_encoding(given) == "utf-8"
    if utf16 and (kind in _IN_UTF8 or (said and kind not in _BINARY)):
        cure = "convert it to UTF-8" if kind in _IN_UTF8 else "pass --encoding utf-16"
        raise InputError(f"{path}:1: starts with the byte-order mark of UTF-16; {cure}")
