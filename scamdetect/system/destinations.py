"""Whether a file or folder may be written: one check for all commands.

A destination that is a symbolic link stands for what it names, as long as the link is the user's
own: in a shared folder anyone can plant one. What is read is never written.
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
    """Return the path or, if it is a symbolic link, what that names and perhaps is not there yet.

    Raises InputError if links lead in a circle or another user made one, OutputError if the folder
    cannot be read.
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
    raise InputError(f"{path}: its symbolic links lead in a circle; choose another destination")


def file_destination(path: Path, *, overwrite: bool, inputs: Iterable[Path] = ()) -> Path:
    """Return where a file may be written: the path, or what it names if it is a link.

    Raises InputError if its folder is missing, if it is one of the inputs, and if something is
    there that is no file or that ``overwrite`` does not allow to replace; OutputError.
    """
    target = followed(path)
    check_parent(target)
    check_no_input(path, inputs)
    if _is_there(target):
        if not target.is_file():
            raise InputError(f"{path}: is there and no file; choose another name")
        if not overwrite:
            raise InputError(f"{path}: is there already; remove it or give --overwrite")
    return target


def own_destination(
    path: Path, is_own: Callable[[Path], bool], what: str, inputs: Iterable[Path] = ()
) -> Path:
    """Return where a file may be written that replaces only an earlier one of its kind.

    ``is_own`` tells whether a file is of this kind, which ``what`` names. Raises as
    ``file_destination`` does, but leaves a missing folder to the caller.
    """
    target = followed(path)
    check_no_input(path, inputs)
    if _is_there(target) and not (target.is_file() and is_own(target)):
        raise InputError(f"{path}: is there already and no {what}; choose another name")
    return target


def new_folder(path: Path) -> None:
    """Raise InputError unless the folder can be made: its parent is there, and the name is free."""
    if _is_there(path):
        raise InputError(f"{path}: is there already; choose another name")
    check_parent(path)


def replaced_folder(
    path: Path, holds: str, *, overwrite: bool, inputs: Iterable[Path] = ()
) -> Path:
    """Return where a folder may be written: the path, or what it names if it is a link.

    With ``overwrite`` one that is there may be replaced if it has the file ``holds``. Raises
    InputError, also if an input is the folder or in it; OutputError.
    """
    target = followed(path)
    check_parent(target)
    if not _is_there(target):
        return target
    if not overwrite:
        raise InputError(f"{path}: is there already; choose another name, or give --overwrite")
    if not (target / holds).is_file():
        raise InputError(f"{path}: is no bundle, so it is not overwritten; choose another name")
    _check_not_above(target, inputs)
    return target


def private_folder(
    folder: Path, cure: str, check: Callable[[Path], None] = lambda folder: None
) -> None:
    """Make the folder, for its owner only, or take over one of that name that ``check`` lets pass.

    Raises InputError where the name is that of no folder, of a link, or of a folder of another
    user, who could change what is in it; ``cure`` says what to do instead. Raises OSError.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder}: is no folder; remove it or {cure}")
    check(folder)
    folder.mkdir(0o700, exist_ok=True)
    status = folder.lstat()  # what was checked may have been swapped
    if hasattr(os, "geteuid") and (
        not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid()
    ):
        raise InputError(
            f"{folder}: belongs to another user, who could change what is in it; remove it or "
            f"{cure}"
        )
    folder.chmod(0o700)  # earlier versions let others read it


def check_parent(path: Path, option: str = "") -> None:
    """Raise InputError if the folder of the path is missing; ``option`` says what named it."""
    folder = path.absolute().parent
    where = f"{path.parent}{f' ({option})' if option else ''}"
    try:
        if folder.is_dir():
            return
        folder.stat()
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            raise InputError(
                f"{where}: its symbolic links lead in a circle; choose another folder"
            ) from problem
        if problem.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise unwritable(where, problem) from problem
    raise InputError(f"{where}: no such folder; create it first")


def check_no_input(path: Path, inputs: Iterable[Path], what: str = "an input") -> None:
    """Raise InputError if the path is one of the inputs under any name: hard links, links, letters.

    A folder among the inputs stands for the files in it; ``what`` says what they are.
    """
    try:
        target = os.stat(path)
    except OSError:  # not there, so it is nothing that is read
        return
    for given in inputs:
        if any(_is(target, one) for one in (given, *files_in(given))):
            raise InputError(f"{path}: {what} would be overwritten; choose another name")


def _check_not_above(folder: Path, inputs: Iterable[Path]) -> None:
    """Raise InputError if an input is the folder, which would be replaced, or lies in it."""
    place = folder.resolve()
    for given in inputs:
        found = given.resolve()
        if place == found or place in found.parents:
            raise InputError(
                f"{folder}: {given} is read and would be replaced; choose another folder"
            )


def _is_there(path: Path) -> bool:
    """Tell whether something has the name; raise OutputError for a name that no file can have."""
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
            f"{path}: is a symbolic link that another user made; write to what it names, or choose "
            "another destination"
        )
