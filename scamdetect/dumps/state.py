"""What an unfinished job has done so far, as the file ``state.json`` of its work folder."""

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
ANEW = "begin anew with --overwrite"

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
    """A finished part: what became of its records, its file, and that of rejected ones, if any."""

    tally: Tally
    content: Stored
    rejects: Stored | None


@dataclass(frozen=True)
class State:
    """The settings that identify the job, its finished parts, and whether they are joined.

    ``overwrite`` says that the first run was allowed to replace an existing destination.
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
    """Write the state whole or not at all, for its owner only; raise OSError."""
    value = {
        "schema_version": SCHEMA_VERSION,
        "settings": state.settings,
        "overwrite": state.overwrite,
        "joined": state.joined,
        "parts": [_part_to_dict(part) for part in state.parts],
    }
    text = json.dumps(value)  # in ASCII, since names may hold what UTF-8 lacks; indented it is slow
    with writing(path, OWNER) as file:
        file.write(text.encode("ascii"))


def load(path: Path) -> State:
    """Return the state; raise InputError where the file is missing, damaged or of another age."""
    return read_state(path, SCHEMA_VERSION, _state)


def read_state(
    path: Path, schema_version: int, made: Callable[[dict[str, Any]], T], cure: str = ANEW
) -> T:
    """Return what is ``made`` of the JSON object in a state file; ``cure`` is what helps if not.

    Raises InputError where the file is missing, damaged or of another schema version.
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
        f"{path}: of schema {version!r}, this scamdetect knows {schema_version}; go on with the "
        f"version that began, or {cure}"
    )


def _state(value: dict[str, Any]) -> State:
    return State(
        settings=dict(value["settings"]),
        overwrite=bool(value["overwrite"]),
        parts=tuple(map(_part_from_dict, value["parts"])),
        joined=bool(value["joined"]),
    )


def check_same(path: Path, then: Settings, now: Settings) -> None:
    """Raise InputError, naming each setting that differs with both values.

    ``path`` is the file that holds the earlier ones.
    """
    differing = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    if not differing:
        return
    changed = [name for name in differing if name in _SOURCE]
    # New files are read anew: how says nothing that they do not.
    if changed and set(differing) - {"files_read_as"} <= set(changed):
        raise InputError(
            f"{now['source']}: changed since the job began ({_list(changed, then, now)}); {ANEW}"
        )
    raise InputError(
        f"{path}: the job began with other settings ({_list(differing, then, now)}); give the "
        f"same, or {ANEW}"
    )


def stored(path: Path) -> Stored:
    """Return what to remember of a finished file; raise OSError."""
    return Stored(path.stat().st_size, file_sha256(path))


def check_stored(path: Path, expected: Stored) -> None:
    """Raise InputError where a finished file is missing or not as it was."""
    try:
        size = path.stat().st_size
        if size != expected.size:
            raise InputError(f"{path}: damaged ({size} bytes instead of {expected.size}); {ANEW}")
        if file_sha256(path) != expected.sha256:
            raise InputError(f"{path}: damaged (other content than was written); {ANEW}")
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
        f"{name} then {_show(then.get(name))}, now {_show(now.get(name))}" for name in names
    )


def _show(value: object) -> str:
    if isinstance(value, list):
        names = shown_names([str(item) for item in value], first_line=True)[:_SHOWN_NAMES]
        return f"({', '.join(names)}{', ...' if len(value) > _SHOWN_NAMES else ''})"
    return repr(value)
