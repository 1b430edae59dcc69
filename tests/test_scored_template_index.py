"""The folder of masked templates: recognised, carried on, and refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from scamdetect.errors import InputError
from scamdetect.frames.arrow import plain_array
from scamdetect.scored import template_index
from scamdetect.scored.job import Step
from scamdetect.scored.template_index import Index, built_index, read_index
from scamdetect.scored.templates import read_hashes, read_parts, read_rows
from scamdetect.text.normalise import NORMALISER_VERSION

SETTINGS = {"source": "a", "normaliser": NORMALISER_VERSION}
TEXTS = ["pay 5 now", "pay 6 now", "hello", None, "", "[]", "pay 7 now"]


def _tables(texts: list[str | None], *, fail_at: int | None = None) -> Iterator[pa.Table]:
    for number, text in enumerate(texts):
        if number == fail_at:
            raise InputError("changed")
        yield pa.table(
            {
                "text": plain_array([text], pa.string()),
                "decision": plain_array(["pass"], pa.string()),
                "probability": plain_array([0.1], pa.float64()),
                "kinds": pa.ListArray.from_arrays([0, 0], plain_array([], pa.string())),
                "language": plain_array([None], pa.string()),
            }
        )


def _built(folder: Path, tables: Iterator[pa.Table]) -> Index:
    def watch(step: Step) -> None:
        pass

    return built_index(folder, "a", SETTINGS, tables, len(TEXTS), watch=watch)


def test_equal_templates_are_one_in_the_order_of_their_hashes(tmp_path: Path) -> None:
    index = _built(tmp_path / "i", _tables(TEXTS))
    assert (index.rows, index.finished, len(index.pieces)) == (7, True, 1)
    hashes = read_hashes(index.templates[0])
    assert hashes.tolist() == sorted(hashes.tolist()) and len(hashes) == 3
    rows = read_rows(index.members[0])
    places = rows["template"].to_pylist()
    assert places[0] == places[1] == places[6] and places[3] == places[4] == -1
    assert rows["language"].to_pylist() == ["und"] * 7
    parts = pa.Table.from_batches(read_parts(index.templates[0], range(128), ["template"]))
    assert sorted(parts["template"].to_pylist()) == ["[]", "hello", "pay [number] now"]


def test_a_finished_index_is_not_read_again_and_an_unfinished_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template_index, "SEGMENT_ROWS", 2)
    folder = tmp_path / "i"
    with pytest.raises(InputError) as caught:
        _built(folder, _tables(TEXTS, fail_at=5))
    assert "4 masked rows kept in" in caught.value.__notes__[0]
    with pytest.raises(InputError, match="is not finished"):
        read_index(folder)
    index = _built(folder, _tables(TEXTS))
    assert (index.resumed, index.rows) == (4, 7)
    again = _built(folder, _tables([], fail_at=0))
    assert (again.resumed, again.pieces) == (7, index.pieces) and read_index(folder).rows == 7


def test_nothing_is_left_of_an_index_that_did_not_begin(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="changed"):
        _built(tmp_path / "i", _tables(TEXTS, fail_at=0))
    assert not (tmp_path / "i").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: "{", "damaged"),
        (lambda state: state.replace('"schema_version": 1', '"schema_version": 9'), "has schema 9"),
        (lambda state: state.replace('"normaliser": ', '"normaliser": 9'), "masked by the rules"),
        (lambda state: state.replace('"size": ', '"size": 1'), "damaged"),
    ],
)
def test_another_index_is_refused_by_name(tmp_path: Path, change, message: str) -> None:  # noqa: ANN001
    folder = tmp_path / "i"
    _built(folder, _tables(TEXTS))
    path = folder / "index.json"
    path.write_text(change(path.read_text("utf-8")), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_index(folder)


def test_the_folder_holds_no_message(tmp_path: Path) -> None:
    texts: list[str | None] = [f"call Anna on +1 415 555 01{n:02}" for n in range(5)]
    index = _built(tmp_path / "i", _tables(texts))
    parts = pa.Table.from_batches(read_parts(index.templates[0], range(128), ["template"]))
    assert parts["template"].to_pylist() == ["call Anna on [phone]"]
    assert read_rows(index.members[0]).schema.names == [
        "template", "decision", "probability", "kinds", "language",
    ]  # fmt: skip


def test_what_is_foreign_in_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "i").mkdir()
    (tmp_path / "i" / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="contains 'mine.txt'"):
        _built(tmp_path / "i", _tables(TEXTS))
