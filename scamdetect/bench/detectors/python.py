"""Score with a user's own function, named as ``module:function``."""

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

    The module is searched on Python's path and in the current folder; a class is created without
    arguments. Its identity is the sha256 of that module's file and of the one that defines the
    callable, not of their imports. Raises InputError with what is missing.
    """
    del setting  # a user's own function has its own
    module_name, _, name = target.partition(":")
    if not module_name or not name:
        raise InputError(
            f"{target!r} contains no function; write python:module:function, such as "
            "python:my.rules:score"
        )
    module = _imported(module_name)
    found = _attribute(module, name)
    if isinstance(found, type):
        try:
            found = found()
        except TypeError as problem:
            raise InputError(
                f"{module_name}:{name} is a class that cannot be created without arguments "
                f"({problem}); pass a function, or an instance of it"
            ) from problem
    if not callable(found):
        raise InputError(
            f"{module_name}:{name} is not a function of texts but {type(found).__name__}; pass "
            "a function, or a class with __call__"
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
    # A command, unlike `python -m`, does not search there; installed modules come first.
    if here not in sys.path:
        sys.path.append(here)
    try:
        return import_module(name)
    except ModuleNotFoundError as problem:
        missing = problem.name or name
        if name == missing or name.startswith(f"{missing}."):
            raise InputError(
                f"module {missing!r} not found, neither installed nor in {here}; run from the "
                "folder that contains it or add that to PYTHONPATH"
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
            f"{name!r}; it has: {', '.join(callables) or 'no function'}"
        ) from problem
