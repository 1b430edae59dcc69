"""The pages of measurements: cells, Markdown, HTML and plots."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from scamdetect.calibration.statistics import Estimate
from scamdetect.errors import InputError
from scamdetect.evaluate import html
from scamdetect.evaluate.figures import Axes, drawn, panels, png, svg
from scamdetect.evaluate.section import Chapter, section, section_lines
from scamdetect.train import cells
from scamdetect.train.pages import between_markers, escaped, table, titled

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
        (cells.probability(None), "unscored"),
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


def test_a_page_escapes_everything() -> None:
    chapter = Chapter("<t>", (section("<script>", "<b>", ["h"], [["12% [1, 2] of 3"]]),))
    page = html.page("bench.html", facts=["<i>", "x"], chapters=[chapter], how_to_read=[], plots={},
                     long=9)  # fmt: skip
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert html.halves("12% [1, 2] of 3") == ("12%", "[1, 2] of 3")


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
