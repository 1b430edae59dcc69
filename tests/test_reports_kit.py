"""The parts of pages: cells, Markdown, HTML and plots."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from scamdetect.calibration.statistics import Estimate
from scamdetect.errors import InputError
from scamdetect.reports import cells, html
from scamdetect.reports.figures import Axes, drawn, panels, png, svg
from scamdetect.reports.pages import between_markers, escaped, section_lines, table, titled
from scamdetect.reports.section import Chapter, section

_FIGURE = Estimate(0.1234, 0.1, 0.15, 1200)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (cells.percent(_FIGURE), "12.3% [10.0, 15.0]"),
        (cells.counted(_FIGURE), "12.3% [10.0, 15.0] of 1,200"),
        (cells.points(_FIGURE), "+12.3 [+10.0, +15.0]"),
        (cells.decimal(_FIGURE), "0.123 [0.100, 0.150]"),
        (cells.measured(None), "not measured"),
        (cells.n_of(_FIGURE), "1,200"),
        (cells.n_of(None), "-"),
        (cells.change(_FIGURE, None), "12.3% -> -"),
        (cells.moved((10, 2, 3)), "2 -> 3 of 10"),
        (cells.amount(1234.5), "1,234"),
        (cells.amount(0.01234), "0.0123"),
        (cells.p_value(0.0001), "< 0.001"),
        (cells.spaced_share(0.00123), "0.12 %"),
        (cells.share_of(1, 100_000), "under 0.01 %"),
        (cells.share_of(999, 1000), "99.9 %"),
        (cells.share_of(1, 0), "0 %"),
        (cells.count(1, "row"), "1 row"),
        (cells.count(2000, "row"), "2,000 rows"),
        (cells.listed([]), ""),
        (cells.listed(["a"]), "a"),
        (cells.listed(["a", "b", "c"]), "a, b and c"),
        (cells.first([1, 2, 3], 2), "1, 2 and 1 more"),
        (cells.probability(None), "unscored"),
        (cells.tally({"a": 1000}), "a 1,000"),
    ],
)
def test_a_cell_has_its_usual_form(cell: str, text: str) -> None:
    assert cell == text


def test_markdown_keeps_names_as_they_are() -> None:
    assert escaped("a|b *c* <d>\n_e_") == r"a\|b \*c\* &lt;d> \_e\_"
    assert table(["a"], [["1"]]) == ["| a |", "| --- |", "| 1 |"]
    assert list(titled("T", "about", ["x"])) == ["", "## T", "", "about", "", "x"]
    lines = list(section_lines([section("T", "about", ["a"], [["1"]] * 3)], fold=3))
    assert "<details><summary>3 rows</summary>" in lines


def test_a_section_is_put_between_markers() -> None:
    path = Path("page.md")
    assert between_markers("a\n<s>\nold\n<e>\nb", "<s>", "<e>", ["new"], path) == (
        "a\n<s>\nnew\n<e>\nb"
    )
    with pytest.raises(InputError, match="put the lines"):
        between_markers("a", "<s>", "<e>", [], path)


def test_a_page_escapes_everything(tmp_path: Path) -> None:
    chapter = Chapter("<t>", (section("<script>", "<b>", ["h"], [["12% [1, 2] of 3"]]),))
    page = html.page("bench.html", facts=["<i>", "x"], chapters=[chapter], how_to_read=[], plots={},
                     long=9)  # fmt: skip
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert html.halves("12% [1, 2] of 3") == ("12%", "[1, 2] of 3")
    html.write_page("a\ud800", tmp_path / "p.html")
    assert (tmp_path / "p.html").read_bytes() == b"a\\ud800"


def test_plots_are_the_same_on_each_run() -> None:
    def draw(name: str, axes: Axes) -> None:
        axes.plot([1, 2])

    images = [
        drawn({"a": lambda: panels(["x", "y"], draw, (2, 2), 2), "b": lambda: None}, image)
        for image in (png, png, svg)
    ]
    assert images[0] == images[1] and images[0].keys() == {"a"}
    assert html.plot(images[0]["a"], "x").data.startswith("data:image/png;base64,")
    assert html.plot(images[2]["a"], "x").data.startswith("data:image/svg+xml;base64,")
    assert panels([], draw, (2, 2), 2) is None
