"""Open a dump of any supported format."""

from __future__ import annotations

import codecs
import stat
from pathlib import Path

from scamdetect.dumps.batches import Dump
from scamdetect.dumps.formats import DELIMITERS, Format
from scamdetect.dumps.lines import check_encoding
from scamdetect.dumps.read_delimited import TEXT_COLUMN, open_delimited, open_text
from scamdetect.dumps.read_json import open_json, open_jsonl
from scamdetect.dumps.read_parquet import open_parquet
from scamdetect.dumps.read_telegram import open_telegram
from scamdetect.dumps.read_whatsapp import open_whatsapp
from scamdetect.dumps.recognise import recognise
from scamdetect.dumps.streams import EmptyFileError, beginning, compression, reading
from scamdetect.errors import InputError

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
) -> Dump:
    """Open the file in its format; text is UTF-8 unless ``encoding`` says otherwise.

    The format is recognised by the extension and, for chat exports, by the content, unless
    ``source_format`` names it. ``text_column`` may be a dotted path into nested columns; without
    ``text_required`` JSON need not have it.

    Raises InputError, naming the file, where it is missing, empty, damaged or in another encoding,
    has no ``text_column``, or has output columns and ``overwrite_columns`` is false;
    MissingExtraError where its format needs a package that is not installed.
    """
    kind = recognise(path, source_format, encoding)
    if kind in _BINARY and encoding is not None:
        raise InputError(f"{path}: {_BINARY[kind]} has no one text encoding; leave --encoding out")
    known = check_encoding(encoding)
    if kind in _IN_UTF8 and known != "utf-8":
        raise InputError(f"{path}: {_IN_UTF8[kind]} is in UTF-8; leave --encoding out")
    _check_file(path, kind, known)
    if kind is Format.PARQUET:
        return open_parquet(path, text_column, overwrite_columns)
    if kind is Format.JSONL:
        return open_jsonl(path, known, text_column, overwrite_columns, text_required)
    if kind is Format.JSON:
        return open_json(path, text_column, overwrite_columns, text_required)
    if kind is Format.TELEGRAM:
        return open_telegram(path, text_column)
    if kind is Format.WHATSAPP:
        return open_whatsapp(path, known, text_column)
    if kind is Format.TEXT:
        if text_column != TEXT_COLUMN:
            raise InputError(f"{path}: plain text has one column, {TEXT_COLUMN!r}")
        return open_text(path, known)
    if kind in (Format.MBOX, Format.EML):
        from scamdetect.dumps.mail.reader import open_eml, open_mbox  # needs the extra "mail"

        return (open_mbox if kind is Format.MBOX else open_eml)(path, text_column)
    return open_delimited(path, DELIMITERS[kind], known, text_column, overwrite_columns)


def _check_file(path: Path, kind: Format, encoding: str) -> None:
    with reading(path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: not a file")
    if kind is Format.PARQUET and (packed := compression(path)):
        raise InputError(f"{path}: a Parquet file within {packed} cannot be read; unpack it first")
    start = beginning(path, 4)
    if not start:
        raise EmptyFileError(f"{path}: the file is empty")
    utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if utf16 and encoding == "utf-8" and kind not in _BINARY:
        cure = "convert it to UTF-8" if kind in _IN_UTF8 else "give --encoding utf-16"
        raise InputError(f"{path}:1: begins with the byte-order mark of UTF-16; {cure}")
