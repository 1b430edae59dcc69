"""The work folder of a destination: finished parts, their state, and the names of its files."""

from __future__ import annotations

import errno
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

from scamdetect.dumps.batches import Dump, Reject
from scamdetect.dumps.formats import (
    DELIMITERS,
    JOB_SUFFIX,
    Format,
    destination_format,
    is_remote,
    job_path,
    rejects_path,
)
from scamdetect.dumps.identity import Identity, Result, job_record
from scamdetect.dumps.outputs import check_free
from scamdetect.dumps.state import (
    ANEW,
    Part,
    Settings,
    State,
    check_same,
    check_stored,
    load,
    save,
    stored,
)
from scamdetect.dumps.tally import Tally
from scamdetect.dumps.writers import append, join, part_extension
from scamdetect.errors import InputError, NothingToResume
from scamdetect.system.destinations import private_folder
from scamdetect.system.files import ANYONE, OWNER, Access, access_of, locked, open_regular, writing

if TYPE_CHECKING:
    from scamdetect.dumps.remote_path import RemotePath

_OURS = re.compile(
    r"((part-\d{6,}|joined)(\.rejected|\.job)?\.[a-z]+|state\.json)((\.[0-9a-f]{8})?\.part)?|lock"
)


@dataclass(frozen=True)
class WorkFiles:
    """The files of a job in its work folder; ``kind`` is the format of the destination."""

    folder: Path
    kind: Format

    @property
    def state(self) -> Path:
        """Return the file that describes all others."""
        return self.folder / "state.json"

    def content(self, number: int) -> Path:
        """Return the file of the scored rows of a part."""
        return self.folder / f"part-{number:06}.{part_extension(self.kind)}"

    def rejects(self, number: int) -> Path:
        """Return the file of the rejected records of a part."""
        return self.folder / f"part-{number:06}.rejected.jsonl"

    @property
    def joined(self) -> Path:
        """Return the file that becomes the destination."""
        return self.folder / f"joined.{self.kind.value}"

    @property
    def joined_rejects(self) -> Path:
        """Return the file of all rejected records."""
        return self.folder / "joined.rejected.jsonl"

    @property
    def joined_job(self) -> Path:
        """Return the file of the job record."""
        return self.folder / f"joined{JOB_SUFFIX}"

    def kept(self, state: State) -> Iterator[Path]:
        """Yield the files that belong to the state and may be missing."""
        yield from (self.state, self.folder / "lock")
        for number in range(len(state.parts)):
            yield from (self.content(number), self.rejects(number))
        if state.joined:
            yield from (self.joined, self.joined_rejects, self.joined_job)


def make_folder(folder: Path, ours: re.Pattern[str] = _OURS) -> None:
    """Create the folder, or use that of an earlier job, whose files have names of ``ours``.

    Raises InputError if it contains other files, and as ``private_folder`` does.
    """
    cure = "choose another folder with --work-folder"
    private_folder(folder, cure, lambda folder: _check_files(folder, ours))


def _check_files(folder: Path, ours: re.Pattern[str]) -> None:
    foreign = sorted(p.name for p in folder.glob("*") if not ours.fullmatch(p.name))
    if foreign:
        raise InputError(
            f"{folder}: contains {foreign[0]!r}, which is not part of a job; move it away or "
            "choose another destination"
        )


WriteRejects = Callable[[Sequence[Reject]], None]

_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class PartFiles:
    """The open files of a part."""

    content: IO[bytes]
    write_rejects: WriteRejects


