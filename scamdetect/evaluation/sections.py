"""The tables of an evaluation as Markdown; rows appear by source and hash only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from scamdetect.evaluation.authored import RATES
from scamdetect.evaluation.gates import BAR, FEWEST_ROWS, FIRST
from scamdetect.evaluation.metrics import Estimate
from scamdetect.evaluation.protocol import FLAG, FPRS, Evaluation, SourceResult
from scamdetect.evaluation.slices import CellRates, FalseAlarms
from scamdetect.pages import table

if TYPE_CHECKING:
    from scamdetect.evaluation.report import Report

_SHOWN = ("T@1%", FLAG)


def render(report: Report) -> str:
    """Return the whole report as Markdown, ending in a newline."""
    parts = [
        *_head(report),
        *_sources(report.detectors),
        *_authored(report.detectors),
        *_gates(report.detectors),
        *_spam(report.detectors),
        *_kinds(report.detectors),
    ]
    dev = {found.detector: found.false_alarms for found in report.detectors}
    parts += _alarms("left-out sources", dev)
    own = {found.detector: found.authored_false_alarms for found in report.detectors}
    parts += _alarms("authored rows", own)
    parts += _alarms("calibrate rows (in-source: a sanity check)", report.calibrate_false_alarms)
    parts += [*_languages(report), *_worst(report.detectors)]
    return "\n".join(parts) + "\n"


def _head(report: Report) -> list[str]:
    roles = "dev and test (final)" if report.final else "dev"
    lines = [
        f"# Evaluation of {report.bundle}",
        "",
        f"- {report.date}, commit {report.commit or 'unknown'}, {report.machine}",
        f"- model {report.model_id}; corpus sha256 {report.corpus_sha256}",
        f"- {report.n_rows:,} {roles} rows, {report.n_calibrate:,} calibrate rows; the baseline "
        f"learnt from {report.n_train:,} train rows",
        "- R@x: recall at the threshold that the set's own legit rows reach at x % (a measure of "
        "ranking). T@x: one global threshold chosen on the calibrate reference mix, with the FPR "
        "that it really has here. flag: as shipped.",
        "- Intervals are 95 %: Wilson for recall, Clopper-Pearson for FPR, resampled groups for "
        "R@x and AUC.",
        *(f"- {note}" for note in report.notes),
        "",
    ]
    for found in report.detectors:
        transferred = found.transferred
        chosen = [f"T@{rate} = {value:.6g}" for rate, value in transferred.thresholds.items()]
        lines.append(
            f"- {found.detector}: {', '.join(chosen)} (on {transferred.n_legit:,} legit rows that "
            f"weigh like {transferred.effective_n:,.0f}); selection score "
            f"{_share(found.selection.score)} ({found.selection.note})"
        )
    return [*lines, ""]


def _sources(detectors: Sequence[Evaluation]) -> list[str]:
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
            *(_percent(result.recall_at[rate]) for rate in FPRS),
            *(
                _percent(figure)
                for rate in FPRS
                for figure in (result.transferred[rate].recall, result.transferred[rate].fpr)
            ),
            _decimal(result.auc),
            _percent(result.flag.recall),
            _percent(result.flag.fpr),
        ]
        for detector, result in _by_source(detectors)
    ]
    note = "\\* selects the model; the others are reported only."
    return ["## By left-out source", "", *table(header, rows), "", note, ""]


def _authored(detectors: Sequence[Evaluation]) -> list[str]:
    """Return the figures on the project's own messages, over all and by cell."""
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
            at = [_percent(own.recall_at[rate]) for rate in RATES]
            pairs = (own.flag_recall, own.flag_fpr, own.pairs_by_rank, own.pairs_at_flag)
            rows.append([*label, *counts, _decimal(own.auc), *at, *map(_percent, pairs)])
            cells += [
                [
                    *label, cell.by, cell.name, f"{cell.n_scam:,}", f"{cell.n_legit:,}",
                    _percent(cell.recall_at_pooled), _percent(cell.flag_recall),
                    _percent(cell.flag_fpr),
                ]
                for cell in own.cells
            ]  # fmt: skip
    for own in detectors[0].authored:
        if own.reader_auc is not None:
            at = [_percent(own.reader_recall_at[rate]) for rate in RATES]
            blank = ["-"] * 4
            rows.append(
                [f"authored {own.role}", "blind reader", "-", "-", _decimal(own.reader_auc), *at]
                + blank
            )
    cells.sort(key=lambda row: (row[0], row[2], row[3]))
    writers = ", ".join(first.writers)
    note = (
        f"Messages written for this project in {first.n_languages} languages, by {writers}. The "
        "same writer wrote the train part: no generator-held-out result. The reader is of the same "
        "model family, and rows were written anew until it agreed: it is no independent ceiling."
    )
    head = ["rows", "detector", "by", "cell", "n scam", "n legit", "recall at the pooled R@1%"]
    return [
        "## On the project's own messages", "", note, "", *table(header, rows), "",
        *table([*head, "flag recall", "flag FPR"], cells), "",
    ]  # fmt: skip


