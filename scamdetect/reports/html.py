"""A report as one HTML page: every text is escaped, and nothing is loaded or run."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from scamdetect import __version__
from scamdetect.errors import MissingExtraError
from scamdetect.reports.cells import count, listed, share_of, spaced_share
from scamdetect.system.files import ANYONE, writing

try:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
except ImportError as error:
    raise MissingExtraError("jinja2", "report") from error

_TEMPLATES = files("scamdetect.reports")
_FILTERS = {"count": count, "listed": listed, "share": share_of, "percent": spaced_share}
_NOTHING = {"-", "seen", "too few", "not finished", "no threshold", "not known"}


class Plot(NamedTuple):
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
    """Return the page of a template of this package; ``finalize`` changes each shown text."""
    # Autoescape: messages and names come from strangers and may contain tags.
    environment = Environment(
        loader=FunctionLoader(lambda name: _TEMPLATES.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
    environment.filters |= {**_FILTERS, "halves": halves, **filters}
    environment.tests["nothing"] = _NOTHING.__contains__
    known = {"made": date.today().isoformat(), "version": __version__}
    return environment.get_template(template).render(known | given)


def write_page(text: str, path: Path, access: int = ANYONE) -> None:
    """Write a page completely or not at all; raise OSError if that fails."""
    with writing(path, access) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def halves(cell: str) -> tuple[str, str]:
    """Split a cell into its figure and the rest, the interval and n; others have no rest."""
    figure, bracket, rest = cell.partition(" [")
    return (figure, bracket.strip() + rest) if figure[-1:] in "%0123456789" else (cell, "")
