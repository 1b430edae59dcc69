"""The leaderboard of a run: a row a detector, a suite beside the other."""

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
from scamdetect.reports.cells import counted, share
from scamdetect.reports.section import Section, section

if TYPE_CHECKING:
    from scamdetect.bench.figures.results import Results
    from scamdetect.bench.folder import DetectorRecord
    from scamdetect.calibration.statistics import Estimate

UNKNOWN = "†"  # it is not known what the detector learnt from
BOUGHT = "‡"  # its false alarms are certainly over twice what was asked
SEEN, UNFINISHED, NO_THRESHOLD = "seen", "not finished", "no threshold"


def changed_suites(results: Results) -> list[str]:
    """Return the suites that hold changed copies of messages, in the order of the run."""
    found = {one.suite for one in results.changed}
    return [one.name for one in results.run.suites if one.name in found]


def plain_suites(results: Results) -> list[str]:
    """Return the other suites that have figures, in the order of the run."""
    found = {one.suite for one in results.figures} - set(changed_suites(results))
    return [one.name for one in results.run.suites if one.name in found]


def leaderboard(results: Results) -> Section:
    """Return the headline figures, by mean recall on the suites where all have one.

    Who bought recall with false alarms on one of those comes after who did not.
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
    order = "as asked for"
    if ranked:
        order = (
            f"by the mean share of scams found on {_listed(ranked)}, those marked {BOUGHT} on one "
            "of them after the others"
        )
    about = (
        "How many scams a detector finds, and how many honest messages it flags by mistake, at a "
        f"threshold that was set to flag {MAIN} of other honest messages; only on messages from "
        f"sources and writers that it did not learn from. In order {order}; read both columns, "
        "for who flags everything finds every scam."
    )
    if changed:
        about += (
            f" Recall kept is of all messages, and {SEEN} says that the detector learnt from "
            "sources or writers among them."
        )
    return section("Leaderboard", about, header, rows, "headline", "time", "cost")


def marked(detector: DetectorRecord) -> str:
    """Return the name of a detector, marked where it is not known what it learnt from."""
    return detector.name if detector.training is not None else f"{detector.name} {UNKNOWN}"


def _common(suites: list[str], figures: Iterable[SuiteFigures]) -> list[str]:
    """Return the suites on which every detector with figures has a headline: these compare."""
    measured = {one.detector for one in figures}
    told = {(one.suite, one.detector) for one in figures if one.headline and one.headline.recall}
    return [suite for suite in suites if all((suite, name) in told for name in measured)]


def _place(
    detector: DetectorRecord, ranked: list[str], found: dict[tuple[str, str], SuiteFigures]
) -> tuple[bool, bool, float]:
    """Return what sorts a detector: without figures, bought recall, mean recall."""
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


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _headline(figures: SuiteFigures | None) -> tuple[str, str]:
    if figures is None:
        return UNFINISHED, UNFINISHED
    if MAIN not in figures.frozen:
        return NO_THRESHOLD, NO_THRESHOLD
    headline = figures.headline
    recall, fpr = (headline.recall, headline.fpr) if headline else (None, None)
    n_scam, n_legit = figures.n_headline
    # Where a side is missing though the suite has it, the detector has seen all of it.
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
            told = (
                _kept_of(together[0].kept)
                if len(together) == 1
                else ", ".join(
                    f"{kept.strength} {share(kept.kept.value if kept.kept else None)}"
                    for kept in together
                )
            )
            return f"{told}, {SEEN}" if figures.seen else told
    return NO_THRESHOLD


def _kept_of(kept: Estimate | None) -> str:
    return "too few" if kept is None else counted(kept)


def _unanswered(results: Results, detector: str) -> str:
    own = [one for one in results.figures if one.detector == detector]
    n = sum(one.n_scam + one.n_legit + one.n_spam for one in own)
    missing = sum(sum(one.problems.values()) for one in own)
    return f"{missing / n:.1%} of {n:,}" if n else UNFINISHED
