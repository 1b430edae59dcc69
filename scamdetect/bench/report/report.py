"""Write the report of a benchmark run into its folder."""

from __future__ import annotations

from pathlib import Path

from scamdetect.bench.figures.results import read_results, write_json
from scamdetect.bench.report.markdown import render
from scamdetect.bench.report.page import write_page
from scamdetect.errors import OutputError
from scamdetect.system.files import writing
from scamdetect.system.os_errors import words

MARKDOWN, JSON, PAGE = "leaderboard.md", "results.json", "report.html"


def write_report(folder: Path) -> tuple[Path, Path, Path]:
    """Write leaderboard.md, results.json and report.html and return where they are.

    Every file is replaced whole or not at all. Raises InputError where the folder holds no run or
    a damaged one, OutputError where writing fails.
    """
    results = read_results(folder)
    markdown, record, page = folder / MARKDOWN, folder / JSON, folder / PAGE
    try:
        with writing(markdown) as file:
            file.write(render(results).encode("utf-8", "backslashreplace"))
        write_json(results, record)
        write_page(results, page)
    except OSError as problem:
        raise OutputError(
            f"{folder}: the report cannot be written ({words(problem)}); make room "
            "or make the folder writable and run again"
        ) from problem
    return markdown, record, page
