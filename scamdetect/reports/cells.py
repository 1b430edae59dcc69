"""Numbers and names as the words of reports."""

from __future__ import annotations

from collections.abc import Sequence


def spaced_share(value: float) -> str:
    """Return a share in percent for sentences and pages, with one more digit under 1 %."""
    return f"{100 * value:.{2 if value < 0.01 else 1}f} %"


def share_of(part: float, whole: float) -> str:
    """Return a share in percent for pages, with as many digits as are useful."""
    if not whole or not part:
        return "0 %"
    percent = 100 * part / whole
    digits = 0 if percent >= 99.95 else 2 if percent < 1 else 1
    return "under 0.01 %" if percent < 0.01 else f"{percent:.{digits}f} %"


def count(number: int, noun: str = "") -> str:
    """Return a number, and its noun in the singular or plural if given."""
    return f"{number:,} {noun}{'s' if noun and number != 1 else ''}".rstrip()


def listed(names: Sequence[str]) -> str:
    """Return names as in a sentence: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
