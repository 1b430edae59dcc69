"""The frame that all pages share, and their plots."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from jinja2 import UndefinedError

from scamdetect.reports import html
from scamdetect.reports.figures import Axes, drawn, panels, png, pyplot, svg
from scamdetect.reports.section import Chapter, section

_ATTACK = "<script>alert(1)</script>"


def _page(rows: int, long: int = 3) -> str:
    table = section(_ATTACK, "About.", ["a", "b"], [[_ATTACK, "1.2% [1.0, 1.4]"]] * rows, "plot")
    return html.page(
        "bench.html",
        facts=["a benchmark", _ATTACK],
        how_to_read=[],
        chapters=[Chapter("Chapter", (table,))],
        plots={"plot": html.plot(b"<svg/>", "It says.")},
        long=long,
    )


def test_a_page_loads_and_runs_nothing() -> None:
    page = _page(2)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:\"" in page
    assert _ATTACK not in page and "&lt;script&gt;" in page
    assert re.findall(r'src="([^"]*)"', page) == ["data:image/svg+xml;base64,PHN2Zy8+"]


def test_a_long_table_is_folded_away() -> None:
    assert "<details" not in _page(2)
    assert "<details><summary>3 rows</summary>" in _page(3)


def test_what_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        html.page("bench.html")


def test_an_image_is_known_by_its_first_bytes() -> None:
    figures = {name: html.plot(image, "").data for name, image in _drawn().items()}
    assert figures["png"].startswith("data:image/png;base64,")
    assert figures["svg"].startswith("data:image/svg+xml;base64,")


def _drawn() -> dict[str, bytes]:
    def draw(name: str, axes: Axes) -> None:
        axes.plot([0, 1], label=name)

    plots = {
        "one": lambda: panels(["a", "b", "c"], draw, (1.5, 1), columns=2),
        "none": lambda: panels([], draw, (1.5, 1), columns=2),
    }
    (image,) = drawn(plots, png).values()
    return {"png": image, "svg": drawn(plots, svg)["one"]}


def test_an_image_is_the_same_on_each_run() -> None:
    with pyplot.rc_context({"svg.hashsalt": "scamdetect"}):
        assert _drawn() == _drawn()
    assert not pyplot.get_fignums()
