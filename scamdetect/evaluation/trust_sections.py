"""The tables that say how far a bundle can be trusted: calibration, disguises, overlap, errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scamdetect.evaluation import evasion
from scamdetect.evaluation.cells import decimal, measured, percent, probability, share
from scamdetect.evaluation.contamination import CONTAINED, FEWEST_SHINGLES
from scamdetect.evaluation.kind_figures import ToldKind
from scamdetect.evaluation.protocol import FLAG, WorstRow
from scamdetect.evaluation.reliability import BINS
from scamdetect.evaluation.section import Section, section

if TYPE_CHECKING:
    from scamdetect.evaluation.report import Report

ECE_BAR = 0.03  # at 20 % scams


def kinds_told_section(report: Report) -> Section:
    """Return how rightly the bundle names kinds."""
    told = report.kinds_told
    title = "Precision of kinds (rows whose kinds were read or authored)"
    if told.macro_f1 is None:
        return Section(title, "Not measured: under 30 such scams of every kind.")
    about = (
        "Among scams: how often a kind that the bundle names is right, and how often it names the "
        f"one that is there. Macro F1 over the {told.n_kinds} kinds with 30 scams or more: "
        f"{decimal(told.macro_f1)}."
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


def evasion_section(report: Report) -> Section:
    """Return what disguises cost."""
    if not report.evasion:
        return Section("Evasion", "Not measured: no authored dev rows are here.")
    rows = []
    for one in report.evasion:
        rates = one.rates[FLAG]
        area = " -> ".join("-" if value is None else f"{value:.3f}" for value in one.auc)
        recalls, alarms = (
            " -> ".join("-" if value is None else f"{value.value:.1%}" for value in pair)
            for pair in (rates.recall, rates.fpr)
        )
        rows.append(
            [one.evasion, one.strength, f"{one.n_scam:,}", f"{one.n_legit:,}", area, recalls]
            + [percent(one.kept[FLAG]), alarms, _evasion_bar(one)]
        )
    light, medium = (evasion.KEPT[name] for name in ("light", "medium"))
    strengths = ", ".join(f"{name} {part:.0%}" for name, part in evasion.STRENGTHS.items())
    about = (
        f"Authored dev messages, clean -> disguised, as shipped. Words disguised: {strengths}; "
        "only messages that the evasion changes. Bars, over all evasions together: "
        f"{medium:.0%} of the clean recall kept at medium, {light:.0%} at light, and at most "
        f"{100 * evasion.MORE_FLAGS:.1f} points more honest texts flagged."
    )
    header = ["evasion", "strength", "n scam", "n legit", "AUC", "flag recall", "recall kept"]
    return section("Evasion", about, [*header, "flag FPR", "bar"], rows, "evasion")


def _evasion_bar(one: evasion.EvasionResult) -> str:
    bar, kept, alarms = evasion.KEPT.get(one.strength), one.kept[FLAG], one.rates[FLAG].fpr
    if one.evasion != evasion.ALL or bar is None or kept is None:
        return "-"
    clean, disguised = alarms
    more = disguised.value - clean.value if clean and disguised else 0.0
    failed = ["recall"] if kept.value < bar else []
    failed += ["honest texts"] if more > evasion.MORE_FLAGS else []
    return f"missed: {', '.join(failed)}" if failed else "met"


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
    about = "Dev scams let pass with the lowest scores, then honest messages flagged with the "
    about += "highest, by source and row hash."
    title = "Worst 50 errors of the bundle as shipped"
    return section(title, about if rows else "None.", header, rows)
