"""List the files of a folder behind a URL that a pattern names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scamdetect.dumps.patterns import ANY_DEPTH, matches, names, split_pattern
from scamdetect.dumps.remote_path import RemotePath
from scamdetect.dumps.remote_url import reaching

Found = tuple[RemotePath, str]  # a file and its path below the folder


def remote_glob(path: RemotePath) -> tuple[RemotePath, tuple[str, ...]]:
    """Return the folder before the first part with a sign of a glob, and the parts from there."""
    root, pattern = split_pattern(path.path)
    return RemotePath(path.system, root.rstrip("/") or root), pattern


def remote_files(folder: RemotePath, pattern: tuple[str, ...]) -> Iterator[Found]:
    """Yield the files that are not hidden; raise InputError where the storage fails.

    One level after the other is listed as far as the pattern names levels, the rest at once.
    """
    waiting = [(folder.path, pattern)]
    while waiting:
        at, rest = waiting.pop()
        for info in _listed(folder, at, deep=not rest or rest[0] == ANY_DEPTH):
            path = str(info["name"]).rstrip("/")
            below = tuple(path[len(folder.path.rstrip("/")) + 1 :].split("/"))
            if info["type"] == "directory":
                if rest and names(below[-1], rest[0]):
                    waiting.append((path, rest[1:]))
            elif matches(below, pattern):
                yield RemotePath(folder.system, path, info), "/".join(below)


def _listed(folder: RemotePath, at: str, *, deep: bool) -> list[dict[str, Any]]:
    with reaching(folder.url):
        system = folder.system
        found = system.find(at, detail=True).values() if deep else system.ls(at, detail=True)
        # Some stores list a folder within itself, as a file of no bytes.
        return [i for i in found if i["name"].strip("/") != at.strip("/") and _is_whole(i)]


def _is_whole(info: dict[str, Any]) -> bool:
    return info["type"] == "directory" or not str(info["name"]).endswith("/")
