"""A DuckDB database in a private folder, from which a result on scored files is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from scamdetect.dumps.formats import DELIMITERS, destination_format, job_path, unpacked
from scamdetect.dumps.write import write_tables
from scamdetect.errors import OutputError
from scamdetect.scored.read import ScoredDump
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of
from scamdetect.system.os_errors import written

_MEMORY = "600MB"  # DuckDB writes what is above to the folder
_MOST_THREADS = 4  # each needs memory of its own
_READ_ROWS = 1 << 14
# Files can be read only in the private folder, and nothing is downloaded.
_SETTINGS = (
    "enable_external_access = false",
    "python_enable_replacements = false",
    "enable_progress_bar = false",
    "lock_configuration = true",
)
_LABELS = (
    ("kinds", "kind", "unnest(kinds)", "decision = 'flag'"),
    ("languages", "language", "coalesce(language, 'und')", "decision <> 'unscored'"),
)


@dataclass(frozen=True)
class OutputOptions:
    """How a result is written; ``work_folder`` is by default the folder of the result.

    With ``spreadsheet_safe`` CSV and TSV have no cell that a spreadsheet would run as a formula.
    ``progress`` is called with the number of rows read so far.
    """

    overwrite: bool = False
    spreadsheet_safe: bool = False
    work_folder: str | Path | None = None
    progress: Callable[[int], None] | None = None


DEFAULTS = OutputOptions()


@dataclass(frozen=True)
class Database:
    """The tables for results of ``dumps`` at ``paths``; ``flat`` formats have no lists."""

    connection: Any  # of DuckDB
    folder: Path
    dumps: Sequence[ScoredDump]
    paths: Sequence[Path]
    flat: bool
    options: OutputOptions

    def insert(self, name: str, rows: pa.Table) -> None:
        """Append rows to a table, which is created if it does not exist."""
        with _failures(self.folder):
            self.connection.register("batch", rows)
            self.connection.execute(
                f"CREATE TABLE IF NOT EXISTS {name} AS SELECT * FROM batch LIMIT 0"
            )
            self.connection.execute(f"INSERT INTO {name} SELECT * FROM batch")

    def load(self, tables: Iterable[pa.Table], done: int = 0) -> int:
        """Append tables to the table ``rows``, which has ``done`` rows; return its new number."""
        for table in tables:
            self.insert("rows", table)
            done += len(table)
            if self.options.progress is not None:
                self.options.progress(done)
        return done

    def run(self, statement: str) -> None:
        """Execute a statement without a result."""
        with _failures(self.folder):
            self.connection.execute(statement)

    def read(self, query: str) -> Iterator[pa.Table]:
        """Yield the result of a query; the first table has its columns and no rows."""
        with _failures(self.folder):
            cursor = self.connection.cursor()  # so that rows can be inserted meanwhile
            reader = cursor.sql(query).to_arrow_reader(_READ_ROWS)
            yield reader.schema.empty_table()
            for batch in reader:
                yield pa.Table.from_batches([batch])

    def rows(self, query: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a result."""
        return (row for table in self.read(query) for row in table.to_pylist())

    def write(self, tables: Iterator[pa.Table], path: Path) -> None:
        """Write tables, the first of which has no rows, to a whole file or not at all.

        A CSV has the delimiter of the scored file. Raises OutputError.
        """
        write_tables(
            path,
            destination_format(path),
            tables,
            delimiter=self.dumps[0].dump.delimiter or ",",
            spreadsheet_safe=self.options.spreadsheet_safe,
            access=access_of([dump.path for dump in self.dumps]),
        )


def result_path(scored: Path, name: str) -> Path:
    """Return the path of a result next to a scored file, in its format."""
    scored = unpacked(scored)
    if scored.is_dir() and scored.suffix.lower() not in (".parquet", ".pq"):
        scored = scored.with_name(f"{scored.name}.parquet")
    return scored.with_name(f"{scored.stem}.{name}{scored.suffix}")


@contextmanager
def database(
    dumps: Sequence[ScoredDump],
    paths: Sequence[Path],
    options: OutputOptions,
    others: Sequence[Path] = (),
) -> Iterator[Database]:
    """Yield a new database in a folder that only its owner can read, and remove it at the end.

    Raises InputError if a path is unusable, exists, or is an input, its job record or one of the
    ``others``; OutputError if the folder cannot be written or is full.
    """
    import duckdb

    flat = destination_format(paths[0]) in DELIMITERS
    read = [*(dump.path for dump in dumps), *(job_path(dump.path) for dump in dumps), *others]
    paths = [file_destination(p, overwrite=options.overwrite, inputs=read) for p in paths]
    parent = options.work_folder or paths[0].parent
    with written(parent):
        temporary = TemporaryDirectory(prefix=".scamdetect-", dir=parent)  # has mode 0700
    with temporary as name:
        config: dict[str, Any] = {
            "memory_limit": _MEMORY,
            "threads": min(os.cpu_count() or 1, _MOST_THREADS),
            "temp_directory": f"{name}/spill",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        with _failures(Path(name)), duckdb.connect(f"{name}/work.duckdb", config=config) as opened:
            for setting in _SETTINGS:
                opened.execute(f"SET {setting}")
            yield Database(opened, Path(name), dumps, paths, flat, options)


@contextmanager
def _failures(folder: Path) -> Iterator[None]:
    """Raise OutputError for errors of DuckDB, whose text may quote values."""
    import duckdb

    try:
        yield
    except duckdb.Error as problem:
        raise OutputError(
            f"{folder.parent}: the temporary database failed ({type(problem).__name__}); free some "
            "disk space there, or choose another folder with --work-folder"
        ) from None


def sums(rows: str, key: str, columns: Mapping[str, str], *, flat: bool) -> str:
    """Return a query that sums rows by a key, in no order.

    The result has ``key``, messages, flagged, review, flagged_share, the highest probability, kinds
    and languages with their messages, and ``columns`` by their expressions. Lists are most frequent
    first; ``flat`` ones are texts such as ``crypto:3;job:1``.
    """
    more = "".join(f", {value} AS {name}" for name, value in columns.items())
    joins = ""
    for name, item, label, condition in _LABELS:
        order = "ORDER BY n DESC, label"
        nested = f"list({{'{item}': label, 'messages': n}} {order})"
        labels = f"string_agg(label || ':' || n, ';' {order})" if flat else nested
        joins += f"""
        LEFT JOIN (SELECT key, {labels} AS {name} FROM (
            SELECT key, label, count(*) AS n
            FROM (SELECT {key} AS key, {label} AS label FROM {rows} WHERE {condition})
            WHERE label IS NOT NULL GROUP BY key, label
        ) GROUP BY key) AS {name} ON {name}.key IS NOT DISTINCT FROM s.key"""
    none = "NULL" if flat else "[]"
    return f"""
    SELECT s.*, flagged / messages AS flagged_share,
        {shortest("highest")} AS highest_scam_probability,
        coalesce(kinds.kinds, {none}) AS kinds, coalesce(languages.languages, {none}) AS languages
    FROM (
        SELECT {key} AS key, count(*) AS messages, max(probability) AS highest,
            count(*) FILTER (decision = 'flag') AS flagged,
            count(*) FILTER (decision = 'review') AS review {more}
        FROM {rows} GROUP BY {key}
    ) AS s {joins}"""


def shortest(probability: str) -> str:
    """Return an expression for the double with the shortest decimals of a float32 score."""
    return f"CAST(CAST(CAST({probability} AS FLOAT) AS VARCHAR) AS DOUBLE)"
