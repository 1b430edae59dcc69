"""Write one row a group, in the format of a job's destination."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.dumps.formats import DELIMITERS, Format
from scamdetect.dumps.groups import KIND, LANGUAGE, Groups
from scamdetect.dumps.writers import write_tables
from scamdetect.frames.arrow import list_array, number_array, numbers, plain_array, valid

_SLICE = 1 << 16  # groups that are put into their final form together
_LABELS = {KIND: ("kinds", "kind"), LANGUAGE: ("languages", "language")}


def write_groups(
    file: IO[bytes],
    kind: Format,
    groups: Groups,
    *,
    csv_delimiter: str = ",",
    spreadsheet_safe: bool = False,
) -> None:
    """Write the groups, most flagged messages first, then riskiest, then earliest.

    Parquet keeps the types of the input columns; CSV and TSV hold kinds and languages as text such
    as ``crypto:3;job:1``, and with ``spreadsheet_safe`` no cell that a spreadsheet would run.
    Raises OSError, InputError where text cannot hold the name of a group.
    """
    write_tables(
        file,
        kind,
        _slices(groups, flat=kind in DELIMITERS),
        what="the groups",
        csv_delimiter=csv_delimiter,
        spreadsheet_safe=spreadsheet_safe,
    )


def _slices(groups: Groups, *, flat: bool) -> Iterator[pa.Table]:
    """Yield the final rows in their order, some at a time, at first none."""
    table, labels = groups.tables()
    order = _ranked(table)
    place_of = np.empty(len(order), np.int64)
    place_of[order] = np.arange(len(order))
    owners = pc.index_in(labels["group"], value_set=table["group"]).combine_chunks()
    places = place_of[numbers(owners.cast(pa.int64()))]
    ranks = np.lexsort((_name_ranks(labels), -_column(labels, "messages"), places))
    labels, places = labels.select(["label", "messages"]), places[ranks]
    for start, end in [(0, 0), *((n, n + _SLICE) for n in range(0, len(order), _SLICE))]:
        some = table.take(number_array(order[start:end]))
        first, last = np.searchsorted(places, (start, end))
        told = labels.take(number_array(ranks[first:last]))
        yield _final(some, told, places[first:last] - start, groups, flat=flat)


def _ranked(table: pa.Table) -> NDArray[np.int64]:
    """Return the places of the groups in their final order."""
    probability = table["probability"].combine_chunks()
    scores = np.where(valid(probability), numbers(probability), -1)
    keys = _column(table, "first_row"), -scores, -_column(table, "flagged")
    order: NDArray[np.int64] = np.lexsort(keys)
    return order


def _name_ranks(labels: pa.Table) -> NDArray[np.int64]:
    """Return a number for each label that orders them by name."""
    found = pc.dictionary_encode(labels["label"].combine_chunks())
    names = found.dictionary.to_pylist()
    ranks = np.empty(len(names), np.int64)
    ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    by_label: NDArray[np.int64] = ranks[numbers(found.indices.cast(pa.int64()))]
    return by_label


def _final(
    table: pa.Table,
    labels: pa.Table,
    places: NDArray[np.int64],
    groups: Groups,
    *,
    flat: bool,
) -> pa.Table:
    """Return the rows of some groups; each label is that of the group at its place."""
    scored = table["probability"].is_valid()
    found = {name: table[name] for name in ("messages", "flagged", "review", "unscored")}
    found["flagged_share"] = number_array(_column(table, "flagged") / _column(table, "messages"))
    for prefix, (name, item) in _LABELS.items():
        counts = _counts(labels, places, prefix, table.num_rows)
        found[name] = _flat(counts) if flat else _nested(counts, item)
    if groups.time is not None:
        for name in ("first_time", "last_time"):
            found[name] = table[name].cast(groups.time.kind)
        found["bad_times"] = table["bad_times"]
    found["highest_scam_probability"] = table["probability"]
    found["highest_row"] = pc.if_else(
        scored, table["highest_row"], pa.nulls(len(scored), pa.int64())
    )
    title = "group" if groups.by.name in found else groups.by.name
    columns = [table["group"].cast(groups.by.kind), *found.values()]
    return pa.Table.from_arrays(columns, names=[title, *found])


def _counts(
    labels: pa.Table, places: NDArray[np.int64], prefix: str, size: int
) -> list[list[tuple[str, int]]]:
    """Return what begins with the prefix, and how many messages have it, for each group."""
    counts: list[list[tuple[str, int]]] = [[] for _ in range(size)]
    names, messages = labels["label"].to_pylist(), labels["messages"].to_pylist()
    for name, count, place in zip(names, messages, places.tolist(), strict=True):
        if name.startswith(prefix):
            counts[place].append((name.removeprefix(prefix), count))
    return counts


def _flat(counts: list[list[tuple[str, int]]]) -> pa.Array:
    texts = (";".join(f"{name}:{count}" for name, count in row) for row in counts)
    return plain_array([text or None for text in texts], pa.string())


def _nested(counts: list[list[tuple[str, int]]], item: str) -> pa.Array:
    fields = [pa.field(item, pa.string()), pa.field("messages", pa.int64())]
    pairs = [pair for row in counts for pair in row]
    arrays = [
        plain_array([pair[place] for pair in pairs], field.type)
        for place, field in enumerate(fields)
    ]
    structs = pa.StructArray.from_arrays(arrays, fields=fields)
    return list_array(counts, structs, pa.list_(pa.struct(fields)))


def _column(table: pa.Table, name: str) -> NDArray[np.int64]:
    found: NDArray[np.int64] = numbers(table[name].combine_chunks())
    return found
