"""Sort the campaigns of labelled rows, and write them and their members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.formats import DELIMITERS, destination_format
from scamdetect.dumps.writers import write_tables
from scamdetect.frames.arrow import numbers, one_array, plain_array
from scamdetect.scored.campaign_rows import (
    KEYS,
    Sums,
    id_texts,
    placed,
    row_fields,
    shown,
    sort_keys,
    template_fields,
)
from scamdetect.scored.job import Step, Stop, Watch, check_stop
from scamdetect.scored.operations import Operation
from scamdetect.scored.template_index import Index
from scamdetect.scored.top_campaigns import Campaign, campaign_of
from scamdetect.scored.work import Work, merged, read_streams

_SLICE_ROWS = 1 << 13  # campaigns with templates and lists, a few hundred bytes each


@dataclass(frozen=True)
class Style:
    """The format of cells: the delimiter, and whether they must be safe for spreadsheets."""

    delimiter: str = ","
    spreadsheet_safe: bool = False


@dataclass(frozen=True)
class Table:
    """The campaigns of labelled rows: which counts they have, and their dumps."""

    work: Work
    names: tuple[str, ...]  # of the dumps
    starts: tuple[int, ...]  # their first rows
    senders: bool
    days: bool
    compared: bool
    operations: Mapping[str, Operation] | None = None  # by campaign id

    @classmethod
    def of(cls, work: Work, indexes: Sequence[Index], *, compared: bool) -> Table:
        """Return the table of some dumps, which all have the same columns."""
        return cls(
            work,
            tuple(index.name for index in indexes),
            tuple(accumulate((index.rows for index in indexes[:-1]), initial=0)),
            senders=indexes[0].senders,
            days=indexes[0].days,
            compared=compared,
        )

    def sort(self, watch: Watch, stop: Stop | None = None) -> None:
        """Aggregate and sort the campaigns in the work; raise OSError, InputError."""

        def reduce(bucket: Path, before: int) -> pa.Table:
            check_stop(stop)
            return self._sums(read_streams(bucket)).table()

        def finished_one(done: int) -> None:
            share = len(self.work.runs) / self.work.state.buckets
            watch(Step("campaigns", share, self.work.state.rows, ended=True))

        self.work.sort(reduce, finished_one)

    def first(self, most: int) -> list[Campaign]:
        """Return the largest campaigns."""
        rows = (row for table in self._merged(flat=False) for row in table.to_pylist())
        return [found for row in islice(rows, most) if (found := campaign_of(row)) is not None]

    def write(self, file: IO[bytes], style: Style) -> dict[str, int]:
        """Write one row per campaign; return the number of campaigns and of their messages."""
        counts = dict.fromkeys(("campaigns", "flagged", "messages"), 0)
        kind = destination_format(self.work.destination)

        def slices() -> Iterator[pa.Table]:
            yield self._shown(self._sums(iter(())).table(), flat=kind in DELIMITERS)
            for table in self._merged(flat=kind in DELIMITERS):
                counts["campaigns"] += table.num_rows
                counts["flagged"] += pc.sum(pc.greater(table["flagged"], 0)).as_py() or 0
                counts["messages"] += pc.sum(table["messages"]).as_py() or 0
                yield table

        if self.operations is not None:
            counts["operations"] = len({one.id for one in self.operations.values()})
        write_tables(
            file, kind, slices(), what="the campaigns", csv_delimiter=style.delimiter,
            spreadsheet_safe=style.spreadsheet_safe,
        )  # fmt: skip
        return counts

    def write_members(self, file: IO[bytes], style: Style) -> None:
        """Write one row per message of a campaign, in the order of the dumps."""

        def slices() -> Iterator[pa.Table]:
            yield self._members(row_fields(senders=False, days=False).empty_table())
            for path in self.work.segments[1:]:
                for batch in read_streams(path):
                    yield self._members(pa.Table.from_batches([batch]))

        write_tables(
            file, destination_format(self.work.destination), slices(), what="the members",
            csv_delimiter=style.delimiter, spreadsheet_safe=style.spreadsheet_safe,
        )  # fmt: skip

    def _merged(self, *, flat: bool) -> Iterator[pa.Table]:
        for table in merged(self.work.runs, KEYS, sort_keys, most_rows=_SLICE_ROWS):
            yield self._shown(table, flat=flat)

    def _shown(self, table: pa.Table, *, flat: bool) -> pa.Table:
        found = shown(table, self.names, self.starts, flat=flat)
        if self.operations is None:
            return found
        ours = [self.operations.get(name) for name in found["campaign"].to_pylist()]
        ids = [None if one is None else one.id for one in ours]
        reasons = [None if one is None else " ".join(one.reasons) for one in ours]
        for name, values in (("operation", ids), ("reasons", reasons)):
            found = found.append_column(name, plain_array(values, pa.string()))
        return found

    def _members(self, rows: pa.Table) -> pa.Table:
        found = placed(numbers(one_array(rows["row"])), self.names, self.starts, "row")
        return pa.table(found | {"campaign": id_texts(rows["campaign"])})

    def _sums(self, batches: Iterator[pa.RecordBatch]) -> Sums:
        """Return the aggregates of a bucket, which starts with the templates of its campaigns."""
        schema = template_fields(compared=self.compared)
        templates: list[pa.RecordBatch] = []
        sums: Sums | None = None
        for batch in batches:
            if batch.schema.equals(schema):
                templates.append(batch)
                continue
            sums = sums or self._empty(templates, schema)
            sums.add(pa.Table.from_batches([batch]))
        return sums or self._empty(templates, schema)

    def _empty(self, templates: Sequence[pa.RecordBatch], schema: pa.Schema) -> Sums:
        table = pa.Table.from_batches(templates, schema)
        return Sums(table, senders=self.senders, days=self.days)
