"""The tables of what was run: cost, overlap with training text, suites, detectors, gaps in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scamdetect.bench.figures.target import (
    FPRS,
)
from scamdetect.bench.folder import CALIBRATE
from scamdetect.bench.report.leaderboard import marked
from scamdetect.evaluate.contamination import CONTAINED
from scamdetect.reports.section import Section, section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scamdetect.bench.answers import Training
    from scamdetect.bench.figures.results import Results

_LONGEST = 60  # characters of a prompt in a cell


def overlap_section(results: Results) -> Section:
    """Return what the training text holds of the suites."""
    title = "Overlap with training text"
    sha256 = {one.name: one.sha256 for one in results.run.suites}
    rows = [
        [one.suite, one.by, ", ".join(one.detectors), f"{one.n:,}", f"{one.exact:,}"]
        + [f"{one.n_long:,}", f"{one.contained:,}"]
        for one in results.overlaps
        if sha256.get(one.suite) == one.suite_sha256
    ]
    if not rows:
        return Section(
            title,
            "Not measured: no detector says that it learnt from the corpus at hand, so nobody "
            "knows what of these messages they have seen.",
        )
    about = (
        "How many messages of a suite a detector has seen word for word in training, or with "
        f"{CONTAINED:.0%} or more of their 5-letter pieces in one training message (short ones "
        "are left out of that, and stock phrases count). Only detectors whose training text is "
        "known are looked at; for the others nothing is known."
    )
    header = ["suite", "by", "detectors", "n", "word for word", "n long", "half or more"]
    return section(title, about, header, rows)


def cost_section(results: Results) -> Section:
    """Return seconds and cost of 1,000 messages."""
    rows = [
        [one.detector, one.suite, f"{one.n_scam + one.n_legit + one.n_spam:,}"]
        + [_amount(one.seconds_per_1000), _amount(one.cost_per_1000)]
        for one in results.figures
    ]
    names = [one.name for one in results.run.detectors]
    rows.sort(key=lambda row: names.index(row[0]))
    about = (
        f"Seconds and money for 1,000 messages, on {results.run.machine or 'a machine unknown'}. "
        "Seconds are those of each answer added up: where calls run side by side, the clock shows "
        "fewer; those of remote detectors hold the network. Cost is in the currency of the prices "
        "that were given; a dash says that none were, not that it is free."
    )
    header = ["detector", "suite", "n", "seconds per 1,000", "cost per 1,000"]
    return section("Cost and time", about, header, rows)


def detector_section(results: Results) -> Section:
    """Return the detectors, what they learnt from and their thresholds."""
    rows = []
    for one in results.run.detectors:
        thresholds = results.thresholds.get(one.name, {})
        at = [_threshold(thresholds.get(rate)) for rate in FPRS]
        rows.append([marked(one), one.identity, _learnt_from(one.training), *at, one.note or "-"])
    about = (
        "Which detectors were measured, what they say they learnt from, and the thresholds that "
        f"were set for them on the messages of {CALIBRATE} and then frozen. Thresholds are in "
        "each detector's own score and do not compare."
    )
    header = ["detector", "identity", "learnt from", *(f"T@{rate}" for rate in FPRS), "note"]
    return section("Detectors", about, header, rows)


def suite_list_section(results: Results) -> Section:
    """Return the suites with what proves their rows."""
    rows = [
        [
            one.name, str(one.version), f"{one.rows:,}", *(
                f"{one.verdicts.get(verdict, 0):,}" for verdict in ("scam", "legit", "spam")
            ),
            f"{len(one.languages):,}", _listed(one.generators), _licences(one.licences),
            _made_with(one.made_with), "yes" if one.final else "no", one.sha256[:16],
        ]
        for one in results.run.suites
    ]  # fmt: skip
    about = (
        "The messages that were scored, changed copies included. Equal digits of the sha256 (the "
        "first 16; all in results.json) prove that two runs scored the same rows. Final: kept "
        "closed while detectors are built."
    )
    header = ["suite", "version", "n", "scam", "legit", "spam", "languages", "written by"]
    header += ["licences", "made with", "final", "sha256"]
    return section("Suites", about, header, rows)


def missing_section(results: Results) -> Section:
    """Return what was not scored to the end."""
    title = "What was not finished"
    if not results.missing:
        return Section(title, "Nothing: every detector scored every suite to the end.")
    rows = [
        [detector, suite, "no figures at all" if suite == CALIBRATE else "no figures on it"]
        for suite, detector in results.missing
    ]
    about = (
        "These detectors have no answers to the whole suite; what is not finished is in no figure. "
        f"Without {CALIBRATE} there is no threshold, so nothing at all can be said. The same "
        "command goes on."
    )
    return section(title, about, ["detector", "suite", "so it has"], rows)


def _amount(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


def _threshold(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _learnt_from(training: Training | None) -> str:
    if training is None:
        return "not known"
    return f"{len(training.sources)} sources, {len(training.generators)} writers"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items())


def _licences(licences: Mapping[str, str]) -> str:
    return ", ".join(sorted(set(licences.values())))


def _made_with(made_with: Mapping[str, str]) -> str:
    parts = [f"{name}: {value}" for name, value in made_with.items()]
    return (
        "; ".join(one if len(one) <= _LONGEST else f"{one[:_LONGEST]}..." for one in parts) or "-"
    )
