"""One mail as a record: which part is its text, what is named, what is judged."""

from __future__ import annotations

import base64
import quopri
from email.message import EmailMessage, Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps.mail import parts
from scamdetect.dumps.mail.parts import parse
from scamdetect.dumps.mail.reader import Mail, read_mail

HEAD = (
    "From: Ann Lee <ann@mail.example>\nTo: Bo <bo@mail.example>\nSubject: Hello\n"
    "Date: Tue, 5 Mar 2024 10:00:00 +0100\nMessage-ID: <1@mail.example>\n"
)
REPLY = HEAD.replace("Hello", "Re: Hello") + "In-Reply-To: <0@mail.example>\n"
HTML = "<p>Dear Bo, send <b>200</b> to the new account today, please.</p>"
PLAIN = "Dear Bo, send 200 to the new account today, please."


def _read(mail: str | bytes) -> Mail:
    found = read_mail(mail.encode() if isinstance(mail, str) else mail)
    assert found is not None
    return found


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
    assert _read(f"{REPLY}Cc: cy@mail.example\n\nToday.\n\n{quoted}\n") == Mail(
        message_id="1@mail.example",
        in_reply_to="0@mail.example",
        time="2024-03-05T10:00:00+01:00",
        sender="ann@mail.example",
        sender_name="Ann Lee",
        reply_to=None,
        to="Bo <bo@mail.example>",
        cc="cy@mail.example",
        subject="Re: Hello",
        text="Today.",
        quoted=quoted,
    )


@pytest.mark.parametrize(
    ("mail", "text"),
    [
        (f"{HEAD}\nHow are you?\n", "Hello\n\nHow are you?"),
        (f"{HEAD}\nHello Bo\n", "Hello Bo"),  # the subject stands there already
        (f"{HEAD}\n\n", "Hello"),
        (f"{REPLY}\nFine.\n", "Fine."),
        (f"{REPLY}\n> all quoted\n", "Re: Hello"),
        (f"{HEAD}\n> Buy now\n> Pay here\n", "Hello\n\n> Buy now\n> Pay here"),
        ("To: bo@mail.example\n\nhi\n", "hi"),
        ("no header at all\n\nhi\n", "no header at all\n\nhi"),
    ],
)
def test_judged_text(mail: str, text: str) -> None:
    assert _read(mail).text == text


def test_forwarded_mail_is_quoted() -> None:
    mail = HEAD.replace("Hello", "Fwd: Hello") + (
        "\nIs it true?\n\n---------- Forwarded message ---------\nFrom: X\n\nYou won\n"
    )
    assert _read(mail).text == "Fwd: Hello\n\nIs it true?"
    assert _read(mail).quoted.endswith("You won")


@pytest.mark.parametrize(
    ("mail", "body"),
    [
        (_parts(_plain(PLAIN), _html(HTML), kind="alternative"), PLAIN),
        (_parts(_html(HTML), kind="alternative"), PLAIN),
        (_parts(_plain("  \n"), _html(HTML), kind="alternative"), PLAIN),
        (_parts(_plain("one"), _plain("two")), "one\n\ntwo"),
        (_parts(_plain("one"), _html("<p>two</p>")), "one\n\ntwo"),
        (_parts(_plain("cut off"), close=False), "cut off"),
        (_parts(_plain(PLAIN), _html(HTML), kind="alternative").replace('="cut"', '="no"'), PLAIN),
        (f"{HEAD}Content-Type: multipart/mixed\n\nno parts\n", "no parts"),
        (f"{HEAD}Content-Type: nonsense\n\nplain\n", "plain"),
    ],
)
def test_part_that_is_read(mail: str, body: str) -> None:
    assert _read(mail).text == f"Hello\n\n{body}"


@pytest.mark.parametrize(
    "plain", ["Your program shows no HTML.", "Minutes of the garden club, May."]
)
def test_plain_part_that_says_other_things_is_not_believed(plain: str) -> None:
    found = _read(_parts(_plain(plain), _html(HTML), kind="alternative"))
    assert found.text == f"Hello\n\n{PLAIN}"
    assert found.problems == ["the plain part and the HTML part differ"]


