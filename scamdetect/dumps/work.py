"""The work folder beside a destination: finished parts, their state, and the names of its files."""

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
        """Return what tells of all others."""
        return self.folder / "state.json"

    def content(self, number: int) -> Path:
        """Return the scored rows of a part."""
        return self.folder / f"part-{number:06}.{part_extension(self.kind)}"

    def rejects(self, number: int) -> Path:
        """Return the rejected records of a part."""
        return self.folder / f"part-{number:06}.rejected.jsonl"

    @property
    def joined(self) -> Path:
        """Return what becomes the destination."""
        return self.folder / f"joined.{self.kind.value}"

    @property
    def joined_rejects(self) -> Path:
        """Return all rejected records."""
        return self.folder / "joined.rejected.jsonl"

    @property
    def joined_job(self) -> Path:
        """Return the record of the job."""
        return self.folder / f"joined{JOB_SUFFIX}"

    def kept(self, state: State) -> Iterator[Path]:
        """Yield what belongs to what the state tells of, and perhaps is not there."""
        yield from (self.state, self.folder / "lock")
        for number in range(len(state.parts)):
            yield from (self.content(number), self.rejects(number))
        if state.joined:
            yield from (self.joined, self.joined_rejects, self.joined_job)


def make_folder(folder: Path, ours: re.Pattern[str] = _OURS) -> None:
    """Make the folder or take over that of an earlier job, whose files have names of ``ours``.

    Raises InputError where it holds what no job has made, and as ``private_folder`` does.
    """
    cure = "choose another folder with --work-folder"
    private_folder(folder, cure, lambda folder: _check_files(folder, ours))


def _check_files(folder: Path, ours: re.Pattern[str]) -> None:
    foreign = sorted(p.name for p in folder.glob("*") if not ours.fullmatch(p.name))
    if foreign:
        raise InputError(
            f"{folder}: holds {foreign[0]!r}, which is no part of a job; move it away or choose "
            "another destination"
        )


WriteRejects = Callable[[Sequence[Reject]], None]

_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class PartFiles:
    """What a part is written to."""

    content: IO[bytes]
    write_rejects: WriteRejects


