"""The pages of reports in a real browser: readable, silent, and the review page at work."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import console, dom, find_browser, problems
from report_rows import MISSED, dump, missed, rows
from scored_rows import scored_row

pytest.importorskip("jinja2")

from scamdetect import ScamDetector
from scamdetect.adapt.drift import measure_drift
from scamdetect.adapt.labels import read_answers, record, write_records
from scamdetect.adapt.queue import AUDIT, CAMPAIGN, UNCERTAIN, Queue, choose_queue
from scamdetect.labels import KINDS
from scamdetect.reports.dump import write_report
from scamdetect.reports.html import explanation_page
from scamdetect.reports.review import SHOWN, write_review
from scamdetect.scored.campaigns import write_campaigns
from scamdetect.system.shown import visible

pytestmark = pytest.mark.slow
_WIDTHS = (1280, 390)
_LANGUAGES = "en th vi zh ar hi de es fr id pt ru".split()
_LURES = (
    "Guaranteed profit {n} with bitcoin, join https://gold{n}.example/a?b=c today, dear friend",
    "Your parcel {n} waits, settle the fee at " + "verylongname" * 12 + ".example",
    "Hello, see you at lunch {n}, thanks",
)
_HOSTILE = (
    '=cmd|"x"!A1,</script><script>document.title="pwned"</script><img src=x onerror="alert(1)">'
    "\u202eturned\u202c\r\n\x00\x7f ' \ud800 guaranteed bitcoin profit \u2028 <!-- end"
)
_LONG = "\U0001f600" * 300_000
# Runs the page as it is, in a frame, and catches what it saves on its way to the disk.
_DRIVER = Path(__file__).with_name("review_driver.html")


@pytest.fixture(scope="module")
def browser() -> str:
    return find_browser()


def _dump(path: Path, model: str, shift: float, n: int = 240) -> Path:
    """Write a scored dump with all kinds, many languages, senders and days, and long words."""
    given = [
        {
            "id": f"m{at:04}",
            "sender": ("Bank of " + "x" * 60, "Ann", "+00 555 0100")[at % 3],
            "sent_at": (date(2026, 3, 1) + timedelta(at % 90)).isoformat(),
            "text": _LURES[at % 3].format(n=at),
        }
        | scored_row(
            score,
            kinds=[KINDS[at % len(KINDS)].value, KINDS[-1].value][: 1 + at % 2],
            language=_LANGUAGES[at % 12],
            model=model,
        )
        for at, score in enumerate(np.random.default_rng(0).beta(0.5, shift, n).tolist())
    ]
    return dump(path, given, model)


@pytest.fixture(scope="module")
def review(
    tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path, detector: ScamDetector
) -> tuple[Path, Queue]:
    """Return a page and its queue: a campaign, a lure, a message that attacks, and others."""
    path = tmp_path_factory.mktemp("review") / "scored.parquet"
    lure = {"id": "l", "text": "darling, guaranteed bitcoin profit"}
    given = [*missed(), *rows(60, 1), lure | scored_row(0.7, kinds=["romance"])]
    dump(path, [row | {"scamdetect_model_id": detector.model_id} for row in given])
    write_campaigns(path)
    chosen = choose_queue(path, 12, audit=0.3)
    campaign = next(row for row in chosen.rows if row.campaign is not None)
    found = next(row for row in chosen.rows if "darling" in row.text)
    drawn = next(row for row in chosen.rows if row.part == AUDIT and row.campaign is None)
    others = [row for row in chosen.rows if row not in (campaign, found, drawn)]
    first = [
        replace(campaign, part=CAMPAIGN, inclusion_probability=None),
        replace(found, part=UNCERTAIN, inclusion_probability=None, key='="k"\n', near="review"),
        replace(drawn, text=_HOSTILE),
        replace(others[0], text=_LONG),
    ]
    queue = replace(chosen, rows=(*first, *others[1:]))
    page = path.with_name("my review.html")
    assert write_review(queue, page, path, model=tiny_bundle) is None
    return page, queue


@pytest.fixture(scope="module")
def pages(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_bundle: Path,
    detector: ScamDetector,
    review: tuple[Path, Queue],
) -> dict[str, Path]:
    """Return all pages: a full report with drift, one on a single message, and the others."""
    folder = tmp_path_factory.mktemp("pages")
    now = _dump(folder / "now.parquet", detector.model_id, 1)
    write_campaigns(now, time_column="sent_at", sender_column="sender")
    drift = measure_drift(_dump(folder / "old.parquet", detector.model_id, 3), now)
    calm = dump(folder / "calm.parquet", [{"text": "lunch"} | scored_row(0.01)])
    explained = folder / "explained.html"
    explained.write_text(
        explanation_page([detector.explain(text) for text in (*_LURES, None)]), encoding="utf-8"
    )
    return {
        "report": write_report(now, folder / "a.html", drift=drift),
        "report on one message": write_report(calm),
        "review": review[0],
        "explanations": explained,
    }


@pytest.mark.parametrize("dark", [False, True])
def test_every_page_is_readable(
    browser: str, pages: dict[str, Path], tmp_path: Path, dark: bool
) -> None:
    texts = {name: path.read_text(encoding="utf-8") for name, path in pages.items()}
    looked = problems(browser, texts, _WIDTHS, dark, tmp_path)
    assert len(looked) == len(pages) * len(_WIDTHS)
    assert [one for one in looked if one.dark != dark] == []
    assert [(one.page, one.width, one.found) for one in looked if one.found] == []


def test_no_page_loads_or_runs_anything(
    browser: str, pages: dict[str, Path], tmp_path: Path
) -> None:
    for name, path in pages.items():
        folder = tmp_path / name
        folder.mkdir()
        assert console(browser, path, folder) == [], name
        text = path.read_text(encoding="utf-8")
        broken = folder / "broken.html"
        for added in ("<script>document.title='pwned'</script>", "<img src='https://x.example/'>"):
            broken.write_text(text.replace("</main>", f"{added}</main>"), encoding="utf-8")
            assert "Content Security Policy" in "".join(console(browser, broken, folder))
            assert "pwned</title>" not in dom(browser, broken, folder / "again")


@dataclass(frozen=True)
class Driven:
    """What the page showed, before the first step and after each, and what it saved."""

    seen: list[dict[str, Any]]
    file: str | None
    saved: bytes
    rest: dict[str, Any]


def drive(
    browser: str, page: Path, folder: Path, steps: Sequence[str], *flags: str, width: int = 1200
) -> Driven:
    """Return what happens on keys, a click on an ``#id`` or a reload, one after the other."""
    values = {"WIDTH": width, "STEPS": list(steps), "PAGE": page.read_text(encoding="utf-8")}
    text = _DRIVER.read_text(encoding="utf-8").partition("-->")[2]
    for name, value in values.items():
        text = text.replace(name, json.dumps(value).replace("<", "\\u003c"), 1)
    driver = folder / "driver.html"
    driver.write_text(text, encoding="utf-8")
    flags = ("--window-size=1400,1000", "--virtual-time-budget=20000", *flags)
    match = re.search(
        r"<pre>(.+?)</pre>", dom(browser, driver, folder / "profile", *flags), re.DOTALL
    )
    assert match is not None
    rest = json.loads(html.unescape(match[1]))
    saved = base64.b64decode(rest["saved"] or "")
    return Driven(rest.pop("seen"), rest.get("file"), saved, rest)


