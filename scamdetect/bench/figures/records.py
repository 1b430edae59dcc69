"""Figures that are kept beside a run as a list of JSON objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scamdetect.errors import InputError
from scamdetect.system.files import read_text, write_text
from scamdetect.system.os_errors import unreadable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


def write_records(path: Path, records: Iterable[DataclassInstance]) -> None:
    """Write the dataclasses, all or nothing."""
    text = json.dumps([asdict(one) for one in records], indent=1, allow_nan=False)
    write_text(path, text + "\n")


def read_records(path: Path, made_of: Callable[[dict[str, Any]], T]) -> list[T]:
    """Return what ``made_of`` makes of each object, nothing without the file.

    Raises InputError where the file is damaged.
    """
    try:
        return [made_of(record) for record in json.loads(read_text(path))]
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise unreadable(path, problem) from problem
    except (ValueError, TypeError, KeyError) as problem:
        raise InputError(
            f"{path}: cannot be read ({type(problem).__name__}); remove it and run again"
        ) from problem
