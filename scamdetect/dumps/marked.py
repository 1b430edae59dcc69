"""Rows of a source with one additional text column."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import pyarrow as pa

from scamdetect.dumps.batches import Dump
from scamdetect.dumps.delimited import quote
from scamdetect.dumps.rows import Rows, TextPath
from scamdetect.frames.arrow import encodable, plain_array


@dataclass(frozen=True)
class MarkedRows:
    """Rows with an additional column of that name, whose values can be None."""

    rows: Rows
    name: str
    values: Sequence[str | None]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def texts(self) -> Sequence[Any]:
        """Return the texts to score."""
        return self.rows.texts()

    def column(self, path: TextPath, kind: pa.DataType) -> pa.Array:
        """Return the additional values, or the values at the path."""
        return self._array() if path == (self.name,) else self.rows.column(path, kind)

    def cells(self, delimiter: str) -> Iterable[list[str]]:
        """Yield the cells of the rows with the additional one."""
        for cells, value in zip(self.rows.cells(delimiter), self.values, strict=True):
            yield [*cells, quote(value, delimiter)]

    def objects(self) -> Iterable[str]:
        """Yield the objects with the additional member."""
        for text, value in zip(self.rows.objects(), self.values, strict=True):
            start = text.rstrip()[:-1].rstrip()
            comma = "" if start == "{" else ", "
            member = f"{json.dumps(self.name)}: {json.dumps(value, ensure_ascii=False)}"
            yield f"{start}{comma}{member}}}"

    def table(self) -> pa.Table:
        """Return the table of the rows with the additional column."""
        return self.rows.table().append_column(pa.field(self.name, pa.string()), self._array())

    def take(self, places: Sequence[int]) -> Self:
        """Return the rows at these positions."""
        values = [self.values[place] for place in places]
        return replace(self, rows=self.rows.take(places), values=values)

    def select(self, names: Sequence[str]) -> Self:
        """Return the rows with these columns in this order, and the additional one last."""
        own = [name for name in names if name != self.name]
        return replace(self, rows=self.rows.select(own))

    def _array(self) -> pa.Array:
        values = [None if value is None else encodable(value) for value in self.values]
        return plain_array(values, pa.string())


def marked(dump: Dump, name: str) -> Dump:
    """Return the dump with an additional column of that name in its rows."""
    return replace(
        dump,
        columns=(*dump.columns, name),
        schema=dump.schema.append(pa.field(name, pa.string())),
        raw_header=(*dump.raw_header, name) if dump.raw_header else (),
    )
