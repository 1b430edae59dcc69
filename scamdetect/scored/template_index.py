"""Pass 1 of campaigns: the templates of a scored dump, in a folder that later runs find.

The folder is named after its input, so an unchanged dump is never masked twice. It contains no
messages, only masked templates, hashes of senders, days and scores. So it can be kept for a later
day, or copied to another machine instead of the dump.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect.dumps.columns import Grouping
from scamdetect.dumps.formats import unpacked
from scamdetect.dumps.rows import Rows
from scamdetect.dumps.state import ANEW, Stored, check_stored, read_state, stored
from scamdetect.dumps.work import kept_on_error, make_folder
from scamdetect.errors import InputError
from scamdetect.frames.arrow import number_array, plain_array
from scamdetect.frames.times import instants
from scamdetect.scored.job import Step, Stop, Watch, check_stop
from scamdetect.scored.source import Opened, aligned
from scamdetect.scored.templates import DAY, NO_DAY, SENDER, Segment
from scamdetect.scored.thread_messages import plain_text, sender_names
from scamdetect.system.files import OWNER, locked, writing
from scamdetect.text.normalise import NORMALISER_VERSION

SCHEMA_VERSION = 1
SEGMENT_ROWS = 1 << 16
STATE = "index.json"

_OURS = re.compile(r"((templates|rows)-\d{6,}\.arrow|index\.json)((\.[0-9a-f]{8})?\.part)?|lock")
_DAY_MICROS = 86_400 * 10**6


@dataclass(frozen=True)
class Piece:
    """A finished segment: its number of rows and its two files."""

    rows: int
    templates: Stored
    members: Stored


@dataclass(frozen=True)
class Index:
    """The templates of a dump; ``name`` is the user's name for it.

    ``settings`` describe its input. ``senders`` and ``days`` are True if the rows have these
    columns.
    """

    folder: Path
    name: str
    settings: Mapping[str, Any]
    senders: bool
    days: bool
    pieces: tuple[Piece, ...] = ()
    finished: bool = False
    resumed: int = field(default=0, compare=False)  # rows that earlier runs had masked

    @property
    def rows(self) -> int:
        """Return how many rows are masked."""
        return sum(piece.rows for piece in self.pieces)

    @property
    def templates(self) -> list[Path]:
        """Return the files of templates, in the order of the rows."""
        return [self._path("templates", number) for number in range(len(self.pieces))]

    @property
    def members(self) -> list[Path]:
        """Return the files of rows, in order."""
        return [self._path("rows", number) for number in range(len(self.pieces))]

    @property
    def digest(self) -> str:
        """Return the name for the settings."""
        return _digest(self.settings)

    def _path(self, name: str, number: int) -> Path:
        return self.folder / f"{name}-{number:06}.arrow"


def is_index(path: Path) -> bool:
    """Return True if a path is the folder of an index."""
    return (path / STATE).is_file()


def index_settings(opened: Opened, columns: Grouping) -> dict[str, Any]:
    """Return the settings of the index of a scored dump, as plain JSON types."""
    source = opened.source
    return opened.scored.identity() | {
        "original": None if source is None else source.identity(),
        "sender_column": None if columns.sender is None else columns.sender.name,
        "time_column": None if columns.time is None else columns.time.name,
        "normaliser": NORMALISER_VERSION,
    }


def index_folder(parent: Path, opened: Opened, settings: Mapping[str, Any]) -> Path:
    """Return the path of a scored dump's index in the folder of indexes."""
    stem = unpacked(opened.path).stem or "index"
    return parent / f"{stem}-{_digest(settings)[:16]}"


def read_index(folder: Path) -> Index:
    """Read a finished index, for instance from another machine.

    Raises InputError if it is unfinished, damaged, or was masked by another version's rules.
    """
    index = _load(folder, folder.name)
    if not index.finished:
        raise InputError(f"{folder}: is not finished; complete it where its dump is")
    if index.settings.get("normaliser") != NORMALISER_VERSION:
        raise InputError(
            f"{folder}: was masked by the rules {index.settings.get('normaliser')!r}, but this "
            f"scamdetect has {NORMALISER_VERSION}; make it again from its dump"
        )
    _check(index)
    return index


def built_index(
    folder: Path,
    name: str,
    settings: Mapping[str, Any],
    tables: Iterator[pa.Table],
    total: int,
    *,
    watch: Watch,
    stop: Stop | None = None,
) -> Index:
    """Return the index of the rows in ``tables``; complete it if it is unfinished.

    ``tables`` have the columns of ``Segment.add``, with ``sender`` and ``day`` if the settings name
    such columns; they are not read if the index is finished. ``total`` is for the steps. Raises
    InputError if the folder has other content, OSError, JobInterrupted.
    """
    make_folder(folder, _OURS)
    with locked(folder):
        begun = (folder / STATE).exists()
        index = _load(folder, name) if begun else Index(
            folder,
            name,
            dict(settings),
            senders=settings.get("sender_column") is not None,
            days=settings.get("time_column") is not None,
        )  # fmt: skip
        _check(index)
        index = replace(index, name=name, resumed=index.rows)
        if index.finished:
            return index
        building = _Building(index)
        with kept_on_error(building, lambda: bool(building.index.pieces)):
            check_stop(stop)
            _fill(building, _after(tables, index.rows), max(1, total), watch, stop)
            building.finish()
        return building.index


