"""Exports of Telegram Desktop: every message is a row or a reject, whatever is broken."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.dumps import telegram
from scamdetect.dumps.batch import Dump, Reject
from scamdetect.dumps.telegram import is_telegram, open_telegram
from scamdetect.errors import InputError

HELLO: dict[str, Any] = {
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
    return open_telegram(path)


def _rows(dump: Dump) -> list[dict[str, Any]]:
    return [row for batch in dump.batches() for row in batch.table.to_pylist()]


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


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"text": ["see ", {"text": "this "}, {"text": "page", "href": "https://a.test/b"}, "!"]},
         {"text": "see this page!", "links": "https://a.test/b"}),
        ({"text": None, "text_entities": []}, {"text": ""}),
        ({"forwarded_from": "Channel", "reply_to_message_id": 40, "from_id": 12},
         {"forwarded_from": "Channel", "reply_to": "40", "sender_id": "12"}),
        ({"type": "service", "actor": "Ben", "action": "invite_members", "members": ["Ann", None]},
         {"kind": "system", "text": "", "notice": "invite_members"}),
        ({"from": None, "photo": "photos/a.jpg", "text": ""},
         {"kind": "media", "media": "photo", "sender": None}),
        ({"file": "x", "media_type": "voice_message", "text": "caption"},
         {"kind": "message", "text": "caption", "media": "voice_message"}),
        ({"type": "unsupported", "text": ""}, {"kind": "media", "media": "unsupported"}),
        ({"poll": {"question": "Lunch?", "answers": [{"text": "yes"}, 5]}, "text": ""},
         {"kind": "message", "text": "Lunch?\nyes", "media": "poll",
          "details": '{"poll": {"question": "Lunch?", "answers": [{"text": "yes"}, 5]}}'}),
        ({"poll": {"question": [{"type": "bold", "text": "profit"}, "?"]}, "text": "a"},
         {"text": "a\nprofit?"}),
        ({"inline_bot_buttons": [[{"type": "url", "text": "claim", "data": "https://a.test"}], 5]},
         {"text": "hello lunch\nclaim"}),
        ({"todo_list": {"title": "buy", "answers": [{"text": "gift card"}]}, "text": ""},
         {"text": "buy\ngift card"}),
        ({"invoice_information": {"title": "bill", "description": "pay"}, "text": ""},
         {"text": "bill\npay"}),
        ({"game_title": "win", "game_description": "it", "text": ""}, {"text": "win\nit"}),
        ({"poll": 5, "inline_bot_buttons": {}, "todo_list": [], "game_title": 7, "text": ""},
         {"text": ""}),
        ({"date_unixtime": "soon"}, {"time_unix": None}),
    ],
)  # fmt: skip
def test_columns(tmp_path: Path, message: dict[str, Any], expected: dict[str, Any]) -> None:
    (row,) = _rows(_open(tmp_path, _chat(HELLO | message)))
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize("indent", [None, 1])
def test_the_full_export_has_many_chats(tmp_path: Path, indent: int | None) -> None:
    saved = {"type": "saved_messages", "id": 3, "messages": [HELLO, HELLO]}
    odd = _chat(HELLO, name='A {[ \\ "', number=1) | {"id": 1}
    dump = _open(tmp_path, _full(odd, _chat(name="Empty", number=5), saved), indent)
    assert [(r["chat"], r["chat_id"], r["chat_type"]) for r in _rows(dump)] == [
        ('A {[ \\ "', "1", "personal_chat"),
        (None, "3", "saved_messages"),
        (None, "3", "saved_messages"),
        ("Left", "99", "personal_chat"),
    ]
    assert not _rejects(dump)


def test_characters_that_telegram_does_not_escape_are_repaired(tmp_path: Path) -> None:
    content = json.dumps(_chat(HELLO, HELLO, HELLO, name="N"), indent=1)
    content = content.replace("hello lunch", r"bell \x07 path c:\\x07", 1)
    content = content.replace('"N"', r'"N\x01"')
    first, last = content.rsplit('"hello lunch",', 1)
    emoji = '[{\n "type": "custom_emoji",\n "text": "o",\n "document_id": a/b (2).webm\n}]'
    dump = _open(tmp_path, f"{first}{emoji},{last}".replace("hello lunch", "raw \x02", 2))
    assert [row["text"] for row in _rows(dump)] == ["bell \x07 path c:\\x07", "raw \x02", "o"]
    assert {row["chat"] for row in _rows(dump)} == {"N\x01"}
    assert not _rejects(dump)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "new", ['"bad', "bad", '"b"ad"', '["bad"', '{"bad"', "[5]", "9" * 5000, '"bad\\"', "[" * 5000]
)
def test_a_broken_message_costs_only_itself(tmp_path: Path, indent: int | None, new: str) -> None:
    messages = [HELLO | {"id": n, "text": f"t{n}", "text_entities": []} for n in range(1, 6)]
    content = json.dumps(_full(_chat(*messages)), indent=indent).replace('"t2"', new)
    dump = _open(tmp_path, content)
    assert [row["text"] for row in _rows(dump)] == ["t1", "t3", "t4", "t5", "hello lunch"]
    (reject,) = _rejects(dump)
    assert b'"id": 2' in reject.raw
    line = content[: content.index('"id": 2')].count("\n") + (0 if indent else 1)
    assert reject.line == line
    assert "bad" not in reject.reason


def test_bytes_that_are_not_utf8_are_scored_and_kept(tmp_path: Path) -> None:
    content = json.dumps(_chat(HELLO, HELLO | {"text": "second"})).encode()
    dump = _open(tmp_path, content.replace(b"hello lunch", b"caf\xe9", 1))
    assert [row["text"] for row in _rows(dump)] == ["caf\ufffd", "second"]
    (reject,) = _rejects(dump)
    assert reject.kept and b"caf\xe9" in reject.raw


def test_repairs_and_bad_bytes_in_one_message(tmp_path: Path) -> None:
    content = json.dumps(_chat(HELLO, HELLO)).encode()
    dump = _open(tmp_path, content.replace(b"hello lunch", b"\\x01 caf\xe9", 1))
    assert [row["text"] for row in _rows(dump)] == ["\x01 caf\ufffd", "hello lunch"]


def test_a_message_without_its_list_is_kept(tmp_path: Path) -> None:
    content = json.dumps(_full(_chat(HELLO), _chat(HELLO | {"text": "second"})))
    content = content.replace('"messages": [', "")
    assert [row["text"] for row in _rows(_open(tmp_path, content))] == [
        "hello lunch", "second", "hello lunch"
    ]  # fmt: skip


def test_values_that_are_no_messages(tmp_path: Path) -> None:
    dump = _open(tmp_path, _chat(HELLO, 5, "x", None, [1, {"a": 2}], {}, {"text": 5}, HELLO))
    assert [row["text"] for row in _rows(dump)] == ["hello lunch", "", "hello lunch"]
    raws = [reject.raw.split() for reject in _rejects(dump)]
    assert [b"".join(raw) for raw in raws] == [
        b"5", b'"x"', b"null", b'[1,{"a":2}]', b'{"text":5}'
    ]  # fmt: skip


@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_that_was_cut_off(tmp_path: Path, indent: int | None) -> None:
    content = json.dumps(_chat(HELLO, HELLO | {"text": "second"}), indent=indent)
    dump = _open(tmp_path, content[: content.index("second") + 3])
    assert [row["text"] for row in _rows(dump)] == ["hello lunch"]
    cut, end = _rejects(dump)
    assert b"sec" in cut.raw and "sec" not in cut.reason
    assert end.reason == "the file ends before its list of messages does"


def test_exports_one_after_another(tmp_path: Path) -> None:
    content = json.dumps(_chat(HELLO)) + json.dumps(_chat(HELLO, name="Two"))
    assert [row["chat"] for row in _rows(_open(tmp_path, content))] == ["Ann Example", "Two"]


def test_a_lost_border_between_chats(tmp_path: Path) -> None:
    content = json.dumps(_full(_chat(HELLO, name="One"), _chat(HELLO, name="Two", number=8)))
    end = content.index("]}, {")
    for cut in (content[:end] + content[end + 2 :], content[:end] + content[end + 1 :]):
        rows = _rows(_open(tmp_path, cut))
        assert [row["chat"] for row in rows] == ["One", "Two", "Left"]


@given(st.data())
@settings(deadline=None)
def test_no_message_is_lost_to_damage(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    messages = [HELLO | {"id": n, "text": f"words-{n}-end"} for n in range(12)]
    content = json.dumps(
        _full(_chat(*messages[:6]), _chat(*messages[6:])),
        indent=data.draw(st.sampled_from([None, 1])),
    )
    at = data.draw(st.integers(content.index('"messages"'), len(content) - 1))
    junk = data.draw(st.text(alphabet='"{}[]:,\\\n a1', max_size=4))
    damaged = content[:at] + junk + content[at + data.draw(st.integers(0, 3)) :]
    dump = _open(tmp_path_factory.mktemp("telegram"), damaged)
    texts = " ".join(row["text"] for row in _rows(dump))
    rejected = b"".join(reject.raw for reject in _rejects(dump)).decode()
    details = " ".join(row["details"] or "" for row in _rows(dump))
    lost = [m["text"] for m in messages if m["text"] in damaged and m["text"] not in texts]
    assert len(lost) <= 2
    assert all(text in rejected + details for text in lost)


@pytest.mark.parametrize(
    "unit",
    [
        '{"id":1,"type":"message","x":[', '{"id":1,"type":"message","x":"a', '{"messages":[',
        '{"":{"":{"":"messages":[', '{"id":1,"type":"message","text":"a"},,', '{"id":1, "', '"}',
        "}", "[", '"\\x01', '{"a":1,', '{"id":1,"type":"message","text":"\\x01"},',
    ],
)  # fmt: skip
def test_damage_takes_linear_time(tmp_path: Path, unit: str) -> None:
    content = json.dumps(_chat())[:-2] + unit * (200_000 // len(unit))
    start = time.perf_counter()
    list(_open(tmp_path, content).batches())
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    ("old", "new", "texts"),
    [
        ('"one"', "NaN", ["two"]),
        ('"one"', '"one", "x": 1e999', ["one", "two"]),
        ('"one"', '"no", "text": "one"', ["one", "two"]),
        ('"one"', '"one", "x": ' + "9" * 30, ["one", "two"]),
        ('"one"', '"one", "x": ' + "[" * 100_000 + "]" * 100_000, ["two"]),
        ("}, {", "} {", ["one", "two"]),
        ("}, {", "}}, {", ["one", "two"]),
        ("one", "\\ud83d", ["\ufffd", "two"]),
        ("one", "o\0ne", ["o\0ne", "two"]),
        ('{"name"', '\ufeff{"name"', ["one", "two"]),
    ],
)
def test_odd_json(tmp_path: Path, old: str, new: str, texts: list[str]) -> None:
    messages = [{"id": n, "type": "message", "text": t} for n, t in enumerate(("one", "two"))]
    dump = _open(tmp_path, json.dumps(_chat(*messages)).replace(old, new, 1))
    assert [row["text"] for row in _rows(dump)] == texts


def test_an_export_may_be_larger_than_the_buffer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telegram, "_HEADER_CHARACTERS", 500)
    monkeypatch.setattr(telegram, "_CONSUMED_CHARACTERS", 500)
    monkeypatch.setattr("scamdetect.dumps.read_json._CHUNK_BYTES", 300)
    other = {"about": "x" * 2000, "contacts": [{"id": 1}] * 200}
    chats = [_chat(*[HELLO | {"text": "y" * 700}] * 9, name=f"chat {n}") for n in range(3)]
    rows = _rows(_open(tmp_path, other | {"chats": {"list": chats}}))
    assert [row["chat"] for row in rows] == [f"chat {n}" for n in range(3) for _ in range(9)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (_chat(HELLO), True),
        (_full(), True),
        ({"name": "x", "type": "bot_chat", "messages": []}, True),
        ([{"id": 1, "type": "message", "text": "hi"}], False),
        ({"text": "hi", "messages": [{"role": "user", "content": "hi"}]}, False),
        ({"guild": {}, "messages": [{"id": "1", "type": "Default"}]}, False),
        ({"participants": [], "messages": [{"sender_name": "Ann"}]}, False),
    ],
)
def test_recognition(content: object, expected: bool) -> None:
    assert is_telegram(b"\xef\xbb\xbf" + json.dumps(content).encode()) is expected


def test_a_file_without_messages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='has no list "messages"'):
        _open(tmp_path, {"text": "hi"})
