"""The progress of an unfinished job, as the file ``state.json`` of its work folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from scamdetect.dumps.tally import Tally
from scamdetect.errors import InputError
from scamdetect.system.files import OWNER, file_sha256, read_bytes, writing
from scamdetect.system.os_errors import unreadable
from scamdetect.system.shown import shown_names

SCHEMA_VERSION = 3
ANEW = "start again with --overwrite"

T = TypeVar("T")
Settings = dict[str, Any]  # plain JSON types by name

_SOURCE = (
    "source_files", "source_bytes", "source_modified_ns", "source_version", "source_sha256",
)  # fmt: skip
_SHOWN_NAMES = 6


@dataclass(frozen=True)
class Stored:
    """The size in bytes and the sha256 of a finished file."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Part:
    """A finished part: its counts, its file, and the file of rejected records, if any."""

    tally: Tally
    content: Stored
    rejects: Stored | None


@dataclass(frozen=True)
class State:
    """The settings that identify the job, its finished parts, and whether they are joined.

    ``overwrite`` is True if the first run was allowed to replace an existing destination.
    """

    settings: Settings
    overwrite: bool
    parts: tuple[Part, ...] = ()
    joined: bool = False

    @property
    def tally(self) -> Tally:
        """Return the sum over the finished parts."""
        return sum((part.tally for part in self.parts), Tally())


def save(path: Path, state: State) -> None:
    """Write the state completely or not at all, for its owner only; raise OSError."""
    value = {
        "schema_version": SCHEMA_VERSION,
        "settings": state.settings,
        "overwrite": state.overwrite,
        "joined": state.joined,
        "parts": [_part_to_dict(part) for part in state.parts],
    }
    text = json.dumps(value)  # in ASCII, because names can be invalid UTF-8; indenting is slow
    with writing(path, OWNER) as file:
        file.write(text.encode("ascii"))


def load(path: Path) -> State:
    """Load the state; raise InputError if the file is missing, damaged or of another version."""
    return read_state(path, SCHEMA_VERSION, _state)


def read_state(
    path: Path, schema_version: int, made: Callable[[dict[str, Any]], T], cure: str = ANEW
) -> T:
    """Load a JSON object with ``made``; ``cure`` is the fix if that fails.

    Raises InputError if the file is missing, damaged or of another schema version.
    """
    try:
        value = json.loads(read_bytes(path))
        version = value["schema_version"]
        if version == schema_version:
            return made(value)
    except InputError:
        raise
    except OSError as problem:
        raise unreadable(path, problem, cure=cure) from problem
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise InputError(f"{path}: damaged ({type(problem).__name__}); {cure}") from problem
    raise InputError(
        f"{path}: has schema {version!r}, but this scamdetect reads {schema_version}; resume "
        f"with the version that started the job, or {cure}"
    )


def _state(value: dict[str, Any]) -> State:
    return State(
        settings=dict(value["settings"]),
        overwrite=bool(value["overwrite"]),
        parts=tuple(map(_part_from_dict, value["parts"])),
        joined=bool(value["joined"]),
    )


def check_same(path: Path, then: Settings, now: Settings) -> None:
    """Raise InputError with each setting that differs and both values.

    ``path`` is the file with the earlier ones.
    """
    differing = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    if not differing:
        return
    changed = [name for name in differing if name in _SOURCE]
    # New files are read from the start: the settings do not describe them.
    if changed and set(differing) - {"files_read_as"} <= set(changed):
        raise InputError(
            f"{now['source']}: changed since the job started ({_list(changed, then, now)}); {ANEW}"
        )
    raise InputError(
        f"{path}: the job was started with other settings ({_list(differing, then, now)}); use "
        f"the same ones, or {ANEW}"
    )


def stored(path: Path) -> Stored:
    """Return size and hash of a finished file; raise OSError."""
    return Stored(path.stat().st_size, file_sha256(path))


def check_stored(path: Path, expected: Stored) -> None:
    """Raise InputError if a finished file is missing or has changed."""
    try:
        size = path.stat().st_size
        if size != expected.size:
            raise InputError(f"{path}: damaged ({size} bytes instead of {expected.size}); {ANEW}")
        if file_sha256(path) != expected.sha256:
            raise InputError(f"{path}: damaged (the content has changed); {ANEW}")
    except FileNotFoundError as problem:
        raise InputError(f"{path}: missing; put it back, or {ANEW}") from problem
    except OSError as problem:
        raise unreadable(path, problem, cure=ANEW) from problem


def _part_to_dict(part: Part) -> dict[str, Any]:
    return {
        "rows": part.tally.rows,
        "content": vars(part.content),
        "rejects": part.rejects and vars(part.rejects),
        "tally": vars(part.tally),
    }


def _part_from_dict(value: Mapping[str, Any]) -> Part:
    part = Part(
        tally=Tally.from_dict(value["tally"]),
        content=_stored_from_dict(value["content"]),
        rejects=_stored_from_dict(value["rejects"]) if value["rejects"] else None,
    )
    if part.tally.rows != value["rows"]:
        raise ValueError("the rows are not the sum of the decisions")
    return part


def _stored_from_dict(value: Mapping[str, Any]) -> Stored:
    return Stored(int(value["size"]), str(value["sha256"]))


def _list(names: list[str], then: Settings, now: Settings) -> str:
    return ", ".join(
        f"{name} was {_show(then.get(name))}, is {_show(now.get(name))}" for name in names
    )


def _show(value: object) -> str:
    if isinstance(value, list):
        names = shown_names([str(item) for item in value], first_line=True)[:_SHOWN_NAMES]
        return f"({', '.join(names)}{', ...' if len(value) > _SHOWN_NAMES else ''})"
    return repr(value)
