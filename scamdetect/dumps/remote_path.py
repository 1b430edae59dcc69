"""Files and folders behind URLs, with the part of ``pathlib.Path`` that readers and jobs use."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Self

from scamdetect.dumps.patterns import ANY_DEPTH, is_pattern, matches, names
from scamdetect.dumps.remote_url import checked_url, is_missing, reaching
from scamdetect.errors import InputError, MissingExtraError, OutputError
from scamdetect.system.os_errors import said, shareable
from scamdetect.urls import shown_url

try:
    from fsspec.core import url_to_fs
    from fsspec.spec import AbstractBufferedFile
except ImportError as problem:
    raise MissingExtraError("fsspec", "remote") from problem

HEAD_BYTES = 256 << 10
BLOCK_BYTES = 4 << 20

Info = Mapping[str, Any]

# What a storage calls the version of a file, the most telling first.
_VERSIONS = (
    "ETag", "etag", "generation", "md5Hash", "content_md5", "LastModified", "last_modified",
    "mtime", "updated", "modified", "created",
)  # fmt: skip
# Where an upload appears as a whole or not at all.
_OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory"}


class RemotePath:
    """One file or folder behind a URL; ``info`` is what a listing told of it.

    Its text is its URL without credentials.
    """

    def __init__(self, system: Any, path: str, info: Info | None = None) -> None:  # noqa: ANN401
        self.system = system  # fsspec has no types
        self.path = path
        self._info = info
        protocol = system.protocol if isinstance(system.protocol, str) else system.protocol[0]
        self._web = protocol in ("http", "https")
        self._puts_whole = protocol in _OBJECT_STORES
        pure = PurePosixPath(path.partition("?")[0] if self._web else path)
        self.name, self.stem, self.suffix = pure.name, pure.stem, pure.suffix

    def __str__(self) -> str:
        return shown_url(self.url)

    def __deepcopy__(self, memo: object) -> Self:
        """Return the same, so that a summary of a job can be copied into a dictionary."""
        return self

    @property
    def url(self) -> str:
        """Return its URL as its storage takes it, with what is secret; not to be shown."""
        return str(self.system.unstrip_protocol(self.path))

    @property
    def parent(self) -> Self:
        """Return the folder that it is in."""
        return type(self)(self.system, self.system._parent(self.path))

    def with_name(self, name: str) -> Self:
        """Return the file of that name in the same folder."""
        return type(self)(self.system, f"{self.system._parent(self.path).rstrip('/')}/{name}")

    def absolute(self) -> Self:
        """Return the same: a URL is never relative, and links are the storage's own affair."""
        return self

    resolve = absolute

    def samefile(self, other: object) -> bool:
        """Tell whether both are the same file of the same storage."""
        at = (self.system, self.path)
        return isinstance(other, RemotePath) and at == (other.system, other.path)

    @property
    def is_glob(self) -> bool:
        """Tell whether its path has signs of a glob, which web addresses never have."""
        return not self._web and is_pattern(self.path)

    @property
    def info(self) -> Info:
        """Return what the storage tells of it; raise InputError where there is no such file."""
        if self._info is None:
            with reaching(self.url):
                self._info = self.system.info(self.path)
        return self._info

    @property
    def version(self) -> str:
        """Return what changes with the content, as well as the storage can tell."""
        value = next((self.info[name] for name in _VERSIONS if self.info.get(name)), None)
        return str(value.timestamp() if isinstance(value, datetime) else value)

    def stat(self) -> os.stat_result:
        """Return its kind and size; raise InputError where there is no such file."""
        kind = stat.S_IFDIR if self.info["type"] == "directory" else stat.S_IFREG
        size = self.info.get("size")
        if size is None:
            raise InputError(f"{self}: the server does not tell its size; download it first")
        return os.stat_result((kind, 0, 0, 0, 0, 0, size, 0, 0, 0))

    def exists(self) -> bool:
        """Tell whether it is there now; raise InputError where that cannot be told."""
        with reaching(self.url):
            self.system.invalidate_cache()
            try:
                self._info = self.system.info(self.path)
            except FileNotFoundError as problem:
                if not is_missing(problem):
                    raise
                return False
        return True

    def is_file(self) -> bool:
        """Tell whether it is a file and no folder; raise InputError where there is neither."""
        return bool(self.info["type"] == "file")

    def is_dir(self) -> bool:
        """Tell whether there is such a folder; in a store of objects, such a bucket."""
        folder = self.path.lstrip("/").partition("/")[0] if self._puts_whole else self.path
        return type(self)(self.system, folder).exists()

    def open(self, mode: str = "rb", buffering: int = -1) -> Any:  # noqa: ANN401
        """Open it for reading bytes; raise InputError where there is no such file."""
        file = _File(self)
        return file if buffering == 0 else io.BufferedReader(file)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove it; raise OutputError."""
        if missing_ok and not self.exists():
            return
        with _writing(self):
            self.system.rm_file(self.path)

    def upload(self, file: Path) -> None:
        """Put a local file here, so that it appears whole or not at all; raise OutputError."""
        with _writing(self):
            if self._puts_whole:
                self.system.put_file(str(file), self.path)
            else:
                partial = f"{self.path}.part"
                self.system.put_file(str(file), partial)
                self.system.mv(partial, self.path)


@contextmanager
def _writing(path: RemotePath) -> Iterator[None]:
    """Turn what a storage raises within the context into an OutputError that names the URL."""
    try:
        yield
    except Exception as problem:
        raise OutputError(
            f"{path}: cannot be written ({said(problem, path.url)}); see to it, or choose another "
            "destination"
        ) from shareable(problem, path.url)


class _File(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """Reads ahead in blocks, whatever the storage."""

    # The files of ``system.open`` end early without an error where what is behind a URL got
    # shorter, share one position in memory, and ask anew for size and beginning each time.

    def __init__(self, path: RemotePath) -> None:
        super().__init__(path.system, path.path, block_size=BLOCK_BYTES, size=path.stat().st_size)
        self.name = str(path)
        self._remote = path

    def _fetch_range(self, start: int, end: int) -> bytes:
        return _fetched(self._remote, start, end) if start else _head(self._remote)


# Recognising and opening a file read its beginning several times.
@lru_cache(maxsize=2)
def _head(path: RemotePath) -> bytes:
    return _fetched(path, 0, min(path.stat().st_size, HEAD_BYTES))


def _fetched(path: RemotePath, start: int, end: int) -> bytes:
    with reaching(path.url):
        found: bytes = path.system.cat_file(path.path, start=start, end=end)
    if len(found) != end - start:
        raise InputError(
            f"{path}: only {len(found):,} of {end - start:,} bytes came from offset {start:,}; "
            "it changed, or its server cannot send parts of files: download it first"
        )
    return found


def remote_path(url: str) -> RemotePath:
    """Return the file or folder behind a URL.

    Raises MissingExtraError without s3fs, InputError for a storage that it cannot reach and for
    keys in a URL that does not take them.
    """
    url = checked_url(url)
    with reaching(url):
        try:
            system, path = url_to_fs(url)
        except ImportError as problem:
            if url.startswith(("s3:", "s3a:")):
                raise MissingExtraError("s3fs", "remote") from problem
            raise
        system.invalidate_cache()
    return RemotePath(system, path.rstrip("/") or path)


Found = tuple[RemotePath, str]  # a file and its path below the folder


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
