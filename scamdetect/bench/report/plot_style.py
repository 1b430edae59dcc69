"""How the plots of a benchmark run look: colours, panels, legends, SVG."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from scamdetect.calibration.statistics import Estimate
from scamdetect.errors import MissingExtraError

try:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as pyplot  # the other plots take it from here: behind this check
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D as Line2D
except ImportError as error:
    raise MissingExtraError("matplotlib", "bench") from error

if TYPE_CHECKING:
    from scamdetect.bench.figures.results import Results

# Okabe and Ito's palette without its yellow, told apart by marker too; one marker more than
# colours, so that no pair comes twice among 56 detectors.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_MARKERS = "osD^vPX*"
_LINES = ("-", "--", ":")
WIDTH = 6.6  # narrow and with large letters: still read on a telephone
GREY = "#767676"
_LONGEST_NAME = 24
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "text.parse_math": False,  # names may hold dollar signs
    "svg.hashsalt": "scamdetect",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.hspace": 0.06,
}


def svg(figure: Figure) -> bytes:
    """Return the figure as SVG without a date, and close it."""
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    return stream.getvalue()


def style(results: Results, detector: str) -> dict[str, Any]:
    """Return how a detector is drawn, the same in every plot."""
    place = [one.name for one in results.run.detectors].index(detector)
    colours = len(COLOURS)
    return {
        "color": COLOURS[place % colours],
        "marker": _MARKERS[place % len(_MARKERS)],
        "ls": _LINES[place // colours % len(_LINES)],
    }


def short(name: str) -> str:
    """Return a name as plots show it, cut in the middle where it is long: versions end names."""
    half = _LONGEST_NAME // 2
    shown = name if len(name) <= _LONGEST_NAME else f"{name[: half - 1]}…{name[-half:]}"
    # matplotlib leaves labels with a leading underscore out of legends.
    return f" {shown}" if shown.startswith("_") else shown


def panels(
    names: Sequence[str], height: float, draw: Callable[[str, Axes], None], sharey: bool = False
) -> Figure | None:
    """Return a figure with one panel a name, two a row."""
    if not names:
        return None
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure: Figure
    figure, grid = pyplot.subplots(
        rows, columns, figsize=(WIDTH, height * rows + 0.5), squeeze=False, sharey=sharey
    )
    for axes in grid.ravel()[len(names) :]:
        axes.axis("off")
    for name, axes in zip(names, grid.ravel(), strict=False):
        draw(name, axes)
        axes.set_title(name)
    return figure


def with_legend(results: Results, figure: Figure | None, detectors: Iterable[str]) -> Figure | None:
    """Return the figure with the detectors named under it."""
    if figure is None:
        return None
    names = list(dict.fromkeys(detectors))
    handles = [Line2D([], [], ms=6, **style(results, name)) for name in names]
    figure.legend(
        handles, [short(name) for name in names], loc="outside lower center",
        ncols=min(2 if any(len(name) > 12 for name in names) else 3, len(names)), frameon=False,
    )  # fmt: skip
    return figure


def in_percent(figure: Estimate) -> tuple[float, float, float]:
    """Return the figure and the ends of its interval in percent."""
    return 100 * figure.value, 100 * figure.low, 100 * figure.high
