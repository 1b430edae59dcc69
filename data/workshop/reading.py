"""Blind readings: the batches, the answers, and whether they can be trusted.

A batch is a text file of messages without labels; its key file stays with whoever drew it. Answers
are one line a message: ``number | verdict | probability | kinds | reason``.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scamdetect.errors import SourceError
from scamdetect.labels import KINDS, Kind, Verdict
from scamdetect.system.files import write_text
from scamdetect.train.typed import Table, read_jsonl, utf8_text, write_jsonl

SENTINELS = 3  # rows of a batch whose answer is known
MOST_MISSES = 1  # of a batch that counts
_MOST_CHARACTERS = 1_600  # of a message shown; the ask tends to stand at the end
_HEAD = 1_000
KEYS = "keys.jsonl"


class Item(Table, frozen=True):
    """A message to read: where it comes from and what is held of it so far."""

    source: str
    id: str  # row hash, or an authored row's id
    channel: str
    old: str  # verdict, or "open"
    why: str  # why it was drawn
    text: str


class Key(Table, frozen=True):
    """What a batch hides of one message."""

    batch: str
    number: int
    source: str
    id: str
    old: str
    why: str
    role: Literal["read", "sentinel"]
    digest: str  # of the text that was shown


@dataclass(frozen=True)
class Reading:
    """One reader's judgement of one message, from only the text."""

    key: Key
    verdict: Verdict
    probability: int  # of scam, 0 to 100
    kinds: tuple[Kind, ...]
    reason: str
    reader: str


@dataclass(frozen=True)
class Answers:
    """What came back: the readings that count, the sentinels of all, and batches to read again."""

    readings: list[Reading]
    sentinels: list[tuple[Reading, bool]]  # with whether the reader found the known answer
    failed: list[str]  # batches whose every reader missed two sentinels
    missing: list[str]  # batches without an answer file


def write_batches(
    items: Sequence[Item], sentinels: Sequence[Item], folder: Path, size: int, seed: int, name: str
) -> list[str]:
    """Write batches of ``size`` messages, known answers among them, and add to the key file.

    Returns the names of the batches, ``name`` and a number each. Raises SourceError if batches of
    this name exist or there are too few sentinels.
    """
    if not items:
        raise SourceError("nothing is left to read")
    if not re.fullmatch(r"[\w-]+", name):
        raise SourceError(f"name {name!r}: letters, digits, hyphens only; choose another")
    generator = random.Random(seed)
    keys = folder / KEYS
    held = read_keys(folder) if keys.exists() else []
    if any(key.batch.startswith(f"{name}-") for key in held):
        raise SourceError(f"{keys}: already contains batches {name}-...; choose another name")
    step = size - SENTINELS
    folder.mkdir(parents=True, exist_ok=True)
    batches: dict[str, list[Key]] = {}
    for start in range(0, len(items), step):
        batch = f"{name}-{start // step + 1:03d}"
        rows = [(item, "read") for item in items[start : start + step]]
        ids = {item.id for item, _ in rows}
        others = [item for item in sentinels if item.id not in ids]
        if len(others) < SENTINELS:
            raise SourceError(
                f"got {len(others)} known answers outside batch {batch}, but {SENTINELS} are "
                "needed; choose smaller batches"
            )
        known = generator.sample(others, SENTINELS)
        rows += [(item, "sentinel") for item in known]
        generator.shuffle(rows)
        batches[batch] = [
            Key(
                batch,
                number,
                item.source,
                item.id,
                item.old,
                item.why,
                role,  # type: ignore[arg-type]
                text_digest(item.text),
            )
            for number, (item, role) in enumerate(rows, 1)
        ]
        shown = (_shown(number, item) for number, (item, _) in enumerate(rows, 1))
        write_text(folder / f"{batch}.txt", "\n".join(shown) + "\n")
    write_jsonl(keys, held + [key for batch in batches.values() for key in batch])
    return list(batches)


