"""The work folder of jobs on a scored file: one pass over it, a sort by names, one result.

The pass writes segments in the order of the rows. They are divided into buckets by the hash of the
group or thread name, so each bucket holds complete ones and fits into memory. The result of a
bucket is a run in the final order, and the runs are merged into the result. Finished segments and
runs survive a kill; buckets are divided again.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.dumps.formats import is_remote
from scamdetect.dumps.outputs import check_free
from scamdetect.dumps.state import (
    ANEW,
    Settings,
    Stored,
    check_same,
    check_stored,
    read_state,
    stored,
)
from scamdetect.dumps.work import check_new, kept_on_error, make_folder, move
from scamdetect.errors import InputError
from scamdetect.frames.arrow import as_text, number_array, numbers, one_array
from scamdetect.system.files import (
    OWNER,
    Access,
    access_of,
    append,
    locked,
    open_regular,
    writing,
)

SCHEMA_VERSION = 1

_OURS = re.compile(
    r"((segment|bucket|run|earlier|pairs|shared)-\d{6,}\.arrow|space-[a-z0-9-]+\.bin|(joined|second)\.[a-z]+"
    r"|state\.json)((\.[0-9a-f]{8})?\.part)?|lock"
)
_MOST_BUCKETS = 4096  # past these they grow instead
_HELD_BYTES = 16 << 20
_CHUNK = 256  # rows of a run that are read together
_HELD_ROWS = 1 << 19  # keys of all runs that are in memory during the merge
_SLICE_ROWS = 1 << 16
_SLICE_WEIGHT = 1 << 18


@dataclass(frozen=True)
class Segment:
    """A finished segment: its rows, and how much it holds of them.

    ``bytes`` is its size in memory, ``own`` its number of messages of the own side.
    """

    rows: int
    messages: int
    bytes: int
    own: int
    size: int
    sha256: str


@dataclass(frozen=True)
class State:
    """The identity of the work, what is finished of it, and whether the result is."""

    settings: Settings
    overwrite: bool
    segments: tuple[Segment, ...] = ()
    runs: tuple[Stored, ...] = ()
    joined: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Return how many rows are read."""
        return sum(segment.rows for segment in self.segments)

    @property
    def buckets(self) -> int:
        """Return the number of buckets that the segments are divided into."""
        size = sum(segment.bytes for segment in self.segments)
        return min(max(1, -(-size // int(self.settings["bucket_bytes"]))), _MOST_BUCKETS)


class Work:
    """The finished work; the caller holds the folder's lock.

    ``second`` is the path of a second result file, if any.
    """

    def __init__(
        self,
        destination: Path,
        folder: Path,
        state: State,
        access: Access,
        second: Path | None = None,
    ) -> None:
        self.destination = destination
        self.second = second
        self.folder = folder
        self.state = state
        self._most = access

    @property
    def segments(self) -> list[Path]:
        """Return the files of the finished segments, in the order of the rows."""
        return [self._path("segment", number) for number in range(len(self.state.segments))]

    @property
    def runs(self) -> list[Path]:
        """Return the files of the finished runs."""
        return [self._path("run", number) for number in range(len(self.state.runs))]

    @contextmanager
    def segment(self) -> Iterator[IO[bytes]]:
        """Open the file of the next segment, which counts after ``finish_segment``."""
        with writing(self._path("segment", len(self.state.segments)), OWNER) as file:
            yield file

    def finish_segment(self, rows: int, messages: int, size: int, own: int = 0) -> None:
        """Keep the segment that was just written; raise OSError."""
        found = stored(self._path("segment", len(self.state.segments)))
        segment = Segment(rows, messages, size, own, found.size, found.sha256)
        self.state = replace(self.state, segments=(*self.state.segments, segment))
        self.save()

    def sort(
        self, reduce: Callable[[Path, int], pa.Table], finished_one: Callable[[int], None]
    ) -> None:
        """Make the missing runs, one for each bucket.

        ``reduce`` gets the file of a bucket, which is missing if the bucket is empty, and how many
        segment rows earlier buckets had; it returns the rows of the run in their final order.
        ``finished_one`` is called after each with how many segment rows are done. Raises OSError,
        InputError for a damaged segment, and the errors of ``reduce``.
        """
        count, finished = self.state.buckets, len(self.state.runs)
        if finished == count:
            return
        # The division depends only on the rows, so finished runs remain valid.
        buckets = [None if n < finished else self._path("bucket", n) for n in range(count)]
        counts = divide(self.segments, buckets)
        for number in range(finished, count):
            bucket = self._path("bucket", number)
            table = reduce(bucket, sum(counts[:number]))
            with writing(self._path("run", number), OWNER) as file:
                _save_run(file, table)
            run = stored(self._path("run", number))
            self.state = replace(self.state, runs=(*self.state.runs, run))
            self.save()
            bucket.unlink(missing_ok=True)
            finished_one(sum(counts[: number + 1]))

    def join(
        self,
        write: Callable[[IO[bytes]], dict[str, int]],
        write_second: Callable[[IO[bytes]], None] | None = None,
    ) -> None:
        """Write the result in the folder; its counts are stored in the state."""
        if write_second is not None and self.second is not None:
            with writing(self._joined_second, self._access(self.second)) as file:
                write_second(file)
        with writing(self.joined, self._access(self.destination)) as file:
            counts = write(file)
        self.state = replace(self.state, joined=True, counts=counts)
        self.save()

    def publish(self) -> None:
        """Give the result its final name and remove the folder; raise OSError, InputError."""
        if self.second is not None:
            move(self._joined_second, self.second)
        move(self.joined, self.destination)
        self.remove()

    def save(self) -> None:
        """Write the state; raise OSError."""
        value = vars(self.state) | {
            "schema_version": SCHEMA_VERSION,
            "segments": [vars(segment) for segment in self.state.segments],
            "runs": [vars(run) for run in self.state.runs],
        }
        with writing(self.folder / "state.json", OWNER) as file:
            file.write(json.dumps(value).encode("ascii"))

    def check(self) -> None:
        """Raise InputError if a finished segment or run is missing or damaged."""
        if self.state.joined:
            return
        for path, segment in zip(self.segments, self.state.segments, strict=True):
            check_stored(path, Stored(segment.size, segment.sha256))
        for path, run in zip(self.runs, self.state.runs, strict=True):
            check_stored(path, run)

    def sweep(self) -> None:
        """Remove everything that belongs to nothing finished; raise OSError."""
        keep = {path.name for path in (*self.segments, *self.runs)} | {"state.json", "lock"}
        if self.state.joined:
            keep |= {self.joined.name, self._joined_second.name}
        for path in self.folder.glob("*"):
            if path.name not in keep:
                path.unlink()

    def remove(self) -> None:
        """Remove the folder, the state last; raise OSError."""
        for path in self.folder.glob("*"):
            if path.name != "state.json":
                path.unlink()
        (self.folder / "state.json").unlink(missing_ok=True)
        self.folder.rmdir()

    def kept(self) -> str:
        """Return one line on what is kept and how to resume."""
        return (
            f"{self.state.rows:,} rows read and {len(self.state.runs):,} of "
            f"{self.state.buckets:,} buckets kept in {self.folder}: run the same command with "
            "--resume to continue"
        )

    @property
    def joined(self) -> Path:
        """Return the file that becomes the destination."""
        return self.folder / f"joined{self.destination.suffix.lower()}"

    @property
    def _joined_second(self) -> Path:
        return self.folder / f"second{self.destination.suffix.lower()}"

    def _access(self, final: Path) -> Access:
        return self._most if is_remote(final) else self._most & access_of([final])

    def _path(self, name: str, number: int) -> Path:
        return self.folder / f"{name}-{number:06}.arrow"


@contextmanager
def working(
    destination: Path,
    folder: Path,
    settings: Settings,
    *,
    resume: bool,
    overwrite: bool,
    access: Access,
    second: Path | None = None,
) -> Iterator[Work]:
    """Yield new work or, to resume, the unfinished one with the same settings.

    On an error finished work is kept, and the error gets a note on how to resume. Only the owner
    can read the folder; the result gets at most the permissions of ``access``. Raises InputError if
    a file exists that these options may not touch, OSError.
    """
    begun = (folder / "state.json").exists()
    if begun and not (resume or overwrite):
        raise InputError(
            f"{folder}: contains the unfinished work of an earlier run; continue it with "
            f"--resume, or {ANEW}"
        )

    def check() -> None:
        check_new(destination, resume=resume, overwrite=overwrite, again="make it again")
        if second is not None:
            check_free(second, overwrite=overwrite)

    if not begun:
        check()
    make_folder(folder, _OURS)
    with locked(folder):
        state = None
        if not (resume and begun):
            check()
        else:
            path = folder / "state.json"
            state = read_state(path, SCHEMA_VERSION, _state)
            check_same(path, state.settings, settings)
            for final in (destination, *([] if second is None else [second])):
                check_free(final, overwrite=overwrite or state.overwrite or state.joined)
        work = Work(destination, folder, state or State(settings, overwrite), access, second)
        work.check()
        with kept_on_error(work, lambda: bool(work.state.segments)):
            yield work


def _state(value: dict[str, Any]) -> State:
    del value["schema_version"]
    settings = dict(value.pop("settings"))
    segments = tuple(Segment(**segment) for segment in value.pop("segments"))
    runs = tuple(Stored(**run) for run in value.pop("runs"))
    return State(settings, **value, segments=segments, runs=runs)


def read_streams(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a file of concatenated Arrow streams, of up to two schemas.

    A missing file yields nothing. Raises InputError if it is damaged.
    """
    if not path.exists():
        return
    with open_regular(path) as file:
        try:
            while file.peek(1):
                with pa.ipc.open_stream(file) as stream:
                    yield from stream
        except pa.ArrowInvalid as problem:
            raise InputError(f"{path}: damaged; {ANEW}") from problem


def divide(segments: Sequence[Path], buckets: Sequence[Path | None]) -> list[int]:
    """Append the rows of segments to the files of their buckets, except those that are None.

    The first column selects the bucket. Returns the number of rows in each, including those left
    out. The files do not exist before. Raises OSError, InputError for a damaged segment.
    """
    return scatter((batch for path in segments for batch in read_streams(path)), buckets)


def scatter(batches: Iterable[pa.RecordBatch], buckets: Sequence[Path | None]) -> list[int]:
    """Append rows to the files of their buckets, as ``divide`` does with those of segments."""
    counts = np.zeros(len(buckets), np.int64)
    held: dict[pa.Schema, list[pa.RecordBatch]] = {}
    size = 0
    for batch in batches:
        held.setdefault(batch.schema, []).append(batch)
        size += batch.nbytes
        if size >= _HELD_BYTES:
            counts += _append(held, buckets)
            held, size = {}, 0
    counts += _append(held, buckets)
    found: list[int] = counts.tolist()
    return found


def _append(
    held: dict[pa.Schema, list[pa.RecordBatch]], buckets: Sequence[Path | None]
) -> NDArray[np.int64]:
    """Append rows to their buckets and return the number for each."""
    counts = np.zeros(len(buckets), np.int64)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    for batches in held.values():
        table = pa.Table.from_batches(batches)
        places = _buckets(table.column(0), len(buckets))
        order = np.argsort(places, kind="stable")
        ends = np.searchsorted(places[order], np.arange(len(buckets) + 1))
        table = table.take(number_array(order))
        for number, path in enumerate(buckets):
            start, end = int(ends[number]), int(ends[number + 1])
            if path is None or start == end:
                continue
            with (
                append(path, OWNER) as file,
                pa.ipc.new_stream(file, table.schema, options=options) as out,
            ):
                out.write_table(table.slice(start, end - start).combine_chunks())
        counts += np.diff(ends)
    return counts


def _buckets(column: pa.ChunkedArray, count: int) -> NDArray[np.int64]:
    """Return the bucket of each name, which depends only on the name; null is a name."""
    found = pc.dictionary_encode(one_array(column), null_encoding="encode")
    hashes = [zlib.crc32(name or b"") % count for name in _raw(found.dictionary)]
    places: NDArray[np.int64] = np.array(hashes, np.int64)[numbers(found.indices.cast(pa.int64()))]
    return places


def _raw(names: pa.Array) -> list[bytes | None]:
    kind = names.type
    if not (pa.types.is_large_string(kind) or _is_binary(kind)):
        names = as_text(pa.chunked_array([names])).combine_chunks()
    raw: list[bytes | None] = names.cast(pa.large_binary()).to_pylist()
    return raw


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _save_run(file: IO[bytes], table: pa.Table) -> None:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(file, table.schema, options=options) as out:
        out.write_table(table.combine_chunks(), max_chunksize=_CHUNK)


Keys = Callable[[pa.Table], NDArray[np.float64]]


def merged(
    runs: Sequence[Path],
    names: Sequence[str],
    keys: Keys,
    weight: str | None = None,
    most_rows: int | None = None,
) -> Iterator[pa.Table]:
    """Yield the rows of all runs in their final order, in batches, in bounded memory.

    ``keys`` returns the numbers (rows, keys) by which the runs are sorted, for a table with the
    columns ``names``; they are unique per row. Batches are limited in rows and, except for a
    heavier row, in the sum of the column ``weight``.
    """
    read = np.zeros(len(runs), np.int64)
    for owners, weights in _ordered(runs, names, keys, weight):
        for start, end in _cuts(weights, most_rows or _SLICE_ROWS):
            some = np.bincount(owners[start:end], minlength=len(runs))
            tables = [
                _rows(runs[number], int(read[number]), int(read[number] + some[number]))
                for number in np.flatnonzero(some).tolist()
            ]
            read += some
            # For each row, its place in the tables, which are in the order of the runs.
            places = np.empty(end - start, np.int64)
            places[np.argsort(owners[start:end], kind="stable")] = np.arange(end - start)
            yield pa.concat_tables(tables).take(number_array(places))


class _Run:
    """The keys of a run that were read and not yet returned."""

    def __init__(self, path: Path, names: Sequence[str], keys: Keys, weight: str | None) -> None:
        self._path, self._names, self._keys, self._weight = path, names, keys, weight
        self._next = 0
        self.ended = False
        self.held: NDArray[np.float64] | None = None  # the keys, then the weight

    def fill(self, least: int) -> None:
        """Read until so many rows are held or the run has ended."""
        held = [] if self.held is None else [self.held]
        size = sum(map(len, held))
        if size >= least or self.ended:
            return
        with self._path.open("rb") as file:
            schema = pa.ipc.open_file(file).schema
            wanted = [*self._names, *([] if self._weight is None else [self._weight])]
            fields = sorted({schema.get_field_index(name) for name in wanted})
            options = pa.ipc.IpcReadOptions(included_fields=fields)
            with pa.ipc.open_file(file, options=options) as reader:
                while size < least and self._next < reader.num_record_batches:
                    table = pa.Table.from_batches([reader.get_batch(self._next)])
                    self._next += 1
                    size += table.num_rows
                    weights = (
                        np.ones(table.num_rows)
                        if self._weight is None
                        else numbers(one_array(table[self._weight]))
                    )
                    held.append(np.column_stack([self._keys(table), weights]))
                self.ended = self._next == reader.num_record_batches
        self.held = np.concatenate(held) if held else None

    def give(self, bound: Sequence[float] | None) -> NDArray[np.float64] | None:
        """Return and release the held rows up to the bound, or all without one."""
        if self.held is None:
            return None
        count = len(self.held) if bound is None else _count_up_to(self.held, bound)
        found, self.held = self.held[:count], self.held[count:]
        return found


def _ordered(
    runs: Sequence[Path], names: Sequence[str], keys: Keys, weight: str | None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the run of each row in the final order, and its weight."""
    least = max(_CHUNK, _HELD_ROWS // max(1, len(runs)))
    waiting = [_Run(path, names, keys, weight) for path in runs]
    while True:
        for run in waiting:
            run.fill(least)
        # Later rows of a run come after the last row held of it.
        last = [
            tuple(run.held[-1, :-1]) for run in waiting if not run.ended and run.held is not None
        ]
        found = [run.give(min(last) if last else None) for run in waiting]
        sizes = [0 if some is None else len(some) for some in found]
        if not sum(sizes):
            return
        rows = np.concatenate([some for some in found if some is not None])
        order = np.lexsort(rows[:, -2::-1].T)
        yield np.repeat(np.arange(len(runs)), sizes)[order], rows[order, -1].astype(np.int64)


def _count_up_to(rows: NDArray[np.float64], bound: Sequence[float]) -> int:
    """Count the sorted rows that are not after the bound."""
    within = np.ones(len(rows), bool)
    for place in reversed(range(len(bound))):
        column = rows[:, place]
        within = (column < bound[place]) | ((column == bound[place]) & within)
    return int(np.count_nonzero(within))


def _cuts(weights: NDArray[np.int64], most_rows: int) -> Iterator[tuple[int, int]]:
    """Yield the borders of slices limited in rows and, except for a heavier row, in weight."""
    ends = np.cumsum(weights)
    start = 0
    while start < len(weights):
        before = ends[start - 1] if start else 0
        fit = int(np.searchsorted(ends, before + _SLICE_WEIGHT, "right"))
        end = min(max(start + 1, fit), start + most_rows)
        yield start, end
        start = end


def _rows(path: Path, start: int, end: int) -> pa.Table:
    """Return the rows of a run between two places."""
    first = start // _CHUNK
    with path.open("rb") as file, pa.ipc.open_file(file) as reader:
        chunks = [reader.get_batch(number) for number in range(first, -(-end // _CHUNK))]
    return pa.Table.from_batches(chunks).slice(start - first * _CHUNK, end - start)
