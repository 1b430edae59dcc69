"""Figures as the cells of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scamdetect.calibration.statistics import Estimate


def estimate(record: Mapping[str, Any] | None) -> Estimate | None:
    """Return the figure that a result file holds, None for null."""
    return None if record is None else Estimate(**record)


def percent(figure: Estimate | None) -> str:
    """Return the figure and its interval in percent, a dash for None."""
    if figure is None:
        return "-"
    return f"{figure.value:.1%} [{figure.low * 100:.1f}, {figure.high * 100:.1f}]"


def counted(figure: Estimate | None) -> str:
    """Return the figure and its interval in percent with its n, a dash for None."""
    return "-" if figure is None else f"{percent(figure)} of {figure.n:,}"


def points(figure: Estimate | None) -> str:
    """Return a difference of shares and its interval in signed points, a dash for None."""
    if figure is None:
        return "-"
    value, low, high = (100 * part for part in (figure.value, figure.low, figure.high))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def measured(figure: Estimate | None) -> str:
    """Return the same, "not measured" for None."""
    return "not measured" if figure is None else percent(figure)


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
    return number(None if figure is None else figure.n)


def share(value: float | None) -> str:
    """Return a share without an interval in percent, a dash for None."""
    return number(value, ".1%")


def spaced_share(value: float) -> str:
    """Return a share in percent for sentences and pages, with a digit more under 1 %."""
    return f"{100 * value:.{2 if value < 0.01 else 1}f} %"


def share_of(part: float, whole: float) -> str:
    """Return a share in percent for pages, with as many digits as say something."""
    if not whole or not part:
        return "0 %"
    percent = 100 * part / whole
    if percent < 0.01:
        return "under 0.01 %"
    digits = 0 if percent >= 99.95 else 2 if percent < 1 else 1
    return f"{percent:.{digits}f} %"


def count(number: int, of: str = "") -> str:
    """Return a number, with the word for what is counted in its singular or plural if given."""
    plural = "s" if of and number != 1 else ""
    return f"{number:,} {of}{plural}".rstrip()


def amount(value: float | None) -> str:
    """Return what something takes with three digits or more, a dash for None."""
    return number(value, ",.0f" if value is not None and value >= 100 else ",.3g")


def p_value(value: float) -> str:
    """Return a p value with three decimals."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def tally(counts: Mapping[str, int]) -> str:
    """Return names with their counts in a line."""
    return ", ".join(f"{name} {n:,}" for name, n in counts.items())


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def change(before: Estimate | None, after: Estimate | None) -> str:
    """Return two figures without intervals in percent, as one cell."""
    return " -> ".join(share(one.value if one else None) for one in (before, after))


def moved(counts: tuple[int, int, int] | None) -> str:
    """Return n, and how many were over a threshold before and after, as one cell."""
    return f"{counts[1]} -> {counts[2]} of {counts[0]}" if counts else "-"


def probability(value: float | None) -> str:
    """Return the scam probability of a message, "unscored" for None."""
    return number(value, ".4f", "unscored")


def first(items: Sequence[object], most: int) -> str:
    """Return the first items, and how many more there are."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(map(str, items[:most])) + more
