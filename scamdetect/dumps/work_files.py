"""The names of the files in a work folder, and what of a folder no job has made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scamdetect.dumps.formats import Format
from scamdetect.dumps.state import State
from scamdetect.dumps.writers import part_extension
from scamdetect.errors import InputError
from scamdetect.system.destinations import private_folder

_OURS = re.compile(
    r"((part-\d{6,}|joined)(\.rejected|\.groups|\.campaigns|\.threads)?\.[a-z]+"
    r"|threads-\d{6,}(\.judged)?\.arrow|state\.json)((\.[0-9a-f]{8})?\.part)?|lock"
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

    def campaigns(self, number: int) -> Path:
        """Return the campaigns of a part."""
        return self.folder / f"part-{number:06}.campaigns.json"

    def groups(self, number: int) -> Path:
        """Return the groups of a part."""
        return self.folder / f"part-{number:06}.groups.arrow"

    def threads(self, number: int) -> Path:
        """Return the messages of a part that are in threads."""
        return self.folder / f"part-{number:06}.threads.arrow"

    def bucket(self, number: int) -> Path:
        """Return the messages of a bucket of whole threads, until they are judged."""
        return self.folder / f"threads-{number:06}.arrow"

    def judged(self, number: int) -> Path:
        """Return the judged threads of a bucket."""
        return self.folder / f"threads-{number:06}.judged.arrow"

    @property
    def joined(self) -> Path:
        """Return what becomes the destination."""
        return self.folder / f"joined.{self.kind.value}"

    @property
    def joined_rejects(self) -> Path:
        """Return all rejected records."""
        return self.folder / "joined.rejected.jsonl"

    @property
    def joined_groups(self) -> Path:
        """Return all groups."""
        return self.folder / f"joined.groups.{self.kind.value}"

    @property
    def joined_threads(self) -> Path:
        """Return all judged threads."""
        return self.folder / f"joined.threads.{self.kind.value}"

    def kept(self, state: State) -> Iterator[Path]:
        """Yield what belongs to what the state tells of, and perhaps is not there."""
        yield from (self.state, self.folder / "lock")
        of_part = (self.content, self.rejects, self.campaigns, self.groups, self.threads)
        for number in range(len(state.parts)):
            yield from (path(number) for path in of_part)
        yield from map(self.judged, range(len(state.buckets)))
        if state.joined:
            yield from (self.joined, self.joined_rejects, self.joined_groups, self.joined_threads)


def make_folder(folder: Path) -> None:
    """Make the folder or take over that of an earlier job.

    Raises InputError where it holds what no job has made, and as ``private_folder`` does.
    """
    private_folder(folder, "choose another folder with --work-folder", _check_files)


def _check_files(folder: Path) -> None:
    foreign = sorted(p.name for p in folder.glob("*") if not _OURS.fullmatch(p.name))
    if foreign:
        raise InputError(
            f"{folder}: holds {foreign[0]!r}, which is no part of a job; move it away or choose "
            "another destination"
        )
