"""Open a file as decompressed bytes, detect its text encoding, and read bounded lines."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, BinaryIO, NamedTuple

import pyarrow as pa

from scamdetect.errors import InputError
from scamdetect.system.files import open_regular
from scamdetect.system.os_errors import unreadable

if TYPE_CHECKING:
    from scamdetect.dumps.remote import RemoteFile

HEAD_BYTES = 1 << 20
MAX_LINE_BYTES = 64 << 20
KEPT_BYTES = 64 << 10  # of a line that is too long
# Recognised by content: browsers decompress a download and keep its name.
_MAGIC = {
    b"PK\x03\x04": "zip",
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    **{bytes([first]) + b"\x2a\x4d\x18": "zstd" for first in range(0x50, 0x60)},  # a comment
}
# The byte-order mark of UTF-32 starts with that of UTF-16.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARKED = ("utf-16", "utf-32")  # these need a byte-order mark
# Text codecs for domain names and Python source, not for files.
_NOT_OF_FILES = {"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"}
# What spreadsheets and exports wrote in the last decades, each in its widest variant.
_CANDIDATES = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
    "cp874", "koi8-r", "koi8-u", "gb18030", "big5hkscs", "cp932", "cp949", "euc_jis_2004",
]  # fmt: skip
# The confidence of chardet, or its lead over the next encoding that reads another text.
_CONFIDENT, _AHEAD = 0.2, 1.25
_SAMPLE_BYTES = 256 << 10
_MOST_CONTROLS = 0.1  # of the bytes; half the bytes of UTF-16 look like controls
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")


class EmptyFileError(InputError):
    """Raised if a file contains nothing to score."""


class Stream(io.BufferedReader):
    """The decompressed bytes of a file; ``where`` names it in errors."""

    def __init__(self, raw: io.RawIOBase, file: BinaryIO, where: str, size: int) -> None:
        super().__init__(raw, 64 << 10)
        self.where = where
        self.size = size  # of the compressed file
        self._file = file

    @property
    def share(self) -> float:
        """Return the share of the file that has been read, 0 if its size is unknown."""
        return min(1.0, self.position / self.size) if self.size else 0.0

    @property
    def position(self) -> int:
        """Return how many bytes of the file, compressed or not, have been read."""
        return self.size if self.closed else self._file.tell()

    def close(self) -> None:
        """Close the file too."""
        super().close()
        self._file.close()


class _Raw(io.RawIOBase):
    """The bytes of an open file, decompressed; raises InputError if they cannot be read."""

    def __init__(self, file: Any, where: str, packing: str | None) -> None:  # noqa: ANN401
        self._file, self._where, self._packing, self._read = file, where, packing, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._packing is None

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        try:
            count = int(self._file.readinto(buffer))
        except (pa.ArrowException, OSError, EOFError, zlib.error, zipfile.BadZipFile) as problem:
            if isinstance(problem, OSError) and problem.errno is not None:
                raise unreadable(Path(self._where), problem) from problem
            raise InputError(
                f"{self._where}: {self._packing} data is cut off or damaged after {self._read:,} "
                "bytes; copy or export it again"
            ) from None
        self._read += count
        return count


def open_bytes(path: Path | RemoteFile, *, unpack: bool = True) -> Stream:
    """Open a file for reading; decompress gzip, Zstandard and a zip archive of one file.

    Raises InputError if the file cannot be read or decompressed.
    """
    where = str(path)
    if isinstance(path, Path):
        try:
            file: Any = open_regular(path)
            size = path.stat().st_size
        except OSError as problem:
            raise unreadable(path, problem) from problem
    else:
        file, size = path.open(), path.size
    packing = _packing(file) if unpack else None
    unpacked = file
    if packing == "zip":
        unpacked = zip_member(file, where)
    elif packing:
        unpacked = pa.CompressedInputStream(file, packing)
    return Stream(_Raw(unpacked, where, packing), file, where, size)


def _packing(file: BinaryIO) -> str | None:
    try:
        start = file.read(4)
        file.seek(0)
    except OSError as problem:
        raise unreadable(Path(str(file.name)), problem) from problem
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)


def zip_member(file: BinaryIO, where: str) -> IO[bytes]:
    """Open the only file of a zip archive, or its only text file; raise InputError."""
    try:
        archive = zipfile.ZipFile(file)
        return archive.open(_member(archive.namelist(), where))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        raise InputError(
            f"{where}: the zip archive is damaged or encrypted; unpack it first"
        ) from None


def _member(names: list[str], where: str) -> str:
    files = [name for name in names if not name.endswith("/") and "__MACOSX" not in name]
    texts = [name for name in files if name.lower().endswith(".txt")]  # a chat and its pictures
    if 1 not in (len(files), len(texts)):
        raise InputError(f"{where}: the archive has {len(files)} files; unpack it")
    return files[0] if len(files) == 1 else texts[0]


def unpacked_name(path: Path | RemoteFile) -> str:
    """Return the name of a file without compression, or of the file in a zip archive."""
    stem, dot, extension = path.name.rpartition(".")
    if extension.lower() == "zip" and dot:
        with open_bytes(path, unpack=False) as stream, zip_member(stream, str(path)) as member:
            return PurePosixPath(str(member.name)).name
    return stem if dot and extension.lower() in ("gz", "zst") else path.name


def first_bytes(path: Path | RemoteFile, size: int = HEAD_BYTES) -> bytes:
    """Return the first decompressed bytes of a file; raise InputError if it is unreadable."""
    with open_bytes(path) as stream:
        return stream.read(size)


class Encoding(NamedTuple):
    """The usual name of a codec, and a note if it was detected."""

    name: str
    note: str | None = None


def check_encoding(name: str) -> str:
    """Return the usual name of an encoding; raise InputError if it is unknown."""
    try:
        codec = codecs.lookup(name).name
        "".encode(codec)  # rejects codecs that do not encode text
        if codec.replace("-", "_") in _NOT_OF_FILES:
            raise LookupError
    except (LookupError, ValueError):
        raise InputError(
            f"unknown encoding {name!r}; known encodings: utf-8, utf-16, cp1252, cp1251, gb18030, "
            "big5, shift_jis, euc-kr, tis-620, ..."
        ) from None
    return "utf-8" if codec == "utf-8-sig" else codec


def detect_encoding(head: bytes, where: str, given: str | None = None) -> Encoding:
    """Return the given encoding, or detect that of the start of a file.

    A file with a few lines that are not UTF-8 is read as UTF-8. Raises InputError, with the likely
    encodings, if it is uncertain.
    """
    if given is not None:
        return Encoding(check_encoding(given))
    for bom, name in _BOMS:
        if head.startswith(bom):
            return Encoding(name, None if name == "utf-8" else _note(name, "its byte-order mark"))
    if b"\0" in head and (wide := _wide(head)):
        return Encoding(wide, _note(wide, "detected"))
    lines = [line for line in head.split(b"\n") if line.strip()]
    if len(head) >= HEAD_BYTES and len(lines) > 1:  # the last line may be incomplete
        lines.pop()
    damaged = [line for line in lines if not _decodes(line, "utf-8")]
    intact = sum(not line.isascii() for line in lines) - len(damaged)
    few = len(damaged) < 3 and len(damaged) * 2 < len(lines) - 1
    if not damaged or few or intact * 10 > len(damaged):
        return Encoding("utf-8")
    return _guess(damaged, len(lines), where)


def _guess(damaged: list[bytes], total: int, where: str) -> Encoding:
    import chardet

    sample = b"\n".join(damaged)[:_SAMPLE_BYTES]
    guesses = [
        (codecs.lookup(guess["encoding"]).name, guess["confidence"])
        for guess in chardet.detect_all(
            sample,
            ignore_threshold=True,
            prefer_superset=True,
            compat_names=False,
            include_encodings=_CANDIDATES,
            no_match_encoding=_CANDIDATES[0],
            empty_input_encoding=_CANDIDATES[0],
        )
        if guess["encoding"] is not None
    ]
    guesses.sort(key=lambda guess: -guess[1])
    if guesses:
        name, confidence = guesses[0]
        text = sample.decode(name, "replace")
        rivals = [other for codec, other in guesses if sample.decode(codec, "replace") != text]
        fits = sum(_decodes(line, name) for line in damaged) >= 0.9 * len(damaged)
        if fits and (confidence >= _CONFIDENT or confidence >= _AHEAD * max(rivals, default=0.0)):
            return Encoding(name, _note(name, "detected"))
    names = ", ".join(name for name, _ in guesses[:3])
    if len(damaged) * 2 > total:
        raise InputError(
            f"{where}: not UTF-8, and its encoding is uncertain (perhaps {names}); pass --encoding"
        )
    return Encoding(
        "utf-8",
        f"read as utf-8, but {len(damaged):,} of the first {total:,} lines are not (perhaps "
        f"{names}); --encoding overrides",
    )


def _wide(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32 without a byte-order mark, or None."""
    first = head.split(b"\n", 1)[0].rstrip(b"\r\0")
    if _decodes(first, "utf-8") and len(_CONTROLS.findall(first)) <= _MOST_CONTROLS * len(first):
        return None
    counts = {}
    for name in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        try:
            text = codecs.getincrementaldecoder(name)().decode(head)
        except UnicodeDecodeError:
            continue
        # In the other byte order these are rare letters.
        counts[name] = sum(map(text.count, '\n\t ,;"，。、'))
    best = max(counts, key=lambda name: counts[name], default=None)
    return best if best is not None and counts[best] else None