def test_keys_answer_and_the_saved_csv_is_that_of_the_queue(
    browser: str, review: tuple[Path, Queue], tmp_path: Path
) -> None:
    page, queue = review
    n = len(queue.rows)
    steps = [
        "1",
        "j",
        "d",
        "Enter",
        "1",
        "b",
        "u",
        "b",
        "Enter",
        "4",
        "u",
        "3",
        *"2" * (n - 3),
        "s",
    ]
    driven = drive(browser, page, tmp_path, steps)
    seen = driven.seen
    assert (
        seen[0]["progress"] == f"0 of {n} answered, 0 scams"
        and "all 40 messages" in seen[1]["campaign"]
    )
    assert len(seen[0]["examples"]) == 4 and MISSED.format(0, 0) not in seen[0]["examples"]
    assert seen[3]["answer"] == "Your answer: scam (phishing, delivery)"
    assert seen[4]["title"].startswith("Message 2 of") and seen[4]["focus"] == "title"
    assert [seen[at]["answer"] for at in (6, 7)] == [
        "Your answer: scam (romance)", "Your answer: scam",
    ]  # fmt: skip
    assert f"{n} of {n} answered, 2 scams" in seen[-1]["progress"]
    assert driven.file == "my review.csv"
    (tmp_path / "saved.csv").write_bytes(driven.saved)
    answers = read_answers(tmp_path / "saved.csv")
    labels = {answer.row: (answer.label, answer.kinds) for answer in answers.usable}
    assert labels[queue.rows[1].row] == ("scam", ("romance",)) and len(labels) == n
    write_records([record(row) for row in queue.rows], tmp_path / "queue.csv")
    filled = re.sub(rb",(scam|legit|spam),[a-z;]*,(?=[a-z]{2,3},)", b",,,", driven.saved)
    assert filled == (tmp_path / "queue.csv").read_bytes()


def test_answers_outlive_a_reload(browser: str, review: tuple[Path, Queue], tmp_path: Path) -> None:
    scam, honest = (f"#labels button:nth-child({place})" for place in (1, 3))
    steps = [scam, "#kind-buttons button:nth-child(2)", "#forward", honest, "reload", "#back",
             "#back", "#undo", "x", "3", "1", "#restart", "u", "#help"]  # fmt: skip
    seen = drive(browser, review[0], tmp_path, steps).seen
    assert seen[5]["progress"].startswith("2 of") and seen[5]["title"].startswith("Message 3 of")
    assert seen[7]["answer"] == "Your answer: scam (romance)" and seen[7]["kept"]
    assert not seen[9]["kinds"], "x hides the kinds"
    assert seen[12]["progress"].startswith("0 of") and seen[13]["progress"].startswith("1 of")
    assert seen[14]["keys"]
    forgetful = drive(browser, review[0], tmp_path, ["3", "2", "s"], "--disable-local-storage")
    assert not forgetful.seen[0]["kept"] and forgetful.seen[-1]["progress"].startswith("2 of")


@pytest.mark.parametrize("width", [390, 1200])
def test_a_hostile_message_is_shown_and_not_run(
    browser: str, review: tuple[Path, Queue], tmp_path: Path, width: int
) -> None:
    steps = ["ArrowRight", "ArrowRight", "1", "v", "ArrowRight"]
    driven = drive(browser, review[0], tmp_path, steps, width=width)
    rest, seen = driven.rest, driven.seen
    assert rest["title"] == "Review: scored.parquet" and rest["width"] <= width
    assert (rest["images"], rest["scripts"], rest["twice"], rest["unnamed"]) == (0, 2, 0, 0)
    assert seen[2]["message"] == visible(_HOSTILE)
    assert "review" in seen[1]["model"] and any("s2" in classes for classes, _ in seen[1]["marks"])
    assert not seen[2]["model"] and not seen[3]["marks"], "people answer before the model"
    assert "Decision" in seen[4]["model"] and "gain" in seen[4]["cues"]
    assert seen[5]["message"] == _LONG[:SHOWN]
    assert seen[5]["more"] == "280,000 more characters are in the CSV."