def text_digest(text: str) -> str:
    """Return 16 hex digits that change with the text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_keys(folder: Path) -> list[Key]:
    """Return the keys of all batches; raise SourceError with file and line."""
    return read_jsonl(folder / KEYS, Key, SourceError)


def read_answers(folder: Path) -> Answers:
    """Return the readings of ``folder``: its keys and ``answers/<batch>.<reader>.txt``.

    A batch whose reader missed two sentinels counts only as another reader's. Raises SourceError
    listing every malformed line, with file, line and cure.
    """
    of_batch: dict[str, dict[int, Key]] = defaultdict(dict)
    for key in read_keys(folder):
        of_batch[key.batch][key.number] = key
    problems: list[str] = []
    found: dict[str, list[list[Reading]]] = defaultdict(list)
    for path in sorted((folder / "answers").glob("*.txt")):
        batch, _, reader = path.stem.partition(".")
        if batch not in of_batch or not reader:
            problems.append(f"{path}: no such batch; name answers <batch>.<reader>.txt")
            continue
        found[batch].append(_read_file(path, of_batch[batch], reader, problems))
    if problems:
        raise SourceError("\n".join(problems))
    readings, sentinels, failed = [], [], []
    for batch, attempts in found.items():
        checks = [
            [(r, r.verdict == r.key.old) for r in attempt if r.key.role == "sentinel"]
            for attempt in attempts
        ]
        sentinels += [check for attempt in checks for check in attempt]
        misses = [sum(not hit for _, hit in attempt) for attempt in checks]
        good = [attempt for attempt, n in zip(attempts, misses, strict=True) if n <= MOST_MISSES]
        if good:
            readings += [reading for reading in good[0] if reading.key.role == "read"]
        else:
            failed.append(batch)
    return Answers(readings, sentinels, failed, sorted(of_batch.keys() - found.keys()))


def _shown(number: int, item: Item) -> str:
    text = item.text.strip()
    if len(text) > _MOST_CHARACTERS:
        text = f"{text[:_HEAD]} [...] {text[_HEAD - _MOST_CHARACTERS :]}"
    body = re.sub(r"(?m)^##", " ##", text.encode("utf-8", "replace").decode("utf-8"))
    return f"## {number} ({item.channel})\n{body}"


def _read_file(path: Path, keys: dict[int, Key], reader: str, problems: list[str]) -> list[Reading]:
    try:
        lines = utf8_text(path, SourceError).splitlines()
    except SourceError as problem:
        problems.append(str(problem))
        return []
    readings: dict[int, Reading] = {}
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            reading = _read_line(line, keys, reader)
        except ValueError as problem:
            problems.append(f"{path}:{place}: {problem}")
            continue
        if reading.key.number in readings:
            problems.append(f"{path}:{place}: {reading.key.number} is answered twice; keep one")
        readings[reading.key.number] = reading
    if missing := sorted(keys.keys() - readings.keys()):
        problems.append(f"{path}: no answer for {', '.join(map(str, missing))}; read them")
    return list(readings.values())


def _read_line(line: str, keys: dict[int, Key], reader: str) -> Reading:
    fields = [field.strip() for field in line.split("|", 4)]
    if len(fields) != 5:
        raise ValueError("not 'number | verdict | probability | kinds | reason'; write all five")
    number, verdict, chance, names, reason = fields
    if not number.isdecimal() or int(number) not in keys:
        raise ValueError(f"no message {number[:9]!r} in this batch; correct the number")
    if verdict not in list(Verdict):
        raise ValueError(f"verdict {verdict[:9]!r}; allowed: {', '.join(Verdict)}")
    if not chance.isdecimal() or int(chance) > 100:
        raise ValueError(f"probability {chance[:9]!r}; allowed: 0 to 100")
    if (verdict == Verdict.SCAM) != (int(chance) >= 50):
        raise ValueError(f"verdict {verdict} with {chance}: scam is 50 and over; correct one")
    kinds = [name.strip() for name in names.split(",") if name.strip() not in ("", "-")]
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise ValueError(f"unknown kind {unknown[0][:20]!r}; allowed: {', '.join(KINDS)}")
    if verdict == Verdict.SCAM and not kinds:
        raise ValueError("a scam without a kind; name one, 'other' if none fits")
    if verdict != Verdict.SCAM and kinds:
        raise ValueError(f"kinds on a {verdict} row; only scams have kinds: write '-'")
    key = keys[int(number)]
    named = tuple(map(Kind, dict.fromkeys(kinds)))
    return Reading(key, Verdict(verdict), int(chance), named, reason, reader)


def spread(items: Iterable[Item], apart: dict[str, str]) -> list[Item]:
    """Return the items in an order in which those of one key of ``apart`` stand far apart.

    ``apart`` gives a pair by item id; others keep their order.
    """
    first: list[Item] = []
    second: list[Item] = []
    seen: set[str | None] = set()
    for item in items:
        pair = apart.get(item.id)
        (second if pair is not None and pair in seen else first).append(item)
        seen.add(pair)
    return first + second
