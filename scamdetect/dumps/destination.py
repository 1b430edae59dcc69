"""The files that a job writes: checked before it starts, and published when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scamdetect.dumps.formats import (
    JOB_SUFFIX,
    REJECTS_SUFFIX,
    Format,
    default_destination,
    destination_format,
    job_path,
    rejects_path,
)
from scamdetect.dumps.parts import RESTART, is_begun
from scamdetect.dumps.source import Source
from scamdetect.errors import InputError, NothingToResume
from scamdetect.system.destinations import check_no_input, check_parent, followed
from scamdetect.system.files import access_of

if TYPE_CHECKING:
    from scamdetect.dumps.remote import RemoteFile
    from scamdetect.dumps.score import ScoreOptions


@dataclass(frozen=True)
class Destination:
    """Where a job writes: ``target``, from which ``remote`` is uploaded, and the work ``folder``.

    Once ``may_replace`` exists, a resumed job may replace an existing target.
    """

    target: Path
    remote: RemoteFile | None
    kind: Format
    folder: Path
    inputs: tuple[Path, ...]

    def __str__(self) -> str:
        return str(self.remote or self.target)

    @property
    def may_replace(self) -> Path:
        """Return the path of a mark in the work folder."""
        return self.folder / "may-replace"

    @property
    def rejects(self) -> Path:
        """Return the path of the records that cannot be read."""
        return rejects_path(self.target)

    @property
    def job(self) -> Path:
        """Return the path of the job record."""
        return job_path(self.target)

    @property
    def access(self) -> int:
        """Return the strictest permissions of the source and of what is replaced."""
        replaced = (self.target, self.rejects, self.job)
        return access_of([*self.inputs, *(path for path in replaced if path.exists())])

    def upload(self) -> Path | RemoteFile:
        """Upload all files, the target last; return where the rejects are."""
        if self.remote is None:
            return self.rejects
        pairs = ((self.rejects, REJECTS_SUFFIX), (self.job, JOB_SUFFIX), (self.target, ""))
        for path, suffix in pairs:
            if path.exists():
                self.remote.sibling(suffix).upload(path)
        return self.remote.sibling(REJECTS_SUFFIX)


def find_destination(
    target: Path | RemoteFile | None, source: Source, kind: Format, options: ScoreOptions
) -> Destination:
    """Return the destination, by default next to the source; raise InputError, NothingToResume."""
    target = target or _default(source, kind)
    local = followed(target) if isinstance(target, Path) else Path(target.name)
    folder = Path(options.work_folder or local.parent) / f"{target.name}.parts"
    remote = None if isinstance(target, Path) else target
    destination = Destination(
        target=local if remote is None else folder / f"joined.{target.name}",
        remote=remote,
        kind=destination_format(target.name),
        folder=folder,
        inputs=tuple(file.path for file in source.files if isinstance(file.path, Path)),
    )
    if options.spreadsheet_safe and destination.kind not in (Format.CSV, Format.TSV):
        raise InputError(f"{target}: only CSV and TSV can be made safe for spreadsheets")
    check_parent(folder, "--work-folder")
    if remote is None:
        _check_local(destination, options)
    elif str(remote) in [str(file.path) for file in source.files]:
        raise InputError(f"{target}: the source would be overwritten; choose another name")
    _check_start(destination, target.exists(), options)
    return destination


def _default(source: Source, kind: Format) -> Path:
    root = source.root if isinstance(source.root, Path) else Path(source.root.name)
    if not source.is_many:
        return default_destination(root, kind)
    root = root if root.name not in ("", "..") else root.resolve()
    return root.with_name(f"{root.name}.scored.parquet")


def _check_local(destination: Destination, options: ScoreOptions) -> None:
    check_parent(destination.target)
    for path in (destination.target, destination.rejects, destination.job):
        check_no_input(path, destination.inputs, "the source")
        check_no_input(path, map(Path, options.inputs))
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: exists and is not a file; choose another name")


def _check_start(destination: Destination, exists: bool, options: ScoreOptions) -> None:
    begun = is_begun(destination.folder)
    if begun and not (options.resume or options.overwrite):
        raise InputError(
            f"{destination.folder}: contains the unfinished work of an earlier run; continue it "
            f"with --resume, or {RESTART}"
        )
    allowed = options.overwrite or (options.resume and destination.may_replace.exists())
    if exists and not allowed:
        if options.resume and not begun:
            raise NothingToResume(
                f"{destination}: already exists without unfinished work, so there is nothing to "
                "resume; score again with --overwrite"
            )
        raise InputError(f"{destination}: already exists; remove it or pass --overwrite")
