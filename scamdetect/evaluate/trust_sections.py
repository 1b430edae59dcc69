"""The tables that say how far a bundle can be trusted: calibration, disguises, overlap, errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scamdetect.calibration.reliability import BINS, FEWEST_CALIBRATED
from scamdetect.evaluate import evasion
from scamdetect.evaluate.contamination import CONTAINED, FEWEST_SHINGLES
from scamdetect.evaluate.kind_figures import TOGETHER, ToldKind
from scamdetect.evaluate.protocol import FLAG, WorstRow
from scamdetect.labels import Verdict
from scamdetect.reports.cells import change, decimal, measured, moved, probability, share
from scamdetect.reports.section import Section, section
from scamdetect.train.bars import ECE_BAR

if TYPE_CHECKING:
    from scamdetect.evaluate.report import Report


def seen_rows(report: Report) -> str:
    """Return which rows measure kinds, in words."""
    return f"{'test' if report.final else 'dev'} rows whose kinds were read or authored"


def kinds_told_section(report: Report) -> Section:
    """Return how rightly the bundle names kinds."""
    told = report.kinds_told
    title = f"Precision of kinds ({seen_rows(report)})"
    if told.macro_f1 is None:
        return Section(title, "Not measured: under 30 such scams of every kind.")
    about = (
        "Among scams: how often a kind that the bundle names is right, and how often it names the "
        f"one that is there. Macro F1 over the {told.n_kinds} kinds with 30 scams or more: "
        f"{decimal(told.macro_f1)}, its interval from resampled groups; those of precision (over "
        "the scams that are named) and recall (over n scam) are Wilson's, 95 %. Kinds that only a "
        f"source or a rule stated do not count. "
        f"{TOGETHER.capitalize()}: scams that are both, and both named."
    )
    rows = [
        [one.kind, one.rows, f"{one.n:,}", _precision(one), measured(one.recall)]
        + ["not measured" if one.f1 is None else f"{one.f1:.3f}"]
        for one in told.kinds
    ]
    return section(title, about, ["kind", "rows", "n scam", "precision", "recall", "F1"], rows)


def _precision(told: ToldKind) -> str:
    never = told.recall is not None and told.precision is None
    return "never named" if never else measured(told.precision)


def calibration_section(report: Report) -> Section:
    """Return whether probabilities are what they say."""
    rows = [
        [one.name, detector, f"{one.n_scam:,}", f"{one.n_legit:,}", f"{one.base_rate:.1%}"]
        + [decimal(one.ece), f"{one.noise_floor:.3f}", f"{one.brier:.4f}"]
        for detector, found in report.reliability.items()
        for one in found
    ]
    names = list(dict.fromkeys(row[0] for row in rows))
    rows.sort(key=lambda row: names.index(row[0]))
    about = (
        "Whether a probability of 30 % means three scams in ten. The expected calibration error "
        f"(ECE) is the mean gap over {BINS} bins of equal mass; the bar is {ECE_BAR} on the "
        "reference mix at 20 % scams. The noise floor is the ECE that as few rows show where every "
        "probability is right: an ECE near it is no sign of an error. Resampled rows add noise of "
        "their own, so the interval lies too high and may miss the true error from above."
    )
    if report.same_corpus:
        about += " The calibrate mix is what the bundle's was fitted on."
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
    """Return whether the bundle's probabilities of kinds are what they say."""
    title = "Calibration of kinds (authored dev rows, as found)"
    rows = [
        [one.name, f"{one.n_scam:,}", f"{one.n_legit:,}", decimal(one.ece)]
        + [f"{one.noise_floor:.3f}", f"{one.brier:.4f}"]
        for one in report.kind_reliability
    ]
    if not rows:
        return Section(title, f"Not measured: under {FEWEST_CALIBRATED} such scams of each kind.")
    about = (
        "The probability that a message is a scam of the kind, against scams of other kinds and "
        "honest messages."
    )
    header = ["kind", "n of the kind", "n other", "ECE", "noise floor", "Brier score"]
    return section(title, about, header, rows)


