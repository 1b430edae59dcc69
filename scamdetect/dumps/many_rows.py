"""Rows of several files in one batch, and columns that have one value for all rows of a file."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any, Self

import pyarrow as pa

from scamdetect.dumps.delimited import quote
from scamdetect.dumps.hive import Value
from scamdetect.dumps.rows import Rows, members
from scamdetect.dumps.text_paths import TextPath
from scamdetect.frames.arrow import plain_array


@dataclass(frozen=True)
class FileRows:
    """Rows of a file and constants beside their columns.

    ``names`` are all columns in their order; those that are no key of ``constants`` are the columns
    of ``rows``, in the same order. ``schema`` has the types of the constants.
    """

    rows: Rows
    names: tuple[str, ...]
    constants: dict[str, Value]
    schema: pa.Schema

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def texts(self) -> Sequence[Any]:
        """Return what is to be scored."""
        return self.rows.texts()

    def column(self, path: TextPath, kind: pa.DataType) -> pa.Array:
        """Return a constant for all rows, or what the rows have at the path."""
        if len(path) == 1 and path[0] in self.constants:
            return plain_array([self.constants[path[0]]] * len(self), kind)
        return self.rows.column(path, kind)

    def cells(self, delimiter: str) -> Iterable[list[str]]:
        """Yield the cells of the rows with those of the constants."""
        fixed = {
            name: quote(None if value is None else str(value), delimiter)
            for name, value in self.constants.items()
        }
        if not self._own:
            return ([fixed[name] for name in self.names] for _ in range(len(self)))
        return (self._merged(cells, fixed) for cells in self.rows.cells(delimiter))

    def objects(self) -> Iterable[str]:
        """Yield the objects with a member for each constant."""
        fixed = {
            name: f"{_dumps(name)}: {_dumps(value)}"
            for name, value in self.constants.items()
            if name in self.names
        }
        end = ", ".join(fixed.values())
        behind = self.names == (*self._own, *fixed)
        for text in self.rows.objects():
            if behind:
                start = text.rstrip()[:-1].rstrip()
                yield f"{start}{'' if start == '{' or not end else ', '}{end}}}"
                continue
            found = {name: f"{_dumps(name)}: {raw}" for name, raw in members(text)} | fixed
            yield "{" + ", ".join(found[name] for name in self.names if name in found) + "}"

    def table(self) -> pa.Table:
        """Return the table of the rows with a column for each constant."""
        table = self.rows.table()
        own = iter(zip(table.columns, table.schema, strict=True))
        arrays, fields = [], []
        for name in self.names:
            if name in self.constants:
                field = self.schema.field(name)
                values = [self.constants[name]] * len(self)
                array = plain_array(values, field.type)
            else:
                array, field = next(own)
            arrays.append(array)
            fields.append(field)
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def take(self, places: Sequence[int]) -> Self:
        """Return the rows at these places."""
        return replace(self, rows=self.rows.take(places))

    def select(self, names: Sequence[str]) -> Self:
        """Return the rows with these columns in this order."""
        own = [name for name in names if name not in self.constants]
        return replace(self, rows=self.rows.select(own), names=tuple(names))

    @property
    def _own(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name not in self.constants)

    def _merged(self, cells: list[str], fixed: dict[str, str]) -> list[str]:
        own = iter(cells)
        return [fixed[name] if name in fixed else next(own) for name in self.names]


@dataclass(frozen=True)
class JoinedRows:
    """The rows of several files of the same columns, one file after the other."""

    parts: tuple[Rows, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(map(len, self.parts))

    def texts(self) -> list[Any]:
        """Return what is to be scored."""
        return list(chain.from_iterable(part.texts() for part in self.parts))

    def column(self, path: TextPath, kind: pa.DataType) -> pa.Array:
        """Return what all parts have at the path."""
        return pa.chunked_array([p.column(path, kind) for p in self.parts], kind).combine_chunks()

    def cells(self, delimiter: str) -> Iterable[list[str]]:
        """Yield the cells of all parts."""
        return chain.from_iterable(part.cells(delimiter) for part in self.parts)

    def objects(self) -> Iterable[str]:
        """Yield the objects of all parts."""
        return chain.from_iterable(part.objects() for part in self.parts)

    def table(self) -> pa.Table:
        """Return one table of all parts."""
        # In one piece: a stream holds every piece as a batch of its own.
        return pa.concat_tables([part.table() for part in self.parts]).combine_chunks()

    def take(self, places: Sequence[int]) -> Self:
        """Return the rows at these places, which ascend."""
        starts = [0, *accumulate(map(len, self.parts))]
        wanted: list[list[int]] = [[] for _ in self.parts]
        for place in places:
            part = bisect_right(starts, place) - 1
            wanted[part].append(place - starts[part])
        return replace(
            self, parts=tuple(p.take(w) for p, w in zip(self.parts, wanted, strict=True))
        )

    def select(self, names: Sequence[str]) -> Self:
        """Return the rows with these columns in this order."""
        return replace(self, parts=tuple(part.select(names) for part in self.parts))


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
