"""Chats that WhatsApp exported: every style of date, every message a row, nothing hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.dumps.batches import Dump, Reject
from scamdetect.dumps.chats import whatsapp
from scamdetect.dumps.chats.whatsapp_bodies import read_body, split_sender
from scamdetect.dumps.chats.whatsapp_dates import Order, OrderVote, read_head
from scamdetect.dumps.open import open_dump
from scamdetect.errors import InputError

LRM = "\u200e"
ENCRYPTED = "Messages and calls are end-to-end encrypted. Only people in this chat can read them."

ANDROID = f"""31/12/2023, 21:40 - {ENCRYPTED}
31/12/2023, 21:41 - Ann Example: hello lunch
and a second line

with a gap
31/12/2023, 21:42 - Ben Example joined using this group's invite link
31/12/2023, 21:43 - +44 7700 900123: <Media omitted>
31/12/2023, 21:44 - Ben Example changed the subject to "Trip: Rome"
1/1/2024, 00:01 - Ben Example: on 1/1/24, 9:00 - see
"""

IPHONE = f"""[31.12.23, 21:40:01] Friends: {LRM}{ENCRYPTED}\r
[31.12.23, 21:40:02] Friends: {LRM}Ann Example created this group\r
[31.12.23, 21:41:05] Ann Example: hello lunch\nsecond line\r
{LRM}[31.12.23, 21:42:00] Ann Example: {LRM}image omitted\r
[31.12.23, 21:42:10] Ben Example: {LRM}Ben Example left\r
{LRM}[31.12.23, 21:42:30] Ben Example: look {LRM}<attached: 0012-PHOTO-2023-12-31-21-42-30.jpg>\r
"""


def _open(folder: Path, content: bytes | str, name: str = "_chat.txt", **options: str) -> Dump:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_dump(path, **options)


def _rows(dump: Dump) -> list[dict[str, Any]]:
    return [row for batch in dump.batches() for row in batch.rows.table().to_pylist()]


def _rejects(dump: Dump) -> list[Reject]:
    return [reject for batch in dump.batches() for reject in batch.rejects]


def test_android(tmp_path: Path) -> None:
    dump = _open(tmp_path, ANDROID, "WhatsApp Chat with Some Group.txt")
    rows = _rows(dump)
    assert [row["kind"] for row in rows] == [
        "system", "message", "system", "media", "system", "message",
    ]  # fmt: skip
    assert [row["text"] for row in rows] == [
        "", "hello lunch\nand a second line\n\nwith a gap", "", "", "",
        "on 1/1/24, 9:00 - see",
    ]  # fmt: skip
    assert rows[1] == {
        "chat": "Some Group", "message_id": "2", "time": "2023-12-31T21:41",
        "sender": "Ann Example", "sender_id": None, "kind": "message",
        "text": "hello lunch\nand a second line\n\nwith a gap", "media": None, "notice": None,
        "stamp": "31/12/2023, 21:41",
    }  # fmt: skip
    assert (rows[0]["notice"], rows[0]["sender"]) == (ENCRYPTED, None)
    assert rows[4]["notice"] == 'Ben Example changed the subject to "Trip: Rome"'
    assert (rows[3]["media"], rows[3]["sender_id"]) == ("<Media omitted>", "+447700900123")
    assert rows[5]["time"] == "2024-01-01T00:01"
    assert not _rejects(dump)
    assert dump.notes == (
        "read as a chat exported from WhatsApp",
        "its dates are read with the day first, the only order in which its dates exist",
    )


def test_iphone(tmp_path: Path) -> None:
    rows = _rows(_open(tmp_path, IPHONE))
    assert [(row["sender"], row["kind"], row["text"]) for row in rows] == [
        ("Friends", "system", ""),
        ("Friends", "system", ""),
        ("Ann Example", "message", "hello lunch\nsecond line"),
        ("Ann Example", "media", ""),
        ("Ben Example", "system", ""),
        ("Ben Example", "message", "look"),
    ]
    assert rows[1]["notice"] == "Ann Example created this group"
    assert [row["media"] for row in rows[3:]] == [
        "image omitted", None, "0012-PHOTO-2023-12-31-21-42-30.jpg",
    ]  # fmt: skip
    assert {row["chat"] for row in rows} == {"Friends"}
    assert rows[2]["time"] == "2023-12-31T21:41:05"


def test_chat_of_two_on_an_iphone(tmp_path: Path) -> None:
    lines = [f"Ann: {LRM}{ENCRYPTED}", "Ann: hello", f"Ann: {LRM}win a prize", "Me: hi"]
    content = "".join(f"[1/2/23, 9:00:0{n}] {line}\r\n" for n, line in enumerate(lines))
    rows = _rows(_open(tmp_path, content))
    assert [row["kind"] for row in rows] == ["system", "message", "message", "message"]
    assert rows[2]["text"] == f"{LRM}win a prize"


@pytest.mark.parametrize(
    ("head", "time"),
    [
        ("12/31/23, 9:41 PM - ", "2023-12-31T21:41"),
        ("12/31/23, 9:41\u202fPM - ", "2023-12-31T21:41"),
        ("12/31/23, 12:41\u202fAM - ", "2023-12-31T00:41"),
        ("31/12/2023, 21:41 - ", "2023-12-31T21:41"),
        ("31/12/23, 9:41 pm - ", "2023-12-31T21:41"),
        ("31.12.23, 21:41 - ", "2023-12-31T21:41"),
        ("31.12.2023 21:41 - ", "2023-12-31T21:41"),
        ("31-12-2023 21:41 - ", "2023-12-31T21:41"),
        ("2023-12-31, 9:41 p.m. - ", "2023-12-31T21:41"),
        ("2023/12/31 下午9:41 - ", "2023-12-31T21:41"),
        ("2023. 12. 31. 오후 9:41 - ", "2023-12-31T21:41"),
        ("31/12/2023, 9:41 p.\u00a0m. - ", "2023-12-31T21:41"),
        ("31. 12. 2023. 21:41 - ", "2023-12-31T21:41"),
        ("31/12/23 21.41 - ", "2023-12-31T21:41"),
        ("31/12/2023 à 21:41 - ", "2023-12-31T21:41"),
        ("21:41, 31/12/2023 - ", "2023-12-31T21:41"),
        ("٣١\u200f/١٢\u200f/٢٠٢٣، ٩:٤١ م - ", "2023-12-31T21:41"),
        ("31/12/2566 21:41 - ", "2023-12-31T21:41"),
        ("31.12.23 г., 21:41 ч. - ", "2023-12-31T21:41"),
        ("[31.12.23, 21:41:05] ", "2023-12-31T21:41:05"),
        (f"{LRM}[12/31/23, 9:41:05\u202fPM] ", "2023-12-31T21:41:05"),
        ("[31.12.2023 klo 21.41.05] ", "2023-12-31T21:41:05"),
        ("[2023/12/31 午後9:41:05] ", "2023-12-31T21:41:05"),
        ("31/12/23, 9:41 abends - ", "2023-12-31"),
        ("31/12/23, 21:41 abends - ", "2023-12-31T21:41"),
        ("31/02/2023, 21:41 - ", None),
    ],
)
def test_styles_of_dates(tmp_path: Path, head: str, time: str | None) -> None:
    dump = _open(tmp_path, f"{head}Ann: one\n{head}Ann: two\n", source_format="whatsapp")
    rows = _rows(dump)
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
def test_what_is_no_head(line: str) -> None:
    assert read_head(line) is None


@pytest.mark.parametrize(
    ("dates", "american", "order", "reason"),
    [
        (["3/4/23", "13/4/23"], False, Order.DAY, "only order"),
        (["3/4/23", "4/13/23"], False, Order.MONTH, "only order"),
        (["3/4/23", "3/5/23", "3/6/23"], False, Order.MONTH, "closest together"),
        (["3/4/23", "4/4/23", "5/4/23"], True, Order.DAY, "closest together"),
        (["3/4/23"], False, Order.DAY, "guess"),
        (["3/4/23"], True, Order.MONTH, "guess"),
        (["03/04/23"], True, Order.DAY, "guess"),
        (["2023-04-03"], False, Order.YEAR, "long year"),
        (["23/12/30", "23/12/31"], False, Order.YEAR, "only order"),
        (["10/11/12", "10/11/13"], False, Order.YEAR, "closest together"),
    ],
)
def test_order_of_day_and_month(
    dates: list[str], american: bool, order: Order, reason: str
) -> None:
    vote = OrderVote()
    for text in dates:
        first, second, third = text.replace("-", "/").split("/")
        vote.add((first, second, third), american)
    assert vote.decide().order is order
    assert reason in vote.decide().why


@pytest.mark.parametrize(
    ("dates", "times", "note"),
    [
        (["14/3/67", "15/3/67"], ["2024-03-14", "2024-03-15"], "in the Buddhist calendar"),
        (["14/3/2567", "15/3/2567"], ["2024-03-14", "2024-03-15"], "in the Buddhist calendar"),
        (["14/12/1402", "1/1/1403"], ["2024-03-04", "2024-03-20"], "in the Persian calendar"),
        (["1402/12/14", "1403/1/1"], ["2024-03-04", "2024-03-20"], "in the Persian calendar"),
        (["14/12/02", "15/12/02"], ["2024-03-04", "2024-03-05"], "in the Persian calendar"),
        (["30/12/99", "1/1/00"], ["2021-03-20", "2021-03-21"], "in the Persian calendar"),
        (["14/12/02"], ["2014-12-02"], "a guess, because the Persian calendar would fit them too"),
        (["14/3/67", "14/3/24"], [None, "2024-03-14"], "1 of its 2 dates are not days since"),
        (["14/3/1967", "15/3/1967"], [None, None], "2 of its 2 dates are not days since"),
        (["14/3/2031", "15/3/2031"], [None, None], "2 of its 2 dates are not days since"),
        (["14/3/24", "15/3/24"], ["2024-03-14", "2024-03-15"], "day first, the order in which"),
    ],
)
def test_calendars(tmp_path: Path, dates: list[str], times: list[str | None], note: str) -> None:
    content = "".join(f"{day}, 09:00 - Ann: hello\n" for day in dates)
    dump = _open(tmp_path, content, source_format="whatsapp")
    expected = [None if day is None else f"{day}T09:00" for day in times]
    assert [row["time"] for row in _rows(dump)] == expected
    assert [row["text"] for row in _rows(dump)] == ["hello"] * len(dates)
    assert any(note in one for one in dump.notes)


def test_a_forged_date_does_not_take_the_others(tmp_path: Path) -> None:
    dates = [f"{day}/3/67" for day in range(10, 30)]
    content = "".join(f"{day}, 09:00 - Ann: hello\n" for day in [*dates, "14/3/24"])
    dump = _open(tmp_path, content, source_format="whatsapp")
    times = [row["time"] for row in _rows(dump)]
    assert times[:2] == ["2024-03-10T09:00", "2024-03-11T09:00"]
    assert times[-1] is None
    assert any("1 of its 21 dates" in note for note in dump.notes)


@pytest.mark.parametrize(
    ("body", "kind", "text", "media", "notice"),
    [
        ("hello", "message", "hello", None, None),
        ("", "message", "", None, None),
        ("<Medien ausgeschlossen>", "media", "", "<Medien ausgeschlossen>", None),
        ("<Media omitted>\na caption", "message", "a caption", "<Media omitted>", None),
        ("IMG-20231231-WA0001.jpg (file attached)", "media", "", "IMG-20231231-WA0001.jpg", None),
        ("IMG-20231231-WA0001.jpg (beigefügt)", "media", "", "IMG-20231231-WA0001.jpg", None),
        ("DOC-20231231-WA0000. (Datei angehängt)", "media", "", "DOC-20231231-WA0000.", None),
        ("My bill.pdf (archivo adjunto)\nlook", "message", "look", "My bill.pdf", None),
        ("My bill.pdf (file attached)\nMy bill.pdf", "media", "", "My bill.pdf", None),
        ("My bill.pdf (please read)", "message", "My bill.pdf (please read)", None, None),
        ("pay at scam.example (file attached)", "message", "pay at scam.example (file attached)",
         None, None),
        (f"{LRM}Video weggelassen", "media", "", "Video weggelassen", None),
        ("画像は含まれていません", "media", "", "画像は含まれていません", None),
        (f"Bill.pdf • 3 pages {LRM}document omitted", "media", "",
         "Bill.pdf • 3 pages document omitted", None),
        (f"{LRM}<adjunto: 01-AUDIO-2023.opus>", "media", "", "01-AUDIO-2023.opus", None),
        ("<attached: pay at once>", "message", "<attached: pay at once>", None, None),
        ("<win a prize>", "message", "<win a prize>", None, None),
        ("the image omitted the face", "message", "the image omitted the face", None, None),
        ("location: https://maps.google.com/?q=51.5,-0.1", "media", "",
         "location: https://maps.google.com/?q=51.5,-0.1", None),
        ("This message was deleted", "system", "", None, "This message was deleted"),
        ("Du hast diese Nachricht gelöscht.", "system", "", None,
         "Du hast diese Nachricht gelöscht."),
        (f"meet me {LRM}<This message was edited>", "message", "meet me", None,
         "<This message was edited>"),
    ],
)  # fmt: skip
def test_bodies(body: str, kind: str, text: str, media: str | None, notice: str | None) -> None:
    found = read_body(body)
    assert (found.kind, found.text, found.media, found.notice) == (kind, text, media, notice)


def test_many_marks_of_an_edit() -> None:
    body = "meet me" + " <This message was edited>" * 2000
    assert read_body(body).text.startswith("meet me")


@given(st.text(alphabet="ab<>:() .\n\u200e", max_size=30))
def test_no_text_is_lost(body: str) -> None:
    found = read_body(body)
    kept = f"{found.text}{found.media or ''}{found.notice or ''}"
    assert set(body) - set(" \n\u200e()") <= set(kept) | set("<>:")


@pytest.mark.parametrize(
    ("rest", "sender", "body"),
    [
        (" Ann: hi: you", "Ann", "hi: you"),
        (" ~\u202fAnn: hi", "~\u202fAnn", "hi"),
        (" \u202a+44 7700 900123\u202c: hi", "+44 7700 900123", "hi"),
        (" Ann:", "Ann", ""),
        (f" Ann:{LRM} hi", "Ann", f"{LRM} hi"),
        (" Ann left", None, " Ann left"),
        (" Ann called at 12:30", None, " Ann called at 12:30"),
        (" Ann created group “A: B”", None, " Ann created group “A: B”"),
        (": hi", None, ": hi"),
    ],
)
def test_senders(rest: str, sender: str | None, body: str) -> None:
    assert split_sender(rest) == (sender, body)


@pytest.mark.parametrize(
    ("name", "chat"),
    [
        ("WhatsApp Chat with Ann (2).txt", "Ann (2)"),
        ("WhatsApp-Chat mit Ann.txt", "Ann"),
        ("Chat de WhatsApp con Ann.txt", "Ann"),
        ("Conversa do WhatsApp com Ann.txt", "Ann"),
        ("family.txt", "family"),
        ("WhatsApp Chat - Ann with Ben/_chat.txt", "Ann with Ben"),
        ("other/_chat.txt", None),
    ],
)
def test_name_of_the_chat(tmp_path: Path, name: str, chat: str | None) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    rows = _rows(_open(tmp_path, ANDROID, name))
    assert {row["chat"] for row in rows} == {chat}


def test_pasted_lines_of_another_style_stay_in_their_message(tmp_path: Path) -> None:
    lines = [f"[31.12.23, 21:4{n}:00] Ann: text {n}" for n in range(8)]
    lines[3] += "\n12.05.2024, 10:00 - Doctor: bring papers"
    rows = _rows(_open(tmp_path, "\n".join(lines)))
    assert len(rows) == 8
    assert rows[3]["text"].endswith("Doctor: bring papers")


def test_two_exports_in_one_file(tmp_path: Path) -> None:
    rows = _rows(_open(tmp_path, IPHONE + ANDROID))
    assert len(rows) == 12
    assert rows[-1]["time"] == "2024-01-01T00:01"


def test_bytes_that_do_not_decode_cost_their_message(tmp_path: Path) -> None:
    content = ANDROID.encode().replace(b"with a gap", b"caf\xe9")
    dump = _open(tmp_path, content)
    assert [row["message_id"] for row in _rows(dump)] == ["1", "3", "4", "5", "6"]
    (reject,) = _rejects(dump)
    assert (reject.record, reject.line, reject.lines) == (2, 2, 4)
    assert reject.reason.startswith("not utf-8: byte 0xe9 at offset")
    assert reject.raw.endswith(b"caf\xe9\n")


def test_lines_before_the_first_message_are_rejects(tmp_path: Path) -> None:
    dump = _open(tmp_path, f"\nexported by me\nand me\n{ANDROID}", source_format="whatsapp")
    assert len(_rows(dump)) == 6
    assert [(r.record, r.line, r.raw) for r in _rejects(dump)] == [
        (1, 2, b"exported by me\n"),
        (2, 3, b"and me\n"),
    ]


def test_a_message_without_end_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whatsapp, "MAX_MESSAGE_BYTES", 100)
    long = "x" * 30 + "\n"
    content = f"31/12/2023, 21:40 - Ann: a\n{long * 10}31/12/2023, 21:41 - Ann: b\n"
    dump = _open(tmp_path, content)
    assert [row["text"] for row in _rows(dump)] == ["b"]
    rejects = _rejects(dump)
    assert len(rejects) > 1
    assert b"".join(r.raw for r in rejects) == content.rpartition("31/")[0].encode()


@given(st.lists(st.sampled_from(
    ["31/12/2023, 21:40 - Ann: hi", "31/12/2023, 21:41 - Ann left", "more", "", "é" * 3,
     "[31/12/2023, 21:41:00] Ben: x", "\u200e31/12/2023, 21:40 - Ben: <Media omitted>", "a: b"]
), max_size=12))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_no_line_is_lost(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    folder = tmp_path_factory.mktemp("whatsapp")
    content = "\n".join(["31/12/2023, 21:39 - Ann: first", *lines, ""])
    dump = _open(folder, content, source_format="whatsapp")
    kept = ""
    for row in _rows(dump):
        kept += f"{row['stamp']} {row['sender']} {row['text']} {row['media']} {row['notice']}\n"
    assert not _rejects(dump)
    for word in ("hi", "left", "more", "ééé", "Ben", "<Media omitted>", "a: b"):
        assert kept.count(word) == content.count(word)


def test_other_encodings(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-8-sig"):
        dump = _open(tmp_path, ANDROID.encode(encoding), encoding=encoding)
        assert len(_rows(dump)) == 6


@pytest.mark.parametrize(
    ("name", "content", "seen"),
    [
        ("a.txt", ANDROID, True),
        ("a.txt", IPHONE, True),
        ("a.txt", f"\n\n{ANDROID}", True),
        ("a.txt", "1/2/23, 9:00 - Ann: hi\n1/2/23, 9:01 - Ben: ho\n", True),
        ("_chat.txt", "1/2/23, 9:00 - Ann: hi\n", True),
        ("a.txt", "1/2/23, 9:00 - Ann: hi\n", False),
        ("a.txt", f"my notes\n{ANDROID}", False),
        ("_chat.txt", "my notes\nof today\n", False),
        ("whatsapp scams.txt", "1/2/23, 9:00 - win on WhatsApp\n2/2/23, 9:00 - a prize\n", False),
        ("a.txt", f"1/2/23, 9:00 - {ENCRYPTED}\n" + "1/2/23, 9:00 - a prize\n" * 9, False),
        ("a.txt", f"1/2/23, 9:00 - {ENCRYPTED}\n1/2/23, 9:00 - Ann: hi\nmore\nmore\n", True),
        ("a.txt", "1/2/23 lunch\n2/2/23 dinner\n", False),
        ("a.txt", "1/2/23, 9:00 - lunch\n2/2/23, 9:00 - dinner\n", False),
        (
            "a.txt",
            "1/2/23, 9:00 - Ann: hi\nno\nnone\nnor\n1/2/23, 9:00 - B: x\n",
            False,
        ),
        ("a.txt", "2023-01-02 09:00:01 - Ann: hi\n2023-01-02 09:00:02 - Ben: ho\n", False),
        ("a.txt", "[2023-01-02 09:00:01] app.ERROR: x\n[2023-01-02 09:00:02] app.INFO: y\n", False),
        ("a.txt", "2023-01-02 09:00 - INFO: x\n2023-01-02 09:00 - ERROR: y\n", False),
    ],
)
def test_recognition(tmp_path: Path, name: str, content: str, seen: bool) -> None:
    dump = _open(tmp_path, content, name)
    assert ("sender" in dump.columns) is seen


def test_recognition_can_be_overridden(tmp_path: Path) -> None:
    dump = _open(tmp_path, ANDROID, source_format="txt")
    assert dump.columns == ("text",)
    assert sum(len(batch.rows) for batch in dump.batches()) == len(ANDROID.splitlines())
    with pytest.raises(InputError, match=r"a\.txt: no line starts with a date.*--format"):
        _open(tmp_path, "hello\nthere\n", "a.txt", source_format="whatsapp")
