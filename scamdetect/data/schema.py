"""Read a TOML file into typed, frozen structures and name what is wrong with it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from scamdetect.errors import MissingExtraError, ScamDetectError

try:
    import msgspec
except ImportError as error:
    raise MissingExtraError("msgspec", "train") from error

T = TypeVar("T")


def read_toml(path: Path, kind: type[T], error: type[ScamDetectError]) -> T:
    """Return the file as ``kind``.

    Raises ``error`` naming the file, the key and what was expected, when the file is missing, is no
    TOML, holds an unknown key or a value of the wrong type.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(table, kind)
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror})") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise error(f"{path}: not valid TOML ({problem})") from problem
    except msgspec.ValidationError as problem:
        raise error(f"{path}: {problem} ($ is the file)") from problem
