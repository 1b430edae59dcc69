"""Open regular files only: a pipe, a socket or a device may wait forever or never end."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

from scamdetect.errors import InputError

# Without waiting for the other end of a pipe, and no terminal becomes that of the process.
_SAFELY = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def check_regular(path: str | os.PathLike[str]) -> None:
    """Raise InputError unless the path names a file or a folder, and OSError if it is missing.

    For libraries that open a path themselves; ``open_regular`` also holds if the file is swapped.
    """
    check_status(path, os.stat(path))


def open_raw(path: Path) -> io.FileIO:
    """Open a file for reading bytes without a buffer, or raise as ``open_regular`` does."""
    check_regular(path)  # opening a device may already do something
    return io.FileIO(path, "r", opener=_open)


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading bytes.

    Raises InputError if it is a pipe, a socket or a device, and OSError if it is a folder or cannot
    be read.
    """
    return io.BufferedReader(open_raw(path))


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, or raise as ``open_regular`` does."""
    with open_raw(path) as file:
        return file.readall()


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """Return the text of a file with its line ends as they are read in text mode.

    Raises UnicodeDecodeError, and what ``open_regular`` raises.
    """
    with io.TextIOWrapper(open_regular(path), encoding) as file:
        return file.read()


def _open(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | _SAFELY)
    try:
        check_status(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def check_status(path: object, status: os.stat_result) -> None:
    """Raise InputError unless the status is that of a file or a folder."""
    found = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), None)
    if found is not None:
        raise InputError(
            f"{path}: is {found}, and a file is needed; write the data to a file first "
            "and name that file"
        )
