"""Make hidden characters visible, and show column names only if they cannot be a message.

Without a header, the first line of a CSV is a record, and so are the column names of a frame read
from it. Short messages look like names, so a first line counts as a header only if it contains a
usual header name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from scamdetect.errors import InputError

_SHOWN = 40
_SENTENCE = re.compile(
    r"[,.!?;:\"](?:\s|$)|[。，、！？\U0001f300-\U0001faff]|\S+\s+\S+\s+\S+\s+\S"
    r"|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]{13}"  # without blanks
)
_ADDRESS = re.compile(
    r"://|(?:^|\s)@|@[a-z][\w-]*\.[a-z]|^www\.|^[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/", re.IGNORECASE
)
_NUMBER = re.compile(r"[+-]?\d[\d .,()/:-]*")
_LONG_NUMBER = re.compile(r"[+-]?\d(?:[ .,()/:-]*\d){3,}[ .,()/:-]*")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_TOKENS = re.compile(r"[\W_]+")
_SNAKE = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+")
# Usual names of message columns, but no word that could be an answer about a message.
_USUAL = frozenset(
    """
    id ids uid uuid guid key index row number no nr num count text texts message messages msg
    body content contents subject title comment description summary translation original
    date datetime time timestamp day month year sent received created updated at on
    sender senders from to recipient recipients receiver author user username userid account
    contact phone mobile name names first last email mail address direction channel source
    thread chat conversation room group session label labels class category type kind status
    language lang locale country city url link file filename path score probability is
    nachricht inhalt betreff datum uhrzeit zeit absender empfänger nummer telefon sprache
    mensaje texto contenido asunto fecha hora remitente destinatario número nombre idioma
    texte contenu objet heure expéditeur destinataire numéro nom langue
    testo messaggio contenuto oggetto data ora mittente nome lingua
    mensagem conteúdo assunto horário nome bericht tekst afzender onderwerp tijd
    wiadomość treść nadawca temat meddelande mesaj metin tarih gönderen konu
    сообщение текст дата время отправитель тема номер имя язык
    pesan teks tanggal waktu pengirim nomor tin nhắn ngày giờ người gửi nội dung
    文本 内容 消息 短信 标题 日期 时间 发件人 发送者 编号 文字 訊息 內容 簡訊 時間 發送者
    本文 メッセージ 日付 日時 送信者 件名 番号 テキスト 내용 메시지 날짜 시간 보낸사람 번호
    ข้อความ วันที่ เวลา ผู้ส่ง หมายเลข رسالة نص تاريخ وقت المرسل رقم متن پیام تاریخ
    संदेश पाठ दिनांक समय प्रेषक
    """.split()
)


def shown(name: str) -> str:
    """Return a name for an error message; only its length if it may be a message."""
    return name if _is_short(name) else f"({len(name)} characters)"


def shown_names(names: Sequence[str], *, first_line: bool) -> list[str]:
    """Return column names for an error message.

    With ``first_line`` they come from the first line of a file, which may be a record: names that
    do not look like a header are shown only by their length.
    """
    if not first_line:
        return [shown(name) for name in names]
    usual = [_is_usual(name) for name in names]
    is_header = sum(usual) * 2 >= len(names)
    return [
        name
        if known
        or (any(usual) and len(name) == 1 and not name.isdigit())
        or (is_header and _is_short(name) and " " not in name)
        else f"({len(name)} characters)"
        for name, known in zip(names, usual, strict=True)
    ]


def missing_column(
    where: object, missing: str, names: Sequence[str], *, first_line: bool, cure: str
) -> InputError:
    """Return the error for a column that is not among the names; ``cure`` says what to pass."""
    start = f"{where} has no column {missing}"
    if names and first_line and not any(map(_is_usual, names)):
        return InputError(
            f"{start}, and its first line does not look like a header; add a line with the "
            f"column names, or {cure}"
        )
    if not first_line and _is_record(names):
        return InputError(
            f"{start}, and its {len(names)} column names look like a record; add a line with "
            "the column names above it"
        )
    listed = ", ".join(shown_names(names, first_line=first_line)) or "none"
    return InputError(f"{start}; its columns are: {listed}; {cure}")


def _is_short(name: str) -> bool:
    return (
        len(name) <= _SHOWN
        and _SENTENCE.search(name) is None
        and _ADDRESS.search(name) is None
        and _LONG_NUMBER.fullmatch(name) is None
    )


def _is_usual(name: str) -> bool:
    """Return True for a name that is usual in headers and unlikely as a message."""
    if not _is_short(name):
        return False
    if _SNAKE.fullmatch(name):
        return True
    tokens = [token for token in _TOKENS.split(_CAMEL.sub(" ", name).casefold()) if token]
    words = [token.rstrip("0123456789") for token in tokens]
    return any(words) and all(word in _USUAL for word in words if word)


def _is_record(names: Sequence[str]) -> bool:
    """Return True if the names are the cells of a record, because some are numbers."""
    numbers = [_NUMBER.fullmatch(name) for name in names]
    return any(numbers) and not all(numbers)


Shown = TypeVar("Shown")

# Characters that control a terminal, reverse the direction of text or are invisible: carriage
# returns inside a line, blank letters of Hangul, Khmer and Braille, tags, lone surrogates. Joiners
# and the zero-width space are kept if they can be part of the spelling: joiners after letters of
# Arabic, Indic and later scripts and after emoji, the space after scripts of South-East Asia.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200e"
    "\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e01ef]|\r(?!\n)"
    "|(?<![\u0600-\uffff\U00010000-\U0010ffff])[\u200c\u200d]|(?<![\u0e00-\u109f\u1780-\u17ff])\u200b"
)
_BREAKS = re.compile(r"[\t\n\r]")


def visible(value: Shown) -> Shown:
    """Return a text with invisible, control and direction characters shown as codes, ⟨U+202E⟩.

    Other types are returned unchanged, and subclasses of str keep their type, so that a text marked
    as safe HTML remains marked.
    """
    if isinstance(value, str) and _HIDDEN.search(value):
        return type(value)(_HIDDEN.sub(_code, value))
    return value


def visible_line(text: str) -> str:
    """Return a text as ``visible`` does, on one line: line breaks and tabs become codes too."""
    return visible(_BREAKS.sub(_code, text))


def _code(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match[0]):04X}⟩"
