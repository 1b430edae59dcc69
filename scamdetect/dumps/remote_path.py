"""Files and folders behind URLs, with the methods of ``pathlib.Path`` that readers and jobs use."""

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

# Names that storages use for the version of a file, the most precise first.
_VERSIONS = (
    "ETag", "etag", "generation", "md5Hash", "content_md5", "LastModified", "last_modified",
    "mtime", "updated", "modified", "created",
)  # fmt: skip
# Where an upload appears completely or not at all.
_OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory"}


class RemotePath:
    """A file or folder behind a URL; ``info`` is its entry in a listing.

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
        """Return the same object, so that a job summary can be copied into a dictionary."""
        return self

    @property
    def url(self) -> str:
        """Return its URL as its storage expects it, with secrets; do not show it."""
        return str(self.system.unstrip_protocol(self.path))

    @property
    def parent(self) -> Self:
        """Return the folder that it is in."""
        return type(self)(self.system, self.system._parent(self.path))

    def with_name(self, name: str) -> Self:
        """Return the path of that name in the same folder."""
        return type(self)(self.system, f"{self.system._parent(self.path).rstrip('/')}/{name}")

    def absolute(self) -> Self:
        """Return the same object: a URL is never relative, and its storage resolves links."""
        return self

    resolve = absolute

    def samefile(self, other: object) -> bool:
        """Return True if both are the same file of the same storage."""
        at = (self.system, self.path)
        return isinstance(other, RemotePath) and at == (other.system, other.path)

    @property
    def is_glob(self) -> bool:
        """Return True if its path has glob characters, which web addresses never have."""
        return not self._web and is_pattern(self.path)

    @property
    def info(self) -> Info:
        """Return the storage's details of the file; raise InputError if it is missing."""
        if self._info is None:
            with reaching(self.url):
                self._info = self.system.info(self.path)
        return self._info

    @property
    def version(self) -> str:
        """Return a value that changes with the content, as precisely as the storage allows."""
        value = next((self.info[name] for name in _VERSIONS if self.info.get(name)), None)
        return str(value.timestamp() if isinstance(value, datetime) else value)

    def stat(self) -> os.stat_result:
        """Return its type and size; raise InputError if it is missing."""
        kind = stat.S_IFDIR if self.info["type"] == "directory" else stat.S_IFREG
        size = self.info.get("size")
        if size is None:
            raise InputError(f"{self}: the server does not report its size; download it first")
        return os.stat_result((kind, 0, 0, 0, 0, 0, size, 0, 0, 0))

    def exists(self) -> bool:
        """Return True if it exists now; raise InputError if that is unknown."""
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
        """Return True if it is a file; raise InputError if it is missing."""
        return bool(self.info["type"] == "file")

    def is_dir(self) -> bool:
        """Return True if there is such a folder or, in an object store, such a bucket."""
        folder = self.path.lstrip("/").partition("/")[0] if self._puts_whole else self.path
        return type(self)(self.system, folder).exists()

    def open(self, mode: str = "rb", buffering: int = -1) -> Any:  # noqa: ANN401
        """Open it for binary reading; raise InputError if it is missing."""
        file = _File(self)
        return file if buffering == 0 else io.BufferedReader(file)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove it; raise OutputError."""
        if missing_ok and not self.exists():
            return
        with _writing(self):
            self.system.rm_file(self.path)

    def upload(self, file: Path) -> None:
        """Upload a local file here; it appears completely or not at all; raise OutputError."""
        with _writing(self):
            if self._puts_whole:
                self.system.put_file(str(file), self.path)
            else:
                partial = f"{self.path}.part"
                self.system.put_file(str(file), partial)
                self.system.mv(partial, self.path)


@contextmanager
def _writing(path: RemotePath) -> Iterator[None]:
    """Convert errors of a storage within the context to an OutputError with the URL."""
    try:
        yield
    except Exception as problem:
        raise OutputError(
            f"{path}: cannot be written ({said(problem, path.url)}); fix the cause, or choose "
            "another destination"
        ) from shareable(problem, path.url)


class _File(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """A file that reads ahead in blocks, for any storage."""

    # The files of ``system.open`` end early without an error if the remote file became shorter,
    # share one position in memory, and request size and beginning each time.

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
            f"{path}: got only {len(found):,} of {end - start:,} bytes at offset {start:,}; it "
            "changed, or its server does not support partial reads: download it first"
        )
    return found


def remote_path(url: str) -> RemotePath:
    """Return the file or folder behind a URL.

    Raises MissingExtraError without s3fs, InputError for an unreachable storage and for keys in a
    URL that does not support them.
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
    """Yield the files that are not hidden; raise InputError if the storage fails.

    Folders are listed level by level as far as the pattern names levels, and the rest in one call.
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
        # Some stores list a folder inside itself, as an empty file.
        return [i for i in found if i["name"].strip("/") != at.strip("/") and _is_whole(i)]


def _is_whole(info: dict[str, Any]) -> bool:
    return info["type"] == "directory" or not str(info["name"]).endswith("/")
