"""The drift page in a real browser: whole at every width, in light and dark, and silent."""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import pytest
from chromium import console, dom, find_browser, screenshot
from scored_rows import scored_row, write_scored

pytest.importorskip("jinja2")

from scamdetect.adapt.drift import measure_drift
from scamdetect.reports.drift import write_drift

_ATTACK = "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"
# A frame, for windows are no narrower than 500 pixels; the page itself runs nothing.
_FRAME = """<!doctype html><title>not measured</title>
<iframe srcdoc="{page}" style="width:{width}px;height:900px;border:0"></iframe>
<script>onload = () => {{
  const page = document.querySelector("iframe").contentDocument;
  const ids = [...page.querySelectorAll("[id]")].map(one => one.id);
  const links = [...page.querySelectorAll("a[href^='#'], [aria-labelledby]")].map(
    one => one.getAttribute("aria-labelledby") || one.getAttribute("href").slice(1));
  document.title = [page.documentElement.clientWidth, page.documentElement.scrollWidth,
    ids.length - new Set(ids).size, links.length,
    links.filter(name => !page.getElementById(name)).length].join(" ");
}}</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    return find_browser()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of two dumps that differ, one of them with a name that tries to run."""
    folder = tmp_path_factory.mktemp("drift")
    random = np.random.default_rng(0)
    dumps = []
    for name, shift, language in (("before", 2, "en"), (_ATTACK.partition("/")[0], 1, "th")):
        rows = [
            {"text": f"message {n} {_ATTACK}"}
            | scored_row(float(score), language=language if n % 2 else "en")
            for n, score in enumerate(random.beta(0.5, shift, 300))
        ]
        dumps.append(write_scored(folder / f"{name}.parquet", rows))
    return write_drift(measure_drift(*dumps), folder / "out")


def test_a_name_is_shown_and_no_message_is(browser: str, page: Path, tmp_path: Path) -> None:
    found = dom(browser, page, tmp_path)
    assert "<title>Drift: " in found
    assert not re.search(r"<(script|img)\b", found)
    assert "message 1" not in found
    names = re.findall(r"<dd><bdi>(.*?)</bdi>", found)
    assert html.unescape(names[1]).startswith("<script>")


@pytest.mark.parametrize("width", [1200, 400])
def test_nothing_sticks_out_and_every_link_has_its_place(
    browser: str, page: Path, tmp_path: Path, width: int
) -> None:
    frame = tmp_path / "frame.html"
    text = html.escape(page.read_text(encoding="utf-8"))
    frame.write_text(_FRAME.format(page=text, width=width), encoding="utf-8")
    found = dom(browser, frame, tmp_path / "profile", "--window-size=1400,1000")
    match = re.search(r"<title>(\d+) (\d+) (\d+) (\d+) (\d+)</title>", found)
    assert match is not None
    window, content, twice, links, lost = map(int, match.groups())
    assert window == width and content <= width
    assert twice == lost == 0 and links > 10


def test_the_browser_has_nothing_to_complain_of(browser: str, page: Path, tmp_path: Path) -> None:
    said = console(browser, page, tmp_path)
    assert said == []
    broken = tmp_path / "broken.html"
    text = page.read_text(encoding="utf-8")
    broken.write_text(text.replace("</main>", "<img src='https://x.example/a.png'></main>"))
    assert "Content Security Policy" in "".join(console(browser, broken, tmp_path))


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (480, True)])
def test_a_screenshot_is_not_blank(
    browser: str, page: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    pixels = screenshot(browser, page, tmp_path, width, 2400, dark)
    assert pixels.shape[:2] == (2400, width)
    background = pixels[-1, 2]
    assert (background.mean() < 0.3) == dark
    # Text and bars: enough of the picture differs from what is behind them.
    assert (abs(pixels - background).max(axis=-1) > 0.3).mean() > 0.01
    after = (0x7D, 0xB8, 0xEC) if dark else (0x3D, 0x6F, 0xB4)
    distance = abs(pixels - [part / 255 for part in after]).max(axis=-1)
    assert (distance < 0.02).sum() > 1000
