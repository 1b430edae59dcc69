"""Exports of Telegram Desktop: every message is a row or a reject, whatever is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hang import HANG
from hypothesis import given, settings
from hypothesis import strategies as st
from test_dumps_writers import EchoDetector

from scamdetect.dumps import batches, score_file
from scamdetect.dumps.batches import Dump, Reject
from scamdetect.dumps.chats import telegram_export, telegram_parser
from scamdetect.dumps.open import open_dump
from scamdetect.errors import InputError, JobInterrupted

ROOT = Path(telegram_export.__file__).resolve().parents[3]
HELLO = {
    "id": 1, "type": "message", "date": "2023-12-31T21:41:05", "date_unixtime": "1704055265",
    "from": "Ann Example", "from_id": "user11", "text": "hello lunch",
    "text_entities": [{"type": "plain", "text": "hello lunch"}],
}  # fmt: skip


def _chat(*messages: object, name: str = "Ann Example", number: int = 7) -> dict[str, Any]:
    return {"name": name, "type": "personal_chat", "id": number, "messages": list(messages)}


def _full(*chats: dict[str, Any]) -> dict[str, Any]:
    return {
        "about": "Here is the data",
        "contacts": {"about": "x", "list": [{"user_id": 5, "first_name": "{ \"id\": 1"}]},
        "chats": {"about": "y", "list": list(chats)},
        "left_chats": {"about": "z", "list": [_chat(HELLO, name="Left", number=99)]},
    }  # fmt: skip


def _open(folder: Path, content: object, indent: int | None = 1) -> Dump:
    path = folder / "result.json"
    if not isinstance(content, bytes | str):
        content = json.dumps(content, indent=indent, ensure_ascii=False)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_dump(path)


def _rows(dump: Dump) -> list[dict[str, Any]]:
    return [row for batch in dump.batches() for row in batch.rows.table().to_pylist()]


def _rejects(dump: Dump) -> list[Reject]:
    return [reject for batch in dump.batches() for reject in batch.rejects]


def test_a_message_becomes_a_row(tmp_path: Path) -> None:
    dump = _open(tmp_path, _chat(HELLO))
    assert dump.notes == ("read as an export of Telegram Desktop",)
    assert _rows(dump) == [
        {
            "chat": "Ann Example", "message_id": "1", "time": "2023-12-31T21:41:05",
            "sender": "Ann Example", "sender_id": "user11", "kind": "message",
            "text": "hello lunch", "media": None, "notice": None, "chat_id": "7",
            "chat_type": "personal_chat", "time_unix": 1704055265, "forwarded_from": None,
            "reply_to": None, "links": None, "details": None,
        }
    ]  # fmt: skip


def test_entities_are_joined_and_hidden_links_kept(tmp_path: Path) -> None:
    text = [
        "see ", {"type": "bold", "text": "this "},
        {"type": "text_link", "text": "page", "href": "https://pay.example/a"}, " or ",
        {"type": "link", "text": "b.example"},
    ]  # fmt: skip
    (row,) = _rows(_open(tmp_path, _chat(HELLO | {"text": text})))
    assert row["text"] == "see this page or b.example"
    assert row["links"] == "https://pay.example/a"


def test_service_messages_and_media_have_no_text(tmp_path: Path) -> None:
    messages = [
        {"id": 2, "type": "service", "date": "2023-12-31T21:42:00", "actor": "Ben Example",
         "actor_id": "user12", "action": "invite_members", "members": ["Ann Example", None],
         "text": "", "text_entities": []},
        {"id": 3, "type": "message", "from": None, "photo": "photos/a.jpg", "text": ""},
        {"id": 4, "type": "message", "file": "x", "media_type": "voice_message", "text": "caption"},
        {"id": 5, "type": "unsupported"},
        {"id": 6, "type": "message", "poll": {"question": "Lunch?"}, "text": "", "edited": "x"},
    ]  # fmt: skip
    rows = _rows(_open(tmp_path, _chat(*messages)))
    assert [(r["kind"], r["text"], r["media"], r["notice"]) for r in rows] == [
        ("system", "", None, "invite_members"),
        ("media", "", "photo", None),
        ("message", "caption", "voice_message", None),
        ("media", "", "unsupported", None),
        ("message", "Lunch?", "poll", None),
    ]
    assert (rows[0]["sender"], rows[0]["sender_id"]) == ("Ben Example", "user12")
    assert json.loads(rows[0]["details"]) == {"members": ["Ann Example", None]}
    assert json.loads(rows[1]["details"]) == {"from": None, "photo": "photos/a.jpg"}
    assert json.loads(rows[4]["details"]) == {"poll": {"question": "Lunch?"}, "edited": "x"}


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        ({"poll": {"question": "guaranteed profit?", "answers": [{"text": "yes"}, {"text": "no"}]}},
         "guaranteed profit?\nyes\nno"),
        ({"poll": {"question": [{"type": "bold", "text": "profit"}, "?"], "answers": [5]}},
         "profit?"),
        ({"inline_bot_buttons": [[{"type": "url", "text": "claim", "data": "https://a.test"}], 5]},
         "claim"),
        ({"todo_list": {"title": "buy", "answers": [{"text": "gift card"}]}}, "buy\ngift card"),
        ({"invoice_information": {"title": "bill", "description": "pay", "amount": 5}},
         "bill\npay"),
        ({"game_title": "win", "game_description": "bitcoin"}, "win\nbitcoin"),
        ({"poll": 5, "inline_bot_buttons": {}, "todo_list": [], "game_title": 7}, ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", ["", "hello"])
def test_words_beside_the_text_are_read_too(
    tmp_path: Path, beside: dict[str, Any], words: str, text: str
) -> None:
    (row,) = _rows(_open(tmp_path, _chat(HELLO | beside | {"text": text})))
    assert row["text"] == "\n".join(filter(None, (text, words)))
    assert json.loads(row["details"]) == beside


def test_forwards_and_replies(tmp_path: Path) -> None:
    message = HELLO | {"forwarded_from": "Some Channel", "reply_to_message_id": 40, "from_id": 12}
    (row,) = _rows(_open(tmp_path, _chat(message)))
    assert (row["forwarded_from"], row["reply_to"], row["sender_id"]) == (
        "Some Channel",
        "40",
        "12",
    )


@pytest.mark.parametrize("indent", [None, 1])
def test_the_full_export_has_many_chats(tmp_path: Path, indent: int | None) -> None:
    saved = {"type": "saved_messages", "id": 3, "messages": [HELLO, HELLO]}
    empty = _chat(name="Empty", number=5)
    dump = _open(tmp_path, _full(_chat(HELLO, name="A {[", number=1), empty, saved), indent)
    assert [(r["chat"], r["chat_id"], r["chat_type"]) for r in _rows(dump)] == [
        ("A {[", "1", "personal_chat"),
        (None, "3", "saved_messages"),
        (None, "3", "saved_messages"),
        ("Left", "99", "personal_chat"),
    ]
    assert not _rejects(dump)


def test_sorted_keys_put_the_chat_behind_its_messages(tmp_path: Path) -> None:
    content = json.dumps(_chat(HELLO, HELLO), sort_keys=True)
    rows = _rows(_open(tmp_path, content))
    assert [(row["chat"], row["chat_id"]) for row in rows] == [("Ann Example", "7")] * 2


def test_what_telegram_writes_wrongly_is_mended(tmp_path: Path) -> None:
    content = json.dumps(_chat(HELLO, HELLO), indent=1)
    content = content.replace("hello lunch", r"bell \x07 path c:\\x07", 1)
    emoji = '[{\n "type": "custom_emoji",\n "text": "o",\n "document_id": a/b (2).webm\n}]'
    first, last = content.rsplit('"hello lunch",', 1)
    rows = _rows(_open(tmp_path, f"{first}{emoji},{last}"))
    assert [row["text"] for row in rows] == ["bell \x07 path c:\\x07", "o"]


def _broken(content: str, old: str, new: str) -> str:
    assert old in content
    return content.replace(old, new, 1)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "new", ['"bad', "bad", '"b"ad"', '["bad"', '{"bad"', "[5]", "9" * 5000, '"bad\\"', "[" * 5000]
)
def test_a_broken_message_costs_itself_alone(tmp_path: Path, indent: int | None, new: str) -> None:
    messages = [HELLO | {"id": n, "text": f"t{n}", "text_entities": []} for n in range(1, 6)]
    content = json.dumps(_full(_chat(*messages)), indent=indent).replace('"t2"', new)
    dump = _open(tmp_path, content)
    assert [row["text"] for row in _rows(dump)] == ["t1", "t3", "t4", "t5", "hello lunch"]
    (reject,) = _rejects(dump)
    assert reject.record == 2
    assert b'"id": 2' in reject.raw
    assert reject.reason


def test_a_stray_bracket_is_a_reject(tmp_path: Path) -> None:
    content = json.dumps(_chat(HELLO, HELLO, HELLO)).replace("}, {", "}}, {", 1)
    dump = _open(tmp_path, content)
    assert len(_rows(dump)) == 3
    (reject,) = _rejects(dump)
    place = content.index("}}, {") + 1
    assert reject.reason == f"broken JSON at byte {place}, after 1 message"
    assert reject.raw == b"}, "


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    content = json.dumps(_chat(HELLO, HELLO | {"text": "second"})).encode()
    dump = _open(tmp_path, content.replace(b"hello lunch", b"caf\xe9", 1))
    assert [row["text"] for row in _rows(dump)] == ["second"]
    (reject,) = _rejects(dump)
    place = content.index(b"hello lunch") + 3
    assert reject.reason == f"not utf-8: 0xe9 at byte {place}, after 0 messages"
    assert "raw_base64" in reject.to_dict()


def test_values_that_are_no_messages(tmp_path: Path) -> None:
    dump = _open(tmp_path, _chat(HELLO, 5, "x", None, [1, {"a": 2}], {}, HELLO))
    assert [row["text"] for row in _rows(dump)] == ["hello lunch", "", "hello lunch"]
    assert [reject.raw for reject in _rejects(dump)][:3] == [b"5", b'"x"', b"null"]
    assert [reject.record for reject in _rejects(dump)] == [2, 3, 4, 5]


@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_that_was_cut_off(tmp_path: Path, indent: int | None) -> None:
    content = json.dumps(_chat(HELLO, HELLO | {"text": "second"}), indent=indent)
    dump = _open(tmp_path, content[: content.index("second")])
    assert [row["text"] for row in _rows(dump)] == ["hello lunch"]
    (reject,) = _rejects(dump)
    place = len(content[: content.index("second")])
    assert reject.record == 2
    assert reject.reason == f"the file ends inside a message, at byte {place}, after 1 message"


def test_a_file_that_ends_between_messages(tmp_path: Path) -> None:
    content = json.dumps(_chat(HELLO, HELLO))
    dump = _open(tmp_path, content.removesuffix("]}"))
    assert len(_rows(dump)) == 2
    (reject,) = _rejects(dump)
    assert reject.reason.startswith("the file ends before the list of messages ends, at byte ")
    assert reject.reason.endswith(", after 2 messages")


def test_the_place_of_a_reject(tmp_path: Path) -> None:
    dump = _open(tmp_path, _chat(HELLO, {"text": 5}, HELLO))
    (reject,) = _rejects(dump)
    assert reject.record == 2
    lines = (tmp_path / "result.json").read_text("utf-8").splitlines()
    assert lines[reject.line - 1 : reject.line - 1 + reject.lines] == [
        "  {",
        '   "text": 5',
        "  },",
    ]


def test_the_place_of_damage_far_behind_the_last_chat(tmp_path: Path) -> None:
    far = {"stories": ["x" * 50] * 6000, "left_chats": {"list": [_chat(HELLO, name="Left")]}}
    content = json.dumps({"chats": {"list": [_chat(HELLO)]}} | far, indent=1)
    place = content.rindex('"text_entities"')
    (reject,) = _rejects(_open(tmp_path, f"{content[:place]}nothing {content[place:]}"))
    assert reject.reason == f"broken JSON at byte {place}, after 1 message"
    assert reject.line == content.count("\n", 0, content.rindex('"id": 1', 0, place))


def test_a_lost_border_between_chats(tmp_path: Path) -> None:
    content = json.dumps(_full(_chat(HELLO, name="One"), _chat(HELLO, name="Two", number=8)))
    end = content.index("]}, {")
    for cut in (content[:end] + content[end + 2 :], content[:end] + content[end + 1 :]):
        rows = _rows(_open(tmp_path, cut))
        assert [row["chat"] for row in rows] == ["One", "Two", "Left"]


def test_a_chat_that_begins_within_a_message_ends_the_chat_before(tmp_path: Path) -> None:
    content = json.dumps(_full(_chat(HELLO, HELLO), _chat(HELLO, name="Ben")), indent=1)
    border = content.index('"Ben"')
    cut, begun = content.rindex('"text_entities"', 0, border), content.rindex("{", 0, border)
    dump = _open(tmp_path, content[:cut] + content[begun:])
    assert [row["chat"] for row in _rows(dump)] == ["Ann Example", "Ben", "Left"]
    assert [reject.reason.partition(" at ")[0] for reject in _rejects(dump)] == ["broken JSON"]


def test_a_list_of_messages_behind_the_end_is_kept(tmp_path: Path) -> None:
    content = json.dumps(_chat(HELLO))
    more = f'\n"messages": [{json.dumps(HELLO)}]'
    dump = _open(tmp_path, content + more)
    assert [row["text"] for row in _rows(dump)] == ["hello lunch"] * 2
    assert [reject.reason for reject in _rejects(dump)] == [
        f"a list of messages within another value at byte {len(content) + 1}, after 1 message",
        f"the file ends before its JSON ends, at byte {len(content + more)}, after 2 messages",
    ]


def test_a_list_that_lost_its_bracket_loses_no_message(tmp_path: Path) -> None:
    content = json.dumps(_full(_chat(HELLO), _chat(HELLO | {"text": "first"}, HELLO)))
    place = content.rindex(' [{"id"', 0, content.index('"first"'))
    dump = _open(tmp_path, content[:place] + content[place + 3 :])
    assert len(_rows(dump)) == 3
    (reject,) = _rejects(dump)
    assert b'"first"' in reject.raw


def test_a_message_in_place_of_its_list_is_kept(tmp_path: Path) -> None:
    message = HELLO | {"text": "first"}
    content = json.dumps(_chat({"text": "first", "id": 0}, message)).replace(": [{", ": {", 1)
    dump = _open(tmp_path, content)
    assert [row["text"] for row in _rows(dump)] == ["first"]
    assert b'{"text": "first", "id": 0}' in b"".join(r.raw for r in _rejects(dump))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damage_costs_no_more_than_it_touches(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    messages = [HELLO | {"id": n, "text": f"words-{n}-end"} for n in range(12)]
    content = json.dumps(
        _full(_chat(*messages[:6]), _chat(*messages[6:])),
        indent=data.draw(st.sampled_from([None, 1])),
    )
    start = content.index('"chats"')
    at = data.draw(st.integers(start, len(content) - 1))
    junk = data.draw(st.text(alphabet='"{}[]:,\\\n a1', max_size=4))
    cut = data.draw(st.integers(0, 3))
    damaged = content[:at] + junk + content[at + cut :]
    folder = tmp_path_factory.mktemp("telegram")
    dump = _open(folder, damaged)
    texts = " ".join(row["text"] for row in _rows(dump))
    kept = " ".join(row["details"] or "" for row in _rows(dump))
    kept += b"".join(reject.raw for reject in _rejects(dump)).decode()
    lost = [m["text"] for m in messages if m["text"] in damaged and m["text"] not in texts]
    assert len(lost) <= 2
    assert all(text in kept for text in lost)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the lengths of what is parsed, in the order of the calls."""
    lengths: list[int] = []

    class Parser:
        def __init__(self, target: object, **options: bool) -> None:
            self._parser = basic_parse(target, **options)
            self.close = self._parser.close

        def send(self, data: bytes) -> None:
            lengths.append(len(data))
            self._parser.send(data)

    def noted(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(text: str | bytes) -> object:
            lengths.append(len(text))
            return function(text)

        return call

    basic_parse = telegram_parser.ijson.basic_parse_coro
    monkeypatch.setattr(telegram_parser.ijson, "basic_parse_coro", Parser)
    for name in ("_decoded", "_leading"):
        monkeypatch.setattr(telegram_export, name, noted(getattr(telegram_export, name)))
    return lengths


@pytest.mark.parametrize(
    "unit",
    [
        '{"id":1,"type":"message","x":[',
        '{"id":1,"type":"message","x":',
        '{"id":1,"type":"message","x":"a',
        '{"messages":[',
        '{"":{"":{"":"messages":[',
        '{"messages":[{"id":1,"type":"message","a":{',
        '{"id":1,"type":"message","text":"a"},,',
        '{"id":1, "',
        '"}',
        "}",
        "[",
        '"\\x01',
    ],
)
def test_the_work_grows_as_the_damage_does(tmp_path: Path, parsed: list[int], unit: str) -> None:
    work = []
    for size in (10_000, 20_000):
        parsed.clear()
        content = json.dumps(_chat())[:-2] + unit * (size // len(unit))
        list(_open(tmp_path, content).batches())
        work.append(sum(parsed))
    assert work[1] < 2.2 * work[0]


@pytest.mark.parametrize("inner", ["}", "\\x01", ']\\"', "\\\\"])
def test_a_string_of_brackets_is_parsed_once(tmp_path: Path, parsed: list[int], inner: str) -> None:
    content = json.dumps(_chat(HELLO, HELLO)).replace("hello lunch", inner * 5000)
    assert len(_rows(_open(tmp_path, content))) == 2
    assert len(parsed) < 100
    assert sum(parsed) < 10 * len(content)


@pytest.mark.parametrize(
    ("old", "new", "texts", "reason"),
    [
        ('"one"', "NaN", ["", "two"], None),
        ('"one"', '"one", "x": 1e999', ["one", "two"], None),
        ('"one"', '"no", "text": "one"', ["one", "two"], None),
        ('"one"', '"one", "x": ' + "9" * 30, ["one", "two"], None),
        ('"one"', '"one", "x": ' + "[" * 100_000 + "]" * 100_000, ["two"], "nested too deeply"),
        ('{"name"', '{"x": ' + "[" * 100_000 + ', "name"', ["one", "two"], "broken JSON"),
        ("}, {", "} {", ["one", "two"], None),
        ("one", "\\ud83d", ["\ufffd", "two"], None),
        ("one", "o\0ne", ["two"], "broken JSON at byte 110, after 0 messages"),
        ('{"name"', '\ufeff{"name"', ["one", "two"], None),
    ],
)
def test_odd_json(tmp_path: Path, old: str, new: str, texts: list[str], reason: str | None) -> None:
    messages = [{"id": n, "type": "message", "text": t} for n, t in enumerate(("one", "two"))]
    dump = _open(tmp_path, json.dumps(_chat(*messages)).replace(old, new, 1))
    assert [row["text"] for row in _rows(dump)] == texts or reason is None
    assert reason is None or reason in _rejects(dump)[0].reason


def test_exports_one_after_another(tmp_path: Path) -> None:
    content = json.dumps(_chat(HELLO)) + json.dumps(_chat(HELLO, name="Two"))
    assert [row["chat"] for row in _rows(_open(tmp_path, content))] == ["Ann Example", "Two"]


def test_a_record_without_its_type_is_found_behind_damage(tmp_path: Path) -> None:
    messages = [HELLO | {"id": n, "text": f"t{n}"} for n in range(4)]
    content = json.dumps(_chat(*messages)).replace('"t1"', '"t1', 1)
    second = content.index('"id": 2')
    content = content[:second] + content[second:].replace('"message"', '"mess{age"', 1)
    assert [row["text"] for row in _rows(_open(tmp_path, content))] == ["t0", "t2", "t3"]


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telegram_parser, "_CHUNK_BYTES", 300)
    monkeypatch.setattr(telegram_parser, "_OVERLAP_BYTES", 100)
    monkeypatch.setattr(telegram_export, "MAX_RECORD_BYTES", 2000)
    monkeypatch.setattr(batches, "BATCH_ROWS", 10)
    messages = [HELLO | {"id": n} for n in range(25)]
    messages[12]["text"] = "x" * 9000
    dump = _open(tmp_path, _chat(*messages))
    found = list(dump.batches())
    assert sum(len(batch.rows) for batch in found) == 24
    assert all(len(batch.rows) + len(batch.rejects) <= 10 for batch in found)
    rejects = _rejects(dump)
    assert all(len(reject.raw) < 5000 for reject in rejects)
    assert b"".join(reject.raw for reject in rejects).count(b"x") >= 9000
    assert [batch.share for batch in found] == sorted(batch.share for batch in found)


@pytest.mark.parametrize(
    "content",
    [
        '[{"id": 1, "type": "message", "text": "hi"}]',
        '{"text": "hi", "messages": [{"role": "user", "content": "hi"}]}',
        '{"text": "hi", "guild": {}, "messages": [{"id": "1", "type": "Default"}]}',
        '{"text": "hi", "participants": [], "messages": [{"sender_name": "Ann"}]}',
    ],
)
def test_other_json_is_no_export(tmp_path: Path, content: str) -> None:
    dump = _open(tmp_path, content)
    assert dump.notes == ()
    assert [row["text"] for row in _rows(dump)] == ["hi"]


def test_the_format_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"text": "hi"}\n', encoding="utf-8")
    assert next(open_dump(path, source_format="jsonl").batches()).rows.texts() == ["hi"]
    with pytest.raises(InputError, match='has no list "messages"'):
        open_dump(path, source_format="telegram")
    path = tmp_path / "a.data"
    path.write_text(json.dumps(_chat(HELLO)), encoding="utf-8")
    assert len(_rows(open_dump(path, source_format="telegram"))) == 1
    with pytest.raises(InputError, match="UTF-8; remove --encoding"):
        open_dump(path, source_format="telegram", encoding="cp1251")
    with pytest.raises(InputError, match="unknown format 'signal'.*csv, .*telegram"):
        open_dump(path, source_format="signal")


