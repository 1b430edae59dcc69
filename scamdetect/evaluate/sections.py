"""The tables of an evaluation, each with what it means; rows appear by source and hash only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from scamdetect.evaluate.authored import RATES
from scamdetect.evaluate.protocol import FLAG, FPRS, Evaluation, SourceResult
from scamdetect.evaluate.slices import CellRates, FalseAlarms
from scamdetect.evaluate.trust_sections import (
    calibration_section,
    contamination_section,
    corpus_warning,
    evasion_sections,
    kind_calibration_section,
    kinds_told_section,
    seen_rows,
    worst_at_flag_section,
)
from scamdetect.reports.cells import decimal, measured, percent, probability, share
from scamdetect.reports.section import Section, section
from scamdetect.train.bars import BAR, FEWEST_ROWS, FIRST

if TYPE_CHECKING:
    from scamdetect.evaluate.report import Report

_SHOWN = ("T@1%", FLAG)
_PAIRS = (
    "A pair is a scam and an honest message of the same topic and words: by rank, the scam scores "
    "higher, ties half; at the flag threshold (for a reader, 50 %), it alone is flagged."
)


def sections(report: Report) -> list[Section]:
    """Return all sections in the order of the page."""
    detectors = report.detectors
    dev = {found.detector: found.false_alarms for found in detectors}
    own = {found.detector: found.authored_false_alarms for found in detectors}
    return [
        _sources(report),
        *_authored(report),
        _gates(detectors),
        calibration_section(report),
        *evasion_sections(report),
        _kinds(report),
        kinds_told_section(report),
        kind_calibration_section(report),
        *_spam(detectors),
        *_alarms("left-out sources", dev),
        *_alarms("authored rows", own),
        *_alarms("calibrate rows (in-source: a sanity check)", report.calibrate_false_alarms),
        _languages(report),
        contamination_section(report),
        _worst(detectors),
        worst_at_flag_section(report.worst_at_flag),
    ]


def facts(report: Report) -> list[str]:
    """Return what was measured and how, a line each."""
    role = "test" if report.final else "dev"
    lines = [
        f"{report.date}, commit {report.commit or 'unknown'}, {report.machine}",
        f"model {report.model_id}; corpus sha256 {report.corpus_sha256}",
        *corpus_warning(report),
        f"{report.n_rows:,} {role} rows, {report.n_calibrate:,} calibrate rows; the baselines "
        f"learnt from {report.n_train:,} train rows",
        "R@x: recall at the threshold that the set's own legit rows reach at x % (a measure of "
        "ranking). T@x: one global threshold chosen on the calibrate reference mix, with the FPR "
        "that it really has here. flag: as shipped.",
        "Intervals are 95 %: Wilson for recall, Clopper-Pearson for FPR, resampled groups for "
        "R@x, AUC, calibration error and what a disguise leaves.",
        *report.notes,
    ]
    for found in report.detectors:
        transferred = found.transferred
        chosen = [f"T@{rate} = {value:.6g}" for rate, value in transferred.thresholds.items()]
        lines.append(
            f"{found.detector}: {', '.join(chosen)} (on {transferred.n_legit:,} legit rows that "
            f"weigh like {transferred.effective_n:,.0f}); selection score "
            f"{share(found.selection.score)} ({found.selection.note})"
        )
    return lines


def _sources(report: Report) -> Section:
    header = ["source", "detector", "n scam", "n legit", "unscored"]
    header += [f"R@{rate}" for rate in FPRS]
    for rate in FPRS:
        header += [f"T@{rate}", f"FPR of T@{rate}"]
    header += ["AUC", "flag recall", "flag FPR"]
    rows = [
        [
            result.source + (" *" if result.selects else ""),
            detector,
            f"{result.n_scam:,}",
            f"{result.n_legit:,}",
            f"{result.n_unscored:,}",
            *(percent(result.recall_at[rate]) for rate in FPRS),
            *(
                percent(figure)
                for rate in FPRS
                for figure in (result.transferred[rate].recall, result.transferred[rate].fpr)
            ),
            decimal(result.auc),
            percent(result.flag.recall),
            percent(result.flag.fpr),
        ]
        for detector, result in _by_source(report.detectors)
    ]
    unseen = "the model never saw" if report.same_corpus else "this corpus keeps from training"
    about = (
        f"How many scams of sources that {unseen} are found, and at what price in false alarms. "
        "Sources with an asterisk select the model; the others are reported only."
    )
    return section("By left-out source", about, header, rows, "roc", "scores")


def _authored(report: Report) -> list[Section]:
    """Return the figures on the project's own messages, over all and by cell."""
    detectors = report.detectors
    if not any(found.authored for found in detectors):
        return []
    first = detectors[0].authored[0]
    header = ["rows", "detector", "n scam", "n legit", "AUC", *(f"R@{rate}" for rate in RATES)]
    header += ["flag recall", "flag FPR", "pairs by rank", "pairs at the flag threshold"]
    rows, cells = [], []
    for found in detectors:
        for own in found.authored:
            label = [f"authored {own.role}", found.detector]
            counts = [f"{own.n_scam:,}", f"{own.n_legit:,}"]
            at = [percent(own.recall_at[rate]) for rate in RATES]
            pairs = (own.flag_recall, own.flag_fpr, own.pairs_by_rank, own.pairs_at_flag)
            rows.append([*label, *counts, decimal(own.auc), *at, *map(percent, pairs)])
            cells += [
                [
                    *label, cell.by, cell.name, f"{cell.n_scam:,}", f"{cell.n_legit:,}",
                    percent(cell.recall_at_pooled), percent(cell.flag_recall),
                    percent(cell.flag_fpr),
                ]
                for cell in own.cells
            ]  # fmt: skip
    for own in detectors[0].authored:
        if own.reader_auc is not None:
            at = [percent(own.reader_recall_at[rate]) for rate in RATES]
            read_pairs = [percent(own.reader_pairs_by_rank), percent(own.reader_pairs_at_flag)]
            rows.append(
                [f"authored {own.role}", "blind reader", "-", "-", decimal(own.reader_auc), *at]
                + ["-", "-", *read_pairs]
            )
    cells.sort(key=lambda row: (row[0], row[2], row[3]))
    shared = ", ".join(name for name in first.writers if name in report.train_writers)
    note = (
        f"Messages written for this project in {first.n_languages} languages, by "
        f"{', '.join(first.writers)}. "
        + (f"Train rows are by {shared} too: no generator-held-out result. " if shared else "")
        + "What readers changed, and how a reader stands to the writer, is in data/README.md."
    )
    by_cell = (
        "The same messages by language, slice and kind; one threshold over all of them, which 1 % "
        "of their legit rows reach."
    )
    head = ["rows", "detector", "by", "cell", "n scam", "n legit", "recall at the pooled R@1%"]
    return [
        section("On the project's own messages", f"{note} {_PAIRS}", header, rows, "pairs"),
        section(
            "The project's own messages by language, slice and kind", by_cell,
            [*head, "flag recall", "flag FPR"], cells, "languages", "kinds",
        ),
    ]  # fmt: skip


