"""Operations: which campaigns share a value, by which, and what joins nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from campaign_rows import campaign_id, write_dump
from dump_files import read_rows
from hypothesis import given
from hypothesis import strategies as st
from scored_rows import scored_row

from scamdetect.scored import operations
from scamdetect.scored.campaigns import write_campaigns
from scamdetect.scored.operations import (
    MOST_CAMPAIGNS,
    Indicators,
    Operation,
    Value,
    found_operations,
)
from scamdetect.scored.templates import template_id

_FOUND = re.compile(r"(?P<link>https://\S+)|(?P<handle>@\w+)|(?P<phone>\+\d+)|(?P<wallet>w-\w+)")


def _values(text: str) -> Iterator[Value]:
    for match in _FOUND.finditer(text):
        yield Value(match.lastgroup or "", match[0])


INDICATORS = Indicators(_values, lambda one: "short.example" in one.value)


def _joined(folder: Path, *rows: tuple[str, int]) -> dict[int, Operation]:
    found = found_operations(iter(rows), INDICATORS, folder)
    return {int(name, 16): one for name, one in found.items()}


def test_what_is_shared_joins_and_is_the_reason(tmp_path: Path) -> None:
    found = _joined(
        tmp_path,
        ("go to https://a.example/pay now", 7), ("or to https://a.example/pay", 5),
        ("or ask @desk, https://a.example/pay", 5), ("ask @desk", 9), ("w-1", 20), ("w-1", 21),
        ("ask @other", 30), ("+14155550101", 40), ("+14155550101", 41),
        ("https://short.example/x", 50), ("https://short.example/x", 51),
    )  # fmt: skip
    operation, wallets = template_id(5), template_id(20)
    assert found == {
        5: Operation(operation, ("handle:@desk", "link:https://a.example/pay")),
        7: Operation(operation, ("link:https://a.example/pay",)),
        9: Operation(operation, ("handle:@desk",)),
        20: Operation(wallets, ("wallet:w-1",)),
        21: Operation(wallets, ("wallet:w-1",)),
    }
    assert list(tmp_path.iterdir()) == []


def test_what_many_have_is_of_everybody(tmp_path: Path) -> None:
    few = [("https://a.example/", n) for n in range(MOST_CAMPAIGNS)]
    assert len(_joined(tmp_path, *few)) == MOST_CAMPAIGNS
    assert _joined(tmp_path, *few, ("https://a.example/", 99)) == {}


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=25))
def test_operations_are_what_is_connected(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("operations")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "_PENDING", 3)
        patch.setattr(operations, "_BUCKET_PAIRS", 3)
        found = _joined(folder, *((f"w-{value}", campaign) for value, campaign in pairs))
    sets = [{c} for c in range(10)]
    for value in range(7):
        whole = [s for s in sets if s & {c for v, c in pairs if v == value}]
        sets = [s for s in sets if s not in whole] + ([set().union(*whole)] if whole else [])
    expected = {c: template_id(min(s)) for s in sets if len(s) > 1 for c in s}
    assert {campaign: one.id for campaign, one in found.items()} == expected


def test_the_file_has_the_operation_of_each_campaign(tmp_path: Path) -> None:
    texts = ["the first notice of may, see @desk"] * 3
    texts += ["another wording altogether, write to @desk today"] * 2 + ["lunch at noon?"] * 2
    path = write_dump(tmp_path / "out.parquet", [{"text": t} | scored_row(0.5) for t in texts])
    summary = write_campaigns(path, indicators=INDICATORS)
    first, second, lunch = read_rows(summary.destination)
    assert summary.operations == 1
    assert first["operation"] == second["operation"] is not None
    assert {first["reasons"], second["reasons"]} == {"handle:@desk"}
    assert lunch["operation"] is None and lunch["campaign"] == campaign_id(path, "lunch")
