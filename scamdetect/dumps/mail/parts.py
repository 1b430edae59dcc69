"""Find the text of a mail among its parts, and list the parts that are not read."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from dataclasses import dataclass, field
from email.errors import (
    CloseBoundaryNotFoundDefect,
    MissingHeaderBodySeparatorDefect,
    StartBoundaryNotFoundDefect,
)
from email.message import Message
from email.parser import BytesFeedParser, BytesParser
from email.policy import Compat32
from typing import Literal

from scamdetect.dumps.mail.headers import decode, decoded
from scamdetect.dumps.mail.html import html_to_text


class _AsItStands(Compat32):
    """Raw header values; ``Compat32`` would replace bytes beyond ASCII.

    Values with parameters are truncated: the time to read them grows quadratically.
    """

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value[:_MOST_PARAMETERS] if name.lower().startswith("content-") else value


@dataclass(frozen=True)
class _Piece:
    kind: Literal["plain", "html"]
    text: str


@dataclass
class Body:
    """The text of a mail, its attachments, and problems of its parts."""

    text: str = ""
    attachments: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    repairs: int = 0  # multiparts without boundary that were parsed again

    def report(self, problem: str | None) -> None:
        """Add a problem, once."""
        if problem is not None and problem not in self.problems:
            self.problems.append(problem)


_POLICY = _AsItStands()
_DEFECTS = {
    CloseBoundaryNotFoundDefect: "multipart without its end",
    MissingHeaderBodySeparatorDefect: "headers that end in an invalid line",
}
_UUENCODED = ("x-uuencode", "uuencode", "uue", "x-uue")
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2}\s*")
_NO_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n)")
# Escapes that need quoted-printable and are unlikely in a link such as /?id=42&page=17.
_ESCAPE = re.compile(rb"=(?:3D|[89A-F][0-9A-F]|\r?\n)")
_ESCAPES = 3  # this many make a body without a transfer encoding quoted-printable
_BOUNDARY = re.compile(rb"^--(\S{1,200})[ \t]*\r?\n(?=Content-)", re.MULTILINE | re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_NO_WORDS = re.compile(r"<[^<>\s]*>|[\W_]+")
_MOST_PARAMETERS = 10_000  # characters
_MOST_REPAIRS = 8  # each can contain the next, and takes the time to parse all that follows
_FED = 1 << 20  # bytes of a mail passed to its parser at a time
_COMPARED = 20_000  # characters of the two texts of an alternative
_SAME = 0.5  # share of the letters of the HTML text, in groups of four


def parse(raw: bytes) -> Message:
    """Parse a mail into raw header values, with bytes beyond ASCII as surrogates."""
    parser = BytesFeedParser(policy=_POLICY)
    for start in range(0, len(raw), _FED):  # a single call needs far more memory
        parser.feed(raw[start : start + _FED])
    message = parser.close()
    never_began = any(isinstance(d, StartBoundaryNotFoundDefect) for d in message.defects)
    if never_began and not message.is_multipart():
        # The parser drops everything after the end of a broken multipart.
        return BytesParser(policy=_POLICY).parsebytes(raw, headersonly=True)
    return message


def header(message: Message, name: str) -> str | None:
    """Return the first raw header of that name, or None."""
    value = message.get(name)
    return None if value is None else str(value)


def read_body(message: Message) -> Body:
    """Return the plain text, or the HTML text if there is no plain one or it differs.

    Consecutive text parts are joined. Everything else is an attachment: it is listed but not read;
    an attached mail is listed by its subject.
    """
    body = Body()
    pieces = _pieces(message, body)
    body.text = "\n\n".join(text for piece in pieces if (text := piece.text.strip("\n")).strip())
    return body


def _pieces(part: Message, body: Body) -> list[_Piece]:
    for defect in part.defects:
        body.report(_DEFECTS.get(type(defect)))
    kind = part.get_content_type()
    if part.is_multipart() and kind.startswith("multipart/"):
        children = [child for child in part.get_payload() if isinstance(child, Message)]
        if kind == "multipart/alternative":
            return _alternative([_pieces(child, body) for child in children], body)
        found: list[_Piece] = []
        for child in children:
            # A text part with a file name is the body if it is first, otherwise an attachment.
            if found and _file_name(child):
                body.attachments.append(_name(child))
            else:
                found += _pieces(child, body)
        return found
    if kind.startswith("multipart/"):
        return _without_boundary(part, body)
    if kind not in ("text/plain", "text/html") or part.get_content_disposition() == "attachment":
        body.attachments.append(_name(part))
        return []
    raw = _content(part, body)
    charset = part.get_param("charset")
    declared = charset if isinstance(charset, str) else None
    if kind == "text/plain":
        text, problem = decode(raw, declared)
        body.report(problem)
        return [_Piece("plain", _newlines(text))]
    meta = _META_CHARSET.search(raw[:2048])
    text, problem = decode(raw, declared or (meta[1].decode() if meta else None))
    body.report(problem)
    return [_Piece("html", html_to_text(text))]


def _alternative(choices: list[list[_Piece]], body: Body) -> list[_Piece]:
    plain = [p for pieces in choices for p in pieces if p.kind == "plain" and p.text.strip()]
    html = [p for pieces in choices for p in pieces if p.kind == "html" and p.text.strip()]
    if not plain or not html:
        return plain or html
    if _says_the_same("\n".join(p.text for p in plain), "\n".join(p.text for p in html)):
        return plain
    # People see the HTML; a plain part with other content is a placeholder or a decoy.
    body.report("the plain part and the HTML part differ")
    return html


def _says_the_same(plain: str, html: str) -> bool:
    shown, said = (
        {letters[i : i + 4] for i in range(len(letters) - 3)}
        for text in (html, plain)
        for letters in [_NO_WORDS.sub("", text[:_COMPARED]).lower()]
    )
    return len(shown & said) >= len(shown) * _SAME


def _without_boundary(part: Message, body: Body) -> list[_Piece]:
    """Read a multipart whose boundary is missing or not the declared one."""
    body.report("multipart without its boundary")
    raw = _raw(part)
    boundary = _BOUNDARY.search(raw)
    body.repairs += 1
    if boundary is None or body.repairs > _MOST_REPAIRS:
        text, problem = decode(raw)
        body.report(problem)
        return [_Piece("plain", _newlines(text))]
    head = b'Content-Type: multipart/mixed; boundary="' + boundary[1].replace(b'"', b"") + b'"\n\n'
    again = parse(head + raw)
    if not again.is_multipart():
        return [_Piece("plain", _newlines(decode(raw)[0]))]
    pieces = _pieces(again, body)
    kinds = {piece.kind for piece in pieces}
    return _alternative([pieces], body) if kinds == {"plain", "html"} else pieces


def _content(part: Message, body: Body) -> bytes:
    """Return the decoded bytes of a part, as far as its transfer encoding is valid."""
    said = re.search(r"[\w-]+", header(part, "content-transfer-encoding") or "")
    encoding = said[0].lower() if said else ""
    if encoding in _UUENCODED:
        found = part.get_payload(decode=True)
        return found if isinstance(found, bytes) else b""
    raw = _raw(part)
    if encoding in ("base64", "base-64"):
        content, rest = _unbase64(raw)
        if content is None:
            body.report("declared as base64, but is not")
            return raw
        if rest.strip():  # a mailing list's footer
            body.report("plain text after base64")
            return content + b"\n" + rest
        return content
    if encoding == "quoted-printable":
        return quopri.decodestring(raw)
    content, rest = _unbase64(raw) if len(raw.strip()) >= 40 else (None, raw)
    if content is not None and not rest.strip() and _is_text(content):
        body.report("base64 without being declared")
        return content
    if len(_ESCAPE.findall(raw)) >= _ESCAPES and not _NO_ESCAPE.search(raw):
        body.report("quoted-printable without being declared")
        return quopri.decodestring(raw)
    return raw


def _unbase64(raw: bytes) -> tuple[bytes | None, bytes]:
    """Return the content of the leading base64 lines, or None, and the rest."""
    end = 0
    for line in raw.splitlines(keepends=True):
        if line.strip() and not _BASE64_LINE.fullmatch(line):
            break
        end += len(line)
    code = b"".join(raw[:end].split()).rstrip(b"=")
    if len(code) % 4 == 1:  # cut off inside a byte
        code = code[:-1]
    try:
        content = base64.b64decode(code + b"=" * (-len(code) % 4))
    except binascii.Error:
        return None, raw
    rest = raw[end:]
    if rest.strip() and (
        not code or not _is_text(content)
    ):  # a text whose first lines look like base64
        return None, raw  # word each
    return content, rest


def _is_text(content: bytes) -> bool:
    text = content.decode("utf-8", "replace")
    return bool(text) and "\ufffd" not in text and not _CONTROL.search(text)


def _raw(part: Message) -> bytes:
    """Return the raw body."""
    del part["content-transfer-encoding"]  # otherwise the payload would be decoded
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _name(part: Message) -> str:
    if name := _file_name(part):
        return name
    kind = part.get_content_type()
    inner = part.get_payload() if kind == "message/rfc822" else None
    if isinstance(inner, list) and inner and isinstance(inner[0], Message):
        return (decoded(header(inner[0], "subject") or "") or "unnamed") + ".eml"
    return f"unnamed {kind}"


def _file_name(part: Message) -> str:
    try:
        return decoded(part.get_filename() or "")
    except (LookupError, TypeError, ValueError):
        return ""


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
