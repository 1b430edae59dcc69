"""Measured figures as the cells of tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scamdetect.calibration.statistics import Estimate


def estimate(record: Mapping[str, Any] | None) -> Estimate | None:
    """Return the figure that a result file holds, None for null."""
    return None if record is None else Estimate(**record)


def percent(figure: Estimate | None, nothing: str = "-") -> str:
    """Return the figure and its interval in percent, a dash for None."""
    if figure is None:
        return nothing
    return f"{figure.value:.1%} [{figure.low * 100:.1f}, {figure.high * 100:.1f}]"


def counted(figure: Estimate | None) -> str:
    """Return the figure and its interval in percent with its n, a dash for None."""
    return "-" if figure is None else f"{percent(figure)} of {figure.n:,}"


def points(figure: Estimate | None) -> str:
    """Return a difference of shares and its interval in signed points, a dash for None."""
    if figure is None:
        return "-"
    return f"{100 * figure.value:+.1f} [{100 * figure.low:+.1f}, {100 * figure.high:+.1f}]"


def measured(figure: Estimate | None) -> str:
    """Return the figure and its interval in percent, "not measured" for None."""
    return percent(figure, "not measured")


def decimal(figure: Estimate | None) -> str:
    """Return the figure and its interval with three decimals, a dash for None."""
    if figure is None:
        return "-"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def number(value: float | None, how: str = ",", nothing: str = "-") -> str:
    """Return a number in a format, ``nothing`` for None."""
    return nothing if value is None else format(value, how)


def n_of(figure: Estimate | None) -> str:
    """Return how many rows a figure is of, a dash for None."""
    return number(figure.n if figure else None)


def share(value: float | None) -> str:
    """Return a share without an interval in percent, a dash for None."""
    return number(value, ".1%")


def amount(value: float | None) -> str:
    """Return a duration or size with three digits or more, a dash for None."""
    return number(value, ",.0f" if value is not None and value >= 100 else ",.3g")


def p_value(value: float) -> str:
    """Return a p value with three decimals."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def change(before: Estimate | None, after: Estimate | None) -> str:
    """Return two figures without intervals in percent, as one cell."""
    return " -> ".join(share(figure.value if figure else None) for figure in (before, after))


def moved(counts: tuple[int, int, int] | None) -> str:
    """Return n, and how many were over a threshold before and after, as one cell."""
    return f"{counts[1]} -> {counts[2]} of {counts[0]}" if counts else "-"


def probability(value: float | None) -> str:
    """Return the scam probability of a message, "unscored" for None."""
    return number(value, ".4f", "unscored")


def tally(counts: Mapping[str, int]) -> str:
    """Return names with their counts in a line."""
    return ", ".join(f"{name} {n:,}" for name, n in counts.items())