def test_attachments_are_named_and_not_read() -> None:
    inner = "Content-Type: message/rfc822\n\nSubject: =?utf-8?q?caf=C3=A9?=\n\ninner text"
    file = "Content-Disposition: attachment; filename="
    found = _read(
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
    assert found.text == "Hello\n\nsee these"
    assert found.attachments == [
        "café.eml", "unnamed.eml", "résumé.pdf", "notes.txt", "bé.txt", "unnamed image/png",
    ]  # fmt: skip


def test_body_with_a_file_name_is_read() -> None:
    part = "Content-Disposition: inline; filename=body.txt\n\nthe body"
    assert _read(_parts(part)).text == "Hello\n\nthe body"


def test_nested_parts() -> None:
    message = EmailMessage()
    message["Subject"] = "Hello"
    message.set_content(PLAIN)
    message.add_alternative(HTML, subtype="html")
    message.get_payload()[1].add_related(b"x", "image", "png", filename="logo.png")
    message.add_attachment(b"x", "application", "pdf", filename="a.pdf")
    found = _read(message.as_bytes())
    assert found.text == f"Hello\n\n{PLAIN}"
    assert found.attachments == ["logo.png", "a.pdf"]
    assert found.problems == []


LONG = "Ünser Konto ist gesperrt, bitte zahlen Sie die Gebühr heute noch.\n" * 3
CODE = base64.encodebytes(LONG.encode()).decode()
QUOTED = quopri.encodestring(LONG.encode()).decode()


@pytest.mark.parametrize(
    ("encoding", "body", "expected", "problem"),
    [
        ("base64", CODE, LONG, None),
        ("Base64;", CODE[:-8], LONG[:-6], None),
        ("base64", f"{CODE}\n-- \nSent to the list.\n", f"{LONG}\n-- \nSent to the list.",
         "plain text after base64"),
        ("base64", "Dear Bo,\nno base64 here!", "Dear Bo,\nno base64 here!",
         "declared as base64, but is not"),
        ("quoted-printable", QUOTED, LONG, None),
        ("quoted-printable", "50 = x =ZZ", "50 = x =ZZ", None),
        ("", CODE, LONG, "base64 without being declared"),
        ("7bit", QUOTED, LONG, "quoted-printable without being declared"),
        ("nonsense", "a=b", "a=b", None),
        ("x-uuencode", "begin 644 a\n#:&D*\n`\nend\n", "hi", None),
        ("", "shortword", "shortword", None),
        ("", "https://x.example/?id=42&page=17&to=99", "https://x.example/?id=42&page=17&to=99",
         None),
    ],
)  # fmt: skip
def test_transfer_encodings(encoding: str, body: str, expected: str, problem: str | None) -> None:
    said = f"Content-Transfer-Encoding: {encoding}\n" if encoding else ""
    found = _read(f"{HEAD}Content-Type: text/plain; charset=utf-8\n{said}\n{body}")
    assert found.text == f"Hello\n\n{expected}".strip()
    assert found.problems == ([problem] if problem else [])


@pytest.mark.parametrize("depth", [25, 250])
def test_boundaries_missing_in_each_other_are_parsed_a_few_times(
    monkeypatch: pytest.MonkeyPatch, depth: int
) -> None:
    parsed: list[int] = []

    def counted(raw: bytes) -> Message:
        parsed.append(len(raw))
        return parse(raw)

    monkeypatch.setattr(parts, "parse", counted)
    nested = "".join(f"--b{n}\nContent-Type: multipart/mixed\n\n" for n in range(depth))
    mail = f"{HEAD}Content-Type: multipart/mixed\n\n{nested}" + "hello there\n" * 1000
    assert _read(mail).text.endswith("hello there")
    assert 1 < len(parsed) < 10 and sum(parsed) < 10 * len(mail)


def test_charset_of_html_may_stand_in_it() -> None:
    html = "<meta http-equiv=Content-Type content='text/html; charset=windows-1251'>Привет, друг"
    head = HEAD + "Content-Type: text/html\n\n"
    assert _read(head.encode() + html.encode("cp1251")).text == "Hello\n\nПривет, друг"


def test_broken_headers_are_told() -> None:
    found = _read(
        "From: The Bank\nDate: yesterday\nReceived: by x; Tue, 5 Mar 2024 10:00 +0000\n\n"
    )
    assert (found.sender, found.sender_name) == (None, "The Bank")
    assert found.time == "2024-03-05T10:00:00+00:00"
    assert _read("Date: yesterday\n\nx").problems == ["no date: yesterday"]
    assert _read("text alone").problems == ["no headers", "headers that end in an invalid line"]


def test_sender_from_other_headers() -> None:
    assert _read("Return-Path: <ann@mail.example>\n\nx").sender == "ann@mail.example"


def test_nothing_is_no_mail() -> None:
    assert read_mail(b"\n \n") is None


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
    found = read_mail("\n".join(lines).encode())
    assert found is None or isinstance(found.text, str)


def test_text_behind_the_end_of_a_multipart_that_never_began_is_kept() -> None:
    head = f'{HEAD}Content-Type: multipart/alternative; boundary="cut"\n\n'
    mail = _read(f"{head}--cut--\nContent-Type: text/plain\n\n--cut\n{PLAIN}\n")
    assert PLAIN in mail.text
    assert "multipart without its boundary" in mail.problems
