"""The plots of a benchmark run, as SVG bytes, drawn from the figures alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from scamdetect.bench.figures.cells import (
    FEWEST,
)
from scamdetect.bench.figures.target import (
    FPRS,
    MAIN,
)
from scamdetect.bench.report.change_plots import changes_plot, gap_plot
from scamdetect.bench.report.leaderboard import changed_suites, plain_suites
from scamdetect.bench.report.plot_style import (
    GREY,
    STYLE,
    WIDTH,
    in_percent,
    panels,
    pyplot,
    short,
    style,
    svg,
    with_legend,
)
from scamdetect.bench.report.suite_tables import of_suite
from scamdetect.calibration.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scamdetect.bench.figures.results import Results

FEWEST_LANGUAGES = 5  # of a suite, for a heat map
_SECONDS, _COST = "seconds per 1,000 messages", "cost of 1,000 messages"


def draw_plots(results: Results) -> dict[str, bytes]:
    """Return the plots by name; one whose figures are missing is left out."""
    suites = plain_suites(results)
    drawn: dict[str, Callable[[Results], Figure | None]] = {
        "headline": partial(_headline, suites=suites),
        "time": partial(_spent, suites=suites, measure="seconds_per_1000", label=_SECONDS),
        "cost": partial(_spent, suites=suites, measure="cost_per_1000", label=_COST),
        "reliability": partial(_reliability, suites=suites),
        "gap": gap_plot,
        **{f"languages-{suite}": partial(_languages, suite=suite) for suite in suites},
        **{f"changes-{one}": partial(changes_plot, suite=one) for one in changed_suites(results)},
    }
    found = {}
    with pyplot.rc_context(STYLE):
        for name, draw in drawn.items():
            figure = draw(results)
            if figure is not None:
                found[name] = svg(figure)
    return found


def _headline(results: Results, suites: Sequence[str]) -> Figure | None:
    found = {
        (one.suite, one.detector): (one.headline.fpr, one.headline.recall)
        for one in results.figures
        if one.headline and one.headline.recall and one.headline.fpr and one.suite in suites
    }
    lowest = 0.05  # %, for the log axis has no place for 0

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
    return with_legend(results, panels(shown, 2.7, draw), (detector for _, detector in found))


def _spent(results: Results, suites: Sequence[str], measure: str, label: str) -> Figure | None:
    found: dict[tuple[str, str], tuple[float, Estimate]] = {}
    for one in results.figures:
        spent = getattr(one, measure)
        # Of nothing spent there is no place on a log axis.
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
    return with_legend(results, panels(shown, 2.5, draw), (detector for _, detector in found))


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
    return with_legend(results, panels(shown, 2.8, draw), (one.detector for one in found))
