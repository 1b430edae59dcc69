"""The Parquet files that an engine reads, and the folder of part files that it writes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.dumps.formats import Format, beside_folder, job_path, source_format
from scamdetect.dumps.lines import reading
from scamdetect.dumps.open import open_dump
from scamdetect.dumps.outputs import reported
from scamdetect.dumps.patterns import is_hidden, is_pattern, natural_key
from scamdetect.dumps.sources import located
from scamdetect.engines.batches import ScoreBatches
from scamdetect.errors import InputError
from scamdetect.system.destinations import followed
from scamdetect.system.files import access_of, narrow
from scamdetect.system.os_errors import no_folder
from scamdetect.urls import is_url, shown_url

# Rows of a row group of a file, as plain values that an engine can hold in a table.
Piece = dict[str, str | int]

_EXTENSIONS = (".parquet", ".pq")


@dataclass(frozen=True)
class Source:
    """Parquet files of one schema, sorted by name with numbers in order."""

    files: tuple[Path, ...]
    schema: pa.Schema
    rows: int

    def pieces(self, rows: int) -> list[Piece]:
        """Return pieces of at most so many rows, in order; at least one."""
        return [piece for file in self.files for piece in _pieces(file, rows)] or [
            {"file": str(self.files[0].resolve()), "group": -1, "start": 0, "rows": 0}
        ]


def open_source(path: Path, scoring: ScoreBatches) -> Source:
    """Open a Parquet file, or all in a folder and its subfolders.

    Raises InputError if there is no file, if one is damaged or cannot be scored with these
    settings, if their schemas differ, or if folders such as ``year=2024`` hold columns.
    """
    files = _files(path)
    schema, rows = None, 0
    for file in files:
        open_dump(
            file,
            text_column=scoring.text_column,
            overwrite_columns=scoring.overwrite_columns,
            source_format="parquet",
        )
        found = pq.read_schema(file)
        if schema is None:
            schema = found
            scoring.result_schema(schema, str(file))
        elif not found.equals(schema):
            raise InputError(
                f"{file}: its columns or types differ from {files[0]}; score them separately, "
                "or write them with one schema first"
            )
        rows += pq.read_metadata(file).num_rows
    assert schema is not None
    return Source(files, schema, rows)


def read_piece(pieces: pa.Table) -> pa.Table:
    """Return the rows of the single piece in the table."""
    (piece,) = pieces.to_pylist()
    with pq.ParquetFile(piece["file"]) as file:
        if piece["group"] < 0:
            return file.schema_arrow.empty_table()
        return file.read_row_group(piece["group"]).slice(piece["start"], piece["rows"])


def local_source(text: str | Path) -> Path:
    """Return the path of a local source; raise InputError for a URL or a glob."""
    path = _local(text, "an engine reads a local file or folder")
    with reading(path):
        if is_pattern(str(path)) and not path.exists():
            raise InputError(
                f"{path}: an engine reads a local file or folder, not a glob; put the files "
                "into a separate folder, or use --engine local"
            )
    return path


def result_folder(source: Path, destination: str | Path | None) -> Path:
    """Return the folder to write: the given one, else ``<name>.scored.parquet`` next to the source.

    The default has the stem of a file or the full name of a folder. Raises InputError for a URL,
    for a folder without a name, and for the extension of another format.
    """
    if destination is None and source.is_dir():
        return beside_folder(source)
    if destination is None:
        return source.with_name(f"{source.stem}.scored.parquet")
    path = _local(destination, "an engine writes a local folder")
    path = followed(path)
    if path.name in ("", ".."):
        path = path.resolve()
    if not path.name:
        raise InputError(
            f"{path}: the root has no name to derive the destination from; choose another name"
        )
    try:
        kind = source_format(path)
    except InputError:  # the name of a folder sets no format
        return path
    if kind is not Format.PARQUET:
        raise InputError(
            f"{path}: an engine writes a folder of Parquet parts; choose a name without extension "
            "or one that ends in .parquet"
        )
    return path


@contextmanager
def publishing(source: Path, destination: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield the work folder; its folder ``parts`` gets the destination's name at the end.

    Before that its file ``job.json`` gets its name next to the destination.

    Its files are readable only for those who can read all of the source. The work folder is removed
    on an error too. Raises InputError if the destination, or the work folder of another run, exists
    and may not be replaced; OutputError if writing fails.
    """
    work = destination.with_name(f"{destination.name}.partial")
    _check(source, destination, work, overwrite=overwrite)
    access = access_of([source, *source.rglob("*")])
    with reported(destination):
        shutil.rmtree(work, ignore_errors=True)
        # If others can read the source, workers may run as others.
        work.mkdir(0o777 if access.mode & 0o044 else 0o700)
        try:
            yield work
            for part in (work / "parts").iterdir():
                narrow(part, access)
            narrow(work / "job.json", access)
            if destination.exists():
                destination.rename(work / "replaced")
            (work / "job.json").replace(job_path(destination))
            (work / "parts").rename(destination)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def collect(written: Path, parts: Path, schema: pa.Schema) -> list[Path]:
    """Move the output of an engine, in the order of its names, to ``part-00000.parquet`` and so on.

    If it wrote nothing, write one part without rows.
    """
    parts.mkdir()
    moved = []
    for number, file in enumerate(sorted(written.glob("*.parquet"))):
        moved.append(file.rename(parts / f"part-{number:05}.parquet"))
    if not moved:
        moved.append(parts / "part-00000.parquet")
        pq.write_table(schema.empty_table(), moved[0])
    return moved


