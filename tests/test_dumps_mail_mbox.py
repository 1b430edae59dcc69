"""Mbox files are cut into mails without a byte lost, whatever their separators."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps.mail import mbox
from scamdetect.dumps.mail.mbox import read_mails, without_separator

FROM = "From ann@mail.example Tue Mar  5 10:00:00 2024\n"


def _bodies(folder: Path, content: str) -> list[str]:
    path = folder / "a.mbox"
    path.write_bytes(content.encode())
    return [without_separator(mail.raw).decode() for mail in read_mails(path)]


@pytest.mark.parametrize(
    "line",
    [
        FROM,
        "From - Tue Mar 05 10:00:00 2024\n",  # Thunderbird
        "From 1790@xxx Tue Mar 05 10:00:00 +0000 2024\r\n",  # Gmail's Takeout
        "From ann@mail.example Tue Mar  5 10:00 CET 2024\n",
        "From ann@mail.example 2024-03-05 10:00:00\n",
        "From ann@mail.example 5/3/24\n",  # broken
        "From MAILER-DAEMON\n",
        "From \n",
    ],
)
def test_separators(tmp_path: Path, line: str) -> None:
    mails = ["Subject: a\n\none\n\n", "Subject: b\n\ntwo\n"]
    assert _bodies(tmp_path, "".join(line + mail for mail in mails)) == mails
    assert not any(mail.stray for mail in read_mails(tmp_path / "a.mbox"))


def test_separator_without_an_empty_line_before(tmp_path: Path) -> None:
    mails = ["Subject: a\n\none\n", "Received: x\n\ntwo\n"]
    assert _bodies(tmp_path, "".join(FROM + mail for mail in mails)) == mails


@pytest.mark.parametrize(
    "body",
    [
        "From now on all is fine.\n",
        "\nFrom Berlin to Paris\nTo: all\n",
        "\nFrom 10:00 to 12:00 on 5 May 2024\n",
        "\nFrom Dr. Obi\nSubject: 4.2 million\n",
        "text\n" + FROM + "and on\n",
    ],
)
def test_text_that_begins_with_from(tmp_path: Path, body: str) -> None:
    mail = f"Subject: a\n\nHello\n{body}"
    assert _bodies(tmp_path, FROM + mail) == [mail]


@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize("words", ["Mon ", "Mon 1:00 "])
def test_long_lines_take_no_quadratic_time(
    tmp_path: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox, "_CHUNK", 16 << 20)
    mail = f"Subject: a\n\nFrom {words * (5_000_000 // len(words))}\n"
    assert _bodies(tmp_path, FROM + mail) == [mail]


def test_escapes_are_undone_but_quotations_stay() -> None:
    raw = f"{FROM}Subject: a\n\n>From me\n>>From you\n\n> he said\n>From now on\nend\n".encode()
    expected = b"Subject: a\n\nFrom me\n>From you\n\n> he said\n>From now on\nend\n"
    assert without_separator(raw) == expected


@given(
    st.lists(st.sampled_from(["", "text", "From me", ">From you", ">>From all", "from"])),
    st.sampled_from(["\n", "\r\n"]),
)
def test_escape_comes_back(lines: list[str], end: str) -> None:
    escaped = [f">{x}" if x.lstrip(">").startswith("From ") else x for x in lines]
    head = f"Subject: a{end}{end}"
    raw = f"{FROM}{head}{end.join(escaped)}".encode()
    assert without_separator(raw).decode() == head + end.join(lines)


@given(
    st.lists(
        st.sampled_from(["\n", "\r\n", FROM, "From x\n", "Subject: a\n", ">From \n", "x" * 70_000]),
        max_size=12,
    ),
    st.sampled_from([200, 1 << 20]),
)
def test_no_byte_is_lost(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], limit: int
) -> None:
    path = tmp_path_factory.mktemp("mbox") / "a.mbox"
    content = "".join(pieces).encode()
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mbox, "MAX_MAIL_BYTES", limit)
        patch.setattr(mbox, "HEAD_BYTES", 100)
        mails = list(read_mails(path))
    lines = 1
    place = 0
    for mail in mails:
        assert (mail.start, mail.line) == (place, lines)
        assert content.startswith(mail.raw, place)
        assert mail.is_cut == (mail.size > limit)
        place, lines = mail.end, lines + mail.lines
    assert place == len(content)
