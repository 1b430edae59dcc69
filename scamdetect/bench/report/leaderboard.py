"""Leaderboard of a run, and tables of its cost, overlap, suites and detectors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from scamdetect.bench.figures.changes import ALL
from scamdetect.bench.figures.measures import (
    SuiteFigures,
)
from scamdetect.bench.figures.target import (
    FPRS,
    MAIN,
)
from scamdetect.bench.folder import CALIBRATE
from scamdetect.evaluate.contamination import CONTAINED
from scamdetect.evaluate.section import Section, section
from scamdetect.reports.cells import listed
from scamdetect.train.cells import amount, counted, number, share, tally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scamdetect.bench.answers import Training
    from scamdetect.bench.figures.results import Results
    from scamdetect.bench.folder import DetectorRecord
    from scamdetect.calibration.statistics import Estimate

UNKNOWN = "†"  # a detector whose training data is not known
BOUGHT = "‡"  # the lower bound of its false alarms is over twice the rate asked for
SEEN, UNFINISHED, NO_THRESHOLD = "seen", "not finished", "no threshold"


def changed_suites(results: Results) -> list[str]:
    """Return the suites with changed copies of messages, in the order of the run."""
    found = {one.suite for one in results.changed}
    return [one.name for one in results.run.suites if one.name in found]


def plain_suites(results: Results) -> list[str]:
    """Return the other suites that have figures, in the order of the run."""
    found = {one.suite for one in results.figures} - set(changed_suites(results))
    return [one.name for one in results.run.suites if one.name in found]


def leaderboard(results: Results) -> Section:
    """Return the headline figures, sorted by mean recall on the suites that all detectors have.

    Detectors with far too many false alarms on one of these suites come last.
    """
    suites, changed = plain_suites(results), changed_suites(results)
    header = ["detector"]
    for suite in suites:
        header += [f"{suite}: scams found", f"{suite}: false alarms"]
    header += [f"{suite}: recall kept" for suite in changed] + ["no answer"]
    found = {(one.suite, one.detector): one for one in results.figures}
    ranked = _common(suites, results.figures)
    rows = []
    for detector in sorted(results.run.detectors, key=lambda one: _place(one, ranked, found)):
        row = [marked(detector)]
        for suite in suites:
            row += _headline(found.get((suite, detector.name)))
        row += [_kept(results, suite, detector.name) for suite in changed]
        rows.append([*row, _unanswered(results, detector.name)])
    order = "In the order of the command."
    if ranked:
        order = (
            f"Sorted by the mean share of scams found on {listed(ranked)}; detectors marked "
            f"{BOUGHT} on one of them come last."
        )
    about = (
        "The share of scams that a detector finds, and of honest messages that it flags by "
        f"mistake. The threshold was set to flag {MAIN} of other honest messages. Sources and "
        f"writers that the detector learnt from are left out. {order}"
    )
    if changed:
        about += (
            f" Recall kept is on all messages; {SEEN} means that the detector learnt from "
            "sources or writers among them."
        )
    return section("Leaderboard", about, header, rows, "headline", "time", "cost")


def marked(detector: DetectorRecord) -> str:
    """Return the name of a detector, marked if its training data is not known."""
    return detector.name if detector.training is not None else f"{detector.name} {UNKNOWN}"


def _common(suites: list[str], figures: Iterable[SuiteFigures]) -> list[str]:
    """Return the suites on which every detector with figures has a headline recall."""
    measured = {one.detector for one in figures}
    found = {(one.suite, one.detector) for one in figures if one.headline and one.headline.recall}
    return [suite for suite in suites if all((suite, name) in found for name in measured)]


def _place(
    detector: DetectorRecord, ranked: list[str], found: dict[tuple[str, str], SuiteFigures]
) -> tuple[bool, bool, float]:
    """Return the sort key of a detector: no figures, too many false alarms, mean recall."""
    figures = [found[suite, detector.name] for suite in ranked if (suite, detector.name) in found]
    headlines = [one.headline for one in figures if one.headline is not None]
    recalls = [one.recall.value for one in headlines if one.recall is not None]
    return (
        all(name != detector.name for _, name in found),
        any(_bought(one.fpr) for one in headlines),
        -sum(recalls) / len(recalls) if recalls else 0.0,
    )


def _bought(fpr: Estimate | None) -> bool:
    return fpr is not None and fpr.low > 2 * FPRS[MAIN]


def _headline(figures: SuiteFigures | None) -> tuple[str, str]:
    if figures is None:
        return UNFINISHED, UNFINISHED
    if MAIN not in figures.frozen:
        return NO_THRESHOLD, NO_THRESHOLD
    headline = figures.headline
    recall, fpr = (headline.recall, headline.fpr) if headline else (None, None)
    n_scam, n_legit = figures.n_headline
    # If a side of the suite has no figure, the detector has seen all of that side.
    found = counted(recall) if recall or not figures.n_scam or not figures.seen else SEEN
    alarms = counted(fpr) if fpr or not figures.n_legit or not figures.seen else SEEN
    if recall and n_scam < figures.n_scam:
        found += ", unseen part"
    if _bought(fpr):
        alarms += f" {BOUGHT}"
    if fpr and figures.seen and n_legit < figures.n_legit:
        alarms += ", unseen part"
    return found, alarms


def _kept(results: Results, suite: str, detector: str) -> str:
    figures = next(
        (one for one in results.figures if (one.suite, one.detector) == (suite, detector)), None
    )
    if figures is None:
        return UNFINISHED
    for one in results.changed:
        if (one.suite, one.detector) == (suite, detector):
            together = [kept for kept in one.figures if kept.change == ALL]
            shown = (
                _kept_of(together[0].kept)
                if len(together) == 1
                else ", ".join(
                    f"{kept.strength} {share(kept.kept.value if kept.kept else None)}"
                    for kept in together
                )
            )
            return f"{shown}, {SEEN}" if figures.seen else shown
    return NO_THRESHOLD


def _kept_of(kept: Estimate | None) -> str:
    return "too few" if kept is None else counted(kept)


def _unanswered(results: Results, detector: str) -> str:
    own = [one for one in results.figures if one.detector == detector]
    n = sum(one.n_scam + one.n_legit + one.n_spam for one in own)
    missing = sum(sum(one.problems.values()) for one in own)
    return f"{missing / n:.1%} of {n:,}" if n else UNFINISHED


_LONGEST = 60  # characters of a prompt in a cell


def overlap_section(results: Results) -> Section:
    """Return how many messages of the suites are in the training text."""
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
            "Not measured: no detector names this corpus as its training data, so it is not known "
            "which of these messages the detectors have seen.",
        )
    about = (
        "How many messages of a suite are word for word in the training data of a detector, and "
        f"how many long ones share {CONTAINED:.0%} or more of their 5-letter pieces with one "
        "training message (stock phrases count). Detectors whose training data is not known are "
        "left out."
    )
    header = ["suite", "by", "detectors", "n", "word for word", "n long", "half or more"]
    return section(title, about, header, rows)


def cost_section(results: Results) -> Section:
    """Return the seconds and the cost of 1,000 messages."""
    rows = [
        [one.detector, one.suite, f"{one.n_scam + one.n_legit + one.n_spam:,}"]
        + [amount(one.seconds_per_1000), amount(one.cost_per_1000)]
        for one in results.figures
    ]
    names = [one.name for one in results.run.detectors]
    rows.sort(key=lambda row: names.index(row[0]))
    about = (
        f"Seconds and money for 1,000 messages, on {results.run.machine or 'an unknown machine'}. "
        "The seconds of all answers are added; calls that run in parallel take less time by the "
        "clock. The seconds of remote detectors include the network. Cost is in the currency of "
        "the prices passed. A dash means that no price was passed, not that it is free."
    )
    header = ["detector", "suite", "n", "seconds per 1,000", "cost per 1,000"]
    return section("Cost and time", about, header, rows)


def detector_section(results: Results) -> Section:
    """Return the detectors with their training data and thresholds."""
    rows = []
    for one in results.run.detectors:
        thresholds = results.thresholds.get(one.name, {})
        at = [number(thresholds.get(rate), ".6g") for rate in FPRS]
        rows.append([marked(one), one.identity, _learnt_from(one.training), *at, one.note or "-"])
    about = (
        "The detectors measured, the training data that they name, and their thresholds, which "
        f"were set on the messages of {CALIBRATE} and then frozen. Each threshold is on the scale "
        "of its detector's scores, so do not compare thresholds of two detectors."
    )
    header = ["detector", "identity", "learnt from", *(f"T@{rate}" for rate in FPRS), "note"]
    return section("Detectors", about, header, rows)


def suite_list_section(results: Results) -> Section:
    """Return the suites with their size, origin and checksum."""
    rows = [
        [
            one.name, str(one.version), f"{one.rows:,}", *(
                f"{one.verdicts.get(verdict, 0):,}" for verdict in ("scam", "legit", "spam")
            ),
            f"{len(one.languages):,}", tally(one.generators), _licences(one.licences),
            _made_with(one.made_with), "yes" if one.final else "no", one.sha256[:16],
        ]
        for one in results.run.suites
    ]  # fmt: skip
    about = (
        "The messages that were scored, including changed copies. Two runs with the same sha256 "
        "scored the same rows; the table shows the first 16 digits, results.json all. Final: "
        "measured only for a release, never used to choose a detector."
    )
    header = ["suite", "version", "n", "scam", "legit", "spam", "languages", "written by"]
    header += ["licences", "made with", "final", "sha256"]
    return section("Suites", about, header, rows)


def missing_section(results: Results) -> Section:
    """Return the suites that a detector has not finished."""
    title = "Not finished"
    if not results.missing:
        return Section(title, "Nothing: every detector scored every suite.")
    rows = [
        [detector, suite, "no figures at all" if suite == CALIBRATE else "no figures on it"]
        for suite, detector in results.missing
    ]
    about = (
        "These detectors have not answered the whole suite, so it is left out of their figures. "
        f"Without {CALIBRATE} a detector has no threshold and no figures at all. Run the same "
        "command to continue."
    )
    return section(title, about, ["detector", "suite", "consequence"], rows)


def _learnt_from(training: Training | None) -> str:
    if training is None:
        return "not known"
    return f"{len(training.sources)} sources, {len(training.generators)} writers"


def _licences(licences: Mapping[str, str]) -> str:
    return ", ".join(sorted(set(licences.values())))


def _made_with(made_with: Mapping[str, str]) -> str:
    parts = [f"{name}: {value}" for name, value in made_with.items()]
    return (
        "; ".join(one if len(one) <= _LONGEST else f"{one[:_LONGEST]}..." for one in parts) or "-"
    )
