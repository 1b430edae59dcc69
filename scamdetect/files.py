"""Files that are written whole or not at all, and their hashes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def file_sha256(path: Path) -> str:
    """Return the sha256 of the file in hex; raise OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path that gets the final name at the end, so that a kill leaves no half."""
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
