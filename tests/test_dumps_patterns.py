"""The order of files and what a glob names, against what Python's own globs say."""

from __future__ import annotations

import glob
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps.patterns import is_hidden, is_pattern, matches, natural_key, split_pattern

NAMES = st.text("ab_.019=é", min_size=1, max_size=5)


def test_numbers_are_compared_by_value_folder_by_folder() -> None:
    names = ["b", "a/10", "a/9", "a-1/x", "a/9b", "1", "01", "a/9/x"]
    assert sorted(names, key=natural_key) == [
        "01",
        "1",
        "a/9",
        "a/9/x",
        "a/9b",
        "a/10",
        "a-1/x",
        "b",
    ]


@given(st.lists(st.lists(NAMES, min_size=1, max_size=3).map("/".join)))
def test_the_order_does_not_depend_on_that_of_a_listing(names: list[str]) -> None:
    ordered = sorted(names, key=natural_key)
    assert sorted(reversed(names), key=natural_key) == ordered
    assert sorted(ordered) == sorted(names)


@pytest.mark.parametrize(
    ("name", "hidden"),
    [("_SUCCESS", True), (".x", True), ("_day=1", False), ("_chat.txt", False), ("a_b", False)],
)
def test_hidden_names(name: str, hidden: bool) -> None:
    assert is_hidden(name) is hidden


@pytest.mark.parametrize(
    ("text", "root", "parts"),
    [
        ("a/b/*.csv", "a/b/", ("*.csv",)),
        ("*.csv", "", ("*.csv",)),
        ("/x/y-[0-9]/z.csv", "/x/", ("y-[0-9]", "z.csv")),
        ("a/**/b?/", "a/", ("**", "b?")),
    ],
)
def test_the_folder_of_a_pattern(text: str, root: str, parts: tuple[str, ...]) -> None:
    assert is_pattern(text)
    assert split_pattern(text) == (root, parts)


@pytest.mark.parametrize(
    "pattern", ["*", "*/*", "**/*.b", "a/**/c.b", "**", "?.b", "[!a]/*", "*/x/*"]
)
def test_files_that_globs_of_python_name_are_named(tmp_path: Path, pattern: str) -> None:
    names = ["a/b/c.b", "a/c.b", "c.b", "b/x/y", "b/x/c.b", "a/x.c"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = glob.glob(pattern, root_dir=tmp_path, recursive=True)
    expected = {
        name for name in names if any(name == one or name.startswith(f"{one}/") for one in found)
    } | ({*names} if "" in found else set())
    assert {n for n in names if matches(n.split("/"), pattern.split("/"))} == expected
