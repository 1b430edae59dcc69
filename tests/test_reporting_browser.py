"""The report in a real browser: it shows messages, runs none of them, and is not blank."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from chromium import dom, find_browser, screenshot

pytest.importorskip("jinja2")

from scamdetect import ScamDetector
from scamdetect.dumps import score_file
from scamdetect.reports.dump import write_report

_ATTACK = (
    "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\"> "
    "guaranteed bitcoin profit"
)


@pytest.fixture(scope="module")
def browser() -> str:
    return find_browser()


@pytest.fixture(scope="module")
def page(
    tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path, detector: ScamDetector
) -> Path:
    """Return a report on a dump in which a campaign of messages tries to run."""
    folder = tmp_path_factory.mktemp("page")
    cell = '"' + _ATTACK.replace('"', '""') + '"'
    rows = [f"2026-03-0{n},{cell}\n" for n in range(1, 5)] + ["2026-03-05,lunch\n"]
    (folder / "in.csv").write_text("date,text\n" + "".join(rows), encoding="utf-8")
    scored = score_file(folder / "in.csv", detector=detector).destination
    return write_report(scored, model=tiny_bundle, title="The title of this page")


def test_a_message_is_shown_and_not_run(browser: str, page: Path, tmp_path: Path) -> None:
    found = dom(browser, page, tmp_path)
    assert "<title>The title of this page</title>" in found
    assert not re.search(r"<(script|img)\b", found)
    quoted = re.findall(r"<blockquote[^>]*>(.*?)</blockquote>", found)
    shown = [html.unescape(re.sub(r"</?mark[^>]*>", "", one)) for one in quoted]
    assert shown == [_ATTACK, "lunch", _ATTACK]


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (480, False)])
def test_a_screenshot_is_not_blank(
    browser: str, page: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    pixels = screenshot(browser, page, tmp_path, width, 1600, dark)
    assert pixels.shape[:2] == (1600, width)
    background = pixels[-1, 2]
    assert (background.mean() < 0.3) == dark
    # Text and plots: enough of the picture differs from what is behind them, some of it in red.
    assert (abs(pixels - background).max(axis=-1) > 0.3).mean() > 0.01
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    assert ((red > 0.7) & (green < 0.5) & (blue < 0.5)).sum() > 2000
