"""Add a writer's texts to their cards, report differences, and split the rows by batches."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scamdetect.errors import SourceError
from scamdetect.labels import KINDS, Kind
from scamdetect.system.destinations import check_no_input
from scamdetect.train.data.authored import (
    AuthoredRow,
    Part,
    find_problems,
    has_emoji,
    has_link,
    length_in,
    read_rows,
    write_rows,
)
from scamdetect.train.typed import Located, utf8_text

SLACK = 0.25  # of a length band, to either side
MOST_UNLIKE = 1.6  # the longer side of a pair to the shorter
_HEADER = re.compile(r"##\s*([a-z]{2,3}-\d{4})\b(.*)")


@dataclass(frozen=True)
class Written:
    """What a writer hands in for one card."""

    where: str
    id: str
    text: str
    kinds: tuple[Kind, ...] | None  # None: as the card says
    hard: bool | None


def read_texts(path: Path) -> list[Written]:
    """Return the texts of a writer's file; of two for one card the later.

    A line "## <id>" starts a message, which continues to the next such line; the id may be followed
    by "kinds=investment,crypto", "hard" or "easy". Raises SourceError with file and line.
    """
    lines = utf8_text(path, SourceError).splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("##")]
    if any(line.strip() for line in lines[: starts[0] if starts else None]):
        raise SourceError(f"{path}:1: text before the first header; start each with '## <id>'")
    if not starts:
        raise SourceError(f"{path}: contains no message; start each with '## <id>'")
    found = {}
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        where = f"{path}:{start + 1}"
        header = _HEADER.fullmatch(lines[start].strip())
        if header is None:
            raise SourceError(f"{where}: not a header; write '## th-0001', options after the id")
        kinds, hard = _options(header[2].split(), where)
        text = "\n".join(line.rstrip() for line in lines[start + 1 : end]).strip()
        found[header[1]] = Written(where, header[1], text, kinds, hard)
    return list(found.values())


@dataclass(frozen=True)
class Merged:
    """What a merge made of the cards and texts; with problems nothing was written."""

    rows: list[AuthoredRow]
    cards_left: int
    problems: list[str]  # each with file, line and cure


def merge(cards: Path, texts: Path, output: Path, writer: str) -> Merged:
    """Write ``output``: the rows that it has, and a row for every card with a text.

    A row whose text changed loses its reader's judgement; parts stay. With a problem the output
    stays as it was. Raises InputError if the output is one of the inputs, SourceError for files
    that cannot be read.
    """
    check_no_input(output, [cards, texts])
    drawn, problems = read_rows(cards)
    by_id = {item.row.id: item.row for item in drawn}
    present, malformed = read_rows(output) if output.exists() else ([], [])
    problems += malformed
    rows = {item.row.id: item for item in present}
    for written in read_texts(texts):
        if written.id not in by_id:
            problems.append(f"{written.where}: no card {written.id} in {cards}; correct the id")
            continue
        row = _filled(by_id[written.id], written, writer)
        old = rows.get(row.id)
        if old is not None and old.row.card != row.card:
            problems.append(
                f"{written.where}: {row.id} is in {output} with another card; "
                "draw cards with another --first"
            )
        elif old is not None:
            reader = old.row.reader if old.row.text == row.text else None
            row = msgspec.structs.replace(row, part=old.row.part, reader=reader)
        rows[row.id] = Located(written.where, row)
    problems += find_problems(list(rows.values()))
    merged = [item.row for item in rows.values()]
    if not problems:
        write_rows(output, merged)
    return Merged(merged, len(by_id.keys() - rows.keys()), problems)


def departures(rows: Iterable[AuthoredRow]) -> Iterator[str]:
    """Yield differences between a text's form and its card, or between the sides of a pair."""
    first: dict[str, AuthoredRow] = {}
    for row in rows:
        card, length = row.card, length_in(row.text, row.card.unit)
        low, high = card.length
        if not low * (1 - SLACK) <= length <= high * (1 + SLACK):
            yield f"{row.id}: {length} {card.unit}, the card says {low} to {high}"
        for name, has, due in (
            ("a link", has_link(row.text), card.link is not None),
            ("an emoji", has_emoji(row.text), card.emoji),
        ):
            if has != due:
                yield f"{row.id}: {'has' if has else 'lacks'} {name}, the card says otherwise"
        if row.pair is not None:
            mate = first.setdefault(row.pair, row)
            longer = max(length, other := length_in(mate.text, card.unit))
            if longer > MOST_UNLIKE * max(1, min(length, other)):
                yield f"{row.id}: {length} {card.unit}, its mate {mate.id} {other}; make them alike"


def _options(words: list[str], where: str) -> tuple[tuple[Kind, ...] | None, bool | None]:
    kinds: tuple[Kind, ...] | None = None
    hard: bool | None = None
    for word in words:
        name, _, value = word.partition("=")
        if word in ("hard", "easy"):
            hard = word == "hard"
        elif name == "kinds" and set(value.split(",")) <= set(KINDS):
            kinds = tuple(map(Kind, value.split(",")))
        else:
            raise SourceError(
                f"{where}: unknown option {word!r}; allowed: hard, easy, kinds=a,b of "
                + ", ".join(KINDS)
            )
    return kinds, hard


def _filled(card: AuthoredRow, written: Written, writer: str) -> AuthoredRow:
    return msgspec.structs.replace(
        card,
        text=written.text,
        generated=writer,
        kinds=card.kinds if written.kinds is None else written.kinds,
        hard=card.hard if written.hard is None else written.hard,
    )


SHARES: dict[Part, float] = {"train": 50 / 80, "calibrate": 15 / 80, "dev": 15 / 80}


def assign_parts(rows: Iterable[AuthoredRow], to: Part | None = None) -> list[AuthoredRow]:
    """Return the rows with a part each; parts that are set stay.

    With ``to`` every open row goes there. Else batches of a language come in the order of their
    hashes, each to the part that lacks most, so the same rows are always split the same way and a
    later round changes no earlier one.
    """
    rows = list(rows)
    if to is not None:
        return [row if row.part else msgspec.structs.replace(row, part=to) for row in rows]
    parts: dict[tuple[str, str], Part] = {}
    open_batches: Counter[tuple[str, str]] = Counter()
    have: dict[str, Counter[Part]] = defaultdict(Counter)
    total: Counter[str] = Counter()
    for row in rows:
        total[row.lang] += row.part != "final"
        if row.part is None:
            open_batches[row.lang, row.card.batch] += 1
        else:
            have[row.lang][row.part] += 1
            parts[row.lang, row.card.batch] = row.part
    for batch in sorted(open_batches, key=_digest):
        lang = batch[0]
        lacking = {part: share * total[lang] - have[lang][part] for part, share in SHARES.items()}
        part = parts.setdefault(batch, max(SHARES, key=lacking.__getitem__))
        have[lang][part] += open_batches[batch]
    return [
        row
        if row.part is not None
        else msgspec.structs.replace(row, part=parts[row.lang, row.card.batch])
        for row in rows
    ]


def _digest(batch: tuple[str, str]) -> str:
    return hashlib.sha256("\n".join(batch).encode()).hexdigest()
