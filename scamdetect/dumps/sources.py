"""Find the files of a source: one file, a folder or a glob, local or behind a URL."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scamdetect.dumps.formats import is_remote
from scamdetect.dumps.lines import reading
from scamdetect.dumps.patterns import (
    ANY_DEPTH,
    is_hidden,
    is_pattern,
    matches,
    names,
    natural_key,
    split_pattern,
)
from scamdetect.errors import InputError
from scamdetect.system.files import check_regular
from scamdetect.urls import is_url, shown_url

if TYPE_CHECKING:
    from scamdetect.dumps.remote_path import Found, RemotePath

# A folder, the parts of its name, the rest of the pattern and its parent folders.
_Level = tuple[Path, tuple[str, ...], tuple[str, ...], frozenset[tuple[int, int]]]

_LOCAL = ("file://", "local://")
_WRAPPED = re.compile(r"[a-z][a-z0-9]+::[a-z0-9:+.-]*://", re.IGNORECASE)  # simplecache::https://


@dataclass(frozen=True)
class SourceFile:
    """One file; ``name`` is its path below the folder, ``version`` its time or ETag."""

    path: Path
    name: str
    size: int
    version: str


@dataclass(frozen=True)
class Source:
    """The dump to score: a file, or the files of a folder that match a pattern, in order.

    Without a pattern it is the single file ``root``; an empty pattern matches the whole folder.
    """

    root: Path
    pattern: tuple[str, ...] | None = None
    files: tuple[SourceFile, ...] = ()

    def __str__(self) -> str:
        return self._named(self.root)

    def _named(self, root: Path) -> str:
        named = "/".join([str(root), *(self.pattern or ())])
        return shown_url(named) if is_remote(root) else named

    @property
    def is_many(self) -> bool:
        """Return True for a folder or a glob, even of one file."""
        return self.pattern is not None

    @cached_property
    def size(self) -> int:
        """Return the size of all files in bytes."""
        return sum(file.size for file in self.files)

    def reads(self, path: Path) -> bool:
        """Return True if a file of that path would be one of the files."""
        if self.pattern is None:
            return False
        parts = _parts_below(self.root, path)
        return bool(parts) and matches(parts, self.pattern)

    def identity(self) -> dict[str, Any]:
        """Return plain JSON values that differ if the source has changed."""
        if self.pattern is None:
            if is_remote(self.root):
                root = cast("RemotePath", self.root)
                return {
                    "source": str(root), "source_bytes": root.stat().st_size,
                    "source_version": root.version,
                }  # fmt: skip
            status = self.root.stat()
            return {
                "source": str(self.root.resolve()),
                "source_bytes": status.st_size,
                "source_modified_ns": status.st_mtime_ns,
            }
        digest = hashlib.sha256()
        for file in self.files:
            line = json.dumps([file.name, file.size, file.version])
            digest.update(f"{line}\n".encode("ascii"))
        return {
            "source": self._named(self.root.resolve()),
            "source_files": len(self.files),
            "source_bytes": self.size,
            "source_sha256": digest.hexdigest(),
        }


def located(text: str | Path) -> Path:
    """Return the path for a text, or the file behind a URL.

    Both have the methods of a Path that readers and jobs use. Raises InputError, MissingExtraError.
    """
    text = str(text)
    for start in _LOCAL:
        if text.lower().startswith(start):
            text = text[len(start) :]
    if _WRAPPED.match(text):
        raise InputError(
            f"{shown_url(text)}: a URL starts with its storage here; remove everything before "
            "the last ::"
        )
    if not is_url(text):
        return Path(text)
    from scamdetect.dumps.remote_path import remote_path  # needs the extra "remote"

    return cast(Path, remote_path(text))


def find_source(text: str | Path) -> Source:
    """Return the source for a path, a glob or a URL.

    Hidden files, by Spark's rules, are skipped. An existing path with glob characters is not a
    glob. Raises InputError if a folder cannot be read or nothing is found, MissingExtraError.
    """
    if not str(text):
        raise InputError("the source has no name; pass a file, a folder, a glob or a URL")
    path = located(text)
    if is_remote(path):
        return _remote_source(cast("RemotePath", path))
    given = os.fspath(path)
    with reading(path):
        if path.is_dir():
            return _many(path, (), _local_files(path, ()))
        if not is_pattern(given) or path.exists():
            path.stat()
            return Source(path)
    root, pattern = split_pattern(given)
    folder = Path(root)
    with reading(folder):
        if not folder.is_dir():
            raise InputError(f"{path}: folder {folder} not found")
    return _many(folder, pattern, _local_files(folder, pattern))


def _remote_source(path: RemotePath) -> Source:
    from scamdetect.dumps.remote_path import RemotePath, remote_files

    given = cast(Path, path)
    if not path.is_glob or path.exists():
        if path.is_file():
            return Source(given)
        return _many(given, (), map(_remote_file, remote_files(path, ())))
    root, pattern = split_pattern(path.path)
    folder = RemotePath(path.system, root.rstrip("/") or root)
    return _many(cast(Path, folder), pattern, map(_remote_file, remote_files(folder, pattern)))


def _many(root: Path, pattern: tuple[str, ...], files: Iterator[SourceFile]) -> Source:
    found = tuple(sorted(files, key=lambda file: natural_key(file.name)))
    source = Source(root, pattern, found)
    if not found:
        raise InputError(
            f"{source}: no file found" if pattern else
            f"{source}: the folder has no file to score; names that start with . or _ are hidden"
        )  # fmt: skip
    return source


def _local_files(folder: Path, pattern: tuple[str, ...]) -> Iterator[SourceFile]:
    """Yield the files, each once: a link back to a parent folder is not followed."""
    waiting: list[_Level] = [(folder, (), pattern, frozenset({_identity(folder)}))]
    while waiting:
        at, parts, rest, above = waiting.pop()
        step, rest = (rest[0], rest[1:]) if rest and rest[0] != ANY_DEPTH else (None, rest)
        with reading(at), os.scandir(at) as entries:
            for entry in entries:
                if is_hidden(entry.name) if step is None else not names(entry.name, step):
                    continue
                below = (*parts, entry.name)
                path = at / entry.name
                with reading(path):
                    is_folder = entry.is_dir()
                if is_folder:
                    if (identity := _identity(path)) not in above:
                        waiting.append((path, below, rest, above | {identity}))
                elif matches(below, pattern):
                    with reading(path):
                        check_regular(path)
                        status = path.stat()
                    name = "/".join(below)
                    yield SourceFile(path, name, status.st_size, str(status.st_mtime_ns))


def _identity(folder: Path) -> tuple[int, int]:
    with reading(folder):
        status = folder.stat()
    return status.st_dev, status.st_ino


def _remote_file(found: Found) -> SourceFile:
    path, name = found
    return SourceFile(cast(Path, path), name, path.stat().st_size, path.version)


def _parts_below(root: Path, path: Path) -> tuple[str, ...]:
    """Return the parts of the path below the root, or nothing if it is elsewhere."""
    if is_remote(root) and is_remote(path):
        above, found = cast("RemotePath", root), cast("RemotePath", path)
        start = f"{above.path.rstrip('/')}/"
        if above.system is not found.system or not found.path.startswith(start):
            return ()
        return tuple(found.path.removeprefix(start).split("/"))
    if is_remote(root) or is_remote(path):
        return ()
    try:
        return (path.parent.resolve() / path.name).relative_to(root.resolve()).parts
    except ValueError:
        return ()
