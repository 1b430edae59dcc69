"""The kit of reports: cells, sections as Markdown, and what Markdown pages share."""

from __future__ import annotations

from pathlib import Path

import pytest

from scamdetect.errors import InputError
from scamdetect.reports import cells
from scamdetect.reports.pages import between_markers, escaped, section_lines, table, titled
from scamdetect.reports.section import Section, section


def test_a_table_has_a_header_a_rule_and_rows() -> None:
    assert table(["a", "b"], [["1", "2"]]) == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]


def test_a_section_is_replaced_between_its_markers() -> None:
    page = "top <s> old </s> end"
    assert between_markers(page, "<s>", "</s>", ["new"], Path("x")) == "top <s>\nnew\n</s> end"


@pytest.mark.parametrize("page", ["", "<s> only", "only </s>", "</s> turned <s>"])
def test_missing_markers_are_named(page: str) -> None:
    with pytest.raises(InputError, match=r"x\.md: .* <s> and </s>"):
        between_markers(page, "<s>", "</s>", [], Path("x.md"))


def test_a_section_has_a_title_a_meaning_and_a_table() -> None:
    one = section("Sources *", "What it means.", ["a"], [["1 *"]])
    empty = Section("Nothing", "No rows.", ("a",))
    assert list(section_lines([one, empty], 3, escape=escaped)) == [
        "", "### Sources \\*", "", "What it means.", "", "| a |", "| --- |", "| 1 \\* |",
        "", "### Nothing", "", "No rows.",
    ]  # fmt: skip


def test_a_long_table_is_folded_away() -> None:
    long = section("Long", "", ["a"], [["1"]] * 3)
    summary = "<details><summary>3 rows</summary>"
    assert list(section_lines([long], fold=4)) == list(titled("Long", "", table(["a"], long.rows)))
    assert list(section_lines([long], fold=3))[3:5] == [summary, ""]
    assert list(section_lines([long], fold=3))[-1] == "</details>"


@pytest.mark.parametrize(
    ("shown", "cell"),
    [
        (cells.number(None), "-"),
        (cells.number(None, ".1%", "not measured"), "not measured"),
        (cells.number(1234), "1,234"),
        (cells.share(0.1234), "12.3%"),
        (cells.spaced_share(0.00234), "0.23 %"),
        (cells.spaced_share(0.01), "1.0 %"),
        (cells.share_of(0, 7), "0 %"),
        (cells.share_of(1, 100_000), "under 0.01 %"),
        (cells.share_of(1, 300), "0.33 %"),
        (cells.share_of(1, 3), "33.3 %"),
        (cells.share_of(3, 3), "100 %"),
        (cells.count(1, "message"), "1 message"),
        (cells.count(1200, "message"), "1,200 messages"),
        (cells.count(1200), "1,200"),
        (cells.amount(99.96), "100"),
        (cells.amount(0.012345), "0.0123"),
        (cells.amount(12345.6), "12,346"),
        (cells.p_value(0.0009), "< 0.001"),
        (cells.p_value(0.05), "0.050"),
        (cells.tally({"a": 1200, "b": 3}), "a 1,200, b 3"),
        (cells.listed(["a"]), "a"),
        (cells.listed(["a", "b", "c"]), "a, b and c"),
        (cells.first([1, 2, 3], 2), "1, 2 and 1 more"),
        (cells.first([1, 2], 2), "1, 2"),
    ],
)
def test_a_number_has_one_form(shown: str, cell: str) -> None:
    assert shown == cell
