"""The benchmark as Markdown: whole tables, and names that mean nothing to Markdown."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented_results import HOSTILE, OWN, invented_results

from scamdetect.bench.figures.results import Results
from scamdetect.bench.report.tables import LONG, chapters, render
from scamdetect.reports.pages import escaped


@pytest.fixture(scope="module")
def results() -> Results:
    return invented_results()


def test_every_table_is_there_and_whole(results: Results) -> None:
    page = render(results)
    sections = [one for chapter in chapters(results) for one in chapter.sections]
    for section in sections:
        assert f"\n### {escaped(section.title)}\n" in page
    tables = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    assert len(tables) == sum(bool(section.rows) for section in sections)
    for table in tables:
        pipes = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(pipes) == 1


def test_the_result_comes_first_and_the_glossary_last(results: Results) -> None:
    titles = re.findall(r"^## (.+)$", render(results), re.MULTILINE)
    assert titles[0] == "Results" and titles[-2:] == ["About this run", "How to read this"]


def test_long_tables_are_folded_away(results: Results) -> None:
    page = render(results)
    rows = [int(n) for n in re.findall(r"<summary>(\d+) rows</summary>", page)]
    assert rows
    assert min(rows) >= LONG
    assert page.count("<details>") == page.count("</details>") == len(rows)


def test_a_name_is_no_markup(results: Results) -> None:
    page = render(results)
    assert "<script" not in page
    assert "&lt;script>" in page
    named = replace(results.run.detectors[3], name="a|b\n*c* [x](y) _d_")
    figures = tuple(
        replace(one, detector=named.name) if one.detector == HOSTILE else one
        for one in results.figures
    )
    run = replace(results.run, detectors=(results.run.detectors[0], named))
    odd = replace(results, run=run, figures=figures, moved=(), changed=(), differences=())
    kept = tuple(one for one in odd.figures if one.detector in (OWN, named.name))
    assert r"| a\|b \*c\* [x]\(y) \_d\_ |" in render(replace(odd, figures=kept))


@given(st.text())
def test_escaped_text_stays_on_one_line_in_one_cell(text: str) -> None:
    shown = escaped(text)
    assert len(shown.splitlines()) <= 1
    assert "<" not in shown
    assert not re.search(r"(?<!\\)(\\\\)*[|*`]", re.sub(r"\\[\\|*`~_]", "", shown))
