"""A report as one HTML page: every text is escaped, and nothing is loaded or run."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from scamdetect.errors import MissingExtraError
from scamdetect.reports.cells import count
from scamdetect.system.files import ANYONE, Access, writing

try:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
except ImportError as error:
    raise MissingExtraError("jinja2", "report") from error

_NOTHING = {"-", "seen", "too few", "not finished", "no threshold", "not known"}


@dataclass(frozen=True, slots=True)
class Plot:
    """An image as a data URL, and its description."""

    data: str
    says: str


def plot(image: bytes, says: str) -> Plot:
    """Return the plot of a PNG or an SVG image."""
    kind = "png" if image.startswith(b"\x89PNG") else "svg+xml"
    return Plot(f"data:image/{kind};base64,{b64encode(image).decode()}", says)


def page(
    template: str,
    filters: Mapping[str, Callable[..., Any]] = {},
    finalize: Callable[[Any], Any] | None = None,
    **given: object,
) -> str:
    """Return the page of a template of this package, rendered with the given names.

    ``finalize`` changes each text before it is shown.
    """
    # Autoescape: messages and names come from strangers and may contain tags.
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
    environment.filters |= {"count": count, "halves": halves, **filters}
    environment.tests["nothing"] = _NOTHING.__contains__
    return environment.get_template(template).render(given)


def _source(template: str) -> str:
    return files("scamdetect.reports").joinpath(template).read_text(encoding="utf-8")


def write_page(text: str, path: Path, access: Access = ANYONE) -> None:
    """Write a page completely or not at all; raise OSError if that fails."""
    with writing(path, access) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def halves(cell: str) -> tuple[str, str]:
    """Split a cell into its figure and the rest, the interval and n; others have no rest."""
    figure, bracket, rest = cell.partition(" [")
    return (figure, bracket.strip() + rest) if figure[-1:] in "%0123456789" else (cell, "")
