"""Files written whole or not at all, read only if regular, and who may read what is made of them.

Names of files are known beforehand and others may have put something there, such as a link to a
file of yours. So a file is created anew or not written, and no link is followed.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from scamdetect.errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows, where nothing keeps two runs apart
    fcntl = None  # type: ignore[assignment]

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


_OWNER, _GROUP, _OTHERS = 0o600, 0o070, 0o004


@dataclass(frozen=True)
class Access:
    """The most that a new file allows, before the umask.

    ``mode`` has bits of permission. If ``group`` is not None, those of the group hold only for a
    file of the group with this number.
    """

    mode: int = 0o666
    group: int | None = None

    def __and__(self, other: Access) -> Access:
        """Return what both allow."""
        groups = {one.group for one in (self, other)} - {None}
        mode = self.mode & other.mode
        if len(groups) > 1:
            return Access(mode & ~_GROUP)
        return Access(mode, next(iter(groups), None))

    def narrow(self, file: IO[bytes]) -> None:
        """Take the group's rights from an open new file that belongs to another group."""
        if self.group is None or not hasattr(os, "fchmod"):
            return
        status = os.fstat(file.fileno())
        if status.st_gid != self.group:
            os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode) & ~_GROUP)


ANYONE = Access()
OWNER = Access(_OWNER)


def access_of(paths: Iterable[Path]) -> Access:
    """Return what a file made from these may allow: the strictest of those that are there.

    A folder stands for itself and the files in it.
    """
    found = ANYONE
    for path in chain.from_iterable((path, *files_in(path)) for path in paths):
        try:
            status = path.stat()
        except OSError:
            continue
        mode = status.st_mode & ANYONE.mode | _OWNER
        only_group = mode & _GROUP and not mode & _OTHERS
        found &= Access(mode, status.st_gid if only_group else None)
    return found


def files_in(path: Path) -> Iterable[Path]:
    """Return what is in a folder, nothing for what is no folder or cannot be read."""
    try:
        return list(path.iterdir()) if path.is_dir() else ()
    except OSError:
        return ()


def narrow(path: Path, access: Access) -> None:
    """Take from a file that is there what ``access`` does not allow; raise OSError."""
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    least = mode & access.mode
    if access.group not in (None, status.st_gid):
        least &= ~_GROUP
    if least != mode:
        path.chmod(least)


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
