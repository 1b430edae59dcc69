"""The word lists of the rewriter by rules: openers, fillers, synonyms, chat spellings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from scamdetect.errors import InputError
from scamdetect.system.typed import Table, read_toml

FOLDER = Path(__file__).with_name("words")
# Links, addresses, handles, tokens such as [link] and the markers of a dialogue.
KEPT = (
    r"https?://\S+|\S+@\S+|@\w+|\[[^\]\n]{1,40}\]|[\w-]+(?:\.[\w-]+)+(?:[/:?#]\S*)?|(?m:^)[A-J]: "
)
ENDS = ".!?…。！？؟।॥။៕។۔"
PAUSES = ",،，、;؛：:"
DROPPED, DROPPED_CAPITAL = "\ue000", "\ue001"  # in place of a word, until the blanks are tidied

Pair = tuple[str, str]

_SCRIPTS = {
    "Arab": "\u0600-\u06ff",
    "Beng": "\u0980-\u09ff",
    "Cyrl": "\u0400-\u04ff",
    "Deva": "\u0900-\u097f",
    "Hans": "\u3400-\u9fff",
    "Jpan": "\u3040-\u30ff\u3400-\u9fff",
    "Khmr": "\u1780-\u17ff",
    "Kore": "\uac00-\ud7a3",
    "Latn": "A-Za-z\u00c0-\u024f\u1e00-\u1eff",
    "Mymr": "\u1000-\u109f",
    "Taml": "\u0b80-\u0bff",
    "Thai": "\u0e00-\u0e7f",
}
_WITHOUT_BLANKS = frozenset({"Hans", "Hant", "Jpan", "Khmr", "Mymr", "Thai"})
# Letters written differently in Hong Kong and Taiwan, each in nearly any message.
_HANT = re.compile("[們個這說時來為會過還對沒後嗎麼請謝電給點話開關帳號錢買賣嘅咗喺唔啲]")
_HANS = re.compile("[们个这说时来为会过还对没后吗么请谢电给点话开关帐账号钱买卖]")
_MARKS = "".join(
    chr(code) for code in range(0x300, 0x1800) if unicodedata.category(chr(code))[0] == "M"
)
_IN_WORD = rf"\w{_MARKS}\u200c\u200d"
_BEFORE_WORD = rf"(?<![{_IN_WORD}])(?<![{_IN_WORD}]['’-])"
_AFTER_WORD = rf"(?![{_IN_WORD}]|['’-]\w)"
# A vowel sign of the letter before it must not be cut off, nor a consonant that closes the syllable
# (Burmese), and a vowel written before its consonant must not remain (Thai).
_BEFORE_PIECE = "(?<![\u0e40-\u0e44])"
_AFTER_PIECE = rf"(?![{_MARKS}\u0e30-\u0e33\u0e45]|[\u1000-\u1021][\u1037]?[\u103a\u1039]|[ー〜～])"
# A particle of these scripts ends a phrase; followed by a letter, it is part of another word.
_INSIDE_PHRASE = re.compile("[\u0e00-\u0e7f][\u0e01-\u0e5b]|[\u1000-\u109f][\u1000-\u103f]")


class Words(Table, frozen=True):
    """The words of a language in one script; in a pair, the first is the longer or the slang one.

    Chosen so that a change breaks no inflection: adverbs, set phrases, connectives, chat spellings.
    """

    stop: str  # the full stop
    friendly_openers: tuple[str, ...]
    friendly_closers: tuple[str, ...]
    formal_openers: tuple[str, ...]
    formal_closers: tuple[str, ...]
    leads: tuple[str, ...]  # "just so you know,": go before nearly any message
    greetings: tuple[str, ...]  # a message that starts with one needs no opener
    closings: tuple[str, ...]  # a message that ends with one needs no closer
    fillers: tuple[str, ...]  # can be dropped anywhere
    informal: tuple[str, ...]  # laughter and the like, dropped in formal writing
    shortened: tuple[Pair, ...]  # long and short, good in both directions
    cut: tuple[Pair, ...]  # only from long to short
    spelt: tuple[Pair, ...]  # only from slang to standard
    swapped: tuple[Pair, ...]  # each can replace the other
    rephrased: tuple[Pair, ...]  # the second can replace the first
    clauses: tuple[Pair, ...] = ()  # "if" and its "then": the clause may follow what depends on it

    @property
    def shorter(self) -> dict[str, str]:
        """Return the pairs that shorten."""
        return dict((*self.shortened, *self.cut, *((word, "") for word in self.fillers)))

    @property
    def more_formal(self) -> dict[str, str]:
        """Return the pairs that make a text formal."""
        long = ((short, long) for long, short in self.shortened)
        return dict((*long, *self.spelt, *((word, "") for word in self.informal)))

    @property
    def paraphrased(self) -> dict[str, str]:
        """Return the pairs of equal meaning."""
        return dict((*self.swapped, *((b, a) for a, b in self.swapped), *self.rephrased))


def words_of(lang: str, script: str) -> Words:
    """Return the words of the language in the script.

    Raises InputError for a language or a script without words, and for a malformed file.
    """
    by_script = _read(lang)
    if script not in by_script:
        raise InputError(f"{lang} has no words in {script!r}; known: {' '.join(by_script)}")
    return by_script[script]


def scripts_of(lang: str) -> tuple[str, ...]:
    """Return the scripts that the language has words in; raise InputError as words_of does."""
    return tuple(_read(lang))


@cache
def _read(lang: str) -> dict[str, Words]:
    path = FOLDER / f"{lang}.toml"
    if not path.is_file():
        known = " ".join(sorted(path.stem for path in FOLDER.glob("*.toml")))
        raise InputError(f"no rules rewrite the language {lang!r}; known: {known}")
    by_script = read_toml(path, dict[str, Words], InputError)
    for script, words in by_script.items():
        for problem in find_problems(words):
            raise InputError(f"{path.name}: {script}: {problem}")
    return by_script


def script_of(text: str, among: tuple[str, ...]) -> str:
    """Return the script of most letters of the text."""
    if set(among) == {"Hans", "Hant"}:
        return "Hant" if len(_HANT.findall(text)) > len(_HANS.findall(text)) else "Hans"
    return max(among, key=lambda script: len(re.findall(f"[{_SCRIPTS[script]}]", text)))


def find_problems(words: Words) -> Iterator[str]:
    """Return the problems of the words: contradictions, digits, "short" that is longer."""
    maps = {
        "shorter": (*words.shortened, *words.cut, *((word, "") for word in words.fillers)),
        "more_formal": (
            *((short, long) for long, short in words.shortened),
            *words.spelt,
            *((word, "") for word in words.informal),
        ),
        "paraphrase": (*words.swapped, *((b, a) for a, b in words.swapped), *words.rephrased),
    }
    for change, pairs in maps.items():
        seen: set[str] = set()
        for word, other in pairs:
            if folded(word) in seen:
                yield f"{change} has {word!r} twice; keep one"
            seen.add(folded(word))
            if folded(word) == folded(other):
                yield f"{change} changes {word!r} into itself"
            if not word or any(character.isdigit() for character in word + other):
                yield f"{change}: {word!r} to {other!r} is empty or holds a digit"
            if change == "shorter" and len(other) > len(word):
                yield f"{change} makes {word!r} longer, {other!r}"
        if change != "paraphrase":
            for word, other in pairs:
                if folded(other) in seen:
                    yield f"{change} changes {word!r} into {other!r}, and that into something else"


def folded(word: str) -> str:
    """Return the look-up form of a word: in any case, with either apostrophe, Turkish i or not."""
    return word.replace("’", "'").replace("İ", "i").replace("ı", "i").lower()


def substitution(
    replacements: Mapping[str, str], lang: str, *, blanks: bool
) -> Callable[[str], str]:
    """Return a function that replaces the first by the second, whole words, in one pass.

    Case follows the text. Dropped words leave a mark (DROPPED) that ``tidied`` removes.
    """
    by_word = {folded(word): (word, other) for word, other in replacements.items()}
    # Text that already has the changed form is kept: "danke" in "vielen Dank" must not become
    # "vielen vielen Dank".
    for word, other in replacements.items():
        if folded(word) in folded(other):
            by_word.setdefault(folded(other), (other, other))
    pattern = re.compile(f"(?P<kept>{KEPT})|{_any_of(by_word, blanks=blanks)}", re.IGNORECASE)

    def changed(match: re.Match[str]) -> str:
        if match["kept"]:
            return match[0]
        word, other = by_word[folded(match[0])]
        if not other and _INSIDE_PHRASE.match(match.string, match.end() - 1):
            return match[0]
        capital = match[0][0].isupper() and not word[0].isupper()
        if not other:
            return DROPPED_CAPITAL if capital else DROPPED
        if other == word:
            return match[0]
        if capital and len(match[0]) > 2 and match[0].isupper():
            return in_capitals(other, lang)
        return capitalised(other, lang) if capital else other

    return lambda text: pattern.sub(changed, text)


def at_start(words: Iterable[str], *, blanks: bool) -> re.Pattern[str]:
    """Return a pattern for one of the words at the start of a text."""
    return re.compile(rf"\s*¡?{_any_of(words, blanks=blanks)}", re.IGNORECASE)


def near_end(words: Iterable[str], *, blanks: bool) -> re.Pattern[str]:
    """Return a pattern for one of the words as a separate sentence at the end of a text.

    Marks and emoji may follow it.
    """
    before = rf"(?:\A|[^{_IN_WORD}\s'’-]\s*|\n\s*)" if blanks else rf"(?:\A|[^{_IN_WORD}])"
    return re.compile(
        rf"{before}¡?(?P<closing>{_any_of(words, blanks=blanks)})[^{_IN_WORD}]*\Z", re.IGNORECASE
    )


def _any_of(words: Iterable[str], *, blanks: bool) -> str:
    spelt = [re.escape(word).replace("'", "['’]") for word in sorted(words, key=len, reverse=True)]
    if not blanks:
        return f"{_BEFORE_PIECE}(?:{'|'.join(spelt)}){_AFTER_PIECE}"
    # Next to a number, one or two letters may be a unit rather than an abbreviation. A phrase that
    # ends in a comma ("well,") is expected at the start of a sentence or clause.
    begin = [word for word in spelt if word[-1] in PAUSES]
    short = [word for word in spelt if len(word) < 3 and word not in begin]
    long = [word for word in spelt if len(word) > 2 and word not in begin]
    groups = [f"(?:{'|'.join(long)})"] if long else []
    groups += [rf"(?<!\d )(?:{'|'.join(short)})(?! ?\d)"] if short else []
    groups += [rf"(?:(?<=\A)|(?<=\n)|(?<=[{ENDS}{PAUSES}] ))(?:{'|'.join(begin)})"] if begin else []
    return f"{_BEFORE_WORD}(?:{'|'.join(groups)}){_AFTER_WORD}"


def has_blanks(script: str) -> bool:
    """Return True if blanks separate the words of the script."""
    return script not in _WITHOUT_BLANKS


def capitalised(text: str, lang: str) -> str:
    """Return the text with a capital first letter."""
    return in_capitals(text[:1], lang) + text[1:]


def in_capitals(text: str, lang: str) -> str:
    """Return the text in capitals; Turkish has two letters i."""
    return (text.replace("i", "İ") if lang == "tr" else text).upper()
