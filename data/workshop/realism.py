"""Test whether invented messages read like real ones: blind readings and a test of origin.

Readers see messages without labels or origin, up to a quarter of them real, all through the
normaliser so that masks give nothing away. In the test of origin each pair has one of either, of
one language, side and channel; the reader names the real one. Public text stays out of a
repository, and so must the folder.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from scamdetect.errors import SourceError
from scamdetect.labels import Verdict
from scamdetect.system.files import read_text, write_text
from scamdetect.text.normalise import normalise
from scamdetect.train.data.everyday import EverydayRow, write_everyday
from scamdetect.train.typed import Table, read_jsonl, write_jsonl

REAL_SHARE = 0.25
REAL = "real"
KEYS = "realism_keys.jsonl"
PAIRS = "origin_keys.jsonl"
_MASKS = re.compile(r"\[(?:link|phone|number|email|handle|account|name|place|date)[^\]]*\]")
_DIGITS = re.compile(r"\d+")


class RealismKey(Table, frozen=True):
    """What a batch hides of one message."""

    batch: str
    number: int
    id: str  # of an everyday row, or a public row's hash
    lang: str
    origin: str  # "everyday", or "real"
    verdict: str


class PairKey(Table, frozen=True):
    """Which side of a pair is real."""

    batch: str
    number: int
    lang: str
    real: str  # "A" or "B"


@dataclass(frozen=True)
class Judged:
    """What a reader says of one message."""

    key: RealismKey
    probability: int  # of scam, 0 to 100
    realism: int  # 1 to 5


def shown(text: str) -> str:
    """Return a text as readers see it: normalised, masks and numbers alike in both origins."""
    return _DIGITS.sub("0", _MASKS.sub("[…]", normalise(text)))


def write_realism(
    rows: Sequence[EverydayRow],
    real: Iterable[Mapping[str, Any]],
    folder: Path,
    size: int,
    seed: int,
) -> list[str]:
    """Write batches of ``size`` messages, a quarter of them real, and the key file.

    ``real`` are corpus rows of the same languages. Returns the names of the batches.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generator = random.Random(seed)
    by_lang: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in real:
        by_lang[one["lang"]].append(one)
    for of_lang in by_lang.values():
        generator.shuffle(of_lang)
    everyday = list(rows)
    generator.shuffle(everyday)
    step = size - round(size * REAL_SHARE)
    keys: list[RealismKey] = []
    names = []
    for start in range(0, len(everyday), step):
        name = f"realism-{start // step + 1:03d}"
        mine = everyday[start : start + step]
        items = [(row.text, row.id, row.lang, "everyday", row.verdict.value) for row in mine]
        for row in mine[:: max(1, round((1 - REAL_SHARE) / REAL_SHARE))]:
            if by_lang[row.lang]:
                one = by_lang[row.lang].pop()
                items.append((one["input"], one["row_hash"], row.lang, REAL, one["verdict"]))
        generator.shuffle(items)
        lines = []
        for number, (text, *hidden) in enumerate(items, 1):
            keys.append(RealismKey(name, number, *hidden))
            lines.append(f"## {number}\n{shown(text)}\n")
        write_text(folder / f"{name}.txt", "\n".join(lines))
        names.append(name)
    write_jsonl(folder / KEYS, keys)
    return names


def read_realism(folder: Path) -> list[Judged]:
    """Return what readers said in ``answers/<batch>.<reader>.txt``: number | probability | realism.

    Raises SourceError listing every malformed or missing line.
    """
    keys = {
        (key.batch, key.number): key for key in read_jsonl(folder / KEYS, RealismKey, SourceError)
    }
    problems: list[str] = []
    found: dict[tuple[str, int], Judged] = {}
    for where, batch, fields in _answers(folder, "realism-", 3):
        key = keys.get((batch, _number(fields[0])))
        probability, realism = _number(fields[1]), _number(fields[2])
        if key is None or not 0 <= probability <= 100 or not 1 <= realism <= 5:
            problems.append(f"{where}: expected number | 0 to 100 | 1 to 5")
            continue
        found[key.batch, key.number] = Judged(key, probability, realism)
    read = {batch for batch, _ in found}
    problems += [
        f"{folder}: {batch} {number} has no answer"
        for batch, number in keys
        if batch in read and (batch, number) not in found
    ]
    if problems:
        raise SourceError("\n".join(problems))
    return list(found.values())


