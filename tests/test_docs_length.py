"""No page is so long that nobody reads it."""

from __future__ import annotations

import pytest
from docs_samples import ROOT

MOST = 1500
GENERATED = ("cli.md", "LOG.md")  # a reference, and a dated record
PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if page.name not in GENERATED]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_has_at_most_1500_words(page) -> None:
    words = len(page.read_text(encoding="utf-8").split())
    assert words <= MOST, f"{words} words: split it along what readers look for"
