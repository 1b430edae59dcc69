"""Remove user info, query and fragment from URLs before they are printed."""

from __future__ import annotations

import os
import re

HIDDEN = "***"

_SCHEME = r"[a-z][a-z0-9+.-]{1,30}"
_URL = re.compile(rf"\b({_SCHEME})(:/{{1,2}})([^\s'\"<>]*)", re.IGNORECASE)
_LOCAL = frozenset(("file", "local", "memory"))
# The container in scheme://container@account/name is no user info.
_CONTAINER = re.compile(r"(?:abfss?|wasbs?)://[a-z0-9$-]{1,63}@", re.IGNORECASE)


def is_url(text: str) -> bool:
    """Return True if a text names a file by a URL, not by a path."""
    return re.match(rf"{_SCHEME}://", text, re.IGNORECASE) is not None


def url_of_path(path: str | os.PathLike[str]) -> str | None:
    """Return the URL from which a path was made, which removed a slash; None for a plain path."""
    match = re.match(rf"({_SCHEME}):/+", os.fspath(path), re.IGNORECASE)
    return match and f"{match[1]}://{os.fspath(path)[match.end() :]}"


def shown_url(url: str) -> str:
    """Return a URL, or several joined by ``::``, without user info, query and fragment.

    A password may hold raw slashes: everything up to the last @ counts as user info.
    """
    return without_secrets(url)


def without_secrets(text: str) -> str:
    """Return a text with the URLs in it cleaned as by ``shown_url``; URLs end at white space."""
    return _URL.sub(_cleaned, text)


def _cleaned(match: re.Match[str]) -> str:
    scheme, slashes, rest = match.groups()
    if scheme.lower() in _LOCAL:
        return match[0]
    container = _CONTAINER.match(match[0])
    before, at, after = rest.rpartition("@")
    if at and not (container and "@" not in before):
        rest = f"{HIDDEN}@{after}"
    return f"{scheme}{slashes}{re.split(r'[?#]', rest, maxsplit=1)[0]}"
