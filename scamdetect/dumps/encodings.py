"""Detect the encoding of a text file, including NUL-terminated text."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from statistics import fmean

from scamdetect.dumps.lines import beginning, check_encoding
from scamdetect.errors import InputError

# The bytes of ``hi`` are one Chinese letter in UTF-16, where a NUL and a newline are a newline.


_ODD_BYTES = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DAMAGE = 0.01  # of the bytes
_ENDS = re.compile(rb'\0(?=[\0\r\n,;\t"]|\Z)')
_NEWLINE = re.compile(rb"\0\r?\n")
_FULL = 0.9  # of one half of the bytes, which then is the upper half of Latin letters
_MISPLACED = 0.1
_STRANGE = 0.02  # of the characters
_CHANCE = 1e-3
# How often both bytes of a UTF-16 letter look like printable 8-bit text, measured over the letters
# of the script, and how often a letter of a text is an unusual one.
_KANA, _OTHERS, _RARE = 0.7, 0.37, 0.05
# The two-byte encodings put the usual letters first.
_USUAL = {"gb2312": 0xD7, "big5": 0xC6, "cp932": 0x98, "euc-kr": 0xFD}


def is_nul_ended(head: bytes, name: str) -> bool | None:
    """Return True if a file starts with NUL-terminated 8-bit text rather than text in ``name``.

    ``name`` is the possible encoding of two or four bytes per unit. Return None if undecidable.
    Only 8-bit text that is mostly UTF-8 is considered.
    """
    if not name.startswith("utf-16"):
        return False
    rest = head.replace(b"\0", b"")
    text = rest.decode("utf-8", "replace")
    damage = text.count("\ufffd") + len(_ODD_BYTES.findall(rest))
    if damage > _DAMAGE * len(rest):
        return False
    if max(head[half::2].count(0) for half in (0, 1)) >= _FULL * (len(head) // 2):
        return False
    newlines = [found.start() % 2 for found in _NEWLINE.finditer(head)]
    if name == "utf-16-be" and sum(newlines) > _MISPLACED * len(newlines):
        return True
    letters = Counter(codecs.getincrementaldecoder(name)("replace").decode(head))
    strange = sum(count for letter, count in letters.items() if _is_strange(letter))
    if strange > _STRANGE * letters.total():
        return True
    chance = prod(map(_chance, (letter for letter in letters if letter > "\x7f")))
    if chance < _CHANCE:
        return True
    # In UTF-16 NULs precede any letter, not only the end of a line or cell.
    return False if len(_ENDS.findall(head)) * 2 < head.count(b"\0") else None


def _is_strange(letter: str) -> bool:
    """Return True if the character occurs in no text: unassigned, private or a surrogate."""
    return letter == "\ufffd" or unicodedata.category(letter) in ("Cn", "Co", "Cs")


def _chance(letter: str) -> float:
    """Return the probability that a UTF-16 letter looks like 8-bit text."""
    looks = _KANA if "\u3040" <= letter <= "\u30ff" else _OTHERS
    return looks if _is_usual(letter) else looks * _RARE


def _is_usual(letter: str) -> bool:
    for name, last in _USUAL.items():
        try:
            raw = letter.encode(name)
        except UnicodeEncodeError:
            continue
        if raw[0] <= last:
            return True
    return False


HEAD_BYTES = 1 << 20

# The byte-order mark of UTF-32 starts with that of UTF-16.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
# Encodings that spreadsheets and exports wrote in the last decades, each in its widest variant; the
# first of several equally good ones is used.
_WESTERN = ("cp1252", "iso8859-15", "mac-roman", "cp850", "cp437")
_CANDIDATES = (
    *_WESTERN,
    "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874",
    "iso8859-2", "iso8859-5", "iso8859-7", "koi8-r", "koi8-u", "cp866",
    "gb18030", "big5hkscs", "cp932", "cp949", "euc_jis_2004",
)  # fmt: skip
_FEW_LINES = 3  # fewer lines that are not UTF-8 count as damage, unless they are most of the file
_MIXED = 10  # more than a tenth as many intact lines of UTF-8: the file has several encodings
_SAMPLE_BYTES = 256 << 10
_CHUNKS = 10
_CHUNK_LINES = 10
_SOUND_CHUNKS = 0.6
# Measured on authored messages of 13 languages, three lines per file: above either threshold all
# answers were right, except some for English with few characters beyond ASCII, in the old Macintosh
# encoding.
_CONFIDENT = 0.2
_AHEAD = 3
_DECODABLE = 0.9
_NEAR = 0.9
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_WITHIN_WORDS = "’‘…–—·\xad"
_WORDS = "àáâèéêìíòóôùúåäöæø"  # words of one letter
_BOXES = ("\u2500", "\u259f")
_SEPARATORS = '\n\t ,;"，。、'
_MOST_LETTERS = 200  # a separator
_FAR_MORE = 4
_FEW_CONTROLS = (
    10  # bytes of a UTF-8 text per control character; half the bytes of UTF-16 look like controls
)
_CONTROL_BYTES = re.compile(rb"[\x00-\x1f]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
# Letters of the Windows code pages; in ISO 8859 they decode to controls, which no text contains.
_NOT_ISO = re.compile(rb"[\x80-\x9f]")
_ISO_DAMAGE = 0.01  # of the lines


@dataclass(frozen=True)
class Encoding:
    """The usual name of a codec, and a note if it was detected."""

    name: str
    note: str | None = None


def text_encoding(path: Path, given: str | None = None) -> Encoding:
    """Return the given encoding, or detect that of the first MiB of the file.

    A file with a few lines that are not UTF-8 is still read as UTF-8; one whose lines are mostly in
    another encoding is read in that. Raises InputError, with the guesses, if it is uncertain.
    """
    if given is not None:
        return Encoding(check_encoding(given))
    head = beginning(path, HEAD_BYTES)
    for bom, name in _BOMS:
        if head.startswith(bom):
            return Encoding(name, None if name == "utf-8" else _note(name, "its byte-order mark"))
    wide = _wide(head) if b"\0" in head else None
    nul_ended = wide is not None and is_nul_ended(head, wide)
    if nul_ended is None:
        raise InputError(
            f"{path}: its short lines end in NUL bytes, so it may be 8-bit text or {wide}; pass "
            f"--encoding, such as utf-8 or {wide}"
        )
    if wide is not None and not nul_ended:
        return Encoding(wide, _note(wide, "detected"))
    lines = head.split(b"\n")
    if len(head) == HEAD_BYTES and len(lines) > 1:  # the last line may be incomplete
        lines.pop()
    return _of_lines([line for line in lines if line.strip()], path)


def _of_lines(lines: list[bytes], path: Path) -> Encoding:
    foreign = [line for line in lines if not _decodes(line, "utf-8")]
    records = len(lines) - 1  # without the header
    if len(foreign) < _FEW_LINES and len(foreign) * 2 < records:
        return Encoding("utf-8")
    sound = sum(not line.isascii() for line in lines) - len(foreign)
    if sound * _MIXED > len(foreign) or _is_mostly_utf8(foreign):
        return Encoding("utf-8")
    sample = _sample(foreign)
    guesses = _guesses(sample, _candidates(foreign))
    if guesses and _is_sure(guesses, sample) and _fits(guesses[0][0], foreign):
        name = guesses[0][0]
        return Encoding(name, _note(name, "detected"))
    names = ", ".join(shown(name) for name, _ in guesses[:3])
    perhaps = f" (perhaps {names})" if names else ""
    if len(foreign) * 2 > len(lines):
        raise InputError(
            f"{path}: not UTF-8, and its encoding is uncertain{perhaps}; pass --encoding"
        )
    share = f"{len(foreign):,} of the first {len(lines):,} lines are not"
    return Encoding("utf-8", f"read as utf-8, but {share}{perhaps}; --encoding overrides")


def shown(name: str) -> str:
    """Return the usual name of a codec; Python accepts it too."""
    return re.sub(r"^cp(?=125\d$)", "windows-", name)


def _note(name: str, why: str) -> str:
    return f"read as {shown(name)} ({why}); --encoding overrides"


def _wide(head: bytes) -> str | None:
    """Return the encoding of two or four bytes per unit without a byte-order mark, or None."""
    # A file of short or damaged lines has many controls, but its first line has few.
    first = head.split(b"\n", 1)[0].rstrip(b"\r")
    if _is_mostly_utf8([head]) and (_has_few_controls(head) or _has_few_controls(first)):
        return None
    found = {name: _separators(head, name) for name in _WIDE}
    (best, most), (_, second) = Counter(found).most_common(2)
    return best if most and most > _FAR_MORE * second else None


def _has_few_controls(raw: bytes) -> bool:
    return len(_CONTROL_BYTES.findall(raw)) * _FEW_CONTROLS < len(raw)


def _separators(head: bytes, name: str) -> int:
    """Return how many delimiters the text would have in this encoding; 0 if it is not a text.

    In the other byte order they are rare letters.
    """
    try:
        text = codecs.getincrementaldecoder(name)().decode(head)
    except UnicodeDecodeError:
        return 0
    count = sum(map(text.count, _SEPARATORS))
    odd = len(_CONTROLS.findall(text))
    return count if count * _MOST_LETTERS > len(text) > odd * 100 else 0


def _decodes(raw: bytes, name: str) -> bool:
    try:
        raw.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _is_mostly_utf8(lines: Sequence[bytes]) -> bool:
    """Return True if most characters beyond ASCII are UTF-8, so the others are damage."""
    texts = [line.decode("utf-8", "replace") for line in lines]
    bad = sum(text.count("\ufffd") for text in texts)
    beyond = sum(len(text) - len(text.encode("ascii", "ignore")) for text in texts)
    return bad * 2 <= beyond


def _sample(lines: list[bytes]) -> list[bytes]:
    """Return up to ten chunks of the lines, so that damage affects only one of them."""
    size, count = 0, 0
    while count < len(lines) and size < _SAMPLE_BYTES:
        size += len(lines[count])
        count += 1
    chunks = max(1, min(_CHUNKS, count // _CHUNK_LINES))
    borders = [count * place // chunks for place in range(chunks + 1)]
    return [b"\n".join(lines[a:b]) for a, b in zip(borders, borders[1:], strict=False)]


def _candidates(foreign: Sequence[bytes]) -> list[str]:
    windows = sum(_NOT_ISO.search(line) is not None for line in foreign)
    iso = windows <= _ISO_DAMAGE * len(foreign)
    return [name for name in _CANDIDATES if iso or not name.startswith("iso")]


def _guesses(sample: Sequence[bytes], candidates: Sequence[str]) -> list[tuple[str, float]]:
    """Return encodings with their mean confidence, most likely first.

    The mean is over the chunks that the encoding decodes, which must be most.
    """
    import chardet

    found: dict[str, list[float]] = {}
    for chunk in sample:
        for guess in chardet.detect_all(
            chunk,
            ignore_threshold=True,
            prefer_superset=True,
            compat_names=False,
            include_encodings=candidates,
            no_match_encoding=candidates[0],
        ):
            name = guess["encoding"]
            if name is not None and _decodes(chunk, name):
                found.setdefault(codecs.lookup(name).name, []).append(guess["confidence"])
    means = {
        name: fmean(values)
        for name, values in found.items()
        if len(values) >= _SOUND_CHUNKS * len(sample)
    }
    order = [codecs.lookup(name).name for name in _CANDIDATES]
    return _likeliest_western_first(
        sorted(means.items(), key=lambda one: (-round(one[1], 3), order.index(one[0]))), sample
    )


def _likeliest_western_first(
    guesses: list[tuple[str, float]], sample: Sequence[bytes]
) -> list[tuple[str, float]]:
    """Return the guesses, reordered if chardet cannot distinguish Western encodings.

    It knows only the letters of English; the encodings differ in quotes, dashes and currencies.
    """
    near = [one for one in guesses if one[1] >= _NEAR * guesses[0][1] and one[0] in _WESTERN]
    if len(near) < 2 or guesses[0] not in near:
        return guesses
    raw = b"\n".join(sample)
    near.sort(key=lambda one: _oddities(raw.decode(one[0], "replace")))
    return near + [one for one in guesses if one not in near]


def _oddities(text: str) -> int:
    """Return how many characters beyond ASCII are where Western text has none."""
    return sum(
        _is_odd(sign[0], text[sign.start() - 1 : sign.start()], text[sign.end() : sign.end() + 1])
        for sign in _BEYOND_ASCII.finditer(text)
    )


def _is_odd(sign: str, before: str, after: str) -> bool:
    if not sign.isalpha():
        within = before.islower() and after.islower() and sign not in _WITHIN_WORDS
        return within or _BOXES[0] <= sign <= _BOXES[1]
    alone = not before.isalpha() and not after.isalpha() and sign.lower() not in _WORDS
    return alone or before.isdigit() or after.isdigit() or (sign.isupper() and before.islower())


def _is_sure(guesses: Sequence[tuple[str, float]], sample: Sequence[bytes]) -> bool:
    best, confidence = guesses[0]
    if confidence >= _CONFIDENT:
        return True
    raw = b"\n".join(sample)
    text = raw.decode(best, "replace")
    rivals = (other for name, other in guesses[1:] if raw.decode(name, "replace") != text)
    return confidence >= _AHEAD * next(rivals, 0.0)


def _fits(name: str, foreign: Sequence[bytes]) -> bool:
    return sum(_decodes(line, name) for line in foreign) >= _DECODABLE * len(foreign)
