"""Read mail: mbox files and single messages, one row per mail."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from email.utils import parseaddr, parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import chardet
import pyarrow as pa

from scamdetect.dumps.batch import Dump, Item, Reject, record_dump
from scamdetect.dumps.mail_html import html_to_text
from scamdetect.dumps.mail_quotes import answers_another, separate_quotes
from scamdetect.dumps.text import Stream, check_encoding, open_bytes
from scamdetect.errors import InputError

if TYPE_CHECKING:
    from scamdetect.dumps.text import Location

_TEXTS = (
    "message_id", "in_reply_to", "time", "sender", "sender_name", "reply_to", "to", "cc",
    "subject", "text", "quoted",
)  # fmt: skip
_LISTS = ("attachments", "problems")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in _TEXTS] + [(name, pa.list_(pa.string())) for name in _LISTS]
)
MAX_MAIL_BYTES = 32 << 20  # the text comes before large attachments
_PIECE_BYTES = 1 << 20
_MOST_HEADER = 10_000  # characters; the time to parse parameters grows quadratically

_HEADER = re.compile(rb"(?:>?From |[!-9;-~]+[ \t]*:)")
_DATED = re.compile(rb"From (?:.*\d:\d\d.*\d{4}|.*\d{4}-\d\d-\d\d[T ]\d\d:\d\d)")
_ESCAPED = re.compile(rb"^>(?=>*From )", re.MULTILINE)


def open_mail(path: Location, source_format: str) -> Dump:
    """Open an mbox file (``mbox``) or a single mail (``eml``).

    Raises InputError if no line starts a mail, or a single mail does not start with a header.
    """
    is_mbox = source_format == "mbox"
    with open_bytes(path) as stream:
        total = stream.size
        starts = [mail.raw.lstrip(b"\r\n") for mail in islice(_mails(stream, is_mbox), 2)]
    if is_mbox and not any(start.startswith(b"From ") for start in starts):
        raise InputError(
            f"{path}:1: no line starts a mail as in an mbox (From ann@mail.example Mon Jan  1 "
            "10:00:00 2024); for a single mail pass --format eml"
        )
    if not any(map(_HEADER.match, starts)):
        raise InputError(
            f"{path}:1: does not start with a mail header (From: ann@mail.example); pass the "
            "right --format"
        )

    def items() -> Iterator[Item]:
        with open_bytes(path) as stream:
            for mail in _mails(stream, is_mbox):
                if mail.raw.strip():
                    yield Item(_record(mail), mail.size, stream.position)

    return record_dump(SCHEMA, items, total=total, where=str(path))


class _RawMail(NamedTuple):
    """The start of a mail, with its ``From `` line, and its place."""

    raw: bytes
    size: int
    line: int
    offset: int


def _mails(stream: Stream, several: bool) -> Iterator[_RawMail]:
    """Yield the mails of an mbox file, or the whole file.

    A ``From `` line starts a mail if a header follows it, and it has a date or is after an empty
    line.
    """
    pieces: list[bytes] = []
    line = number = 1
    start = offset = 0
    is_start = after_blank = True
    piece = stream.readline(_PIECE_BYTES).removeprefix(b"\xef\xbb\xbf")
    while piece:
        following = stream.readline(_PIECE_BYTES)
        is_separator = several and is_start and piece.startswith(b"From ")
        if is_separator and _HEADER.match(following) and (after_blank or _DATED.match(piece)):
            if pieces:
                yield _RawMail(b"".join(pieces), offset - start, line, start)
            pieces, line, start = [], number, offset
        if offset - start < MAX_MAIL_BYTES:
            pieces.append(piece)
        offset += len(piece)
        after_blank = is_start and not piece.strip()
        is_start = piece.endswith(b"\n")
        number += is_start
        piece = following
    if pieces:
        yield _RawMail(b"".join(pieces), offset - start, line, start)


def _record(mail: _RawMail) -> dict[str, Any] | Reject:
    raw = mail.raw.lstrip(b"\r\n")
    raw = raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw
    raw = _ESCAPED.sub(b"", raw) if b">From " in raw else raw
    try:
        record = read_mail(raw)
    except Exception as error:  # a malicious mail makes the standard parser raise anything
        problem = f"cannot be parsed ({type(error).__name__}), read as text"
        record = {"text": decode(raw[:_PIECE_BYTES])[0], "attachments": [], "problems": [problem]}
    if record is None:
        return Reject(mail.line, "neither headers nor text", mail.raw, offset=mail.offset)
    if mail.size > len(mail.raw):
        record["problems"].append(f"only the first {len(mail.raw) >> 20} MiB were read")
    return record


class _RawValues(Compat32):
    """Raw header values, with bytes beyond ASCII as surrogates, which Compat32 would replace."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value[:_MOST_HEADER]


