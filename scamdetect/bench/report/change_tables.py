"""Tables of comparisons: new thresholds, changed words, pairs of detectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from scamdetect.bench.figures.changes import ALL, DRAWS, FEWEST_FLAGGED, Kept, Recalibrated
from scamdetect.bench.figures.target import (
    FPRS,
    MAIN,
    Cell,
)
from scamdetect.bench.report.suite_tables import TOO_FEW
from scamdetect.evaluate.evasion import KEPT, MORE_FLAGS
from scamdetect.evaluate.section import Section, section
from scamdetect.train.cells import change, counted, n_of, p_value, percent, points

if TYPE_CHECKING:
    from scamdetect.bench.figures.changes import Difference
    from scamdetect.bench.figures.results import Moved, Results
    from scamdetect.calibration.statistics import Estimate

Sides = tuple["Estimate | None", "Estimate | None"]

CHANCE = 0.05  # a smaller p value is reported as a difference


def recalibration_section(results: Results) -> Section:
    """Return the figures after the threshold is set again on rows of the suite."""
    title = "A new threshold from a few messages of the suite"
    sizes = list(dict.fromkeys(at.size for one in results.moved for at in one.sizes))
    header = ["messages", "detector", "rate", "n scam", "n legit"]
    for size in ("0 (frozen)", *sizes):
        header += [f"k = {size}: scams found", f"k = {size}: false alarms"]
    rows = [row for one in results.moved for row in _moved_rows(results, one, sizes)]
    if not rows:
        return Section(title, "Not measured: no suite without changed copies was scored.")
    order = list(dict.fromkeys(row[0] for row in rows))
    rows.sort(key=lambda row: order.index(row[0]))
    about = (
        "A detector can do badly on new messages because it cannot separate scam from honest, or "
        "only because its threshold does not fit them. This table shows which. k messages of the "
        "suite (or of one writer in it) are labelled. The honest ones among them set a new "
        "threshold for the rate, and the other messages are measured. Figures are the mean and "
        f"95 % range of {DRAWS} draws of whole groups. {TOO_FEW.capitalize()}: k messages contain "
        "too few honest ones to set a threshold for the rate, or the suite has fewer than k "
        "messages. Only the threshold changes; the detector learns nothing. Seen messages count "
        "too. The honest messages of a writer are here its own and those by people in the same "
        "sources; if there are any by people, its frozen false alarms are of other messages and "
        "left out."
    )
    return section(title, about, header, rows)


def change_sections(results: Results) -> Iterator[Section]:
    """Yield two tables for each suite of changed copies: all changes together, then by change."""
    light, medium = (f"{KEPT[name]:.0%}" for name in ("light", "medium"))
    header = ["change", "strength", "detector", "n scam", "n legit", "recall kept"]
    header += ["scams found, clean -> changed", "false alarms, clean -> changed"]
    header += ["honest messages newly flagged", "target"]
    for suite in dict.fromkeys(one.suite for one in results.changed):
        found = [one for one in results.changed if one.suite == suite]
        rows = [(at.change, at.strength, one.detector, at) for one in found for at in one.figures]
        together = [_kept_row(*row) for row in rows if row[0] == ALL]
        apart = [row for row in rows if row[0] != ALL]
        order = list(dict.fromkeys(row[:2] for row in apart))
        apart.sort(key=lambda row: order.index(row[:2]))
        about = (
            f"The same messages before and after their words are changed, at T@{MAIN}. Recall "
            "kept: scams found after the change, divided by scams found before (over 100 %: more "
            f"than before). {TOO_FEW.capitalize()}: fewer than {FEWEST_FLAGGED} scams were found "
            "before. Seen messages count too."
        )
        if any(row[1] in KEPT for row in rows):
            about += (
                f" Targets: over all changes, {light} of the recall kept at light and {medium} at "
                f"medium strength, and at most {100 * MORE_FLAGS:.1f} points more honest messages "
                "flagged. They apply to the figures, not to the ends of their intervals."
            )
        yield section(f"All changes together: {suite}", about, header, together)
        if apart:
            yield section(
                f"By change: {suite}", "The same figures, one change at a time.", header,
                [_kept_row(*row) for row in apart], f"changes-{suite}",
            )  # fmt: skip


def difference_section(results: Results) -> Section:
    """Return the paired comparison of every two detectors on the same messages."""
    title = "Do two detectors differ?"
    if not results.differences:
        return Section(title, "Not measured: fewer than two detectors scored the same suite.")
    header = ["suite", "first", "second", f"R@{MAIN}, first minus second, points", "n scam"]
    header += ["only first right", "only second right", "p", "result"]
    rows = [
        [
            one.suite,
            one.first,
            one.second,
            points(one.recall_at),
            n_of(one.recall_at),
        ]
        + [f"{one.first_alone:,}", f"{one.second_alone:,}", p_value(one.p), in_words(one)]
        for one in results.differences
    ]
    about = (
        "Two detectors on the same messages, including those that one of them learnt from. The "
        "counts are the messages (near-copies count once) that only one of the two decides rightly "
        f"at its T@{MAIN}. p is the probability of so large a difference by chance (exact McNemar "
        f"test, corrected for the comparisons of a suite); below {CHANCE} it is reported as a "
        f"difference. The points compare rankings (R@{MAIN}), so they can disagree with the "
        "counts. Most right decisions are on the larger side of a suite, scam or honest."
    )
    return section(title, about, header, rows)


def in_words(difference: Difference) -> str:
    """Return which detector is right more often, if the difference is significant."""
    if difference.p >= CHANCE:
        return "no difference shown"
    ahead = "first" if difference.first_alone > difference.second_alone else "second"
    return f"{ahead} more often right"


def targets_met(kept: Kept) -> str:
    """Return which targets of the strength the figures meet, a dash for a strength without any."""
    target = KEPT.get(kept.strength)
    if target is None:
        return "-"
    words = {True: "met", False: "missed", None: "not measured"}
    clean, changed = kept.fpr
    found = []
    if kept.change == ALL:
        found.append(f"kept {words[None if kept.kept is None else kept.kept.value >= target]}")
    if clean and changed:
        found.append(f"honest {words[changed.value - clean.value <= MORE_FLAGS]}")
    return ", ".join(found) or "-"


def _moved_rows(results: Results, moved: Moved, sizes: list[str]) -> Iterator[list[str]]:
    figures = next(
        one for one in results.figures if (one.suite, one.detector) == (moved.suite, moved.detector)
    )
    named = moved.suite if moved.generator is None else f"{moved.suite}, by {moved.generator}"
    for rate in FPRS:
        found = {one.size: one for one in moved.sizes if one.rate == rate}
        # A writer has frozen figures for the main rate only.
        if not found or (moved.generator is not None and rate != MAIN):
            continue
        frozen: Sides = (None, None)
        n = (figures.n_scam, figures.n_legit)
        if moved.generator is None and rate in figures.frozen:
            frozen = (figures.frozen[rate].recall, figures.frozen[rate].fpr)
        elif moved.generator is not None:
            frozen, n = _of_writer(moved, figures.cells)
        cells = [cell for size in sizes for cell in _new_threshold(found.get(size))]
        counts = [f"{one:,}" if one else "-" for one in n]
        yield [named, moved.detector, rate, *counts, *map(percent, frozen), *cells]


def _of_writer(moved: Moved, cells: Sequence[Cell]) -> tuple[Sides, tuple[int, int]]:
    """Return the frozen figures of a writer's rows and the numbers of scam and legit rows."""
    cell = next(one for one in cells if (one.by, one.name) == ("generator", moved.generator))
    measured = [one.fpr for one in moved.sizes if one.fpr is not None]
    n_legit = measured[0].n if measured else cell.n_legit
    # The cell does not count honest messages by people in the same sources.
    return (cell.recall, cell.fpr if n_legit == cell.n_legit else None), (cell.n_scam, n_legit)


def _new_threshold(at: Recalibrated | None) -> tuple[str, str]:
    if at is None:
        return "-", "-"
    if at.too_few:
        return TOO_FEW, TOO_FEW
    return percent(at.recall), percent(at.fpr)


def _kept_row(name: str, strength: str, detector: str, kept: Kept) -> list[str]:
    figure = TOO_FEW if kept.kept is None else counted(kept.kept)
    counts = [f"{kept.n_scam:,}", f"{kept.n_legit:,}"]
    return [
        name, strength or "-", detector, *counts, figure,
        change(*kept.recall), change(*kept.fpr), f"{kept.honest_flipped:,}", targets_met(kept),
    ]  # fmt: skip
