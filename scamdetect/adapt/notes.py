"""Describe moved thresholds, for the card of the new bundle and for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from scamdetect.adapt.halves import Measured, Moved
from scamdetect.adapt.own_rows import OwnRows
from scamdetect.adapt.refit import Refit
from scamdetect.bundle.bundle import Bundle
from scamdetect.calibration.statistics import Estimate, clopper_pearson
from scamdetect.labels import Verdict

if TYPE_CHECKING:
    from scamdetect.adapt.traffic import Budgeted


def refit_lines(one: Refit) -> Iterator[str]:
    """Yield the figures of refitted probabilities before and after, and whether they are kept."""
    yield (
        f"probabilities at {_percent(one.base_rate)} scams (measured on {one.scams:,} distinct "
        f"scams and {one.others:,} others)"
    )
    for name, before, after in (
        ("log loss", one.before.log_loss, one.after.log_loss),
        ("Brier score", one.before.brier, one.after.brier),
        ("calibration error", one.before.ece, one.after.ece),
    ):
        yield f"  {name}: {_figure(before)} before, {_figure(after)} after"
    found = f"temperature {one.scaling.temperature:g}, bias {one.scaling.bias:+g}"
    if one.kept:
        yield f"  refitted ({found}): the log loss falls by {_figure(one.gain)}"
    else:
        yield (
            f"  NOT REFITTED: with {found} the log loss falls by {_figure(one.gain)}, which may "
            "be chance; the probabilities are unchanged"
        )


def recalibration_note(
    old: Bundle, rows: OwnRows, moved: Sequence[Moved], fitted: Refit | None
) -> Iterator[str]:
    """Yield the card section of a bundle calibrated on a team's own labelled rows."""
    refitted = fitted is not None and fitted.kept
    yield "## Thresholds of this copy"
    yield ""
    yield (
        f"The thresholds of {old.model_id} were moved to a team's own labelled messages; "
        + (
            "the probabilities were refitted to them, and the weights are unchanged. Other "
            "sections of this card on probabilities, on thresholds"
            if refitted
            else "weights and scores are unchanged. Other sections of this card on thresholds"
        )
        + ", on operating points and on calibration rows describe the original bundle."
    )
    yield ""
    yield (
        f"Own {counted_rows(rows.count)}. Half of the distinct messages chose the thresholds; "
        "all figures are measured on the other half, with near-duplicates counted as one "
        "message and 95 % Clopper-Pearson intervals. They hold for messages like these."
    )
    yield ""
    for one in moved:
        yield f"- `{one.name}` at a false-positive rate of {one.fpr:g}"
        yield f"  - before: {measured_words(one.before)}"
        yield f"  - after: {measured_words(one.after)}"
    if fitted is not None:
        head, *rest = refit_lines(fitted)
        yield f"- {head}; 95 % intervals from resampled groups"
        yield from (f"  - {line.strip()}" for line in rest)


def budget_note(result: Budgeted) -> Iterator[str]:
    """Yield the card section of a bundle whose review threshold was set by a budget."""
    yield "## Thresholds of this copy"
    yield ""
    yield (
        f"The review threshold of {result.bundle.model_id} was moved so that "
        f"{result.reviews_per_day:,} of {result.messages_per_day:,} messages a day of a team's "
        "own traffic reach it or flag; weights and scores are unchanged. No labels were used: "
        "how many of these messages are scams is unknown. Operating points describe the "
        "original bundle."
    )
    yield ""
    yield from (f"- {line}" for line in budget_lines(result))


def budget_lines(result: Budgeted) -> Iterator[str]:
    """Yield the traffic, and both thresholds before and after with the messages reached."""
    traffic, before, after = result.traffic, result.before, result.after
    yield f"messages: {traffic.messages:,}, {traffic.probabilities.size:,} of them scored"
    reached = traffic.reach(after.review)
    share = reached / traffic.messages
    low, high = (
        result.messages_per_day * end for end in clopper_pearson(reached, traffic.messages)
    )
    yield (
        f"review: {before.review:.4f} before, {after.review:.4f} after; {reached:,} of these "
        f"messages reach it or flag, {result.messages_per_day * share:,.1f} a day of "
        f"{result.messages_per_day:,} (95 % interval {low:,.1f} to {high:,.1f})"
    )
    flagged = traffic.reach(after.flag)
    if after.flag > before.flag:
        yield (
            f"flag: {before.flag:.4f} before, RAISED to {after.flag:.4f}: "
            f"{traffic.reach(before.flag):,} messages reach the old one, more than the budget; "
            "all reviewed messages are also flagged"
        )
    else:
        yield f"flag: unchanged at {after.flag:.4f}; {flagged:,} of these messages reach it"


def measured_words(one: Measured) -> str:
    """Return a threshold with its false-positive rate and recall on the measuring half."""
    low, high = one.fpr_interval
    words = (
        f"threshold {one.threshold:.4f}, false-positive rate {_percent(one.fpr)} "
        f"({_percent(low)} to {_percent(high)}; {one.legit:.0f} honest)"
    )
    if one.recall is None:
        return f"{words}, recall unknown without scams"
    low, high = one.recall_interval
    return (
        f"{words}, recall {_percent(one.recall)} ({_percent(low)} to {_percent(high)}; "
        f"{one.scam:.0f} scams)"
    )


def counted_rows(count: Callable[[Verdict], tuple[int, int]]) -> str:
    """Return the numbers of rows and of distinct rows by verdict, from ``count``."""
    parts = []
    for verdict in Verdict:
        rows, distinct = count(verdict)
        parts.append(f"{rows:,} {verdict} ({distinct:,} distinct)")
    return f"rows: {', '.join(parts)}"


def left_out(rows: Mapping[str, int]) -> Iterator[str]:
    """Yield how many rows are left out by reason, or nothing without any."""
    if any(rows.values()):
        yield "left out: " + ", ".join(f"{n:,} {why}" for why, n in rows.items() if n)


def _figure(one: Estimate) -> str:
    return f"{one.value:.4f} ({one.low:.4f} to {one.high:.4f})"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if share < 0.1 else f"{100 * share:.1f} %"
