"""Check that a file or folder may be written: one check for all commands.

A destination that is a symbolic link is followed if the link belongs to the user: in a shared
folder anyone can create one. Input files are never written.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from scamdetect.errors import InputError
from scamdetect.system.files import files_in
from scamdetect.system.os_errors import unwritable

_MOST_LINKS = 40


def followed(path: Path) -> Path:
    """Return the path or, for a symbolic link, its target, which may not exist yet.

    Raises InputError if links form a circle or another user owns the link, OutputError if the
    folder cannot be read.
    """
    at = path
    for _ in range(_MOST_LINKS):
        try:
            if not at.is_symlink():
                return at
            _check_owner(path, at)
            at = at.parent / os.readlink(at)
        except OSError as problem:
            raise unwritable(path, problem) from problem
    raise InputError(f"{path}: symbolic links form a circle; choose another destination")


def file_destination(path: Path, *, overwrite: bool, inputs: Iterable[Path] = ()) -> Path:
    """Return the path to write a file to, following a symbolic link.

    Raises InputError if its folder is missing, if it is one of the inputs, or if the path exists
    and is not a file or ``overwrite`` is False; OutputError.
    """
    target = followed(path)
    check_parent(target)
    check_no_input(path, inputs)
    if _is_there(target):
        if not target.is_file():
            raise InputError(f"{path}: exists and is not a file; choose another name")
        if not overwrite:
            raise InputError(f"{path}: already exists; remove it or pass --overwrite")
    return target


def own_destination(
    path: Path, is_own: Callable[[Path], bool], what: str, inputs: Iterable[Path] = ()
) -> Path:
    """Return the path to write a file to; only a file of the same type is replaced.

    ``is_own`` checks the type, which ``what`` names. Raises as ``file_destination`` does, but the
    caller creates a missing folder.
    """
    target = followed(path)
    check_no_input(path, inputs)
    if _is_there(target) and not (target.is_file() and is_own(target)):
        raise InputError(f"{path}: exists and is not a {what}; choose another name")
    return target


def new_folder(path: Path) -> None:
    """Raise InputError unless the folder can be created: the parent exists and the name is free."""
    if _is_there(path):
        raise InputError(f"{path}: already exists; choose another name")
    check_parent(path)


def replaced_folder(
    path: Path, holds: str, *, overwrite: bool, inputs: Iterable[Path] = ()
) -> Path:
    """Return the path to write a folder to, following a symbolic link.

    With ``overwrite`` an existing folder is replaced if it contains the file ``holds``. Raises
    InputError, also if an input is the folder or is in it; OutputError.
    """
    target = followed(path)
    check_parent(target)
    if not _is_there(target):
        return target
    if not overwrite:
        raise InputError(f"{path}: already exists; choose another name or pass --overwrite")
    if not (target / holds).is_file():
        raise InputError(f"{path}: is not a bundle and is not overwritten; choose another name")
    _check_not_above(target, inputs)
    return target


def private_folder(
    folder: Path, cure: str, check: Callable[[Path], None] = lambda folder: None
) -> None:
    """Create a folder that only its owner can read, or use an existing one that passes ``check``.

    Raises InputError if the path is not a folder, is a link, or belongs to another user, who could
    change its content; ``cure`` is the suggested fix. Raises OSError.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder}: is not a folder; remove it or {cure}")
    check(folder)
    folder.mkdir(0o700, exist_ok=True)
    status = folder.lstat()  # the folder may have been replaced after the check
    if hasattr(os, "geteuid") and (
        not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid()
    ):
        raise InputError(
            f"{folder}: belongs to another user, who could change its content; remove it or {cure}"
        )
    folder.chmod(0o700)  # earlier versions allowed others to read it


def check_parent(path: Path, option: str = "") -> None:
    """Raise InputError if the parent folder is missing; ``option`` set the path."""
    folder = path.absolute().parent
    where = f"{path.parent}{f' ({option})' if option else ''}"
    try:
        if folder.is_dir():
            return
        folder.stat()
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            raise InputError(
                f"{where}: symbolic links form a circle; choose another folder"
            ) from problem
        if problem.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise unwritable(where, problem) from problem
    raise InputError(f"{where}: folder not found; create it first")


def check_no_input(path: Path, inputs: Iterable[Path], what: str = "an input") -> None:
    """Raise InputError if the path is an input, also by a link or in another letter case.

    An input folder means the files in it; ``what`` describes them.
    """
    try:
        target = os.stat(path)
    except OSError:  # does not exist, so it is not an input
        return
    for given in inputs:
        if any(_is(target, one) for one in (given, *files_in(given))):
            raise InputError(f"{path}: {what} would be overwritten; choose another name")


def _check_not_above(folder: Path, inputs: Iterable[Path]) -> None:
    """Raise InputError if an input is, or is in, a folder that would be replaced."""
    place = folder.resolve()
    for given in inputs:
        found = given.resolve()
        if place == found or place in found.parents:
            raise InputError(
                f"{folder}: contains the input {given} and would be replaced; choose another folder"
            )


def _is_there(path: Path) -> bool:
    """Return True if the path exists; raise OutputError if its name is not allowed."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError as problem:
        raise unwritable(path, problem) from problem
    return True


def _is(target: os.stat_result, path: Path) -> bool:
    try:
        return os.path.samestat(target, os.stat(path))
    except OSError:
        return False


def _check_owner(path: Path, link: Path) -> None:
    if not hasattr(os, "geteuid"):
        return
    if link.lstat().st_uid not in (os.geteuid(), 0):
        raise InputError(
            f"{path}: is a symbolic link of another user; pass its target or choose another "
            "destination"
        )
