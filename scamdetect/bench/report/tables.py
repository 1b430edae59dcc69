"""Collect all tables of a run in the order of the report, and write the report as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from scamdetect.bench import suite as release
from scamdetect.bench.figures.target import MAIN
from scamdetect.bench.folder import CALIBRATE
from scamdetect.bench.report.change_tables import (
    change_sections,
    difference_section,
    recalibration_section,
)
from scamdetect.bench.report.leaderboard import (
    BOUGHT,
    UNKNOWN,
    changed_suites,
    cost_section,
    detector_section,
    leaderboard,
    missing_section,
    overlap_section,
    plain_suites,
    suite_list_section,
)
from scamdetect.bench.report.suite_tables import (
    calibration_section,
    generator_section,
    kind_section,
    language_section,
    slice_section,
    source_section,
    suite_section,
)
from scamdetect.evaluate.section import Chapter, Section, section_lines
from scamdetect.train.pages import escaped

if TYPE_CHECKING:
    from scamdetect.bench.figures.results import Results

LONG = 30  # rows from which a table is folded
HOW_TO_READ = (
    ("Scams found", "the share of scams that a detector flags (recall). More is better."),
    ("False alarms", "the share of honest messages that it flags (FPR). Fewer is better. Read both "
     "figures together: a detector that flags every message finds every scam."),
    (f"T@{MAIN}", "the threshold that flags 1 % of the honest messages of a separate mix "
     f"({CALIBRATE}). It is set once and frozen. On other messages it flags another share, which "
     "the tables show."),
    (f"R@{MAIN}", "scams found at the threshold that flags 1 % of the suite's own honest messages. "
     "It measures how well a detector ranks, not what its user gets."),
    ("71.2% [68.0, 74.3] of 1,204", "the figure, its 95 % interval and the number of messages. "
     "Figures whose intervals overlap may differ only by chance."),
    ("Seen", "a detector learnt from this source or writer, so a good figure proves little. A "
     "writer is a person or a language model (generator). Unseen part: the figure leaves out what "
     "this detector learnt from, so it is measured on fewer messages than the figures next to it."),
    (UNKNOWN, "the training data of the detector is not known. It may contain these messages, so "
     "the figures may be too good."),
    (BOUGHT, f"even the lower end of the interval is more than twice the {MAIN} of false alarms "
     "asked for. Do not compare its scams found with those of detectors that keep to the rate."),
    ("Recall kept", "scams found after their words are changed, divided by scams found before "
     "(over 100 %: more than before). The leaderboard gives all changes together, by strength."),
    ("Legit, spam", "legit is honest. Spam is unwanted advertising without fraud and counts "
     "neither as scam nor as honest."),
    ("No answer", "a refused or unreadable answer. A scam without an answer is not found. An "
     "honest message without an answer is not counted, which favours detectors that refuse often."),
    ("AUC, AUPRC, pairs", "how well scams rank above honest messages. 1 is perfect; chance is 0.5 "
     "for AUC and the share of scams for AUPRC, so compare AUPRC on the same suite only. A pair is "
     "a scam and an honest message in nearly the same words; it counts if both are right."),
)  # fmt: skip


def render(results: Results) -> str:
    """Return the report as Markdown: results first, the glossary last."""
    lines = ["# Leaderboard"]
    for chapter in chapters(results):
        lines += ["", f"## {chapter.title}"]
        lines += section_lines(chapter.sections, 3, escape=escaped, fold=LONG)
    lines += ["", "## About this run", "", *(f"- {escaped(fact)}" for fact in facts(results))]
    lines += ["", "## How to read this", ""]
    lines += [f"- **{escaped(name)}**: {escaped(words)}" for name, words in HOW_TO_READ]
    return "\n".join(lines) + "\n"


def chapters(results: Results) -> list[Chapter]:
    """Return all tables in the order of the report; chapters without tables are left out."""
    plain, changed = plain_suites(results), changed_suites(results)
    found = [
        _chapter("Results", [leaderboard(results)]),
        _chapter("Every suite", [suite_section(results, one) for one in (*plain, *changed)]),
        _chapter(
            "Who wrote the messages",
            [generator_section(results, one) for one in plain]
            + [source_section(results, one) for one in plain],
        ),
        _chapter("Languages", [language_section(results, one) for one in plain]),
        _chapter("False alarms", [slice_section(results, one) for one in plain]),
        _chapter("Kinds of scam", [kind_section(results, one) for one in plain]),
        _chapter("New messages", [recalibration_section(results)]),
        _chapter("Changed messages", change_sections(results)),
        _chapter("Trust", [
            difference_section(results), calibration_section(results, plain),
            overlap_section(results),
        ]),
        _chapter("The run", [
            cost_section(results), detector_section(results), suite_list_section(results),
            missing_section(results),
        ]),
    ]  # fmt: skip
    return [one for one in found if one.sections]


def facts(results: Results) -> list[str]:
    """Return facts about the run: one line each for rows, date, machine and intervals."""
    run = results.run
    lines = [run.benchmark]
    if run.benchmark == release.NAME:
        lines.append(f"sha256 of the benchmark: {release.sha256()}")
        if foreign := [one.name for one in run.suites if not release.knows(one.name)]:
            lines.append(f"Not part of the benchmark: {', '.join(foreign)}")
    lines += [
        f"{run.date}, commit {run.commit or 'unknown'}, {run.machine}",
        f"{len(run.detectors)} detectors, {len(plain_suites(results) + changed_suites(results))} "
        f"suites; thresholds set on {_rows(results, CALIBRATE)} messages of {CALIBRATE}",
        "Intervals are 95 %, from resampled groups of near-copies. They are never narrower than "
        "the Wilson interval (scams found) or the exact interval (false alarms) of as many "
        "messages as groups.",
    ]
    if final := [one.name for one in run.suites if one.final]:
        lines.append(f"Opened for a release: {', '.join(final)}")
    if results.missing:
        lines.append(f"Not finished: {len(results.missing)} of the scores, listed under The run")
    return lines


def _rows(results: Results, suite: str) -> str:
    return next((f"{one.rows:,}" for one in results.run.suites if one.name == suite), "no")


def _chapter(title: str, sections: Iterable[Section | None]) -> Chapter:
    return Chapter(title, tuple(one for one in sections if one is not None))
