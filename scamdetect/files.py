"""Files that are written whole or not at all, their hashes, and folders for one at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from scamdetect.errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows, where nothing keeps two runs apart
    fcntl = None  # type: ignore[assignment]


def file_sha256(path: Path) -> str:
    """Return the sha256 of the file in hex; raise OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path that gets the final name at the end, so that a kill leaves no half.

    Raises InputError where the path has no name, as an empty one.
    """
    if not path.name:
        raise InputError(f"'{path}' names no file to write; give one")
    partial = path.with_name(path.name + ".part")
    yield partial
    partial.replace(path)


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Give an open file that is on the disk before it gets the final name, and gone on an error.

    Raises OSError.
    """
    with replacing(path) as partial:
        try:
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of the folder; a kill frees it. Raises InputError where one is in it."""
    if fcntl is None:
        yield
        return
    with (folder / "lock").open("ab") as file:
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
