"""What a recalibration gave, as lines of text and as a section of the new bundle's card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from scamdetect.adapt.halves import Measured, Moved, needed
from scamdetect.adapt.own_rows import OwnRows
from scamdetect.adapt.refit import Refit
from scamdetect.bundle.bundle import Bundle
from scamdetect.calibration.statistics import Estimate
from scamdetect.labels import Verdict

if TYPE_CHECKING:
    from scamdetect.adapt.recalibrate import Recalibrated


def recalibrated_lines(result: Recalibrated) -> Iterator[str]:
    """Yield what rows there were and, for flag and review, the figures before and after."""
    rows = result.rows
    yield _counted(rows)
    left = {
        "without a label or mapped to ignore": rows.ignored,
        "without a text": rows.unscored,
        "that could not be read": rows.rejected,
        "chosen by a queue, not drawn at random": rows.chosen,
    }
    if any(left.values()):
        listed = ", ".join(f"{count:,} {why}" for why, count in left.items() if count)
        yield f"left out: {listed}"
    if rows.mixed:
        yield (
            f"{rows.mixed:,} groups of alike messages hold honest ones and scams; have a look at "
            "their labels"
        )
    for one in result.moved:
        yield f"{one.name} (false-positive rate asked for: {one.fpr:g})"
        yield f"  before: {measured_words(one.before)}"
        yield f"  after:  {measured_words(one.after)}"
        if one.after.fpr_interval[0] > one.fpr:
            yield (
                "  MORE FALSE ALARMS THAN ASKED FOR: few honest messages chose this threshold, and "
                f"the others show that its rate is over {one.fpr:g}; label more, or ask for a "
                "lower rate (another seed only hides it)"
            )
    if result.refit is not None:
        yield from refit_lines(result.refit)
    strictest = min(result.moved, key=lambda one: one.fpr)
    if strictest.after.fpr_interval[1] >= 2 * strictest.fpr:
        yield (
            f"The interval reaches to twice {strictest.fpr:g} and beyond: "
            f"{needed(strictest.fpr)[1]:,} distinct honest messages would tell it better."
        )


def refit_lines(one: Refit) -> Iterator[str]:
    """Yield the figures of refitted probabilities before and after, and whether they are kept."""
    yield (
        f"probabilities at {_percent(one.base_rate)} scams ({one.scams:,} distinct scams and "
        f"{one.others:,} others measure)"
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
            f"  NOT REFITTED: with {found} the log loss falls by {_figure(one.gain)}, which may be "
            "chance; the probabilities stay as they are"
        )


def card_note(
    old: Bundle, rows: OwnRows, moved: Sequence[Moved], fitted: Refit | None
) -> Iterator[str]:
    """Yield the section of the card."""
    refitted = fitted is not None and fitted.kept
    yield "## Thresholds of this copy"
    yield ""
    yield (
        f"The thresholds of {old.model_id} were moved to a team's own labelled messages; "
        + (
            "the probabilities were refitted to them, and the weights are the same. What this card "
            "says elsewhere of probabilities, of thresholds"
            if refitted
            else "weights and scores are the same. What this card says elsewhere of thresholds"
        )
        + ", of operating points and of calibrate rows is of the bundle before."
    )
    yield ""
    yield (
        f"Own {_counted(rows)}. Half of the distinct ones chose the thresholds; all figures are of "
        "the other half, near-duplicates counting as one message, with 95 % Clopper-Pearson "
        "intervals. They hold for messages like these."
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


def _counted(rows: OwnRows) -> str:
    parts = [
        f"{int(rows.of(verdict).sum()):,} {verdict} ({rows.distinct(verdict):,} distinct)"
        for verdict in Verdict
    ]
    return f"rows: {', '.join(parts)}"


def _figure(one: Estimate) -> str:
    return f"{one.value:.4f} ({one.low:.4f} to {one.high:.4f})"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if share < 0.1 else f"{100 * share:.1f} %"
