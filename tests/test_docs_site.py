"""The site: it builds strictly, loads nothing from elsewhere, and is looked at in a browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from chromium import dom, find_browser, screenshot
from hang import HANG
from markdown_blocks import blocks

pytest.importorskip("mkdocs", reason="needs the extra docs")

import scamdetect
from docs.hooks.cli_reference import END, PAGE, START, reference
from docs.hooks.whole_repository import linked_files, pages_of

ROOT = Path(__file__).resolve().parent.parent
_PAINTED = "--virtual-time-budget=8000"  # milliseconds that a page has to run its scripts


def build(target: Path, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Build the site; what --quiet keeps silent would not count for --strict."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(target)],
        cwd=root,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=HANG,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = build(target)
    assert done.returncode == 0, done.stderr
    return target


class Addresses(HTMLParser):
    """Collects what a browser loads for a page, and its pieces of code."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.code = 0
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.code += tag == "pre"
        if tag in ("script", "img", "iframe", "source", "video", "audio") and "src" in given:
            self.loaded.append(given["src"])
        if tag == "link" and given.get("rel") != "canonical":
            self.loaded.append(given["href"])


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        for address in Addresses(page).loaded:
            assert not re.match(r"(\w+:)?//", address), f"{page}: {address}"
            assert page.name == "404.html" or (page.parent / address.split("?")[0]).exists(), (
                address
            )
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"url\([\"']?(\w+:)?//|@import", text), style


def test_the_first_page_and_those_beside_docs_are_there(site: Path) -> None:
    assert "it is not a lie detector" in (site / "index.html").read_text(encoding="utf-8")
    for page in ("README", "models/scamdetect-small/index", "data/index", "CHANGELOG", "SECURITY"):
        assert (site / f"{page}.html").is_file()
    assert (site / "data" / "audit" / "languages.png").is_file()
    assert not (site / "hooks").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a](../no/such/file.md)", "no/such/file.md"),
        ("[a](index.md#no-such-part)", "no-such-part"),
    ],
)
def test_a_broken_link_or_anchor_fails_the_build(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# A\n\n{text}\n", encoding="utf-8")
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[0]
    config = config.replace("  - docs/hooks", f"  - {ROOT}/docs/hooks")
    (tmp_path / "mkdocs.yml").write_text(f"{config}\nnav: [docs/index.md]\n", encoding="utf-8")
    done = build(tmp_path / "site", root=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr


def test_linked_files_are_named_by_their_paths_in_the_repository() -> None:
    linked = linked_files(ROOT, "docs/benchmark.md")
    assert {"benchmarks/bench-1.md", "benchmarks/results/bench-1/results.json"} <= linked
    assert linked_files(ROOT, "data/audit/README.md") >= {"data/audit/languages.png"}
    assert list(pages_of([{"A": "a.md"}, {"B": [{"C": "c.md"}, "d.md"]}])) == [
        "a.md",
        "c.md",
        "d.md",
    ]


def test_every_public_name_is_on_the_page_of_the_api(site: Path) -> None:
    page = (site / "api.html").read_text(encoding="utf-8")
    for name in set(scamdetect.__all__) - {"__version__"}:
        home = getattr(scamdetect, name).__module__
        assert f'id="{home}.{name}"' in page


def test_each_notebook_has_a_page_that_the_page_on_notebooks_links_to(site: Path) -> None:
    page = (site / "notebooks.html").read_text(encoding="utf-8")
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f'href="notebooks/{path.stem}.html"' in page
        assert "<pre" in (site / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")


def test_the_reference_of_the_command_line_is_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = page[page.index(START) + len(START) : page.index(END)]
    assert shown.strip() == reference().strip(), "run: python docs/hooks/cli_reference.py --write"


def test_code_is_code_on_the_site_as_in_a_checkout(site: Path) -> None:
    # Lists of the site want four blanks more where those of a checkout want two.
    for page in sorted((ROOT / "docs").rglob("*.md")):
        if page.name not in ("api.md", "LOG.md"):
            shown = Addresses(site / page.relative_to(ROOT / "docs").with_suffix(".html")).code
            assert shown == len(blocks(page)), page.name


def test_the_search_works_on_pages_that_are_opened_as_files(site: Path, tmp_path: Path) -> None:
    found = dom(find_browser(), site / "index.html", tmp_path, _PAINTED, query="?q=allow-list")
    results = re.findall(r"<a [^>]*md-search-result__link[^>]*>", found)
    assert any("decisions.html" in link for link in results)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (400, False)])
def test_a_page_is_shown(site: Path, tmp_path: Path, width: int, dark: bool) -> None:
    pixels = screenshot(find_browser(), site / "cli.html", tmp_path, width, 1600, dark)
    background = pixels[-1, 2]
    assert (background.mean() < 0.3) == dark
    assert (abs(pixels - background).max(axis=-1) > 0.3).mean() > 0.01
    # The header's teal: the style sheets were found.
    red, green, blue = pixels[5, 5]
    assert red < 0.3 < min(green, blue)
