"""Say what went wrong in plain words: with a file, its path and what to do, or in a library."""

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

_LONGEST = 300  # characters of what a library says
ELSEWHERE = "choose another destination"

_WORDS = {
    errno.ELOOP: "Its symbolic links lead in a circle",
    errno.ENOTDIR: "A part of its path is a file, not a folder",
    errno.EISDIR: "It is a folder, not a file",
    errno.ENOTEMPTY: "The folder is not empty",
    errno.EIO: "The disk, or the connection to it, failed",
    errno.EINVAL: "The system does not allow this name or use",
}
_TO_READ = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path",
    errno.ENAMETOOLONG: "check the path, or give it a shorter name",
    errno.EACCES: "get the right to read it, or copy it",
    errno.EPERM: "get the right to read it, or copy it",
    errno.EISDIR: "name a file in it",
    errno.ELOOP: "name the file itself, or repair the link",
}
_TO_WRITE = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "make room",
    errno.ENOENT: "create its folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EACCES: "get the right to write there",
    errno.EPERM: "get the right to write there",
    errno.ELOOP: "repair the link",
}
_EITHER = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "make room",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EACCES: "get the right to it",
    errno.EPERM: "get the right to it",
    errno.ELOOP: "repair the link",
}
_TO_DO = {
    errno.EMFILE: "close what holds files open, or raise the limit with `ulimit -n`",
    errno.ENFILE: "close what holds files open",
    errno.EIO: "check the disk and the network",
}


# urllib3 names a URL from its path on, with the query in which some storages send the user.
_RELATIVE = re.compile(r"(\burl: /[^\s?]*)\?\S*")


def words(problem: OSError) -> str:
    """Return what went wrong, without a number and without a path."""
    if problem.errno is None:
        return str(problem) or type(problem).__name__
    plain, given = os.strerror(problem.errno), problem.strerror
    # Storages put words of their own there, and Arrow the number and the path.
    if given and given != plain and "[errno " not in given:
        return given
    return _WORDS.get(problem.errno, plain)


def of_system(problem: BaseException) -> TypeGuard[OSError]:
    """Tell whether an error is of the system, not of what a file holds (Arrow's OSErrors)."""
    return isinstance(problem, OSError) and problem.errno is not None


def said(problem: BaseException, *urls: str) -> str:
    """Return in one line what a library says, without what is secret in URLs.

    Where it quotes a word of such a secret, of these URLs or of the environment's (proxies,
    endpoints), it is the kind of error and its HTTP status alone.
    """
    text = _named(problem) if isinstance(problem, OSError) else str(problem)
    line = _RELATIVE.sub(r"\1", without_secrets(" ".join(text.split())))
    if not line or _tells_known(text, urls):
        status = http_status(problem)
        return type(problem).__name__ + (f", HTTP status {status}" if status else "")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def shareable(problem: BaseException, *urls: str) -> BaseException | None:
    """Return the error as what another may name as its cause.

    That is None where one of these URLs has a secret, or one is in the text of the error or of its
    own causes.
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
    """Return the HTTP status that an error of a library tells of, None where it has none."""
    status = getattr(problem, "status", None)
    return status if isinstance(status, int) else None


def unreadable(
    path: str | os.PathLike[str],
    problem: OSError,
    *,
    error: type[ScamDetectError] = InputError,
    cure: str | None = None,
) -> ScamDetectError:
    """Return the error to raise where a file or folder cannot be read; ``cure`` is its own."""
    number = problem.errno or 0
    if url_of_path(path) and number in (errno.ENOENT, errno.ENOTDIR):
        cure = "it seems to be a URL, and only files of this machine are read here: download it"
    cure = _TO_DO.get(number) or cure or _TO_READ.get(number)
    return error(f"{path}: cannot be read ({words(problem)}){f'; {cure}' if cure else ''}")


def unwritable(
    path: str | os.PathLike[str], problem: OSError, *, elsewhere: str = ELSEWHERE
) -> OutputError:
    """Return the error to raise where a file or folder cannot be written."""
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
    """Return the error to raise where ``folder``, shown as ``what``, is not one."""
    what = what or str(folder)
    if isinstance(folder, Path):  # nothing behind a URL
        try:
            folder.stat()
        except (FileNotFoundError, ValueError):  # no file has such a name: a NUL, half a character
            pass
        except OSError as problem:
            return unreadable(what, problem, error=error)
        else:
            return error(f"{what}: is a file, not a folder; choose another")
    return error(f"{what}: no such folder; {cure}")


@contextmanager
def files_read(error: type[ScamDetectError]) -> Iterator[None]:
    """Turn a failure to read any file within the context into the error, which names the file."""
    try:
        yield
    except OSError as problem:
        raise unreadable(os.fsdecode(problem.filename or "?"), problem, error=error) from problem


@contextmanager
def written(path: str | os.PathLike[str], *, elsewhere: str = ELSEWHERE) -> Iterator[None]:
    """Turn a failure to write within the context into an OutputError, with its notes."""
    try:
        yield
    except ScamDetectError:
        raise
    except OSError as problem:
        failed = unwritable(path, problem, elsewhere=elsewhere)
        failed.__notes__ = getattr(problem, "__notes__", [])
        raise failed from problem


def unforeseen(problem: OSError) -> str:
    """Return one line on an error that no other place has put into words."""
    number = problem.errno or 0
    cure = _TO_DO.get(number) or _EITHER.get(number)
    return f"{_named(problem)}{f'; {cure}' if cure else ''}"


def _named(problem: OSError) -> str:
    name = problem.filename
    where = f"{os.fsdecode(name)}: " if isinstance(name, str | bytes) else ""
    return where + words(problem)
