"""Evasions: disguises of a message that readers can still read.

Seeded, composable and label-preserving, for training and for the benchmark. Each takes a text, a
generator and the share of its words to disguise; evasions that change a link or a whole script
change all of it. A disguise on honest text is not evidence, so perturb both classes alike.
"""

from __future__ import annotations

import importlib
import importlib.util
import random
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from scamdetect.errors import InputError, MissingExtraError
from scamdetect.train.romanise import romanise

Perturbation = Callable[[str, random.Random, float], str]

# Links, addresses, handles, the normaliser's tokens and the markers of a dialogue are kept.
_PROTECTED = re.compile(
    r"https?://\S+|\S+@\S+|@\w+|\[[^\]\n]{1,40}\]|[\w-]+(?:\.[\w-]+)+(?:/\S*)?|^[A-J]: ",
    re.MULTILINE,
)
_SCHEME = re.compile("https?://", re.IGNORECASE)
_LINK = re.compile(
    r"(?<![\w@.-])(?:https?://)?(?:[\w-]+\.)+[a-z]{2,}(?![\w.-]*@)(?:/\S*)?", re.IGNORECASE
)
_CHINESE = re.compile("[\u3400-\u9fff]")
_NOT_CHINESE = re.compile("[\u3040-\u30ff\uac00-\ud7a3]")
# Vowel signs are not letters for `re`, but parts of words. Scripts without blanks are split into
# pieces of a word's size.
_MARKS = "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd\u0b82\u0bbe-\u0bcd"
_SPACELESS_MARKS = "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u102b-\u103e\u17b6-\u17d3"
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff]{1,2}"
    rf"|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]{{1,5}}[{_SPACELESS_MARKS}]*"
    rf"|(?:[^\W_]|[{_MARKS}])+"
)

