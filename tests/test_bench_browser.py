"""The benchmark page in a real browser: readable at every width, and no name of a stranger runs."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from chromium import dom, find_browser, screenshot

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from invented_results import HOSTILE, invented_results

from scamdetect.bench.report.report import render_page
from scamdetect.reports.html import write_page

# A frame, for windows are no narrower than 500 pixels; the page itself runs nothing.
_FRAME = """<!doctype html><title>not measured</title>
<iframe srcdoc="{page}" style="width:{width}px;height:900px;border:0"></iframe>
<script>onload = () => {{
  const page = document.querySelector("iframe").contentDocument;
  document.title = [page.documentElement.clientWidth, page.documentElement.scrollWidth,
    page.querySelector(".scroll table").offsetWidth].join(" ");
}}</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    return find_browser()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(render_page(invented_results()), path)
    return path


def test_a_name_is_shown_and_not_run(browser: str, page: Path, tmp_path: Path) -> None:
    found = dom(browser, page, tmp_path)
    assert "<title>Leaderboard: scamdetect-bench 1</title>" in found
    assert "<script" not in found
    assert set(re.findall(r'<img [^>]*src="([^;"]*)', found)) == {"data:image/svg+xml"}
    names = re.findall(r'<th scope="row"><bdi>(.*?)</bdi>', found)
    assert HOSTILE in [html.unescape(name) for name in names]


@pytest.mark.parametrize("width", [1200, 480])
def test_wide_tables_scroll_in_themselves(
    browser: str, page: Path, tmp_path: Path, width: int
) -> None:
    frame = tmp_path / "frame.html"
    text = html.escape(page.read_text(encoding="utf-8"))
    frame.write_text(_FRAME.format(page=text, width=width), encoding="utf-8")
    found = dom(browser, frame, tmp_path / "profile", "--window-size=1400,1000")
    match = re.search(r"<title>(\d+) (\d+) (\d+)</title>", found)
    assert match is not None
    window, content, table = map(int, match.groups())
    assert window == width
    assert content <= width
    assert table > width


@pytest.mark.parametrize(
    ("width", "dark"), [(1200, False), (1200, True), (480, False), (480, True)]
)
def test_a_screenshot_is_not_blank(
    browser: str, page: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    height = 6_000  # down to the first plots at every width
    pixels = screenshot(browser, page, tmp_path, width, height, dark)
    assert pixels.shape[:2] == (height, width)
    background = pixels[height // 2, 1]
    assert (background.mean() < 0.3) == dark
    # Text, and plots on white cards with the colours of the first two detectors.
    assert (abs(pixels - background).max(axis=-1) > 0.3).mean() > 0.01
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):
        distance = abs(pixels - [part / 255 for part in colour]).max(axis=-1)
        assert (distance < 0.02).sum() > 100