def read_mail(raw: bytes) -> dict[str, Any] | None:
    """Return the columns of a mail; None if it has neither a header nor text.

    ``text`` is what the sender wrote. It starts with the subject unless a header refers to an
    earlier mail, whose subject it would be; without other text it is only the subject.
    """
    message = message_from_bytes(raw, policy=_RawValues())
    attachments: list[str] = []
    problems: list[str] = [] if message.keys() else ["no headers"]
    pieces = _pieces(message, attachments, problems)
    body = "\n\n".join(text for piece in pieces if (text := piece.text.strip("\n")).strip())
    if not message.keys() and not body.strip():
        return None
    parents = [*_ids(message, "in-reply-to")[:1], *reversed(_ids(message, "references"))]
    subject = _header(message, "subject") or ""
    answers = bool(parents) or answers_another(subject)
    text, quoted = separate_quotes(body, answers=answers, subject=subject)
    if subject and not text.startswith(subject) and not (text and parents):
        text = f"{subject}\n\n{text}".strip()
    received = (_header(message, "received") or "").rpartition(";")[2]
    time = _iso_time(_header(message, "date") or "") or _iso_time(received)
    senders = (_sender(message, name) for name in ("from", "sender", "return-path"))
    name, address = next((sender for sender in senders if any(sender)), (None, None))
    return {
        "message_id": next(iter(_ids(message, "message-id")), None),
        "in_reply_to": next(iter(parents), None),
        "time": time,
        "sender": address,
        "sender_name": name,
        "reply_to": _header(message, "reply-to"),
        "to": _header(message, "to"),
        "cc": _header(message, "cc"),
        "subject": _header(message, "subject"),
        "text": text,
        "quoted": quoted,
        "attachments": attachments,
        "problems": list(dict.fromkeys(problems)),
    }


def _header(message: Message, name: str) -> str | None:
    value = message.get(name)
    return None if value is None else decode_words(str(value))


def decode_words(value: str) -> str:
    """Return a header as readers see it; one with broken encoded words stays as it is."""
    value = decode(value.encode("utf-8", "surrogateescape"))[0]
    texts = [value]
    with suppress(HeaderParseError, ValueError):
        texts = [
            part
            if isinstance(part, str)
            else decode(part, charset)[0]
            if charset
            else part.decode("raw-unicode-escape")
            for part, charset in decode_header(value)
        ]
    return re.sub(r"[\s\x00]+", " ", "".join(texts)).strip()


def _ids(message: Message, name: str) -> list[str]:
    value = _header(message, name) or ""
    return re.findall(r"<\s*([^<>\s]+)\s*>", value) or ([value] if value else [])


def _sender(message: Message, name: str) -> tuple[str | None, str | None]:
    """Return name and address; a header without an address is the name."""
    raw = str(message.get(name) or "")
    # First before decoding: an encoded name can contain characters of address lists.
    for value in (raw, decode_words(raw)):
        with suppress(RecursionError, LookupError, TypeError, ValueError):
            sender, address = parseaddr(value)
            if "@" in address and " " not in address:
                return decode_words(sender) or None, decode_words(address)
    return decode_words(raw) or None, None


def _iso_time(text: str) -> str | None:
    """Return a date as ISO 8601, with a zone if it has one; None if it is not a date."""
    with suppress(TypeError, ValueError, LookupError, OverflowError):
        return parsedate_to_datetime(text).isoformat()
    return None


class _Piece(NamedTuple):
    is_html: bool
    text: str


def _pieces(part: Message, attachments: list[str], problems: list[str]) -> list[_Piece]:
    """Return the texts of a part; add the parts that are not read, and what was repaired."""
    kind = part.get_content_type()
    is_group = kind.startswith("multipart/")
    if is_group and part.is_multipart():
        pieces: list[_Piece] = []
        for child in part.get_payload():
            assert isinstance(child, Message)
            # A text part with a file name is the body if it is first, otherwise an attachment.
            if pieces and kind != "multipart/alternative" and _file_name(child):
                attachments.append(_name(child))
            else:
                pieces += _pieces(child, attachments, problems)
        return _chosen(pieces, problems) if kind == "multipart/alternative" else pieces
    is_text = is_group or kind in ("text/plain", "text/html")
    if not is_text or part.get_content_disposition() == "attachment":
        attachments.append(_name(part))
        return []
    if is_group:
        problems.append("multipart without its boundary")
    raw = _content(part)
    charset = part.get_param("charset")
    if charset is None and kind == "text/html":
        meta = re.search(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w.:-]+)", raw[:2048], re.I)
        charset = meta and meta[1].decode("ascii", "replace")
    text, problem = decode(raw, charset if isinstance(charset, str) else None)
    problems += [problem] if problem else []
    if kind == "text/html":
        return [_Piece(True, html_to_text(text))]
    return [_Piece(False, text.replace("\r\n", "\n").replace("\r", "\n"))]


