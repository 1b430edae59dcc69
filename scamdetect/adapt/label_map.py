"""What a team's labels are among ours."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from scamdetect.errors import InputError
from scamdetect.labels import VERDICTS, Verdict
from scamdetect.system.files import read_text
from scamdetect.system.os_errors import unreadable
from scamdetect.system.shown import shown

IGNORE = "ignore"
PLAIN: Mapping[str, Verdict | None] = {verdict.value: verdict for verdict in VERDICTS}
_ALLOWED = (*PLAIN, IGNORE)
_MOST_LISTED = 20


def read_label_map(path: Path) -> dict[str, Verdict | None]:
    """Return a TOML file with lines such as ``"fraud" = "scam"``; None is for ``"ignore"``.

    Raises InputError where it cannot be read or maps to anything else.
    """
    try:
        table = tomllib.loads(read_text(path))
    except OSError as problem:
        raise unreadable(path, problem) from problem
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise InputError(f"{path}: not readable as TOML ({problem})") from problem
    for name, value in table.items():
        if value not in _ALLOWED:
            raise InputError(
                f"{path}: {name!r} must be one of {', '.join(_ALLOWED)}; found {value!r}"
            )
    return {name: None if value == IGNORE else Verdict(value) for name, value in table.items()}


def check_known(labels: Counter[str], known: Mapping[str, Verdict | None], where: str) -> None:
    """Raise InputError, listing them with their rows, where labels are not in the map."""
    missing = [(name, count) for name, count in labels.most_common() if name not in known]
    if missing:
        listed = ", ".join(f"{shown(name)} ({count:,})" for name, count in missing[:_MOST_LISTED])
        more = f" and {len(missing) - _MOST_LISTED} others" if len(missing) > _MOST_LISTED else ""
        raise InputError(
            f"{where}: no word on the labels {listed}{more}; give --label-map with a line for "
            f'each, such as "{shown(missing[0][0])}" = "{Verdict.SCAM}", to one of '
            f"{', '.join(_ALLOWED)}"
        )
