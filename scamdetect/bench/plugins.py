"""Suites and detectors by name: each is an entry point, so that any package can add its own."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from scamdetect.errors import InputError

SUITES = "scamdetect.bench.suites"
DETECTORS = "scamdetect.bench.detectors"


def names(group: str) -> tuple[str, ...]:
    """Return what is registered in the group."""
    return tuple(sorted(entry_points(group=group).names))


def load(group: str, name: str) -> Callable[..., Any]:
    """Return the function that is registered under the name.

    Raises InputError, naming what there is, where nothing or more than one thing has the name.
    """
    found = tuple(entry_points(group=group, name=name))
    if not found:
        raise InputError(f"nothing is named {name!r} here; known: {', '.join(names(group))}")
    if len({one.value for one in found}) > 1:
        places = ", ".join(sorted(one.value for one in found))
        raise InputError(f"{name!r} is registered twice ({places}); uninstall one of the packages")
    function: Callable[..., Any] = found[0].load()
    return function
