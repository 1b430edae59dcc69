"""Who may read a file that is made from others: nobody who may not read those."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

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
