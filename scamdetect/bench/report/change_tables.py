"""The tables of what changes: thresholds, words, writers, and one detector for another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from scamdetect.bench.figures.changes import ALL, DRAWS, FEWEST_FLAGGED, Kept, Recalibrated
from scamdetect.bench.figures.generator_gap import PUBLISHED, SHARE, GapRecord
from scamdetect.bench.figures.target import (
    FPRS,
    MAIN,
    Cell,
)
from scamdetect.bench.report.suite_tables import TOO_FEW
from scamdetect.evaluate.evasion import KEPT, MORE_FLAGS
from scamdetect.reports.cells import change, counted, n_of, number, p_value, percent, points
from scamdetect.reports.section import Section, section

if TYPE_CHECKING:
    from scamdetect.bench.figures.changes import Difference
    from scamdetect.bench.figures.results import Moved, Results
    from scamdetect.calibration.statistics import Estimate

Sides = tuple["Estimate | None", "Estimate | None"]

CHANCE = 0.05  # p values under it are called a difference


def recalibration_section(results: Results) -> Section:
    """Return what setting the threshold anew on rows of the target regains."""
    title = "A threshold set anew on a few messages of the target"
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
        "Whether a detector does badly on new messages because it cannot tell them apart, or only "
        "because its threshold stands wrongly for them. k messages of the suite (or of one writer "
        "in it) are labelled, the threshold is set on the honest ones among them for the rate, "
        f"and the others are measured: the mean and 95 % range of {DRAWS} draws, whole groups "
        f"drawn. {TOO_FEW.capitalize()}: k holds fewer honest messages than one false alarm at "
        "the rate takes, or there are not so many messages. Only the threshold moves; the "
        "detector learns nothing. Seen messages count too. Honest messages by people of the same "
        "sources stand beside those of a writer; where they do, its frozen false alarms are of "
        "other messages and left out."
    )
    return section(title, about, header, rows)


def change_sections(results: Results) -> Iterator[Section]:
    """Yield what changed words cost: over all changes, then by change, a suite after the other."""
    light, medium = (f"{KEPT[name]:.0%}" for name in ("light", "medium"))
    header = ["change", "strength", "detector", "n scam", "n legit", "recall kept"]
    header += ["scams found, clean -> changed", "false alarms, clean -> changed"]
    header += ["honest messages newly flagged", "bar"]
    for suite in dict.fromkeys(one.suite for one in results.changed):
        found = [one for one in results.changed if one.suite == suite]
        rows = [(at.change, at.strength, one.detector, at) for one in found for at in one.figures]
        together = [_kept_row(*row) for row in rows if row[0] == ALL]
        apart = [row for row in rows if row[0] != ALL]
        order = list(dict.fromkeys(row[:2] for row in apart))
        apart.sort(key=lambda row: order.index(row[:2]))
        about = (
            f"The same messages before and after their words are changed, at T@{MAIN}. Recall "
            "kept: scams found changed over scams found clean (over 100 %: more than before); "
            f"not measured where fewer than {FEWEST_FLAGGED} were found clean. Seen messages count "
            "too."
        )
        if any(row[1] in KEPT for row in rows):
            about += (
                f" The bars: {light} kept at light and {medium} at medium, over all changes, and "
                f"at most {100 * MORE_FLAGS:.1f} points more honest messages flagged; on the "
                "figures themselves, not the ends of their intervals."
            )
        yield section(f"All changes together: {suite}", about, header, together)
        if apart:
            yield section(
                f"By change: {suite}", "The same, a change at a time.", header,
                [_kept_row(*row) for row in apart], f"changes-{suite}",
            )  # fmt: skip


def gap_section(results: Results) -> Section:
    """Return what is lost on a writer that the detector never saw."""
    title = "The gap to a writer that was never seen"
    if not results.gaps:
        return Section(title, "Not measured: no detector was trained without a writer.")
    published = [f"{one:.1f}" for one in PUBLISHED]
    header = ["writer left out", "learner", "n scam", "n legit", "rows of it in training"]
    header += ["F1 with it", "F1 without", "F1 without, set anew", "gap in F1", "gap, set anew"]
    header += ["scams found with it", "scams found without", "scams found, set anew"]
    header += ["false alarms with it", "false alarms without", "false alarms, set anew"]
    header += [f"R@{MAIN} with it", f"R@{MAIN} without"]
    blank = ["-"] * (len(header) - 10)
    rows = [["published, for comparison", *["-"] * 7, *published, *blank]]
    rows += [_gap_row(gap) for gap in results.gaps]
    about = (
        "The same learner is trained twice, with other messages of a language model and without "
        "any, and both are measured on that model's messages: the difference is what never having "
        "seen a writer costs. F1 is one figure for scams found and alarms rightly raised, on as "
        "many scams as honest messages, at the threshold that is best on the calibrate messages; "
        "flagging every message gives 66.7%. "
        f"Set anew: only the threshold, on {SHARE:.0%} of the writer's messages, the others "
        f"measured. A published gap of {published[0]} points falls to {published[1]} that way, on "
        "other messages and other detectors, so compare its size and not its digits (Zenodo "
        f"10.5281/zenodo.20250116). Scams found and false alarms are at T@{MAIN}."
    )
    return section(title, about, header, rows, "gap")


def difference_section(results: Results) -> Section:
    """Return whether detectors differ beyond chance."""
    title = "Do two detectors differ?"
    if not results.differences:
        return Section(title, "Not measured: fewer than two detectors scored the same suite.")
    header = ["suite", "first", "second", f"R@{MAIN}, first less second, points", "n scam"]
    header += ["only first right", "only second right", "p", "in words"]
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
        "Two detectors on the same messages, those included that one of them learnt from. The "
        "counts are of messages (near-copies once) that only one of them decides rightly at its "
        f"T@{MAIN}, and p is how often chance alone would part them so (exact McNemar test, "
        f"corrected for the comparisons of a suite): under {CHANCE} is called a difference. The "
        f"points compare rankings (R@{MAIN}), so they can say otherwise than the counts. Most "
        "right decisions are on the commoner side of a suite, scam or honest."
    )
    return section(title, about, header, rows)


def in_words(difference: Difference) -> str:
    """Return which of the two decides rightly more often, if that is no chance."""
    if difference.p >= CHANCE:
        return "no difference shown"
    ahead = "first" if difference.first_alone > difference.second_alone else "second"
    return f"{ahead} more often right"


def kept_bar(kept: Kept) -> str:
    """Return whether the figures reach the bars of the strength, a dash where there is none."""
    bar = KEPT.get(kept.strength)
    if bar is None:
        return "-"
    words = {True: "met", False: "missed", None: "not measured"}
    clean, changed = kept.fpr
    told = []
    if kept.change == ALL:
        told.append(f"kept {words[None if kept.kept is None else kept.kept.value >= bar]}")
    if clean and changed:
        told.append(f"honest {words[changed.value - clean.value <= MORE_FLAGS]}")
    return ", ".join(told) or "-"


def _moved_rows(results: Results, moved: Moved, sizes: list[str]) -> Iterator[list[str]]:
    figures = next(
        one for one in results.figures if (one.suite, one.detector) == (moved.suite, moved.detector)
    )
    named = moved.suite if moved.generator is None else f"{moved.suite}, by {moved.generator}"
    for rate in FPRS:
        found = {one.size: one for one in moved.sizes if one.rate == rate}
        # By writer the smaller rate has no frozen figures to stand beside.
        if not found or (moved.generator is not None and rate != MAIN):
            continue
        frozen: Sides = (None, None)
        n = (figures.n_scam, figures.n_legit)
        if moved.generator is None and rate in figures.frozen:
            frozen = (figures.frozen[rate].recall, figures.frozen[rate].fpr)
        elif moved.generator is not None:
            frozen, n = _of_writer(moved, figures.cells)
        cells = [cell for size in sizes for cell in _set_anew(found.get(size))]
        counts = [f"{one:,}" if one else "-" for one in n]
        yield [named, moved.detector, rate, *counts, *map(percent, frozen), *cells]


def _of_writer(moved: Moved, cells: Sequence[Cell]) -> tuple[Sides, tuple[int, int]]:
    """Return the frozen figures of a writer's rows and how many rows are measured."""
    cell = next(one for one in cells if (one.by, one.name) == ("generator", moved.generator))
    measured = [one.fpr for one in moved.sizes if one.fpr is not None]
    n_legit = measured[0].n if measured else cell.n_legit
    # Honest messages by people may stand beside the writer's: then the cell's are other rows.
    return (cell.recall, cell.fpr if n_legit == cell.n_legit else None), (cell.n_scam, n_legit)


def _set_anew(at: Recalibrated | None) -> tuple[str, str]:
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
        change(*kept.recall), change(*kept.fpr), f"{kept.honest_flipped:,}", kept_bar(kept),
    ]  # fmt: skip


def _gap_row(gap: GapRecord) -> list[str]:
    seen, unseen = gap.with_it, gap.without_it
    return [
        gap.generator, gap.learner, f"{gap.n_scam:,}", f"{gap.n_legit:,}",
        f"{seen.trained_rows:,} / {unseen.trained_rows:,}",
        percent(seen.f1), percent(unseen.f1), percent(unseen.f1_moved),
        number(gap.gap("f1"), ".1f"), number(gap.gap("f1_moved"), ".1f"),
        percent(seen.recall), percent(unseen.recall), percent(unseen.recall_moved),
        percent(seen.fpr), percent(unseen.fpr), percent(unseen.fpr_moved),
        percent(seen.recall_at), percent(unseen.recall_at),
    ]  # fmt: skip
