"""Open a file as a stream of bytes, unpacked while it is read where it is compressed."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from scamdetect.dumps.remote_path import RemotePath
from scamdetect.errors import InputError
from scamdetect.system.files import open_raw
from scamdetect.system.os_errors import of_system, unreadable

# Told by the content: browsers unpack a download and keep its name.
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    **{bytes([first]) + b"\x2a\x4d\x18": "zstd" for first in range(0x50, 0x60)},  # a comment
}
_BUFFER_BYTES = 64 << 10


class DamagedError(InputError):
    """Report compressed data that is cut off or damaged; ``found`` leaves out the cure."""

    def __init__(self, found: str) -> None:
        super().__init__(f"{found}; copy or export it again")
        self.found = found


class EmptyFileError(InputError):
    """Report a file that holds nothing to read."""


class OtherContentError(InputError):
    """Report a file that plainly holds something else than its name says."""


class Stream(io.BufferedReader):
    """The bytes of a file, unpacked where it is compressed."""

    def __init__(self, file: io.FileIO, compression: str | None) -> None:
        self._unpacked = None if compression is None else _Unpacked(file, compression)
        super().__init__(self._unpacked or file, _BUFFER_BYTES)

    def skip_bom(self, bom: bytes = codecs.BOM_UTF8) -> int:
        """Move behind the byte-order mark and return its length, 0 where there is none."""
        return len(self.read(len(bom))) if self.peek(len(bom)).startswith(bom) else 0

    def on_disk(self, offset: int) -> int:
        """Return how many bytes of the file itself have been read up to this offset."""
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
            found = f"{self._compression} data that is cut off or damaged ({problem})"
            raise DamagedError(f"{self._file.name}: {found}") from problem
        self._offset += count
        self.read_on_disk = self._file.tell()
        return count


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn a failure to read the file within the context into an InputError."""
    try:
        yield
    except OSError as problem:
        raise unreadable(path, problem) from problem


@contextmanager
def opened(path: Path) -> Iterator[Stream]:
    """Give the bytes of a file; raise InputError where it cannot be read or unpacked."""
    with (
        reading(path),
        _raw(path) as file,
        Stream(file, compression(path)) as stream,
    ):
        yield stream


def _raw(path: Path) -> io.FileIO:
    # A file behind a URL is neither a pipe nor a device of this machine.
    return path.open("rb", buffering=0) if isinstance(path, RemotePath) else open_raw(path)


def beginning(path: Path, size: int) -> bytes:
    """Return the first bytes of a file; raise InputError where it cannot be read or unpacked."""
    with opened(path) as stream:
        return stream.read(size)


def compression(path: Path) -> str | None:
    """Return how the content of a file is compressed, if it is; raise InputError."""
    with reading(path), _raw(path) as file:
        start = file.read(4)
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)
