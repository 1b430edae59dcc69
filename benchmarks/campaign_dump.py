"""A scored dump of any size with planted campaigns, the same on every run with the same size.

Half of the background are messages of synthetic_dump.py, three in ten of them copies. A quarter are
everyday chat lines, few of which make most of the traffic, and a quarter notices of banks, shops
and couriers (honest everyday rows, parts train and dev) with other numbers and names each time.
Final rows stay closed.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from synthetic_dump import messages

from scamdetect.dumps.formats import job_path
from scamdetect.dumps.summary import JobRecord
from scamdetect.frames import columns as output
from scamdetect.labels import Decision
from scamdetect.train.perturb import PERTURBATIONS, perturb

SEED = 24
LANGUAGES = ("en", "es", "de", "pt", "id")
ALONE, PAIRS = 30, 10
SMALLEST, LARGEST = 20, 1_000
LIGHT = 0.2  # share of the words, as in scamdetect.evaluate.evasion
DISGUISED = 0.6  # of the planted messages
FLAG, REVIEW = 0.9, 0.6
BATCH = 10_000
START, END = 100, 55  # letters of the half that a pair shares, and of the other
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_EVASIONS = sorted(set(PERTURBATIONS) - {"other_chinese"})  # which no text here is written in
_NAMES = (
    "Ana Ben Carla Dewi Emil Fatima Greta Hugo Ines Jonas Kartika Luis Marta Nils Olga Paulo Quinn "
    "Rosa Sven Tania Umar Vera Wayan Xenia Yusuf Zoe Andre Berta Citra Diego Elena Felix Gita Heidi"
).split()
_CHAT = """
ok|okay|thanks|thank you|thank you so much|good morning|good morning everyone|good night|yes|no
see you tomorrow|see you later|on my way|call me|call me later|happy birthday|congratulations|lol
where are you|I am here|what time|no problem|sounds good|let me know|miss you|love you|are you home
gracias|muchas gracias|buenos días|buenas noches|vale|hasta mañana|feliz cumpleaños|ya voy
dónde estás|danke|vielen dank|guten morgen|gute nacht|bis morgen|alles gute zum geburtstag
bin gleich da|wo bist du|obrigado|muito obrigado|bom dia|boa noite|até amanhã|feliz aniversário
estou chegando|tudo bem|terima kasih|terima kasih banyak|selamat pagi|selamat malam
sampai besok|selamat ulang tahun|di mana
can you buy bread and milk on the way home|the meeting is moved to tomorrow at the same time
did the children eat already|I will be ten minutes late, please start without me
"""


@dataclass(frozen=True)
class Planted:
    """A campaign that was planted: its text, how many messages it has, and its pair's number."""

    text: str
    messages: int
    pair: int | None
    flagged: bool


def write_scored(path: Path, rows: int, authored: Path) -> tuple[list[Planted], np.ndarray]:
    """Write a scored Parquet file with its record; return the campaigns, and that of each row."""
    chance = random.Random(SEED)
    planted = plants(authored, chance)
    of_row = np.full(rows, -1, np.int16)
    places = chance.sample(range(rows), sum(one.messages for one in planted))
    owners = [number for number, one in enumerate(planted) for _ in range(one.messages)]
    of_row[places] = owners
    background = everyday(authored, chance)
    own = [("id", pa.int64()), ("sender", pa.string()), ("sent_at", pa.timestamp("s", "UTC")),
           ("text", pa.string())]  # fmt: skip
    schema = pa.schema([*own, *output.SCHEMA])
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        for start in range(0, rows, BATCH):
            numbers = range(start, min(rows, start + BATCH))
            table = _table(numbers, of_row, planted, background, chance, schema)
            file.write_table(table)
    _write_record(path, rows)
    return planted, of_row


