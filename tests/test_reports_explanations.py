"""The page of explanations: escaped, with one disclaimer."""

from __future__ import annotations

import html
import re
from datetime import date

import pytest

pytest.importorskip("jinja2")

from scamdetect import ScamDetector
from scamdetect.explain.explanation import CAUTION
from scamdetect.reports.explanations import explanation_page

_ATTACK = "<script>alert(1)</script> urgent: guaranteed bitcoin profit \u202e \ud800"


def test_a_page_has_all_messages_and_one_disclaimer(detector: ScamDetector) -> None:
    texts = (_ATTACK, "lunch tomorrow", None)
    page = explanation_page([detector.explain(text) for text in texts], date(2026, 3, 1))
    assert page.count(html.escape(CAUTION)) == 1
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", page) == ["Message 1", "Message 2", "Message 3"]
    assert "unscored" in page and "2026-03-01" in page and detector.bundle.model_id in page
    page.encode()


def test_a_message_is_shown_and_not_run(detector: ScamDetector) -> None:
    page = explanation_page([detector.explain(_ATTACK)])
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page and "⟨U+202E⟩" in page
    assert re.search(r'<mark class="s2"[^>]*>[^<]*guaranteed', page)
    assert not re.search(r'\b(src|href)="(?!#)', page) and "default-src" in page
