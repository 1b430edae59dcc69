"""Draw the plots of a benchmark run from its figures, as SVG bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from scamdetect.bench.figures.changes import ALL
from scamdetect.bench.figures.target import (
    FEWEST,
    FPRS,
    MAIN,
)
from scamdetect.bench.report.leaderboard import changed_suites, plain_suites
from scamdetect.bench.report.suite_tables import of_suite
from scamdetect.calibration.statistics import Estimate
from scamdetect.evaluate.evasion import KEPT, STRENGTHS
from scamdetect.evaluate.figures import (
    Axes,
    Figure,
    Line2D,
    drawn,
    in_percent,
    panels,
    pyplot,
    svg,
)

if TYPE_CHECKING:
    from scamdetect.bench.figures.results import Results

# Okabe and Ito's palette without its yellow. Detectors differ by marker too; one marker more than
# colours, so that the first 56 detectors have different pairs.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_MARKERS = "osD^vPX*"
_LINES = ("-", "--", ":")
WIDTH = 6.6  # narrow, with large letters: readable on a telephone
GREY = "#767676"
_LONGEST_NAME = 24
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "text.parse_math": False,  # names may contain dollar signs
    "svg.hashsalt": "scamdetect",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.hspace": 0.06,
}


def style(results: Results, detector: str) -> dict[str, Any]:
    """Return the colour, marker and line of a detector, the same in every plot."""
    place = [one.name for one in results.run.detectors].index(detector)
    colours = len(COLOURS)
    return {
        "color": COLOURS[place % colours],
        "marker": _MARKERS[place % len(_MARKERS)],
        "ls": _LINES[place // colours % len(_LINES)],
    }


def short(name: str) -> str:
    """Return a name for plots; a long one is cut in the middle, because versions are at the end."""
    half = _LONGEST_NAME // 2
    shown = name if len(name) <= _LONGEST_NAME else f"{name[: half - 1]}…{name[-half:]}"
    # matplotlib leaves labels with a leading underscore out of legends.
    return f" {shown}" if shown.startswith("_") else shown


def with_legend(results: Results, figure: Figure | None, detectors: Iterable[str]) -> Figure | None:
    """Return the figure with a legend of the detectors below it."""
    if figure is None:
        return None
    names = list(dict.fromkeys(detectors))
    handles = [Line2D([], [], ms=6, **style(results, name)) for name in names]
    figure.legend(
        handles, [short(name) for name in names], loc="outside lower center",
        ncols=min(2 if any(len(name) > 12 for name in names) else 3, len(names)), frameon=False,
    )  # fmt: skip
    return figure


def _panels(
    names: Sequence[str], height: float, draw: Callable[[str, Axes], None], sharey: bool = False
) -> Figure | None:
    """Return a figure with one panel for each name, two in a row."""
    width = WIDTH / min(2, len(names)) if names else WIDTH
    return panels(names, draw, (width, height), columns=2, more=0.5, sharey=sharey)


def changes_plot(results: Results, suite: str) -> Figure | None:
    """Return the recall kept after changes of words, by strength if there are several."""
    kept = {
        (one.detector, at.change, at.strength): at.kept
        for one in results.changed
        if one.suite == suite
        for at in one.figures
        if at.kept is not None
    }
    changes = sorted({change for _, change, _ in kept}, key=lambda name: (name != ALL, name))
    detectors = list(dict.fromkeys(detector for detector, _, _ in kept))
    found = {strength for _, _, strength in kept}
    strengths = [*filter(found.__contains__, STRENGTHS), *sorted(found - STRENGTHS.keys())]
    if not kept:
        return None
    if len(strengths) == 1:
        figure = _at_once(results, kept, detectors, changes, strengths[0])
        return with_legend(results, figure, detectors)
    values_of_all = [100 * figure.value for figure in kept.values()]
    lowest, highest = min(values_of_all), max(values_of_all)

    def draw(change: str, axes: Axes) -> None:
        if change == ALL:
            targets = [100 * KEPT.get(strength, np.nan) for strength in strengths]
            axes.plot(range(len(strengths)), targets, "_", color=GREY, ms=24, mew=1.5)
        for detector in detectors:
            figures = [kept.get((detector, change, strength)) for strength in strengths]
            values = [100 * one.value if one else np.nan for one in figures]
            axes.plot(range(len(strengths)), values, ms=5, lw=1.2, **style(results, detector))
        axes.set_xticks(range(len(strengths)), strengths)
        axes.set_xlim(-0.3, len(strengths) - 0.7)
        axes.set_ylim(max(0, lowest - 5), max(100, highest) + 4)
        axes.set_ylabel("recall kept, %")

    return with_legend(results, _panels(changes, 2.2, draw, sharey=True), detectors)


def _at_once(
    results: Results,
    kept: dict[tuple[str, str, str], Estimate],
    detectors: Sequence[str],
    changes: Sequence[str],
    strength: str,
) -> Figure:
    """Return the figure of changes of one strength: a row for each change."""
    figure, axes = pyplot.subplots(figsize=(WIDTH, 1.2 + 0.55 * len(changes)))
    step = 0.7 / len(detectors)
    for row, change in enumerate(changes):
        for place, detector in enumerate(detectors):
            if (one := kept.get((detector, change, strength))) is not None:
                look = style(results, detector)
                value, low, high = in_percent(one)
                y = row + (place - (len(detectors) - 1) / 2) * step
                axes.plot([low, high], [y, y], color=look["color"], lw=1.5, alpha=0.6)
                axes.plot(value, y, ms=5, **look)
    axes.set_yticks(range(len(changes)), changes)
    axes.set_ylim(len(changes) - 0.5, -0.5)
    axes.set_xlabel("recall kept, %, with 95 % interval")
    return figure


FEWEST_LANGUAGES = 5  # of a suite, for a heat map
_SECONDS, _COST = "seconds per 1,000 messages", "cost of 1,000 messages"


def draw_plots(results: Results) -> dict[str, bytes]:
    """Return the plots by name; a plot without figures is left out."""
    suites = plain_suites(results)
    plots: dict[str, Callable[[Results], Figure | None]] = {
        "headline": partial(_headline, suites=suites),
        "time": partial(_spent, suites=suites, measure="seconds_per_1000", label=_SECONDS),
        "cost": partial(_spent, suites=suites, measure="cost_per_1000", label=_COST),
        "reliability": partial(_reliability, suites=suites),
        **{f"languages-{suite}": partial(_languages, suite=suite) for suite in suites},
        **{f"changes-{one}": partial(changes_plot, suite=one) for one in changed_suites(results)},
    }
    with pyplot.rc_context(STYLE):
        return drawn({name: partial(draw, results) for name, draw in plots.items()}, svg)


def _headline(results: Results, suites: Sequence[str]) -> Figure | None:
    found = {
        (one.suite, one.detector): (one.headline.fpr, one.headline.recall)
        for one in results.figures
        if one.headline and one.headline.recall and one.headline.fpr and one.suite in suites
    }
    lowest = 0.05  # %: a log axis cannot show 0

    def draw(suite: str, axes: Axes) -> None:
        for (of, detector), (fpr, recall) in found.items():
            if of == suite:
                look = style(results, detector)
                x, left, right = (max(part, lowest) for part in in_percent(fpr))
                y, low, high = in_percent(recall)
                axes.plot([left, right], [y, y], color=look["color"], lw=1.2, alpha=0.6)
                axes.plot([x, x], [low, high], color=look["color"], lw=1.2, alpha=0.6)
                axes.plot(x, y, ms=7, **look)
        axes.axvline(100 * FPRS[MAIN], color=GREY, lw=0.8, ls="--")
        axes.set_xscale("log")
        axes.set_xlim(lowest, 100)
        axes.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
        axes.set_ylim(0, 102)
        axes.set_xlabel("honest messages flagged, %")
        axes.set_ylabel("scams found, %")

    shown = [suite for suite in suites if any(of == suite for of, _ in found)]
    return with_legend(results, _panels(shown, 2.7, draw), (detector for _, detector in found))


def _spent(results: Results, suites: Sequence[str], measure: str, label: str) -> Figure | None:
    found: dict[tuple[str, str], tuple[float, Estimate]] = {}
    for one in results.figures:
        spent = getattr(one, measure)
        # A log axis cannot show 0.
        if one.suite in suites and one.headline and one.headline.recall and spent:
            found[one.suite, one.detector] = (spent, one.headline.recall)

    def draw(suite: str, axes: Axes) -> None:
        for (of, detector), (spent, recall) in found.items():
            if of == suite:
                look = style(results, detector)
                y, low, high = in_percent(recall)
                axes.plot([spent, spent], [low, high], color=look["color"], lw=1.2, alpha=0.6)
                axes.plot(spent, y, ms=7, **look)
        amounts = [spent for spent, _ in found.values()]
        axes.set_xscale("log")
        axes.set_xlim(min(amounts) / 3, max(amounts) * 3)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter("")
        axes.set_ylim(0, 102)
        axes.set_xlabel(label)
        axes.set_ylabel("scams found, %")

    if len({detector for _, detector in found}) < 2:
        return None  # one dot compares nothing
    shown = [suite for suite in suites if any(of == suite for of, _ in found)]
    return with_legend(results, _panels(shown, 2.5, draw), (detector for _, detector in found))


def _languages(results: Results, suite: str) -> Figure | None:
    figures = of_suite(results, suite)
    recalls = {
        (cell.name, one.detector): cell.recall
        for one in figures
        for cell in one.cells
        if cell.by == "language" and cell.recall is not None
    }
    names = sorted({name for name, _ in recalls})
    if len(names) < FEWEST_LANGUAGES:
        return None
    detectors = [one.detector for one in figures]
    table = np.full((len(names), len(detectors)), np.nan)
    for (name, detector), recall in recalls.items():
        if recall.n >= FEWEST:
            table[names.index(name), detectors.index(detector)] = 100 * recall.value
    figure, axes = pyplot.subplots(figsize=(WIDTH, 1.6 + 0.3 * len(names)))
    colours = pyplot.get_cmap("cividis").with_extremes(bad="#dddddd")
    axes.imshow(table, cmap=colours, vmin=0, vmax=100, aspect="auto")
    for (row, place), value in np.ndenumerate(table):
        text = "few" if np.isnan(value) else f"{value:.0f}"
        colour = "#555555" if np.isnan(value) else "white" if value < 55 else "black"
        axes.text(place, row, text, ha="center", va="center", color=colour)
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(detectors)), [short(name) for name in detectors])
    axes.tick_params(axis="x", rotation=25, top=False, labelbottom=True, length=0)
    for label in axes.get_xticklabels():
        label.set_horizontalalignment("right")
    axes.tick_params(axis="y", length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(f"scams found, %, {suite}")
    return figure


def _reliability(results: Results, suites: Sequence[str]) -> Figure | None:
    found = [one for one in results.figures if one.reliability and one.suite in suites]

    def draw(suite: str, axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":")
        for one in found:
            if one.suite == suite and one.reliability is not None:
                xs = [point.probability for point in one.reliability.points]
                ys = [point.scams for point in one.reliability.points]
                axes.plot(xs, ys, ms=4, lw=1.2, **style(results, one.detector))
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("mean scam probability")
        axes.set_ylabel("share of scams")

    shown = [suite for suite in suites if any(one.suite == suite for one in found)]
    return with_legend(results, _panels(shown, 2.8, draw), (one.detector for one in found))
