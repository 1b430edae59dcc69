"""Remove user info, query, fragment and other secrets from URLs before they are printed."""

from __future__ import annotations

import logging
import os
import re
from typing import NamedTuple
from urllib.parse import unquote

HIDDEN = "***"

_SCHEME = r"[a-z][a-z0-9+.-]{1,30}"
# A Path drops one of two slashes, JSON may escape them, a query encodes them.
_ENCODED = rf"{_SCHEME}%(?:25)*3a(?:%(?:25)*2f){{2}}"
_URL = re.compile(rf"(?:{_SCHEME}:(?:\\?/)|{_ENCODED})\S*", re.IGNORECASE)
# A pasted password can contain a blank or a line break: match up to the @ if a colon comes first.
_SPACED = re.compile(
    rf"({_SCHEME}:(?:\\?/){{1,2}})[^\s/?#@]*:(?!\d{{1,5}}[/?#\s])"
    r"[^@]{0,200}?\s[^@]{0,200}@(?=\S)",
    re.IGNORECASE,
)
_PARTS = re.compile(rf"({_SCHEME}):((?:\\?/)+)(.*)", re.IGNORECASE | re.DOTALL)
# The next URL of a chain, within the path of another, or after it in a list.
_NEXT = re.compile(
    rf"(::)(?={_SCHEME}(?:::|:\\?/))|(?<=[/,;|('\"<])(?={_SCHEME}:(?:\\?/){{2}}|{_ENCODED})",
    re.IGNORECASE,
)
_CLOSING = ")]}>'\"`,.;:!?"
_HOST = re.compile(r"(\[[0-9a-f:.%]*\]?|[^:@\[\]]*)(:(\d{1,5}|port)?)?", re.IGNORECASE)
_CONTAINER = re.compile(r"\$?[a-z0-9-]{1,63}@[^:@]+")
_AZURE = frozenset(("abfs", "abfss", "wasb", "wasbs"))  # scheme://container@account
_OF_THIS_MACHINE = frozenset(("file", "local", "memory"))
_WEB_QUERY = re.compile(r"[?#]|[&;][\w.~%-]+=|%(?:25)*3f[\w.~-]+%(?:25)*3d", re.IGNORECASE)
# In object stores a question mark or a number sign can be part of a name.
_STORE_QUERY = re.compile(r"[?#][\w.~%+\[\]-]+=|%(?:25)*3f[\w.~-]+%(?:25)*3d", re.IGNORECASE)
_NAMED = ("llm:", "http:")
_NO_MODEL = re.compile(r"[=?&]|@.*[/@]")
_WORD = re.compile(r"[^\W_]{3,}")


class _Shown(NamedTuple):
    text: str
    cut: bool  # everything up to the end of the URL is secret too


def is_url(text: str) -> bool:
    """Return True if a text names a file by a URL, not by a path."""
    return re.match(rf"{_SCHEME}://", text, re.IGNORECASE) is not None


def url_of_path(path: str | os.PathLike[str]) -> str | None:
    """Return the URL from which a path was made, which removed a slash; None for a plain path."""
    found = re.match(rf"({_SCHEME}):/+", os.fspath(path), re.IGNORECASE)
    return found and f"{found[1]}://{os.fspath(path)[found.end() :]}"


def without_secrets(text: str) -> str:
    """Return a text with the secrets of its URLs removed, as by ``shown_url``.

    URLs end at white space; ``shown_url`` handles a single URL more precisely. In detector names
    such as ``llm:URL#MODEL`` the fragment names a model and is kept.
    """
    return _URL.sub(_within_text, _SPACED.sub(rf"\1{HIDDEN}@", text))


def shown_url(url: str) -> str:
    """Return a URL, or several joined by ``::``, without secrets.

    Removed are the user info (a password can contain a raw slash, question mark or @), the query
    and the fragment. If the end of the user info is uncertain, more is replaced by ``***``. The
    container in ``abfs://container@account/name`` is kept, and so is a question mark in an object
    name unless ``name=`` follows it.
    """
    end = len(url.rstrip(_CLOSING))
    told = []
    for one in filter(None, _NEXT.split(url[:end])):
        shown = _shown(one)
        told.append(shown.text)
        if shown.cut:
            break
    return "".join(told) + url[end:]


def tells_secrets(text: str, url: str) -> bool:
    """Return True if a text contains a word that ``shown_url`` removes from the URL."""
    hidden = _words(url) - _words(shown_url(url))
    plain = unquote(text).casefold()
    return any(word in plain for word in hidden)


class SecretsFilter(logging.Filter):
    """Remove secrets from the URLs in log records."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record and keep it."""
        record.msg, record.args = without_secrets(record.getMessage()), None
        return True


def _within_text(found: re.Match[str]) -> str:
    named = found.string.endswith(_NAMED, 0, found.start()) or found[0].startswith("llm:")
    if not named:
        return shown_url(found[0])
    url, mark, model = found[0].partition("#")
    shown = shown_url(url)
    # An @ before a slash, or without a path after it, may end a password with a number sign.
    unsure = "@" in model and "/" not in url.partition("://")[2]
    secret = unsure or shown.endswith(HIDDEN) or _NO_MODEL.search(model)
    return shown if secret else f"{shown}{mark}{model}"


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(unquote(text))}


def _shown(url: str) -> _Shown:
    decoded = url
    while not (parts := _PARTS.match(decoded)):
        if (once := unquote(decoded)) == decoded:
            return _Shown(url, False)  # the name of a chain, such as simplecache
        decoded = once
    scheme, slashes, rest = parts.groups()
    if scheme.lower() in _OF_THIS_MACHINE:
        return _Shown(url, False)
    public = _without_user(scheme.lower(), rest)
    web = scheme.lower().startswith(("http", "llm"))
    query = (_WEB_QUERY if web else _STORE_QUERY).search(public)
    public = public[: query.start()] if query else public
    if public == rest:
        return _Shown(url, False)
    return _Shown(f"{scheme}:{slashes}{public}", query is not None or public == HIDDEN)


def _without_user(scheme: str, rest: str) -> str:
    """Return the rest of a URL after its scheme, without user info.

    A URL parser ends the authority at the first slash, question mark or number sign. Pasted keys
    can contain these, so user info with a colon is assumed to end at the last @.
    """
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    if scheme in _AZURE and _CONTAINER.fullmatch(authority):
        return rest
    host = _HOST.fullmatch(authority) if "%40" not in authority else None
    if authority.startswith("arn:") or (host and host[2] is None):
        return rest
    before, at, after = rest.rpartition("@")
    if not at:
        # Not a host and a port: a key whose @ is missing, encoded or cut off.
        return rest if host else HIDDEN
    if before == HIDDEN:
        return rest  # shown before
    if before == authority.rpartition("@")[0]:
        return after
    return HIDDEN if re.search("[?#]", before) else f"{HIDDEN}@{after}"
