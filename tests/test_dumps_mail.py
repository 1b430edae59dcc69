"""Mail: the parts that are read, headers, charsets, mbox files, and what is refused."""

from __future__ import annotations

import base64
import quopri
from email.header import Header
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps import mail
from scamdetect.dumps.batch import Reject
from scamdetect.dumps.mail import SCHEMA, decode, decode_words, open_mail, read_mail
from scamdetect.errors import InputError

HEAD = (
    "From: Ann Lee <ann@mail.example>\nTo: Bo <bo@mail.example>\nSubject: Hello\n"
    "Date: Tue, 5 Mar 2024 10:00:00 +0100\nMessage-ID: <1@mail.example>\n"
)
REPLY = HEAD.replace("Hello", "Re: Hello") + "In-Reply-To: <0@mail.example>\n"
HTML = "<p>Dear Bo, send <b>200</b> to the new account today, please.</p>"
PLAIN = "Dear Bo, send 200 to the new account today, please."
FROM = "From ann@mail.example Tue Mar  5 10:00:00 2024\n"


def _read(content: str | bytes) -> dict[str, Any]:
    record = read_mail(content.encode() if isinstance(content, str) else content)
    assert record is not None
    assert list(record) == SCHEMA.names
    return record


def _parts(*parts: str, kind: str = "mixed", close: bool = True) -> str:
    body = "".join(f"--cut\n{part}\n" for part in parts)
    end = "--cut--\n" if close else ""
    return f'{HEAD}Content-Type: multipart/{kind}; boundary="cut"\n\n{body}{end}'


def _plain(text: str) -> str:
    return f"Content-Type: text/plain; charset=utf-8\n\n{text}"


def _html(text: str) -> str:
    return f"Content-Type: text/html; charset=utf-8\n\n{text}"


def test_record_of_a_reply() -> None:
    quoted = "On 4 Mar 2024 at 9:00, Bo <bo@mail.example> wrote:\n> When?"
    assert _read(f"{REPLY}Cc: cy@mail.example\n\nToday.\n\n{quoted}\n") == {
        "message_id": "1@mail.example", "in_reply_to": "0@mail.example",
        "time": "2024-03-05T10:00:00+01:00", "sender": "ann@mail.example",
        "sender_name": "Ann Lee", "reply_to": None, "to": "Bo <bo@mail.example>",
        "cc": "cy@mail.example", "subject": "Re: Hello", "text": "Today.", "quoted": quoted,
        "attachments": [], "problems": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (f"{HEAD}\nHow are you?\n", "Hello\n\nHow are you?"),
        (f"{HEAD}\nHello Bo\n", "Hello Bo"),  # it starts with the subject
        (f"{HEAD}\n\n", "Hello"),
        (f"{REPLY}\nFine.\n", "Fine."),
        (f"{REPLY}\n> all quoted\n", "Re: Hello"),
        (f"{HEAD}\n> Buy now\n> Pay here\n", "Hello\n\n> Buy now\n> Pay here"),
        ("To: bo@mail.example\n\nhi\n", "hi"),
        ("no header at all\n\nhi\n", "no header at all\n\nhi"),
        (_parts(_plain(PLAIN), _html(HTML), kind="alternative"), f"Hello\n\n{PLAIN}"),
        (_parts(_html(HTML), kind="alternative"), f"Hello\n\n{PLAIN}"),
        (_parts(_plain("  \n"), _html(HTML), kind="alternative"), f"Hello\n\n{PLAIN}"),
        (_parts(_plain("one"), _plain("two")), "Hello\n\none\n\ntwo"),
        (_parts(_plain("one"), _html("<p>two</p>")), "Hello\n\none\n\ntwo"),
        (_parts(_plain("cut off"), close=False), "Hello\n\ncut off"),
        (f"{HEAD}Content-Type: multipart/mixed\n\nno parts\n", "Hello\n\nno parts"),
        (f"{HEAD}Content-Type: nonsense\n\nplain\n", "Hello\n\nplain"),
        (f"{HEAD}Content-Type: image/png\n\nplain\n", "Hello"),
    ],
)
def test_text_that_is_judged(content: str, text: str) -> None:
    assert _read(content)["text"] == text


