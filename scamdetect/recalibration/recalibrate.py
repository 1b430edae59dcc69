"""Move the thresholds of a bundle to a team's labelled messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scamdetect.bundle import Bundle
from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError
from scamdetect.files import file_sha256
from scamdetect.labels import Verdict
from scamdetect.operating_points import OperatingPoint
from scamdetect.recalibration.halves import Measured, Moved, move, needed
from scamdetect.recalibration.label_map import PLAIN, read_label_map
from scamdetect.recalibration.new_bundle import check_destination, write_bundle
from scamdetect.recalibration.own_rows import OwnRows, read_own_rows

REVIEW_FPR = 0.03


@dataclass(frozen=True)
class Recalibrated:
    """The new bundle, the rows that it was set on, and flag and review before and after."""

    bundle: Bundle
    rows: OwnRows
    moved: tuple[Moved, ...]


def recalibrate(
    bundle: str | Path,
    data: str | Path,
    destination: str | Path,
    *,
    fpr: float,
    review_fpr: float | None = None,
    text_column: str = "text",
    label_column: str = "label",
    group_column: str | None = None,
    label_map: str | Path | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> Recalibrated:
    """Write a bundle whose ``flag`` stands at ``fpr`` and ``review`` at ``review_fpr`` on own rows.

    ``review_fpr`` is by default 0.03, or ``fpr`` where that is higher. Half of the messages, a
    group of near-duplicates or of one ``group_column`` together, choose the thresholds and the
    other half measures them. Weights and scores stay as they are. Raises InputError on data that
    cannot be read or has labels that nothing maps, on too few honest messages for the rates, and on
    a destination that is taken; BundleError on a damaged bundle, OutputError where writing fails.
    """
    review = max(fpr, REVIEW_FPR) if review_fpr is None else review_fpr
    if not 0 < fpr <= review < 1:
        raise InputError(
            f"rates of {fpr!r} to flag and {review!r} to review are impossible; choose "
            "0 < --fpr <= --review-fpr < 1"
        )
    source, target = Path(data), Path(destination)
    check_destination(target)
    known = PLAIN if label_map is None else read_label_map(Path(label_map))
    with ScamDetector.load(bundle, threads=threads, tier="encoder") as detector:
        rows = read_own_rows(
            source,
            detector,
            text_column=text_column,
            label_column=label_column,
            group_column=group_column,
            known=known,
        )
        old = detector.bundle
    rates = {"flag": fpr, "review": review}
    moved, points = move(rows, rates, old.thresholds, seed)
    settings = {
        "thresholds": {one.name: one.after.threshold for one in moved},
        "thresholds_fpr": rates,
        "operating_points": [_point(point) for point in points],
        # The counts by language and kind are of the rows behind the old points.
        "calibration_rows": {},
    }
    record = {
        "base": old.model_id,
        "data_sha256": file_sha256(source),
        "seed": seed,
        "legit": [int(rows.of(Verdict.LEGIT).sum()), rows.distinct(Verdict.LEGIT)],
        "scam": [int(rows.of(Verdict.SCAM).sum()), rows.distinct(Verdict.SCAM)],
        "moved": [asdict(one) for one in moved],
    }
    new = write_bundle(old, target, settings, list(_note(old, rows, moved)), record)
    return Recalibrated(new, rows, moved)


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
    strictest = min(result.moved, key=lambda one: one.fpr)
    if strictest.after.fpr_interval[1] >= 2 * strictest.fpr:
        yield (
            f"The interval reaches to twice {strictest.fpr:g} and beyond: "
            f"{needed(strictest.fpr)[1]:,} distinct honest messages would tell it better."
        )


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


def _note(old: Bundle, rows: OwnRows, moved: Sequence[Moved]) -> Iterator[str]:
    yield "## Thresholds of this copy"
    yield ""
    yield (
        f"The thresholds of {old.model_id} were moved to a team's own labelled messages; weights "
        "and scores are the same. What this card says elsewhere of thresholds, of what is flagged "
        "as shipped, of operating points and of calibrate rows is of the bundle before."
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


def _point(point: OperatingPoint) -> dict[str, Any]:
    return {
        name: value
        for name, value in asdict(point).items()
        if value is not None or name == "recall"
    }


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if share < 0.1 else f"{100 * share:.1f} %"