def evasion_sections(report: Report) -> list[Section]:
    """Return what disguises cost, and the honest messages that they set off by script."""
    if not report.evasion:
        return [Section("Evasion", "Not measured: no authored dev rows are here.")]
    rows = []
    for one in report.evasion:
        rates = one.rates[FLAG]
        area = " -> ".join("-" if value is None else f"{value:.3f}" for value in one.auc)
        kept = one.kept[FLAG]
        rows.append(
            [one.evasion, one.strength, f"{one.n_scam:,}", f"{one.n_legit:,}", area]
            + [change(*rates.recall), measured(kept), f"{kept.n:,}" if kept else "-"]
            + [change(*rates.fpr), evasion_bar(one)]
        )
    light, medium = (evasion.KEPT[name] for name in ("light", "medium"))
    strengths = ", ".join(f"{name} {part:.0%}" for name, part in evasion.STRENGTHS.items())
    about = (
        f"Authored dev messages, clean -> disguised, as shipped. Words disguised: {strengths}; "
        "only messages that the evasion changes. Recall kept is measured where "
        f"{evasion.FEWEST_FLAGGED} messages or more are flagged clean. Bars, on the figures "
        "themselves and not their bounds, since the messages are few: over all evasions together "
        f"{medium:.0%} of the clean recall kept at medium and {light:.0%} at light, and by each at "
        f"most {100 * evasion.MORE_FLAGS:.1f} points more honest texts flagged."
    )
    header = ["evasion", "strength", "n scam", "n legit", "AUC", "flag recall", "recall kept"]
    header += ["n flagged clean", "flag FPR", "bar (point values)"]
    return [section("Evasion", about, header, rows, "evasion"), _honest_by_script(report)]


def evasion_bar(one: evasion.EvasionResult) -> str:
    """Return whether the figures themselves reach the bars of their strength."""
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
        "How many honest messages are flagged, clean -> disguised of n, by the script of most of "
        "their letters. Over all evasions together a message counts once a disguise."
    )
    header = ["evasion", "strength", *(name.title() for name in scripts)]
    return section("Honest messages flagged under a disguise, by script", about, header, rows)


def corpus_warning(report: Report) -> list[str]:
    """Return what to mind where the bundle did not learn from the measured corpus, in a line."""
    if report.same_corpus:
        return []
    known = (
        f"learnt from another corpus ({report.trained_on})"
        if report.trained_on
        else ("does not say which corpus it learnt from")
    )
    return [
        f"WARNING: the bundle {known}, so it may have trained on rows that are measured here; the "
        "contamination audit looks into the train rows of the measured corpus alone."
    ]


def contamination_section(report: Report) -> Section:
    """Return what the training text holds of the measured rows."""
    rows = [
        [one.rows, f"{one.n:,}", f"{one.exact:,}", f"{one.n_long:,}", f"{one.contained:,}"]
        + [share(one.most)]
        for one in report.contamination
    ]
    about = (
        "How many measured messages stand in the training text: word for word after normalisation, "
        f"or with {CONTAINED:.0%} or more of their character 5-grams in one train message. The "
        "build of the corpus removes near-duplicates by a stricter rule (MinHash), so this looser "
        f"one is the test; messages under {FEWEST_SHINGLES} 5-grams are left out of it, and stock "
        "phrases count as overlap."
    )
    header = ["rows", "n", "exact", "n long", "half or more", "highest share"]
    about = " ".join([about, *corpus_warning(report)])
    return section("Contamination audit", about, header, rows)


def worst_at_flag_section(worst: Sequence[WorstRow]) -> Section:
    """Return the rows on which the bundle is most wrong."""
    rows = [
        [row.source, row.row_hash, row.verdict, probability(row.scam_probability)] for row in worst
    ]
    header = ["source", "row", "verdict", "scam probability"]
    missed = sum(row.verdict == Verdict.SCAM.value for row in worst)
    about = (
        f"The {missed} dev scams let pass with the lowest scores, then the {len(worst) - missed} "
        "honest messages flagged with the highest, by source and row hash."
    )
    title = f"Worst {len(worst)} errors of the bundle as shipped"
    if not rows:
        title, about = "Worst errors of the bundle as shipped", "No dev row."
    return section(title, about, header, rows)
