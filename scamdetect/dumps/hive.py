"""Partitions as Hive and Spark name folders: ``year=2024/month=03/part-0.parquet``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

import pyarrow as pa

from scamdetect.frames.arrow import encodable

_NULL = "__HIVE_DEFAULT_PARTITION__"
_INTEGER = re.compile(r"-?[0-9]{1,18}")

Value = str | int | None


@dataclass(frozen=True)
class Partitions:
    """The columns that the folders of a dump stand for, in the order of the folders."""

    schema: pa.Schema

    def values(self, name: str) -> tuple[Value, ...]:
        """Return the values of the columns for a file, None where no folder has one."""
        found = _partitions(name)
        return tuple(
            int(value) if value is not None and pa.types.is_integer(field.type) else value
            for field in self.schema
            for value in (found.get(field.name),)
        )

    def without(self, names: Iterable[str]) -> Partitions:
        """Return the columns but those of these names."""
        taken = set(names)
        return Partitions(pa.schema([field for field in self.schema if field.name not in taken]))


def partitions(names: Iterable[str]) -> Partitions:
    """Return the columns for files of these relative paths.

    They are of integers where all their values are, else of text.
    """
    integers: dict[str, bool] = {}
    for name in names:
        for key, value in _partitions(name).items():
            fits = value is None or _INTEGER.fullmatch(value) is not None
            integers[key] = integers.get(key, True) and fits
    return Partitions(
        pa.schema([(k, pa.int64() if whole else pa.string()) for k, whole in integers.items()])
    )


def _partitions(name: str) -> dict[str, str | None]:
    """Return the values by column that the folders of a relative path stand for."""
    found: dict[str, str | None] = {}
    for folder in name.split("/")[:-1]:
        key, sign, value = folder.partition("=")
        if key and sign:
            found[encodable(unquote(key))] = None if value == _NULL else encodable(unquote(value))
    return found
