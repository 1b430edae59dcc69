"""Describe operating system errors in plain words: the path, the problem and the fix."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeGuard

from scamdetect.errors import InputError, OutputError, ScamDetectError
from scamdetect.urls import is_url, shown_url, tells_secrets, url_of_path, without_secrets

_LONGEST = 300  # characters of a library's error message
ELSEWHERE = "choose another destination"

_WORDS = {
    errno.ELOOP: "Symbolic links form a circle",
    errno.ENOTDIR: "A parent in the path is a file, not a folder",
    errno.EISDIR: "It is a folder, not a file",
    errno.ENOTEMPTY: "The folder is not empty",
    errno.EIO: "The disk or its connection failed",
    errno.EINVAL: "The system does not allow this name or use",
}
_TO_READ = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path",
    errno.ENAMETOOLONG: "check the path or use a shorter name",
    errno.EACCES: "get read permission or copy it",
    errno.EPERM: "get read permission or copy it",
    errno.EISDIR: "pass a file in it",
    errno.ELOOP: "pass the file itself or repair the link",
}
_TO_WRITE = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "make room",
    errno.ENOENT: "create its folder",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.EACCES: "get write permission",
    errno.EPERM: "get write permission",
    errno.ELOOP: "repair the link",
}
_EITHER = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "make room",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.EACCES: "get permission",
    errno.EPERM: "get permission",
    errno.ELOOP: "repair the link",
}
_TO_DO = {
    errno.EMFILE: "close open files, or raise the limit with `ulimit -n`",
    errno.ENFILE: "close open files",
    errno.EIO: "check the disk and the network",
}


# urllib3 prints URLs from the path on, with the query, in which some storages put the user.
_RELATIVE = re.compile(r"(\burl: /[^\s?]*)\?\S*")


def words(problem: OSError) -> str:
    """Return a description of the error, without a number or path."""
    if problem.errno is None:
        return str(problem) or type(problem).__name__
    plain, given = os.strerror(problem.errno), problem.strerror
    # Storages put their own text there, Arrow the number and the path.
    if given and given != plain and "[errno " not in given:
        return given
    return _WORDS.get(problem.errno, plain)


def of_system(problem: BaseException) -> TypeGuard[OSError]:
    """Return True for a system error, False for Arrow's OSErrors about the content of a file."""
    return isinstance(problem, OSError) and problem.errno is not None


def said(problem: BaseException, *urls: str) -> str:
    """Return a library's error message on one line, without the secrets of URLs.

    If the message repeats a secret of these URLs or of the environment's (proxies, endpoints),
    return only the error class and its HTTP status.
    """
    text = _named(problem) if isinstance(problem, OSError) else str(problem)
    line = _RELATIVE.sub(r"\1", without_secrets(" ".join(text.split())))
    if not line or _tells_known(text, urls):
        status = http_status(problem)
        return type(problem).__name__ + (f", HTTP status {status}" if status else "")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def shareable(problem: BaseException, *urls: str) -> BaseException | None:
    """Return the error if it is safe as the cause of another one, else None.

    It is not safe if one of these URLs has a secret, or if its text or that of its own causes
    contains one.
    """
    if any(shown_url(url) != url for url in urls):
        return None
    chain: list[BaseException] = []
    at: BaseException | None = problem
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    texts = [str(one) for one in chain]
    secret = any(without_secrets(text) != text or _tells_known(text, urls) for text in texts)
    return None if secret else problem


def _tells_known(text: str, urls: tuple[str, ...]) -> bool:
    known = [*urls, *filter(is_url, os.environ.values())]
    return any(tells_secrets(text, url) for url in known)


def http_status(problem: BaseException) -> int | None:
    """Return the HTTP status of a library's error, or None."""
    status = getattr(problem, "status", None)
    return status if isinstance(status, int) else None


def unreadable(
    path: str | os.PathLike[str],
    problem: OSError,
    *,
    error: type[ScamDetectError] = InputError,
    cure: str | None = None,
) -> ScamDetectError:
    """Return the error for an unreadable file or folder; ``cure`` is specific to it."""
    number = problem.errno or 0
    if url_of_path(path) and number in (errno.ENOENT, errno.ENOTDIR):
        cure = "it looks like a URL, but only local files can be read here; download it"
    cure = _TO_DO.get(number) or cure or _TO_READ.get(number)
    return error(f"{path}: cannot be read ({words(problem)}){f'; {cure}' if cure else ''}")


def unwritable(
    path: str | os.PathLike[str], problem: OSError, *, elsewhere: str = ELSEWHERE
) -> OutputError:
    """Return the error for a file or folder that cannot be written."""
    number = problem.errno or 0
    first = _TO_DO.get(number) or _TO_WRITE.get(number)
    cure = f"{first} or {elsewhere}" if first else elsewhere
    return OutputError(f"{path}: cannot be written ({words(problem)}); {cure}")


def no_folder(
    folder: Path,
    *,
    error: type[ScamDetectError] = InputError,
    cure: str = "create it first",
    what: str | None = None,
) -> ScamDetectError:
    """Return the error for a ``folder``, shown as ``what``, that is missing or is not a folder."""
    what = what or str(folder)
    if isinstance(folder, Path):  # not for URLs
        try:
            folder.stat()
        except (FileNotFoundError, ValueError):  # an invalid file name: a NUL, a lone surrogate
            pass
        except OSError as problem:
            return unreadable(what, problem, error=error)
        else:
            return error(f"{what}: is a file, not a folder; choose another")
    return error(f"{what}: folder not found; {cure}")


@contextmanager
def files_read(error: type[ScamDetectError]) -> Iterator[None]:
    """Convert failures to read any file within the context to ``error``, which names the file."""
    try:
        yield
    except OSError as problem:
        raise unreadable(os.fsdecode(problem.filename or "?"), problem, error=error) from problem


@contextmanager
def written(path: str | os.PathLike[str], *, elsewhere: str = ELSEWHERE) -> Iterator[None]:
    """Convert failures to write within the context to an OutputError, with its notes."""
    try:
        yield
    except ScamDetectError:
        raise
    except OSError as problem:
        failed = unwritable(path, problem, elsewhere=elsewhere)
        failed.__notes__ = getattr(problem, "__notes__", [])
        raise failed from problem


def unforeseen(problem: OSError) -> str:
    """Return a one-line description of an error that no other place handles."""
    number = problem.errno or 0
    cure = _TO_DO.get(number) or _EITHER.get(number)
    return f"{_named(problem)}{f'; {cure}' if cure else ''}"


def _named(problem: OSError) -> str:
    name = problem.filename
    where = f"{os.fsdecode(name)}: " if isinstance(name, str | bytes) else ""
    return where + words(problem)
