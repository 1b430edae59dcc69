"""The benchmark as one HTML page that loads and runs nothing."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from invented_results import HOSTILE, invented_results

from scamdetect.bench.figures.results import Results
from scamdetect.bench.report.report import render_page
from scamdetect.bench.report.tables import HOW_TO_READ, chapters
from scamdetect.reports.html import halves, write_page


@pytest.fixture(scope="module")
def results() -> Results:
    return invented_results()


@pytest.fixture(scope="module")
def page(results: Results) -> str:
    return render_page(results)


def test_nothing_is_loaded_and_nothing_runs(page: str) -> None:
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:\"" in page
    tags = set(re.findall(r"<([a-z0-9]+)", page))
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base"}
    sources = re.findall(r'\b(?:src|href)="([^"]*)"', page)
    assert all(one.startswith(("#", "data:image/svg+xml;base64,")) for one in sources)
    assert not re.search(r"<[a-z][^>]*\son[a-z]+=", re.sub(r'"[^"]*"', '""', page))


def test_names_are_escaped(page: str) -> None:
    assert HOSTILE not in page
    assert html.escape(HOSTILE, quote=False).partition("document")[0] in page


def test_contents_lead_to_every_table(page: str, results: Results) -> None:
    links = re.findall(r'<a href="#([^"]+)">', page)
    anchors = re.findall(r'\bid="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert set(links) <= set(anchors)
    sections = [one for chapter in chapters(results) for one in chapter.sections]
    assert sum(link.startswith("s") for link in links) == len(sections)
    assert page.count("<table>") == sum(bool(one.rows) for one in sections)


def test_the_result_comes_first_and_the_glossary_last(page: str) -> None:
    places = [page.index(one) for one in ("<table>", ">Contents<", 'id="about"', 'id="read"')]
    assert places == sorted(places)
    assert page.rindex("<table>") < page.index('id="about"')
    for name, _ in HOW_TO_READ:
        assert f"<dt>{html.escape(name)}</dt>" in page


def test_every_plot_stands_under_a_table_that_has_its_figures(page: str) -> None:
    figures = re.findall(r"<figure>.*?<img alt=\"([^\"]+)\"", page)
    assert len(figures) == 9
    gap = page[page.index(">The gap on a writer") :]
    assert page.count(">The gap on a writer") == 2  # contents and title
    assert "published gap" in gap[: gap.rindex("</section>")]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("71.2% [68.0, 74.3] of 1,204", ("71.2%", "[68.0, 74.3] of 1,204")),
        ("0.912 [0.900, 0.930]", ("0.912", "[0.900, 0.930]")),
        ("12 malformed", ("12 malformed", "")),
        ("-", ("-", "")),
        ("", ("", "")),
        ("a model [beta]", ("a model [beta]", "")),
    ],
)
def test_a_figure_stands_over_its_interval(cell: str, shown: tuple[str, str]) -> None:
    assert halves(cell) == shown


def test_a_failed_page_leaves_the_old_one(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setattr("os.fsync", _full)
    with pytest.raises(OSError, match="full"):
        write_page(render_page(results), path)
    assert path.read_text(encoding="utf-8") == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def _full(_: int) -> None:
    raise OSError("full")
