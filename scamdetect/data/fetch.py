"""Get the original files of the sources from their public address or a local mirror, and verify them."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from scamdetect.data.registry import File, Source
from scamdetect.errors import SourceError

PUBLIC_ADDRESS = "https://raw.githubusercontent.com/{repository}/{commit}/{path}"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Fetched:
    """What became of one file: ``state`` is ``present``, ``fetched``, ``unpinned`` or ``missing``."""

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
    """Bring every file of the sources below ``raw`` and return what became of each.

    A file that is there with the right hash stays; a download that broke off is resumed; what cannot be had
    is reported with the reason and does not stop the rest. A file without a known hash is kept and its hash
    reported, to be pinned in the source's TOML.
    """
    outcomes = []
    for source in sources:
        if source.files_of is not None:
            continue
        for file in source.files:
            outcome = _fetch_file(source, file, raw / source.slug / file.path, mirror)
            outcomes.append(outcome)
            progress(outcome)
    return outcomes


def _fetch_file(source: Source, file: File, target: Path, mirror: Path | None) -> Fetched:
    if target.exists() and _sha256(target) == file.sha256:
        return Fetched(source.slug, file.path, "present")
    if source.status == "unobtainable":
        return Fetched(source.slug, file.path, "missing", source.note)
    partial = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if mirror is not None:
            _copy_from_mirror(mirror / source.slug, file.path, partial)
        else:
            _download(address(source, file), partial)
        found = _sha256(partial)
        if not file.sha256:
            os.replace(partial, target)
            return Fetched(source.slug, file.path, "unpinned", f'pin sha256 = "{found}"')
        if found != file.sha256:
            partial.unlink()
            raise SourceError(
                f"its sha256 is {found}, expected {file.sha256}: the file has changed"
            )
        os.replace(partial, target)
    except (SourceError, OSError, EOFError, tarfile.TarError) as problem:
        return Fetched(source.slug, file.path, "missing", str(problem))
    return Fetched(source.slug, file.path, "fetched")


def address(source: Source, file: File) -> str:
    """Return the public address of a file at the pinned commit."""
    path = file.source_path or source.source_dir + file.path
    return PUBLIC_ADDRESS.format(
        repository=source.repository, commit=source.commit, path=quote(path)
    )


def _download(url: str, partial: Path) -> None:
    done = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            resumed = answer.status == 206
            with partial.open("ab" if resumed else "wb") as out:
                shutil.copyfileobj(answer, out, _CHUNK)
    except urllib.error.HTTPError as problem:
        if problem.code != 416:  # 416: the part already holds every byte
            raise SourceError(f"{url}: HTTP {problem.code} {problem.reason}") from problem
    except urllib.error.URLError as problem:
        raise SourceError(f"{url}: {problem.reason}; or give --mirror DIR") from problem


def _copy_from_mirror(folder: Path, path: str, partial: Path) -> None:
    with _open_in_mirror(folder, path) as source, partial.open("wb") as out:
        shutil.copyfileobj(source, out, _CHUNK)


@contextmanager
def _open_in_mirror(folder: Path, path: str) -> Iterator[IO[bytes]]:
    """Open a file that the mirror holds as it is, gzipped, or in a tar named for its first folder."""
    first, _, rest = path.partition("/")
    archive = folder / f"{first}.tar.gz"
    if (folder / path).exists():
        with (folder / path).open("rb") as plain:
            yield plain
    elif (folder / f"{path}.gz").exists():
        with gzip.open(folder / f"{path}.gz") as unpacked:
            yield unpacked
    elif rest and archive.exists():
        with tarfile.open(archive) as tar:
            member = tar.extractfile(_member(tar, path, rest, archive))
            assert member is not None
            yield member
    else:
        raise SourceError(f"the mirror {folder} does not hold it")


def _member(tar: tarfile.TarFile, path: str, rest: str, archive: Path) -> tarfile.TarInfo:
    for name in (path, rest, f"./{path}", f"./{rest}"):
        try:
            return tar.getmember(name)
        except KeyError:
            continue
    raise SourceError(f"{archive} holds no {path}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
