"""Download the original files of the sources, or copy them from a mirror, and verify them."""

from __future__ import annotations

import gzip
import http.client
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast
from urllib.parse import quote

from scamdetect.errors import SourceError
from scamdetect.system.files import append, check_regular, create, file_sha256, open_regular
from scamdetect.system.os_errors import said, words
from scamdetect.train.data.registry import File, Source

PUBLIC_ADDRESS = "https://raw.githubusercontent.com/{repository}/{commit}/{path}"
_CHUNK = 1 << 20

# Errors of one file that do not affect the others.
_PROBLEMS = (
    SourceError,
    OSError,
    EOFError,
    tarfile.TarError,
    zlib.error,
    http.client.HTTPException,
)


@dataclass(frozen=True)
class Fetched:
    """The result for a file: ``state`` is ``present``, ``fetched``, ``unpinned`` or ``missing``."""

    slug: str
    path: str
    state: str
    reason: str = ""


def fetch(
    sources: Iterable[Source],
    raw: Path,
    mirror: Path | None = None,
    progress: Callable[[Fetched], None] = lambda fetched: None,
) -> list[Fetched]:
    """Get every file of the sources below ``raw`` and return the result for each.

    An existing file with the right hash is kept; an interrupted download is resumed; a file that
    cannot be obtained is reported with the reason and does not stop the rest. A file without a
    known hash is kept and its hash reported, to be pinned in the source's TOML.
    """
    outcomes = []
    for source in sources:
        if source.files_of is not None:
            continue
        with ExitStack() as stack:
            copies = stack.enter_context(_Mirror(mirror / source.slug)) if mirror else None
            for file in source.files:
                outcome = _fetch_file(source, file, raw / source.slug / file.path, copies)
                outcomes.append(outcome)
                progress(outcome)
    return outcomes


def address(source: Source, file: File) -> str:
    """Return the public address of a file at the pinned commit."""
    path = file.source_path or source.source_dir + file.path
    return PUBLIC_ADDRESS.format(
        repository=source.repository, commit=source.commit, path=quote(path)
    )


def _fetch_file(source: Source, file: File, target: Path, mirror: _Mirror | None) -> Fetched:
    try:
        state, reason = _bring(source, file, target, mirror)
    except _PROBLEMS as problem:
        state, reason = "missing", said(problem)
    return Fetched(source.slug, file.path, state, reason)


def _bring(source: Source, file: File, target: Path, mirror: _Mirror | None) -> tuple[str, str]:
    """Return state and reason; raise if the file cannot be obtained."""
    if target.exists():
        found = file_sha256(target)
        if found == file.sha256:
            return "present", ""
        if not file.sha256:
            return "unpinned", _pin(found)
    if source.status == "unobtainable":
        raise SourceError(f"not available: {source.note}")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")  # kept, so that a download can be resumed
    if mirror is None and not file.public:
        raise SourceError(f"has no public address: {source.note}")
    if mirror is not None:
        mirror.copy(file.path, partial)
    else:
        _download(address(source, file), partial)
    found = file_sha256(partial)
    if file.sha256 and found != file.sha256:
        partial.unlink()
        raise SourceError(f"its sha256 is {found}, expected {file.sha256}: the file has changed")
    partial.replace(target)
    return ("fetched", "") if file.sha256 else ("unpinned", _pin(found))


def _pin(sha256: str) -> str:
    return f'pin sha256 = "{sha256}"'


def _download(url: str, partial: Path) -> None:
    """Append the missing rest of the file to ``partial``; raise SourceError if that fails."""
    done = partial.lstat().st_size if os.path.lexists(partial) else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            resumed = answer.status == 206
            with append(partial) if resumed else create(partial) as out:
                shutil.copyfileobj(answer, out, _CHUNK)
                size = out.tell()
            # An interrupted connection reads like the end of the file.
            due = int(answer.headers["Content-Length"] or 0) + (done if resumed else 0)
            if size < due:
                raise SourceError(
                    f"{url}: interrupted after {size} of {due} bytes; run it again to continue"
                )
    except urllib.error.HTTPError as problem:
        if problem.code != 416:  # 416: the partial file already has every byte
            raise SourceError(f"{url}: HTTP {problem.code} {problem.reason}") from problem
    except urllib.error.URLError as problem:
        raise SourceError(f"{url}: {_reason(problem)}; or pass --mirror DIR") from problem


def _reason(problem: urllib.error.URLError) -> str:
    return words(problem.reason) if isinstance(problem.reason, OSError) else str(problem.reason)


class _Mirror:
    """The copies of one source: files as they are, gzipped, or in a tar named for their folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._archives: dict[Path, tuple[tarfile.TarFile, dict[str, tarfile.TarInfo]]] = {}

    def __enter__(self) -> _Mirror:
        return self

    def __exit__(self, *problem: object) -> None:
        self._open.close()

    def copy(self, path: str, target: Path) -> None:
        """Write the file to ``target``; raise SourceError if the mirror lacks it."""
        with self._source(path) as source, create(target) as out:
            shutil.copyfileobj(source, out, _CHUNK)

    def _source(self, path: str) -> IO[bytes]:
        first, _, rest = path.partition("/")
        archive = self._folder / f"{first}.tar.gz"
        if (self._folder / path).exists():
            return open_regular(self._folder / path)
        if (self._folder / f"{path}.gz").exists():
            check_regular(self._folder / f"{path}.gz")
            return cast(IO[bytes], gzip.open(self._folder / f"{path}.gz"))
        if not rest or not archive.exists():
            raise SourceError(f"it is not in the mirror {self._folder}")
        tar, members = self._archive(archive)
        member = members.get(path) or members.get(rest)
        content = tar.extractfile(member) if member else None
        if content is None:
            raise SourceError(f"{archive} holds no {path}")
        return content

    def _archive(self, path: Path) -> tuple[tarfile.TarFile, dict[str, tarfile.TarInfo]]:
        # Unpacked once: in a compressed archive each step back starts again at the first byte.
        if path not in self._archives:
            unpacked = self._open.enter_context(tempfile.TemporaryFile())
            check_regular(path)
            with gzip.open(path) as packed:
                shutil.copyfileobj(packed, unpacked, _CHUNK)
            unpacked.seek(0)
            tar = self._open.enter_context(tarfile.open(fileobj=unpacked, mode="r:"))
            members = {m.name.removeprefix("./"): m for m in tar if m.isfile()}
            self._archives[path] = tar, members
        return self._archives[path]
