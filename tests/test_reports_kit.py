"""The pieces of Markdown pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from scamdetect.errors import InputError
from scamdetect.reports.pages import between_markers, table


def test_a_table_has_a_header_a_rule_and_rows() -> None:
    assert table(["a", "b"], [["1", "2"]]) == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]


def test_a_section_is_replaced_between_its_markers() -> None:
    page = "top <s> old </s> end"
    assert between_markers(page, "<s>", "</s>", ["new"], Path("x")) == "top <s>\nnew\n</s> end"


@pytest.mark.parametrize("page", ["", "<s> only", "only </s>", "</s> turned <s>"])
def test_missing_markers_are_named(page: str) -> None:
    with pytest.raises(InputError, match=r"x\.md: put the lines <s> and </s>"):
        between_markers(page, "<s>", "</s>", [], Path("x.md"))
