"""Read STIX patterns that are equalities, the only ones that messages can be checked for.

``[url:value = 'https://a.example/x']``, several joined by OR, and ``IN`` with a list. Patterns with
more than one value, an order, a time or another comparison are not supported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MOST_CHARACTERS = 64 << 10
_TOKEN = re.compile(r"\s*(?:('(?:[^'\\]|\\.)*')|([\[\](),=])|([A-Za-z][\w:.-]*))", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ACCOUNT_TYPE = "user-account:account_type"
_ACCOUNT_NAMES = ("user-account:account_login", "user-account:user_id")
ACCOUNT = "user-account"  # the path of an account, whose value is ``type:name``


class Equality(NamedTuple):
    """The condition that the path has this value."""

    path: str
    value: str


class _Tokens:
    def __init__(self, pattern: str) -> None:
        self._all = list(_tokens(pattern))
        self._at = 0

    def peek(self) -> str:
        return self._all[self._at] if self._at < len(self._all) else ""

    def next(self) -> str:
        found = self.peek()
        self._at += 1
        return found

    def expect(self, *allowed: str) -> str:
        found = self.next()
        if found not in allowed:
            raise ValueError(found)
        return found

    def string(self) -> str:
        found = self.next()
        if not found.startswith("'"):
            raise ValueError(found)
        return _ESCAPED.sub(r"\1", found[1:-1])


def equalities(pattern: str) -> tuple[Equality, ...] | None:
    """Return equalities, any of which makes the pattern true; None for other patterns."""
    if len(pattern) > MOST_CHARACTERS:
        return None
    try:
        tokens = _Tokens(pattern)
        found = [*_observation(tokens)]
        while tokens.peek() == "OR":
            tokens.next()
            found += _observation(tokens)
        tokens.expect("")
    except ValueError:
        return None
    return tuple(found)


def _observation(tokens: _Tokens) -> Iterator[Equality]:
    tokens.expect("[")
    first = list(_comparison(tokens))
    if tokens.peek() == "AND":
        tokens.next()
        yield _account([*first, *_comparison(tokens)])
        tokens.expect("]")
        return
    yield from first
    while tokens.expect("]", "OR") == "OR":
        yield from _comparison(tokens)


def _comparison(tokens: _Tokens) -> Iterator[Equality]:
    path = tokens.next()
    if not path[:1].isalpha():
        raise ValueError(path)
    if tokens.expect("=", "IN") == "=":
        yield Equality(path, tokens.string())
        return
    tokens.expect("(")
    yield Equality(path, tokens.string())
    while tokens.expect(",", ")") == ",":
        yield Equality(path, tokens.string())


def _account(both: list[Equality]) -> Equality:
    """Return the account of a type and a name; raise ValueError for others."""
    found = {one.path: one.value for one in both}
    names = [found[path] for path in _ACCOUNT_NAMES if path in found]
    if len(both) != 2 or _ACCOUNT_TYPE not in found or len(names) != 1:
        raise ValueError
    return Equality(ACCOUNT, f"{found[_ACCOUNT_TYPE]}:{names[0]}")


def _tokens(pattern: str) -> Iterator[str]:
    """Yield strings with their quotes, operators and words; raise ValueError for anything else."""
    at = 0
    pattern = pattern.rstrip()
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        if found is None:
            raise ValueError(pattern[at])
        yield found[found.lastindex or 0]
        at = found.end()