def realism_figures(judged: Sequence[Judged]) -> dict[str, dict[str, float]]:
    """Return mean realism, the share at 3 or less and n by origin, and by language of everyday."""
    groups: dict[str, list[int]] = defaultdict(list)
    for one in judged:
        groups[one.key.origin].append(one.realism)
        if one.key.origin != REAL:
            groups[one.key.lang].append(one.realism)
    return {
        name: {
            "n": float(len(values)),
            "mean": float(np.mean(values)),
            "at 3 or less": float(np.mean([value <= 3 for value in values])),
        }
        for name, values in groups.items()
    }


def set_readings(folder: Path, rows: Sequence[EverydayRow], judged: Sequence[Judged]) -> list[str]:
    """Write what readers said to the rows of ``folder``; return where reader and writer differ."""
    found = {one.key.id: one for one in judged if one.key.origin != REAL}
    changed = [
        msgspec.structs.replace(
            row, reader=found[row.id].probability, realism=found[row.id].realism
        )
        if row.id in found
        else row
        for row in rows
    ]
    for lang in sorted({row.lang for row in changed if row.id in found}):
        mine = [row for row in changed if row.lang == lang]
        write_everyday(folder / f"{lang}.jsonl", mine, mine[0].generated)
    return [
        f"{row.id}: writer {row.verdict.value}, reader {found[row.id].probability}"
        for row in rows
        if row.id in found and (row.verdict is Verdict.SCAM) != (found[row.id].probability >= 50)
    ]


def write_origin(
    rows: Sequence[EverydayRow],
    real: Sequence[Mapping[str, Any]],
    langs: Sequence[str],
    folder: Path,
    pairs: int,
    seed: int,
) -> list[str]:
    """Write one batch a language of ``pairs`` pairs of one channel and side, and the key file.

    Raises SourceError if a language has too few real rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generator = random.Random(seed)
    keys: list[PairKey] = []
    for lang in langs:
        cells: dict[tuple[str, str], list[str]] = defaultdict(list)
        for one in real:
            if one["lang"] == lang:
                cells[one["verdict"], one["channel"]].append(one["input"])
        mine = [row for row in rows if row.lang == lang]
        generator.shuffle(mine)
        lines: list[str] = []
        for row in mine:
            candidates = cells[row.verdict.value, row.channel]
            if not candidates or len(lines) == pairs:
                continue
            # Of like length, so that length does not give the origin away.
            near = min(candidates, key=lambda text: abs(len(text) - len(row.text)))
            candidates.remove(near)
            side = generator.choice("AB")
            first, second = (near, row.text) if side == "A" else (row.text, near)
            number = len(lines) + 1
            keys.append(PairKey(f"origin-{lang}", number, lang, side))
            lines.append(f"## {number}\nA: {shown(first)}\n\nB: {shown(second)}\n")
        if len(lines) < pairs:
            raise SourceError(f"{lang}: {len(lines)} pairs, {pairs} wanted; choose fewer")
        write_text(folder / f"origin-{lang}.txt", "\n".join(lines))
    write_jsonl(folder / PAIRS, keys)
    return [f"origin-{lang}" for lang in langs]


def origin_figures(folder: Path) -> dict[str, tuple[int, int]]:
    """Return by language, and over all, how often readers named the real side, and of how many.

    Answers are lines ``number | A`` or ``number | B`` in ``answers/<batch>.<reader>.txt``. Raises
    SourceError for a malformed line.
    """
    keys = {
        (key.batch, key.number): key for key in read_jsonl(folder / PAIRS, PairKey, SourceError)
    }
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for where, batch, fields in _answers(folder, "origin-", 2):
        key = keys.get((batch, _number(fields[0])))
        if key is None or fields[1] not in ("A", "B"):
            raise SourceError(f"{where}: expected number | A or B")
        for name in (key.lang, "all"):
            counts[name][0] += fields[1] == key.real
            counts[name][1] += 1
    return {name: (hits, n) for name, (hits, n) in counts.items()}


def _answers(folder: Path, prefix: str, fields: int) -> Iterator[tuple[str, str, list[str]]]:
    for path in sorted((folder / "answers").glob(f"{prefix}*.txt")):
        batch = path.stem.partition(".")[0]
        for number, line in enumerate(read_text(path).splitlines(), 1):
            if line.strip():
                parts = [part.strip() for part in line.split("|")]
                yield f"{path}:{number}", batch, [*parts, *[""] * fields][:fields]


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1
