"""The folder of an evaluation report: it holds messages of public sources, so git must not."""

from __future__ import annotations

import subprocess
from pathlib import Path

from scamdetect.errors import InputError
from scamdetect.system.files import read_bytes, write_text

_OURS = "# scamdetect evaluate --report: messages of public sources, not to be committed"


def prepare_folder(folder: Path, results: Path) -> None:
    """Make the folder, which git will ignore.

    Raises InputError where it lies in ``results``, holds files under version control or any that
    no report put there: texts of public sources must not be committed, and nothing else may be
    hidden from git.
    """
    where = folder.resolve()
    if where.is_relative_to(results.resolve()):
        raise InputError(f"{folder} lies in the results folder {results}, {_CURE}")
    if where.is_file():
        raise InputError(f"{folder} is a file; --report names a folder")
    if _is_tracked(where):
        raise InputError(f"{folder} holds files under version control, {_CURE}")
    ignore = where / ".gitignore"
    ours = ignore.is_file() and read_bytes(ignore).startswith(_OURS.encode())
    if where.is_dir() and any(where.iterdir()) and not ours:
        raise InputError(f"{folder} holds files that are not of a report's making, {_CURE}")
    where.mkdir(parents=True, exist_ok=True)
    write_text(ignore, f"{_OURS}\n*\n")


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
