"""Files behind URLs that fsspec supports; errors never contain the secrets of a URL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from scamdetect.errors import InputError, MissingExtraError, OutputError, ScamDetectError
from scamdetect.system.os_errors import said
from scamdetect.urls import shown_url

_BLOCK_BYTES = 4 << 20
# Names that storages use for the version of a file, the most precise first.
_VERSIONS = ("ETag", "etag", "generation", "md5Hash", "LastModified", "mtime", "updated", "created")
_STORES = ("s3", "gs", "abfs", "az", "memory")  # which show no unfinished upload


@dataclass(frozen=True)
class RemoteFile:
    """A file or folder behind a URL; its text is the URL without secrets."""

    url: str = field(repr=False)
    system: Any = field(repr=False, compare=False)  # fsspec has no types
    path: str

    def __str__(self) -> str:
        return shown_url(self.url)

    @property
    def name(self) -> str:
        """Return the last part of the path, without the query of a web address."""
        return PurePosixPath(self.path.partition("?")[0]).name

    @cached_property
    def info(self) -> dict[str, Any]:
        """Return the storage's details of the file; raise InputError if it is missing."""
        with reaching(self.url):
            self.system.invalidate_cache()
            return dict(self.system.info(self.path))

    @property
    def size(self) -> int:
        """Return the size in bytes; raise InputError if it is missing."""
        if self.info.get("size") is None:
            raise InputError(f"{self}: the server does not report its size; download it first")
        return int(self.info["size"])

    @property
    def version(self) -> str:
        """Return a value that changes with the content, as precisely as the storage allows."""
        return str(next((self.info[name] for name in _VERSIONS if self.info.get(name)), None))

    def exists(self) -> bool:
        """Return True if the file exists; raise InputError if that is unknown."""
        with reaching(self.url):
            self.system.invalidate_cache()
            return bool(self.system.exists(self.path))

    def files(
        self, signs: re.Pattern[str]
    ) -> tuple[RemoteFile, list[tuple[RemoteFile, str]] | None]:
        """Return the folder and its files, or None for a single file; ``signs`` mark a glob."""
        first = None if self.url.startswith("http") else signs.search(self.path)
        if first is None and self.info["type"] == "file":
            return self, None
        base = self.path if first is None else self.path[: first.start()].rpartition("/")[0]
        root = RemoteFile(str(self.system.unstrip_protocol(base)), self.system, base)
        with reaching(self.url):
            self.system.invalidate_cache()
            find = self.system.find if first is None else self.system.glob
            entries = find(self.path, detail=True)
        paths = [path for path, info in entries.items() if info["type"] == "file"]
        names = {path: path[len(base.rstrip("/")) + 1 :] for path in paths if path[-1:] != "/"}
        prefix = root.url.rstrip("/")
        return root, [
            (RemoteFile(f"{prefix}/{name}", self.system, path), name)
            for path, name in names.items()
        ]

    def sibling(self, suffix: str) -> RemoteFile:
        """Return the file whose name continues this one's."""
        return RemoteFile(f"{self.url}{suffix}", self.system, f"{self.path}{suffix}")

    def open(self) -> BinaryIO:
        """Open the file for reading; raise InputError."""
        with reaching(self.url):
            return cast(BinaryIO, self.system.open(self.path, "rb", block_size=_BLOCK_BYTES))

    def upload(self, file: Path) -> None:
        """Upload a local file; it appears completely or not at all; raise OutputError."""
        try:
            whole = any(name in self.system.protocol for name in _STORES)
            self.system.put_file(str(file), self.path if whole else f"{self.path}.part")
            if not whole:
                self.system.mv(f"{self.path}.part", self.path)
        except Exception as problem:
            raise OutputError(
                f"{self}: cannot be written ({said(problem, self.url)}); fix the cause, or choose "
                "another destination"
            ) from None


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Convert errors of a storage within the context to an InputError without secrets."""
    try:
        yield
    except ScamDetectError:
        raise
    except FileNotFoundError:
        raise InputError(f"{shown_url(url)}: file not found") from None
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
