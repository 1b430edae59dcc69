"""The project's own messages: read and checked row by row, and measures of their form."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from scamdetect.errors import MissingExtraError, SourceError
from scamdetect.labels import Kind, Verdict
from scamdetect.system.files import write_text
from scamdetect.text.normalise import mask
from scamdetect.train.data.registry import Slice
from scamdetect.train.typed import Located, Table, locate_jsonl

try:
    import msgspec
except ImportError as error:
    raise MissingExtraError("msgspec", "train") from error

T = TypeVar("T")
Unit = Literal["words", "characters"]

_TURN = re.compile(r"^[AB]: ", re.MULTILINE)
_RESERVED = re.compile(
    r"(?:https?://)?(?<![\w-])(?:[\w-]+\.)+(?:example|test)(?![\w-])(?:[:/?#][^\s<>\"'，。、）)]*)?"
    r"|\[link\]",
    re.IGNORECASE,
)
_RESERVED_EMAIL = re.compile(r"[\w.+-]+@(?:[\w-]+\.)+(?:example|test)\b", re.IGNORECASE)
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23fa\u203c\u2049\u3297\u3299]"
)
OPENING = 12  # letters


def without_turns(text: str) -> str:
    """Return a dialogue without the markers of its turns."""
    return _TURN.sub("", text)


def turns(text: str) -> list[str]:
    """Return the speaker of each line of a dialogue: "A", "B", or "" without a marker."""
    return [line[0] if _TURN.match(line) else "" for line in text.splitlines()]


def has_link(text: str) -> bool:
    """Return True if the text contains a link on a reserved name or the token [link]."""
    return _RESERVED.search(_RESERVED_EMAIL.sub(" ", text)) is not None


def has_real_address(text: str) -> bool:
    """Return True if the text contains a link or e-mail address on a name that can be owned."""
    rest = _RESERVED.sub(" ", _RESERVED_EMAIL.sub(" ", text))
    masked = mask(rest)
    return any(masked.count(token) > rest.count(token) for token in ("[link", "[email]"))


def has_emoji(text: str) -> bool:
    """Return True if the text contains an emoji; typed smileys do not count."""
    return _EMOJI.search(text) is not None


def has_digit(text: str) -> bool:
    """Return True if the text contains a digit of any script."""
    return any(character.isdecimal() for character in text)


def length_in(text: str, unit: Unit) -> int:
    """Return the length in words, or in characters other than spaces.

    Turn markers do not count, a link counts as one.
    """
    words = _RESERVED.sub(" - ", without_turns(text)).split()
    return len(words) if unit == "words" else sum(map(len, words))


def opening(text: str) -> str:
    """Return the first 12 letters, lower-case, marks counted as letters."""
    letters = (c for c in without_turns(text).lower() if unicodedata.category(c)[0] in "LM")
    return "".join(letter for letter, _ in zip(letters, range(OPENING), strict=False))


Part = Literal["train", "calibrate", "dev", "final"]
Cell = Literal[
    "pair", "investment", "romance", "other_scam", "affection", "finance", "transactional",
    "money_requests", "awareness", "promo", "dialogue",
]  # fmt: skip
Stage = Literal["opener", "warming", "proof", "ask", "pressure", "after_refusal"]
Channel = Literal["sms", "chat", "social", "email", "dialogue"]

SCRIPTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys("en es pt fr de it vi id ms tl tr sw ro cs".split(), ("Latn",)),
    **{"th": ("Thai",), "my": ("Mymr",), "km": ("Khmr",), "ja": ("Jpan",), "ko": ("Kore",)},
    **{"bn": ("Beng",), "ne": ("Deva",), "mr": ("Deva",), "ta": ("Taml",)},
    **{"ru": ("Cyrl",), "uk": ("Cyrl",), "ar": ("Arab",), "fa": ("Arab",), "he": ("Hebr",)},
    **{"zh": ("Hans", "Hant"), "hi": ("Deva", "Latn"), "ur": ("Arab", "Latn")},
}
VERDICT_OF_CELL: dict[Cell, Verdict] = {
    "investment": Verdict.SCAM,
    "romance": Verdict.SCAM,
    "other_scam": Verdict.SCAM,
    "affection": Verdict.LEGIT,
    "finance": Verdict.LEGIT,
    "transactional": Verdict.LEGIT,
    "money_requests": Verdict.LEGIT,
    "awareness": Verdict.LEGIT,
    "promo": Verdict.SPAM,
}
TURNS = (8, 16)
_ALLOWED: dict[str, Iterable[str]] = {
    "part": get_args(Part),
    "slice": get_args(Slice),
    "verdict": [str(verdict.value) for verdict in Verdict],
    "kinds": [str(kind.value) for kind in Kind],
    "channel": get_args(Channel),
    "cell": get_args(Cell),
}
_FIELD = re.compile(r"`\$\.(\w+)")


class Card(Table, frozen=True):
    """The scenario for a row; it contains no words of the message."""

    batch: str  # rows written together: they are never separated
    stage: Stage
    app: str
    sender: str
    receiver: str
    hook: str
    setting: str
    voice: str  # region and dialect
    register: str
    opening: str  # how the message starts
    length: tuple[int, int]
    unit: Unit
    link: str | None  # the form of the link
    emoji: bool
    amount: bool
    turns: int | None = None  # lines of a dialogue


class AuthoredRow(Table, frozen=True):
    """A message written for this project; a card without a message has no text yet."""

    id: str
    lang: str
    script: str
    part: Part | None  # None until assigned
    slice: Slice | None
    verdict: Verdict
    kinds: tuple[Kind, ...]
    channel: Channel
    cell: Cell
    pair: str | None
    card: Card
    hard: bool  # a good detector could get it wrong
    reader: Annotated[int, msgspec.Meta(ge=0, le=100)] | None  # a blind reader's scam probability
    text: str = ""
    generated: str = ""  # who wrote it


def load_authored(folder: Path, only: Collection[str] = ()) -> list[AuthoredRow]:
    """Return the rows of the folder's files, or only those of these languages.

    Raises SourceError, with file, line and fix, if a row is invalid.
    """
    located, problems = read_folder(folder, "authored", only, _read_language)
    raise_first(problems + find_problems(located), "check")
    return [item.row for item in located]


def check_authored(folder: Path, only: Collection[str] = ()) -> list[str]:
    """Return the problems in the folder's files, each with file, line and fix.

    Raises SourceError if there is no file.
    """
    located, problems = read_folder(folder, "authored", only, _read_language)
    return problems + find_problems(located)


def raise_first(problems: Sequence[str], command: str) -> None:
    """Raise SourceError with the first problem, if any, and the command that lists the rest."""
    if problems:
        rest = f" (and {len(problems) - 1} more; run: python -m data.workshop {command})"
        raise SourceError(problems[0] + (rest if len(problems) > 1 else ""))


def read_folder(
    folder: Path,
    what: str,
    only: Collection[str],
    read: Callable[[Path], tuple[list[Located[T]], list[str]]],
) -> tuple[list[Located[T]], list[str]]:
    """Return the rows of the languages' files and their problems, as ``read`` finds them.

    Raises SourceError if there is no file, or none of a language of ``only``.
    """
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        raise SourceError(f"{folder}: contains no <language>.jsonl; pass the folder of {what} rows")
    if missing := sorted(set(only) - {path.stem for path in paths}):
        raise SourceError(
            f"{folder}: contains no {missing[0]}.jsonl; choose a language that it has"
        )
    located: list[Located[T]] = []
    problems: list[str] = []
    for path in paths:
        if not only or path.stem in only:
            rows, wrong = read(path)
            located += rows
            problems += wrong
    return located, problems


def duplicate_ids(located: Iterable[Located[Any]], cure: str) -> Iterator[str]:
    """Yield each row whose id occurs in an earlier one."""
    first: dict[str, str] = {}
    for item in located:
        where = first.setdefault(item.row.id, item.where)
        if where != item.where:
            yield f"{item.where}: duplicate id {item.row.id!r}, first at {where}; {cure}"


def read_rows(path: Path) -> tuple[list[Located[AuthoredRow]], list[str]]:
    """Return the rows of a JSONL file, and its malformed lines as problems; raise SourceError."""
    return locate_jsonl(path, AuthoredRow, SourceError, _cure)


def write_rows(path: Path, rows: Iterable[AuthoredRow]) -> None:
    """Write the rows in the order of their ids, one JSON object per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ordered = sorted(rows, key=lambda row: row.id)
    write_text(path, "".join(encode_row(row) + "\n" for row in ordered))


