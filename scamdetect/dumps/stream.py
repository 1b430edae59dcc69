"""Score records that come through a pipe, batch by batch, without a file of either side."""

from __future__ import annotations

import io
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from scamdetect.dumps.batches import Batch, Reject
from scamdetect.dumps.formats import Format, named_format
from scamdetect.dumps.job import Task, allowing_for, looking_for
from scamdetect.dumps.lines import compression
from scamdetect.dumps.open import open_dump
from scamdetect.dumps.outputs import keep_columns
from scamdetect.dumps.rows import JsonRows, Rows
from scamdetect.dumps.tally import (
    Standing,
    Summary,
    Tally,
    Watch,
    reject_limit,
    summarise,
)
from scamdetect.dumps.writers import header, part_writer
from scamdetect.errors import InputError
from scamdetect.frames.columns import OWN_COLUMNS, kept_columns
from scamdetect.prediction import Detector
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import OWNER, create
from scamdetect.system.os_errors import written

if TYPE_CHECKING:
    from scamdetect.dumps.allow_list import AllowList
    from scamdetect.dumps.listed import Listed

FORMATS = (Format.CSV, Format.TSV, Format.JSONL, Format.TEXT)
INPUT, OUTPUT = "standard input", "standard output"

_HEAD_BYTES = 1 << 20
_MAX_HEAD_BYTES = 64 << 20  # a first line that is longer is no header and no message


class _Input:
    """The standard input in the place of a Path.

    What opens it before ``pass_on`` finds its beginning, as if there were no more: enough to detect
    encoding, delimiter and columns. What opens it after that, once, finds all of it.
    """

    name = INPUT

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._head = _head(file)
        self._passed_on = False

    def __str__(self) -> str:
        return INPUT

    def pass_on(self) -> None:
        """Let the next reader have all of it."""
        self._passed_on = True

    def stat(self) -> os.stat_result:
        """Return the status of a file of unknown size."""
        return os.stat_result((stat.S_IFREG, 0, 0, 0, 0, 0, 1, 0, 0, 0))

    def open(self, mode: str = "rb", buffering: int = -1) -> io.RawIOBase:
        """Open it for reading bytes."""
        return _Reader(self._head, self._file if self._passed_on else io.BytesIO())


class _Reader(io.RawIOBase):
    name = INPUT

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._parts = [io.BytesIO(head), rest]
        self._offset = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._offset

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        while self._parts:
            piece = cast(io.BufferedReader, self._parts[0]).read1(len(buffer))
            if piece:
                buffer[: len(piece)] = piece
                self._offset += len(piece)
                return len(piece)
            self._parts.pop(0)
        return 0


def _head(file: BinaryIO) -> bytes:
    """Return the first MiB, or more if the first line is longer."""
    try:
        head = piece = file.read(_HEAD_BYTES)
        while piece and b"\n" not in piece and _HEAD_BYTES <= len(head) < _MAX_HEAD_BYTES:
            piece = file.read(_HEAD_BYTES)
            head += piece
    except OSError as problem:
        raise InputError(f"{INPUT}: cannot be read ({problem.strerror})") from problem
    return head