def _gates(detectors: Sequence[Evaluation]) -> Section:
    rows = [
        [gate.where, gate.slice, found.detector, f"{gate.fpr.n:,}", percent(gate.fpr)]
        + [gate.verdict]
        for found in detectors
        for gate in found.gates
    ]
    rows.sort(key=lambda row: (row[1] != FIRST, row[1], row[0]))
    header = ["rows", "slice", "detector", "n legit", "flag FPR", "bar"]
    title = f"Gates: at most {BAR:.0%} of an honest slice flagged as shipped"
    about = (
        f"False alarms by kind of honest talk. Met: the rate is at most {BAR:.0%} and its upper "
        f"bound at most {2 * BAR:.0%}, on {FEWEST_ROWS} rows or more."
    )
    return section(title, about if rows else "No legit rows.", header, rows, "alarms")


def _spam(detectors: Sequence[Evaluation]) -> list[Section]:
    rows = [
        [
            result.source,
            detector,
            f"{result.n_spam:,}",
            percent(result.transferred["1%"].spam),
            percent(result.flag.spam),
        ]
        for detector, result in _by_source(detectors)
        if result.n_spam
    ]
    rows += [
        [f"authored {own.role}", found.detector, f"{spam.n:,}", "-", percent(spam)]
        for found in detectors
        for own in found.authored
        if (spam := own.flag_spam) is not None
    ]
    if not rows:
        return []
    header = ["source", "detector", "n spam", *_SHOWN]
    about = (
        "Advertising is neither scam nor legit here and stands beside. On the project's own "
        "messages it is counted at the flag threshold alone."
    )
    return [section("Promotions flagged as scam (in no other figure)", about, header, rows)]


