"""A drift as files: one HTML page that loads nothing, and the same as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import date
from importlib.resources import files
from pathlib import Path

from scamdetect import __version__
from scamdetect.adapt.drift import Drift
from scamdetect.adapt.drift_lines import drift_record, feature_words, percent
from scamdetect.adapt.shifts import ALERT, ALERT_RATIO, WATCH, WATCH_RATIO
from scamdetect.errors import MissingExtraError
from scamdetect.system.destinations import file_destination, followed
from scamdetect.system.files import ANYONE, Access, writing
from scamdetect.system.os_errors import unwritable

try:
    from jinja2 import Environment, StrictUndefined
except ImportError as error:
    raise MissingExtraError("jinja2", "report") from error

RECORD, PAGE = "drift.json", "drift.html"


def check_drift(folder: Path, inputs: Iterable[Path], *, overwrite: bool = False) -> None:
    """Raise InputError if ``write_drift`` would write an input, or replace files unasked."""
    if os.path.lexists(folder):
        for name in (RECORD, PAGE):
            file_destination(folder / name, overwrite=overwrite, inputs=inputs)


def write_drift(drift: Drift, folder: Path, access: Access = ANYONE) -> Path:
    """Write ``drift.json`` and ``drift.html`` into the folder, made if need be; return the page.

    Files of these names are replaced; they allow at most ``access``. Raises OutputError where
    writing fails.
    """
    record = json.dumps(drift_record(drift), indent=1, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in ((RECORD, record), (PAGE, render(drift))):
            with writing(followed(folder / name), access) as file:
                file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as problem:
        raise unwritable(folder, problem, elsewhere="choose another folder") from problem
    return folder / PAGE


def render(drift: Drift) -> str:
    """Return the page, every text escaped."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": percent, "words": feature_words}
    source = files("scamdetect.adapt").joinpath("page.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        drift=drift,
        made=date.today().isoformat(),
        version=__version__,
        psi_rule=(WATCH, ALERT),
        ratio_rule=(WATCH_RATIO, ALERT_RATIO),
    )
