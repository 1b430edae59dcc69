"""Aggregate a scored file by groups, such as senders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.dumps.columns import Column, Grouping
from scamdetect.dumps.formats import DELIMITERS, destination_format
from scamdetect.dumps.writers import write_tables
from scamdetect.frames.arrow import number_array, numbers, one_array, valid
from scamdetect.frames.times import instants
from scamdetect.scored.group_sums import KIND, LANGUAGE, Groups, flat_counts, nested_counts
from scamdetect.scored.job import Step, Stop, Watch, check_stop, reading_job
from scamdetect.scored.source import Opened, aligned
from scamdetect.scored.top_groups import groups_path
from scamdetect.scored.work import Work, merged, read_streams

SEGMENT_ROWS = 1 << 18
BUCKET_BYTES = 32 << 20  # about 200,000 groups: sorting them takes several times that
_KEYS = ("flagged", "probability", "first_row")
_LABELS = {KIND: ("kinds", "kind"), LANGUAGE: ("languages", "language")}


@dataclass(frozen=True)
class GroupsSummary:
    """The path of the groups and their numbers: all, with a flagged message, and rows."""

    destination: Path
    groups: int
    flagged: int
    rows: int
    resumed: int = 0  # of the rows, those that earlier runs had read


def write_groups(
    scored: str | Path,
    destination: str | Path | None = None,
    *,
    by: str,
    time_column: str | None = None,
    source: str | Path | None = None,
    spreadsheet_safe: bool = False,
    work_folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    watch: Watch | None = None,
    stop: Stop | None = None,
) -> GroupsSummary:
    """Write one row per group of a scored file, or of a folder of parts, with its counts.

    ``by`` is the column that names groups, such as a sender; ``time_column`` sets the first and
    last times. Both can be dotted paths. They are columns of the scored file or, with ``source``,
    of the original file, which must be unchanged. Groups are sorted by flagged messages, then by
    risk, then by time. Parquet keeps the types of the columns; CSV and TSV hold kinds and languages
    as text such as ``crypto:3;job:1``, and with ``spreadsheet_safe`` no cell that a spreadsheet
    would run.

    The default destination is ``<stem>.groups.<extension>`` next to the scored file. It appears at
    the end. Until then the work is in ``<destination>.parts``, or in ``work_folder``; ``resume``
    continues it after a kill and writes the same bytes. ``overwrite`` replaces an existing
    destination and, without ``resume``, discards unfinished work. Memory is bounded for any number
    of groups.

    Raises InputError for a file of flagged rows only, one without its record, another source, and
    columns that are missing or cannot be grouped; OutputError if writing fails; JobInterrupted if
    ``stop``, which is called before each step, returns True.
    """
    watch = watch or (lambda step: None)
    with reading_job(
        scored,
        source,
        "groups",
        destination,
        groups_path,
        {"by": by, "time_column": time_column},
        bucket_bytes=BUCKET_BYTES,
        spreadsheet_safe=spreadsheet_safe,
        work_folder=work_folder,
        resume=resume,
        overwrite=overwrite,
    ) as job:
        columns = job.opened.columns(by=by, time_column=time_column)
        assert columns.by is not None
        with job.working() as work:
            resumed = work.state.rows
            if not work.state.joined:
                _read(job.opened, columns, columns.by, work, stop, watch)
                _sort(columns, columns.by, work, stop, watch)
                watch(Step("write", 0.0, work.state.rows))
                work.join(
                    lambda file: _write(
                        file,
                        job.destination,
                        columns,
                        work,
                        csv_delimiter=job.csv_delimiter,
                        spreadsheet_safe=spreadsheet_safe,
                    )
                )
            counts, rows = work.state.counts, work.state.rows
            work.publish()
    return GroupsSummary(job.destination, counts["groups"], counts["flagged"], rows, resumed)


def _read(
    opened: Opened, columns: Grouping, by: Column, work: Work, stop: Stop | None, watch: Watch
) -> None:
    """Aggregate the segments that are not done yet."""
    check_stop(stop)
    done = skipped = work.state.rows
    groups, start = Groups(by, columns.time), done
    rows = max(1, opened.record.rows)

    def finish() -> None:
        nonlocal groups, start
        if done > start:
            with work.segment() as file:
                messages, size = groups.save(file)
            work.finish_segment(done - start, messages, size)
            groups, start = Groups(by, columns.time), done
            watch(Step("read", done / rows, done, ended=True))

    for scores, values in aligned(opened.scores(), _values(opened, columns, by)):
        if skipped:
            some = min(skipped, scores.num_rows)
            skipped -= some
            scores, values = scores.slice(some), values.slice(some)
        if not scores.num_rows:
            continue
        times = None
        if columns.time is not None:
            told = one_array(values["time"])
            times = told, instants(told)
        groups.add(one_array(values["by"]), scores, done, times)
        done += scores.num_rows
        watch(Step("read", done / rows, done))
        if done - start >= SEGMENT_ROWS:
            finish()
            check_stop(stop)
    finish()


def _values(opened: Opened, columns: Grouping, by: Column) -> Iterator[pa.Table]:
    named = {"by": by} | ({} if columns.time is None else {"time": columns.time})
    for rows in opened.batches():
        yield pa.table({name: columns.values(rows, column) for name, column in named.items()})


def _sort(columns: Grouping, by: Column, work: Work, stop: Stop | None, watch: Watch) -> None:
    def reduce(bucket: Path, before: int) -> pa.Table:
        check_stop(stop)
        groups = Groups(by, columns.time)
        groups.load(read_streams(bucket))
        return _in_order(groups)

    def finished_one(done: int) -> None:
        share = len(work.runs) / work.state.buckets
        watch(Step("groups", share, work.state.rows, ended=True))

    work.sort(reduce, finished_one)


def _in_order(groups: Groups) -> pa.Table:
    """Return one row per group with its labels, in the final order."""
    table, labels = groups.tables()
    order = np.lexsort(_keys(table).T[::-1])
    place_of = np.empty(len(order), np.int64)
    place_of[order] = np.arange(len(order))
    owners = pc.index_in(labels["group"], value_set=table["group"])
    places = place_of[numbers(one_array(owners.cast(pa.int64())))]
    ranks = np.lexsort((_name_ranks(labels), -_column(labels, "messages"), places))
    labels, places = labels.select(["label", "messages"]).take(number_array(ranks)), places[ranks]
    table = table.take(number_array(order))
    for prefix, (name, item) in _LABELS.items():
        counts = _counts(labels, places, prefix, table.num_rows)
        table = table.append_column(name, nested_counts(counts, item))
    return table


def _keys(table: pa.Table) -> NDArray[np.float64]:
    """Return the sort keys of groups: most flagged, then riskiest, then earliest."""
    probability = one_array(table["probability"])
    scores = np.where(valid(probability), numbers(probability), -1)
    return np.column_stack([-_column(table, "flagged"), -scores, _column(table, "first_row")])


def _name_ranks(labels: pa.Table) -> NDArray[np.int64]:
    """Return a number for each label that sorts them by name."""
    found = pc.dictionary_encode(one_array(labels["label"]))
    names = found.dictionary.to_pylist()
    ranks = {name: rank for rank, name in enumerate(sorted(names))}
    of_name = np.array([ranks[name] for name in names], np.int64)
    ranked: NDArray[np.int64] = of_name[numbers(found.indices.cast(pa.int64()))]
    return ranked


def _write(
    file: IO[bytes],
    destination: Path,
    columns: Grouping,
    work: Work,
    *,
    csv_delimiter: str,
    spreadsheet_safe: bool,
) -> dict[str, int]:
    counts = {"groups": 0, "flagged": 0}
    kind = destination_format(destination)
    none = _in_order(Groups(columns.by, columns.time)) if columns.by is not None else pa.table({})

    def slices() -> Iterator[pa.Table]:
        yield _final(none, columns, flat=kind in DELIMITERS)
        for table in merged(work.runs, _KEYS, _keys):
            counts["groups"] += table.num_rows
            counts["flagged"] += int(np.count_nonzero(_column(table, "flagged")))
            yield _final(table, columns, flat=kind in DELIMITERS)

    write_tables(
        file,
        kind,
        slices(),
        what="the groups",
        csv_delimiter=csv_delimiter,
        spreadsheet_safe=spreadsheet_safe,
    )
    return counts


def _final(table: pa.Table, columns: Grouping, *, flat: bool) -> pa.Table:
    """Return the groups with the types and the name of the input; ``flat`` has no lists."""
    by = columns.by
    assert by is not None
    scored = one_array(table["probability"].is_valid())
    found = {name: table[name] for name in ("messages", "flagged", "review", "unscored")}
    found["flagged_share"] = number_array(_column(table, "flagged") / _column(table, "messages"))
    for name, item in _LABELS.values():
        found[name] = flat_counts(table[name], item) if flat else table[name]
    if columns.time is not None:
        for name in ("first_time", "last_time"):
            found[name] = table[name].cast(columns.time.kind)
        found["bad_times"] = table["bad_times"]
    found["highest_scam_probability"] = table["probability"]
    found["highest_row"] = pc.if_else(
        scored, one_array(table["highest_row"]), pa.nulls(len(scored), pa.int64())
    )
    title = "group" if by.name in found else by.name
    arrays = [table["group"].cast(by.kind), *found.values()]
    return pa.Table.from_arrays(arrays, names=[title, *found])


def _counts(
    labels: pa.Table, places: NDArray[np.int64], prefix: str, size: int
) -> list[list[tuple[str, int]]]:
    """Return the labels with the prefix, and their numbers of messages, for each group."""
    counts: list[list[tuple[str, int]]] = [[] for _ in range(size)]
    names, messages = labels["label"].to_pylist(), labels["messages"].to_pylist()
    for name, count, place in zip(names, messages, places.tolist(), strict=True):
        if name.startswith(prefix):
            counts[place].append((name.removeprefix(prefix), count))
    return counts


def _column(table: pa.Table, name: str) -> NDArray[np.int64]:
    found: NDArray[np.int64] = numbers(one_array(table[name]))
    return found
