"""Typed files: what is read comes back as written, what is wrong is named with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scamdetect.errors import InputError, SourceError
from scamdetect.system.typed import (
    Located,
    Table,
    locate_jsonl,
    read_jsonl,
    read_toml,
    utf8_text,
    write_jsonl,
)


class Fruit(Table, frozen=True):
    """A row."""

    name: str
    count: int = 0


def _write(folder: Path, content: bytes) -> Path:
    path = folder / "fruit"
    path.write_bytes(content)
    return path


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    # A line separator within a name ends no line.
    rows = [Fruit("apple\u2028pear", 3), Fruit("ลำไย")]
    write_jsonl(tmp_path / "fruit", rows)
    assert read_jsonl(tmp_path / "fruit", Fruit, SourceError) == rows


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"name": "fig", "count": "two"}', "Expected `int`, got `str`"),
        (b'{"name": "fig", "colour": "blue"}', "unknown field `colour`"),
        (b'{"count": 2}', "missing required field `name`"),
        (b"fig, 2", "malformed"),
    ],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path: Path, line: bytes, said: str) -> None:
    path = _write(tmp_path, b'{"name": "apple"}\n\n' + line + b'\n{"name": "plum"}\n')
    with pytest.raises(SourceError, match=f"fruit:3: .*{said}.*; correct the line") as caught:
        read_jsonl(path, Fruit, SourceError)
    assert "fig" not in str(caught.value)
    found, problems = locate_jsonl(path, Fruit, SourceError, lambda _: "mend it")
    assert found == [Located(f"{path}:1", Fruit("apple")), Located(f"{path}:4", Fruit("plum"))]
    assert [one.startswith(f"{path}:3: malformed row: ") for one in problems] == [True]
    assert problems[0].endswith("; mend it")


def test_lines_before_the_first_are_left_out(tmp_path: Path) -> None:
    path = _write(tmp_path, b'a heading\n{"name": "apple"}\n')
    located, problems = locate_jsonl(path, Fruit, SourceError, str, first=2)
    assert (located, problems) == ([Located(f"{path}:2", Fruit("apple"))], [])


READERS: list[Callable[[Path], Any]] = [
    lambda path: utf8_text(path, InputError),
    lambda path: read_jsonl(path, Fruit, InputError),
    lambda path: read_toml(path, Fruit, InputError),
]


@pytest.mark.parametrize("read", READERS)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    with pytest.raises(InputError, match="fruit: cannot be read"):
        read(tmp_path / "fruit")
    with pytest.raises(InputError, match=r"fruit: .*can't decode byte 0xff in position 8"):
        read(_write(tmp_path, b'name = "\xff"'))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name =", "not valid TOML"),
        (b"name = 3", r"Expected `str`, got `int` - at `\$.name` \(\$ is the file\)"),
        (b'name = "fig"\ncolour = "blue"', "unknown field `colour`"),
        (b"name = " + b"[" * 5000, "not valid TOML"),
    ],
)
def test_what_is_wrong_with_toml_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=f"fruit: .*{said}"):
        read_toml(_write(tmp_path, content), Fruit, InputError)
    assert read_toml(_write(tmp_path, b'name = "fig"'), Fruit, InputError) == Fruit("fig")
