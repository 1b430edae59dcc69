"""Files that are written whole or not at all, their hashes, and folders for one run at a time.

Names of files are known beforehand and others may have put something there, such as a link to a
file of yours. So a file is created anew or not written, and no link is followed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from scamdetect.errors import InputError
from scamdetect.system.access import ANYONE, OWNER, Access, access_of
from scamdetect.system.regular_files import open_regular

try:
    import fcntl
except ImportError:  # not on Windows, where nothing keeps two runs apart
    fcntl = None  # type: ignore[assignment]

# Windows has no O_NOFOLLOW: there only administrators make links, and a new file is still new.
_CLOSED_TO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def file_sha256(path: Path) -> str:
    """Return the sha256 of the file in hex; raise OSError, or InputError for a pipe or device."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writing(path: Path, access: Access = ANYONE) -> Iterator[IO[bytes]]:
    """Give an open file that is on the disk before it gets the final name, and gone on an error.

    A file or link of that name is replaced, a link itself and not what it names. The file allows at
    most what ``access`` and the replaced file allow. Raises OSError.
    """
    partial = _free_name(path.with_name(f"{path.name}.part"))
    with create(partial, access & access_of([path])) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()  # Windows renames no open file
            partial.replace(path)
        except BaseException:
            file.close()
            partial.unlink(missing_ok=True)
            raise


def _free_name(path: Path) -> Path:
    """Return the path, or a name that nobody foresees where something has it: perhaps an input."""
    if not os.path.lexists(path):
        return path
    return path.with_name(f"{path.stem}.{secrets.token_hex(4)}{path.suffix}")


def write_text(path: Path, text: str, access: Access = ANYONE) -> None:
    """Write a file of UTF-8 whole or not at all, or raise as ``writing`` does."""
    with writing(path, access) as file:
        file.write(text.encode("utf-8"))


def create(path: Path, access: Access = ANYONE) -> IO[bytes]:
    """Return a new file that is open for writing, in the place of what has the name.

    Raises OSError, also if someone takes the name in that moment.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CLOSED_TO_LINKS | _BINARY

    def create_new(name: str, _: int) -> int:
        return os.open(name, flags, access.mode)

    try:
        file = open(path, "wb", opener=create_new)
    except FileExistsError:  # left by a kill or planted: a link goes, what it names stays
        path.unlink(missing_ok=True)
        file = open(path, "wb", opener=create_new)
    access.narrow(file)
    return file


def append(path: Path, access: Access = ANYONE) -> IO[bytes]:
    """Return a file that is open for writing at its end; it is created if it is missing.

    Raises InputError if the name is that of a link or of no regular file, OSError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _CLOSED_TO_LINKS | _BINARY
    try:
        file = open(path, "ab", opener=lambda name, _: os.open(name, flags, access.mode))
    except OSError as problem:
        if problem.errno not in (errno.ELOOP, errno.EMLINK, errno.ENXIO):  # EMLINK: FreeBSD
            raise
        raise InputError(f"{path}: is a link or no file, so it is not written; remove it") from (
            problem
        )
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise InputError(f"{path}: is no file, so it is not written; remove it")
    return file


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of the folder; a kill frees it.

    Raises InputError if another run is in it or the lock is a link, OSError.
    """
    if fcntl is None:
        yield
        return
    with append(folder / "lock", OWNER) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise InputError(
                f"{folder}: another run is at work on it; wait for its end or choose another "
                "destination"
            ) from problem
        except OSError:  # a file system that knows no locks
            pass
        yield
