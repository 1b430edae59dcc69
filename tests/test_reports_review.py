"""The page of a queue in a real browser: keys answer, and the CSV that it saves is read back."""

from __future__ import annotations

import base64
import csv
import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from campaign_rows import MISSED, rows, write_dump
from chromium import console, dom, find_browser, screenshot
from command_line import command
from scored_rows import scored_row

pytest.importorskip("jinja2")

from scamdetect import ScamDetector
from scamdetect.adapt.labels import read_answers, write_csv
from scamdetect.adapt.queue import AUDIT, CAMPAIGN, UNCERTAIN, Queue, choose_queue
from scamdetect.reports.review import NOT_AT_HAND, SHOWN, write_review
from scamdetect.scored.campaigns import write_campaigns
from scamdetect.system.shown import visible

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


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, detector: ScamDetector) -> Path:
    """Return a dump that the tiny bundle scored, with a campaign that is not flagged."""
    given = [row | {"scamdetect_model_id": detector.model_id} for row in rows()]
    lure = {"text": "darling, guaranteed bitcoin profit"}
    given.append(lure | scored_row(0.7, kinds=["romance"], model=detector.model_id))
    path = write_dump(tmp_path_factory.mktemp("review") / "scored.parquet", given)
    write_campaigns(path)
    return path


@pytest.fixture(scope="module")
def queue(scored: Path) -> Queue:
    """Return a queue whose first rows are the campaign, a lure, and messages that attack."""
    chosen = choose_queue(scored, 12, audit=0.3)
    campaign = next(row for row in chosen.rows if row.campaign is not None)
    lure = next(row for row in chosen.rows if "darling" in row.text)
    drawn = next(row for row in chosen.rows if row.part == AUDIT and row.campaign is None)
    others = [row for row in chosen.rows if row not in (campaign, lure, drawn)]
    campaign = replace(campaign, part=CAMPAIGN, inclusion_probability=None)
    lure = replace(lure, part=UNCERTAIN, inclusion_probability=None, key='="k"\n', near="review")
    first = [
        campaign,
        lure,
        replace(drawn, text=_HOSTILE),
        replace(others[0], text=_LONG),
    ]
    return replace(chosen, rows=(*first, *others[1:]))


@pytest.fixture(scope="module")
def page(
    tmp_path_factory: pytest.TempPathFactory, queue: Queue, scored: Path, tiny_bundle: Path
) -> Path:
    path = tmp_path_factory.mktemp("page") / "my review.html"
    assert write_review(queue, path, scored, model=tiny_bundle) is None
    return path


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
    given = {"WIDTH": width, "STEPS": list(steps), "PAGE": page.read_text(encoding="utf-8")}
    text = _DRIVER.read_text(encoding="utf-8").partition("-->")[2]
    for name, value in given.items():
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


