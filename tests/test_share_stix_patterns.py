"""Patterns of STIX: those that are equalities, and all others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.share import stix_patterns
from scamdetect.share.stix_patterns import ACCOUNT, equalities

URL, NAME = "url:value", "domain-name:value"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("[url:value = 'https://a.example/x']", [(URL, "https://a.example/x")]),
        (" [ url:value='a' ] ", [(URL, "a")]),
        (r"[url:value = 'it\'s \\ here']", [(URL, r"it's \ here")]),
        ("[url:value = 'a' OR domain-name:value = 'b']", [(URL, "a"), (NAME, "b")]),
        ("[url:value = 'a'] OR [domain-name:value = 'b']", [(URL, "a"), (NAME, "b")]),
        ("[url:value IN ('a', 'b')]", [(URL, "a"), (URL, "b")]),
        (
            "[user-account:account_type = 'x' AND user-account:account_login = 'y']",
            [(ACCOUNT, "x:y")],
        ),
        (
            "[user-account:user_id = 'y' AND user-account:account_type = 'x']",
            [(ACCOUNT, "x:y")],
        ),
    ],
)
def test_equalities_are_read(pattern: str, found: list[tuple[str, str]]) -> None:
    assert equalities(pattern) == tuple(found)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "[]",
        "url:value = 'a'",
        "[url:value = 'a'",
        "[url:value = 'a']]",
        "[url:value = 'a' 'b']",
        "[url:value = a]",
        "[url:value = 5]",
        "[url:value != 'a']",
        "[NOT url:value = 'a']",
        "[url:value NOT = 'a']",
        "[url:value LIKE '%a%']",
        "[url:value MATCHES 'a.*']",
        "[url:value = 'a' AND domain-name:value = 'b']",
        "[url:value = 'a' AND url:value = 'b' AND url:value = 'c']",
        "[url:value = 'a'] AND [url:value = 'b']",
        "[url:value = 'a'] FOLLOWEDBY [url:value = 'b']",
        "[url:value = 'a'] WITHIN 5 SECONDS",
        "[url:value = 'a'] REPEATS 5 TIMES",
        "([url:value = 'a'])",
        "[url:value = 'a' OR]",
        "[ipv4-addr:value ISSUBSET '198.51.100.0/24']",
        "[file:hashes.'SHA-256' = 'a']",
        "[url:value = 'a\\']",
        "[url:value = 'é' \u202e]",
    ],
)
def test_anything_else_is_none(pattern: str) -> None:
    assert equalities(pattern) is None


@given(st.text(alphabet="[]()=',\\ ORINANDurl:value'", max_size=60))
def test_no_text_breaks_the_reader(pattern: str) -> None:
    found = equalities(pattern)
    assert found is None or all(len(one) == 2 for one in found)


def test_a_pattern_without_an_end_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stix_patterns, "MOST_CHARACTERS", 30)
    assert equalities("[url:value = 'aaaa']") is not None
    assert equalities("[url:value = 'aaaa']" + " " * 30) is None


def test_a_long_pattern_is_read_in_one_pass(no_hang: None) -> None:
    assert equalities("[url:value = '" + "\\" * 60_000) is None
    assert len(equalities(" OR ".join(["[url:value = 'a']"] * 3_000)) or ()) == 3_000
