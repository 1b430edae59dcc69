"""Open a file as a stream, decompress it while reading, and track the place of each line."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from scamdetect.dumps.formats import is_remote
from scamdetect.errors import InputError
from scamdetect.system.files import open_raw
from scamdetect.system.os_errors import of_system, unreadable

# Detected by content: browsers decompress a download and keep its name.
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    **{bytes([first]) + b"\x2a\x4d\x18": "zstd" for first in range(0x50, 0x60)},  # a comment
}
_BUFFER_BYTES = 64 << 10


class DamagedError(InputError):
    """Raised if compressed data is cut off or damaged; ``found`` omits the advice."""

    def __init__(self, found: str) -> None:
        super().__init__(f"{found}; copy or export it again")
        self.found = found


class EmptyFileError(InputError):
    """Raised if a file is empty."""


class OtherContentError(InputError):
    """Raised if the content of a file clearly does not match its name."""


class Stream(io.BufferedReader):
    """The decompressed bytes of a file."""

    def __init__(self, file: io.FileIO, compression: str | None) -> None:
        self._unpacked = None if compression is None else _Unpacked(file, compression)
        super().__init__(self._unpacked or file, _BUFFER_BYTES)

    def skip_bom(self, bom: bytes = codecs.BOM_UTF8) -> int:
        """Skip the byte-order mark and return its length, 0 if it is missing."""
        return len(self.read(len(bom))) if self.peek(len(bom)).startswith(bom) else 0

    def on_disk(self, offset: int) -> int:
        """Return how many bytes of the file have been read up to this offset."""
        return offset if self._unpacked is None else self._unpacked.read_on_disk


class _Unpacked(io.RawIOBase):
    def __init__(self, file: io.FileIO, compression: str) -> None:
        self.read_on_disk = 0
        self._file = file
        self._compression = compression
        self._stream = pa.CompressedInputStream(file, compression)
        self._offset = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._offset

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        try:
            count = int(self._stream.readinto(buffer))
        except (pa.ArrowException, OSError) as problem:
            if of_system(problem):  # of the disk
                raise
            found = f"{self._compression} data is cut off or damaged ({problem})"
            raise DamagedError(f"{self._file.name}: {found}") from problem
        self._offset += count
        self.read_on_disk = self._file.tell()
        return count


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Convert failures to read the file within the context to an InputError."""
    try:
        yield
    except OSError as problem:
        raise unreadable(path, problem) from problem


@contextmanager
def opened(path: Path) -> Iterator[Stream]:
    """Yield the bytes of a file; raise InputError if it cannot be read or decompressed."""
    with (
        reading(path),
        _raw(path) as file,
        Stream(file, compression(path)) as stream,
    ):
        yield stream


def _raw(path: Path) -> io.FileIO:
    # A file behind a URL is not a local pipe or device.
    return path.open("rb", buffering=0) if is_remote(path) else open_raw(path)


def beginning(path: Path, size: int) -> bytes:
    """Return the first bytes of a file; raise InputError if it cannot be read or decompressed."""
    with opened(path) as stream:
        return stream.read(size)


def compression(path: Path) -> str | None:
    """Return the compression of a file, judged by its content, or None; raise InputError."""
    with reading(path), _raw(path) as file:
        start = file.read(4)
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)


# Text codecs for domain names and Python source, not for files.
_NOT_OF_FILES = {"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"}


def text_codec(name: str) -> str:
    """Return the usual name of a text codec; raise LookupError for anything else."""
    try:
        codec = codecs.lookup(name).name
        "".encode(codec)  # rejects codecs that do not encode text
    except ValueError as problem:  # an invalid name, or the codec that always fails
        raise LookupError(name) from problem
    if codec.replace("-", "_") in _NOT_OF_FILES:
        raise LookupError(name)
    return codec


MAX_RECORD_BYTES = 64 << 20
KEPT_BYTES = 64 << 10  # of a line that is too long; whole units of any encoding
_PIECE_BYTES = 64 << 10
_EXAMPLES = "utf-8, utf-16, cp1252, cp1251, gb18030, big5, shift_jis, euc-kr, tis-620"
# Encodings whose byte-order mark selects one of two codecs.
_MARKED = {
    "utf-16": {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE},
    "utf-32": {"utf-32-le": codecs.BOM_UTF32_LE, "utf-32-be": codecs.BOM_UTF32_BE},
}
# In some of these a newline has several bytes, or is another byte (EBCDIC).
_OTHER_NEWLINES = ("utf-16", "utf-32", "cp")


class Line(NamedTuple):
    """A physical line with its line end; ``problem`` is why it cannot be read.

    If it cannot be decoded, ``text`` is approximate. If it is too long, ``is_cut`` is True and
    ``text`` and ``raw`` are its start.
    """

    number: int
    text: str
    raw: bytes
    end: int  # bytes of the file read so far
    problem: str | None
    is_cut: bool = False

    @property
    def undecodable(self) -> bool:
        """Return True if its bytes cannot be decoded."""
        return self.problem is not None and not self.is_cut


