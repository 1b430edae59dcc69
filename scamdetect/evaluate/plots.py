"""The plots of an evaluation, as PNG bytes, drawn only from the figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from scamdetect.calibration.statistics import Estimate
from scamdetect.evaluate import baselines
from scamdetect.evaluate.curves import HISTOGRAM_BINS, LOWEST_FPR
from scamdetect.evaluate.evasion import ALL, KEPT, STRENGTHS
from scamdetect.evaluate.figures import Axes, Figure, drawn, in_percent, panels, png, pyplot
from scamdetect.evaluate.protocol import FLAG
from scamdetect.train.bars import BAR

if TYPE_CHECKING:
    from scamdetect.evaluate.report import Report

_COLOURS = ("#c8553d", "#577590", "#4c956c", "#9a8c98")
_SCAM, _LEGIT = "#c8553d", "#4c956c"
_WIDTH = 9.0
_STYLE: dict[Any, Any] = {
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "axes.titlesize": 9,
    "axes.labelsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 8,
}


def draw_plots(report: Report) -> dict[str, bytes]:
    """Return the plots by name; one whose figures are missing is left out."""
    plots = {
        "roc": _roc,
        "scores": _scores,
        "pairs": _pairs,
        "languages": _languages,
        "kinds": _kinds,
        "alarms": _alarms,
        "reliability": _reliability,
        "evasion": _evasion,
    }
    with pyplot.rc_context(_STYLE):
        return drawn({name: partial(draw, report) for name, draw in plots.items()}, png)


def _panels(names: list[str], height: float, draw: Callable[[str, Axes], None]) -> Figure | None:
    """Return a figure with one panel per name, in rows of three."""
    return panels(names, draw, (4.5 if len(names) == 1 else 3.2, height), columns=3)


def _one(height: float) -> tuple[Figure, Axes]:
    figure, axes = pyplot.subplots(figsize=(_WIDTH, height))
    axes.tick_params(labelsize=8)
    return figure, axes


def _roc(report: Report) -> Figure | None:
    titles = {
        one.name: f"{one.name}\n{one.n_scam:,} scam, {one.n_legit:,} honest"
        for found in report.curves.values()
        for one in found
    }

    def draw(name: str, axes: Axes) -> None:
        for place, (detector, found) in enumerate(report.curves.items()):
            for one in found:
                if titles[one.name] == name:
                    # The log axis has no position for 0.
                    fpr = [max(at, LOWEST_FPR) for at in one.fpr]
                    style = "o" if len(fpr) == 1 else "-"
                    axes.plot(
                        fpr, one.recall, style, color=_COLOURS[place], label=detector, lw=1.6,
                        clip_on=len(fpr) > 1,
                    )  # fmt: skip
        grid = np.geomspace(LOWEST_FPR, 1, 50)
        axes.plot(grid, grid, color="#bbbbbb", lw=0.8, ls=":")
        axes.axvline(0.01, color="#bbbbbb", lw=0.8)
        axes.set_xscale("log")
        axes.set_xlim(LOWEST_FPR, 1)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("share of honest messages flagged")
        axes.set_ylabel("share of scams found")

    figure = _panels(list(titles.values()), 3.0, draw)
    return _with_legend(figure)


def _scores(report: Report) -> Figure | None:
    shipped = report.curves[report.detectors[0].detector]
    edges = np.linspace(0, 1, HISTOGRAM_BINS + 1)

    def draw(name: str, axes: Axes) -> None:
        for one in shipped:
            if one.name == name:
                for counts, colour, label in (
                    (one.legit_counts, _LEGIT, "honest"),
                    (one.scam_counts, _SCAM, "scam"),
                ):
                    shares = np.array(counts) / max(1, sum(counts))
                    axes.stairs(shares, edges, color=colour, fill=True, alpha=0.5, label=label)
        axes.set_yscale("log")
        axes.set_xlim(0, 1)
        axes.set_xlabel("scam probability")
        axes.set_ylabel("share of the messages")

    return _with_legend(_panels([one.name for one in shipped], 2.6, draw))


def _with_legend(figure: Figure | None) -> Figure | None:
    if figure is not None:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=len(labels),
            frameon=False,
        )
    return figure


def _pairs(report: Report) -> Figure | None:
    bars = [
        (f"{found.detector}, {label}", estimate, _COLOURS[place])
        for place, found in enumerate(report.detectors)
        for own in found.authored
        for label, estimate in (("by rank", own.pairs_by_rank), ("as shipped", own.pairs_at_flag))
        if estimate is not None
        # With 0 and 1 most pairs tie: their rank carries no information.
        and not (found.detector == baselines.KEYWORDS and label == "by rank")
    ]
    if not bars:
        return None
    figure, axes = _one(0.6 + 0.28 * len(bars))
    for name, estimate, colour in reversed(bars):
        _interval(axes, name, estimate, colour)
    axes.set_xlim(0, 101)
    axes.set_xlabel("pairs in which the scam scores above its honest twin, %", fontsize=8)
    return figure


def _languages(report: Report) -> Figure | None:
    return _cells(report, "language", "scams found, %, by language")


def _kinds(report: Report) -> Figure | None:
    return _cells(report, "kind", "scams found, %, by kind")


def _cells(report: Report, by: str, label: str) -> Figure | None:
    shipped = report.detectors[0].authored
    cells = [cell for cell in shipped[0].cells if cell.by == by] if shipped else []
    cells = [cell for cell in cells if cell.recall_at_pooled is not None]
    if not cells:
        return None
    cells.sort(key=lambda cell: cell.recall_at_pooled.value if cell.recall_at_pooled else 0)
    figure, axes = _one(1.0 + 0.24 * len(cells))
    for cell in cells:
        assert cell.recall_at_pooled is not None
        _interval(axes, f"{cell.name} ({cell.n_scam})", cell.recall_at_pooled, _COLOURS[0])
    axes.plot([], [], "o", color=_COLOURS[0], label="where 1 % of all honest messages are flagged")
    shipped_at = {
        f"{cell.name} ({cell.n_scam})": 100 * cell.flag_recall.value
        for cell in cells
        if cell.flag_recall is not None
    }
    # Hollow: a dot at the same position remains visible.
    axes.plot(
        list(shipped_at.values()), list(shipped_at), "D", color=_COLOURS[1], mfc="none", ms=7,
        mew=1.5, label="as shipped",
    )  # fmt: skip
    axes.set_xlim(0, 101)
    axes.set_xlabel(f"{label} (number of scams), authored {shipped[0].role} rows", fontsize=8)
    return _with_legend(figure)


def _alarms(report: Report) -> Figure | None:
    gates = report.detectors[0].gates
    if not gates:
        return None
    figure, axes = _one(1.0 + 0.24 * len(gates))
    for gate in reversed(gates):
        colour = {True: _LEGIT, False: _SCAM, None: "#888888"}[gate.met]
        _interval(axes, f"{gate.slice}, {gate.where} ({gate.fpr.n:,})", gate.fpr, colour)
    axes.axvline(100 * BAR, color="#333333", lw=0.8, ls="--")
    axes.axvline(100 * 2 * BAR, color="#333333", lw=0.8, ls=":")
    words = {"bar met": _LEGIT, "bar missed": _SCAM, "too few rows": "#888888"}
    for word, colour in words.items():
        axes.plot([], [], "o", color=colour, label=word)
    axes.set_xlim(left=-0.3)  # a dot at 0 is complete
    axes.set_xlabel("honest messages flagged as shipped, %, with 95 % interval", fontsize=8)
    return _with_legend(figure)


def _interval(axes: Axes, name: str, estimate: Estimate, colour: str) -> None:
    value, low, high = in_percent(estimate)
    axes.plot([low, high], [name, name], color=colour, lw=1.5, alpha=0.6)
    axes.plot(value, name, "o", color=colour, ms=5)


def _reliability(report: Report) -> Figure | None:
    shipped = report.reliability.get(report.detectors[0].detector, ())

    def draw(name: str, axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color="#bbbbbb", lw=0.8, ls=":")
        for place, found in enumerate(report.reliability.values()):
            for one in found:
                if one.name == name:
                    xs = [point.probability for point in one.points]
                    ys = [point.scams for point in one.points]
                    detector = list(report.reliability)[place]
                    axes.plot(xs, ys, "o-", ms=3, lw=1.2, color=_COLOURS[place], label=detector)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("mean scam probability")
        axes.set_ylabel("share of scams")

    return _with_legend(_panels([one.name for one in shipped], 3.0, draw))


def _evasion(report: Report) -> Figure | None:
    if not report.evasion:
        return None
    measured = [one.evasion for one in report.evasion if one.kept[FLAG] is not None]
    names = [name for name in dict.fromkeys(measured) if name != ALL]
    found = {(one.evasion, one.strength): one for one in report.evasion}
    strengths = list(STRENGTHS)
    places = np.arange(len(strengths))

    def draw(name: str, axes: Axes) -> None:
        if name == ALL:
            bars = [100 * KEPT.get(strength, np.nan) for strength in strengths]
            axes.plot(places, bars, "_", color="#333333", ms=18, label="target for the recall kept")
        kept = [found[name, strength].kept[FLAG] for strength in strengths]
        low, middle, high = (
            [100 * getattr(one, part) if one else np.nan for one in kept]
            for part in ("low", "value", "high")
        )
        axes.fill_between(places, low, high, color=_SCAM, alpha=0.2, lw=0)
        axes.plot(places, middle, "o-", color=_SCAM, ms=3, label="recall kept, % of clean")
        rates = [found[name, strength].rates[FLAG].fpr[1] for strength in strengths]
        flagged = [100 * one.value if one else np.nan for one in rates]
        axes.plot(places, flagged, "s-", color=_LEGIT, ms=3, label="honest messages flagged, %")
        axes.set_xticks(places, strengths)
        axes.set_xlim(-0.3, len(strengths) - 0.7)
        axes.set_ylim(0, max(110, *(value for value in high if value == value), 0) + 5)

    return _with_legend(_panels([ALL, *names], 2.1, draw))
