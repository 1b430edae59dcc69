"""Find out which encoding a text file is in where nobody says so, NUL-ended text included."""

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

# The bytes of ``hi`` are one Chinese letter in UTF-16, and a NUL with a newline is a newline there.


_ODD_BYTES = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DAMAGE = 0.01  # of the bytes
_ENDS = re.compile(rb'\0(?=[\0\r\n,;\t"]|\Z)')
_NEWLINE = re.compile(rb"\0\r?\n")
_FULL = 0.9  # of one half of the bytes: then it is the upper half of Latin letters
_MISPLACED = 0.1
_STRANGE = 0.02  # of the characters
_CHANCE = 1e-3
# How often both bytes of a letter of UTF-16 are those of printable 8-bit text, measured over the
# letters of the script, and how often a letter of a text is none of the usual ones.
_KANA, _OTHERS, _RARE = 0.7, 0.37, 0.05
# The two-byte encodings put the usual letters first.
_USUAL = {"gb2312": 0xD7, "big5": 0xC6, "cp932": 0x98, "euc-kr": 0xFD}


def is_nul_ended(head: bytes, name: str) -> bool | None:
    """Tell whether the beginning of a file is 8-bit text with NULs, and not in ``name``.

    ``name`` is the encoding of two or four bytes a unit that it may be in. None if that cannot be
    told. 8-bit text that is not mostly UTF-8 is not looked for.
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
    # In UTF-16 the NULs stand before any letter, not only before the end of a line or cell.
    return False if len(_ENDS.findall(head)) * 2 < head.count(b"\0") else None


def _is_strange(letter: str) -> bool:
    """Tell whether no text has the character: it is unassigned, private or half a surrogate."""
    return letter == "\ufffd" or unicodedata.category(letter) in ("Cn", "Co", "Cs")


def _chance(letter: str) -> float:
    """Return how likely a letter of a text in UTF-16 is one that looks like 8-bit text."""
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

# The mark of UTF-32 begins with that of UTF-16.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
# What spreadsheets and exports of the last decades write, in the widest form; of several that read
# a text equally well the first counts.
_WESTERN = ("cp1252", "iso8859-15", "mac-roman", "cp850", "cp437")
_CANDIDATES = (
    *_WESTERN,
    "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874",
    "iso8859-2", "iso8859-5", "iso8859-7", "koi8-r", "koi8-u", "cp866",
    "gb18030", "big5hkscs", "cp932", "cp949", "euc_jis_2004",
)  # fmt: skip
_FEW_LINES = 3  # fewer that are not UTF-8 are damage, unless they are most of the file
_MIXED = 10  # more than a tenth as many sound lines of UTF-8: then the file is in no one encoding
_SAMPLE_BYTES = 256 << 10
_CHUNKS = 10
_CHUNK_LINES = 10
_SOUND_CHUNKS = 0.6
# Measured on authored messages of 13 languages, three lines a file: above either bar all answers
# were right but some on English, with hardly a sign beyond ASCII, in the old Macintosh encoding.
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
_FEW_CONTROLS = 10  # bytes of text in UTF-8 a control; half the bytes of UTF-16 look like one
_CONTROL_BYTES = re.compile(rb"[\x00-\x1f]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
# Letters of the Windows code pages; in ISO 8859 controls, which decode and which no text holds.
_NOT_ISO = re.compile(rb"[\x80-\x9f]")
_ISO_DAMAGE = 0.01  # of the lines


@dataclass(frozen=True)
class Encoding:
    """A codec's usual name, and what to tell of it where nobody named it."""

    name: str
    note: str | None = None


def text_encoding(path: Path, given: str | None = None) -> Encoding:
    """Return the encoding that is given, or that the first MiB of the file is in.

    A file with some lines that are not UTF-8 stays UTF-8; one whose lines are of another encoding
    is in that. Raises InputError where it cannot be told, with the guesses.
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
            f"{path}: its short lines end in NUL bytes, so that it may be 8-bit text or {wide}; "
            f"say with --encoding which it is, such as utf-8 or {wide}"
        )
    if wide is not None and not nul_ended:
        return Encoding(wide, _note(wide, "detected"))
    lines = head.split(b"\n")
    if len(head) == HEAD_BYTES and len(lines) > 1:  # the last one may be cut off
        lines.pop()
    return _of_lines([line for line in lines if line.strip()], path)


def _of_lines(lines: list[bytes], path: Path) -> Encoding:
    foreign = [line for line in lines if not _decodes(line, "utf-8")]
    records = len(lines) - 1  # without the names of columns
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
            f"{path}: not in UTF-8, nor surely in another encoding{perhaps}; say with --encoding "
            "which it is"
        )
    share = f"{len(foreign):,} of the first {len(lines):,} lines are not"
    return Encoding("utf-8", f"read as utf-8, which {share}{perhaps}; --encoding overrides")


def shown(name: str) -> str:
    """Return the name of a codec as most programs call the encoding; Python knows it too."""
    return re.sub(r"^cp(?=125\d$)", "windows-", name)


def _note(name: str, why: str) -> str:
    return f"read as {shown(name)} ({why}); --encoding overrides"


def _wide(head: bytes) -> str | None:
    """Return the encoding of two or four bytes a unit without a mark, None where it is none."""
    # A file of short lines or some damage has many controls, but its first line has not.
    first = head.split(b"\n", 1)[0].rstrip(b"\r")
    if _is_mostly_utf8([head]) and (_has_few_controls(head) or _has_few_controls(first)):
        return None
    found = {name: _separators(head, name) for name in _WIDE}
    (best, most), (_, second) = Counter(found).most_common(2)
    return best if most and most > _FAR_MORE * second else None


def _has_few_controls(raw: bytes) -> bool:
    return len(_CONTROL_BYTES.findall(raw)) * _FEW_CONTROLS < len(raw)


def _separators(head: bytes, name: str) -> int:
    """Return how many signs between words and cells the text would have; 0 where it is none.

    In the other byte order they are letters that hardly anybody writes.
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
    """Tell whether most characters beyond ASCII are UTF-8, so that the others are damage."""
    texts = [line.decode("utf-8", "replace") for line in lines]
    bad = sum(text.count("\ufffd") for text in texts)
    beyond = sum(len(text) - len(text.encode("ascii", "ignore")) for text in texts)
    return bad * 2 <= beyond


def _sample(lines: list[bytes]) -> list[bytes]:
    """Return up to ten chunks of the lines, so that damage in one spoils no other."""
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
    """Return encodings with the mean confidence in them, the most likely first.

    The mean is that of the chunks that it decodes, which most must be.
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
    """Return the guesses, reordered where chardet hardly tells apart what reads Western text.

    Of English it knows the letters alone, and what differs there is quotes, dashes and currencies.
    """
    near = [one for one in guesses if one[1] >= _NEAR * guesses[0][1] and one[0] in _WESTERN]
    if len(near) < 2 or guesses[0] not in near:
        return guesses
    raw = b"\n".join(sample)
    near.sort(key=lambda one: _oddities(raw.decode(one[0], "replace")))
    return near + [one for one in guesses if one not in near]


def _oddities(text: str) -> int:
    """Return how many signs beyond ASCII stand where no Western text has them."""
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
