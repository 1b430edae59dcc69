"""An evaluation as one HTML page: plots, tables, and the messages that the bundle gets wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from scamdetect.evaluate import html
from scamdetect.evaluate.plots import draw_plots
from scamdetect.evaluate.sections import facts, sections
from scamdetect.reports.html import write_page
from scamdetect.train.cells import probability
from scamdetect.train.data.table import column, detector_texts

if TYPE_CHECKING:
    from scamdetect.evaluate.report import Report

LONGEST_TEXT = 1_500  # characters shown of a message
_SAYS = {
    "roc": (
        "Scams found against honest messages flagged, the latter on a log scale: the left "
        "side matters. A curve starts where one honest message is flagged; a detector that "
        "answers yes or no has one point. The vertical line is 1 %, the dotted one is "
        "chance."
    ),
    "scores": (
        "The distribution of the bundle's scam probabilities, on a log scale: the less "
        "the two colours overlap, the better."
    ),
    "pairs": "Scam and honest message share topic and words, so this measures the manoeuvre.",
    "languages": "Scams found by language; the lines are the intervals of the dots.",
    "kinds": "Scams found by kind; the lines are the intervals of the dots. One scam can have "
    "several kinds.",
    "alarms": (
        "False alarms by slice of honest talk (number of messages). Met: the dot is not "
        "to the right of the dashed line and its interval not to the right of the dotted "
        "one."
    ),
    "reliability": (
        "On the dotted line probabilities are right; below it, scam probabilities are too high."
    ),
    "evasion": (
        "Scams still found after words are disguised, and honest messages flagged "
        "because of it. Links, diacritics and whole scripts are changed at any "
        "strength. Above 100, more is found than before. A disguise with too few "
        "flagged messages has no panel."
    ),
}


def write_evaluation(report: Report, measured: pa.Table, path: Path) -> None:
    """Write the page: one file that loads nothing, with every text escaped."""
    text = html.page(
        "evaluation.html",
        report=report,
        facts=facts(report),
        sections=sections(report),
        plots={name: html.plot(png, _SAYS[name]) for name, png in draw_plots(report).items()},
        errors=_worst_messages(report, measured),
    )
    write_page(text, path)


def _worst_messages(report: Report, measured: pa.Table) -> list[dict[str, str]]:
    """Return the worst errors at the shipped threshold with their texts, shortened if long."""
    places = {value: row for row, value in enumerate(column(measured, "row_hash"))}
    texts, langs = detector_texts(measured), column(measured, "lang")
    found = []
    for worst in report.worst_at_flag:
        row = places[worst.row_hash]
        text = str(texts[row])
        shown = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} [...]"
        found.append(
            {
                "source": worst.source,
                "row_hash": worst.row_hash,
                "lang": langs[row],
                "verdict": worst.verdict,
                "probability": probability(worst.scam_probability),
                "text": shown,
            }
        )
    return found