def _decodes(raw: bytes, name: str) -> bool:
    try:
        raw.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _note(name: str, why: str) -> str:
    return f"read as {re.sub('^cp(?=125.$)', 'windows-', name)} ({why}); --encoding overrides"


class Line(NamedTuple):
    """A physical line with its line end; bytes that cannot be decoded are U+FFFD in ``text``.

    ``problem`` describes these bytes. ``is_cut`` is True if the line is too long: then ``text`` and
    ``raw`` are its start.
    """

    number: int
    text: str
    raw: bytes
    offset: int
    problem: str | None = None
    is_cut: bool = False


def read_lines(stream: Stream, encoding: str) -> Iterator[Line]:
    """Yield the lines, split only at newline characters, and close the stream.

    A line of more than 64 MiB is cut. Raises InputError if the encoding needs a byte-order mark and
    it is missing.
    """
    with closing(stream):
        if encoding.startswith(_MARKED) or "\n".encode(encoding) != b"\n":
            yield from _wide_lines(stream, encoding)
            return
        offset = 0
        if encoding == "utf-8" and stream.peek(3).startswith(codecs.BOM_UTF8):
            offset = len(stream.read(3))
        number = 0
        while raw := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            start, offset = offset, offset + len(raw)
            if len(raw) > MAX_LINE_BYTES:
                kept = raw[:KEPT_BYTES]
                while raw and not raw.endswith(b"\n"):
                    raw = stream.readline(KEPT_BYTES)
                    offset += len(raw)
                yield _cut(number, kept.decode(encoding, "replace"), kept, start)
                continue
            try:
                yield Line(number, raw.decode(encoding), raw, start)
            except UnicodeDecodeError as error:
                problem = (
                    f"not {encoding}: byte 0x{raw[error.start]:02x} at offset "
                    f"{start + error.start}; U+FFFD instead"
                )
                yield Line(number, raw.decode(encoding, "replace"), raw, start, problem)


