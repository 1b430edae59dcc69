"""A walk through JSON of any size: what is taken, what memory it needs, and files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps import json as dumps_json
from scamdetect.errors import InputError
from scamdetect.share import json_values
from scamdetect.share.json_values import values

OBJECTS = ("objects", "*")


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "a.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def found(path: Path, *wanted) -> list[object]:  # noqa: ANN002
    return [one.content for one in values(path, wanted)]


@given(st.lists(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5)))
def test_all_items_come_as_they_are(tmp_path_factory, items) -> None:  # noqa: ANN001
    whole = {"before": {"objects": [1]}, "objects": items, "after": [{"objects": 2}]}
    path = written(tmp_path_factory.mktemp("json"), json.dumps(whole, indent=1))
    assert found(path, OBJECTS) == items


def test_values_know_their_place(tmp_path: Path) -> None:
    event = '{"Event": {"Attribute": [\n{"a": 1},\n{"a": 2}], "Tag": []}}'
    path = written(tmp_path, f"\ufeff[{event}, {event}]")
    wanted = ("*", "Event", "Attribute", "*"), ("*", "Event", "Tag")
    places = [(one.keys[-2:], one.number, one.line, one.within) for one in values(path, wanted)]
    assert places == [
        (("Attribute", "*"), 1, 2, 2), (("Attribute", "*"), 2, 3, 2), (("Event", "Tag"), 1, 3, 2),
        (("Attribute", "*"), 3, 4, 4), (("Attribute", "*"), 4, 5, 4), (("Event", "Tag"), 2, 5, 4),
    ]  # fmt: skip


def test_a_broken_object_costs_itself(tmp_path: Path) -> None:
    deep = "[" * 200_000 + "]" * 200_000
    path = written(tmp_path, f'{{"objects": [{{"a": tru}}, {{"a": {deep}}}, {{"a": 1}}]}}')
    problems = [(one.content, one.problem) for one in values(path, [OBJECTS])]
    said = "broken JSON, or nested too deeply"
    assert problems == [(None, said), (None, said), ({"a": 1}, None)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"a\.json:1: .*its end is missing"),
        ('{"objects": [\n{"a": 1},', r"a\.json:2: .*its end is missing"),
        ('{"objects": [\n{"a": 1', r"a\.json:2: .*a value has no end"),
        ('{"objects": [1]', r"its end is missing"),
        ('{"objects": [1]} {"objects": [2]}', r"more than one value"),
        ("{objects: [1]}", r"a key is missing"),
        ('{"objects" [1]}', r": is missing"),
        ('{"other": "\n', r"a value has no end"),
        ('{"objects', r"a value has no end"),
        (b'{"objects": [1], "\xff": }', r"a key is broken"),
    ],
)
def test_what_is_no_json_is_named_with_its_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        found(written(tmp_path, content), OBJECTS)


def test_a_large_file_is_never_held_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dumps_json, "_CHUNK_BYTES", 1 << 10)
    held = []
    grow = dumps_json.Window.grow
    monkeypatch.setattr(
        dumps_json.Window, "grow", lambda self: (grow(self), held.append(len(self.data)))[0]
    )
    one = json.dumps({"value": "x" * 200})
    path = written(tmp_path, f'{{"objects": [{", ".join([one] * 2_000)}], "id": 1}}')
    assert sum(1 for _ in values(path, [OBJECTS])) == 2_000
    assert len(held) > 100 and max(held) < 8 << 10


def test_a_value_without_a_bound_ends_the_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_values, "MOST_BYTES", 1_000)
    path = written(tmp_path, '{"objects": [{"a": "' + "x" * 5_000 + '"}]}')
    with pytest.raises(InputError, match="larger than 16 MiB"):
        found(path, OBJECTS)