_LOOK_ALIKES = str.maketrans("aceopxyijhABEKMHOPCTX", "асеорхуіјһАВЕКМНОРСТХ")
_LATIN_LOOKS = str.maketrans("асеорхуіјАВЕКМНОРСТХ", "aceopxyijABEKMHOPCTX")
_LEET = {
    **{"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "b": "8", "g": "9"},
    **{"о": "0", "з": "3", "ч": "4", "в": "8", "і": "1", "а": "@"},
}
_MATHEMATICAL = (0x1D400, 0x1D434, 0x1D468, 0x1D4D0, 0x1D5A0, 0x1D5D4, 0x1D608, 0x1D670)
_INVISIBLE = "\u200b\u2060\ufeff\u00ad"
_DIRECTIONS = "\u200e\u2066\u2068\u202a"
_CLOSED_BY = {"\u200e": "", "\u2066": "\u2069", "\u2068": "\u2069", "\u202a": "\u202c"}
_KEYCAP = "\ufe0f\u20e3"
_EMOJI_OF = {
    "💰": "money cash dinero plata dinheiro argent geld soldi деньги denaro para pesa pera uang "
    "duit tiền เงิน 钱 錢 お金 돈 पैसा पैसे টাকা பணம் پیسے پیسہ فلوس مال پول ငွေ លុយ",
    "🪙": "bitcoin btc coin crypto usdt биткоин крипта 코인 比特币 เหรียญ",
    "📈": "profit profits ganancia ganancias lucro lucros bénéfices gewinn guadagno guadagni "
    "прибыль доход kâr faida tubo untung keuntungan กำไร 收益 利益 수익 मुनाफा লাভ லாபம் منافع أرباح "
    "سود အမြတ် ចំណេញ",
    "❤️": "love amor amour liebe amore любовь aşk mapenzi mahal cinta kasih yêu รัก 爱 愛 사랑 "
    "प्यार ভালোবাসা காதல் محبت حب عشق အချစ် ស្នេហា",
    "🎁": "gift prize regalo premio presente prêmio cadeau geschenk приз подарок hediye zawadi "
    "hadiah quà ของขวัญ 礼物 禮物 プレゼント 선물 इनाम উপহার பரிசு تحفہ هدية هدیه",
    "📱": "phone teléfono telefone téléphone handy telefono телефон telefon simu telepon โทรศัพท์ "
    "手机 手機 電話 전화 फ़ोन ফোন போன் فون هاتف تلفن",
    "🏦": "bank banco banque banca банк banka benki bangko ธนาคาร 银行 銀行 은행 बैंक ব্যাংক வங்கி بینک "
    "بنك بانک ဘဏ် ធនាគារ",
    "✈️": "telegram телеграм телега 电报 텔레그램",
    "🔥": "hot limited urgent urgente срочно dringend acil ด่วน gấp 紧急 긴급 तुरंत জরুরি عاجل فوری",
}
_EMOJI_WORDS = [
    (emoji, re.compile(rf"(?<![^\W\d_])(?:{words.replace(' ', '|')})(?![^\W\d_])", re.IGNORECASE))
    for emoji, words in _EMOJI_OF.items()
]


def perturb(text: str, names: Sequence[str], seed: int | str, share: float = 0.5) -> str:
    """Return the text under these evasions, applied in order; equal seeds give equal texts.

    ``names`` are keys of PERTURBATIONS; ``share`` of the words is disguised, 0 to 1. A text that an
    evasion cannot change is returned unchanged. Raises InputError.
    """
    if not 0 <= share <= 1:
        raise InputError(f"share {share}: must be between 0 and 1")
    for name in names:
        if name not in PERTURBATIONS:
            raise InputError(f"unknown evasion {name!r}; known: {', '.join(PERTURBATIONS)}")
        text = PERTURBATIONS[name](text, random.Random(f"{name}:{seed}"), share)
    return text


def _by_word(change: Callable[[str, random.Random], str]) -> Perturbation:
    """Return the perturbation that changes a share of the unprotected words."""

    def perturbed(text: str, generator: random.Random, share: float) -> str:
        def changed(match: re.Match[str]) -> str:
            return change(match[0], generator) if generator.random() < share else match[0]

        return _outside(_PROTECTED, text, lambda part: _WORD.sub(changed, part))

    return perturbed


def _outside(pattern: re.Pattern[str], text: str, change: Callable[[str], str]) -> str:
    pieces, place = [], 0
    for match in pattern.finditer(text):
        pieces += [change(text[place : match.start()]), match[0]]
        place = match.end()
    return "".join([*pieces, change(text[place:])])


def _full_width(word: str, generator: random.Random) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in word)


def _mathematical(word: str, generator: random.Random) -> str:
    first = generator.choice(_MATHEMATICAL)
    return "".join(_styled(character, first) for character in word)


def _styled(character: str, first: int) -> str:
    if "A" <= character <= "Z":
        styled = chr(first + ord(character) - ord("A"))
    elif "a" <= character <= "z":
        styled = chr(first + 26 + ord(character) - ord("a"))
    else:
        return character
    # Missing letters of the block, such as italic h, are elsewhere.
    return styled if unicodedata.normalize("NFKC", styled) == character else character


def _homoglyphs(word: str, generator: random.Random) -> str:
    table = _LOOK_ALIKES if word.isascii() else _LATIN_LOOKS
    return "".join(
        c.translate(table) if generator.random() < 0.6 else c for c in word
    )  # fmt: skip


def _zero_width(word: str, generator: random.Random) -> str:
    return _joined(word, lambda: generator.choice(_INVISIBLE) if generator.random() < 0.5 else "")


def _bidi(word: str, generator: random.Random) -> str:
    mark = generator.choice(_DIRECTIONS)
    return f"{mark}{word}{_CLOSED_BY[mark]}"


def _leet(word: str, generator: random.Random) -> str:
    if word.isdecimal():
        return word
    return "".join(
        generator.choice(_LEET[c.lower()]) if c.lower() in _LEET and generator.random() < 0.7 else c
        for c in word
    )


