"""Notices of WhatsApp: what it writes itself is told from what a person can type."""

from __future__ import annotations

from pathlib import Path

import pytest

from scamdetect.dumps.chats.whatsapp_bodies import (
    _notices,
    is_notice,
    read_body,
    read_unsigned,
    split_sender,
)
from scamdetect.dumps.open import open_dump

LRM = "\u200e"
LURE = "guaranteed profit, send bitcoin to scam.example today"


@pytest.mark.parametrize(
    "text",
    [
        "Messages and calls are end-to-end encrypted. Tap to learn more.",
        f"{LRM}Ann Example added Ben",
        "+44 7700 900123 left",
        "Ann changed the subject from “Trip” to “Trip: Rome”",
        "Ann\u2019s security code changed. Tap to learn more.",
        "You\u2019re now an admin",
        "Ann joined using this group's invite link",
        "Du hast Ben hinzugefügt",
        'Ann creó el grupo "Amigos"',
        "Ann mudou a descrição do grupo",
        "Вы создали группу «Друзья»",
        "您删除这个信息",
    ],
)
def test_known_notices(text: str) -> None:
    assert is_notice(text)


@pytest.mark.parametrize(
    "text",
    [
        f"Ann {LURE}",
        f"Ann left. {LURE}",
        "Ann left\nPAY NOW",
        f"{LURE} left",
        "scam.example left",
        "https://a.test added Ben",
        "Ann added t.me/win",
        'Ann changed the subject to "win at scam.example"',
        'Ann changed the subject to "one two three four five six"',
        "word " * 60 + "left",
        "call 0900 1234 now left",
        "pay $50 to Ann left",
        "send gift cards now added to my account, bitcoin pays you double and write to ann quickly",
        "点击链接转账到这个账户即可领取大奖金 left",
        "Messages and calls are end-to-end encrypted. Win a prize",
        "",
    ],
)
def test_what_is_no_notice(text: str) -> None:
    assert not is_notice(text)


def test_every_listed_notice_is_one() -> None:
    fixed, templates = _notices()
    assert len(fixed) > 50 and len(templates) > 150
    assert all(map(is_notice, fixed))


@pytest.mark.parametrize(
    "line",
    [
        f"Ann: {LRM}Ann {LURE}",
        f"Ann: {LRM}{LURE}",
        f"Friends: {LRM}{LURE}",
        f"Ann: {LRM}end-to-end {LURE}",
        LURE,
        f"end-to-end {LURE}",
        f"Ann changed the subject to “{LURE}”",
        f"{LURE} https://a.test: ok",
        f"Ann: {LURE.replace('.example', '')} at once, dear.pdf (file attached)",
        f"Ann: <{LURE}: a.pdf>",
        f"Ann: IMG-20231231-WA0001.jpg ({LURE})",
        "Ann: senditwithbitcointoday guaranteedprofit: https://maps.google.com/?q=1,2",
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_nothing_that_a_person_can_type_is_hidden(tmp_path: Path, line: str, first: bool) -> None:
    lines = [f"Friends: {LRM}Ann created this group", "Ann: hello", "Ben: hi"]
    lines.insert(0 if first else 2, line)
    path = tmp_path / "_chat.txt"
    path.write_text("".join(f"[1/2/23, 9:00:0{n}] {x}\n" for n, x in enumerate(lines)), "utf-8")
    texts = [
        text for batch in open_dump(path, source_format="whatsapp").batches()
        for text in batch.rows.texts()
    ]  # fmt: skip
    assert any("bitcoin" in text for text in texts)


@pytest.mark.parametrize(
    "line",
    [
        f"Ann left\n{LURE}",
        f"{LRM}Ann left {LURE}",
        f"This message was deleted {LURE}",
        f"<Media omitted> {LURE}",
    ],
)
def test_a_notice_with_more_is_a_message(line: str) -> None:
    for body in (read_unsigned(line), read_body(line)):
        assert body.kind == "message"
        assert LURE in body.text


def test_the_sender_of_a_notice_on_an_iphone() -> None:
    assert read_body(f"{LRM}Ann left").kind == "system"
    assert read_body("Ann left").kind == "message"


def test_a_long_name_is_no_sender() -> None:
    assert split_sender(" one two three four five six seven eight nine: ok")[0] is None
    assert split_sender(f" {'a' * 70}: ok")[0] is None
    assert split_sender(" https://a.test now: ok")[0] is None


def test_a_long_name_of_a_file_is_scored() -> None:
    name = "please pay the open bill of last month at once.pdf"
    found = read_body(f"{name} (file attached)\nthanks")
    assert (found.kind, found.text, found.media) == ("message", f"{name}\nthanks", name)
