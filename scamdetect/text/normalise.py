"""The normaliser: the form of a message that a model sees, versioned as part of a bundle.

Two steps, both idempotent and linear in the length of the text. ``fold`` undoes disguises:
invisible characters, styled letters, look-alikes inside a word of another script. ``mask`` replaces
personal data and link names by tokens that keep their shape, so that `.example` and `.com` read the
same. Given a traced text (``scamdetect.text.traced.trace``) each returns one, with the offsets into
the original.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from scamdetect.text.traced import Text, compose, strip, substitute

# Vowel signs and other marks, which belong to the letter before them.
SIGN = (
    "\u0300-\u036f\u064b-\u065f\u0670\u0900-\u0903\u093a-\u093c\u093e-\u094f\u0962\u0963\u0981-\u0983"
    "\u09bc\u09be-\u09cd\u09d7\u0b82\u0bbe-\u0bcd\u0bd7\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc"
    "\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u17b6-\u17d3"
)
_VIRAMA = "\u094d\u09cd"  # joins the next letter to its own
# One letter with its marks, except Korean parts that compose with the next.
_ALONE = rf"[^\W\d_\u1100-\u11ff](?:[{SIGN}]|(?<=[{_VIRAMA}])[^\W\d_])*"
_SPELT_WITH_MARKS = re.compile(
    rf"(?<![\w{SIGN}\].@/*·-]){_ALONE}([.*_·/-]){_ALONE}(?:\1{_ALONE}){{2,}}(?!\1?[\w{SIGN}\[])"
)
_SPELT_WITH_SPACES = re.compile(rf"(?<![\w{SIGN}\]]){_ALONE}(?: {_ALONE}){{3,}}(?![\w{SIGN}\[])")
# Every spelt word contains this: fast to search for. Checking the second character avoids most of
# the slower searches for marks.
_INSIDE_MARKS = re.compile(rf"([.*_·/-]){_ALONE}\1{_ALONE}\1")
_INSIDE_SPACES = re.compile(rf" (?=.[ {SIGN}]){_ALONE} {_ALONE} {_ALONE}(?![\w{SIGN}\[])")
_SEPARATORS = re.compile("[ .*_·/-]")
# Scripts with many words of one letter and its marks, in which four in a row may be words.
_SHORT_WORDED = re.compile("[\u0900-\u0dff\uac00-\ud7a3]")
_FEWEST_SPELT = 6  # letters of such a script

# Digits that replace letters. Those that Arabic in Latin letters uses for sounds (3, 5, 7, 9) and
# those that may be punctuation or an address (!, @) are read so only in a word with another one.
_LETTER = "[A-Za-z\u00c0-\u024f\u0400-\u052f]"
_LEET_SIGN = re.compile(f"[014$](?<={_LETTER}.){_LETTER}")  # between two letters
_LEET_WORD = re.compile(
    r"(?<![\w$!\].@/:=?&#%+-])[\w$][\w$!@]{2,15}(?<!!)(?![\w$@\[]|[.@/:=?&#%+-][\w\[]|!\w)"
)
_CYRILLIC = re.compile("[\u0400-\u052f]")
_LATIN_OF_LEET = str.maketrans("01345789$@!", "oieastbgsai")
_CYRILLIC_OF_LEET = str.maketrans("0348", "озчв")
# Digits that replace no letter, many in a row, or only capitals.
_CODE = re.compile(r"[26]|\d{3}|^[^a-z\u00df-\u024f\u0430-\u045f]*$")


def plain_words(text: Text) -> Text:
    """Join spelt words and read digits in words as letters."""
    if _INSIDE_MARKS.search(text):
        text = substitute(_SPELT_WITH_MARKS, _together, text)
    if _INSIDE_SPACES.search(text):
        text = substitute(_SPELT_WITH_SPACES, _together, text)
    if _LEET_SIGN.search(text):
        text = substitute(_LEET_WORD, _in_letters, text)
    return text


def _together(match: re.Match[str]) -> str:
    letters = _SEPARATORS.split(match[0])
    words = len(letters) < _FEWEST_SPELT and _SHORT_WORDED.search(match[0])
    return match[0] if words else "".join(letters)


def _in_letters(match: re.Match[str]) -> str:
    word = match[0]
    if not _LEET_SIGN.search(word) or _CODE.search(word):
        return word
    return word.translate(_CYRILLIC_OF_LEET if _CYRILLIC.search(word) else _LATIN_OF_LEET)


NORMALISER_VERSION = 3

# -- fold ------------------------------------------------------------------------------------

_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]")
_RETURNS = re.compile("\r\n?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u2028-\u202e\u2060-\u206f\u200e\u200f"
    "\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\U000e0100-\U000e01ef]"
)
_JOINERS = re.compile("[\u200b-\u200d]")
# Scripts in which joiners (U+200C, U+200D) or the zero-width space spell words.
_JOINING = re.compile(
    "[\u0600-\u08ff\u0900-\u0dff\u0e00-\u109f\u1780-\u17ff\u1800-\u18af\ufb50-\ufefc]"
)
_SPACELESS = re.compile("[\u0e00-\u109f\u1780-\u17ff]")
_STYLED = re.compile(
    "[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u1d00-\u1d2b\u24b6-\u24e9\U0001d400-\U0001d7ff"
    "\U0001f110-\U0001f12b\U0001f130-\U0001f149\U0001f150-\U0001f169\U0001f170-\U0001f189]"
)
_FRAMED = (0x1F130, 0x1F150, 0x1F170)  # start of the capitals in squares and on black
_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True))
_SMALL_CAPITAL = re.compile(f"[{''.join(_SMALL_CAPITALS)}]")
# Surrogates and the sets above except the joiners, in one search: most texts contain none.
_DISGUISED = re.compile(
    "|".join(["[\ud800-\udfff]", _INVISIBLE.pattern, _STYLED.pattern, _SMALL_CAPITAL.pattern])
)
# A letter and the accents that compose with it.
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f])+")
_MARKS = re.compile(r"[^\w\s\x00-\x7f]{31,}")
_MOST_MARKS = 30  # on one letter, as in Unicode's stream-safe text format
_LATIN_OF_CYRILLIC = dict(
    zip("аеорсухіѕјһԁԛԝѵғАВЕКМНОРСТУХІЅЈԚԜ", "aeopcyxisjhdqwvfABEKMHOPCTYXISJQW", strict=True)
)
_LATIN_OF_GREEK = dict(zip("αικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aikvoptuxABEZHIKMNOPTYX", strict=True))
_LATIN_OF_FOREIGN = _LATIN_OF_CYRILLIC | _LATIN_OF_GREEK
_CYRILLIC_OF_LATIN = dict(zip("aeopcyxijkmABEKMHOPCTYXI", "аеорсухіјкмАВЕКМНОРСТУХІ", strict=True))
_GREEK_OF_LATIN = dict(zip("aiovxABEZHIKMNOPTYX", "αιονχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", strict=True))
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_GREEK_OR_CYRILLIC = re.compile("[\u0370-\u052f]")
_SPACES = re.compile("[^\\S\n](?:[^\\S\n]+|(?<! ))")  # all except a single blank, which may be kept
_BREAKS = re.compile(r" ?\n(?: ?\n)+ ?| ?\n ?")


def fold(text: Text, version: int = NORMALISER_VERSION) -> Text:
    """Return the text without the disguises that hide words from a filter.

    ``version`` 2 does not join spelt words nor read "pr1ze" as a word. Accepts any str. Clean text
    in any language keeps its letters: joiners are kept where Arabic, Indic and South-East Asian
    scripts and emoji need them, and look-alikes change only inside words of mixed script.
    """
    if not text.isascii():
        text = _fold_unicode(text)
    printable = text.isprintable()  # then blanks are its only white space, and it has no controls
    if not printable:
        text = substitute(_CONTROLS, " ", substitute(_RETURNS, "\n", text))
    if not printable or "  " in text:
        text = substitute(_SPACES, _one_space, text)
    if version > 2:
        plain = plain_words(text)
        text = plain if plain == text else _in_one_script(plain)
    if not printable and any(untidy in text for untidy in (" \n", "\n ", "\n\n\n")):
        text = substitute(_BREAKS, _one_or_two_breaks, text)
    return strip(text)


def _fold_unicode(text: Text) -> Text:
    if _DISGUISED.search(text):
        text = substitute(_SURROGATES, _one_character, text)
        text = substitute(_INVISIBLE, "", text)
        text = substitute(_STYLED, _plain_letter, text)
        text = substitute(_SMALL_CAPITAL, lambda match: _SMALL_CAPITALS[match[0]], text)
    # Compose first, because the marks next to a joiner decide whether it is kept. Unchanged text is
    # composed; otherwise it may not be: joiners separate letters from marks, and composing can add
    # marks.
    joined = substitute(_JOINERS, _needed_joiner, _composed(text))
    return _in_one_script(joined if joined == text else _composed(joined))


def _in_one_script(text: Text) -> Text:
    if _GREEK_OR_CYRILLIC.search(text) and _LATIN.search(text):
        return compose(substitute(_WORD, _one_script, text))
    return text


def _one_character(match: re.Match[str]) -> str:
    return match[0].encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _composed(text: Text) -> Text:
    # Reduce marks first: composing sorts those of a letter in quadratic time. Too many in a row
    # show among every 31st character, which is faster to check than the row.
    if any(map(unicodedata.combining, text[:: _MOST_MARKS + 1])):
        text = substitute(_MARKS, _fewer_marks, text)
    return compose(text)


def _fewer_marks(match: re.Match[str]) -> str:
    kept, marks = [], 0
    for character in match[0]:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)


def _needed_joiner(match: re.Match[str]) -> str:
    if match[0] == "\u200b" and not _SPACELESS.match(match.string, match.start() - 1):
        return ""
    text, place = match.string, match.start()
    before = text[place - 1] if place else " "
    after = text[place + 1] if place + 1 < len(text) else " "
    if _JOINING.match(before) and (_JOINING.match(after) or match[0] != "\u200b"):
        return match[0]
    if match[0] == "\u200d" and _is_emoji(before) and _is_emoji(after):
        return match[0]
    return ""


def _is_emoji(character: str) -> bool:
    return character == "\ufe0f" or unicodedata.category(character) in ("So", "Sk")


def _plain_letter(match: re.Match[str]) -> str:
    for first in _FRAMED:
        # Framed letters have no compatibility mapping; blood types and similar ones remain emoji.
        place = ord(match[0]) - first
        if 0 <= place < 26:
            return match[0] if match[0] in "🅰🅱🅾🅿" else chr(ord("A") + place)
    plain = unicodedata.normalize("NFKC", match[0])
    return plain.strip("()") if len(plain) == 3 else plain


def _one_script(match: re.Match[str]) -> str:
    word = match[0]
    if word.isascii() or not _LATIN.search(word):
        return word
    # A word whose foreign letters all look Latin is Latin in disguise; otherwise it is of the other
    # script.
    if all(letter in _LATIN_OF_FOREIGN for letter in _GREEK_OR_CYRILLIC.findall(word)):
        letters = _LATIN_OF_FOREIGN
    else:
        letters = _CYRILLIC_OF_LATIN if _CYRILLIC.search(word) else _GREEK_OF_LATIN
    return "".join(letters.get(letter, letter) for letter in word)


def _one_space(match: re.Match[str]) -> str:
    return match[0] if match[0] == "\u3000" else " "  # only a wide one is Japanese or Chinese


def _one_or_two_breaks(match: re.Match[str]) -> str:
    return "\n\n" if match[0].count("\n") > 1 else "\n"


# -- mask ------------------------------------------------------------------------------------

SHORTENERS = frozenset(
    "bit.ly t.co goo.gl tinyurl.com is.gd cutt.ly rb.gy ow.ly s.id bitly.com shorturl.at t.ly v.gd "
    "tiny.cc rebrand.ly buff.ly adf.ly wa.me t.me lin.ee m.me line.me zalo.me u.to clck.ru vk.cc "
    "dwz.cn url.cn t.cn suo.im reurl.cc lihi.cc han.gl vo.la me2.do qr.ae shorturl.example "
    "short.example".split()
)
_TOP_LEVEL = (
    "com|net|org|info|biz|xyz|top|shop|site|online|club|vip|live|app|link|click|icu|cc|co|io|me|tv|ly|gl|gd|"
    "win|work|store|pro|fun|space|website|world|today|life|buzz|cyou|sbs|cfd|bond|loan|bet|asia|mobi|name|"
    "gov|edu|int|dev|cloud|email|bank|example|test|invalid|localhost|"
    "ru|cn|uk|de|fr|jp|kr|vn|id|th|ph|bd|np|pk|lk|kh|mm|tr|br|mx|ng|ke|tz|ir|ae|sa|eg|tw|hk|sg|au|nz|ca|us|eu|"
    "nl|pl|cz|ua|kz|za|gh|ug|rs|hu|ro"
)
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOT = r"(?:\.|\[\.\]|\(\.\))"
_REST = r"[^\s<>\"'«»「」『』（）【】，。、；！？]"
_AFTER_LINK = ".,;:!?)]}…।"
_EMAIL = re.compile(
    r"(?<![\w.+-])"
    rf"(?:[\w.+-]{{1,64}}+(?:@|\[at\]|\(at\))(?:{_LABEL}\.){{1,6}}[^\W\d_]{{2,24}}(?![\w@]))+",
    re.IGNORECASE,
)
_AT = re.compile(r"[\[(]at[\])]", re.IGNORECASE)
# The lookaheads at the start are for speed: most positions fail them.
_LINK = re.compile(
    rf"(?=[hfw])(?:(?:h(?:tt|xx)ps?|ftp)(?:://|:\\\\|\[:\]//)|www\.){_REST}+"
    # Without a scheme: a known top-level domain, or any two letters if a third label or a path
    # follows (a missing blank after a full stop, as in "thanks.im here", is not a link).
    r"|(?<![\w.])(?:(?<![@-])(?=[\w-]++[.\[(])(?:"
    rf"(?:{_LABEL}{_DOT}){{1,6}}(?:{_TOP_LEVEL})(?![\w@-])(?:[:/?#]{_REST}*)?"
    rf"|(?:{_LABEL}{_DOT}){{2,6}}[a-z]{{2}}(?![\w@-])(?:[:/?#]{_REST}*)?"
    rf"|{_LABEL}{_DOT}[a-z]{{2}}/{_REST}*)"
    r"|(?:\d{1,3}\.){3}\d{1,3}(?![\w.])(?:[:/][^\s<>\"']*)?)",
    re.IGNORECASE,
)
# Every link without "://" contains this: fast to search for, because it starts with a literal.
_INSIDE_LINK = re.compile(
    r"\.(?:(?<=\w\.)(?:[^\W\d_]|\d{1,3}\.\d)|(?<=[\[(]\.)[\])]|(?<=[wW]\.)\S)|:(?:\\\\|\]//)"
)
_HANDLE = re.compile(r"(?<![\w@.])(?:@(?=\w*[^\W\d])[\w.]{2,32}(?<!\.))+")
_NUMBER = re.compile(
    r"(?=[+(\d])(?<![\w.,])(?:\+|00)?\(?\d[\d()]{0,40}+"
    r"(?:[ \u3000\u00a0./‑–-]\(?\d[\d()]{0,40}+){0,7}(?!\w)"
    r"|(?<=[^\W\d_])\d{9,}"
)
_SEVEN_DIGITS = re.compile(r"\d(?:[() \u3000\u00a0./‑–-]*+\d){6}")  # fewer are never masked
_GROUPED_AMOUNT = re.compile(
    r"\d{1,3}(?:[., ]\d{3})+(?:[.,]\d{1,2})?|\d+[.,]\d{1,8}|\d{1,3}(?:,\d{2})*,\d{3}"
)
_DATE = re.compile(
    r"(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{4}[./-]\d{1,2}[./-]\d{1,2})"
    r"(?:[ ]\d{1,2}(?:[.]\d{2})?)?"
)
_TIMES = re.compile(r"[0-2]?\d[.][0-5]\d ?[-–] ?[0-2]?\d[.][0-5]\d")
_MOST_PHONE_DIGITS = 15
_CURRENCY_BEFORE = re.compile(
    r"(?:[$€£¥₫₹฿₩₱₽₺৳₦₨元円원บาท]"
    r"|\b(?:rp|rm|usd|idr|vnd|php|thb|inr|rs|tk|kes|tzs|tsh|ksh|eur))\.? ?$",
    re.IGNORECASE,
)
_CURRENCY_AFTER = re.compile(
    r" ?(?:[$€£¥₫₹฿₩₱₽₺৳₦đ%]"
    r"|(?:usd|usdt|btc|eth|vnd|vnđ|idr|php|thb|baht|inr|rs|tk|kes|tzs|tsh|ksh|eur|euro|dong|đồng|triệu"
    r"|tr|nghìn|ribu|juta|rb|jt|won|yen|rub|tl|lira|rupee|rupees|taka|shilingi|riel|kyat|ks)\b"
    r"|[元円원块萬万億亿]|บาท|руб|টাকা|रुपये|ரூபாய்|روپے|ریال|تومان|ريال|ကျပ်|រៀល)",
    re.IGNORECASE,
)
# A token can reveal what the replaced text hid, such as the handle in "1234567@name".
_TOUCHING = re.compile(r"\][.(+-]*[\w@]|\[(?<=[\w@]\[)")
# And it can separate a joiner or an accent from its letter.
_STRANDED = re.compile("\\][\u0300-\u036f\u200b-\u200d]|\\[(?<=[\u0300-\u036f\u200b]\\[)")
_MOST_PASSES = 4


def mask(text: Text) -> Text:
    """Return the text with [email], [handle], [phone], [account], [number] and [link ...] tokens.

    A link's token has its shape: shortener, address or named host, number of labels, digits, path,
    query. Amounts, dates, times and short codes are kept.
    """
    return _settled(_mask_once, text, _TOUCHING)


def find_links(text: str) -> list[tuple[int, int]]:
    """Return start and end of the links of a folded text, without the punctuation after them."""
    if "://" not in text and not ("." in text and _INSIDE_LINK.search(text)):
        return []
    found = ((match.start(), match[0].rstrip(_AFTER_LINK)) for match in _LINK.finditer(text))
    return [(start, start + len(link)) for start, link in found]


def _settled(step: Callable[[Text], Text], text: Text, unsettled: re.Pattern[str]) -> Text:
    for _ in range(_MOST_PASSES):
        before, text = text, step(text)
        if text == before or not unsettled.search(text):
            break
    return text


def _mask_once(text: Text) -> Text:
    if "@" in text or ("at" in text and _AT.search(text)):
        text = substitute(_EMAIL, "[email]", text)
    if "://" in text or ("." in text and _INSIDE_LINK.search(text)):
        text = substitute(_LINK, _link_shape, text)
    if "@" in text:
        text = substitute(_HANDLE, lambda match: "[handle]" * match[0].count("@"), text)
    return substitute(_NUMBER, _number_token, text) if _SEVEN_DIGITS.search(text) else text


def _link_shape(match: re.Match[str]) -> str:
    link = match[0].rstrip(_AFTER_LINK)
    end = match[0][len(link) :]
    bare = re.sub(r"^(?:h(?:tt|xx)ps?|ftp)(?:://|:\\\\|\[:\]//)", "", link, flags=re.IGNORECASE)
    bare = re.sub(r"\[\.\]|\(\.\)", ".", bare)
    host, rest = re.match(r"([^/?#:]*)(.*)", bare, re.DOTALL).groups()  # type: ignore[union-attr]
    host = host.lower().removeprefix("www.")
    labels = host.count(".") + 1
    if re.fullmatch(r"(?:\d{1,3}\.){3}\d{1,3}", host):
        shape = ["ip"]
    elif host in SHORTENERS:
        shape = ["short"]
    else:
        shape = ["host", str(min(labels, 4))] + (
            ["digits"] if any(c.isdigit() for c in host) else []
        )
    if len(rest.partition("?")[0].strip("/#:")) > 0:
        shape.append("path")
    if "?" in rest:
        shape.append("query")
    return f"[link {' '.join(shape)}]{end}"


def _number_token(match: re.Match[str]) -> str:
    found = match[0]
    if _TIMES.fullmatch(found):
        return found
    digits = sum(character.isdigit() for character in found)
    if digits < 7 or _GROUPED_AMOUNT.fullmatch(found) or _DATE.fullmatch(found):
        return found
    text = match.string
    if _CURRENCY_BEFORE.search(text[max(0, match.start() - 6) : match.start()]):
        return found
    if _CURRENCY_AFTER.match(text, match.end()):
        return found
    body = found.lstrip("+( ")
    if digits <= _MOST_PHONE_DIGITS:
        if found.startswith("+") or body.startswith("0") or _separated(found):
            return "[number]" if "/" in found else "[phone]"
        if unicodedata.digit(found.lstrip("( ")[0], -1) == 0:
            return "[phone]"
    return "[account]" if digits >= 10 else "[number]"


def _separated(number: str) -> bool:
    groups = re.split(r"[^\d]+", number.strip())
    return len(groups) > 1 and len("".join(groups)) <= 12


def normalise(text: Text) -> Text:
    """Return the form of the text that a model sees: folded, then masked. Can be empty."""
    return _settled(lambda text: strip(mask(fold(text))), text, _STRANDED)
