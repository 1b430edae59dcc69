"""JSON files of records: every object is a row or a reject, whatever is broken or around it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect import ScamDetector
from scamdetect.dumps import batches, score_file
from scamdetect.dumps import json as json_pieces
from scamdetect.dumps.batches import Dump, Reject
from scamdetect.dumps.json import pieces
from scamdetect.dumps.open import open_dump
from scamdetect.errors import InputError

ROWS = [{"id": n, "by": {"id": 7}, "text": f"words {n}"} for n in range(1, 6)]
Layout = Callable[[Any], str]
LAYOUTS: list[Layout] = [
    lambda rows: json.dumps(rows),
    lambda rows: json.dumps(rows, indent=2),
    lambda rows: "[" + ",\n".join(map(json.dumps, rows)) + "]\n",
    lambda rows: "\n".join(map(json.dumps, rows)),
]


def _open(folder: Path, content: str | bytes, **options: Any) -> Dump:  # noqa: ANN401
    path = folder / "a.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_dump(path, **options)


def _texts(dump: Dump) -> list[Any]:
    return [text for batch in dump.batches() for text in batch.rows.texts()]


def _rejects(dump: Dump) -> list[Reject]:
    return [reject for batch in dump.batches() for reject in batch.rejects]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_records_in_every_layout(tmp_path: Path, layout: Layout) -> None:
    dump = _open(tmp_path, layout(ROWS))
    assert dump.columns == ("id", "by", "text")
    objects = [text for batch in dump.batches() for text in batch.rows.objects()]
    assert [json.loads(text) for text in objects] == ROWS
    assert not any("\n" in text for text in objects)
    assert not _rejects(dump)


@pytest.mark.parametrize(
    "content",
    [
        '\ufeff [{"text": "a"}, {"text": "b"}] ',
        '[{"text": "a"}][{"text": "b"}]',  # two files, one after the other
        '[[{"text": "a"}], [], [{"text": "b"}]]',  # pages put together
        '[{"text": "a"} {"text": "b"},]',
        '{"text": "a"},{"text": "b"}',
        '[\r\n\t{\r\n"text"\r\n:\r\n"a"}\r\n,{"text":"b"}\r\n]',
    ],
)
def test_what_programs_write(tmp_path: Path, content: str) -> None:
    dump = _open(tmp_path, content)
    assert _texts(dump) == ["a", "b"]
    assert not _rejects(dump)


def test_members_stay_to_the_letter(tmp_path: Path) -> None:
    dump = _open(
        tmp_path, '[{\n  "text": "a\\u00e9  b",\n  "n": 1.10,\n  "big": 12345678901234567890\n}]'
    )
    rows = next(dump.batches()).rows
    assert list(rows.objects()) == ['{"text": "a\\u00e9  b","n": 1.10,"big": 12345678901234567890}']
    assert rows.table().to_pylist() == [{"text": "aé  b", "n": 1.1, "big": "12345678901234567890"}]


@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=3),
            st.recursive(
                st.none() | st.integers() | st.text(alphabet='a"\\{}[],:\n é', max_size=6),
                lambda inner: (
                    st.lists(inner, max_size=2)
                    | st.dictionaries(st.text(max_size=2), inner, max_size=2)
                ),
                max_leaves=4,
            ),
            max_size=3,
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(LAYOUTS),
)
@settings(max_examples=40, deadline=None)
def test_any_array_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Any],
    layout: Layout,
) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(layout(rows), encoding="utf-8")
    assert [piece.value for piece in pieces(path)] == rows


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "new", ['"bad', "bad", '"b"ad"', '["bad"', '{"bad"', "9" * 5000, '"bad\\"', "[" * 5000, "}}"]
)
def test_a_broken_record_costs_itself_alone(
    tmp_path: Path,
    layout: Layout,
    new: str,
) -> None:
    dump = _open(tmp_path, layout(ROWS).replace('"words 2"', new))
    assert _texts(dump) == ["words 1", "words 3", "words 4", "words 5"]
    rejects = _rejects(dump)
    assert rejects[0].record == 2
    assert b'"id": 2' in rejects[0].raw
    assert all(reject.reason for reject in rejects)


def test_records_that_are_no_objects(tmp_path: Path) -> None:
    dump = _open(tmp_path, '[{"text": "a"},\n5, "x", null,\n[true], {}, {"text": "b"}]')
    assert _texts(dump) == ["a", None, "b"]
    assert [(r.record, r.line, r.reason) for r in _rejects(dump)] == [
        (2, 2, "a JSON number, not an object"),
        (3, 2, "a JSON string, not an object"),
        (4, 2, "a JSON null, not an object"),
        (5, 3, "a JSON boolean, not an object"),
    ]


def test_bytes_that_are_not_utf8_cost_their_record(tmp_path: Path) -> None:
    content = b'[{"text": "a"}, {"text": "caf\xe9"}, {"text": "b"}]'
    dump = _open(tmp_path, content)
    assert _texts(dump) == ["a", "b"]
    (reject,) = _rejects(dump)
    assert reject.reason == f"not utf-8: byte 0xe9 at offset {content.index(bytes([0xE9]))}"


@pytest.mark.parametrize(
    ("cut", "reason"),
    [("words 3", "a value without an end"), (', {"id": 3', "the file ends before its array does")],
)
def test_a_file_that_was_cut_off(tmp_path: Path, cut: str, reason: str) -> None:
    content = json.dumps(ROWS)
    dump = _open(tmp_path, content[: content.index(cut)])
    assert _texts(dump) == ["words 1", "words 2"]
    (reject,) = _rejects(dump)
    assert (reject.record, reject.reason[: len(reason)]) == (3, reason)


@given(st.text(alphabet='"{}[]:,\\\n a1', max_size=40), st.sampled_from("[{"))
@settings(deadline=None)
def test_no_byte_is_lost(
    tmp_path_factory: pytest.TempPathFactory, content: str, first: str
) -> None:
    def kept(raw: bytes) -> list[int]:
        return sorted(raw.translate(None, b"[], \n"))

    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(first + content, encoding="utf-8")
    assert kept(b"".join(p.raw for p in pieces(path))) == kept((first + content).encode())


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damage_costs_no_more_than_it_touches(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rows = [{"id": n, "by": {"id": 7}, "text": f"words-{n}-end"} for n in range(12)]
    content = data.draw(st.sampled_from(LAYOUTS))(rows)
    at = data.draw(st.integers(content.index("words-0") + 9, len(content) - 1))
    junk = data.draw(st.text(alphabet='"{}[]:,\\\n a1', max_size=4))
    damaged = content[:at] + junk + content[at + data.draw(st.integers(0, 3)) :]
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(damaged, encoding="utf-8")
    found = list(pieces(path))
    texts = [piece.value["text"] for piece in found if "text" in piece.value]
    whole = [row["text"] for row in rows if row["text"] in damaged]
    assert len([text for text in whole if text not in texts]) <= 2
    everything = b"".join(piece.raw for piece in found).decode()
    assert all(text in everything for text in whole)


@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize("blanks", [" " * 500_000, "\n" * 500_000])
def test_many_blanks_take_no_longer(tmp_path: Path, blanks: str) -> None:
    text = json.dumps("a" + blanks + "b")
    dump = _open(tmp_path, f'[{{"text":\n{text}{blanks}}}, {{"text": oops {blanks} }}]')
    assert [len(text) for text in _texts(dump)] == [500_002]
    assert len(_rejects(dump)) == 1


@pytest.mark.parametrize(
    ("unit", "end"),
    [
        ('{"id": 1, "text": "a"\n', ""),
        ('{"text": "a\n', ""),
        ("{\n", ""),
        ('{"a":\n', "oops,\n"),
    ],
)
def test_many_broken_records_take_linear_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str, end: str
) -> None:
    looked_at = 0
    find_end = json_pieces._value_end

    def counted(data: bytes, at: int, last: int) -> int | None:
        nonlocal looked_at
        found = find_end(data, at, last)
        looked_at += (min(last, len(data)) if found in (None, -1) else found) - at
        return found

    monkeypatch.setattr(json_pieces, "_value_end", counted)
    path = tmp_path / "a.json"
    work = []
    for times in (2_500, 5_000):
        closed = "}" * times if end else ""
        path.write_text(f'[{unit * times}{closed}{end}{{"text": "a"}}', encoding="utf-8")
        looked_at = 0
        found = list(pieces(path))
        work.append(looked_at)
        assert isinstance(found[-1].value, str)  # the array has no end
        assert found[-2].value == {"text": "a"}
    assert 0 < work[1] < 2.1 * work[0]


@pytest.mark.parametrize("more", [0, 1])
def test_the_largest_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    monkeypatch.setattr(json_pieces, "MAX_RECORD_BYTES", 1000)
    text = "x" * (1000 - len('{"text": ""}') + more)
    dump = _open(tmp_path, json.dumps([{"text": "a"}, {"text": text}, {"text": "b"}]))
    assert _texts(dump) == (["a", "b"] if more else ["a", text, "b"])


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_pieces, "_CHUNK_BYTES", 300)
    monkeypatch.setattr(json_pieces, "_OVERLAP_BYTES", 100)
    monkeypatch.setattr(json_pieces, "MAX_RECORD_BYTES", 2000)
    monkeypatch.setattr(batches, "BATCH_ROWS", 10)
    rows = [{"id": n, "text": "hello" if n != 12 else "x" * 9000} for n in range(25)]
    found = list(_open(tmp_path, json.dumps(rows)).batches())
    assert sum(len(batch.rows) for batch in found) == 24
    assert all(len(batch.rows) + len(batch.rejects) <= 10 for batch in found)
    assert [batch.share for batch in found] == sorted(batch.share for batch in found)
    assert found[-1].share == pytest.approx(1, abs=0.001)
    rejects = [reject for batch in found for reject in batch.rejects]
    assert all(len(reject.raw) < 5000 for reject in rejects)
    assert b"".join(reject.raw for reject in rejects).count(b"x") >= 9000


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("<html>secret</html>", {}, r"a\.json:1: starts with neither \[ nor {"),
        ('"secret"', {}, "starts with neither"),
        ("", {}, "the file is empty"),
        (" \n", {}, "starts with neither"),
        ("[]", {}, "contains no JSON object$"),
        ("[secret]\nkey = value\n", {}, "contains no JSON object; line 1: broken JSON"),
        ("[1, 2]", {}, "contains no JSON object; line 1: a JSON number, not an object"),
        ('[{"body": "secret", "n": 1}]', {}, "no column 'text'; its columns are: body, n"),
        ('[{"text": "a"}]', {"encoding": "cp1251"}, "JSON is always UTF-8; remove --encoding"),
        ("[]".encode("utf-16"), {}, "UTF-16; convert it to UTF-8"),
        ('[{"text": "a", "scamdetect_verdict": 1}]', {}, "already has the columns"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, content: str | bytes, options: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        _open(tmp_path, content, **options)
    assert "secret" not in str(error.value).replace(str(tmp_path), "")


def test_scored_into_parquet(tmp_path: Path, detector: ScamDetector) -> None:
    (tmp_path / "a.json").write_text('[{"text": "profit"}, 5]', encoding="utf-8")
    summary = score_file(tmp_path / "a.json", detector=detector)
    assert summary.destination == tmp_path / "a.scored.parquet"
    assert (summary.rows, summary.rejected) == (1, 1)
