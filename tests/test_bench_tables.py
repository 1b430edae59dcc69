"""What the tables of a benchmark run say, and what they refuse to say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from invented_results import (
    BASELINE,
    HOSTILE,
    JUDGE,
    OWN,
    UNFINISHED,
    invented_results,
    share,
    without,
)

from scamdetect.bench import suite
from scamdetect.bench.figures.changes import ALL, Difference, Kept
from scamdetect.bench.figures.results import Results
from scamdetect.bench.report.change_tables import in_words, targets_met
from scamdetect.bench.report.leaderboard import BOUGHT, leaderboard
from scamdetect.bench.report.tables import chapters, facts
from scamdetect.evaluate.section import Section

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results() -> Results:
    return invented_results()


def _section(results: Results, title: str) -> Section:
    (found,) = (
        section
        for chapter in chapters(results)
        for section in chapter.sections
        if section.title == title
    )
    return found


def _cells(section: Section, *names: str) -> dict[str, str]:
    """Return the cells by column of the first row that begins with the names."""
    row = next(row for row in section.rows if row[: len(names)] == names)
    return dict(zip(section.header, row, strict=True))


def test_every_row_of_every_table_has_all_cells(results: Results) -> None:
    for chapter in chapters(results):
        for section in chapter.sections:
            assert section.about
            assert all(len(row) == len(section.header) for row in section.rows), section.title
            assert len(set(section.header)) == len(section.header), section.title


def test_the_headline_stands_with_its_interval_and_n(results: Results) -> None:
    row = _cells(leaderboard(results), OWN)
    assert row["human: scams found"] == "88.0% [85.7, 90.0] of 900"
    assert row["human: false alarms"] == "1.2% [0.7, 2.0] of 1,100"


def test_what_a_detector_has_seen_is_no_headline(results: Results) -> None:
    row = _cells(leaderboard(results), OWN)
    assert (row["pairs: scams found"], row["pairs: false alarms"]) == ("seen", "seen")
    assert row["llm: scams found"].endswith("of 400, unseen part")
    assert "unseen" not in row["human: scams found"]


def test_with_all_scams_seen_only_false_alarms_are_a_headline(results: Results) -> None:
    first = next(one for one in results.figures if (one.suite, one.detector) == ("llm", OWN))
    assert first.headline is not None
    half = replace(first, headline=replace(first.headline, recall=None), n_headline=(0, 500))
    figures = (half, *(one for one in results.figures if one is not first))
    row = _cells(leaderboard(replace(results, figures=figures)), OWN)
    assert row["llm: scams found"] == "seen"
    assert row["llm: false alarms"].startswith("1.3%")


def test_unknown_training_bought_recall_and_unfinished_runs_are_marked(results: Results) -> None:
    board = leaderboard(results)
    assert _cells(board, f"{JUDGE} †")["no answer"] == "2.0% of 10,500"
    assert _cells(board, BASELINE)["human: false alarms"].endswith(BOUGHT)
    assert BOUGHT not in _cells(board, OWN)["human: false alarms"]
    assert set(_cells(board, UNFINISHED).values()) == {UNFINISHED, "not finished"}


def test_only_suites_that_all_have_decide_the_order(results: Results) -> None:
    board = leaderboard(results)
    # Own has seen all of pairs, on which the others are weak.
    assert [row[0] for row in board.rows] == [OWN, f"{JUDGE} †", HOSTILE, BASELINE, UNFINISHED]
    assert "on human and llm; detectors marked" in board.about


def test_recall_kept_is_shown_by_strength(results: Results) -> None:
    row = _cells(leaderboard(results), BASELINE)
    assert row["evasion: recall kept"] == "light 92.5%, medium 85.0%, heavy 62.5%"
    assert row["rewrite: recall kept"] == "85.0% [78.7, 89.7] of 160"


def test_recall_kept_of_seen_messages_says_so(results: Results) -> None:
    figures = tuple(
        replace(one, seen=("quill-2",))
        if (one.suite, one.detector) == ("rewrite", BASELINE)
        else one
        for one in results.figures
    )
    board = leaderboard(replace(results, figures=figures))
    row = _cells(board, BASELINE)
    assert row["rewrite: recall kept"].endswith("of 160, seen")
    assert "Recall kept is on all messages" in board.about


def test_recall_bought_with_false_alarms_does_not_lead(results: Results) -> None:
    figures = tuple(
        replace(one, headline=replace(one.headline, recall=share(0.999, 900), fpr=share(0.6, 1100)))
        if (one.suite, one.detector) == ("human", BASELINE) and one.headline
        else one
        for one in results.figures
    )
    board = leaderboard(replace(results, figures=figures))
    assert [row[0] for row in board.rows][-2:] == [BASELINE, UNFINISHED]
    assert BOUGHT in board.about


def test_a_suite_shows_thresholds_own_decision_and_missing_answers(results: Results) -> None:
    row = _cells(_section(results, "human"), f"{JUDGE} †")
    assert row["T@1%: scams found"] == "81.0% [78.3, 83.4]"
    assert row["T@0.1%: scams found"] == "-"  # too few honest messages to set one on
    assert row["own decision: scams found"] == "84.0% [81.5, 86.2]"
    assert row["no answer"] == "12 malformed, 31 refused"
    assert row["learnt from"] == "not known"


def test_figures_that_no_detector_has_take_no_column(results: Results) -> None:
    assert "pairs by rank" not in _section(results, "human").header
    assert "pairs by rank" in _section(results, "pairs").header


def test_writers_are_marked_as_seen(results: Results) -> None:
    section = _section(results, "By writer: llm")
    assert _cells(section, "quill-2", OWN)["learnt from it"] == "yes"
    assert _cells(section, "scribe-large", OWN)["learnt from it"] == "no"
    assert _cells(section, "quill-2", JUDGE)["learnt from it"] == "not known"


def test_nothing_is_said_of_few_messages(results: Results) -> None:
    languages = _section(results, "By language: human")
    assert _cells(languages, "Thai (th)")[f"{OWN}: scams found"] == "too few"
    assert _cells(languages, "German (de)")[f"{OWN}: scams found"].startswith("96.0%")
    slices = _section(results, "False alarms by slice: human")
    assert _cells(slices, "dating_talk")[f"{OWN}: false alarms"] == "too few"
    kinds = _section(results, "By kind of scam: human")
    assert _cells(kinds, "romance")[f"{OWN}: scams found"] == "too few"


def test_recalibration_begins_with_the_frozen_threshold(results: Results) -> None:
    section = _section(results, "A new threshold from a few messages of the suite")
    row = _cells(section, "human", OWN, "1%")
    assert row["k = 0 (frozen): scams found"] == "88.0% [85.7, 90.0]"
    assert row["k = 200: scams found"] == "90.0% [87.0, 93.0]"
    assert _cells(section, "human", OWN, "0.1%")["k = 200: scams found"] == "too few"
    writer = _cells(section, "llm, by quill-2", OWN, "1%")
    assert writer["k = 0 (frozen): scams found"] == "76.0% [70.9, 80.5]"
    assert writer["k = 0 (frozen): false alarms"] == "-"  # of other honest messages


@pytest.mark.parametrize(
    ("strength", "kept", "after", "said"),
    [
        ("medium", 0.96, 0.012, "kept met, honest met"),
        ("medium", 0.94, 0.03, "kept missed, honest missed"),
        ("light", 0.96, 0.012, "kept missed, honest met"),
        ("light", None, 0.012, "kept not measured, honest met"),
        ("heavy", 0.5, 0.3, "-"),
    ],
)
def test_bars_are_named(strength: str, kept: float | None, after: float, said: str) -> None:
    figures = Kept(
        change=ALL, strength=strength, n_scam=100, n_legit=100,
        recall=(share(0.9, 100), share(0.8, 100)), fpr=(share(0.01, 100), share(after, 100)),
        kept=None if kept is None else share(kept, 90), honest_flipped=2,
    )  # fmt: skip
    assert targets_met(figures) == said


def test_differences_are_said_in_words() -> None:
    def said(first: int, second: int, p: float) -> str:
        return in_words(Difference("human", OWN, JUDGE, None, first, second, p))

    assert said(30, 2, 0.001) == "first more often right"
    assert said(2, 30, 0.001) == "second more often right"
    assert said(30, 2, 0.2) == "no difference shown"


def test_an_overlap_of_other_rows_is_not_shown(results: Results) -> None:
    old = replace(results.overlaps[0], suite_sha256="f" * 64)
    assert _section(results, "Overlap with training text").rows
    stale = _section(replace(results, overlaps=(old,)), "Overlap with training text")
    assert not stale.rows
    assert stale.about.startswith("Not measured")


def test_missing_parts_are_said_to_be_missing(results: Results) -> None:
    bare = without(results, "moved", "changed", "differences", "overlaps", "missing")
    titles = {section.title: section for chapter in chapters(bare) for section in chapter.sections}
    assert "Changed messages" not in {chapter.title for chapter in chapters(bare)}
    assert titles["Do two detectors differ?"].about.startswith("Not measured")
    assert titles["Not finished"].about.startswith("Nothing:")


def test_what_was_not_finished_is_told_with_what_it_costs(results: Results) -> None:
    section = _section(results, "Not finished")
    assert section.rows == (
        (UNFINISHED, "calibrate", "no figures at all"),
        (HOSTILE, "pairs", "no figures on it"),
    )
    assert any("2,100 messages of calibrate" in fact for fact in facts(results))


def test_a_run_of_the_benchmark_tells_its_checksum_and_what_is_not_of_it(results: Results) -> None:
    assert not any(suite.sha256() in fact for fact in facts(results))
    manifests = (*results.run.suites, replace(results.run.suites[0], name="mine"))
    run = replace(results.run, benchmark=suite.NAME, suites=manifests)
    told = facts(replace(results, run=run))
    assert told[1] == f"sha256 of the benchmark: {suite.sha256()}"
    assert told[2] == "Not part of the benchmark: mine"


def test_a_run_of_nothing_but_the_benchmark_has_no_such_line(results: Results) -> None:
    told = facts(replace(results, run=replace(results.run, benchmark=suite.NAME)))
    assert told[1].startswith("sha256") and not told[2].startswith("Not part of the benchmark")


def test_suites_that_a_release_opens_are_named(results: Results) -> None:
    assert not any(fact.startswith("Opened for a release") for fact in facts(results))
    first, second, *others = results.run.suites
    suites = (replace(first, final=True), replace(second, final=True), *others)
    told = facts(replace(results, run=replace(results.run, suites=suites)))
    assert f"Opened for a release: {first.name}, {second.name}" in told


def test_cost_is_a_dash_where_no_price_is_known(results: Results) -> None:
    section = _section(results, "Cost and time")
    assert _cells(section, JUDGE, "human")["cost per 1,000"] == "1.37"
    assert _cells(section, OWN, "human")["cost per 1,000"] == "-"
    assert _cells(section, JUDGE, "human")["seconds per 1,000"] == "840"