def encode_row(row: AuthoredRow) -> str:
    """Return the row as a JSON object on one line."""
    return msgspec.json.encode(row).decode("utf-8")


def find_problems(located: list[Located[AuthoredRow]]) -> list[str]:
    """Return the problems of the rows, separately and together, each with its place and fix."""
    problems = [
        f"{item.where}: {item.row.id}: {problem}"
        for item in located
        for problem in _row_problems(item.row)
    ]
    problems += duplicate_ids(located, "draw cards with another --first")
    pairs: dict[str, list[Located[AuthoredRow]]] = defaultdict(list)
    for item in located:
        if item.row.pair is not None:
            pairs[item.row.pair].append(item)
    for pair, sides in pairs.items():
        problems += [f"{sides[0].where}: pair {pair}: {text}" for text in _pair_problems(sides)]
    return problems


def count_rows(rows: Iterable[AuthoredRow], *keys: str) -> Counter[tuple[str, ...]]:
    """Return the numbers of rows by the values of these fields: lang, cell, verdict, part."""
    return Counter(tuple(str(getattr(row, key) or "-") for key in keys) for row in rows)


def _read_language(path: Path) -> tuple[list[Located[AuthoredRow]], list[str]]:
    rows, malformed = read_rows(path)
    return rows, malformed + [
        f"{item.where}: {item.row.id}: lang is {item.row.lang!r}, but the file is named "
        f"{path.stem!r}; move the row to {item.row.lang}.jsonl"
        for item in rows
        if item.row.lang != path.stem
    ]


