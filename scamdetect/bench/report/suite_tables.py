"""Tables of one suite: all figures of each detector, by writer, source, language and kind."""

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
from scamdetect.evaluate.section import Section, section
from scamdetect.labels import kind_name, language_title
from scamdetect.train.cells import counted, decimal, number, percent

if TYPE_CHECKING:
    from scamdetect.bench.figures.results import Results

TOO_FEW = "too few"


def suite_section(results: Results, suite: str) -> Section:
    """Return all figures of every detector on a suite, including rows that it has seen."""
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
        f"{manifest.about} All messages count here, including those that a detector learnt from "
        "(see the column learnt from), so these are not the headline figures."
    )
    if suite in {one.suite for one in results.changed}:
        about += " Clean messages only; the chapter Changed messages has the changed ones."
    header, rows = _without_empty(header, rows)
    return section(suite, about, header, rows)


def calibration_section(results: Results, suites: Sequence[str]) -> Section:
    """Return how well the probabilities are calibrated."""
    rows = [
        [suite, one.detector, f"{found.n_scam:,}", f"{found.n_legit:,}", decimal(found.ece)]
        + [f"{found.noise_floor:.3f}", f"{found.brier:.3f}"]
        for suite in suites
        for one in of_suite(results, suite)
        if (found := one.reliability) is not None
    ]
    about = (
        "Three in ten messages with a probability of 30 % should be scams. The expected "
        "calibration error (ECE) is the mean gap between probability and share of scams. The noise "
        "floor is the ECE of right probabilities on so few messages. The ECE depends on the share "
        "of scams in the suite, which is higher than in real traffic."
    )
    header = ["suite", "detector", "n scam", "n legit", "ECE", "noise floor", "Brier score"]
    return section("Calibration", about, header, rows, "reliability")


def generator_section(results: Results, suite: str) -> Section | None:
    """Return the figures by writer, None if the suite has fewer than two."""
    about = (
        f"Scams found and false alarms at the frozen threshold (T@{MAIN}) by the language model "
        "that wrote the messages. Rows with no under 'learnt from it' measure a detector on a "
        f"writer that is not in its training. R@{MAIN}: scams found at a threshold set on that "
        "writer's own honest messages."
    )
    return _long(results, suite, "generator", f"By writer: {suite}", about)


def source_section(results: Results, suite: str) -> Section | None:
    """Return the figures by data set, None if the suite has fewer than two."""
    about = (
        f"Scams found and false alarms by the data set of the messages. R@{MAIN}: scams found at "
        "a threshold set on the data set's own honest messages."
    )
    return _long(results, suite, "source", f"By source: {suite}", about)


def language_section(results: Results, suite: str) -> Section | None:
    """Return scams found and false alarms by language, None if the suite has no figures."""
    about = (
        f"Scams found and false alarms by language at T@{MAIN}, the same threshold for all. "
        f"{TOO_FEW.capitalize()}: under {FEWEST} messages. Seen messages count too."
    )
    return _matrix(
        results, suite, "language", f"By language: {suite}", about,
        language_title,
        {"scams found": lambda cell: cell.recall, "false alarms": lambda cell: cell.fpr},
        plots=(f"languages-{suite}",),
    )  # fmt: skip


def slice_section(results: Results, suite: str) -> Section | None:
    """Return false alarms by topic of the honest messages, None if the suite has no topics."""
    about = (
        f"Honest messages flagged as scams at T@{MAIN}, by topic (slice). "
        f"{TOO_FEW.capitalize()}: under {FEWEST} messages. Seen messages count too."
    )
    return _matrix(
        results, suite, "slice", f"False alarms by slice: {suite}", about, str,
        {"false alarms": lambda cell: cell.fpr},
    )  # fmt: skip


def kind_section(results: Results, suite: str) -> Section | None:
    """Return scams found and kinds named by kind of scam, None if the suite has no kinds."""
    about = (
        "Scams whose kind a person or the writer labelled: how many are flagged at "
        f"T@{MAIN}, and how often a detector that names kinds names this one. "
        f"{TOO_FEW.capitalize()}: under {FEWEST} scams. A scam can have several kinds."
    )
    return _matrix(
        results, suite, "kind", f"By kind of scam: {suite}", about, kind_name,
        {"scams found": lambda cell: cell.recall, "kind named": lambda cell: cell.named},
    )  # fmt: skip


def of_suite(results: Results, suite: str) -> list[SuiteFigures]:
    """Return the figures of every detector on a suite."""
    return [one for one in results.figures if one.suite == suite]


def enough(figure: Estimate | None) -> str:
    """Return the figure with its interval, or "too few" if it is from too few rows."""
    return percent(figure) if figure is None or figure.n >= FEWEST else TOO_FEW


def unanswered(figures: SuiteFigures) -> str:
    """Return the number of rows without an answer, by reason."""
    reasons = ", ".join(f"{n:,} {why}" for why, n in figures.problems.items())
    return reasons or "0"


def _learnt_from(figures: SuiteFigures) -> str:
    if not figures.training_known:
        return "not known"
    return ", ".join(figures.seen) or "none"


def _both(at: AtThreshold | None) -> tuple[str, str]:
    return ("-", "-") if at is None else (percent(at.recall), percent(at.fpr))


def _long(results: Results, suite: str, by: str, title: str, about: str) -> Section | None:
    """Return a table with a row for each cell and detector, None if it has fewer than two cells."""
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
    shown: Callable[[str], str],
    figures: dict[str, Callable[[Cell], Estimate | None]],
    plots: tuple[str, ...] = (),
) -> Section | None:
    """Return a table with a row for each cell and the figures of each detector in its columns."""
    found = {
        one.detector: {cell.name: cell for cell in one.cells if cell.by == by}
        for one in of_suite(results, suite)
    }
    names = sorted({name for cells in found.values() for name in cells})
    header = [by, "n scam", "n legit", *(f"{one}: {what}" for one in found for what in figures)]
    rows = []
    for name in names:
        cells = [of_detector.get(name) for of_detector in found.values()]
        # Honest rows without an answer do not count, so detectors may differ by a few.
        n_scam, n_legit = (
            max(getattr(cell, side) for cell in cells if cell) for side in ("n_scam", "n_legit")
        )
        shares = [
            enough(what(cell)) if cell else "-" for cell in cells for what in figures.values()
        ]
        if any(one != "-" for one in shares):
            rows.append([shown(name), number(n_scam or None), number(n_legit or None), *shares])
    if not rows:
        return None
    header, rows = _without_empty(header, rows)
    return section(title, about, header, rows, *plots)


def _without_empty(header: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Return the table without the columns that contain only dashes."""
    kept = [place for place in range(len(header)) if any(row[place] != "-" for row in rows)]
    return [header[place] for place in kept], [[row[place] for place in kept] for row in rows]