def _local(text: str | Path, does: str) -> Path:
    text = str(text)
    if is_url(text) and not text.lower().startswith(("file://", "local://")):
        raise InputError(
            f"{shown_url(text)}: {does}; for object stores use --engine local, or score_dataset or "
            "score_frame in a script"
        )
    path = located(text)
    _check_name(path)
    return path


def _check_name(path: Path) -> None:
    """Raise InputError if engines, which take names as text, cannot represent the path."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as problem:
        raise InputError(
            f"{path}: the name is not UTF-8, which engines cannot read; rename it, or use "
            "--engine local"
        ) from problem


def _files(path: Path) -> tuple[Path, ...]:
    if not path.is_dir():
        if path.suffix.lower() not in _EXTENSIONS:
            raise InputError(
                f"{path}: an engine reads Parquet, a file (.parquet, .pq) or a folder of them; "
                "score other formats with --engine local"
            )
        return (path,)
    found = (
        file
        for file in path.rglob("*")
        if file.suffix.lower() in _EXTENSIONS
        and file.is_file()
        and not any(map(is_hidden, file.relative_to(path).parts))
    )
    files = sorted(found, key=lambda file: natural_key(file.relative_to(path).as_posix()))
    if not files:
        raise InputError(f"{path}: no Parquet file in this folder")
    for file in files:
        _check_name(file)
        if hive := [part for part in file.relative_to(path).parts[:-1] if "=" in part]:
            raise InputError(
                f"{path}: the folder {hive[0]!r} holds a column, which an engine would drop; "
                "use --engine local, or score_dataset and score_frame in a script"
            )
    return tuple(files)


def _pieces(file: Path, most: int) -> Iterator[Piece]:
    whole = pq.read_metadata(file)
    for group in range(whole.num_row_groups):
        found = whole.row_group(group).num_rows
        for start in range(0, found, most):
            rows = min(most, found - start)
            yield {"file": str(file.resolve()), "group": group, "start": start, "rows": rows}


def _check(source: Path, destination: Path, work: Path, *, overwrite: bool) -> None:
    if not destination.parent.is_dir():
        raise no_folder(destination.parent)
    inside = source.resolve()
    place = destination.parent.resolve() / destination.name
    if inside in place.parents and not any(map(is_hidden, place.relative_to(inside).parts)):
        raise InputError(
            f"{destination}: would be read as part of {source}; write outside of that folder, "
            "or use a name that starts with _"
        )
    if destination.exists():
        if destination.resolve() in (inside, *inside.parents):
            raise InputError(f"{destination}: the source would be overwritten; choose another name")
        if not overwrite:
            raise InputError(f"{destination}: already exists; remove it or pass --overwrite")
        if not _is_result(destination):
            raise InputError(
                f"{destination}: is not a folder of part files only; remove it or choose "
                "another name"
            )
    record = job_path(destination)
    if record.exists() and not overwrite:
        raise InputError(f"{record}: already exists; remove it or pass --overwrite")
    if work.exists() and not overwrite:
        raise InputError(
            f"{work}: another run is using it or was killed; wait for it, or remove the folder "
            "or pass --overwrite"
        )


def _is_result(folder: Path) -> bool:
    return folder.is_dir() and all(
        file.match("part-*.parquet") or file.name == "_SUCCESS" for file in folder.iterdir()
    )
