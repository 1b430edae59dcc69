"""The visible text of HTML mail, and quotations in many languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps.mail_html import html_to_text
from scamdetect.dumps.mail_quotes import answers_another, separate_quotes


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("just text", "just text"),
        ("", ""),
        ("<!-- only a comment -->", ""),
        ("<p>a &amp; b&nbsp;c\n d</p><p>e<br>f</p>", "a & b c d\n\ne\nf"),
        ("<div>a<div>b</div></div><span>c</span><b>d</b>", "a\nb\ncd"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("<head><title>t</title><style>p{}</style></head>a<script>x<y</script>b", "ab"),
        ("a<div style='DISPLAY : none'>x<p>y</p></div>b", "ab"),
        ("a<span style='font-size:0px;color:red'>x</span>b<i hidden>y</i>", "ab"),
        ("a<span style='visibility:hidden'>x</span>b<i style='mso-hide:all'>y</i>", "ab"),
        ("<td style='padding:0;font-size:0px'><p style='font-size:13px'>a<b>b</b></p>x</td>", "ab"),
        ("a<p style='font-size:0'>x<b style='font-size:1em'>y<i>z</i></b></p>b", "a\n\nb"),
        ("<span style='font-size:0.9em'>a</span><span style='opacity:0.5'>b</span>", "ab"),
        ("a<!--[if mso]>x<![endif]-->b<![if !mso]>c<![endif]>", "abc"),
        ("<html><body>a</body></html>b", "a\nb"),
        ("a<blockquote>b<br>c<blockquote>d</blockquote></blockquote>e",
         "a\n\n> b\n> c\n\n> > d\n\ne"),
        ("<a href='https://x.example/a'>here</a>", "here <https://x.example/a>"),
        ("<a href='https://x.example/'>www.x.example</a>", "www.x.example"),
        ("<a href='https://evil.example'>bank.example</a>", "bank.example <https://evil.example>"),
        ("<a href='mailto:a@x.example'>a</a> <a href='#top'>b</a> <a>c</a>", "a b c"),
        ("<a href='https://x.example/a'><img></a> <a href='https://x.example/a'>again</a>",
         "<https://x.example/a> again"),
        ("<p>cut <b>off", "cut off"),
        ("a < b &unknown; &#x41; &#0;", "a < b &unknown; A \ufffd"),
        (f"a<!--{'x' * 12_000_000}-->b", "ab"),
    ],
    ids=lambda value: value[:30],
)  # fmt: skip
def test_visible_text(html: str, expected: str) -> None:
    assert html_to_text(html) == expected


@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize("tag", ["<div>", "<font>", "<b><p>", "<blockquote>", "<table><tr><td>"])
def test_deep_nesting_takes_linear_time(tag: str) -> None:
    assert html_to_text(tag * 100_000 + "deep").endswith("deep")


@pytest.mark.usefixtures("no_hang")
def test_long_styles_take_linear_time() -> None:
    zeros = "0" * 2_000_000
    assert html_to_text(f"<p style='opacity:{zeros}x'>a<p style='font-size:{zeros}x'>b") == "a\n\nb"


@given(st.text(alphabet="<>/ab\"'= &;!-[]\n\0é\ud800", max_size=60))
def test_any_html_becomes_text(html: str) -> None:
    assert isinstance(html_to_text(html), str)


# The line of a reply above its quotation, as mail programs write it.
WROTE = {
    "en gmail": "On Tue, Mar 5, 2024 at 10:00 AM Ann Lee <ann@mail.example> wrote:",
    "en folded": "On Tue, Mar 5, 2024 at 10:00 AM Ann Lee\n<ann@mail.example> wrote:",
    "en three lines": "On Tuesday, 5 March 2024\nat 10:00, Ann Lee <ann@mail.example>\nwrote:",
    "de": "Am Di., 5. März 2024 um 10:00 Uhr schrieb Ann Lee <ann@mail.example>:",
    "fr": "Le mar. 5 mars 2024 à 10:00, Ann Lee <ann@mail.example> a écrit :",
    "es": "El mar, 5 mar 2024 a las 10:00, Ann Lee (<ann@mail.example>) escribió:",
    "pl": "wt., 5 mar 2024 o 10:00 Ann Lee <ann@mail.example> napisał(a):",
    "hu": "Ann Lee <ann@mail.example> ezt írta (időpont: 2024. márc. 5., K, 10:00):",
    "ru": "вт, 5 мар. 2024 г. в 10:00, Ann Lee <ann@mail.example>:",
    "tr": "Ann Lee <ann@mail.example>, 5 Mar 2024 Sal, 10:00 tarihinde şunu yazdı:",
    "vi": "Vào Th 3, 5 thg 3, 2024 vào lúc 10:00 Ann Lee <ann@mail.example> đã viết:",
    "th": "ในวันที่ อ. 5 มี.ค. 2024 เวลา 10:00 Ann Lee <ann@mail.example> เขียนว่า:",
    "ar": "\u202bفي الثلاثاء، 5 مارس 2024 في 10:00 ص تمت كتابة ما يلي بواسطة "
    "\u202aAnn Lee\u202c\u200f <\u202aann@mail.example\u202c\u200f>:\u202c",
    "fa": "در سه‌شنبه ۵ مارس ۲۰۲۴،‏ ۱۰:۰۰ Ann Lee <ann@mail.example> نوشت:",
    "bn": "মঙ্গল, ৫ মার্চ, ২০২৪ তারিখে ১০:০০ AM টায় তারিখে Ann Lee <ann@mail.example> লিখেছেন:",
    "zh": "Ann Lee <ann@mail.example> 于2024年3月5日周二 10:00写道：",
    "ja": "2024年3月5日(火) 10:00 Ann Lee <ann@mail.example>:",
    "ko": "2024년 3월 5일 (화) 오전 10:00, Ann Lee <ann@mail.example>님이 작성:",
}
# These lines have no address, or not in angle brackets: marked lines must follow.
WROTE_ABOVE_MARKS = WROTE | {
    "de thunderbird": "Am 05.03.2024 um 10:00 schrieb Ann Lee:",
    "ru thunderbird": "05.03.2024 10:00, Ann Lee пишет:",
    "fi": "ti 5. maalisk. 2024 klo 10.00 Ann Lee (ann@mail.example) kirjoitti:",
    "no date": "Ann Lee <ann@mail.example> wrote:",
}
# The headers above a mail that is forwarded, or answered without marks.
ABOVE = {
    "gmail": "---------- Forwarded message ---------\nFrom: Ann <ann@mail.example>\n"
    "Date: Tue, Mar 5, 2024 at 10:00 AM\nSubject: Hi\nTo: Bo <bo@mail.example>",
    "renamed": "From: Ann <ann@mail.example>\nSent: Tuesday, March 5, 2024 10:00\nSubject: Other",
    "outlook en": "________________________________\nFrom: Ann Lee\n"
    "Sent: Tuesday, March 5, 2024 10:00 AM\nTo: Bo\nSubject: Hi",
    "bold": "*From:* Ann Lee\n*Sent:* Tuesday, March 5, 2024\n*To:* Bo\n*Subject:* Hi",
    "outlook de": "Von: Ann Lee\nGesendet: Dienstag, 5. März 2024 10:00\nAn: Bo\nBetreff: Hi",
    "outlook fr": "De : Ann Lee\nEnvoyé : mardi 5 mars 2024 10:00\nÀ : Bo\nObjet : Hi",
    "outlook ru": "От: Ann Lee\nОтправлено: 5 марта 2024 г. 10:00\nКому: Bo\nТема: Hi",
    "outlook th": "จาก: Ann Lee\nส่ง: 5 มีนาคม 2024\nถึง: Bo\nเรื่อง: Hi",
    "outlook ar": "من: Ann Lee\nتاريخ الإرسال: 5 مارس 2024\nإلى: Bo\nالموضوع: Hi",
    "outlook ja": "差出人: Ann Lee\n送信日時: 2024年3月5日\n宛先: Bo\n件名: Hi",
    "qq": "------------------ 原始邮件 ------------------\n发件人: Ann\n收件人: Bo\n主题: Hi",
    "receivers": "From: Ann\nSent: Tuesday\nTo: "
    + ";\n".join(f"Bo {n} <bo{n}@mail.example>" for n in range(8))
    + "\nSubject: Hi",
}


@pytest.mark.parametrize("line", WROTE_ABOVE_MARKS.values(), ids=WROTE_ABOVE_MARKS)
def test_line_above_marked_lines_is_quoted(line: str) -> None:
    text = f"Fine, thanks!\n\n{line}\n\n> old\n>\n> text\n\nBye"
    for answers in (True, False):
        authored, quoted = separate_quotes(text, answers=answers)
        assert authored == "Fine, thanks!\n\n\nBye"
        assert quoted == f"{line}\n\n> old\n>\n> text"


@pytest.mark.parametrize("line", WROTE.values(), ids=WROTE)
def test_all_below_is_quoted_if_no_line_is_marked(line: str) -> None:
    found = separate_quotes(f"See you at 10:00.\n{line}\nold\n\ntext", answers=False)
    assert found == ("See you at 10:00.", f"{line}\nold\n\ntext")


@pytest.mark.parametrize("block", ABOVE.values(), ids=ABOVE)
@pytest.mark.parametrize("subject", ["Re: Hi", "Re: AW: Hi"])
def test_forwarded_mail_is_quoted(block: str, subject: str) -> None:
    text = f"Is this true?\n\n{block}\n\nold text\n\nBye"
    found = separate_quotes(text, answers=True, subject=subject)
    assert found == ("Is this true?", f"{block}\n\nold text\n\nBye")


def test_answers_between_quoted_lines_are_authored() -> None:
    text = "On 5 May 2024 at 9:00 Ann wrote:\n> When?\nOn Monday.\n> Where?\nAt the station."
    found = separate_quotes(text, answers=True)
    assert found.authored == "On Monday.\nAt the station."


@pytest.mark.parametrize(
    "text",
    [
        "> Claim your prize now\n> Pay the fee",
        "Great offers:\n\n> Gold at half price\n> Coins",
        ">>> Click here <<<\nSale ends at 10:00",
        "FROM: Dr. Obi, Bank of Lagos\nDate: 5 March 2024\nTo: the heir\nSubject: 4.2 million",
        "Hello,\nContact: al <al@x.example>\nDate: 5 March 2024, 10:00\nTo: the heir\nPay the fee",
        "-----Original Message-----\nPay the fee",
        "Hi,\nsend it to our agent (al@x.example) by 10:00 on 5 May 2026 with this:\nName:\nBank:",
        "Hi,\nsend it to <al@x.example> by 10:00 with this:\nName:\nBank:",
        "Your trip:\nFrom: Paris\nDate: 5 March 2024, 10:00\nTo: Rome\nPay today",
        "He said on 5 March 2024 at 10:00: no.\nThat is all.",
        "The fee until 5 March 2024, 10:00:\n100 in bitcoin",
        "Agenda 2024:\n10:00: coffee\n11:00: talk",
    ],
)
def test_own_text_of_a_mail_that_answers_none(text: str) -> None:
    assert separate_quotes(text, answers=False, subject="4.2 million") == (text, "")


@pytest.mark.parametrize(
    "text",
    [
        "The fee until 5 March 2024, 10:00:\n100 in bitcoin",
        "Hi,\nsend it to our agent (al@x.example) by 10:00 on 5 May 2026 with this:\nName:\nBank:",
        "Your trip:\nFrom: Paris\nDate: 5 March 2024, 10:00\nTo: Rome\nPay today",
        "***** WIN *****\nName: x\nPay the fee",
    ],
)
def test_own_text_of_an_answer(text: str) -> None:
    assert separate_quotes(text, answers=True, subject="Re: Hi") == (text, "")


def test_marked_lines_of_an_answer_are_quoted_without_an_introduction() -> None:
    assert separate_quotes("Yes.\n> Are you there?", answers=True) == ("Yes.", "> Are you there?")
    assert separate_quotes("> old", answers=True).authored == ""


@pytest.mark.parametrize(
    "subject", ["Re: a", "AW: a", "Fwd: a", "[list] RE[2]: a", "回复：a", "Отв: a", "SV: a"]
)
def test_subjects_that_answer(subject: str) -> None:
    assert answers_another(subject)


@pytest.mark.parametrize("subject", ["", "Reply", "Win: a car", "Result: 3", "Re"])
def test_subjects_that_answer_nothing(subject: str) -> None:
    assert not answers_another(subject)


@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize("unit", ["-", " ", "-- a", "> ", "*_", "1:", "2024 ", "<a@", "a:"])
def test_long_lines_take_linear_time(unit: str) -> None:
    block = "From: a <a@b.c>\nTo: x\nDate: 5 May 2026 10:00\n"
    for text in (unit * 500_000, unit * 500_000 + "x", f"{unit * 99}\n" * 5000):
        separate_quotes(f"hi\n{text}\n{block}", answers=True, subject=f"Re: {text}")


@given(
    st.lists(
        st.sampled_from(
            ["", "hello", "> old", ">> older", "  ", "___________", *WROTE.values(), "From: Ann",
             "Sent: 5 March 2024", "To: Bo", "Subject: Hi", "-----Original Message-----", "a:"]
        ),
        max_size=12,
    ),
    st.booleans(),
)  # fmt: skip
def test_every_line_is_kept_once(lines: list[str], answers: bool) -> None:
    text = "\n".join(lines)
    authored, quoted = separate_quotes(text, answers=answers, subject="Re: Hi")
    kept = f"{authored}\n{quoted}".split("\n")
    assert sorted(line.strip() for line in kept if line.strip()) == sorted(
        line.strip() for line in text.split("\n") if line.strip()
    )