class Work:
    """The finished parts of a job; the caller holds the folder's lock.

    Only their owner can read them; published files get at most the permissions of ``access``.
    """

    def __init__(self, destination: Path, folder: Path, state: State, access: Access) -> None:
        self.destination = destination
        self.state = state
        self._most = access
        self._files = WorkFiles(folder, destination_format(destination))

    def save(self) -> None:
        """Write the state; raise OSError."""
        save(self._files.state, self.state)

    @contextmanager
    def part(self) -> Iterator[PartFiles]:
        """Open the files of the next part.

        The part does not count before ``finish_part``. Raises OSError.
        """
        number = len(self.state.parts)
        with ExitStack() as files:
            content = files.enter_context(writing(self._files.content(number), OWNER))
            rejected: list[IO[bytes]] = []  # a file only if there is something to write

            def write_rejects(rejects: Sequence[Reject]) -> None:
                if rejects and not rejected:
                    path = self._files.rejects(number)
                    rejected.append(files.enter_context(writing(path, OWNER)))
                for reject in rejects:
                    line = json.dumps(reject.to_dict(), ensure_ascii=False) + "\n"
                    rejected[0].write(line.encode("utf-8"))

            yield PartFiles(content, write_rejects)

    def finish_part(self, tally: Tally) -> None:
        """Count the part that was just written as finished; raise OSError."""
        number = len(self.state.parts)
        part = Part(
            tally,
            stored(self._files.content(number)),
            stored(self._files.rejects(number)) if tally.rejected else None,
        )
        self.state = replace(self.state, parts=(*self.state.parts, part))
        self.save()

    def check_parts(self) -> None:
        """Raise InputError if a finished part is missing or damaged."""
        for number, part in enumerate(self.state.parts):
            check_stored(self._files.content(number), part.content)
            if part.rejects is not None:
                check_stored(self._files.rejects(number), part.rejects)

    def join(self, dump: Dump, identity: Identity) -> None:
        """Join the parts inside the folder, and write the job record there.

        Raises OSError, InputError for a damaged part.
        """
        numbers = range(len(self.state.parts))
        with writing(self._files.joined, self._access(self.destination)) as file:
            join(self._files.kind, file, dump, map(self._files.content, numbers))
        if self.state.tally.rejected:
            with writing(
                self._files.joined_rejects, self._access(rejects_path(self.destination))
            ) as file:
                some = (n for n in numbers if self.state.parts[n].rejects is not None)
                append(file, map(self._files.rejects, some))
        kind = self._files.kind
        result = Result(
            name=self.destination.name,
            format=kind.value,
            delimiter=dump.csv_delimiter if kind is Format.CSV else DELIMITERS.get(kind),
            bytes=self._files.joined.stat().st_size,
        )
        with writing(self._files.joined_job, self._access(job_path(self.destination))) as file:
            file.write(job_record(identity, result, self.state.tally))
        self.state = replace(self.state, joined=True)
        self.save()

    def publish(self) -> Path | None:
        """Give the joined files their final names, the destination last, and remove the folder.

        Returns the path of rejected records, if any. If it is killed, the next call finishes the
        rest. Raises OSError, InputError if a joined file is missing.
        """
        rejects: Path | None = rejects_path(self.destination)
        if self.state.tally.rejected:
            move(self._files.joined_rejects, rejects_path(self.destination))
        else:
            rejects_path(self.destination).unlink(missing_ok=True)  # it describes an earlier job
            rejects = None
        move(self._files.joined_job, job_path(self.destination))
        move(self._files.joined, self.destination)
        self.remove()
        return rejects

    def sweep(self) -> None:
        """Remove everything that belongs to no finished part; raise OSError."""
        keep = {path.name for path in self._files.kept(self.state)}
        for path in self._files.folder.glob("*"):
            if path.name not in keep:
                path.unlink()

    def remove(self) -> None:
        """Remove the folder, the state last; raise OSError."""
        for path in self._files.folder.glob("*"):
            if path.name != "state.json":
                path.unlink()
        self._files.state.unlink(missing_ok=True)
        self._files.folder.rmdir()

    def kept(self) -> str:
        """Return one line on what is kept and how to resume."""
        parts, rows = len(self.state.parts), self.state.tally.rows
        return (
            f"{parts:,} finished part{'' if parts == 1 else 's'} ({rows:,} rows) kept in "
            f"{self._files.folder}: run the same command with --resume to continue"
        )

    def _access(self, final: Path) -> Access:
        """Return the permissions for the final file, which may replace an earlier one."""
        return self._most if is_remote(final) else self._most & access_of([final])


