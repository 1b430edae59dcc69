"""The plots of what changes cost: other writers, other words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scamdetect.bench.figures.changes import ALL
from scamdetect.bench.figures.generator_gap import PUBLISHED
from scamdetect.bench.report.plot_style import (
    COLOURS,
    GREY,
    WIDTH,
    Line2D,
    in_percent,
    panels,
    pyplot,
    short,
    style,
    with_legend,
)
from scamdetect.calibration.statistics import Estimate
from scamdetect.evaluate.evasion import KEPT, STRENGTHS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scamdetect.bench.figures.results import Results

_LOOKS: dict[str, dict[str, Any]] = {
    "learnt from the writer": {"color": COLOURS[2], "marker": "s"},
    "never saw it": {"color": COLOURS[1], "marker": "o"},
    "threshold set anew": {"color": COLOURS[0], "marker": "D", "mfc": "none", "mew": 1.5},
}


def gap_plot(results: Results) -> Figure | None:
    """Return F1 with and without a writer in training, and the points lost beside the published."""
    gaps = [one for one in results.gaps if one.gap("f1") is not None]
    if not gaps:
        return None
    names = [f"{short(one.generator)}\n{short(one.learner)}" for one in gaps]
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(WIDTH, 1.8 + 0.6 * len(gaps)), sharey=True
    )
    for place, one in enumerate(gaps):
        sides = (one.with_it.f1, one.without_it.f1, one.without_it.f1_moved)
        for figure_of, look, shift in zip(sides, _LOOKS.values(), (-0.18, 0, 0.18), strict=True):
            if figure_of is not None:
                value, low, high = in_percent(figure_of)
                left.plot([low, high], [place + shift] * 2, color=look["color"], lw=1.5, alpha=0.6)
                left.plot(value, place + shift, ms=7, ls="", **look)
    lost = [(one.gap("f1"), one.gap("f1_moved")) for one in gaps]
    for place, pair in enumerate((*lost, PUBLISHED)):
        known = [value for value in pair if value is not None]
        right.plot(known, [place] * len(known), color=GREY, lw=1)
        for lost_of, look in zip(pair, list(_LOOKS.values())[1:], strict=True):
            if lost_of is not None:
                right.plot(lost_of, place, ms=7, ls="", **look)
    left.set_yticks(range(len(gaps) + 1), [*names, "published,\nelsewhere"])
    left.set_ylim(len(gaps) + 0.5, -0.5)
    left.set_xlabel("F1, %")
    right.axvline(0, color=GREY, lw=0.8, ls=":")
    right.set_xlabel("points of F1 lost")
    handles = [Line2D([], [], ms=7, ls="", **look) for look in _LOOKS.values()]
    figure.legend(handles, list(_LOOKS), loc="outside lower center", ncols=3, frameon=False)
    return figure


def changes_plot(results: Results, suite: str) -> Figure | None:
    """Return how much recall changed words leave: by strength, where changes have strengths."""
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
            bars = [100 * KEPT.get(strength, np.nan) for strength in strengths]
            axes.plot(range(len(strengths)), bars, "_", color=GREY, ms=24, mew=1.5)
        for detector in detectors:
            figures = [kept.get((detector, change, strength)) for strength in strengths]
            values = [100 * one.value if one else np.nan for one in figures]
            axes.plot(range(len(strengths)), values, ms=5, lw=1.2, **style(results, detector))
        axes.set_xticks(range(len(strengths)), strengths)
        axes.set_xlim(-0.3, len(strengths) - 0.7)
        axes.set_ylim(max(0, lowest - 5), max(100, highest) + 4)
        axes.set_ylabel("recall kept, %")

    return with_legend(results, panels(changes, 2.2, draw, sharey=True), detectors)


def _at_once(
    results: Results,
    kept: dict[tuple[str, str, str], Estimate],
    detectors: Sequence[str],
    changes: Sequence[str],
    strength: str,
) -> Figure:
    """Return the figure of changes that have no strengths: a row a change, a dot a detector."""
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