def score_stream(
    source: BinaryIO,
    destination: IO[bytes],
    *,
    detector: Detector,
    source_format: str,
    text_column: str = "text",
    encoding: str | None = None,
    delimiter: str | None = None,
    overwrite_columns: bool = False,
    columns: Sequence[str] | None = None,
    only_flagged: bool = False,
    allow_list: AllowList | None = None,
    sender_column: str | None = None,
    listed: Listed | None = None,
    max_listed: str | int = "1%",
    spreadsheet_safe: bool = False,
    rejects: Path | None = None,
    max_rejects: str | int | None = None,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
    watch: Watch | None = None,
) -> Summary:
    """Score CSV, TSV, JSONL or text of a message a line from one open file to another.

    The options are those of ``score_file``. The output has the format of the input, and JSONL for
    text. Rows are written in batches of at most 2,048; memory does not depend on their number. The
    columns of JSONL, for ``columns`` and a ``text_column`` with dots, are those of its first MiB.

    Records that cannot be read go to the new file ``rejects``; without it the first one is an
    InputError. Nothing can be resumed, and no record of the job is written.

    Raises InputError, OutputError if the file ``rejects`` cannot be written.
    """
    began = time.monotonic()
    kind = named_format(source_format)
    if kind not in FORMATS:
        names = ", ".join(FORMATS[:-1])
        raise InputError(f"{INPUT}: {kind.value} cannot be read from it; use {names} or text")
    limit = None if max_rejects is None else reject_limit(max_rejects)
    if allow_list is not None or sender_column is not None:
        from scamdetect.dumps.allow_list import check_senders

        check_senders(allow_list, sender_column)
    output = Format.JSONL if kind is Format.TEXT else kind
    if spreadsheet_safe:
        from scamdetect.dumps.spreadsheet import check_spreadsheet_safe

        check_spreadsheet_safe(Path(f"{OUTPUT}.{output.value}"))
    if rejects is not None:
        rejects = file_destination(rejects, overwrite=overwrite, inputs=inputs)
    stdin = _Input(source)
    if packed := compression(cast(Path, stdin)):
        raise InputError(f"{INPUT}: compressed with {packed}; unpack it before the pipe")
    dump = open_dump(
        cast(Path, stdin),
        text_column=text_column,
        encoding=encoding,
        overwrite_columns=overwrite_columns,
        source_format=kind,
        delimiter=delimiter,
    )
    allowing = allowing_for(dump, kind, INPUT, allow_list, sender_column)
    if spreadsheet_safe:
        from scamdetect.dumps.spreadsheet import check_safe_delimiter

        check_safe_delimiter(Path(f"{OUTPUT}.{output.value}"), dump.csv_delimiter)
    dump = replace(dump, spreadsheet_safe=spreadsheet_safe)
    if columns is not None:
        dump = keep_columns(dump, columns, INPUT)
    dump, looking = looking_for(dump, INPUT, listed, max_listed)
    task = Task(INPUT, dump, detector, limit, only_flagged, allowing, looking)
    stdin.pass_on()
    with _rejecting(rejects) as reject, part_writer(output, destination, dump) as write:
        destination.write(header(output, dump))
        destination.flush()
        tally, last = Tally(), None
        for batch in dump.batches():
            reject(batch.rejects)
            last = batch.rejects[-1] if batch.rejects else last
            rows = _without_own_columns(batch, overwrite_columns)
            rows, predictions, counted = task.scored(replace(batch, rows=rows), tally, last)
            write(rows, predictions)
            destination.flush()
            tally += counted
            if watch is not None:
                watch(Standing(tally, 0.0, 0, False, time.monotonic() - began))
        task.check(tally, last, ended=True)
    return summarise(
        tally,
        destination=Path(OUTPUT),
        model_id=detector.model_id,
        seconds=time.monotonic() - began,
        rejects=rejects if tally.rejected else None,
        only_flagged=only_flagged,
        notes=dump.notes,
        preset=detector.preset,
    )


def _without_own_columns(batch: Batch, overwrite: bool) -> Rows:
    """Return the rows without output columns that only a later object of JSONL has."""
    rows = batch.rows
    if not isinstance(rows, JsonRows):
        return rows
    late = {name for value in rows.values for name in value if name in OWN_COLUMNS}
    kept_columns(sorted(late), overwrite=overwrite, where=INPUT)
    return replace(rows, dropped=rows.dropped | late)


@contextmanager
def _rejecting(path: Path | None) -> Iterator[Callable[[Sequence[Reject]], None]]:
    """Give a function that keeps rejected records in the file, or refuses the first one."""

    def refuse(rejects: Sequence[Reject]) -> None:
        for one in rejects:
            raise InputError(
                f"{INPUT}:{one.line}: {one.reason}; keep such records in a file with --rejects FILE"
            )

    with ExitStack() as opened:
        if path is None:
            yield refuse
            return
        opened.enter_context(written(path, elsewhere="give another file to --rejects"))
        file = opened.enter_context(create(path, OWNER))

        def keep(rejects: Sequence[Reject]) -> None:
            for one in rejects:
                file.write((json.dumps(one.to_dict(), ensure_ascii=False) + "\n").encode("utf-8"))

        yield keep