def test_a_boundary_that_is_missing_hides_no_text() -> None:
    record = _read(_parts(_plain(PLAIN)).replace('="cut"', '="no"'))
    assert PLAIN in record["text"]
    assert record["problems"] == ["multipart without its boundary"]


@pytest.mark.parametrize(
    "plain", ["Your program shows no HTML.", "Minutes of the garden club, May."]
)
def test_a_plain_part_with_other_content_is_not_used(plain: str) -> None:
    record = _read(_parts(_plain(plain), _html(HTML), kind="alternative"))
    assert record["text"] == f"Hello\n\n{PLAIN}"
    assert record["problems"] == ["the plain part and the HTML part differ"]


def test_attachments_are_named_and_not_read() -> None:
    inner = "Content-Type: message/rfc822\n\nSubject: =?utf-8?q?caf=C3=A9?=\n\ninner text"
    file = "Content-Disposition: attachment; filename="
    record = _read(
        _parts(
            _plain("see these"),
            inner,
            "Content-Type: message/rfc822\n\nFrom: x@mail.example\n\nno subject",
            f'{file}"=?utf-8?q?r=C3=A9sum=C3=A9.pdf?="\nContent-Type: application/pdf\n\nxx',
            f"{file}notes.txt\nContent-Type: text/plain\n\nnot read",
            "Content-Disposition: inline; filename*=utf-8''b%C3%A9.txt\n\nnot read either",
            "Content-Type: image/png\n\nxx",
        )
    )
    assert record["text"] == "Hello\n\nsee these"
    assert record["attachments"] == [
        "café.eml", "unnamed.eml", "résumé.pdf", "notes.txt", "bé.txt", "unnamed image/png",
    ]  # fmt: skip


def test_a_body_with_a_file_name_is_read() -> None:
    part = "Content-Disposition: inline; filename=body.txt\n\nthe body"
    assert _read(_parts(part))["text"] == "Hello\n\nthe body"


def test_nested_parts() -> None:
    message = EmailMessage()
    message["Subject"] = "Hello"
    message.set_content(PLAIN)
    message.add_alternative(HTML, subtype="html")
    html = message.get_body(("html",))
    assert isinstance(html, EmailMessage)
    html.add_related(b"x", "image", "png", filename="logo.png")
    message.add_attachment(b"x", "application", "pdf", filename="a.pdf")
    record = _read(message.as_bytes())
    assert record["text"] == f"Hello\n\n{PLAIN}"
    assert (record["attachments"], record["problems"]) == (["logo.png", "a.pdf"], [])


LONG = "Ünser Konto ist gesperrt, bitte zahlen Sie die Gebühr heute noch.\n" * 3
CODE = base64.encodebytes(LONG.encode()).decode()
FOOTER = "-- \nSent to the list."


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("base64", CODE, LONG),
        (" Base64 ", CODE[:-9], LONG[:-6]),
        ("base64", f"{CODE}\n{FOOTER}\n", f"{LONG}{FOOTER}"),
        ("base64", "Dear Bo,\nno base64 here!", "Dear Bo,\nno base64 here!"),
        ("quoted-printable", quopri.encodestring(LONG.encode()).decode(), LONG),
        ("quoted-printable", "50 = x =ZZ", "50 = x =ZZ"),
        ("nonsense", "a=b", "a=b"),
        ("x-uuencode", "begin 644 a\n#:&D*\n`\nend\n", "hi"),
        ("", "shortword", "shortword"),
    ],
)
def test_transfer_encodings(encoding: str, body: str, expected: str) -> None:
    header = f"Content-Transfer-Encoding: {encoding}\n" if encoding else ""
    record = _read(f"{HEAD}Content-Type: text/plain; charset=utf-8\n{header}\n{body}")
    assert record["text"].replace("\n\n", "\n") == f"Hello\n{expected}".strip()