def _wide_lines(stream: Stream, encoding: str) -> Iterator[Line]:
    """Yield lines whose newline is another byte or several bytes; their ``raw`` is UTF-8."""
    if encoding in _MARKED and not stream.peek(4).startswith(
        tuple(bom for bom, name in _BOMS if name == encoding)
    ):
        raise InputError(
            f"{stream.where}: not {encoding}, because its byte-order mark is missing; pass "
            f"--encoding {encoding}-le or {encoding}-be"
        )
    text = io.TextIOWrapper(stream, encoding, errors="replace", newline="\n")
    unit = f"{encoding}-le" if encoding in _MARKED else encoding  # writes no byte-order mark
    number = offset = 0
    while line := text.readline(MAX_LINE_BYTES + 1):
        number += 1
        line = line.removeprefix("\ufeff") if number == 1 else line
        raw = line.encode("utf-8", "replace")
        start, offset = offset, offset + len(line.encode(unit, "replace"))
        if len(line) <= MAX_LINE_BYTES:
            problem = f"not {encoding}; U+FFFD instead" if "\ufffd" in line else None
            yield Line(number, line, raw, start, problem)
            continue
        while line and not line.endswith("\n"):
            line = text.readline(KEPT_BYTES)
        yield _cut(number, raw[:KEPT_BYTES].decode("utf-8", "replace"), raw[:KEPT_BYTES], start)


def _cut(number: int, text: str, raw: bytes, offset: int) -> Line:
    size, kept = MAX_LINE_BYTES >> 20, KEPT_BYTES >> 10
    problem = f"a line of more than {size} MiB, of which the first {kept} KiB are kept here"
    return Line(number, text, raw, offset, problem, is_cut=True)
