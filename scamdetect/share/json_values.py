"""Walk through a JSON file of any size and return the requested values, one at a time.

Only the current value is in memory, so a file of gigabytes takes no more than a small one. A parser
library would hold the whole file, or one endless value.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scamdetect.dumps.json import Window, opened
from scamdetect.errors import InputError

MOST_BYTES = 16 << 20  # of one value
_BOM = b"\xef\xbb\xbf"

Keys = tuple[str, ...]  # the place of a value: the keys down to it, "*" for an item of an array


@dataclass(frozen=True, slots=True)
class Value:
    """A value at a requested place; ``problem`` is why it cannot be read, else None.

    ``number`` counts the values of the same place from 1, ``line`` is where it starts, from 1.
    ``within`` is the number of the enclosing object, among those entered.
    """

    keys: Keys
    number: int
    line: int
    within: int
    content: Any
    problem: str | None = None


def values(path: Path, wanted: Collection[Keys]) -> Iterator[Value]:
    """Yield the values at the requested places in order; everything else is skipped.

    Raises InputError, with the file and the line, if the file cannot be read, is not JSON, is
    truncated, or has a value of more than 16 MiB outside the requested places.
    """
    ways = {keys[:length] for keys in wanted for length in range(len(keys))}
    with opened(path) as window:
        if window.peek() == _BOM[:1]:
            window.take(window.at + len(_BOM))
        walk = _Walk(path, window, frozenset(wanted), frozenset(ways))
        yield from walk.value(())
        if window.peek():
            raise walk.broken("more than one value")


class _Walk:
    """A walk through one file that enters every place on the way to a requested one."""

    def __init__(
        self, path: Path, window: Window, wanted: frozenset[Keys], ways: frozenset[Keys]
    ) -> None:
        self._path = path
        self._window = window
        self._wanted = wanted
        self._ways = ways
        self._numbers: dict[Keys, int] = {}
        self._entered = 0
        self._within = 0

    def value(self, keys: Keys) -> Iterator[Value]:
        sign = self._window.peek()
        if not sign:
            raise self.broken("its end is missing")
        if keys in self._wanted:
            yield self._taken(keys)
        elif keys in self._ways and sign == b"{":
            yield from self._members(keys)
        elif keys in self._ways and sign == b"[":
            yield from self._items(keys)
        else:
            self._raw()

    def broken(self, what: str) -> InputError:
        return InputError(
            f"{self._path}:{self._window.line}: not valid JSON ({what}); export or download it "
            "again"
        )

    def _members(self, keys: Keys) -> Iterator[Value]:
        self._sign(b"{")
        outside = self._within
        self._entered += 1
        self._within = self._entered
        while (sign := self._window.peek()) != b"}":
            if sign == b",":
                self._sign(b",")
                continue
            if sign != b'"':
                raise self.broken("a key is missing" if sign else "its end is missing")
            raw = self._raw()
            try:
                name = _loaded(raw)
            except ValueError as problem:
                raise self.broken("a key is broken") from problem
            self._sign(b":")
            yield from self.value((*keys, str(name)))
        self._sign(b"}")
        self._within = outside

    def _items(self, keys: Keys) -> Iterator[Value]:
        self._sign(b"[")
        while (sign := self._window.peek()) != b"]":
            if sign == b",":
                self._sign(b",")
                continue
            yield from self.value((*keys, "*"))
        self._sign(b"]")

    def _taken(self, keys: Keys) -> Value:
        number = self._numbers[keys] = self._numbers.get(keys, 0) + 1
        line = self._window.line
        raw = self._raw()
        try:
            return Value(keys, number, line, self._within, _loaded(raw))
        except (ValueError, RecursionError):
            return Value(
                keys, number, line, self._within, None, "broken JSON, or nested too deeply"
            )

    def _raw(self) -> bytes:
        end = self._window.value_end(MOST_BYTES)
        if end is None:
            raise self.broken("a value has no end, or is larger than 16 MiB")
        return self._window.take(end)

    def _sign(self, sign: bytes) -> None:
        if self._window.peek() != sign:
            raise self.broken(f"{sign.decode()} is missing")
        self._window.take(self._window.at + 1)


def _loaded(raw: bytes) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads(raw.decode("utf-8"))
