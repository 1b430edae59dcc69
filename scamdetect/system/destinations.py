"""Check that a file or folder may be written: one check for all commands.

A destination that is a symbolic link is followed; input files are never written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from scamdetect.errors import InputError
from scamdetect.system.os_errors import unwritable


def followed(path: Path) -> Path:
    """Return the path or, for a symbolic link, its target, which may not exist yet.

    Raises InputError if links form a circle, OutputError if the folder cannot be read.
    """
    try:
        return path.resolve() if path.is_symlink() else path
    except RuntimeError:
        raise InputError(f"{path}: symbolic links form a circle; choose another path") from None
    except OSError as problem:
        raise unwritable(path, problem) from problem


def file_destination(path: Path, *, overwrite: bool, inputs: Iterable[Path] = ()) -> Path:
    """Return the path to write a file to, following a symbolic link.

    Raises InputError if its folder is missing, if it is one of the inputs, or if the path exists
    and is not a file or ``overwrite`` is False; OutputError.
    """
    target = followed(path)
    check_parent(target)
    check_no_input(path, inputs)
    if _exists(target):
        if not target.is_file():
            raise InputError(f"{path}: exists and is not a file; choose another name")
        if not overwrite:
            raise InputError(f"{path}: already exists; remove it or pass --overwrite")
    return target


def own_destination(
    path: Path, is_own: Callable[[Path], bool], what: str, inputs: Iterable[Path] = ()
) -> Path:
    """Return the path to write a file to; only a file of the type ``what`` is replaced.

    Raises as ``file_destination`` does, but the caller creates a missing folder.
    """
    target = followed(path)
    check_no_input(path, inputs)
    if _exists(target) and not (target.is_file() and is_own(target)):
        raise InputError(f"{path}: exists and is not a {what}; choose another name")
    return target


def new_folder(path: Path) -> None:
    """Raise InputError unless the folder can be created: the parent exists and the name is free."""
    if _exists(path):
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
    if not _exists(target):
        return target
    if not overwrite:
        raise InputError(f"{path}: already exists; choose another name or pass --overwrite")
    if not (target / holds).is_file():
        raise InputError(f"{path}: is not a bundle and is not overwritten; choose another name")
    for source in inputs:
        if source.resolve().is_relative_to(target.resolve()):
            raise InputError(
                f"{path}: contains the input {source} and would be replaced; choose another folder"
            )
    return target


def private_folder(
    folder: Path, cure: str, check: Callable[[Path], None] = lambda folder: None
) -> None:
    """Create a folder that only its owner can read, or use an existing one that passes ``check``.

    Raises InputError if the path is a link or not a folder, with the fix ``cure``; OSError.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder}: is not a folder; remove it or {cure}")
    check(folder)
    folder.mkdir(0o700, exist_ok=True)
    folder.chmod(0o700)


def check_parent(path: Path, option: str = "") -> None:
    """Raise InputError if the parent folder is missing; ``option`` set the path."""
    if not path.absolute().parent.is_dir():
        where = f"{path.parent}{f' ({option})' if option else ''}"
        raise InputError(f"{where}: folder not found; create it first")


def check_no_input(path: Path, inputs: Iterable[Path], what: str = "an input") -> None:
    """Raise InputError if the path is an input, also by a link or in another letter case.

    An input folder means the files in it; ``what`` describes them.
    """
    if not path.exists():
        return
    for source in inputs:
        for file in (source, *(source.iterdir() if source.is_dir() else ())):
            if file.exists() and path.samefile(file):
                raise InputError(f"{path}: {what} would be overwritten; choose another name")


def _exists(path: Path) -> bool:
    """Return True if the path exists, also as a broken link; raise OutputError."""
    try:
        return os.path.lexists(path)
    except OSError as problem:
        raise unwritable(path, problem) from problem
