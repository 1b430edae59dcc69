"""Read regular files, and write files completely or not at all.

File names are predictable, so another user may have created a link under the name of a new file:
files are created exclusively and links are not followed.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from scamdetect.errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows, which has no lock against a second run
    fcntl = None  # type: ignore[assignment]

ANYONE = 0o666  # permission bits of a new file, before the umask
OWNER = 0o600

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def check_regular(path: str | os.PathLike[str]) -> None:
    """Raise InputError for a pipe, socket or device, OSError if the path is missing."""
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(f"{path}: is not a regular file; write the data to a file and pass that")


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for binary reading; raise InputError unless it is a regular file, OSError."""
    check_regular(path)
    return open(path, "rb")


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; raise as ``open_regular`` does."""
    with open_regular(path) as file:
        return file.read()


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """Return the text of a file with plain line ends; raise UnicodeDecodeError too."""
    with io.TextIOWrapper(open_regular(path), encoding) as file:
        return file.read()


def file_sha256(path: Path) -> str:
    """Return the sha256 of the file in hex; raise as ``open_regular`` does."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def access_of(paths: Iterable[Path]) -> int:
    """Return the permission bits for a file made from these: those that all of them have."""
    access = ANYONE
    for path in paths:
        for file in (path, *(path.iterdir() if path.is_dir() else ())):
            if file.exists():
                access &= file.stat().st_mode | OWNER
    return access


@contextmanager
def writing(path: Path, access: int = ANYONE) -> Iterator[IO[bytes]]:
    """Open a file that gets its final name when it is on disk, or is removed on error.

    An existing file or link of that name is replaced, not the target of the link. The permissions
    are at most ``access`` and those of the replaced file. Raises OSError.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    with create(partial, access & access_of([path])) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()  # Windows cannot rename an open file
            partial.replace(path)
        except BaseException:
            file.close()
            partial.unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str, access: int = ANYONE) -> None:
    """Write a UTF-8 file completely or not at all; raise as ``writing`` does."""
    with writing(path, access) as file:
        file.write(text.encode("utf-8"))


def create(path: Path, access: int = ANYONE) -> IO[bytes]:
    """Create a file for writing, in place of an existing one; raise OSError."""
    path.unlink(missing_ok=True)  # left by a killed job or planted: removes a link, not its target
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _BINARY
    return open(path, "wb", opener=lambda name, _: os.open(name, flags, access))


def append(path: Path, access: int = ANYONE) -> IO[bytes]:
    """Open a file for appending; create it if it is missing. Raises OSError, also for a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NOFOLLOW | _BINARY
    return open(path, "ab", opener=lambda name, _: os.open(name, flags, access))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder against other runs; the lock ends when the process is killed.

    Raises InputError if another run holds the lock; OSError.
    """
    with append(folder / "lock", OWNER) as file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder}: another run is using it; wait until it ends, or choose another folder"
            ) from None
        except OSError:  # the file system has no locks
            pass
        yield