def test_charset_of_html_may_be_in_it() -> None:
    html = "<meta http-equiv=Content-Type content='text/html; charset=windows-1251'>Привет, друг"
    head = HEAD + "Content-Type: text/html\n\n"
    assert _read(head.encode() + html.encode("cp1251"))["text"] == "Hello\n\nПривет, друг"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ann@mail.example", (None, "ann@mail.example")),
        ('"Lee, Ann" <ann@mail.example>', ("Lee, Ann", "ann@mail.example")),
        ("ann@mail.example (Ann Lee)", ("Ann Lee", "ann@mail.example")),
        ("=?utf-8?q?Ann_=C3=89?= <ann@mail.example>", ("Ann É", "ann@mail.example")),
        ('"bank@bank.example" <x@evil.example>', ("bank@bank.example", "x@evil.example")),
        ("The Bank", ("The Bank", None)),
        ("(" * 9000, ("(" * 9000, None)),
        ("\nReturn-Path: <ann@mail.example>", (None, "ann@mail.example")),
    ],
)
def test_sender(value: str, expected: tuple[str | None, str | None]) -> None:
    record = _read(f"From: {value}\n\nx")
    assert (record["sender_name"], record["sender"]) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Tue, 5 Mar 2024 10:00:00 +0100", "2024-03-05T10:00:00+01:00"),
        ("5 Mar 24 10:00 GMT (sent from a phone)", "2024-03-05T10:00:00+00:00"),
        ("Tue, 5 Mar 2024 10:00:00", "2024-03-05T10:00:00"),
        ("Tue, 99 Mar 2024 10:00:00 +0100", None),
        ("Tue, 5 Mar 2024 10:00:00 +9999", None),
        ("yesterday", None),
        ("yesterday\nReceived: by x; Tue, 5 Mar 2024 10:00 +0000", "2024-03-05T10:00:00+00:00"),
    ],
)
def test_time(value: str, expected: str | None) -> None:
    assert _read(f"Date: {value}\n\nx")["time"] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?caf=C3=A9?= =?utf-8?b?YmFy?= end", "cafébar end"),
        ("=?utf-8?B?4YCZ4Q==?=\r\n =?utf-8?B?gJk=?=", "မမ"),  # a character cut between two words
        ("=?windows-1251?Q?=CF=F0=E8=E2=E5=F2?=", "Привет"),
        ("=?iso-2022-jp?B?GyRCJDMbKEI=?=", "こ"),
        ("=?GB2312?B?xOO6ww==?=", "你好"),
        ("=?utf-8?b?YmFy", "=?utf-8?b?YmFy"),
        ("=?no-such-charset?q?caf=C3=A9?=", "café"),
        ("folded\r\n\tvalue\x00", "folded value"),
        ("caf\udcc3\udca9", "café"),  # raw UTF-8
        ("\udccf\udcf0\udce8\udce2\udce5\udcf2 \udcec\udce8\udcf0", "Привет мир"),
    ],
)
def test_encoded_words(value: str, expected: str) -> None:
    assert decode_words(value) == expected


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60))
def test_encoded_header_comes_back(text: str) -> None:
    assert decode_words(Header(text, "utf-8", maxlinelen=40).encode()) == text


RUSSIAN = "Здравствуйте, переведите деньги на этот счёт до пятницы, пожалуйста."
THAI = "สวัสดีค่ะ กรุณาโอนเงินภายในวันศุกร์นี้นะคะ ขอบคุณค่ะ"
FRENCH = "Bonjour, l'été est arrivé : réservez dès à présent votre séjour à prix réduit."
JAPANESE = "こんにちは、今週中にお金を振り込んでください。"