def _kinds(report: Report) -> Section:
    rows, detectors = [], report.detectors
    for kind in {result.kind: None for found in detectors for result in found.kinds}:
        for found in detectors:
            for result in found.kinds:
                if result.kind == kind:
                    flagged = [measured(result.flagged[name]) for name in _SHOWN]
                    named = measured(result.named)
                    rows.append([kind, found.detector, f"{result.n:,}", *flagged, named])
    header = ["kind", "detector", "n scam", *_SHOWN, "kind named"]
    title = f"Recall by kind ({seen_rows(report)})"
    about = (
        "How many scams of each kind are flagged, and how often the kind is named, with 95 % "
        "Wilson intervals. Kinds that only a source or a rule stated do not count."
    )
    if not rows:
        about = "Not measured: no row has a kind that was read or authored."
    return section(title, about, header, rows)


def _alarms(where: str, found: Mapping[str, FalseAlarms]) -> list[Section]:
    parts = []
    for title, part in (("slice", "slices"), ("language", "languages"), ("length", "lengths")):
        cells = {name: getattr(alarms, part) for name, alarms in found.items()}
        parts.append(_cells(f"False alarms by {title}: {where}", title, cells))
    return parts


def _cells(title: str, by: str, found: Mapping[str, Sequence[CellRates]]) -> Section:
    names = [cell.cell for cell in next(iter(found.values()), ())]
    by_name = {
        detector: {cell.cell: cell.rates for cell in cells} for detector, cells in found.items()
    }
    header = [by, "n legit", *(f"{name}, {shown}" for name in found for shown in _SHOWN)]
    rows = []
    for name in names:
        rates = [of_cell[name][shown] for of_cell in by_name.values() for shown in _SHOWN]
        rows.append([name, f"{rates[0].n:,}", *map(percent, rates)])
    about = "Share of legit rows at or over the threshold." if rows else "No legit rows."
    return section(title, about, header, rows)


def _languages(report: Report) -> Section:
    rows = []
    for found in report.languages:
        for result in (found, *found.by_language.values()):
            lang = "all" if result is found else result.name
            accuracy = percent(result.accuracy)
            rows.append([lang, found.name, f"{result.n:,}", f"{result.undetermined:,}", accuracy])
    rows.sort(key=lambda row: (row[0] != "all", row[0]))
    header = ["language", "by", "n", "und", "accuracy of the answered"]
    title = "Language (the rows above and the calibrate rows)"
    return section(title, "How often the language is told right.", header, rows)


def _worst(detectors: Sequence[Evaluation]) -> Section:
    rows = [
        [row.source, found.detector, row.row_hash, row.verdict, probability(row.scam_probability)]
        for found in detectors
        for row in found.worst
    ]
    header = ["source", "detector", "row", "verdict", "scam probability"]
    title = "Worst errors at T@1% (five a side and source)"
    return section(title, "By source and row hash." if rows else "None.", header, rows)


def _by_source(detectors: Sequence[Evaluation]) -> list[tuple[str, SourceResult]]:
    return [
        (found.detector, found.sources[place])
        for place in range(len(detectors[0].sources))
        for found in detectors
    ]
