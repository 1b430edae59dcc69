"""A real browser for tests of pages."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hang import HANG

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_REQUIRED = "SCAMDETECT_REQUIRE_BROWSER"
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


def screenshot(browser: str, page: Path, folder: Path, width: int, height: int, dark: bool) -> Any:  # noqa: ANN401
    """Return the pixels (height, width, 3) of the page, each part of a colour from 0 to 1."""
    image = pytest.importorskip("matplotlib.image")
    shot = folder / "shot.png"
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    size = f"--window-size={width},{height}"
    _run(browser, page.as_uri(), folder / "profile", f"--screenshot={shot}", size, scheme)
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
