"""Describe operating system errors: the path, the problem and the fix."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeGuard

from scamdetect.errors import InputError, OutputError, ScamDetectError
from scamdetect.urls import shown_url, url_of_path, without_secrets

ELSEWHERE = "choose another destination"

_LONGEST = 300  # characters of a library's error message
_FIXES = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.EACCES: "get permission",
    errno.EPERM: "get permission",
    errno.EMFILE: "close open files, or raise the limit with `ulimit -n`",
}


def words(problem: OSError) -> str:
    """Return a description of the error, without a number or path."""
    return problem.strerror or str(problem) or type(problem).__name__


def of_system(problem: BaseException) -> TypeGuard[OSError]:
    """Return True for a system error, False for Arrow's OSErrors about the content of a file."""
    return isinstance(problem, OSError) and problem.errno is not None


def said(problem: BaseException, *urls: str) -> str:
    """Return a library's error message on one line, without the secrets of URLs."""
    if any(shown_url(url) != url for url in urls):
        return type(problem).__name__  # the message may repeat a secret in another form
    line = without_secrets(" ".join(str(problem).split())) or type(problem).__name__
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def unreadable(
    path: str | os.PathLike[str],
    problem: OSError,
    *,
    error: type[ScamDetectError] = InputError,
    cure: str | None = None,
) -> ScamDetectError:
    """Return the error for an unreadable file or folder; ``cure`` is specific to it."""
    if problem.errno == errno.ENOENT:
        remote = "only local files can be read here; download it"
        cure = remote if url_of_path(path) else cure or "check the path"
    cure = cure or _FIXES.get(problem.errno or 0, "check the path")
    return error(f"{path}: cannot be read ({words(problem)}); {cure}")


def unwritable(
    path: str | os.PathLike[str], problem: OSError, *, elsewhere: str = ELSEWHERE
) -> OutputError:
    """Return the error for a file or folder that cannot be written."""
    fix = _FIXES.get(problem.errno or 0)
    return OutputError(
        f"{path}: cannot be written ({words(problem)}); {f'{fix} or ' if fix else ''}{elsewhere}"
    )


def no_folder(
    folder: Path,
    *,
    error: type[ScamDetectError] = InputError,
    cure: str = "create it first",
    what: str | None = None,
) -> ScamDetectError:
    """Return the error for a ``folder``, shown as ``what``, that is missing or is not a folder."""
    if isinstance(folder, Path) and folder.is_file():
        return error(f"{what or folder}: is a file, not a folder; choose another")
    return error(f"{what or folder}: folder not found; {cure}")


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
