"""What all jobs on a scored file have in common: options, checks, work and steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scamdetect.dumps.formats import Format, destination_format, is_remote
from scamdetect.dumps.outputs import check_paths, reported
from scamdetect.dumps.sources import located
from scamdetect.dumps.spreadsheet import check_safe_delimiter, check_spreadsheet_safe
from scamdetect.dumps.work import work_folder as parts_folder
from scamdetect.errors import JobInterrupted
from scamdetect.scored.source import Opened, opened
from scamdetect.scored.work import Work, working
from scamdetect.system.destinations import followed
from scamdetect.system.files import access_of


@dataclass(frozen=True)
class Step:
    """The progress of a job: ``share`` (0 to 1) of the step ``name`` is done, after ``rows`` rows.

    ``ended`` is True if work that survives a kill was just finished.
    """

    name: str
    share: float
    rows: int
    ended: bool = False


Watch = Callable[[Step], None]
Stop = Callable[[], bool]


@dataclass(frozen=True)
class ReadingJob:
    """A job about to start: its input and its output paths."""

    opened: Opened
    destination: Path
    csv_delimiter: str
    _working: Callable[[], Any]

    @contextmanager
    def working(self) -> Iterator[Work]:
        """Yield the work, as ``scored.work.working`` does."""
        with self._working() as work:
            yield work


@contextmanager
def reading_job(
    scored: str | Path,
    source: str | Path | None,
    what: str,
    destination: str | Path | None,
    default: Callable[[Path], Path],
    asked: Mapping[str, object],
    *,
    bucket_bytes: int,
    spreadsheet_safe: bool,
    work_folder: str | Path | None,
    resume: bool,
    overwrite: bool,
    inputs: Sequence[Path] = (),
) -> Iterator[ReadingJob]:
    """Open the input and check the destination of ``what``, such as groups.

    ``asked`` are the settings by which the job is resumed, in addition to the common ones. Raises
    InputError; failures to write within the context become OutputError.
    """
    found = opened(scored, source, what)
    target = default_destination(found, default) if destination is None else located(destination)
    with reported(target):
        target, folder = checked_destination(target, [found], work_folder, inputs)
        delimiter = cell_delimiter(found, target, spreadsheet_safe=spreadsheet_safe)
        settings = found.scored.identity() | {
            "what": what,
            "original": None if found.source is None else str(found.source),
            "spreadsheet_safe": spreadsheet_safe,
            "destination": str(target) if is_remote(target) else str(target.resolve()),
            "format": destination_format(target).value,
            "bucket_bytes": bucket_bytes,
            **asked,
        }
        yield ReadingJob(
            found,
            target,
            delimiter,
            lambda: working(
                target,
                folder,
                settings,
                resume=resume,
                overwrite=overwrite,
                access=access_of(found.files),
            ),
        )


def checked_destination(
    target: Path, found: Sequence[Opened], work_folder: str | Path | None, inputs: Sequence[Path]
) -> tuple[Path, Path]:
    """Return the destination, with a link followed, and the work folder.

    Raises InputError if one of them cannot be written, or is an input.
    """
    if not is_remote(target):
        target = followed(target)  # replace the target of a link, not the link
    folder = parts_folder(target, None if work_folder is None else Path(work_folder))
    for one in found:
        check_paths(one.scored, target, folder, [*one.files, *inputs])
    return target, folder


def cell_delimiter(found: Opened, target: Path, *, spreadsheet_safe: bool) -> str:
    """Return the delimiter of a CSV made from a scored file.

    Raises InputError if the destination has no cells to make safe.
    """
    is_csv = found.record.destination.format == Format.CSV
    delimiter = (found.record.destination.delimiter if is_csv else None) or ","
    if spreadsheet_safe:
        check_spreadsheet_safe(target)
        check_safe_delimiter(target, delimiter)
    return delimiter


def check_stop(stop: Stop | None) -> None:
    """Raise JobInterrupted if the job must stop."""
    if stop is not None and stop():
        raise JobInterrupted("interrupted")


def default_destination(found: Opened, named: Callable[[Path], Path]) -> Path:
    """Return the default destination; nothing is uploaded unless requested."""
    path = found.path
    if found.scored.is_many and path.suffix.lower() not in (".parquet", ".pq"):
        path = path.with_name(f"{path.name}.parquet")
    beside = named(path)
    return Path(beside.name) if is_remote(path) else beside
