"""Files behind URLs that fsspec supports; errors never contain the secrets of a URL."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from scamdetect.errors import InputError, MissingExtraError, OutputError, ScamDetectError
from scamdetect.system.os_errors import said
from scamdetect.urls import shown_url

_BLOCK_BYTES = 4 << 20
# Names that storages use for the version of a file, the most precise first.
_VERSIONS = ("ETag", "etag", "generation", "md5Hash", "LastModified", "mtime", "updated", "created")


@dataclass(frozen=True)
class RemoteFile:
    """A file behind a URL; its text is the URL without secrets."""

    url: str = field(repr=False)
    system: Any = field(repr=False, compare=False)  # fsspec has no types
    path: str

    def __str__(self) -> str:
        return shown_url(self.url)

    @property
    def name(self) -> str:
        """Return the last part of the path, without the query of a web address."""
        return PurePosixPath(self.path.partition("?")[0]).name

    def info(self) -> dict[str, Any]:
        """Return the storage's details of the file; raise InputError if it is missing."""
        with reaching(self.url):
            self.system.invalidate_cache()
            return dict(self.system.info(self.path))

    @property
    def size(self) -> int:
        """Return the size in bytes; raise InputError if it is missing."""
        size = self.info().get("size")
        if size is None:
            raise InputError(f"{self}: the server does not report its size; download it first")
        return int(size)

    @property
    def version(self) -> str:
        """Return a value that changes with the content, as precisely as the storage allows."""
        info = self.info()
        return str(next((info[name] for name in _VERSIONS if info.get(name)), None))

    def exists(self) -> bool:
        """Return True if the file exists; raise InputError if that is unknown."""
        with reaching(self.url):
            self.system.invalidate_cache()
            return bool(self.system.exists(self.path))

    def sibling(self, suffix: str) -> RemoteFile:
        """Return the file whose name continues this one's."""
        return RemoteFile(f"{self.url}{suffix}", self.system, f"{self.path}{suffix}")

    def open(self) -> BinaryIO:
        """Open the file for reading; raise InputError."""
        with reaching(self.url):
            file = self.system.open(self.path, "rb", block_size=_BLOCK_BYTES)
        return cast(BinaryIO, _Reader(self, file))

    def upload(self, file: Path) -> None:
        """Upload a local file; it appears completely or not at all; raise OutputError."""
        try:
            protocol = self.system.protocol
            stores = ("s3", "gs", "abfs", "az", "memory")  # which show no unfinished upload
            if any(name in protocol for name in stores):
                self.system.put_file(str(file), self.path)
            else:
                self.system.put_file(str(file), f"{self.path}.part")
                self.system.mv(f"{self.path}.part", self.path)
        except Exception as problem:
            raise OutputError(
                f"{self}: cannot be written ({said(problem, self.url)}); fix the cause, or choose "
                "another destination"
            ) from None


class _Reader(io.RawIOBase):
    """A file that reports a file that ends early, and every error, without secrets."""

    def __init__(self, source: RemoteFile, file: BinaryIO) -> None:
        self._source, self._file, self._size = source, file, source.size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        with reaching(self._source.url):
            data = self._file.read(len(buffer))
        if not data and self._file.tell() < self._size:
            raise InputError(f"{self._source}: ends early; it changed while it was read")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Convert errors of a storage within the context to an InputError without secrets."""
    try:
        yield
    except ScamDetectError:
        raise
    except FileNotFoundError:
        raise InputError(f"{shown_url(url)}: file not found") from None
    except PermissionError:
        raise InputError(
            f"{shown_url(url)}: access denied; pass credentials in the environment"
        ) from None
    except Exception as problem:  # the libraries behind fsspec raise many types
        raise InputError(
            f"{shown_url(url)}: cannot be reached ({said(problem, url)}); check the address, the "
            "credentials in the environment and the network"
        ) from None


def remote_file(url: str) -> RemoteFile:
    """Return the file or folder behind a URL; raise InputError, MissingExtraError."""
    scheme, _, rest = url.partition("://")
    url = f"{scheme.lower()}://{rest}"
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingExtraError("fsspec", "remote") from None
    with reaching(url):
        try:
            system, path = url_to_fs(url)
        except ImportError:
            raise MissingExtraError("s3fs", "remote") from None
    return RemoteFile(url, system, path)


def remote_files(folder: RemoteFile, pattern: str | None) -> Iterator[tuple[RemoteFile, str]]:
    """Yield the files of a folder, or of a glob, each with its path below the folder.

    Raises InputError if the storage fails.
    """
    base = folder.path.rstrip("/")
    with reaching(folder.url):
        folder.system.invalidate_cache()
        if pattern is None:
            entries = folder.system.find(base, detail=True)
        else:
            entries = folder.system.glob(f"{base}/{pattern}", detail=True)
    for path, info in entries.items():
        if info["type"] == "file" and not path.endswith("/"):
            name = path.rstrip("/")[len(base) + 1 :]
            yield RemoteFile(f"{folder.url.rstrip('/')}/{name}", folder.system, path), name
