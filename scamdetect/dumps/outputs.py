"""Whether a destination may be written, and what to say where it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scamdetect.dumps.formats import destination_format, groups_path, rejects_path, threads_path
from scamdetect.dumps.locations import Source
from scamdetect.dumps.remote.path import RemotePath
from scamdetect.errors import InputError
from scamdetect.os_errors import no_folder, written


def check_paths(source: Source, destination: Path, folder: Path) -> None:
    """Raise InputError where the destination cannot be written, or would be read as a source.

    ``folder`` is where the work lies until it is done.
    """
    destination_format(destination)
    _check_outside(source, destination, folder)
    for path in _paths(destination):
        if path.exists():
            if not source.is_many and _is_same(path, source.root):
                raise InputError(f"{path}: the source would be overwritten; choose another name")
            if not path.is_file():
                raise InputError(f"{path}: is there and no file; choose another name")
    if not destination.parent.is_dir():
        raise no_folder(destination.parent)
    if not folder.parent.is_dir():
        raise no_folder(folder.parent, what=f"{folder.parent} (--work-folder)")


def _is_same(path: Path, source: Path) -> bool:
    """Tell whether a path that exists is the source."""
    if isinstance(path, RemotePath) or isinstance(source, RemotePath):
        return isinstance(path, RemotePath) and path.samefile(source)
    return source.exists() and path.samefile(source)


def _check_outside(source: Source, destination: Path, folder: Path) -> None:
    parts = (f"part-000000{destination.suffix}", "part-000000.rejected.jsonl", "state.json",
             "part-000000.campaigns.json", "part-000000.groups.arrow",
             "part-000000.threads.arrow", "threads-000000.arrow",
             f"joined.groups{destination.suffix}",
             f"joined.threads{destination.suffix}")  # fmt: skip
    for path in (*_paths(destination), *(folder / name for name in parts)):
        if source.reads(path):
            raise InputError(
                f"{path}: would itself be read as a part of {source}; write outside of that "
                "folder, or under a name that begins with _"
            )


def check_free(destination: Path, *, overwrite: bool) -> None:
    """Raise InputError where files of an earlier job are there and must stay."""
    for path in _paths(destination):
        if path.exists() and not overwrite:
            raise InputError(f"{path}: is there already; remove it or give --overwrite")


def _paths(destination: Path) -> list[Path]:
    beside = (rejects_path, groups_path, threads_path)
    return [destination, *(path(destination) for path in beside)]


@contextmanager
def reported(destination: Path) -> Iterator[None]:
    """Turn a failure to write into OutputError, with its notes."""
    with written(destination):
        yield
