"""The tables of an evaluation, each with its meaning; rows appear only by source and hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from scamdetect.calibration.reliability import BINS, FEWEST_CALIBRATED
from scamdetect.evaluate import evasion
from scamdetect.evaluate.authored import RATES
from scamdetect.evaluate.contamination import CONTAINED, FEWEST_SHINGLES
from scamdetect.evaluate.protocol import FLAG, FPRS, Evaluation, SourceResult, WorstRow
from scamdetect.evaluate.section import Section, section
from scamdetect.evaluate.slices import TOGETHER, CellRates, FalseAlarms, ToldKind
from scamdetect.labels import Verdict
from scamdetect.train.bars import BAR, ECE_BAR, FEWEST_ROWS, FIRST
from scamdetect.train.cells import (
    change,
    decimal,
    measured,
    moved,
    number,
    percent,
    probability,
    share,
)

if TYPE_CHECKING:
    from scamdetect.evaluate.report import Report


def seen_rows(report: Report) -> str:
    """Return which rows measure kinds, in words."""
    return f"{'test' if report.final else 'dev'} rows whose kinds were read or authored"


def kinds_told_section(report: Report) -> Section:
    """Return how accurately the bundle identifies kinds."""
    told = report.kinds_told
    title = f"Precision of kinds ({seen_rows(report)})"
    if told.macro_f1 is None:
        return Section(title, "Not measured: fewer than 30 such scams of every kind.")
    about = (
        "Among scams: how often a kind that the bundle lists is right, and how often it lists "
        f"the right one. Macro F1 over the {told.n_kinds} kinds with at least 30 scams: "
        f"{decimal(told.macro_f1)}, its interval from resampled groups; those of precision "
        "(over the scams listed under the kind) and recall (over n scam) are Wilson's, 95 %. "
        f"Kinds stated only by a source or a rule do not count. {TOGETHER.capitalize()}: scams "
        "that are both, and both listed."
    )
    rows = [
        [one.kind, one.rows, f"{one.n:,}", _precision(one), measured(one.recall)]
        + [number(one.f1, ".3f", "not measured")]
        for one in told.kinds
    ]
    return section(title, about, ["kind", "rows", "n scam", "precision", "recall", "F1"], rows)


def _precision(told: ToldKind) -> str:
    never = told.recall is not None and told.precision is None
    return "never named" if never else measured(told.precision)


def calibration_section(report: Report) -> Section:
    """Return the section on the accuracy of probabilities."""
    rows = [
        [one.name, detector, f"{one.n_scam:,}", f"{one.n_legit:,}", f"{one.base_rate:.1%}"]
        + [decimal(one.ece), f"{one.noise_floor:.3f}", f"{one.brier:.4f}"]
        for detector, found in report.reliability.items()
        for one in found
    ]
    names = list(dict.fromkeys(row[0] for row in rows))
    rows.sort(key=lambda row: names.index(row[0]))
    about = (
        "Whether a probability of 30 % means three scams in ten. The expected calibration "
        f"error (ECE) is the mean gap over {BINS} bins of equal mass; the target is {ECE_BAR} "
        "on the reference mix at 20 % scams. The noise floor is the ECE of as few rows with "
        "perfect probabilities: an ECE near it does not indicate an error. Resampled rows add "
        "noise, so the interval is too high and may miss the true error from above."
    )
    if report.same_corpus:
        about += " The bundle's calibration was fitted on the calibrate mix."
    header = [
        "rows",
        "detector",
        "n scam",
        "n legit",
        "scams by weight",
        "ECE",
        "noise floor",
        "Brier score",
    ]
    return section("Calibration", about, header, rows, "reliability")


def kind_calibration_section(report: Report) -> Section:
    """Return the section on the accuracy of the bundle's kind probabilities."""
    title = "Calibration of kinds (authored dev rows, as found)"
    rows = [
        [one.name, f"{one.n_scam:,}", f"{one.n_legit:,}", decimal(one.ece)]
        + [f"{one.noise_floor:.3f}", f"{one.brier:.4f}"]
        for one in report.kind_reliability
    ]
    if not rows:
        return Section(
            title, f"Not measured: fewer than {FEWEST_CALIBRATED} such scams of each kind."
        )
    about = (
        "The probability that a message is a scam of the kind, compared with scams of other "
        "kinds and honest messages."
    )
    header = ["kind", "n of the kind", "n other", "ECE", "noise floor", "Brier score"]
    return section(title, about, header, rows)


