"""Sum a scored file by groups, such as senders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.scored.database import DEFAULTS, OutputOptions, database, result_path, sums
from scamdetect.scored.read import open_scored

_SUMMED = {
    "unscored": "count(*) FILTER (decision = 'unscored')",
    "first_row": "min(row)",
    "highest_row": "arg_min(row, (-probability, row)) FILTER (probability IS NOT NULL)",
    "first_time": "arg_min(time, (micros, row)) FILTER (micros IS NOT NULL)",
    "last_time": "arg_max(time, (micros, -row)) FILTER (micros IS NOT NULL)",
    "bad_times": "count(*) FILTER (bad)",
}
_GROUPS = """
SELECT key, messages, flagged, review, unscored, flagged_share, kinds, languages, first_time,
    last_time, bad_times, highest_scam_probability, highest_row
FROM ({}) ORDER BY flagged DESC, highest DESC NULLS LAST, first_row"""


@dataclass(frozen=True)
class GroupsSummary:
    """The path of the groups and their numbers: all, with a flagged message, and rows."""

    destination: Path
    groups: int
    flagged: int
    rows: int


def write_groups(
    scored: str | Path,
    destination: str | Path | None = None,
    *,
    by: str,
    time_column: str | None = None,
    options: OutputOptions = DEFAULTS,
) -> GroupsSummary:
    """Write one row per group of a scored file, or of a folder of parts, with its counts.

    ``by`` is the column that names groups, such as a sender; ``time_column`` sets the first and
    last times. Both can be dotted paths, and are written as texts. Groups are sorted by flagged
    messages, then by risk, then by their first row. The default destination is
    ``<stem>.groups.<extension>`` next to the scored file. Raises InputError, OutputError.
    """
    dump = open_scored(Path(scored), all_rows="groups")
    path = result_path(dump.path, "groups") if destination is None else Path(destination)
    groups = flagged = 0
    with database([dump], [path], options) as db:
        rows = db.load(dump.rows({"name": by, "time": time_column}))

        def tables() -> Iterator[pa.Table]:
            nonlocal groups, flagged
            for table in db.read(_GROUPS.format(sums("rows", "name", _SUMMED, flat=db.flat))):
                groups += len(table)
                flagged += pc.sum(pc.greater(table["flagged"], 0)).as_py() or 0
                if time_column is None:
                    table = table.drop_columns(["first_time", "last_time", "bad_times"])
                names = table.column_names[1:]
                yield table.rename_columns(["group" if by in names else by, *names])

        db.write(tables(), db.paths[0])
    return GroupsSummary(db.paths[0], groups, flagged, rows)
