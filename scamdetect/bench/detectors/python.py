"""Score with a function of the user's own, named as ``module:function``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from scamdetect.bench.answers import Detector, Setting
from scamdetect.errors import InputError
from scamdetect.system.files import file_sha256


def load(target: str, setting: Setting) -> Detector:
    """Return the callable ``module:function``: texts to scam probabilities (n,) or Answers.

    The module is looked for where Python looks and in the current folder; a class is made without
    arguments. Its identity holds the sha256 of that module's file and of the one that the callable
    comes from, not of what these import. Raises InputError naming what is missing.
    """
    del setting  # a function of one's own has its own
    module_name, _, name = target.partition(":")
    if not module_name or not name:
        raise InputError(
            f"{target!r} names no function; write python:module:function, as python:my.rules:score"
        )
    module = _imported(module_name)
    found = _attribute(module, name)
    if isinstance(found, type):
        try:
            found = found()
        except TypeError as problem:
            raise InputError(
                f"{module_name}:{name} is a class that cannot be made without arguments "
                f"({problem}); name a function, or an object of it"
            ) from problem
    if not callable(found):
        raise InputError(
            f"{module_name}:{name} is no function of texts but {type(found).__name__}; "
            "name a function, or a class with __call__"
        )
    modules = [module, sys.modules.get(getattr(found, "__module__", None) or "")]
    identity = " ".join([f"{module_name}:{name}", *_sha256s(modules)])
    return Detector(name=name, identity=identity, score=found)


def _sha256s(modules: Iterable[ModuleType | None]) -> list[str]:
    """Return the sha256 of each file of the modules once; some have none."""
    files = dict.fromkeys(getattr(module, "__file__", None) for module in modules)
    return [file_sha256(Path(file)) for file in files if file and Path(file).is_file()]


def _imported(name: str) -> ModuleType:
    here = os.getcwd()
    # A command, other than `python -m`, does not look there; what is installed comes first.
    if here not in sys.path:
        sys.path.append(here)
    try:
        return import_module(name)
    except ModuleNotFoundError as problem:
        missing = problem.name or name
        if name == missing or name.startswith(f"{missing}."):
            raise InputError(
                f"there is no module {missing!r}, neither installed nor in {here}; run from the "
                "folder that holds it or put that into PYTHONPATH"
            ) from problem
        raise InputError(
            f"the module {name!r} needs {missing!r}, which is not installed"
        ) from problem


def _attribute(module: ModuleType, name: str) -> Any:  # noqa: ANN401
    try:
        return getattr(module, name)
    except AttributeError as problem:
        callables = sorted(
            key for key, value in vars(module).items() if callable(value) and key[0] != "_"
        )
        raise InputError(
            f"the module {module.__name__!r} ({getattr(module, '__file__', 'built in')}) has no "
            f"{name!r}; "
            f"it has: {', '.join(callables) or 'no function'}"
        ) from problem
