"""Files that get their final names only when a job has ended well."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from scamdetect.dumps.batches import Reject
from scamdetect.dumps.formats import destination_format, rejects_path
from scamdetect.errors import InputError, OutputError


class Outputs:
    """The destination and its file of rejected records, under temporary names beside them."""

    def __init__(self, destination: Path) -> None:
        self.destination = destination
        self.rejects: Path | None = None
        self._pending: list[tuple[Path, Path]] = []  # temporary and final names
        self._files: list[IO[bytes]] = []
        self._rejects_file: IO[bytes] | None = None

    def open(self) -> IO[bytes]:
        """Return the destination's temporary file, opened; raise OSError."""
        return self._open(self.destination)

    def write_rejects(self, rejects: Sequence[Reject]) -> None:
        """Append rejected records as JSON lines; the first one creates their file."""
        if rejects and self._rejects_file is None:
            self.rejects = rejects_path(self.destination)
            self._rejects_file = self._open(self.rejects)
        for reject in rejects:
            line = json.dumps(reject.to_dict(), ensure_ascii=False) + "\n"
            assert self._rejects_file is not None
            self._rejects_file.write(line.encode("utf-8"))

    def commit(self) -> None:
        """Bring the files to the disk, then to their final names, the destination last."""
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
            file.close()
        if self.rejects is None:  # one of an earlier run would tell of records that are read now
            rejects_path(self.destination).unlink(missing_ok=True)
        for temporary, path in reversed(self._pending):
            temporary.replace(path)
        self._pending = []

    def discard(self) -> None:
        """Remove what was not committed."""
        for file in self._files:
            with suppress(OSError):  # closing flushes, which fails again on a full disk
                file.close()
        for temporary, _ in self._pending:
            temporary.unlink(missing_ok=True)

    def _open(self, path: Path) -> IO[bytes]:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        # Noted first: an interrupt between the two must not leave the file behind.
        self._pending.append((temporary, path))
        self._files.append(temporary.open("xb"))
        return self._files[-1]


def check_paths(source: Path, destination: Path, *, overwrite: bool) -> None:
    """Raise InputError where the destination cannot or must not be written."""
    destination_format(destination)
    for path in (destination, rejects_path(destination)):
        if path.exists():
            if source.exists() and path.samefile(source):
                raise InputError(f"{path}: the source would be overwritten; choose another name")
            if not path.is_file():
                raise InputError(f"{path}: is there and no file; choose another name")
            if not overwrite:
                raise InputError(f"{path}: is there already; remove it or give --overwrite")
    if not destination.parent.is_dir():
        raise InputError(f"{destination.parent}: no such folder; create it first")


@contextmanager
def reported(destination: Path) -> Iterator[None]:
    """Turn a failure to write into OutputError."""
    try:
        yield
    except OSError as problem:
        raise OutputError(
            f"{destination}: cannot be written ({problem.strerror or problem}); nothing was kept: "
            "make room or choose another destination"
        ) from problem
