"""Figures as the cells of tables."""

from __future__ import annotations

from scamdetect.evaluation.metrics import Estimate


def percent(estimate: Estimate | None) -> str:
    """Return the figure and its interval in percent, a dash for None."""
    if estimate is None:
        return "-"
    return f"{estimate.value:.1%} [{estimate.low * 100:.1f}, {estimate.high * 100:.1f}]"


def measured(estimate: Estimate | None) -> str:
    """Return the same, saying so where nothing was measured."""
    return "not measured" if estimate is None else percent(estimate)


def decimal(estimate: Estimate | None) -> str:
    """Return the figure and its interval with three decimals, a dash for None."""
    if estimate is None:
        return "-"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def share(value: float | None) -> str:
    """Return a share without an interval in percent, a dash for None."""
    return "-" if value is None else f"{value:.1%}"


def change(before: Estimate | None, after: Estimate | None) -> str:
    """Return two figures without intervals in percent, as one cell."""
    return " -> ".join(share(one.value if one else None) for one in (before, after))


def probability(value: float | None) -> str:
    """Return the scam probability of a message, saying so where it has none."""
    return "unscored" if value is None else f"{value:.4f}"
