"""Show URLs without what is secret in them, and say in one line why they cannot be reached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from scamdetect.errors import InputError, ScamDetectError

_URL = re.compile(r"[a-z][a-z0-9+.-]*://")
_PASSWORD = re.compile(r"(://)[^/@\s]*:[^/@\s]*@")
# Elsewhere a question mark belongs to the name, or stands for one character.
_QUERY = re.compile(r"(\bhttps?://[^\s?'\"]*)\?[^\s'\"]*")


def is_url(text: str) -> bool:
    """Tell whether a text names a file by a URL, not by a path."""
    return _URL.match(text) is not None


def shown(text: str) -> str:
    """Return a URL, or a text with URLs in it, without passwords and signatures."""
    return _QUERY.sub(r"\1", _PASSWORD.sub(r"\1", text))


def cause(problem: Exception) -> str:
    """Return in one line why a storage could not be reached."""
    line = str(problem).strip().partition("\n")[0]
    return shown(line) or type(problem).__name__


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn what a storage raises within the context into an InputError that names the URL.

    The libraries behind fsspec raise errors of their own, of many kinds.
    """
    try:
        yield
    except ScamDetectError:
        raise
    except FileNotFoundError as problem:
        raise InputError(f"{url}: cannot be read (no such file)") from problem
    except PermissionError as problem:
        raise InputError(
            f"{url}: access denied ({cause(problem)}); give credentials in the environment"
        ) from problem
    except Exception as problem:
        raise InputError(f"{url}: cannot be reached ({cause(problem)})") from problem