def test_another_text_column(tmp_path: Path) -> None:
    _open(tmp_path, _chat(HELLO))
    with pytest.raises(InputError, match="has no column 'body'; its columns are: chat, message_id"):
        open_dump(tmp_path / "result.json", text_column="body")


def test_head_that_is_no_json_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text('{"text": "lunch at noon"\n"name": "Ann",\n"messages": [\n]}\n', "utf-8")
    (reject,) = _rejects(open_dump(path, source_format="telegram"))
    assert reject.reason == "broken JSON at byte 25, after 0 messages"
    assert b"lunch at noon" in reject.raw


def _damaged(folder: Path) -> Path:
    """Write an export of forty messages of which every tenth is broken."""
    messages = [HELLO | {"id": n, "text": f"t{n}"} for n in range(40)]
    content = json.dumps(_chat(*messages), indent=1)
    for number in range(5, 40, 10):
        content = content.replace(f'"t{number}"', f'"t{number}', 1)
    path = folder / "result.json"
    path.write_text(content, encoding="utf-8")
    return path


def test_a_job_on_a_damaged_export_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 4)
    source = _damaged(tmp_path)
    names = ("out.jsonl", "out.jsonl.rejected.jsonl")
    job = partial(score_file, source, detector=EchoDetector(), part_rows=8)
    job(tmp_path / names[0])
    expected = [(tmp_path / name).read_bytes() for name in names]
    again = tmp_path / "again"
    again.mkdir()
    for asked in ([False, False, True], [False, True], [False] * 9):
        with suppress(JobInterrupted):
            job(again / names[0], resume=True, stop=iter(asked).__next__)
    assert [(again / name).read_bytes() for name in names] == expected


def test_the_command_keeps_what_it_read_and_says_where_it_broke(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    source = _damaged(tmp_path)
    content = source.read_bytes()
    source.write_bytes(content[: content.index(b"t30")])
    done = subprocess.run(
        [sys.executable, "-m", "scamdetect.cli", "score", "result.json", "-o", "out.parquet",
         "--model", str(tiny_bundle)],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=HANG,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "rejected 4" in done.stderr
    texts = pq.read_table(tmp_path / "out.parquet")["text"].to_pylist()
    assert texts == [f"t{n}" for n in range(30) if n not in (5, 15, 25)]
    lines = (tmp_path / "out.parquet.rejected.jsonl").read_text("utf-8").splitlines()
    reasons = [json.loads(line)["reason"] for line in lines]
    broken = content.index(b'"t5') + len('"t5,')
    assert reasons[0] == f"broken JSON at byte {broken}, after 5 messages"
    place = content.index(b"t30")
    assert reasons[-1] == f"the file ends inside a message, at byte {place}, after 27 messages"
    assert not any("t30" in reason for reason in reasons)
