"""Every page of the package in a real browser, wide and narrow, light and dark."""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from campaign_rows import write_dump
from chromium import find_browser, problems
from scored_rows import scored_row

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from evaluated import Evaluated
from invented_results import invented_results

from scamdetect import ScamDetector
from scamdetect.adapt.drift import measure_drift
from scamdetect.adapt.queue import choose_queue
from scamdetect.bench.report.report import render_page
from scamdetect.labels import KINDS
from scamdetect.reports.drift import drift_page
from scamdetect.reports.dump import write_report
from scamdetect.reports.explanations import explanation_page
from scamdetect.reports.review import write_review
from scamdetect.scored.campaigns import write_campaigns
from scamdetect.scored.groups import write_groups

_WIDTHS = (1280, 390)
_FRAME = {"base.html", "parts.html"}
_LANGUAGES = "en th vi zh ar hi de es fr id pt ru".split()
_LURES = (
    "Guaranteed profit {n} with bitcoin, join https://gold{n}.example/a?b=c today, dear friend",
    "Your parcel {n} waits, settle the fee at " + "verylongname" * 12 + ".example",
    "Hello, see you at lunch {n}, thanks",
)


@pytest.fixture(scope="module")
def browser() -> str:
    return find_browser()


def _dump(path: Path, model: str, shift: float, n: int = 240) -> Path:
    """Write a scored dump with all kinds, many languages, senders and days, and long words."""
    random = np.random.default_rng(0)
    rows = []
    for at, score in enumerate(random.beta(0.5, shift, n).tolist()):
        kinds = [KINDS[at % len(KINDS)].value, KINDS[-1].value][: 1 + at % 2]
        rows.append(
            {
                "id": f"m{at:04}",
                "sender": ("Bank of " + "x" * 60, "Ann", "+00 555 0100")[at % 3],
                "sent_at": (date(2026, 3, 1) + timedelta(at % 90)).isoformat(),
                "text": _LURES[at % 3].format(n=at),
            }
            | scored_row(score, kinds=kinds, language=_LANGUAGES[at % 12], model=model)
        )
    return write_dump(path, rows)


@pytest.fixture(scope="module")
def pages(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_bundle: Path,
    detector: ScamDetector,
    evaluated: Evaluated,
) -> dict[str, str]:
    """Return the HTML of a page for each template, and of a report on very little."""
    folder = tmp_path_factory.mktemp("pages")
    model = detector.bundle.model_id
    dump = _dump(folder / "now.parquet", model, 1)
    write_groups(dump, by="sender", time_column="sent_at")
    write_campaigns(dump, time_column="sent_at", sender_column="sender")
    review = folder / "review.html"
    write_review(choose_queue(dump, 12), review, dump, model=tiny_bundle)
    calm = write_dump(folder / "calm.parquet", [{"text": "lunch"} | scored_row(0.01)])
    return {
        "dump.html": write_report(dump, model=tiny_bundle).read_text("utf-8"),
        "dump.html, no scam": write_report(calm).read_text("utf-8"),
        "drift.html": drift_page(measure_drift(_dump(folder / "old.parquet", model, 3), dump)),
        "bench.html": render_page(invented_results()),
        "evaluation.html": next(evaluated.report.glob("*.html")).read_text("utf-8"),
        "review.html": review.read_text("utf-8"),
        "explain.html": explanation_page([detector.explain(text) for text in (*_LURES, None)]),
    }


@pytest.mark.parametrize("dark", [False, True])
def test_everybody_can_read_every_page(
    browser: str, pages: dict[str, str], tmp_path: Path, dark: bool
) -> None:
    looked = problems(browser, pages, _WIDTHS, dark, tmp_path)
    assert len(looked) == len(pages) * len(_WIDTHS)
    assert [one for one in looked if one.dark != dark] == []
    assert [(one.page, one.width, one.found) for one in looked if one.found] == []


def test_every_template_is_looked_at(pages: dict[str, str]) -> None:
    names = {one.name for one in files("scamdetect.reports").iterdir() if ".html" in one.name}
    assert names - _FRAME <= pages.keys()


_BAD = {
    "the page is 9": "<p style='width:900px'>wide",
    "sticks out": "<p style='position:absolute;left:-9px'>left",
    "clipped: ": "<p style='width:3em;overflow:hidden;white-space:nowrap'>never read whole",
    "clipped below": "<p style='height:1em;overflow:hidden'>one<br>two<br>three",
    "scrolls without a name": "<div style='overflow:auto'><p style='width:900px'>wide</div>",
    "a table scrolls": "<div style='overflow:auto' tabindex=0 aria-label=x>"
    "<table style='width:900px'><td>wide</table></div>",
    "no alt text": "<img src='data:,'>",
    "no name: <svg>": "<svg viewBox='0 0 1 1'></svg>",
    "no name: <button>": "<button></button>",
    "contrast 3.54": "<p style='color:#888;background:#fff'>grey",
    "contrast 2.": "<p style='opacity:.4;color:#000;background:#fff'>pale",
    "contrast 1.": "<details><p style='color:#eee;background:#fff'>closed</details>",
}
_GOOD = (
    "<p style='color:#888;background:#fff;font-size:24px'>large"
    "<div class=cells style='overflow:auto' tabindex=0 aria-label=x><table style='width:900px'>"
    "<td>wide</table></div><p style='position:absolute;clip-path:inset(50%)'>heard</p>"
    "<svg viewBox='0 0 1 1' aria-label=x></svg>"
)


def test_bad_pages_are_found(browser: str, tmp_path: Path) -> None:
    given = {name: f"<!doctype html>{body}" for name, body in (_BAD | {"good": _GOOD}).items()}
    looked = problems(browser, given, (390,), False, tmp_path)
    found = {one.page: one.found for one in looked}
    assert found.pop("good") == []
    missed = [name for name, all_ in found.items() if not any(name in one for one in all_)]
    assert missed == [] and found.keys() == _BAD.keys()
