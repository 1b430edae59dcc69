"""How the plots of reports are made: one check for matplotlib, panels, legends, PNG and SVG."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scamdetect.calibration.statistics import Estimate
from scamdetect.errors import MissingExtraError

try:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as pyplot  # plots take these from here: behind this check
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure
    from matplotlib.lines import Line2D as Line2D
except ImportError as error:
    raise MissingExtraError("matplotlib", "report") from error


def png(figure: Figure) -> bytes:
    """Return the figure as PNG that is the same on each run, and close it."""
    return _image(figure, "png", {"Software": None})


def svg(figure: Figure) -> bytes:
    """Return the figure as SVG without a date, and close it."""
    return _image(figure, "svg", {"Date": None, "Creator": None})


def _image(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, metadata=metadata)
    pyplot.close(figure)
    return stream.getvalue()


def drawn(
    plots: Mapping[str, Callable[[], Figure | None]], image: Callable[[Figure], bytes]
) -> dict[str, bytes]:
    """Return the images by name; a plot without figures, None, is left out."""
    figures = ((name, draw()) for name, draw in plots.items())
    return {name: image(figure) for name, figure in figures if figure is not None}


def panels(
    names: Sequence[str],
    draw: Callable[[str, Axes], None],
    size: tuple[float, float],
    columns: int,
    *,
    more: float = 0.0,
    sharey: bool = False,
) -> Figure | None:
    """Return a figure with one panel a name, drawn by ``draw``; None without a name.

    ``size`` is of a panel in inches, and the whole is ``more`` inches higher.
    """
    if not names:
        return None
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    figure: Figure
    figure, grid = pyplot.subplots(
        rows,
        columns,
        figsize=(size[0] * columns, size[1] * rows + more),
        squeeze=False,
        sharey=sharey,
    )
    for axes in grid.ravel()[len(names) :]:
        axes.axis("off")
    for name, axes in zip(names, grid.ravel(), strict=False):
        draw(name, axes)
        axes.set_title(name)
    return figure


def in_percent(figure: Estimate) -> tuple[float, float, float]:
    """Return the figure and the ends of its interval in percent."""
    return 100 * figure.value, 100 * figure.low, 100 * figure.high