def scored_tables(opened: Opened, columns: Grouping) -> Iterator[pa.Table]:
    """Yield the rows of a scored dump with the columns of ``Segment.add``."""
    for scores, values in aligned(opened.scores(), _values(opened, columns)):
        names = ("decision", "probability", "kinds", "language")
        yield pa.table(
            {name: scores[name] for name in names}
            | {name: values[name] for name in values.column_names}
        )


class _Building:
    """An unfinished index; it is kept on an error once a segment is finished."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def add(self, segment: Segment) -> None:
        """Write a segment, which then counts as done; raise OSError."""
        number = len(self.index.pieces)
        paths = [self.index._path(name, number) for name in ("templates", "rows")]
        with writing(paths[0], OWNER) as templates, writing(paths[1], OWNER) as rows:
            segment.save(templates, rows)
        piece = Piece(segment.rows, *map(stored, paths))
        self.index = replace(self.index, pieces=(*self.index.pieces, piece))
        self.save()

    def finish(self) -> None:
        """Mark the index as complete; raise OSError."""
        self.index = replace(self.index, finished=True)
        self.save()

    def save(self) -> None:
        """Write the state; raise OSError."""
        index = self.index
        value = {
            "schema_version": SCHEMA_VERSION,
            "name": index.name,
            "settings": dict(index.settings),
            "senders": index.senders,
            "days": index.days,
            "finished": index.finished,
            "pieces": [asdict(piece) for piece in index.pieces],
        }
        with writing(index.folder / STATE, OWNER) as file:
            file.write(json.dumps(value).encode("ascii"))

    def sweep(self) -> None:
        """Remove everything that belongs to no finished segment; raise OSError."""
        keep = {path.name for path in (*self.index.templates, *self.index.members)}
        for path in self.index.folder.glob("*"):
            if path.name not in keep | {STATE, "lock"}:
                path.unlink()

    def kept(self) -> str:
        """Return one line on what is kept and how to resume."""
        return (
            f"{self.index.rows:,} masked rows kept in {self.index.folder}: run the same command "
            "with --resume to continue"
        )

    def remove(self) -> None:
        """Remove the folder; raise OSError."""
        shutil.rmtree(self.index.folder)


def _fill(
    building: _Building, tables: Iterator[pa.Table], total: int, watch: Watch, stop: Stop | None
) -> None:
    index = building.index
    done, segment = index.rows, Segment(senders=index.senders, days=index.days)

    def finish() -> None:
        nonlocal segment
        if segment.rows:
            building.add(segment)
            segment = Segment(senders=index.senders, days=index.days)
            watch(Step("read", done / total, done, ended=True))

    for table in tables:
        segment.add(table)
        done += table.num_rows
        watch(Step("read", done / total, done))
        if segment.rows >= SEGMENT_ROWS:
            finish()
            check_stop(stop)
    finish()


def _after(tables: Iterator[pa.Table], skipped: int) -> Iterator[pa.Table]:
    """Yield the rows after the first ones."""
    for table in tables:
        some = min(skipped, table.num_rows)
        skipped -= some
        if some < table.num_rows:
            yield table.slice(some)


def _values(opened: Opened, columns: Grouping) -> Iterator[pa.Table]:
    for rows in opened.batches():
        texts = [plain_text(text) for text in opened.texts(rows)]
        found = {"text": plain_array(texts, pa.string())}
        if columns.sender is not None:
            found[SENDER] = _sender_hashes(sender_names(columns, rows, columns.sender))
        if columns.time is not None:
            found[DAY] = _days(columns, rows)
        yield pa.table(found)


def _sender_hashes(names: list[str | None]) -> pa.Array:
    """Return a number for each sender, 0 if missing: names are not needed to count senders."""
    hashes = {name: _sender_hash(name) for name in set(names)}
    return number_array(np.array([hashes[name] for name in names], np.int64))


def _sender_hash(name: str | None) -> int:
    if name is None:
        return 0
    digest = hashlib.sha256(name.encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:8], signed=True)


def _days(columns: Grouping, rows: Rows) -> pa.Array:
    """Return days since 1970 in UTC."""
    assert columns.time is not None
    times = instants(columns.values(rows, columns.time))
    return number_array(np.where(times.known, times.micros // _DAY_MICROS, NO_DAY))


def _digest(settings: Mapping[str, Any]) -> str:
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _load(folder: Path, name: str) -> Index:
    def made(value: dict[str, Any]) -> Index:
        pieces = tuple(
            Piece(int(one["rows"]), Stored(**one["templates"]), Stored(**one["members"]))
            for one in value["pieces"]
        )
        return Index(
            folder=folder,
            name=name,
            settings=dict(value["settings"]),
            senders=bool(value["senders"]),
            days=bool(value["days"]),
            pieces=pieces,
            finished=bool(value["finished"]),
        )

    return read_state(folder / STATE, SCHEMA_VERSION, made, f"remove the folder, or {ANEW}")


def _check(index: Index) -> None:
    """Raise InputError if a file of the index is missing or damaged."""
    for piece, *paths in zip(index.pieces, index.templates, index.members, strict=True):
        for path, one in zip(paths, (piece.templates, piece.members), strict=True):
            check_stored(path, one)
