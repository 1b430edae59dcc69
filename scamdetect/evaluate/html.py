"""Tables and plots as one HTML page."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, NamedTuple

from scamdetect.reports import html

_NOTHING = ("-", "seen", "too few", "not finished", "no threshold", "not known")


class Plot(NamedTuple):
    """An image as a data URL, and its description."""

    data: str
    says: str


def plot(image: bytes, says: str) -> Plot:
    """Return the plot of a PNG or an SVG image."""
    kind = "png" if image.startswith(b"\x89PNG") else "svg+xml"
    return Plot(f"data:image/{kind};base64,{b64encode(image).decode()}", says)


def page(template: str, **given: Any) -> str:  # noqa: ANN401
    """Return the page of a template of this package."""
    filters = {"halves": halves, "nothing": _NOTHING.__contains__}
    return html.page(template, filters, package=__package__, **given)


def halves(cell: str) -> tuple[str, str]:
    """Split a cell into its figure and the rest, the interval and n; others have no rest."""
    figure, bracket, rest = cell.partition(" [")
    return (figure, bracket.strip() + rest) if figure[-1:] in "%0123456789" else (cell, "")
