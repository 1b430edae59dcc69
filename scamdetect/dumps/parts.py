"""Finished parts of a job in a work folder, so that a killed job can be resumed.

A part is a Parquet file that gets its name when it is on disk: one that exists is finished. Its
counts and rejected records are in files that are written before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.dumps.batch import Reject
from scamdetect.dumps.summary import Counts
from scamdetect.errors import InputError
from scamdetect.system.destinations import private_folder
from scamdetect.system.files import OWNER, locked, read_text, write_text, writing

RESTART = "start again with --overwrite, which discards the unfinished work"
_OWN = ("part-*", "settings.json*", "joined*", "may-replace", "lock")
_READ_ROWS = 1 << 14


class Parts:
    """The finished parts of a job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.counts = Counts()
        while self._path(".parquet").exists():
            self._add(Counts(json.loads(read_text(self._path(".json")))))

    def _path(self, extension: str, index: int | None = None) -> Path:
        return self.folder / f"part-{self.count if index is None else index:06}{extension}"

    def _add(self, counts: Counts) -> None:
        self.counts += counts
        self.count += 1

    def write(
        self, schema: pa.Schema, results: Iterable[tuple[pa.Table, Sequence[Reject], Counts]]
    ) -> None:
        """Write the next part from its tables, rejects and counts; raise OSError."""
        counts = Counts()
        content = self._path(".parquet")
        with writing(content, OWNER) as file, writing(self._path(".rejected.jsonl"), OWNER) as bad:
            writer = pq.ParquetWriter(file, schema, compression="zstd")
            try:
                for table, rejects, more in results:
                    writer.write_table(table)
                    for reject in rejects:
                        bad.write(reject.to_json())
                    counts += more
                writer.close()
            finally:
                writer.is_open = False  # a failed writer would write its footer when collected
            write_text(self._path(".json"), json.dumps(counts), OWNER)
        self._add(counts)

    def tables(self, schema: pa.Schema) -> Iterator[pa.Table]:
        """Yield an empty table of all columns, then the tables of all parts."""
        yield pa.Table.from_batches([], schema)
        for index in range(self.count):
            path = self._path(".parquet", index)
            try:
                with pq.ParquetFile(path, pre_buffer=False) as file:
                    for batch in file.iter_batches(_READ_ROWS):
                        yield pa.Table.from_batches([batch]).cast(schema)
            except pa.ArrowException:
                raise InputError(f"{path}: damaged; {RESTART}") from None

    def write_rejects(self, file: IO[bytes]) -> None:
        """Write the rejected records of all parts."""
        for index in range(self.count):
            file.write(self._path(".rejected.jsonl", index).read_bytes())

    def remove(self) -> None:
        """Remove the folder, first the settings, without which nothing is unfinished."""
        for path in sorted(self.folder.iterdir(), key=lambda path: path.name != "settings.json"):
            path.unlink()
        self.folder.rmdir()


def is_begun(folder: Path) -> bool:
    """Return True if the folder holds the unfinished work of a job."""
    return (folder / "settings.json").exists()


@contextmanager
def open_parts(folder: Path, settings: dict[str, Any], *, resume: bool) -> Iterator[Parts]:
    """Yield the parts of a new job, or those of the unfinished one with the same settings."""
    private_folder(folder, "choose another folder with --work-folder", _check_files)
    with locked(folder):
        settings_path = folder / "settings.json"
        if resume and settings_path.exists():
            _check_settings(settings_path, settings)
        else:
            for path in folder.iterdir():
                if path.name != "lock":
                    path.unlink()
            write_text(settings_path, json.dumps(settings), OWNER)
        parts = Parts(folder)
        try:
            yield parts
        except BaseException as problem:
            if parts.count:
                problem.add_note(
                    f"{parts.count:,} finished part{'' if parts.count == 1 else 's'} "
                    f"({parts.counts['rows']:,} rows) kept in {folder}: run the same command with "
                    "--resume to continue"
                )
            else:
                with suppress(OSError):
                    parts.remove()
            raise


def _check_files(folder: Path) -> None:
    names = folder.iterdir() if folder.is_dir() else ()
    foreign = sorted(p.name for p in names if not any(map(p.match, _OWN)))
    if foreign:
        raise InputError(
            f"{folder}: contains {foreign[0]!r}, which is not part of a job; move it away or "
            "choose another destination"
        )


def _check_settings(path: Path, settings: dict[str, Any]) -> None:
    try:
        before = json.loads(read_text(path))
    except ValueError:
        raise InputError(f"{path}: damaged; {RESTART}") from None
    now = json.loads(json.dumps(settings))
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            # A column of a file without a header may be a message.
            values = "" if name == "columns" else f" ({before.get(name)!r}, now {now.get(name)!r})"
            raise InputError(
                f"{path}: the unfinished work has another {name}{values}; use the same, or "
                f"{RESTART}"
            )
