"""Check the destination, and select the columns and rows to write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from scamdetect.dumps.batches import Batch, Dump
from scamdetect.dumps.formats import destination_format, is_remote, job_path, rejects_path
from scamdetect.dumps.identity import read_job_record
from scamdetect.dumps.rows import Rows
from scamdetect.dumps.sources import Source
from scamdetect.errors import InputError
from scamdetect.frames.columns import FILE_COLUMN
from scamdetect.labels import Decision
from scamdetect.prediction import Prediction
from scamdetect.system.destinations import check_no_input, check_parent
from scamdetect.system.os_errors import no_folder, written
from scamdetect.system.shown import missing_column


def check_paths(
    source: Source, destination: Path, folder: Path, inputs: Sequence[Path] = ()
) -> None:
    """Raise InputError if the destination cannot be written, or is the source or another input.

    ``folder`` contains the work until it is done.
    """
    destination_format(destination)
    _check_outside(source, destination, folder)
    files = [file.path for file in source.files] if source.is_many else [source.root]
    for path in _paths(destination):
        if path.exists():
            _check_no_input(path, files, "the source")
            _check_no_input(path, inputs, "an input")
            if not path.is_file():
                raise InputError(f"{path}: exists and is not a file; choose another name")
    if is_remote(destination):
        if not destination.parent.is_dir():
            raise no_folder(destination.parent)
    else:
        check_parent(destination)
    check_parent(folder, "--work-folder")


def _check_no_input(path: Path, inputs: Sequence[Path], what: str) -> None:
    """Raise InputError if an existing path is one of the inputs."""
    if not is_remote(path):
        check_no_input(path, (one for one in inputs if not is_remote(one)), what)
    elif any(path.samefile(one) for one in inputs):
        raise InputError(f"{path}: {what} would be overwritten; choose another name")


def _check_outside(source: Source, destination: Path, folder: Path) -> None:
    parts = (f"part-000000{destination.suffix}", "part-000000.rejected.jsonl", "state.json",
             "joined.job.json")  # fmt: skip
    for path in (*_paths(destination), *(folder / name for name in parts)):
        if source.reads(path):
            raise InputError(
                f"{path}: would be read as part of {source}; write outside of that folder, or "
                "use a name that starts with _"
            )


def check_free(destination: Path, *, overwrite: bool) -> None:
    """Raise InputError if files of an earlier job exist and may not be replaced."""
    for path in _paths(destination):
        if path.exists() and not overwrite and not _is_left_over(path, destination):
            raise InputError(f"{path}: already exists; remove it or pass --overwrite")


def _is_left_over(path: Path, destination: Path) -> bool:
    """Return True if a path is the record of a result that has been removed."""
    if path.name != job_path(destination).name or destination.exists():
        return False
    try:
        read_job_record(path)
    except InputError:
        return False
    return True


def _paths(destination: Path) -> list[Path]:
    return [destination, rejects_path(destination), job_path(destination)]


@contextmanager
def reported(destination: Path) -> Iterator[None]:
    """Convert failures to write to OutputError, with its notes."""
    with written(destination):
        yield


def keep_columns(dump: Dump, names: Sequence[str], where: Path | str) -> Dump:
    """Return the dump with only these input columns, in this order; texts are read as before.

    In a dump of many files the file column follows them.

    Raises InputError, with ``where``, for a name that the dump lacks or has several times, for a
    repeated name, and for an empty list.
    """
    if not names:
        raise InputError(f"{where}: no column to keep; name one with columns (--columns)")
    if dump.many:
        names = [*(name for name in names if name != FILE_COLUMN), FILE_COLUMN]
    unknown = [name for name in names if name not in dump.columns]
    if unknown:
        raise missing_column(
            where,
            f"{', '.join(map(repr, unknown))} to keep",
            dump.columns,
            first_line=dump.delimiter is not None,
            cure="name others with columns (--columns)",
        )
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--columns has {name!r} twice; name each column once")
        if (found := dump.columns.count(name)) > 1:
            raise InputError(f"{where} has {found} columns {name!r}; rename all but one")
    places = [dump.columns.index(name) for name in names]

    def batches() -> Iterator[Batch]:
        return (replace(batch, rows=batch.rows.select(names)) for batch in dump.batches())

    return replace(
        dump,
        columns=tuple(names),
        schema=pa.schema([dump.schema.field(p) for p in places], metadata=dump.schema.metadata),
        batches=batches,
        raw_header=tuple(dump.raw_header[place] for place in places) if dump.raw_header else (),
    )


def keep_flagged(
    rows: Rows, predictions: Sequence[Prediction]
) -> tuple[Rows, Sequence[Prediction]]:
    """Return the flagged rows and their predictions."""
    places = [n for n, found in enumerate(predictions) if found.decision is Decision.FLAG]
    return rows.take(places), [predictions[place] for place in places]
