"""Chats that WhatsApp exported: every style of date, every line in a row."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.dumps import whatsapp
from scamdetect.dumps.batch import Dump, Reject
from scamdetect.dumps.whatsapp import is_whatsapp, open_whatsapp, read_head, split_sender
from scamdetect.errors import InputError

LRM = "\u200e"
ENCRYPTED = "Messages and calls are end-to-end encrypted."
ANDROID = f"""31/12/2023, 21:40 - {ENCRYPTED}
31/12/2023, 21:41 - Ann Example: hello lunch
and a second line

with a gap
31/12/2023, 21:43 - +44 7700 900123: <Media omitted>
31/12/2023, 21:44 - Ben Example changed the subject to "Trip: Rome"
1/1/2024, 00:01 - Ben Example: on 1/1/24, 9:00 - see
"""
IPHONE = f"""[31.12.23, 21:40:01] Friends: {LRM}{ENCRYPTED}\r
[31.12.23, 21:41:05] Ann Example: hello lunch\nsecond line\r
{LRM}[31.12.23, 21:42:30] Ben Example: look {LRM}<attached: 0012-PHOTO.jpg>\r
"""


def _open(folder: Path, content: bytes | str, name: str = "_chat.txt", **options: str) -> Dump:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_whatsapp(path, **options)


def _rows(dump: Dump) -> list[dict[str, Any]]:
    return [row for batch in dump.batches() for row in batch.table.to_pylist()]


def _rejects(dump: Dump) -> list[Reject]:
    return [reject for batch in dump.batches() for reject in batch.rejects]


def test_android(tmp_path: Path) -> None:
    dump = _open(tmp_path, ANDROID, "WhatsApp Chat with Some Group.txt")
    rows = _rows(dump)
    assert [(row["sender"], row["kind"], row["text"]) for row in rows] == [
        (None, "system", ENCRYPTED),
        ("Ann Example", "message", "hello lunch\nand a second line\n\nwith a gap"),
        ("+44 7700 900123", "message", "<Media omitted>"),
        (None, "system", 'Ben Example changed the subject to "Trip: Rome"'),
        ("Ben Example", "message", "on 1/1/24, 9:00 - see"),
    ]
    assert rows[1] == {
        "chat": "Some Group", "message_id": "2", "time": "2023-12-31T21:41",
        "sender": "Ann Example", "sender_id": None, "kind": "message",
        "text": "hello lunch\nand a second line\n\nwith a gap", "media": None, "notice": None,
        "stamp": "31/12/2023, 21:41",
    }  # fmt: skip
    assert rows[2]["sender_id"] == "+447700900123"
    assert not _rejects(dump)
    assert dump.notes == ("read as a chat exported from WhatsApp", "its dates are read day first")


def test_iphone(tmp_path: Path) -> None:
    rows = _rows(_open(tmp_path, IPHONE))
    assert [(row["sender"], row["text"]) for row in rows] == [
        ("Friends", f"{LRM}{ENCRYPTED}"),
        ("Ann Example", "hello lunch\nsecond line"),
        ("Ben Example", f"look {LRM}<attached: 0012-PHOTO.jpg>"),
    ]
    assert {row["chat"] for row in rows} == {"Friends"}
    assert rows[1]["time"] == "2023-12-31T21:41:05"


@pytest.mark.parametrize(
    ("head", "time"),
    [
        ("12/31/23, 9:41 PM - ", "2023-12-31T21:41"),
        ("12/31/23, 9:41\u202fPM - ", "2023-12-31T21:41"),
        ("12/31/23, 12:41\u202fAM - ", "2023-12-31T00:41"),
        ("31/12/2023, 21:41 - ", "2023-12-31T21:41"),
        ("31.12.2023 21:41 - ", "2023-12-31T21:41"),
        ("31-12-2023 21:41 - ", "2023-12-31T21:41"),
        ("2023-12-31, 9:41 p.m. - ", "2023-12-31T21:41"),
        ("2023/12/31 下午9:41 - ", "2023-12-31T21:41"),
        ("2023. 12. 31. 오후 9:41 - ", "2023-12-31T21:41"),
        ("31/12/2023, 9:41 p.\u00a0m. - ", "2023-12-31T21:41"),
        ("31. 12. 2023. 21:41 - ", "2023-12-31T21:41"),
        ("31/12/23 21.41 - ", "2023-12-31T21:41"),
        ("31/12/2023 à 21:41 - ", "2023-12-31T21:41"),
        ("31/12/2023 21 h 41 - ", "2023-12-31T21:41"),
        ("21:41, 31/12/2023 - ", "2023-12-31T21:41"),
        ("٣١\u200f/١٢\u200f/٢٠٢٣، ٩:٤١ م - ", "2023-12-31T21:41"),
        ("31/12/2023, 9:41 अपराह्न - ", "2023-12-31T21:41"),
        ("31/12/2566 21:41 - ", "2023-12-31T21:41"),
        ("31.12.23 г., 21:41 ч. - ", "2023-12-31T21:41"),
        ("[31.12.23, 21:41:05] ", "2023-12-31T21:41:05"),
        (f"{LRM}[12/31/23, 9:41:05\u202fPM] ", "2023-12-31T21:41:05"),
        ("[31.12.2023 klo 21.41.05] ", "2023-12-31T21:41:05"),
        ("[2023/12/31 午後9:41:05] ", "2023-12-31T21:41:05"),
        ("31/12/23, 9:41 abends - ", "2023-12-31"),
        ("31/02/2023, 21:41 - ", None),
        ("1402/12/14, 21:41 - ", None),
        ("31/12/1999, 21:41 - ", None),
        (f"31/12/{date.today().year + 5}, 21:41 - ", None),
    ],
)
def test_styles_of_dates(tmp_path: Path, head: str, time: str | None) -> None:
    rows = _rows(_open(tmp_path, f"{head}Ann: one\n{head}Ann: two\n"))
    assert [(row["time"], row["sender"], row["text"]) for row in rows] == [
        (time, "Ann", "one"),
        (time, "Ann", "two"),
    ]
    assert rows[0]["stamp"] in head


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "12/31/23 was a day - Ann: x",
        "on 12/31/23, 9:41 - Ann: x",
        "12/31/23, 9:41 Ann: x",
        "[12/31/23, 9:41 - Ann: x",
        "12/31/23, 25:41 - Ann: x",
        "1/1/23" + " " * 190 + "x",
        "31/12, 21:41 - Ann: x",
    ],
)
def test_lines_without_a_head(line: str) -> None:
    assert read_head(line) is None


@pytest.mark.parametrize(
    ("dates", "times", "note"),
    [
        (["3/4/23", "13/4/23"], ["2023-04-03", "2023-04-13"], "read day first"),
        (["3/4/23", "4/13/23"], ["2023-03-04", "2023-04-13"], "read month first"),
        (["3/4/23", "13/4/23", "4/5/23", "4/14/23", "4/15/23"], ["2023-03-04"], "month first"),
        (["3/4/23"], ["2023-04-03"], "day first; the date order is a guess"),
        (["2023-04-03"], ["2023-04-03"], "WhatsApp"),
    ],
)
def test_order_of_day_and_month(
    tmp_path: Path, dates: list[str], times: list[str], note: str
) -> None:
    dump = _open(tmp_path, "".join(f"{day}, 09:00 - Ann: hello\n" for day in dates))
    found = [row["time"] for row in _rows(dump)]
    assert found[: len(times)] == [f"{day}T09:00" for day in times]
    assert note in dump.notes[-1]


def test_order_of_american_dates_is_guessed(tmp_path: Path) -> None:
    dump = _open(tmp_path, "3/4/23, 9:00\u202fAM - Ann: hello\n")
    assert _rows(dump)[0]["time"] == "2023-03-04T09:00"
    assert "month first; the date order is a guess" in dump.notes[-1]


@pytest.mark.parametrize(
    ("rest", "sender", "body"),
    [
        (" Ann: hi: you", "Ann", "hi: you"),
        (" ~\u202fAnn: hi", "~\u202fAnn", "hi"),
        (" \u202a+44 7700 900123\u202c: hi", "+44 7700 900123", "hi"),
        (" Ann:", "Ann", ""),
        (f" Ann:{LRM} hi", "Ann", f"{LRM} hi"),
        (" Ann left", None, "Ann left"),
        (" Ann called at 12:30", None, "Ann called at 12:30"),
        (" Ann created group “A: B”", None, "Ann created group “A: B”"),
        (' Ann set it to "Trip: Rome"', None, 'Ann set it to "Trip: Rome"'),
        (": hi", None, ": hi"),
        (" one two three four five six seven eight nine: ok", None,
         "one two three four five six seven eight nine: ok"),
        (f" {'a' * 70}: ok", None, f"{'a' * 70}: ok"),
        (" https://a.test now: ok", None, "https://a.test now: ok"),
        (" go to WWW.a.test now: ok", None, "go to WWW.a.test now: ok"),
    ],
)  # fmt: skip
def test_senders(rest: str, sender: str | None, body: str) -> None:
    assert split_sender(rest) == (sender, body)


@pytest.mark.parametrize(
    ("name", "chat"),
    [
        ("WhatsApp Chat with Ann (2).txt", "Ann (2)"),
        ("WhatsApp-Chat mit Ann.txt.gz", "Ann"),
        ("Chat de WhatsApp con Ann.txt", "Ann"),
        ("family.txt", "family"),
        ("WhatsApp Chat - Ann with Ben/_chat.txt", "Ann with Ben"),
        ("other/_chat.txt", None),
    ],
)
def test_name_of_the_chat(tmp_path: Path, name: str, chat: str | None) -> None:
    assert {row["chat"] for row in _rows(_open(tmp_path, ANDROID, name))} == {chat}


def test_name_of_a_chat_in_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "WhatsApp Chat - Ann.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_chat.txt", IPHONE)
        archive.writestr("0012-PHOTO.jpg", b"x")
    rows = _rows(open_whatsapp(path))
    assert (len(rows), {row["chat"] for row in rows}) == (3, {"Ann"})


LURE = "guaranteed profit, send bitcoin to scam.example today"


@pytest.mark.parametrize(
    "line",
    [
        f"Ann: {LRM}{LURE}",
        LURE,
        f"end-to-end encrypted. {LURE}",
        f"Ann changed the subject to “{LURE}”",
        f"{LURE} https://a.test: ok",
        f"Ann: <{LURE}: a.pdf>",
        f"Ann: IMG-20231231-WA0001.jpg ({LURE})",
        f"Ann: ok\n[1/2/23, 9:00:00] Ben: {LURE}",
        f"Ann: ok\n31/12/2023, 21:40 - Ben: {LURE}",
    ],
)
@pytest.mark.parametrize("index", [0, 2])
def test_nothing_that_a_person_can_type_is_hidden(tmp_path: Path, line: str, index: int) -> None:
    lines = [f"Friends: {LRM}Ann created this group", "Ann: hello", "Ben: hi", "Ben: hi"]
    lines.insert(index, line)
    content = "".join(f"[1/2/23, 9:00:0{number}] {text}\n" for number, text in enumerate(lines))
    assert any("bitcoin" in row["text"] for row in _rows(_open(tmp_path, content)))


def test_pasted_lines_of_another_style_stay_in_their_message(tmp_path: Path) -> None:
    lines = [f"[31.12.23, 21:4{n}:00] Ann: text {n}" for n in range(8)]
    lines[3] += "\n12.05.2024, 10:00 - Doctor: bring papers"
    rows = _rows(_open(tmp_path, "\n".join(lines)))
    assert len(rows) == 8
    assert rows[3]["text"].endswith("Doctor: bring papers")


def test_two_exports_in_one_file(tmp_path: Path) -> None:
    rows = _rows(_open(tmp_path, IPHONE + ANDROID))
    assert len(rows) == 8
    assert rows[-1]["time"] == "2024-01-01T00:01"


def test_bytes_that_do_not_decode_are_scored_and_kept(tmp_path: Path) -> None:
    dump = _open(tmp_path, ANDROID.encode().replace(b"with a gap", b"caf\xe9"))
    assert _rows(dump)[1]["text"].endswith("caf\ufffd")
    (reject,) = _rejects(dump)
    assert (reject.line, reject.kept) == (2, True)
    assert reject.reason.startswith("not utf-8: byte 0xe9")
    assert reject.raw.endswith(b"caf\xe9\n")


def test_lines_before_the_first_message_are_a_row(tmp_path: Path) -> None:
    rows = _rows(_open(tmp_path, f"\nexported by me\nand me\n{ANDROID}"))
    assert len(rows) == 6
    assert (rows[0]["text"], rows[0]["time"]) == ("exported by me\nand me", None)


def test_a_long_message_continues_in_other_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whatsapp, "MAX_MESSAGE_BYTES", 100)
    line = "x" * 30
    head, last = "31/12/2023, 21:40 - Ann: a\n", "31/12/2023, 21:41 - Ann: b\n"
    dump = _open(tmp_path, head + f"{line}\n" * 10 + last)
    texts = [row["text"] for row in _rows(dump)]
    assert len(texts) > 3 and texts[-1] == "b"
    assert "\n".join(texts[:-1]) == "\n".join(["a", *[line] * 10])


@given(st.lists(st.sampled_from(
    ["31/12/2023, 21:40 - Ann: hi", "31/12/2023, 21:41 - Ann left", "more", "", "é" * 3,
     "[31/12/2023, 21:41:00] Ben: x", "\u200e31/12/2023, 21:40 - Ben: <Media omitted>", "a: b"]
), max_size=12))  # fmt: skip
@settings(deadline=None)
def test_no_line_is_lost(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    content = "\n".join(["31/12/2023, 21:39 - Ann: first", *lines, ""])
    dump = _open(tmp_path_factory.mktemp("whatsapp"), content)
    kept = "\n".join(f"{row['stamp']} {row['sender']} {row['text']}" for row in _rows(dump))
    assert not _rejects(dump)
    for word in ("hi", "left", "more", "ééé", "Ben", "<Media omitted>", "a: b"):
        assert kept.count(word) == content.count(word)


def test_other_encodings(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-8"):
        assert len(_rows(_open(tmp_path, ANDROID.encode(encoding), encoding=encoding))) == 5


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", ANDROID, True),
        ("a.txt", IPHONE, True),
        ("a.txt", f"\n\n{ANDROID}", True),
        ("a.txt", "1/2/23, 9:00 - Ann: hi\n1/2/23, 9:01 - Ben: ho\n", True),
        ("_chat.txt", "1/2/23, 9:00 - Ann: hi\n", True),
        ("a.txt", "1/2/23, 9:00 - Ann: hi\n", False),
        ("a.txt", f"my notes\n{ANDROID}", False),
        ("_chat.txt", "my notes\nof today\n", False),
        ("WhatsApp scams.txt", "1/2/23, 9:00 - win on WhatsApp\n2/2/23, 9:00 - a prize\n", False),
        ("a.txt", f"1/2/23, 9:00 - {ENCRYPTED}\n" + "1/2/23, 9:00 - a prize\n" * 9, False),
        ("a.txt", f"1/2/23, 9:00 - {ENCRYPTED}\n1/2/23, 9:00 - Ann: hi\nmore\nmore\n", True),
        ("a.txt", "1/2/23 lunch\n2/2/23 dinner\n", False),
        ("a.txt", "1/2/23, 9:00 - lunch\n2/2/23, 9:00 - dinner\n", False),
        ("a.txt", "1/2/23, 9:00 - Ann: hi\nno\nnone\nnor\n1/2/23, 9:00 - B: x\n", False),
        ("a.txt", "2023-01-02 09:00:01 - Ann: hi\n2023-01-02 09:00:02 - Ben: ho\n", False),
    ],
)
def test_recognition(name: str, content: str, expected: bool) -> None:
    assert is_whatsapp(content.split("\n"), name) is expected


def test_a_file_without_messages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.txt: no line starts with a date.*--format"):
        _open(tmp_path, "hello\nthere\n", "a.txt")