def test_keys_answer_and_labels_reads_what_is_saved(
    browser: str, page: Path, queue: Queue, tmp_path: Path
) -> None:
    rest = ["2"] * (len(queue.rows) - 4)
    steps = ["1", "j", "d", "Enter", "1", "b", "u", "b", "Enter", "4", "u", "3", "4", *rest, "s"]
    found = drive(browser, page, tmp_path, steps)
    shown = {step: found.seen[number] for number, step in enumerate(steps[:4], 1)}
    assert found.seen[0]["progress"] == f"0 of {len(queue.rows)} answered, 0 scams"
    assert shown["1"]["kinds"] and shown["1"]["title"].startswith("Campaign 1 of")
    assert "all 40 messages" in shown["1"]["campaign"]
    assert shown["d"]["answer"] == "Your answer: scam (phishing, delivery)"
    assert shown["Enter"]["title"].startswith("Message 2 of") and not shown["Enter"]["campaign"]
    assert shown["Enter"]["focus"] == "title"
    assert [found.seen[n]["answer"] for n in (6, 7)] == [
        "Your answer: scam (romance)",
        "Your answer: scam",
    ]
    assert found.seen[11]["title"].startswith("Message 3 of"), "undo goes back to the message"
    assert found.seen[11]["answer"] == "Not answered yet"
    assert f"{len(queue.rows)} of {len(queue.rows)} answered, 2 scams" in found.seen[-1]["progress"]
    assert found.file == "my review.csv"

    (tmp_path / "saved.csv").write_bytes(found.saved)
    done = command(tmp_path, "labels", "saved.csv", "-o", "labelled.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"legit 1, spam {len(rest)}, scam 2, unsure 1, without a label 0" in done.stdout
    assert "campaigns labelled scam: 1, of 40 messages, 40 of them not flagged" in done.stdout
    assert "kinds of scam: phishing 1, delivery 1, romance 1" in done.stdout
    with (tmp_path / "labelled.csv").open(encoding="utf-8", newline="") as file:
        labelled = list(csv.DictReader(file))
    assert {row["label_kinds"] for row in labelled} == {"phishing;delivery", "romance", ""}


def test_the_saved_csv_is_that_of_the_queue_with_answers(
    browser: str, page: Path, queue: Queue, tmp_path: Path
) -> None:
    found = drive(browser, page, tmp_path, ["ArrowRight", "1", "b", "s"])
    write_csv(queue.rows, tmp_path / "queue.csv")
    plain = (tmp_path / "queue.csv").read_bytes()
    assert found.saved.count(b",scam,romance,") == 1
    assert found.saved.replace(b",scam,romance,", b",,,") == plain
    (tmp_path / "saved.csv").write_bytes(found.saved)
    answers = read_answers(tmp_path / "saved.csv")
    (answer,) = answers.usable
    assert (answer.row, answer.label, answer.kinds) == (queue.rows[1].row, "scam", ("romance",))
    assert len(answers.missing) == len(queue.rows) - 1


def test_answers_outlive_a_reload_and_clicks_do_what_keys_do(
    browser: str, page: Path, tmp_path: Path
) -> None:
    scam, honest = (f"#labels button:nth-child({place})" for place in (1, 3))
    romance = "#kind-buttons button:nth-child(2)"
    steps = [scam, romance, "#forward", honest, "reload", "#back", "#back", "#undo", "x", "3", "1",
             "#restart", "u", "#help"]  # fmt: skip
    found = drive(browser, page, tmp_path, steps).seen
    assert found[5]["progress"].startswith("2 of") and found[5]["title"].startswith("Message 3 of")
    assert found[7]["answer"] == "Your answer: scam (romance)" and found[7]["kept"]
    assert found[8]["answer"] == found[7]["answer"], "what was done before a reload stays"
    assert not found[9]["kinds"], "x hides the kinds"
    assert found[11]["progress"].startswith("3 of"), "3 and 1 show the next message at once"
    assert found[12]["progress"].startswith("0 of") and found[13]["progress"].startswith("1 of")
    assert found[14]["keys"]


def test_a_browser_that_keeps_nothing_says_so_and_works(
    browser: str, page: Path, queue: Queue, tmp_path: Path
) -> None:
    found = drive(browser, page, tmp_path, ["3", "2", "s"], "--disable-local-storage")
    assert not found.seen[0]["kept"] and found.seen[-1]["progress"].startswith("2 of")
    (tmp_path / "saved.csv").write_bytes(found.saved)
    answers = {one.row: one.label for one in read_answers(tmp_path / "saved.csv").usable}
    assert answers == {queue.rows[0].row: "legit", queue.rows[1].row: "spam"}


def test_the_place_of_a_key_counts_on_other_keyboards(
    browser: str, page: Path, tmp_path: Path
) -> None:
    steps = ["&@Digit1", "к@KeyB", "и@KeyU", "?@KeyM", "reload", "١@Digit2", "3@Numpad3"]
    found = drive(browser, page, tmp_path, steps).seen
    assert [one["answer"] for one in found[2:4]] == [
        "Your answer: scam (romance)",
        "Your answer: scam",
    ]
    assert found[4]["keys"]
    assert found[6]["answer"] == "Not answered yet" and found[6]["title"].startswith("Message 2")
    assert found[7]["progress"].startswith("2 of")


@pytest.mark.parametrize("width", [390, 1200])
def test_a_hostile_message_is_shown_and_not_run(
    browser: str, page: Path, tmp_path: Path, width: int
) -> None:
    found = drive(
        browser, page, tmp_path, ["ArrowRight", "ArrowRight", "1", "ArrowRight"], width=width
    )
    assert found.rest["title"] == "Review: scored.parquet"
    assert (found.rest["images"], found.rest["scripts"], found.rest["twice"]) == (0, 2, 0)
    assert found.rest["width"] <= width and not found.rest["unnamed"]
    assert found.seen[2]["message"] == visible(_HOSTILE)
    assert found.seen[4]["message"] == _LONG[:SHOWN]
    assert found.seen[4]["more"] == "280,000 more characters are in the CSV."


def test_a_message_drawn_at_random_is_judged_before_the_model_speaks(
    browser: str, page: Path, tmp_path: Path
) -> None:
    found = drive(browser, page, tmp_path, ["ArrowRight", "ArrowRight", "1", "v"]).seen
    lure, drawn, answered, revealed = found[1:]
    assert "review" in lure["model"] and "0.700" in lure["model"] and "romance" in lure["model"]
    assert any("s2" in classes for classes, _ in lure["marks"])
    assert any("cue" in classes for classes, _ in revealed["marks"]) and "gain" in revealed["cues"]
    for one in (drawn, answered):
        assert "at random" in one["facts"] and not one["model"] and not one["marks"]
        assert "gain" not in one["cues"]
    assert "Decision" in revealed["model"]
    assert len(found[0]["examples"]) == 4 and MISSED.format(0, 0) not in found[0]["examples"]


def test_the_browser_has_nothing_to_complain_of(browser: str, page: Path, tmp_path: Path) -> None:
    assert console(browser, page, tmp_path) == []
    text = page.read_text(encoding="utf-8")
    for added in ("<script>document.title='pwned'</script>", "<img src='https://x.example/a.png'>"):
        broken = tmp_path / "broken.html"
        broken.write_text(text.replace("</main>", f"{added}</main>"), encoding="utf-8")
        assert "Content Security Policy" in "".join(console(browser, broken, tmp_path))
        assert "pwned</title>" not in dom(browser, broken, tmp_path / "again")


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (500, True)])
def test_a_screenshot_is_not_blank(
    browser: str, page: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    pixels = screenshot(browser, page, tmp_path, width, 1000, dark)
    background = pixels[-1, 2]
    assert (background.mean() < 0.3) == dark
    assert (abs(pixels - background).max(axis=-1) > 0.3).mean() > 0.01


def test_a_page_without_the_model_has_cues_only(queue: Queue, scored: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    assert write_review(queue, path, scored) == NOT_AT_HAND
    assert NOT_AT_HAND in path.read_text(encoding="utf-8")
    assert write_review(queue, path, scored, marks=False) is None
    items = json.loads(
        html.unescape(
            re.findall(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)[0]
        )
    )["items"]
    pieces = [piece for item in items for piece in item["pieces"]]
    assert {strength for _, strength, _ in pieces} == {0} and any(cue for _, _, cue in pieces)


def test_watch_counts_the_messages(queue: Queue, scored: Path, tmp_path: Path) -> None:
    counts: list[int] = []
    write_review(queue, tmp_path / "page.html", scored, marks=False, watch=counts.append)
    assert counts == list(range(1, len(queue.rows) + 1))


def test_the_command_writes_a_page_and_refuses_what_does_not_fit(
    scored: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    queue = ("queue", scored, "-n", "5", "--html", "page.html")
    done = command(tmp_path, *queue, "--model", tiny_bundle)
    assert done.returncode == 0 and "written to page.html" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    for arguments, told in (
        (queue, "page.html: already exists"),
        ((*queue, "--merge"), "--merge"),
        ((*queue, "--overwrite", "-o", "page.html"), "page.html"),
        (("queue", scored, "--no-marks"), "--html"),
        ((*queue[:-1], "no/page.html"), "no"),
    ):
        refused = command(tmp_path, *arguments)
        assert refused.returncode == 2 and told in refused.stderr, arguments