def evasion_sections(report: Report) -> list[Section]:
    """Return the cost of disguises, and the honest messages flagged because of them by script."""
    if not report.evasion:
        return [Section("Evasion", "Not measured: there are no authored dev rows.")]
    rows = []
    for one in report.evasion:
        rates = one.rates[FLAG]
        area = " -> ".join(number(value, ".3f") for value in one.auc)
        kept = one.kept[FLAG]
        rows.append(
            [one.evasion, one.strength, f"{one.n_scam:,}", f"{one.n_legit:,}", area]
            + [change(*rates.recall), measured(kept), f"{kept.n:,}" if kept else "-"]
            + [change(*rates.fpr), evasion_bar(one)]
        )
    light, medium = (evasion.KEPT[name] for name in ("light", "medium"))
    strengths = ", ".join(f"{name} {part:.0%}" for name, part in evasion.STRENGTHS.items())
    about = (
        "Authored dev messages, clean -> disguised, at the shipped threshold. Words disguised: "
        f"{strengths}; only messages that the evasion changes. Recall kept is measured if at "
        f"least {evasion.FEWEST_FLAGGED} messages are flagged clean. Targets, for the figures "
        "themselves and not their bounds, because the messages are few: over all evasions "
        f"together {medium:.0%} of the clean recall kept at medium and {light:.0%} at light, "
        f"and for each at most {100 * evasion.MORE_FLAGS:.1f} points more honest texts flagged."
    )
    header = ["evasion", "strength", "n scam", "n legit", "AUC", "flag recall", "recall kept"]
    header += ["n flagged clean", "flag FPR", "target (point values)"]
    return [section("Evasion", about, header, rows, "evasion"), _honest_by_script(report)]


def evasion_bar(one: evasion.EvasionResult) -> str:
    """Return whether the figures themselves reach the targets of their strength."""
    bar, kept, (clean, disguised) = (
        evasion.KEPT.get(one.strength),
        one.kept[FLAG],
        one.rates[FLAG].fpr,
    )
    if bar is None:
        return "-"
    reached: dict[str, bool | None] = {}
    if one.evasion == evasion.ALL:
        reached["recall"] = None if kept is None else kept.value >= bar
    if clean and disguised:
        reached["honest texts"] = disguised.value - clean.value <= evasion.MORE_FLAGS
    words = {True: "met", False: "missed", None: "not measured"}
    return ", ".join(f"{name} {words[met]}" for name, met in reached.items()) or "-"


def _honest_by_script(report: Report) -> Section:
    counts = [one.rates[FLAG].legit_by_group for one in report.evasion]
    scripts = sorted({name for found in counts for name in found})
    rows = [
        [one.evasion, one.strength, *(moved(found.get(name)) for name in scripts)]
        for one, found in zip(report.evasion, counts, strict=True)
    ]
    about = (
        "How many honest messages are flagged, clean -> disguised of n, by the script of most "
        "of their letters. Over all evasions together a message counts once per disguise."
    )
    header = ["evasion", "strength", *(name.title() for name in scripts)]
    return section("Honest messages flagged under a disguise, by script", about, header, rows)


def corpus_warning(report: Report) -> list[str]:
    """Return a one-line warning if the bundle was not trained on the measured corpus."""
    if report.same_corpus:
        return []
    known = (
        f"was trained on another corpus ({report.trained_on})"
        if report.trained_on
        else ("does not state its training corpus")
    )
    return [
        f"WARNING: the bundle {known}, so it may have been trained on rows that are measured "
        "here; the contamination audit reads only the train rows of the measured corpus."
    ]


def contamination_section(report: Report) -> Section:
    """Return the overlap of the measured rows with the training text."""
    rows = [
        [one.rows, f"{one.n:,}", f"{one.exact:,}", f"{one.n_long:,}", f"{one.contained:,}"]
        + [share(one.most)]
        for one in report.contamination
    ]
    about = (
        "How many measured messages occur in the training text: equal after normalisation, or "
        f"with at least {CONTAINED:.0%} of their character 5-grams in one train message. The "
        "build of the corpus removes near-duplicates by a stricter rule (MinHash), so this "
        f"looser one is the test; messages with fewer than {FEWEST_SHINGLES} 5-grams are left "
        "out, and stock phrases count as overlap."
    )
    header = ["rows", "n", "exact", "n long", "half or more", "highest share"]
    about = " ".join([about, *corpus_warning(report)])
    return section("Contamination audit", about, header, rows)