def _gates(detectors: Sequence[Evaluation]) -> list[str]:
    words = {True: "met", False: "missed", None: f"not under {FEWEST_ROWS} rows"}
    rows = [
        [gate.where, gate.slice, found.detector, f"{gate.fpr.n:,}", _percent(gate.fpr)]
        + [words[gate.met]]
        for found in detectors
        for gate in found.gates
    ]
    rows.sort(key=lambda row: (row[1] != FIRST, row[1], row[0]))
    header = ["rows", "slice", "detector", "n legit", "flag FPR", "bar"]
    title = f"## Gates: at most {BAR:.0%} of an honest slice flagged as shipped"
    return [title, "", *(table(header, rows) if rows else ["No legit rows."]), ""]


def _spam(detectors: Sequence[Evaluation]) -> list[str]:
    rows = [
        [
            result.source,
            detector,
            f"{result.n_spam:,}",
            _percent(result.transferred["1%"].spam),
            _percent(result.flag.spam),
        ]
        for detector, result in _by_source(detectors)
        if result.n_spam
    ]
    if not rows:
        return []
    header = ["source", "detector", "n spam", *_SHOWN]
    title = "## Promotions flagged as scam (in no other figure)"
    return [title, "", *table(header, rows), ""]


def _kinds(detectors: Sequence[Evaluation]) -> list[str]:
    rows = []
    for kind in {result.kind: None for found in detectors for result in found.kinds}:
        for found in detectors:
            for result in found.kinds:
                if result.kind == kind:
                    flagged = [_measured(result.flagged[name]) for name in _SHOWN]
                    named = _measured(result.named)
                    rows.append([kind, found.detector, f"{result.n:,}", *flagged, named])
    if not rows:
        return ["## By kind", "", "Not measured: no row has a kind that was read or authored.", ""]
    header = ["kind", "detector", "n scam", *_SHOWN, "kind named"]
    title = "## Recall by kind (rows whose kinds are the source's own, read or authored)"
    return [title, "", *table(header, rows), ""]


def _alarms(where: str, found: Mapping[str, FalseAlarms]) -> list[str]:
    lines = []
    for title, part in (("slice", "slices"), ("language", "languages"), ("length", "lengths")):
        cells = {name: getattr(alarms, part) for name, alarms in found.items()}
        lines += [f"## False alarms by {title}: {where}", "", *_cells(title, cells), ""]
    return lines


def _cells(title: str, found: Mapping[str, Sequence[CellRates]]) -> list[str]:
    names = [cell.cell for cell in next(iter(found.values()), ())]
    by_name = {
        detector: {cell.cell: cell.rates for cell in cells} for detector, cells in found.items()
    }
    header = [title, "n legit", *(f"{name}, {shown}" for name in found for shown in _SHOWN)]
    rows = []
    for name in names:
        rates = [of_cell[name][shown] for of_cell in by_name.values() for shown in _SHOWN]
        rows.append([name, f"{rates[0].n:,}", *map(_percent, rates)])
    return table(header, rows) if rows else ["No legit rows."]


def _languages(report: Report) -> list[str]:
    rows = []
    for found in report.languages:
        for result in (found, *found.by_language.values()):
            lang = "all" if result is found else result.name
            accuracy = _percent(result.accuracy)
            rows.append([lang, found.name, f"{result.n:,}", f"{result.undetermined:,}", accuracy])
    rows.sort(key=lambda row: (row[0] != "all", row[0]))
    header = ["language", "by", "n", "und", "accuracy of the answered"]
    title = "## Language (the rows above and the calibrate rows)"
    return [title, "", *table(header, rows), ""]


def _worst(detectors: Sequence[Evaluation]) -> list[str]:
    rows = [
        [
            row.source,
            found.detector,
            row.row_hash,
            row.verdict,
            "unscored" if row.scam_probability is None else f"{row.scam_probability:.4f}",
        ]
        for found in detectors
        for row in found.worst
    ]
    header = ["source", "detector", "row", "verdict", "scam probability"]
    title = "## Worst errors at T@1% (five a side and source)"
    return [title, "", *(table(header, rows) if rows else ["None."])]


def _by_source(detectors: Sequence[Evaluation]) -> list[tuple[str, SourceResult]]:
    return [
        (found.detector, found.sources[place])
        for place in range(len(detectors[0].sources))
        for found in detectors
    ]


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{estimate.value:.1%} [{estimate.low * 100:.1f}, {estimate.high * 100:.1f}]"


def _measured(estimate: Estimate | None) -> str:
    return "not measured" if estimate is None else _percent(estimate)


def _decimal(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
