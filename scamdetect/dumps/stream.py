"""Score records from one open file to another, such as through a pipe."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa

from scamdetect.dumps.formats import Format, named_format
from scamdetect.dumps.score import Job, Report, ScoreOptions, flagged_rows
from scamdetect.dumps.source import open_text_format
from scamdetect.dumps.summary import Counts, Progress, Summary, summarise
from scamdetect.dumps.text import HEAD_BYTES, Stream
from scamdetect.dumps.write import write_tables
from scamdetect.errors import InputError
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import OWNER, create
from scamdetect.system.os_errors import written

if TYPE_CHECKING:
    from scamdetect.detector import ScamDetector

_FORMATS = (Format.CSV, Format.TSV, Format.JSONL, Format.TEXT)
_STDIN = "standard input"


class _Input(io.RawIOBase):
    """A stream after what has been read of it; ``rest`` is None to end there."""

    def __init__(self, head: bytes, rest: BinaryIO | None) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        data = self._head.read(len(buffer))
        if not data and self._rest is not None:
            data = self._rest.read1(len(buffer))  # type: ignore[attr-defined]
        buffer[: len(data)] = data
        return len(data)


def score_stream(
    source: BinaryIO,
    destination: IO[bytes],
    *,
    detector: ScamDetector,
    options: ScoreOptions,
    rejects: str | Path | None = None,
    progress: Report | None = None,
) -> Summary:
    """Score CSV, TSV, JSONL or text from one open file to another, batch by batch.

    The output has the format of the input, and JSONL for text. Records that cannot be read go to
    the new file ``rejects``; without it the first one is an InputError. Raises InputError,
    OutputError.
    """
    began = time.monotonic()
    kind = named_format(options.source_format or "")
    if kind not in _FORMATS:
        raise InputError(f"{_STDIN}: {kind.value} cannot be read from it; use csv, tsv or jsonl")
    try:
        head = source.read(HEAD_BYTES)
    except OSError as problem:
        raise InputError(f"{_STDIN}: cannot be read ({problem.strerror})") from None
    rest: BinaryIO | None = None  # until the columns are known from the head

    def opener() -> Stream:
        return Stream(_Input(head, rest), io.BytesIO(), _STDIN, 0)

    dump = open_text_format(opener, _STDIN, kind, options.reading)
    job = Job(_STDIN, dump, detector, options)
    rest, counts = source, Counts()
    with ExitStack() as stack:
        file: IO[bytes] | None = None
        if rejects is not None:
            path = file_destination(
                Path(rejects), overwrite=options.overwrite, inputs=map(Path, options.inputs)
            )
            stack.enter_context(written(path, elsewhere="give another file to --rejects"))
            file = stack.enter_context(create(path, OWNER))

        def tables() -> Iterator[pa.Table]:
            nonlocal counts
            yield pa.Table.from_batches([], job.schema)
            for batch in dump.batches():
                destination.flush()
                for reject in batch.rejects:
                    if file is not None:
                        file.write(reject.to_json())
                    elif not reject.kept:
                        raise InputError(
                            f"{_STDIN}:{reject.line}: {reject.reason}; keep such records in a file "
                            "with --rejects FILE"
                        )
                table, more = job.score(batch, counts)
                counts += more
                yield flagged_rows(table) if options.only_flagged else table
                if progress is not None:
                    progress(Progress(counts, 0.0, 0, time.monotonic() - began))

        write_tables(
            destination,
            Format.JSONL if kind is Format.TEXT else kind,
            tables(),
            delimiter=dump.delimiter or ",",
            spreadsheet_safe=options.spreadsheet_safe,
        )
    destination.flush()
    job.check(counts, ended=True)
    return summarise(
        counts,
        only_flagged=options.only_flagged,
        destination=Path("standard output"),
        rejects=rejects if counts["rejected"] or counts["damaged"] else None,
        model_id=detector.model_id,
        seconds=time.monotonic() - began,
        preset=detector.preset,
        notes=dump.notes,
    )
