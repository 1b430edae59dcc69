"""Whether a destination may be written, and what to say where it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scamdetect.dumps.formats import destination_format, groups_path, rejects_path
from scamdetect.errors import InputError, OutputError


def check_paths(source: Path, destination: Path, *, grouped: bool = False) -> None:
    """Raise InputError where the destination cannot be written, or with it the groups."""
    destination_format(destination)
    for path in _paths(destination, grouped):
        if path.exists():
            if source.exists() and path.samefile(source):
                raise InputError(f"{path}: the source would be overwritten; choose another name")
            if not path.is_file():
                raise InputError(f"{path}: is there and no file; choose another name")
    if not destination.parent.is_dir():
        raise InputError(f"{destination.parent}: no such folder; create it first")


def check_free(destination: Path, *, overwrite: bool, grouped: bool = False) -> None:
    """Raise InputError where files of an earlier job are there and must stay."""
    for path in _paths(destination, grouped):
        if path.exists() and not overwrite:
            raise InputError(f"{path}: is there already; remove it or give --overwrite")


def _paths(destination: Path, grouped: bool) -> list[Path]:
    groups = [groups_path(destination)] if grouped else []
    return [destination, rejects_path(destination), *groups]


@contextmanager
def reported(destination: Path) -> Iterator[None]:
    """Turn a failure to write into OutputError, with its notes."""
    try:
        yield
    except OSError as problem:
        failed = OutputError(
            f"{destination}: cannot be written ({problem.strerror or problem}); make room or "
            "choose another destination"
        )
        failed.__notes__ = getattr(problem, "__notes__", [])
        raise failed from problem