def _spaced(word: str, generator: random.Random) -> str:
    return word if word.isdecimal() else _joined(word, lambda: " ")


def _dotted(word: str, generator: random.Random) -> str:
    mark = generator.choice(".-*_·/")
    return word if word.isdecimal() else _joined(word, lambda: mark)


def _joined(word: str, between: Callable[[], str]) -> str:
    """Return the letters of a word, each with its marks, joined by a separator."""
    clusters: list[str] = []
    for character in word:
        if clusters and (
            unicodedata.category(character)[0] == "M" or clusters[-1][-1] in "\u094d\u09cd"
        ):
            clusters[-1] += character
        else:
            clusters.append(character)
    if len(clusters) > 24 or len(clusters) < 2:  # a run without blanks is not a word
        return word
    return "".join(cluster + between() for cluster in clusters[:-1]) + clusters[-1]


def _emoji(text: str, generator: random.Random, share: float) -> str:
    def substituted(part: str) -> str:
        for emoji, words in _EMOJI_WORDS:
            part = words.sub(lambda m, e=emoji: e if generator.random() < share else m[0], part)  # type: ignore[misc]
        return re.sub(
            r"\d", lambda m: m[0] + _KEYCAP if generator.random() < share / 3 else m[0], part
        )

    return _outside(_PROTECTED, text, substituted)


def _link_tricks(text: str, generator: random.Random, share: float) -> str:
    def changed(match: re.Match[str]) -> str:
        link, trick = match[0], generator.randrange(6)
        head, dot, tail = link.rpartition(".") if "/" not in link else link.partition(".")
        bare = _SCHEME.sub("", link)
        return {
            0: f"hxxps://{bare}",
            1: f"{head}[.]{tail}",
            2: f"{head} . {tail}",
            3: f"{head}(dot){tail}",
            4: f"{head}{dot} {tail}",
            5: f"{head}。{tail}",
        }[trick]

    return _LINK.sub(changed, text)


def _no_diacritics(text: str, generator: random.Random, share: float) -> str:
    return _outside(
        _PROTECTED,
        text,
        lambda part: "".join(_bare(c) for c in unicodedata.normalize("NFC", part)),
    )


def _bare(character: str) -> str:
    if character in "đĐıİłŁøØ":
        return dict(zip("đĐıİłŁøØ", "dDiIlLoO", strict=True))[character]
    if not "\u00c0" <= character <= "\u1eff" or unicodedata.category(character)[0] != "L":
        return "" if "\u0300" <= character <= "\u036f" else character
    plain = unicodedata.normalize("NFD", character)[0]
    return plain if plain.isascii() else character


def _romanised(text: str, generator: random.Random, share: float) -> str:
    return _outside(_PROTECTED, text, romanise)


def _other_chinese(text: str, generator: random.Random, share: float) -> str:
    if not _CHINESE.search(text) or _NOT_CHINESE.search(text):
        return text
    traditional = _converter("s2t").convert(text)
    return str(traditional if traditional != text else _converter("t2s").convert(text))


@cache
def _converter(direction: str) -> Any:  # noqa: ANN401
    if importlib.util.find_spec("opencc") is None:
        raise MissingExtraError("opencc", "train")
    return importlib.import_module("opencc").OpenCC(direction)


PERTURBATIONS: dict[str, Perturbation] = {
    "full_width": _by_word(_full_width),
    "mathematical": _by_word(_mathematical),
    "homoglyphs": _by_word(_homoglyphs),
    "zero_width": _by_word(_zero_width),
    "bidi": _by_word(_bidi),
    "leet": _by_word(_leet),
    "spaced": _by_word(_spaced),
    "dotted": _by_word(_dotted),
    "emoji": _emoji,
    "link_tricks": _link_tricks,
    "no_diacritics": _no_diacritics,
    "romanised": _romanised,
    "other_chinese": _other_chinese,
}
