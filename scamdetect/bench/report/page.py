"""A benchmark run as one HTML page: tables and plots, nothing to run and nothing to load."""

from __future__ import annotations

from base64 import b64encode
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from scamdetect.bench.report.markdown import LONG
from scamdetect.bench.report.plots import draw_plots
from scamdetect.bench.report.tables import HOW_TO_READ, chapters, facts
from scamdetect.errors import MissingExtraError
from scamdetect.system.files import writing

try:
    from jinja2 import Environment, StrictUndefined
except ImportError as error:
    raise MissingExtraError("jinja2", "bench") from error

if TYPE_CHECKING:
    from scamdetect.bench.figures.results import Results

# By the first word of a plot's name.
_SAYS = {
    "headline": "Scams found against false alarms on a log scale, at the frozen threshold and on "
    "unseen messages: better is up and to the left. The dashed line is the 1 % asked for; a "
    "detector right of it finds scams at the price of alarms. Lines are intervals. A detector "
    "that has seen all of a suite is not in its panel.",
    "time": "Scams found (unseen messages) against seconds for 1,000 messages, on a log scale: "
    "better is up and to the left.",
    "cost": "Scams found (unseen messages) against the cost of 1,000 messages, on a log scale; "
    "only detectors with a price.",
    "reliability": "On the dotted line a probability is what it says; under it, scam is claimed "
    "too surely.",
    "gap": "Left, F1 on the messages of a writer, with intervals: learnt from it, never saw it, "
    "and never saw it but the threshold set anew. Right, the points lost against having learnt "
    "from it; left of 0 nothing is lost. The last row is a published gap, on other data.",
    "languages": "Scams found by language at the frozen threshold, in percent: the lighter the "
    "more. Few: under 30 scams. False alarms by language are in the table.",
    "changes": "Scams found once the words are changed, over scams found clean. "
    "Dashes on the first panel are the bars. Over 100, more is found than before; a change with "
    "too few scams found clean has no dot.",
}
_NOTHING = {"-", "seen", "too few", "not finished", "no threshold", "not known"}


def write_page(results: Results, path: Path) -> None:
    """Write the page, whole or not at all; every text is escaped. Raises OSError."""
    text = render_page(results)
    with writing(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def render_page(results: Results) -> str:
    """Return the page as HTML."""
    plots = {name: b64encode(svg).decode() for name, svg in draw_plots(results).items()}
    # Autoescape: names of detectors, sources and writers are data, whatever tags they hold.
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["halves"] = halves
    source = files("scamdetect.bench.report").joinpath("page.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        benchmark=results.run.benchmark,
        facts=facts(results),
        how_to_read=HOW_TO_READ,
        chapters=chapters(results),
        plots=plots,
        says={name: _SAYS[name.partition("-")[0]] for name in plots},
        long=LONG,
        nothing=_NOTHING,
    )


def halves(cell: str) -> tuple[str, str]:
    """Return a figure and what stands behind it, its interval and n; other cells whole."""
    figure, bracket, rest = cell.partition(" [")
    return (figure, bracket.strip() + rest) if figure[-1:] in "%0123456789" else (cell, "")