@pytest.mark.parametrize(
    ("text", "charset", "declared", "is_right"),
    [
        (RUSSIAN, "koi8-r", "KOI8-R", True),
        (RUSSIAN, "cp1251", "windows-1251; format=flowed", True),
        (THAI, "cp874", "windows-874", True),
        (THAI, "cp874", "TIS-620", True),
        ("你好，朋友", "gb18030", "gb2312", True),
        ("こんにちは①", "cp932", "shift_jis", True),
        ("안녕하세요 똠", "cp949", "ks_c_5601-1987", True),
        ("“quotes” €5", "cp1252", "iso-8859-1", True),
        ("שלום", "iso8859-8", "iso-8859-8-i", True),
        ("hi", "utf-16", "utf-16", True),
        ("hi", "ascii", "utf-16", True),
        ("hi", "ascii", "unknown-8bit", True),
        (RUSSIAN, "utf-8", "us-ascii", True),
        (RUSSIAN, "utf-8", None, True),
        (JAPANESE, "iso2022_jp", None, True),
        (RUSSIAN, "cp1251", None, False),
        (RUSSIAN, "koi8-r", "utf-8", False),
        (RUSSIAN, "utf-8", "iso-8859-1", False),
        (RUSSIAN, "cp1251", "no-such-charset", False),
        (THAI, "cp874", "utf-8", False),
        (FRENCH, "cp1252", None, False),
        ("你好，我的朋友，请在星期五之前把钱转到这个账户。", "gb18030", None, False),
    ],
)
def test_charsets(text: str, charset: str, declared: str | None, is_right: bool) -> None:
    decoded, problem = decode(text.encode(charset), declared)
    assert decoded == text
    assert (problem is None) is is_right


def test_one_bad_byte_does_not_change_the_charset() -> None:
    raw = RUSSIAN.encode() + b"\xff"
    assert decode(raw, "utf-8") == (RUSSIAN + "\ufffd", "some bytes are not utf-8")


@given(st.binary(max_size=50), st.none() | st.text(max_size=10) | st.sampled_from(["hz", "zlib"]))
def test_any_bytes_become_text(raw: bytes, declared: str | None) -> None:
    assert isinstance(decode(raw, declared)[0], str)


@given(
    st.lists(
        st.sampled_from(
            ["From: ann@mail.example", "Content-Type: text/html", "Subject: =?utf-8?b?", "\n",
             "Content-Type: multipart/mixed; boundary=x", "Content-Transfer-Encoding: base64",
             "Content-Type: message/rfc822", "Content-Disposition: attachment; filename*0*=x", "é",
             "Content-Type: text/plain; charset=\"", " folded", "> a", "--x", "=3D",
             "<p>", "\0", "aGVsbG8="]
        ),
        max_size=15,
    )
)  # fmt: skip
def test_any_mail_can_be_read(lines: list[str]) -> None:
    record = read_mail("\n".join(lines).encode())
    assert record is None or isinstance(record["text"], str)


def _write(folder: Path, content: str | bytes, name: str = "a.mbox") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _dump(path: Path) -> tuple[list[dict[str, Any]], list[Reject]]:
    rows: list[dict[str, Any]] = []
    rejects: list[Reject] = []
    for batch in open_mail(path, path.suffix[1:]).batches():
        rows += batch.table.to_pylist()
        rejects += batch.rejects
    return rows, rejects


@pytest.mark.parametrize(
    "separator",
    [
        FROM,
        "From - Tue Mar 05 10:00:00 2024\n",  # Thunderbird
        "From 1790@xxx Tue Mar 05 10:00:00 +0000 2024\r\n",  # Gmail's Takeout
        "From ann@mail.example 2024-03-05 10:00:00\n",
        "From ann@mail.example 5/3/24\n",  # broken
        "From MAILER-DAEMON\n",
        "From \n",
        "\ufeff" + FROM,
    ],
)
def test_separators(tmp_path: Path, separator: str) -> None:
    mails = [f"{HEAD.replace('Hello', name)}\ntext\n\n" for name in "abc"]
    content = "".join(separator.lstrip("\ufeff") + content for content in mails)
    rows, rejects = _dump(_write(tmp_path, separator[0].strip("F") + content))
    assert [row["text"] for row in rows] == ["a\n\ntext", "b\n\ntext", "c\n\ntext"]
    assert rejects == []


