"""The tables of one suite: all figures of a detector, and where it is good or bad."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from scamdetect.bench.figures.measures import (
    AtThreshold,
    SuiteFigures,
)
from scamdetect.bench.figures.target import (
    FEWEST,
    FPRS,
    MAIN,
    Cell,
)
from scamdetect.bench.report.leaderboard import marked
from scamdetect.calibration.statistics import Estimate
from scamdetect.labels import kind_name, language_title
from scamdetect.reports.cells import counted, decimal, number, percent
from scamdetect.reports.section import Section, section

if TYPE_CHECKING:
    from scamdetect.bench.figures.results import Results

TOO_FEW = "too few"


def suite_section(results: Results, suite: str) -> Section:
    """Return all figures of every detector on a suite, seen rows included."""
    names = {one.name: marked(one) for one in results.run.detectors}
    header = ["detector", "n scam", "n legit"]
    for rate in FPRS:
        header += [f"T@{rate}: scams found", f"T@{rate}: false alarms"]
    header += ["own decision: scams found", "own decision: false alarms"]
    header += [*(f"R@{rate}" for rate in FPRS), "AUC", "AUPRC", "ECE"]
    header += ["pairs by rank", f"pairs at T@{MAIN}", "pairs, own decision"]
    header += [f"spam flagged at T@{MAIN}", "no answer", "learnt from"]
    rows = [
        [
            names[one.detector], f"{one.n_scam:,}", f"{one.n_legit:,}",
            *(cell for rate in FPRS for cell in _both(one.frozen.get(rate))),
            *_both(one.own),
            *(percent(one.recall_at[rate]) for rate in FPRS),
            decimal(one.auc), decimal(one.auprc),
            decimal(one.reliability.ece if one.reliability else None),
            counted(one.pairs_by_rank), counted(one.pairs_at_frozen), counted(one.pairs_at_own),
            counted(one.frozen[MAIN].spam if MAIN in one.frozen else None),
            unanswered(one), _learnt_from(one),
        ]
        for one in of_suite(results, suite)
    ]  # fmt: skip
    manifest = next(one for one in results.run.suites if one.name == suite)
    about = (
        f"{manifest.about} All messages count here, those too that a detector learnt from (named "
        "under: learnt from), so these are not the headline figures."
    )
    if suite in {one.suite for one in results.changed}:
        about += " Clean messages only; what changes cost them stands under changed messages."
    header, rows = _without_empty(header, rows)
    return section(suite, about, header, rows)


def calibration_section(results: Results, suites: Sequence[str]) -> Section:
    """Return whether probabilities are what they say."""
    rows = [
        [suite, one.detector, f"{found.n_scam:,}", f"{found.n_legit:,}", decimal(found.ece)]
        + [f"{found.noise_floor:.3f}", f"{found.brier:.3f}"]
        for suite in suites
        for one in of_suite(results, suite)
        if (found := one.reliability) is not None
    ]
    about = (
        "Whether a probability of 30 % means three scams in ten: the calibration error (ECE) is "
        "the mean gap between the two, and near the noise floor it is what chance alone gives. It "
        "depends on the share of scams in the suite, which is higher than in life."
    )
    header = ["suite", "detector", "n scam", "n legit", "ECE", "noise floor", "Brier score"]
    return section("Are probabilities what they say?", about, header, rows, "reliability")


def generator_section(results: Results, suite: str) -> Section | None:
    """Return the figures by who wrote the rows, None where people alone did."""
    about = (
        f"Scams found and false alarms at the frozen threshold (T@{MAIN}) by the language model "
        "that wrote the messages. Only rows that say no under 'learnt from it' tell how a "
        f"detector does on a writer that it never saw. R@{MAIN}: the threshold set with hindsight "
        "on that writer's own honest messages."
    )
    return _long(results, suite, "generator", f"By writer: {suite}", about)


def source_section(results: Results, suite: str) -> Section | None:
    """Return the figures by data set, None where there is one."""
    about = (
        f"The same by the data set that the messages come from; R@{MAIN} with the threshold set "
        "with hindsight on the data set's own honest messages."
    )
    return _long(results, suite, "source", f"By source: {suite}", about)


def language_section(results: Results, suite: str) -> Section | None:
    """Return scams found and false alarms by language."""
    about = (
        f"Scams found and false alarms by language at T@{MAIN}, the same threshold for all; under "
        f"{FEWEST} messages nothing is said. Seen messages count too."
    )
    return _matrix(
        results, suite, "language", f"By language: {suite}", about,
        language_title,
        {"scams found": lambda cell: cell.recall, "false alarms": lambda cell: cell.fpr},
        plots=(f"languages-{suite}",),
    )  # fmt: skip


def slice_section(results: Results, suite: str) -> Section | None:
    """Return false alarms by slice of honest talk."""
    about = (
        "Which honest messages are mistaken for scams, by what they are about, at "
        f"T@{MAIN}; under {FEWEST} messages nothing is said. Seen messages count too."
    )
    return _matrix(
        results, suite, "slice", f"False alarms by slice: {suite}", about, str,
        {"false alarms": lambda cell: cell.fpr},
    )  # fmt: skip


def kind_section(results: Results, suite: str) -> Section | None:
    """Return scams found and named by kind."""
    about = (
        f"Scams by kind (only where a person or the writer said which): how many are flagged at "
        f"T@{MAIN}, and how often the detector names the kind, where it names any; under "
        f"{FEWEST} nothing is said. One scam can be of several kinds."
    )
    return _matrix(
        results, suite, "kind", f"By kind of scam: {suite}", about, kind_name,
        {"scams found": lambda cell: cell.recall, "kind named": lambda cell: cell.named},
    )  # fmt: skip


def of_suite(results: Results, suite: str) -> list[SuiteFigures]:
    """Return the figures of every detector on a suite."""
    return [one for one in results.figures if one.suite == suite]


def enough(figure: Estimate | None) -> str:
    """Return the figure with its interval, words where it stands on too few rows."""
    return percent(figure) if figure is None or figure.n >= FEWEST else TOO_FEW


def unanswered(figures: SuiteFigures) -> str:
    """Return how many rows have no answer, by why."""
    reasons = ", ".join(f"{n:,} {why}" for why, n in figures.problems.items())
    return reasons or "0"


def _learnt_from(figures: SuiteFigures) -> str:
    if not figures.training_known:
        return "not known"
    return ", ".join(figures.seen) or "none"


def _both(at: AtThreshold | None) -> tuple[str, str]:
    return ("-", "-") if at is None else (percent(at.recall), percent(at.fpr))


def _long(results: Results, suite: str, by: str, title: str, about: str) -> Section | None:
    """Return a row a cell and detector."""
    rows = [
        [
            cell.name, one.detector,
            "not known" if not one.training_known else "yes" if cell.seen else "no",
            f"{cell.n_scam:,}", f"{cell.n_legit:,}",
            enough(cell.recall), enough(cell.fpr), enough(cell.recall_at),
        ]
        for one in of_suite(results, suite)
        for cell in one.cells
        if cell.by == by
    ]  # fmt: skip
    names = list(dict.fromkeys(row[0] for row in rows))
    if len(names) < 2:
        return None
    rows.sort(key=lambda row: names.index(row[0]))
    header = ["writer" if by == "generator" else by, "detector", "learnt from it"]
    header += ["n scam", "n legit", "scams found", "false alarms", f"R@{MAIN}"]
    return section(title, about, header, rows)


def _matrix(
    results: Results,
    suite: str,
    by: str,
    title: str,
    about: str,
    said: Callable[[str], str],
    figures: dict[str, Callable[[Cell], Estimate | None]],
    plots: tuple[str, ...] = (),
) -> Section | None:
    """Return a row a cell, beside one another the figures of every detector."""
    found = {
        one.detector: {cell.name: cell for cell in one.cells if cell.by == by}
        for one in of_suite(results, suite)
    }
    names = sorted({name for cells in found.values() for name in cells})
    header = [by, "n scam", "n legit", *(f"{one}: {what}" for one in found for what in figures)]
    rows = []
    for name in names:
        cells = [of_detector.get(name) for of_detector in found.values()]
        # Honest rows count where they were answered, so detectors may differ by a few.
        n_scam, n_legit = (
            max(getattr(cell, side) for cell in cells if cell) for side in ("n_scam", "n_legit")
        )
        told = [enough(what(cell)) if cell else "-" for cell in cells for what in figures.values()]
        if any(one != "-" for one in told):
            rows.append([said(name), number(n_scam or None), number(n_legit or None), *told])
    if not rows:
        return None
    header, rows = _without_empty(header, rows)
    return section(title, about, header, rows, *plots)


def _without_empty(header: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Return the table without columns that hold dashes alone."""
    kept = [place for place in range(len(header)) if any(row[place] != "-" for row in rows)]
    return [header[place] for place in kept], [[row[place] for place in kept] for row in rows]
