"""Write the report of a benchmark run into its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scamdetect.bench.figures.results import read_results, write_json
from scamdetect.bench.report.plots import draw_plots
from scamdetect.bench.report.tables import HOW_TO_READ, LONG, chapters, facts, render
from scamdetect.errors import OutputError
from scamdetect.evaluate import html
from scamdetect.reports.html import write_page
from scamdetect.system.os_errors import words

if TYPE_CHECKING:
    from scamdetect.bench.figures.results import Results

MARKDOWN, JSON, PAGE = "leaderboard.md", "results.json", "report.html"
# By the first word of a plot's name.
_SAYS = {
    "headline": "Scams found against false alarms on a log scale, at the frozen threshold and on "
    "unseen messages: better is up and to the left. The dashed line is the 1 % asked for. Lines "
    "are intervals. A detector that learnt from all scams or all honest messages of a suite is not "
    "in its panel.",
    "time": "Scams found (unseen messages) against seconds for 1,000 messages, on a log scale: "
    "better is up and to the left.",
    "cost": "Scams found (unseen messages) against the cost of 1,000 messages, on a log scale; "
    "only detectors with a price.",
    "reliability": "On the dotted line the probabilities are right; below it they are too high.",
    "languages": "Scams found by language at the frozen threshold, in percent; lighter is more. "
    "Few: under 30 scams. False alarms by language are in the table.",
    "changes": "Scams found after the words are changed, divided by scams found before. Dashes on "
    "the first panel are the targets. Over 100 means more than before. A change with too few scams "
    "found before has no dot.",
}


def write_report(folder: Path) -> tuple[Path, Path, Path]:
    """Write leaderboard.md, results.json and report.html and return their paths.

    Each file is replaced whole or not at all. Raises InputError if the folder has no run or a
    damaged one, OutputError if writing fails.
    """
    results = read_results(folder)
    markdown, record, page = folder / MARKDOWN, folder / JSON, folder / PAGE
    try:
        write_page(render(results), markdown)
        write_json(results, record)
        write_page(render_page(results), page)
    except OSError as problem:
        raise OutputError(
            f"{folder}: the report cannot be written ({words(problem)}); make room "
            "or make the folder writable and run again"
        ) from problem
    return markdown, record, page


def render_page(results: Results) -> str:
    """Return the HTML page: tables and plots, without scripts and without external files."""
    images = draw_plots(results)
    return html.page(
        "bench.html",
        facts=facts(results),
        how_to_read=HOW_TO_READ,
        chapters=chapters(results),
        plots={name: html.plot(svg, _SAYS[name.partition("-")[0]]) for name, svg in images.items()},
        long=LONG,
    )
