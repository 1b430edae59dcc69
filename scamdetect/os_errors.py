"""Say what went wrong with a file in plain words, with its path and what to do about it."""

from __future__ import annotations

import errno
import os
import re

from scamdetect.errors import InputError, OutputError, ScamDetectError

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
_TO_DO = {
    errno.EMFILE: "close what holds files open, or raise the limit with `ulimit -n`",
    errno.ENFILE: "close what holds files open",
    errno.EIO: "check the disk and the network",
}
# A URL as a Path leaves it. One letter is a drive.
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def words(problem: OSError) -> str:
    """Return what went wrong, without a number and without a path."""
    if problem.errno is None:
        return str(problem) or type(problem).__name__
    plain = os.strerror(problem.errno)
    # Libraries put words of their own there.
    return (
        problem.strerror
        if problem.strerror and problem.strerror != plain
        else _WORDS.get(problem.errno, plain)
    )


def unreadable(
    path: str | os.PathLike[str],
    problem: OSError,
    *,
    error: type[ScamDetectError] = InputError,
    cure: str | None = None,
) -> ScamDetectError:
    """Return the error to raise where a file or folder cannot be read; ``cure`` is its own."""
    number = problem.errno or 0
    if _URL.match(str(path)) and number in (errno.ENOENT, errno.ENOTDIR):
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


def unforeseen(problem: OSError) -> str:
    """Return one line on an error that no other place has put into words."""
    number = problem.errno or 0
    cure = _TO_DO.get(number) or _TO_WRITE.get(number)
    named = os.fsdecode(problem.filename) if isinstance(problem.filename, str | bytes) else None
    where = f"{named}: " if named is not None else ""
    return f"{where}{words(problem)}{f'; {cure}' if cure else ''}"
