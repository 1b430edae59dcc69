"""The plots of a benchmark run: there where their figures are, with the figures in them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from invented_results import BASELINE, HOSTILE, JUDGE, OWN, invented_results, without

pytest.importorskip("matplotlib")

from matplotlib import pyplot
from matplotlib.figure import Figure

from scamdetect.bench.figures.results import Results
from scamdetect.bench.report import plots
from scamdetect.bench.report.plots import draw_plots, short, style

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results() -> Results:
    return invented_results()


@pytest.fixture(scope="module")
def figures(results: Results) -> Iterator[dict[str, Figure]]:
    """Return the plots by name, laid out but not yet SVG."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(plots, "svg", lambda figure: figure)
        found = draw_plots(results)
    yield found  # type: ignore[misc]
    for figure in found.values():
        pyplot.close(figure)  # type: ignore[arg-type]


def _texts(figure: Figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def test_every_plot_is_an_svg_that_refers_to_nothing(results: Results) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = draw_plots(results)
    assert set(found) == {
        "headline", "time", "reliability", "languages-human", "languages-llm",
        "languages-pairs", "changes-evasion", "changes-rewrite",
    }  # fmt: skip
    for svg in found.values():
        root = ElementTree.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        links = [
            value
            for element in root.iter()
            for name, value in element.attrib.items()
            if name.endswith("href")
        ]
        assert all(link.startswith(("#", "data:")) for link in links)
        assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_the_same_results_give_the_same_bytes(results: Results) -> None:
    assert draw_plots(results) == draw_plots(results)


def test_plots_without_figures_are_left_out(results: Results) -> None:
    bare = without(results, "changed")
    few = tuple(
        replace(one, cells=tuple(cell for cell in one.cells if cell.name in ("de", "en")),
                reliability=None, seconds_per_1000=None, headline=None)
        for one in bare.figures
    )  # fmt: skip
    assert draw_plots(replace(bare, figures=few)) == {}


def test_cost_is_drawn_where_two_can_be_compared(results: Results) -> None:
    priced = tuple(
        replace(one, cost_per_1000=0.02) if one.detector == BASELINE else one
        for one in results.figures
    )
    assert "cost" in draw_plots(replace(results, figures=priced))


def test_the_heat_map_shows_recall_and_where_rows_are_few(figures: dict[str, Figure]) -> None:
    axes = figures["languages-human"].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "ar", "de", "en", "hi", "pt", "th", "zh",
    ]  # fmt: skip
    assert [label.get_text() for label in axes.get_xticklabels()][:3] == [OWN, BASELINE, JUDGE]
    shown = {text.get_position(): text.get_text() for text in axes.texts}
    assert shown[0, 1] == "96"  # German, the first detector
    assert shown[0, 5] == "few"  # Thai


def test_a_panel_has_no_detector_that_has_seen_the_suite(figures: dict[str, Figure]) -> None:
    dots = {
        axes.get_title(): sum(line.get_marker() in ("o", "s", "D", "^") for line in axes.lines)
        for axes in figures["headline"].axes
        if axes.get_title()
    }
    assert dots == {"human": 4, "llm": 4, "pairs": 2}


def test_many_long_names_are_told_apart(results: Results) -> None:
    names = [f"an-organisation/a-long-model-name-{n}" for n in range(20)]
    detectors = tuple(replace(results.run.detectors[0], name=name) for name in names)
    many = replace(results, run=replace(results.run, detectors=detectors))
    looks = {(look["color"], look["marker"]) for look in (style(many, name) for name in names)}
    assert len(looks) == len({short(name) for name in names}) == len(names)
    assert all(len(short(name)) <= 25 for name in names)


def test_changes_have_a_panel_each_and_all_together_first(figures: dict[str, Figure]) -> None:
    titles = [axes.get_title() for axes in figures["changes-evasion"].axes if axes.get_title()]
    assert titles == ["all together", "fullwidth", "homoglyphs", "leet", "zero_width"]
    ticks = [label.get_text() for label in figures["changes-evasion"].axes[0].get_xticklabels()]
    assert ticks == ["light", "medium", "heavy"]


@pytest.mark.parametrize("name", ["$x_{", "_hidden", "検出器", HOSTILE * 3])
def test_any_name_can_be_drawn(results: Results, name: str) -> None:
    detectors = tuple(
        replace(one, name=name) if one.name == JUDGE else one for one in results.run.detectors
    )
    figures = tuple(
        replace(one, detector=name) if one.detector == JUDGE else one for one in results.figures
    )
    changed = tuple(
        replace(one, detector=name) if one.detector == JUDGE else one for one in results.changed
    )
    run = replace(results.run, detectors=detectors)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        drawn = draw_plots(replace(results, run=run, figures=figures, changed=changed))
    assert drawn.keys() == draw_plots(results).keys()
