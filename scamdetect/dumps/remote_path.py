"""A file behind a URL, with the part of ``pathlib.Path`` that readers and jobs use."""

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

from scamdetect.dumps.patterns import is_pattern
from scamdetect.dumps.remote_url import checked_url, is_missing, reaching
from scamdetect.errors import InputError, MissingExtraError, OutputError
from scamdetect.system.os_errors import said, shareable
from scamdetect.urls import shown_url

HEAD_BYTES = 256 << 10
CHUNK_BYTES = 4 << 20

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
        self._pure = PurePosixPath(path.partition("?")[0] if self._web else path)

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
    def name(self) -> str:
        """Return the last part of the path."""
        return self._pure.name

    @property
    def stem(self) -> str:
        """Return the name without its extension."""
        return self._pure.stem

    @property
    def suffix(self) -> str:
        """Return the extension with its dot."""
        return self._pure.suffix

    @property
    def parent(self) -> Self:
        """Return the folder that it is in."""
        return type(self)(self.system, self.system._parent(self.path))

    def with_name(self, name: str) -> Self:
        """Return the file of that name in the same folder."""
        return type(self)(self.system, f"{self.system._parent(self.path).rstrip('/')}/{name}")

    def with_suffix(self, suffix: str) -> Self:
        """Return the file with that extension instead."""
        return self.with_name(self._pure.with_suffix(suffix).name)

    def absolute(self) -> Self:
        """Return the same: a URL is never relative."""
        return self

    def resolve(self) -> Self:
        """Return the same: links are the storage's own affair."""
        return self

    def is_symlink(self) -> bool:
        """Return False: links are the storage's own affair."""
        return False

    def samefile(self, other: object) -> bool:
        """Tell whether both are the same file of the same storage."""
        return (
            isinstance(other, RemotePath)
            and self.system is other.system
            and self.path == other.path
        )

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

    def open(self, mode: str = "rb", buffering: int = -1) -> io.RawIOBase | io.BufferedReader:
        """Open it for reading bytes; raise InputError where there is no such file."""
        raw = _RawFile(self)
        return raw if buffering == 0 else io.BufferedReader(raw)

    def fetch(self, start: int, end: int) -> bytes:
        """Return the bytes between two offsets; raise InputError where the storage fails."""
        with reaching(self.url):
            found: bytes = self.system.cat_file(self.path, start=start, end=end)
        if len(found) != end - start:
            raise InputError(
                f"{self}: only {len(found):,} of {end - start:,} bytes came from offset {start:,}; "
                "it changed, or its server cannot send parts of files: download it first"
            )
        return found

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


class _RawFile(io.RawIOBase):
    """Reads ahead in chunks, so that a stream costs few requests and little memory."""

    def __init__(self, path: RemotePath) -> None:
        self.name = str(path)
        self._path = path
        self._size = path.stat().st_size
        self._at = 0
        self._start = 0
        self._chunk = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        before = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, before + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        if not self._start <= self._at < self._start + len(self._chunk):
            self._start, self._chunk = self._at, self._fetch(wanted)
        place = self._at - self._start
        found = self._chunk[place : place + wanted]
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def _fetch(self, wanted: int) -> bytes:
        if self._at == 0:
            return _head(self._path)
        return self._path.fetch(self._at, min(self._size, self._at + max(wanted, CHUNK_BYTES)))


# Recognising and opening a file read its beginning several times.
@lru_cache(maxsize=2)
def _head(path: RemotePath) -> bytes:
    return path.fetch(0, min(path.stat().st_size, HEAD_BYTES))


def remote_path(url: str) -> RemotePath:
    """Return the file or folder behind a URL.

    Raises MissingExtraError without fsspec, InputError for a storage that it cannot reach and for
    keys in a URL that does not take them.
    """
    try:
        import fsspec
    except ImportError as problem:
        raise MissingExtraError("fsspec", "remote") from problem
    url = checked_url(url)
    try:
        with reaching(url):
            system, path = fsspec.core.url_to_fs(url)
            system.invalidate_cache()
    except InputError as problem:
        if isinstance(problem.__context__, ImportError) and url.startswith(("s3:", "s3a:")):
            raise MissingExtraError("s3fs", "remote") from problem
        raise
    return RemotePath(system, path.rstrip("/") or path)
