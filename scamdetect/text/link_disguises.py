"""Undo disguises of links: ``hxxp``, ``[.]``, ``(dot)``, full-width characters."""

from __future__ import annotations

import re

from scamdetect.text.traced import Text, substitute

_UNSEEN = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
_MIDDLE = "\u00b7\u2022\u2027\u2219\u2024\u0701\u0702\u30fb\uff65"  # dots in the middle of the line
_LOW = "\u3002\ufe52\uff0e\uff61"  # dots for IDNA
_DOT_WORDS = (
    "dot|d0t|punto|ponto|point|punkt|nokta|titik|chấm|cham|точка|крапка|kropka|点|點|점|ドット|نقطة|نقطه"
    "|डॉट|ডট|จุด"
)
_STYLED = "\u24b6-\u24e9\uff10-\uff5a\U0001d400-\U0001d7ff"
# A character that disguises, a scheme, or a dot before a letter or a digit in one of its forms.
_HINT = re.compile(
    rf"[{_STYLED}{_UNSEEN}／]|/\s*/|:\\\\|[.{_LOW}{_MIDDLE}]\w|\s\.\s*\w|[.{_LOW}]\s+[a-z]{{2,12}}/"
    rf"|\s(?:dot|точка)\s|[\[({{<]\s*(?:[.:/]+|s|{_DOT_WORDS})\s*[\])}}>]",
    re.IGNORECASE,
)
_SPOKEN_WORD = re.compile(r" (?:dot|точка) ")

_WIDE = str.maketrans("．｡﹒／－＿＠﹫：＆？＝＃％～", ".../-_@@:&?=#%~")
_WIDE_SIGN = re.compile(
    "[．｡﹒／－＿＠﹫]|：(?=[/／]|(?<=[A-Za-z0-9]：)\\d)|[＆？＝＃％～](?<=[A-Za-z0-9/／].)(?=[A-Za-z0-9])"
)
_MIDDLE_DOT = re.compile(
    f"[{_MIDDLE}](?<=[A-Za-z0-9].)(?=[A-Za-z])|。(?<=[A-Za-z0-9-].)(?=[A-Za-z])"
)
_SLASH = re.compile("[\u2044\u2215\u29f8]")
_BRACKETED_DOT = re.compile(rf"\s?[\[({{<]\s?(?:\.|{_DOT_WORDS})\s?[\])}}>]\s?", re.IGNORECASE)
_BRACKETED = re.compile(r"\[(:|/|://|:/|//|s)\]")
_SPACED_DOT = re.compile(r"(?<=[a-z0-9]) \. ?(?=([a-z]{2,12})(?![\w.]))")
_DOT_SPACED = re.compile(r"(?<=[a-z0-9])\. (?=([a-z]{2,12})/)")
_SPOKEN_DOT = re.compile(
    r"(?<=\w)(?<!\bthe)(?<!\ba)(?<!\bpolka) (?:dot|точка) (?=([^\W\d_]{2,12})(?!\w))", re.IGNORECASE
)
_BRACKETED_AT = re.compile(r" ?[\[({<] ?(?:at|arroba|собака|@) ?[\])}>] ?", re.IGNORECASE)
_SPOKEN_AT = re.compile(r"(?<=\w) at (?=[\w-]+ dot \w)", re.IGNORECASE)
_SPOKEN_SLASH = re.compile(r"(?<=[a-z0-9]) slash (?=[a-z0-9])", re.IGNORECASE)
_SCHEME = re.compile(
    r"(?<![A-Za-z])h ?(?:t ?t|[x*_]{2}|tx|xt) ?p(?: ?(s))? ?(?:: ?/ ?/|://|:\\\\|//|:/(?!/))[ /]*"
    r"(?=[\w\[])",
    re.IGNORECASE,
)
# Top-level domains after a spelt-out dot or one between blanks, where others are words.
_SPOKEN_TOPS = frozenset(
    """
    com org info net biz xyz co io cc ru cn uk de fr jp kr vn th ph pk bd ng ke br mx tr ua kz top
    vip icu example test invalid ком ру рф
    """.split()
)


def may_have_links(text: str) -> bool:
    """Return False if a text, as written, cannot contain a link or a host name; fast."""
    return _HINT.search(text) is not None


def spelt_out(text: Text) -> Text:
    """Return a folded text with its links and e-mail addresses as typed into a browser.

    A traced text keeps its offsets.
    """
    if not text.isascii():
        text = substitute(_SLASH, "/", text)
        text = substitute(_WIDE_SIGN, lambda match: match[0].translate(_WIDE), text)
        text = substitute(_MIDDLE_DOT, ".", text)
    if "[" in text or "(" in text or "{" in text or "<" in text:
        text = substitute(_BRACKETED_DOT, ".", text)
        text = substitute(_BRACKETED_AT, "@", text)
        text = substitute(_BRACKETED, lambda match: match[1], text)
    if " ." in text:
        text = substitute(_SPACED_DOT, _if_top, text)
    if ". " in text:
        text = substitute(_DOT_SPACED, _if_top, text)
    if _SPOKEN_WORD.search(text.lower()):
        text = substitute(_SPOKEN_AT, "@", text)
        text = substitute(_SPOKEN_DOT, _if_top, text)
        text = substitute(_SPOKEN_SLASH, "/", text)
    if "p" in text or "P" in text:
        text = substitute(_SCHEME, lambda match: f"http{'s' if match[1] else ''}://", text)
    return text


def _if_top(match: re.Match[str]) -> str:
    return "." if match[1].lower() in _SPOKEN_TOPS else match[0]
