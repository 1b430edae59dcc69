"""A real browser for tests of pages."""

from __future__ import annotations

import html
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hang import HANG

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_REQUIRED = "SCAMDETECT_REQUIRE_BROWSER"
_CHECKS = Path(__file__).with_name("page_problems.js")
_HEADLESS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
)


def find_browser() -> str:
    """Return the browser's command; skip the test without one, or fail where one is required."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None and os.environ.get(_REQUIRED):
        pytest.fail(f"{_REQUIRED} is set and there is no browser: install chromium")
    if found is None:
        pytest.skip("no chromium here")
    return found


def dom(browser: str, page: Path, profile: Path, *arguments: str, query: str = "") -> str:
    """Return the page as the browser has it after loading, with a query behind its address."""
    return _run(browser, page.as_uri() + query, profile, "--dump-dom", *arguments)


def console(browser: str, page: Path, folder: Path) -> list[str]:
    """Return what the browser writes to the console while it loads the page."""
    log = folder / "chrome.log"
    _run(browser, page, folder / "quiet", "--dump-dom", "--enable-logging", f"--log-file={log}")
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if ":CONSOLE" in line]


class Looked(NamedTuple):
    """A page as it is at a width, and what is wrong with it there."""

    page: str
    width: int
    dark: bool
    found: list[str]


def problems(
    browser: str, pages: Mapping[str, str], widths: Sequence[int], dark: bool, folder: Path
) -> list[Looked]:
    """Return what page_problems.js finds on each page (its HTML by name) at each width.

    The pages are frames of one document, since windows are no narrower than 500 pixels.
    """
    frames = "\n".join(
        f'<iframe title="{html.escape(name)}" srcdoc="{html.escape(page)}" '
        f'style="width:{width}px;height:900px;border:0"></iframe>'
        for name, page in pages.items()
        for width in widths
    )
    document = folder / "frames.html"
    checks = _CHECKS.read_text(encoding="utf-8")
    document.write_text(
        f"<!doctype html><meta charset=utf-8><body>{frames}<script>{checks}</script>", "utf-8"
    )
    profile = folder / ("dark" if dark else "light")
    found = dom(browser, document, profile, "--window-size=1400,1000", _scheme(dark))
    answer = html.unescape(found.partition("<body>")[2].partition("</body>")[0])
    return [Looked(**one) for one in json.loads(answer)]


def screenshot(browser: str, page: Path, folder: Path, width: int, height: int, dark: bool) -> Any:  # noqa: ANN401
    """Return the pixels (height, width, 3) of the page, each part of a colour from 0 to 1."""
    image = pytest.importorskip("matplotlib.image")
    shot = folder / "shot.png"
    size = f"--window-size={width},{height}"
    _run(browser, page.as_uri(), folder / "profile", f"--screenshot={shot}", size, _scheme(dark))
    return image.imread(shot)[..., :3]


def _run(browser: str, address: str, profile: Path, *arguments: str) -> str:
    done = subprocess.run(
        [browser, *_HEADLESS, f"--user-data-dir={profile}", *arguments, address],
        capture_output=True,
        encoding="utf-8",
        timeout=HANG,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _scheme(dark: bool) -> str:
    return f"--blink-settings=preferredColorScheme={0 if dark else 1}"
