"""What the sender wrote is parted from what the mail quotes, in the words of many mail programs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps.mail import quotes
from scamdetect.dumps.mail.quotes import answers_another, part_quotes

# A reply's line above what it quotes, as mail programs write it.
WROTE = {
    "en gmail": "On Tue, Mar 5, 2024 at 10:00 AM Ann Lee <ann@mail.example> wrote:",
    "en folded": "On Tue, Mar 5, 2024 at 10:00 AM Ann Lee\n<ann@mail.example> wrote:",
    "en apple": "On 5 Mar 2024, at 10:00, Ann Lee <ann@mail.example> wrote:",
    "en two dates": "On Tuesday, 5 March 2024\nat 10:00, Ann Lee <ann@mail.example>\nwrote:",
    "de": "Am Di., 5. März 2024 um 10:00 Uhr schrieb Ann Lee <ann@mail.example>:",
    "de thunderbird": "Am 05.03.2024 um 10:00 schrieb Ann Lee:",
    "fr": "Le mar. 5 mars 2024 à 10:00, Ann Lee <ann@mail.example> a écrit :",
    "es": "El mar, 5 mar 2024 a las 10:00, Ann Lee (<ann@mail.example>) escribió:",
    "pt": "Em ter., 5 de mar. de 2024 às 10:00, Ann Lee <ann@mail.example> escreveu:",
    "it": "Il giorno mar 5 mar 2024 alle ore 10:00 Ann Lee <ann@mail.example> ha scritto:",
    "nl": "Op di 5 mrt 2024 om 10:00 schreef Ann Lee <ann@mail.example>:",
    "sv": "Den tis 5 mars 2024 kl 10:00 skrev Ann Lee <ann@mail.example>:",
    "fi": "ti 5. maalisk. 2024 klo 10.00 Ann Lee (ann@mail.example) kirjoitti:",
    "pl": "wt., 5 mar 2024 o 10:00 Ann Lee <ann@mail.example> napisał(a):",
    "cs": "út 5. 3. 2024 v 10:00 odesílatel Ann Lee <ann@mail.example> napsal:",
    "hu": "Ann Lee <ann@mail.example> ezt írta (időpont: 2024. márc. 5., K, 10:00):",
    "ro": "În mar., 5 mar. 2024 la 10:00, Ann Lee <ann@mail.example> a scris:",
    "ru": "вт, 5 мар. 2024 г. в 10:00, Ann Lee <ann@mail.example>:",
    "ru mail.ru": "Вторник, 5 марта 2024, 10:00 +03:00 от Ann Lee <ann@mail.example>:",
    "ru pishet": "05.03.2024 10:00, Ann Lee пишет:",
    "uk": "вт, 5 бер. 2024 р. о 10:00 Ann Lee <ann@mail.example> пише:",
    "tr": "Ann Lee <ann@mail.example>, 5 Mar 2024 Sal, 10:00 tarihinde şunu yazdı:",
    "el": "Στις Τρί 5 Μαρ 2024 στις 10:00 π.μ., Ann Lee <ann@mail.example> έγραψε:",
    "id": "Pada Sel, 5 Mar 2024 pukul 10.00 Ann Lee <ann@mail.example> menulis:",
    "vi": "Vào Th 3, 5 thg 3, 2024 vào lúc 10:00 Ann Lee <ann@mail.example> đã viết:",
    "th": "ในวันที่ อ. 5 มี.ค. 2024 เวลา 10:00 Ann Lee <ann@mail.example> เขียนว่า:",
    "ar": "\u202bفي الثلاثاء، 5 مارس 2024 في 10:00 ص تمت كتابة ما يلي بواسطة "
    "\u202aAnn Lee\u202c\u200f <\u202aann@mail.example\u202c\u200f>:\u202c",
    "fa": "در سه‌شنبه ۵ مارس ۲۰۲۴،‏ ۱۰:۰۰ Ann Lee <ann@mail.example> نوشت:",
    "he": "\u202bבתאריך יום ג׳, 5 במרץ 2024 ב-10:00 מאת Ann Lee <ann@mail.example>:\u202c",
    "hi": "मंगल, 5 मार्च 2024 को 10:00 am बजे को Ann Lee <ann@mail.example> ने लिखा:",
    "bn": "মঙ্গল, ৫ মার্চ, ২০২৪ তারিখে ১০:০০ AM টায় তারিখে Ann Lee <ann@mail.example> লিখেছেন:",
    "ta": "செவ்., 5 மார்., 2024, முற்பகல் 10:00 அன்று, Ann Lee <ann@mail.example> எழுதியது:",
    "zh": "Ann Lee <ann@mail.example> 于2024年3月5日周二 10:00写道：",
    "zh-TW": "Ann Lee <ann@mail.example> 於 2024年3月5日 週二 上午10:00寫道：",
    "ja": "2024年3月5日(火) 10:00 Ann Lee <ann@mail.example>:",
    "ko": "2024년 3월 5일 (화) 오전 10:00, Ann Lee <ann@mail.example>님이 작성:",
    "sw": "Mnamo Jum, 5 Mac 2024 saa 10:00 Ann Lee <ann@mail.example> aliandika:",
}
# What stands above a mail that is forwarded, or answered by a program that marks no lines.
ABOVE = {
    "gmail": "---------- Forwarded message ---------\nFrom: Ann <ann@mail.example>\n"
    "Date: Tue, Mar 5, 2024 at 10:00 AM\nSubject: Hi\nTo: Bo <bo@mail.example>",
    "apple": "Begin forwarded message:\n\nFrom: Ann <ann@mail.example>\nSubject: Hi",
    "original": "-----Original Message-----\nFrom: Ann",
    "notes": "----- Forwarded by Ann Lee/Corp on 03/05/2024 10:00 AM -----",
    "outlook en": "________________________________\nFrom: Ann Lee <ann@mail.example>\n"
    "Sent: Tuesday, March 5, 2024 10:00 AM\nTo: Bo\nSubject: Hi",
    "bold": "*From:* Ann Lee\n*Sent:* Tuesday, March 5, 2024\n*To:* Bo\n*Subject:* Hi",
    "outlook de": "Von: Ann Lee\nGesendet: Dienstag, 5. März 2024 10:00\nAn: Bo\nBetreff: Hi",
    "outlook fr": "De : Ann Lee\nEnvoyé : mardi 5 mars 2024 10:00\nÀ : Bo\nObjet : Hi",
    "outlook es": "De: Ann Lee\nEnviado el: martes, 5 de marzo de 2024\nPara: Bo\nAsunto: Hi",
    "outlook pt": "De: Ann Lee\nEnviada em: terça-feira, 5 de março\nPara: Bo\nAssunto: Hi",
    "outlook it": "Da: Ann Lee\nInviato: martedì 5 marzo 2024\nA: Bo\nOggetto: Hi",
    "outlook nl": "Van: Ann Lee\nVerzonden: dinsdag 5 maart 2024\nAan: Bo\nOnderwerp: Hi",
    "outlook pl": "Od: Ann Lee\nWysłano: wtorek, 5 marca 2024\nDo: Bo\nTemat: Hi",
    "outlook ru": "От: Ann Lee\nОтправлено: 5 марта 2024 г. 10:00\nКому: Bo\nТема: Hi",
    "outlook tr": "Kimden: Ann Lee\nGönderildi: 5 Mart 2024 Salı\nKime: Bo\nKonu: Hi",
    "outlook id": "Dari: Ann Lee\nDikirim: Selasa, 5 Maret 2024\nKepada: Bo\nPerihal: Hi",
    "outlook vi": "Từ: Ann Lee\nĐã gửi: 5 tháng 3 2024\nĐến: Bo\nChủ đề: Hi",
    "outlook th": "จาก: Ann Lee\nส่ง: 5 มีนาคม 2024\nถึง: Bo\nเรื่อง: Hi",
    "outlook ar": "من: Ann Lee\nتاريخ الإرسال: 5 مارس 2024\nإلى: Bo\nالموضوع: Hi",
    "outlook zh": "发件人: Ann Lee\n发送时间: 2024年3月5日\n收件人: Bo\n主题: Hi",
    "qq": "------------------ 原始邮件 ------------------\n发件人: Ann",
    "outlook ja": "差出人: Ann Lee\n送信日時: 2024年3月5日\n宛先: Bo\n件名: Hi",
    "outlook ko": "보낸 사람: Ann Lee\n보낸 날짜: 2024년 3월 5일\n받는 사람: Bo\n제목: Hi",
    "gmail de": "---------- Weitergeleitete Nachricht ---------\nVon: Ann",
    "apple fr": "Début du message réexpédié :\n\nDe: Ann",
    "gmail vi": "---------- Thư đã chuyển tiếp ---------\nTừ: Ann",
    "mail.ru": "-------- Пересылаемое сообщение --------\nОт кого: Ann",
}


@pytest.mark.parametrize("line", WROTE.values(), ids=WROTE)
def test_line_above_marked_lines_is_quoted(line: str) -> None:
    found = part_quotes(f"Fine, thanks!\n\n{line}\n\n> old\n>\n> text\n\nBye", answers=True)
    assert found.authored == "Fine, thanks!\n\n\nBye"
    assert found.quoted == f"{line}\n\n> old\n>\n> text"


@pytest.mark.parametrize("line", WROTE.values(), ids=WROTE)
def test_all_below_is_quoted_where_no_line_is_marked(line: str) -> None:
    found = part_quotes(f"See you at 10:00.\n{line}\nold\n\ntext", answers=False)
    assert found.authored == "See you at 10:00."
    assert found.quoted == f"{line}\nold\n\ntext"


@pytest.mark.parametrize("block", ABOVE.values(), ids=ABOVE)
def test_forwarded_mail_is_quoted(block: str) -> None:
    found = part_quotes(f"Is this true?\n\n{block}\n\nold text\n\nBye", answers=False)
    assert found.authored == "Is this true?"
    assert found.quoted == f"{block}\n\nold text\n\nBye"


def test_answers_between_quoted_lines_are_authored() -> None:
    text = "Ann wrote:\n> When?\nOn Monday.\n> Where?\nAt the station."
    found = part_quotes(text, answers=True)
    assert found.authored == "On Monday.\nAt the station."
    assert found.quoted == "Ann wrote:\n> When?\n> Where?"


@pytest.mark.parametrize(
    "text",
    [
        "> Claim your prize now\n> Pay the fee",
        "Great offers:\n\n> Gold at half price\n> Coins",
        ">>> Click here <<<\nSale ends at 10:00",
        "FROM: Dr. Obi, Bank of Lagos\nDate: 5 March 2024\nTo: the heir\nSubject: 4.2 million",
        "-----Original Message-----\nPay the fee",
        "Hi,\nsend them to our agent (al@x.example) by 10:00 with this:\nName:\nBank:",
        "Your trip:\nFrom: Paris\nDate: 5 March 2024, 10:00\nTo: Rome\nPay today",
        "He said on 5 March 2024 at 10:00: no.\nThat is all.",
        "Agenda 2024:\n10:00: coffee\n11:00: talk",
    ],
)
def test_own_text_of_a_mail_that_answers_none(text: str) -> None:
    assert part_quotes(text, answers=False).authored == text
    assert part_quotes(text, answers=False).quoted == ""


def test_marked_lines_of_an_answer_are_quoted_without_an_introduction() -> None:
    found = part_quotes("Yes.\n> Are you there?", answers=True)
    assert (found.authored, found.quoted) == ("Yes.", "> Are you there?")


def test_answer_may_be_all_quoted() -> None:
    assert part_quotes("> old", answers=True).authored == ""


@pytest.mark.parametrize(
    "subject", ["Re: a", "AW: a", "Fwd: a", "[list] RE[2]: a", "回复：a", "Отв: a", "SV: a"]
)
def test_subjects_that_answer(subject: str) -> None:
    assert answers_another(subject)


@pytest.mark.parametrize("subject", ["", "Reply", "Win: a car", "Result: 3", "Re"])
def test_subjects_that_answer_nothing(subject: str) -> None:
    assert not answers_another(subject)


def test_block_of_headers_with_many_receivers_is_quoted() -> None:
    receivers = ";\n".join(f"Bo {n} <bo{n}@mail.example>" for n in range(8))
    block = f"From: Ann\nSent: Tuesday\nTo: {receivers}\nSubject: Hi\n\nold"
    assert part_quotes(f"Yes.\n\n{block}", answers=True).quoted == block


@pytest.mark.usefixtures("no_hang")
def test_long_blanks_take_no_quadratic_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotes, "_LONGEST", 3_000_000)
    line = f"-- original message{' ' * 2_000_000}x\n"
    assert part_quotes(line, answers=False).quoted == ""


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
    found = part_quotes("\n".join(lines), answers=answers)
    kept = [*found.authored.split("\n"), *found.quoted.split("\n")]
    expected = "\n".join(lines).split("\n")
    assert sorted(x.strip() for x in kept if x.strip()) == sorted(
        x.strip() for x in expected if x.strip()
    )