def _chosen(pieces: list[_Piece], problems: list[str]) -> list[_Piece]:
    """Return the plain alternative, or the HTML one if the plain one has other content.

    People see the HTML; a plain part with other content is a placeholder or a decoy.
    """
    html = [piece for piece in pieces if piece.is_html and piece.text.strip()]
    plain = [piece for piece in pieces if not piece.is_html and piece.text.strip()]
    if not plain or not html:
        return plain or html
    shown, written = (
        {letters[index : index + 4] for index in range(len(letters) - 3)}
        for choice in (html, plain)
        for joined in ["\n".join(piece.text for piece in choice)[:20_000]]
        for letters in [re.sub(r"<[^<>\s]*>|[\W_]+", "", joined).lower()]
    )
    if len(shown & written) * 2 >= len(shown):
        return plain
    problems.append("the plain part and the HTML part differ")
    return html


def _content(part: Message) -> bytes:
    """Return the decoded bytes of a part; lines after its base64, or instead of it, are kept."""
    if str(part.get("content-transfer-encoding") or "").strip().lower() != "base64":
        content = part.get_payload(decode=True)
        return content if isinstance(content, bytes) else b""
    raw = str(part.get_payload()).encode("utf-8", "surrogateescape")
    lines = re.match(rb"(?:[ \t]*[A-Za-z0-9+/]*={0,2}[ \t]*(?:\r?\n|\Z))*+", raw)
    end = lines.end() if lines else 0
    code = b"".join(raw[:end].split())
    with suppress(ValueError):
        return base64.b64decode(code[: len(code) // 4 * 4]) + raw[end:]  # it may be cut off
    return raw


def _name(part: Message) -> str:
    if part.get_content_type() == "message/rfc822":
        for inner in part.walk():
            if inner is not part:
                return (_header(inner, "subject") or "unnamed") + ".eml"
    return _file_name(part) or f"unnamed {part.get_content_type()}"


def _file_name(part: Message) -> str:
    with suppress(LookupError, TypeError, ValueError):
        return decode_words(part.get_filename() or "")
    return ""


# Mail programs use the left label for text of the wider charset on the right, as browsers know.
_WIDER = {
    "ascii": "utf-8", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874",
    "tis-620": "cp874", "gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs",
    "euc_kr": "cp949", "shift_jis": "cp932",
}  # fmt: skip
_SEVERAL_BYTES = ("utf", "gb", "big5", "euc", "iso2022", "hz", "johab", "shift", "cp932", "cp949")


def decode(raw: bytes, declared: str | None = None) -> tuple[str, str | None]:
    """Return the text and the problem with its charset, if any.

    The declared charset is used unless the bytes are invalid in it, or are UTF-8 despite a declared
    single-byte charset. Otherwise it is UTF-8, or chardet's guess.
    """
    codec = _codec(declared) or ("iso2022_jp" if b"\x1b$" in raw else "utf-8")
    if codec.startswith(("utf-16", "utf-32")) and b"\0" not in raw:
        codec = "utf-8"
    for name in (codec, "utf-8") if codec.startswith(_SEVERAL_BYTES) else ("utf-8", codec):
        with suppress(LookupError, ValueError):
            text = raw.decode(name).removeprefix("\ufeff")
            is_right = name == codec or raw.isascii()
            return text, None if is_right else f"not in the charset that it names, read as {name}"
    text = raw.decode("utf-8", "replace")
    # Up to a tenth of the characters, it is damaged UTF-8.
    if text.count("\ufffd") * 10 > sum(not character.isascii() for character in text):
        first = re.search(rb"[\x80-\xff]", raw)
        start = max(0, first.start() - 1024) if first else 0
        sample = raw[start : start + (1 << 16)].replace(b"\0", b"")  # with NULs it may be UTF-16
        guess = chardet.detect(sample)["encoding"]
        codec = _codec(guess) or "utf-8"
        return raw.decode(codec, "replace"), f"no valid charset given, read as {codec}"
    return text, "some bytes are not utf-8"


def _codec(declared: str | None) -> str | None:
    """Return the codec for a declared charset, or None if unknown."""
    label = re.search(r"(?:x-)?([\w.:+-]+)", (declared or "").lower())
    if label is None:
        return None
    try:
        name = check_encoding(label[1].replace("windows-", "cp").removesuffix("-i"))
    except InputError:
        return None
    return _WIDER.get(name, name)
