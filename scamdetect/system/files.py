"""Write files completely or not at all, read only regular files, and limit who can read results.

File names are predictable, so another user may have created a link to one of your files under the
name. So files are always created, and links are never followed.
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
except ImportError:  # not on Windows, which has no lock against a second run
    fcntl = None  # type: ignore[assignment]

# Do not wait for the other end of a pipe, and let no terminal become the controlling one.
_SAFELY = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def check_regular(path: str | os.PathLike[str]) -> None:
    """Raise InputError unless the path is a file or a folder, OSError if it is missing.

    For libraries that open a path themselves; ``open_regular`` is safe even if the file is
    replaced.
    """
    check_status(path, os.stat(path))


def open_raw(path: Path) -> io.FileIO:
    """Open a file for unbuffered binary reading; raise as ``open_regular`` does."""
    check_regular(path)  # opening a device can have side effects
    return io.FileIO(path, "r", opener=_open)


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for binary reading.

    Raises InputError for a pipe, a socket or a device, OSError for a folder or an unreadable file.
    """
    return io.BufferedReader(open_raw(path))


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; raise as ``open_regular`` does."""
    with open_raw(path) as file:
        return file.readall()


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """Return the text of a file, with line ends as in text mode.

    Raises UnicodeDecodeError, and the errors of ``open_regular``.
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
            f"{path}: is {found}, not a file; write the data to a file first and pass that file"
        )


_OWNER, _GROUP, _OTHERS = 0o600, 0o070, 0o004


@dataclass(frozen=True)
class Access:
    """The permissions that a new file can have at most, before the umask.

    ``mode`` holds permission bits. If ``group`` is not None, the group bits apply only to a file of
    that group id.
    """

    mode: int = 0o666
    group: int | None = None

    def __and__(self, other: Access) -> Access:
        """Return the permissions that both allow."""
        groups = {one.group for one in (self, other)} - {None}
        mode = self.mode & other.mode
        if len(groups) > 1:
            return Access(mode & ~_GROUP)
        return Access(mode, next(iter(groups), None))

    def narrow(self, file: IO[bytes]) -> None:
        """Remove the group permissions of an open new file that has another group."""
        if self.group is None or not hasattr(os, "fchmod"):
            return
        status = os.fstat(file.fileno())
        if status.st_gid != self.group:
            os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode) & ~_GROUP)


ANYONE = Access()
OWNER = Access(_OWNER)


def access_of(paths: Iterable[Path]) -> Access:
    """Return the permissions for a file made from these: the strictest of the existing ones.

    A folder counts with all the files in it.
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
    """Return the entries of a folder; empty for anything else and for an unreadable folder."""
    try:
        return list(path.iterdir()) if path.is_dir() else ()
    except OSError:
        return ()


def narrow(path: Path, access: Access) -> None:
    """Remove the permissions of an existing file that ``access`` does not allow; raise OSError."""
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    least = mode & access.mode
    if access.group not in (None, status.st_gid):
        least &= ~_GROUP
    if least != mode:
        path.chmod(least)


# Windows has no O_NOFOLLOW: there only administrators create links, and the file is still new.
_CLOSED_TO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def file_sha256(path: Path) -> str:
    """Return the sha256 of the file in hex; raise OSError, or InputError for a pipe or device."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writing(path: Path, access: Access = ANYONE) -> Iterator[IO[bytes]]:
    """Open a file that gets its final name when it is on disk, or is removed on error.

    An existing file or link of that name is replaced (the link itself, not its target). The file
    gets at most the permissions of ``access`` and of the replaced file. Raises OSError.
    """
    partial = _free_name(path.with_name(f"{path.name}.part"))
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


def _free_name(path: Path) -> Path:
    """Return the path, or a random name if it exists, because it may be an input."""
    if not os.path.lexists(path):
        return path
    return path.with_name(f"{path.stem}.{secrets.token_hex(4)}{path.suffix}")


def write_text(path: Path, text: str, access: Access = ANYONE) -> None:
    """Write a UTF-8 file completely or not at all; raise as ``writing`` does."""
    with writing(path, access) as file:
        file.write(text.encode("utf-8"))


def create(path: Path, access: Access = ANYONE) -> IO[bytes]:
    """Create a file for writing and replace an existing one.

    Raises OSError, also if someone else creates the name at that moment.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CLOSED_TO_LINKS | _BINARY

    def create_new(name: str, _: int) -> int:
        return os.open(name, flags, access.mode)

    try:
        file = open(path, "wb", opener=create_new)
    except FileExistsError:  # left by a killed job or planted: remove a link, keep its target
        path.unlink(missing_ok=True)
        file = open(path, "wb", opener=create_new)
    access.narrow(file)
    return file


def append(path: Path, access: Access = ANYONE) -> IO[bytes]:
    """Open a file for appending; create it if it is missing.

    Raises InputError if the path is a link or not a regular file; OSError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _CLOSED_TO_LINKS | _BINARY
    try:
        file = open(path, "ab", opener=lambda name, _: os.open(name, flags, access.mode))
    except OSError as problem:
        if problem.errno not in (errno.ELOOP, errno.EMLINK, errno.ENXIO):  # EMLINK: FreeBSD
            raise
        raise InputError(f"{path}: is a link or not a file and is not written; remove it") from (
            problem
        )
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise InputError(f"{path}: is not a file and is not written; remove it")
    return file


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder against other runs; the lock ends when the process is killed.

    Raises InputError if another run holds the lock or the lock is a link; OSError.
    """
    if fcntl is None:
        yield
        return
    with append(folder / "lock", OWNER) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise InputError(
                f"{folder}: another run is using it; wait until it ends or choose another "
                "destination"
            ) from problem
        except OSError:  # the file system has no locks
            pass
        yield