def worst_at_flag_section(worst: Sequence[WorstRow]) -> Section:
    """Return the worst errors of the bundle."""
    rows = [
        [row.source, row.row_hash, row.verdict, probability(row.scam_probability)] for row in worst
    ]
    header = ["source", "row", "verdict", "scam probability"]
    missed = sum(row.verdict == Verdict.SCAM.value for row in worst)
    about = (
        f"The {missed} missed dev scams with the lowest scores, then the {len(worst) - missed} "
        "flagged honest messages with the highest, by source and row hash."
    )
    title = f"Worst {len(worst)} errors of the bundle at the shipped threshold"
    if not rows:
        title, about = "Worst errors of the bundle at the shipped threshold", "No dev rows."
    return section(title, about, header, rows)


_SHOWN = ("T@1%", FLAG)
_PAIRS = (
    "A pair is a scam and an honest message of the same topic and words: by rank, the scam "
    "scores higher, ties half; at the flag threshold (for a reader, 50 %), only the scam is "
    "flagged."
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
    """Return what was measured and how, one line each."""
    role = "test" if report.final else "dev"
    lines = [
        f"{report.date}, commit {report.commit or 'unknown'}, {report.machine}",
        f"model {report.model_id}; corpus sha256 {report.corpus_sha256}",
        *corpus_warning(report),
        f"{report.n_rows:,} {role} rows, {report.n_calibrate:,} calibrate rows; the baselines "
        f"were trained on {report.n_train:,} train rows",
        "R@x: recall at the threshold that the set's own legit rows reach at x % (a measure of "
        "ranking). T@x: one global threshold chosen on the calibrate reference mix, with its "
        "actual FPR here. flag: the shipped threshold.",
        "Intervals are 95 %: Wilson for recall, Clopper-Pearson for FPR, resampled groups for "
        "R@x, AUC, calibration error and the recall kept under disguises.",
        *report.notes,
    ]
    for found in report.detectors:
        transferred = found.transferred
        chosen = [f"T@{rate} = {value:.6g}" for rate, value in transferred.thresholds.items()]
        lines.append(
            f"{found.detector}: {', '.join(chosen)} (on {transferred.n_legit:,} legit rows, "
            f"effective number {transferred.effective_n:,.0f}); selection score "
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
    unseen = "the model never saw" if report.same_corpus else "this corpus excludes from training"
    about = (
        f"How many scams of sources that {unseen} are found, and the false alarms. Sources with "
        "an asterisk select the model; the others are only reported."
    )
    return section("By left-out source", about, header, rows, "roc", "scores")


def _authored(report: Report) -> list[Section]:
    """Return the figures on the project's own messages, in total and by cell."""
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
        + (
            f"The same writers wrote train rows ({shared}): this is not a generator-held-out "
            "result. "
            if shared
            else ""
        )
        + "Readers' corrections, and how a reader compares with the writer, are in data/README.md."
    )
    by_cell = (
        "The same messages by language, slice and kind; one threshold for all, reached by 1 % "
        "of their legit rows."
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
    title = f"Gates: at most {BAR:.0%} of an honest slice flagged at the shipped threshold"
    about = (
        f"False alarms by kind of honest talk. Met: the rate is at most {BAR:.0%} and its upper "
        f"bound at most {2 * BAR:.0%}, on at least {FEWEST_ROWS} rows."
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
        "Advertising is neither scam nor legit here and is counted separately; on the "
        "project's own messages only at the flag threshold."
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
        "How many scams of each kind are flagged, and how often the kind is listed, with 95 % "
        "Wilson intervals. Kinds stated only by a source or a rule do not count."
    )
    if not rows:
        about = "Not measured: no row has kinds that were read or authored."
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
    about = "Share of legit rows at or above the threshold." if rows else "No legit rows."
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
    return section(title, "How often the language is identified correctly.", header, rows)


def _worst(detectors: Sequence[Evaluation]) -> Section:
    rows = [
        [row.source, found.detector, row.row_hash, row.verdict, probability(row.scam_probability)]
        for found in detectors
        for row in found.worst
    ]
    header = ["source", "detector", "row", "verdict", "scam probability"]
    title = "Worst errors at T@1% (five of each type and source)"
    return section(title, "By source and row hash." if rows else "None.", header, rows)


def _by_source(detectors: Sequence[Evaluation]) -> list[tuple[str, SourceResult]]:
    return [
        (found.detector, found.sources[place])
        for place in range(len(detectors[0].sources))
        for found in detectors
    ]
