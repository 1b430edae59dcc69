"""Open a file as decompressed bytes, detect its text encoding, and read bounded lines."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
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

    Location = Path | RemoteFile

HEAD_BYTES = 1 << 20
MAX_LINE_BYTES = 64 << 20
KEPT_BYTES = 64 << 10  # of a line that is too long
# Recognised by content: browsers decompress a download and keep its name.
_MAGIC = {b"PK\x03\x04": "zip", b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
# The byte-order mark of UTF-32 starts with that of UTF-16.
_BOMS = {
    codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
# What spreadsheets and exports wrote in the last decades, each in its widest variant.
_CANDIDATES = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
    "cp874", "koi8-r", "koi8-u", "gb18030", "big5hkscs", "cp932", "cp949", "euc_jis_2004",
]  # fmt: skip
# The least confidence of chardet, and its lead over the next encoding that reads another text.
_CONFIDENT, _AHEAD, _WIDE = 0.03, 1.25, 0.9
_SAMPLE_BYTES = 256 << 10


class EmptyFileError(InputError):
    """Raised if a file contains nothing to score."""


class Stream(io.BufferedReader):
    """The decompressed bytes of a file of ``size`` bytes; raises InputError if unreadable."""

    def __init__(self, raw: Any, file: Any, where: str, size: int, packing: str = "") -> None:  # noqa: ANN401
        super().__init__(_Raw(raw, where, packing, size), 64 << 10)
        self.size, self._file = size, file

    @property
    def position(self) -> int:
        """Return how many bytes of the file, compressed or not, have been read."""
        return self.size if self.closed else int(self._file.tell())

    @property
    def share(self) -> float:
        """Return the share of the file that has been read, 0 if its size is unknown."""
        return min(1.0, self.position / self.size) if self.size else 0.0

    def close(self) -> None:
        """Close the file too."""
        super().close()
        self._file.close()


class _Raw(io.RawIOBase):
    def __init__(self, file: Any, where: str, packing: str, size: int) -> None:  # noqa: ANN401
        self._file, self._where, self._packing, self._left = file, where, packing, size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return not self._packing

    def seek(self, offset: int, whence: int = 0) -> int:
        self._left = 0  # not read from the beginning to the end
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        try:
            count = int(self._file.readinto(buffer))
        except OSError as problem:
            if problem.errno is not None:
                raise unreadable(Path(self._where), problem) from None
            raise self._damaged() from None
        except Exception:  # of Arrow, zipfile, or the libraries behind fsspec, with any text
            raise self._damaged() from None
        self._left -= count
        if not count and self._left > 0 and not self._packing:
            raise InputError(f"{self._where}: ends early; it changed while it was read")
        return count

    def _damaged(self) -> InputError:
        what = f"{self._packing} data is cut off or damaged" if self._packing else "cannot be read"
        return InputError(f"{self._where}: {what}; copy or export it again")


def open_bytes(path: Location, *, unpack: bool = True) -> Stream:
    """Open a file for reading; decompress gzip, Zstandard and a zip archive of one file."""
    where = str(path)
    try:
        file: Any = open_regular(path) if isinstance(path, Path) else path.open()
        size = path.stat().st_size if isinstance(path, Path) else path.size
        start = file.read(4) if unpack else b""
        file.seek(0)
    except OSError as problem:
        raise unreadable(Path(where), problem) from problem
    packing = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")
    if packing == "zip":
        return Stream(zip_member(file, where), file, where, size, packing)
    raw = pa.CompressedInputStream(file, packing) if packing else file
    return Stream(raw, file, where, size, packing)


def zip_member(file: BinaryIO, where: str) -> IO[bytes]:
    """Open the only file of a zip archive, or its only text file; raise InputError."""
    try:
        archive = zipfile.ZipFile(file)
        files = [name for name in archive.namelist() if not name.endswith("/")]
        texts = [name for name in files if name.lower().endswith(".txt")]  # a chat and its pictures
        if 1 not in (len(files), len(texts)):
            raise InputError(f"{where}: the archive has {len(files)} files; unpack it")
        return archive.open(files[0] if len(files) == 1 else texts[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        raise InputError(f"{where}: the archive is damaged or encrypted; unpack it first") from None


def unpacked_name(path: Location) -> str:
    """Return the name of a file without compression, or of the file in a zip archive."""
    stem, dot, extension = path.name.rpartition(".")
    if dot and extension.lower() == "zip":
        with open_bytes(path, unpack=False) as stream, zip_member(stream, str(path)) as member:
            return PurePosixPath(str(member.name)).name
    return stem if dot and extension.lower() in ("gz", "zst") else path.name


def first_bytes(path: Location, size: int = HEAD_BYTES) -> bytes:
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
    except (LookupError, ValueError):
        raise InputError(f"unknown encoding {name!r}; use one such as utf-8 or cp1252") from None
    return "utf-8" if codec == "utf-8-sig" else codec


def detect_encoding(head: bytes, where: str, given: str | None = None) -> Encoding:
    """Return the given encoding, or detect that of the start of a file; raise InputError."""
    if given is not None:
        return Encoding(check_encoding(given))
    for bom, name in _BOMS.items():
        if head.startswith(bom):
            return Encoding(name, None if name == "utf-8" else _note(name, "its byte-order mark"))
    # A NUL that one sender wrote does not make a file UTF-16: that has many, or is no UTF-8.
    nuls = head.count(0) / max(len(head), 1)
    if nuls > 0.2 or nuls > 0.01 and not _decodes(head.replace(b"\0", b""), "utf-8"):
        import chardet

        wide = chardet.detect(head)
        if (wide["confidence"] or 0) >= _WIDE and str(wide["encoding"]).startswith("utf-"):
            return Encoding(str(wide["encoding"]), _note(str(wide["encoding"]), "detected"))
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
    found = chardet.detect_all(
        sample,
        ignore_threshold=True,
        prefer_superset=True,
        compat_names=False,
        include_encodings=_CANDIDATES,
        no_match_encoding=_CANDIDATES[0],
        empty_input_encoding=_CANDIDATES[0],
    )
    named = [(codecs.lookup(g["encoding"]).name, g["confidence"]) for g in found if g["encoding"]]
    # chardet has no encoding for what looks binary.
    guesses = sorted(named, key=lambda guess: -guess[1]) or [(_CANDIDATES[0], 0.0)]
    best, confidence = guesses[0]
    text = sample.decode(best, "replace")
    rivals = [other for name, other in guesses if sample.decode(name, "replace") != text]
    fits = sum(_decodes(line, best) for line in damaged) >= 0.9 * len(damaged)
    if fits and confidence >= max(_CONFIDENT, _AHEAD * max(rivals, default=0.0)):
        return Encoding(best, _note(best, "detected"))
    names = ", ".join(name for name, _ in guesses[:3])
    if len(damaged) * 2 > total:
        raise InputError(
            f"{where}: not UTF-8, and its encoding is uncertain (perhaps {names}); pass --encoding"
        )
    share = f"{len(damaged):,} of the first {total:,} lines are not"
    return Encoding("utf-8", f"read as utf-8, but {share} (perhaps {names}); --encoding overrides")


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
    """Yield the lines, split only at newline characters, and close the stream."""
    readline = stream.readline
    if encoding.startswith(("utf-16", "utf-32")) or "\n".encode(encoding) != b"\n":
        text = io.TextIOWrapper(stream, encoding, errors="replace", newline="\n")
        encoding = "utf-8"

        def readline(size: int | None = -1, /) -> bytes:
            return text.readline(size or -1).encode("utf-8", "replace")

    number = offset = 0
    with closing(stream):
        while raw := readline(MAX_LINE_BYTES + 1):
            number += 1
            start, offset = offset, offset + len(raw)
            rest = raw if len(raw) > MAX_LINE_BYTES else b""
            while rest and not rest.endswith(b"\n"):
                rest = readline(KEPT_BYTES)
                offset += len(rest)
            if number == 1 and encoding == "utf-8":
                raw = raw.removeprefix(codecs.BOM_UTF8)
            yield _line(number, raw, start, encoding)


def _line(number: int, raw: bytes, offset: int, encoding: str) -> Line:
    if len(raw) > MAX_LINE_BYTES:
        raw = raw[:KEPT_BYTES]
        problem = f"a line of more than {MAX_LINE_BYTES >> 20} MiB, of which the start is kept here"
        return Line(number, raw.decode(encoding, "replace"), raw, offset, problem, is_cut=True)
    try:
        return Line(number, raw.decode(encoding), raw, offset)
    except UnicodeDecodeError as error:
        byte = f"byte 0x{raw[error.start]:02x} at offset {offset + error.start}"
        problem = f"not {encoding}: {byte}; U+FFFD instead"
        return Line(number, raw.decode(encoding, "replace"), raw, offset, problem)