class Work:
    """The parts that a job has finished; the caller holds the folder's lock.

    They are for their owner only; what is published allows at most ``access``.
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
        """Give the files of the next part.

        The part does not count before ``finish_part``. Raises OSError.
        """
        number = len(self.state.parts)
        with ExitStack() as files:
            content = files.enter_context(writing(self._files.content(number), OWNER))
            rejected: list[IO[bytes]] = []  # a file only where there is something to hold

            def write_rejects(rejects: Sequence[Reject]) -> None:
                if rejects and not rejected:
                    path = self._files.rejects(number)
                    rejected.append(files.enter_context(writing(path, OWNER)))
                for reject in rejects:
                    line = json.dumps(reject.to_dict(), ensure_ascii=False) + "\n"
                    rejected[0].write(line.encode("utf-8"))

            yield PartFiles(content, write_rejects)

    def finish_part(self, tally: Tally) -> None:
        """Count the part whose content was just written as finished; raise OSError."""
        number = len(self.state.parts)
        part = Part(
            tally,
            stored(self._files.content(number)),
            stored(self._files.rejects(number)) if tally.rejected else None,
        )
        self.state = replace(self.state, parts=(*self.state.parts, part))
        self.save()

    def check_parts(self) -> None:
        """Raise InputError where a finished part is missing or damaged."""
        for number, part in enumerate(self.state.parts):
            check_stored(self._files.content(number), part.content)
            if part.rejects is not None:
                check_stored(self._files.rejects(number), part.rejects)

    def join(self, dump: Dump, identity: Identity) -> None:
        """Join the parts within the folder, and write what identifies the job there.

        Raises OSError, InputError on a damaged part.
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

        Returns where rejected records are, if any. What a kill leaves undone here, the next call
        does. Raises OSError, InputError where a joined file is gone.
        """
        rejects: Path | None = rejects_path(self.destination)
        if self.state.tally.rejected:
            move(self._files.joined_rejects, rejects_path(self.destination))
        else:
            rejects_path(self.destination).unlink(missing_ok=True)  # it tells of an earlier job
            rejects = None
        move(self._files.joined_job, job_path(self.destination))
        move(self._files.joined, self.destination)
        self.remove()
        return rejects

    def sweep(self) -> None:
        """Remove what belongs to no finished part; raise OSError."""
        keep = {path.name for path in self._files.kept(self.state)}
        for path in self._files.folder.glob("*"):
            if path.name not in keep:
                path.unlink()

    def remove(self) -> None:
        """Remove the folder, the state after the parts that it tells of; raise OSError."""
        for path in self._files.folder.glob("*"):
            if path.name != "state.json":
                path.unlink()
        self._files.state.unlink(missing_ok=True)
        self._files.folder.rmdir()

    def kept(self) -> str:
        """Return one line on what is kept and how to go on."""
        parts, rows = len(self.state.parts), self.state.tally.rows
        return (
            f"{parts:,} finished part{'' if parts == 1 else 's'} ({rows:,} rows) kept in "
            f"{self._files.folder}: give the same command with --resume to go on"
        )

    def _access(self, final: Path) -> Access:
        """Return what the file may allow that gets the final name, perhaps of an earlier one."""
        return self._most if is_remote(final) else self._most & access_of([final])


def work_folder(destination: Path, parent: Path | None = None) -> Path:
    """Return where the parts of an unfinished job lie.

    That is in ``parent`` or, without one, beside the destination, in the current folder where the
    destination is a URL.
    """
    if parent is None:
        parent = Path() if is_remote(destination) else destination.parent
    return parent / f"{destination.name}.parts"


def check_start(destination: Path, folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Raise InputError where something is there that these options do not allow to touch.

    ``folder`` is the work folder.
    """
    if not _is_begun(folder):
        check_new(destination, resume=resume, overwrite=overwrite)
    elif not (resume or overwrite):
        raise InputError(
            f"{folder}: holds the unfinished work of an earlier run; go on with it with --resume, "
            f"or {ANEW}"
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
    """Give the work of a new job or, to resume, of the unfinished one with the same settings.

    On an error the finished parts stay, and the error gets a note on how to go on; a folder
    without any is removed. The folder is for its owner only, and what is published from it allows
    at most ``access``. Raises InputError where the folder is not as it must be, OSError where it
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
    """Work in a folder that a later run can go on with."""

    def save(self) -> None:
        """Write the state."""

    def sweep(self) -> None:
        """Remove what belongs to nothing that is finished."""

    def kept(self) -> str:
        """Return one line on what is kept and how to go on."""

    def remove(self) -> None:
        """Remove the folder."""


@contextmanager
def kept_on_error(work: Resumable, holds: Callable[[], bool]) -> Iterator[None]:
    """Begin work; on an error note what is kept, or remove the folder if it ``holds`` nothing."""
    try:
        work.save()  # before the sweep, so that no state tells of what is gone
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
    """Raise NothingToResume or InputError where there is no work and the result is there."""
    if resume and not overwrite and destination.exists():
        raise NothingToResume(
            f"{destination}: is there already and no unfinished work beside it, so nothing is "
            f"left to resume; {again} with --overwrite"
        )
    check_free(destination, overwrite=overwrite)


def _resumed(
    destination: Path, folder: Path, settings: Settings, overwrite: bool, access: Access
) -> Work | None:
    """Return the unfinished work, None where there is none."""
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
    """Tell whether the folder holds more than a kill leaves before a job begins or after it."""
    return (folder / "state.json").exists() or any(folder.glob("part-*"))


def move(joined: Path, final: Path) -> None:
    """Give a finished file its final name, unless it has it; raise OSError, InputError."""
    if joined.exists():
        _place(joined, final)
    elif not final.exists():
        raise InputError(f"{joined}: missing; put it back, or {ANEW}")


def _place(joined: Path, final: Path) -> None:
    """Give a file its final name, where it appears whole or not at all; raise OSError."""
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