def check_encoding(name: str | None) -> str:
    """Return the usual name of an encoding, by default UTF-8; raise InputError if unknown."""
    try:
        encoding = text_codec(name or "utf-8")
    except LookupError as problem:
        raise InputError(
            f"unknown encoding {name!r}; known encodings: {_EXAMPLES}, ..."
        ) from problem
    return "utf-8" if encoding == "utf-8-sig" else encoding


def read_lines(path: Path, encoding: str) -> Generator[Line]:
    """Yield the lines, split only at newline characters.

    A line of more than 64 MiB, or that cannot be decoded, has a problem. Raises InputError if the
    encoding needs a byte-order mark and it is missing.
    """
    with opened(path) as file:
        codec, end = _skip_mark(path, file, encoding)
        newline = "\n".encode(codec) if codec.startswith(_OTHER_NEWLINES) else b"\n"
        readline = file.readline if newline == b"\n" else _Units(file, newline).readline
        number = 0
        while raw := readline(MAX_RECORD_BYTES + 1):
            number += 1
            start, end = end, end + len(raw)
            if len(raw) > MAX_RECORD_BYTES:
                end += _skip_rest(readline, newline, raw)
                raw = raw[:KEPT_BYTES]
                text = raw.decode(codec, "replace")
                yield Line(number, text, raw, file.on_disk(end), _too_long(), is_cut=True)
                continue
            try:
                yield Line(number, raw.decode(codec), raw, file.on_disk(end), None)
            except UnicodeDecodeError as error:
                unit = raw[error.start : error.start + len(newline)]
                what = "byte" if len(unit) == 1 else "bytes"
                problem = f"not {encoding}: {what} 0x{unit.hex()} at offset {start + error.start}"
                yield Line(number, raw.decode(codec, "replace"), raw, file.on_disk(end), problem)


def rejected_raw(lines: Sequence[Line], encoding: str) -> bytes:
    """Return the bytes of the lines of a rejected record.

    Decodable UTF-16 and UTF-32 becomes UTF-8, which is readable.
    """
    if encoding.startswith(tuple(_MARKED)) and not any(line.problem for line in lines):
        return "".join(line.text for line in lines).encode("utf-8")
    return b"".join(line.raw for line in lines)


def _skip_mark(path: Path, file: Stream, encoding: str) -> tuple[str, int]:
    """Skip a byte-order mark; return the codec of the lines and the length of the mark."""
    if encoding == "utf-8":
        return encoding, file.skip_bom()
    if encoding not in _MARKED:
        return encoding, 0
    for codec, bom in _MARKED[encoding].items():
        if length := file.skip_bom(bom):
            return codec, length
    raise InputError(
        f"{path}: not {encoding}, because its byte-order mark is missing; pass the right "
        f"--encoding, such as {' or '.join(_MARKED[encoding])}"
    )


def _skip_rest(readline: Callable[[int], bytes], newline: bytes, last: bytes) -> int:
    """Skip the rest of a line and return its number of bytes."""
    passed = 0
    while last and not last.endswith(newline):
        last = readline(_PIECE_BYTES)
        passed += len(last)
    return passed


def _too_long() -> str:
    size, kept = MAX_RECORD_BYTES >> 20, KEPT_BYTES >> 10
    return f"a line of more than {size} MiB, of which the first {kept} KiB are kept here"


class _Units:
    """Lines whose newline is another byte or several bytes, which are the unit of the text."""

    def __init__(self, file: Stream, newline: bytes) -> None:
        self._file = file
        self._newline = newline
        self._ahead = bytearray()
        self._at = 0  # offset in it of the next line

    def readline(self, size: int) -> bytes:
        """Return the next line with its end, or at least its first ``size`` bytes."""
        size += -size % len(self._newline)
        searched = 0
        while True:
            length = self._length(searched)
            ready = len(self._ahead) - self._at
            if length is not None or ready >= size:
                length = size if length is None else min(length, size)
                break
            searched = ready - ready % len(self._newline)
            del self._ahead[: self._at]
            self._at = 0
            piece = self._file.read1(_PIECE_BYTES)
            if not piece:
                length = ready
                break
            self._ahead += piece
        start, self._at = self._at, self._at + length
        return bytes(self._ahead[start : self._at])

    def _length(self, searched: int) -> int | None:
        """Return the length of the next line, or None if its end has not been read."""
        width = len(self._newline)
        place = self._ahead.find(self._newline, self._at + searched)
        while place >= 0 and (place - self._at) % width:  # the halves of two units
            place = self._ahead.find(self._newline, place + 1)
        return None if place < 0 else place - self._at + width
