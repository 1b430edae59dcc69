"""The folder of an evaluation report: it holds messages of public sources, so git must not."""

from __future__ import annotations

import subprocess
from pathlib import Path

from scamdetect.errors import InputError

_IGNORE_ALL = "*\n"


def prepare_folder(folder: Path, results: Path) -> None:
    """Make the folder, which git will ignore.

    Raises InputError where it lies in ``results``, holds files under version control or a
    ``.gitignore`` of another making: texts of public sources must not be committed.
    """
    where = folder.resolve()
    if where.is_relative_to(results.resolve()):
        raise InputError(f"{folder} lies in the results folder {results}, {_CURE}")
    if where.is_file():
        raise InputError(f"{folder} is a file; --report names a folder")
    if _is_tracked(where):
        raise InputError(f"{folder} holds files under version control, {_CURE}")
    ignore = where / ".gitignore"
    if ignore.exists() and ignore.read_text(encoding="utf-8") != _IGNORE_ALL:
        raise InputError(f"{ignore} is not of a report's making, {_CURE}")
    where.mkdir(parents=True, exist_ok=True)
    ignore.write_text(_IGNORE_ALL, encoding="utf-8")


_CURE = (
    "and the report shows messages of public sources, which must not be committed; name a new "
    "folder: --report DIR"
)


def _is_tracked(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "ls-files", "--", "."], capture_output=True, text=True
        )
    except OSError:
        return False
    return done.returncode == 0 and bool(done.stdout.strip())