def work_folder(destination: Path, parent: Path | None = None) -> Path:
    """Return the folder for the parts of an unfinished job.

    It is in ``parent`` or, by default, next to the destination; for a URL in the current folder.
    """
    if parent is None:
        parent = Path() if is_remote(destination) else destination.parent
    return parent / f"{destination.name}.parts"


def check_start(destination: Path, folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Raise InputError if a file exists that these options may not touch.

    ``folder`` is the work folder.
    """
    if not _is_begun(folder):
        check_new(destination, resume=resume, overwrite=overwrite)
    elif not (resume or overwrite):
        raise InputError(
            f"{folder}: contains the unfinished work of an earlier run; continue it with "
            f"--resume, or {ANEW}"
        )


@contextmanager
def working(
    destination: Path,
    folder: Path,
    settings: Settings,
    *,
    resume: bool,
    overwrite: bool,
    access: Access = ANYONE,
) -> Iterator[Work]:
    """Yield the work of a new job or, to resume, of the unfinished one with the same settings.

    On an error the finished parts are kept, and the error gets a note on how to resume; a folder
    without any is removed. Only its owner can read the folder; published files get at most the
    permissions of ``access``. Raises InputError if the folder is not as expected, OSError if it
    cannot be written.
    """
    make_folder(folder)
    with locked(folder):
        work = _resumed(destination, folder, settings, overwrite, access) if resume else None
        if work is None:
            check_new(destination, resume=resume, overwrite=overwrite)
            work = Work(destination, folder, State(settings, overwrite), access)
        with kept_on_error(work, lambda: bool(work.state.parts)):
            yield work


class Resumable(Protocol):
    """Work in a folder that a later run can resume."""

    def save(self) -> None:
        """Write the state."""

    def sweep(self) -> None:
        """Remove everything that belongs to nothing finished."""

    def kept(self) -> str:
        """Return one line on what is kept and how to resume."""

    def remove(self) -> None:
        """Remove the folder."""


@contextmanager
def kept_on_error(work: Resumable, holds: Callable[[], bool]) -> Iterator[None]:
    """Start work; on an error note what is kept, or remove a folder that ``holds`` nothing."""
    try:
        work.save()  # before the sweep, so that the state never lists removed files
        work.sweep()
        yield
    except BaseException as problem:
        if holds():
            problem.add_note(work.kept())
        else:
            with suppress(OSError):
                work.remove()
        raise


def check_new(
    destination: Path, *, resume: bool, overwrite: bool, again: str = "score again"
) -> None:
    """Raise NothingToResume or InputError if there is no work but a result."""
    if resume and not overwrite and destination.exists():
        raise NothingToResume(
            f"{destination}: already exists without unfinished work, so there is nothing to "
            f"resume; {again} with --overwrite"
        )
    check_free(destination, overwrite=overwrite)


def _resumed(
    destination: Path, folder: Path, settings: Settings, overwrite: bool, access: Access
) -> Work | None:
    """Return the unfinished work, or None."""
    if not _is_begun(folder):
        return None
    path = folder / "state.json"
    state = load(path)
    check_same(path, state.settings, settings)
    check_free(destination, overwrite=overwrite or state.overwrite or state.joined)
    work = Work(destination, folder, state, access)
    if not state.joined:
        work.check_parts()
    return work


def _is_begun(folder: Path) -> bool:
    """Return True if the folder holds more than a kill before or after the job leaves."""
    return (folder / "state.json").exists() or any(folder.glob("part-*"))


def move(joined: Path, final: Path) -> None:
    """Give a finished file its final name, unless it has it; raise OSError, InputError."""
    if joined.exists():
        _place(joined, final)
    elif not final.exists():
        raise InputError(f"{joined}: missing; put it back, or {ANEW}")


def _place(joined: Path, final: Path) -> None:
    """Give a file its final name, where it appears completely or not at all; raise OSError."""
    if is_remote(final):
        cast("RemotePath", final).upload(joined)
        joined.unlink()
        return
    try:
        joined.replace(final)
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        access = access_of([joined])
        with open_regular(joined) as source, writing(final, access) as file:  # on another disk
            shutil.copyfileobj(source, file, _COPY_BYTES)
        joined.unlink()