def plants(authored: Path, chance: random.Random) -> list[Planted]:
    """Return the campaigns to plant, both of a pair one after the other."""
    families: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in _rows(authored, "scam"):
        if row["lang"] in LANGUAGES and len(row["text"]) >= 60:
            families[row["lang"], row["campaign"].partition("-")[0]].append(row["text"])
    of_language = {
        name: [texts for key, texts in sorted(families.items()) if key[0] == name]
        for name in LANGUAGES
    }
    texts: list[tuple[str, int | None]] = []
    for number in range(PAIRS + ALONE):
        own = of_language[LANGUAGES[number % len(LANGUAGES)]]
        if number < PAIRS:  # of one family: the same start, and another end
            family = next(texts for texts in own if len(texts) >= 3)
            first, *others = (family.pop() for _ in range(3))
            texts += [(f"{_start(first, START)} {_start(other, END)}", number) for other in others]
        else:
            texts.append((max(own, key=len).pop(), None))
    sizes = np.geomspace(SMALLEST, LARGEST, len(texts)).round().astype(int).tolist()
    chance.shuffle(sizes)
    return [
        Planted(text, size, pair, number % 2 == 0)
        for number, ((text, pair), size) in enumerate(zip(texts, sizes, strict=True))
    ]


def _start(text: str, letters: int) -> str:
    """Return the whole words at the start of a text, so many letters at most."""
    return text if len(text) <= letters else text[:letters].rpartition(" ")[0]


def everyday(authored: Path, chance: random.Random) -> Iterator[str]:
    """Yield messages of the background without end."""
    chat = [line for lines in _CHAT.strip().split("\n") for line in lines.split("|")]
    chance.shuffle(chat)
    weights = [1 / (rank + 1) for rank in range(len(chat))]
    notices = [row["text"] for row in _rows(authored, "legit")]
    others = messages(authored)
    while True:
        kind = chance.random()
        if kind < 0.25:
            line = chance.choices(chat, weights)[0]
            yield line + chance.choice(["", "", "", "!", " 🙏", " 😂", f" {chance.choice(_NAMES)}"])
        elif kind < 0.5:
            text = notices[min(int(chance.expovariate(4 / len(notices))), len(notices) - 1)]
            yield _varied(text, chance)
        else:
            yield next(others)


def _varied(text: str, chance: random.Random) -> str:
    """Return a text with other digits and, one time in three, somebody's name."""
    text = "".join(str(chance.randrange(10)) if c in "0123456789" else c for c in text)
    return f"{chance.choice(_NAMES)}, {text}" if chance.random() < 1 / 3 else text


def _planted(one: Planted, chance: random.Random) -> str:
    text = _varied(one.text, chance)
    if chance.random() < 0.5:
        text = f"{text} https://{chance.choice('abcdefgh')}{chance.randrange(999)}.example/x"
    if chance.random() < DISGUISED:
        text = perturb(text, [chance.choice(_EVASIONS)], chance.random().hex(), LIGHT)
    return text


def _rows(authored: Path, verdict: str) -> list[dict[str, str]]:
    found = []
    for path in sorted((authored / "everyday").glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()[1:]
        rows = (json.loads(line) for line in lines)
        found += [row for row in rows if row["verdict"] == verdict and row["part"] != "final"]
    return found


def _table(
    numbers: range,
    of_row: np.ndarray,
    planted: list[Planted],
    background: Iterator[str],
    chance: random.Random,
    schema: pa.Schema,
) -> pa.Table:
    rows = []
    for number in numbers:
        owner = int(of_row[number])
        if owner < 0:
            text, sender = next(background), f"account-{chance.randrange(1_000_000)}"
            probability = chance.betavariate(0.3, 8)
        else:
            one = planted[owner]
            text, sender = _planted(one, chance), f"planted-{owner}-{chance.randrange(30)}"
            probability = chance.betavariate(30, 1) if one.flagged else chance.betavariate(2, 8)
        decision = Decision.PASS
        if probability >= REVIEW:
            decision = Decision.FLAG if probability >= FLAG else Decision.REVIEW
        rows.append(
            {
                "id": number, "sender": sender, "text": text,
                "sent_at": FIRST_DAY + timedelta(seconds=number // 4),
                "scamdetect_verdict": "scam" if probability > 0.5 else "legit",
                "scamdetect_decision": decision.value,
                "scamdetect_scam_probability": probability,
                "scamdetect_language": "und",
                "scamdetect_kinds": [],
                "scamdetect_model_id": "synthetic@1",
                "scamdetect_schema_version": 1,
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows, schema)


def _write_record(path: Path, rows: int) -> None:
    options = {"kind_flags": {}, "sender_column": None}
    record = JobRecord(
        "synthetic@1", FLAG, REVIEW, None, False, "campaign_dump.py", "parquet", "text", rows, rows,
        options,
    )  # fmt: skip
    job_path(path).write_text(record.text(), encoding="utf-8")