@pytest.mark.parametrize(
    "body",
    [
        "From now on all is fine.\n",
        "\nFrom Berlin to Paris\nby train\n",
        "\nFrom 10:00 to 12:00 on 5 May 2024\n",
        "text\n" + FROM + "and on\n",
        "> he said\n>From me\n",
    ],
)
def test_text_that_begins_with_from(tmp_path: Path, body: str) -> None:
    rows, _ = _dump(_write(tmp_path, f"{FROM}{HEAD}\nHello\n{body}\n{FROM}{HEAD}\nend\n"))
    assert [row["text"] for row in rows] == [
        f"Hello\n{body}".replace(">From", "From").strip(), "Hello\n\nend"
    ]  # fmt: skip


def test_no_mail_of_a_damaged_mbox_is_lost(tmp_path: Path) -> None:
    nested = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(1500)
    )
    content = f"rest of a mail\n\n{FROM}{HEAD}\nfirst\n\n{FROM}{nested}\n\n{FROM}{HEAD}\nlast\n"
    rows, rejects = _dump(_write(tmp_path, content))
    assert [row["text"][:15] for row in rows] == [
        "rest of a mail", "Hello\n\nfirst", "Content-Type: m", "Hello\n\nlast",
    ]  # fmt: skip
    assert rows[0]["problems"] == ["no headers"]
    assert rows[2]["problems"] == ["cannot be parsed (RecursionError), read as text"]
    assert rejects == []


def test_a_mail_without_content_is_rejected(tmp_path: Path) -> None:
    rows, (reject,) = _dump(_write(tmp_path, f"{FROM}{HEAD}\nfirst\n\n{FROM}{FROM}{HEAD}\nend\n"))
    assert len(rows) == 2
    assert (reject.line, reject.reason) == (10, "neither headers nor text")
    assert reject.raw == FROM.encode()


def test_a_large_mail_is_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MAX_MAIL_BYTES", 1 << 20)
    large = f"{HEAD}\nbitcoin {'long line ' * 300_000}\n"
    rows, rejects = _dump(_write(tmp_path, f"{FROM}{large}\n{FROM}{HEAD}\ntwo\n"))
    assert [row["text"][:14] for row in rows] == ["Hello\n\nbitcoin", "Hello\n\ntwo"]
    assert rows[0]["problems"] == ["only the first 1 MiB were read"]
    assert rejects == []


@pytest.mark.parametrize(
    "content",
    [
        HEAD + "\nhi\n",
        (HEAD + "\nhi\n").replace("\n", "\r\n"),
        "\ufeff" + HEAD + "\nhi\n",
        "\n\n" + HEAD + "\nhi\n",
        FROM + HEAD + "\nhi\n",
    ],
)
def test_single_mail(tmp_path: Path, content: str) -> None:
    rows, rejects = _dump(_write(tmp_path, content, "a.eml"))
    assert [row["text"] for row in rows] == ["Hello\n\nhi"]
    assert rejects == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mbox", HEAD, "a.mbox:1: no line starts a mail.*--format eml"),
        ("a.mbox", b"\x00\xff" * 99, "no line starts a mail"),
        ("a.eml", "hello there\n", "a.eml:1: does not start with a mail header.*--format"),
        ("a.eml", b"\x89PNG\r\n", "does not start with a mail header"),
    ],
)
def test_files_that_are_refused(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        _dump(_write(tmp_path, content, name))