def _cure(problem: str) -> str:
    field = _FIELD.search(problem)
    if field and field[1] in _ALLOWED:
        return f"allowed in {field[1]}: {', '.join(_ALLOWED[field[1]])}"
    return "one JSON object per line, with the keys that python -m data.workshop merge writes"


def script_problems(lang: str, script: str, known: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the problems of a row's language or script, by the scripts of each known language."""
    scripts = known.get(lang)
    if scripts is None:
        yield f"unknown lang {lang!r}; known: {' '.join(known)}"
    elif script not in scripts:
        yield f"script {script!r} does not belong to {lang}; allowed: {', '.join(scripts)}"


def _row_problems(row: AuthoredRow) -> Iterator[str]:
    yield from script_problems(row.lang, row.script, SCRIPTS)
    if not re.fullmatch(re.escape(row.lang) + r"-\d{4}", row.id):
        yield f"the id must be {row.lang}- and four digits"
    if not row.text.strip():
        yield "empty text; write the message or leave the row out"
    if row.text != row.text.strip():
        yield "blanks around the text; strip them"
    if has_real_address(row.text):
        yield "a link or e-mail address that somebody could own; use *.example, *.test or [link]"
    if not row.generated:
        yield "generated is empty; name the writer"
    yield from _label_problems(row)
    yield from _dialogue_problems(row)


def _label_problems(row: AuthoredRow) -> Iterator[str]:
    due = VERDICT_OF_CELL.get(row.cell)
    if due is not None and row.verdict is not due:
        yield f"verdict {row.verdict} in cell {row.cell}; it must be {due}"
    if due is None and row.verdict is Verdict.SPAM:
        yield f"verdict spam in cell {row.cell}; spam belongs to cell promo"
    if row.verdict is Verdict.SCAM:
        if not row.kinds:
            yield "a scam without kinds; name at least one, other if none fits"
        if row.slice is not None:
            yield f"slice {row.slice} on a scam; slices are for legit and spam rows, so null"
        if row.cell in ("investment", "romance") and Kind(row.cell) not in row.kinds:
            yield f"cell {row.cell} without the kind {row.cell}"
    else:
        if row.kinds:
            yield f"kinds on a {row.verdict} row; only scams have kinds, so []"
        if row.slice is None:
            yield f"a {row.verdict} row without a slice; name one of {', '.join(get_args(Slice))}"
    if due is Verdict.LEGIT and row.slice not in (None, row.cell):
        yield f"slice {row.slice} in cell {row.cell}; it must be {row.cell}"
    if row.verdict is Verdict.SPAM and row.slice not in (None, "marketing"):
        yield f"slice {row.slice} on a spam row; it must be marketing"
    if len(set(row.kinds)) < len(row.kinds):
        yield "a kind twice; name it once"
    if (row.cell == "pair") != (row.pair is not None):
        yield "pair ids and cell pair go together; set both or neither"


def _dialogue_problems(row: AuthoredRow) -> Iterator[str]:
    if (row.cell == "dialogue") != (row.channel == "dialogue"):
        yield "cell dialogue and channel dialogue go together; set both or neither"
    if row.cell != "dialogue" or not row.text.strip():
        return
    speakers = turns(row.text)
    if "" in speakers:
        yield f"line {speakers.index('') + 1} of the dialogue starts with neither 'A: ' nor 'B: '"
    if not {"A", "B"} <= set(speakers):
        yield "a dialogue in which only one side speaks; write both A: and B: lines"
    if not TURNS[0] <= len(speakers) <= TURNS[1]:
        yield f"{len(speakers)} lines in the dialogue; it must have {TURNS[0]} to {TURNS[1]}"


def _pair_problems(sides: list[Located[AuthoredRow]]) -> Iterator[str]:
    rows = [side.row for side in sides]
    if sorted(row.verdict for row in rows) != [Verdict.LEGIT, Verdict.SCAM]:
        found = ", ".join(f"{row.id} {row.verdict}" for row in rows)
        yield f"needs exactly one scam and one legit side, has {found}; write or drop the mate"
    for field in ("lang", "part"):
        values = {str(getattr(row, field)) for row in rows}
        if len(values) > 1:
            yield f"its sides differ in {field} ({', '.join(sorted(values))}); make them the same"
