"""The sample inbox: everyday messages of the part ``final``, drawn once by seed."""

from __future__ import annotations

import csv
import datetime
import io
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scamdetect.labels import Verdict
from scamdetect.system.files import write_text
from scamdetect.train.data.everyday import EverydayRow

INBOX, LABELS = "inbox.csv", "inbox_labels.csv"
LANGUAGES = 26
SIZE = 60
_START = datetime.datetime(2026, 3, 1, 6, 0, tzinfo=datetime.UTC)
_MINUTES = 14 * 24 * 60  # two weeks


@dataclass(frozen=True)
class Received:
    """A message with an invented time and sender."""

    row: EverydayRow
    received_at: str
    sender: str


def draw_inbox(rows: Iterable[EverydayRow], seed: int = 0) -> list[Received]:
    """Return 60 rows of the part ``final`` in the 26 languages with the most, by time.

    Each language gives a scam and an honest message, eight drawn languages one more: four of them a
    scam, four an honest one.
    """
    cells: dict[str, dict[Verdict, list[EverydayRow]]] = {}
    for row in sorted(rows, key=lambda row: row.id):
        if row.part == "final":
            cells.setdefault(row.lang, {}).setdefault(row.verdict, []).append(row)
    counts = {lang: sum(map(len, cell.values())) for lang, cell in cells.items()}
    langs = sorted(sorted(counts, key=lambda lang: (-counts[lang], lang))[:LANGUAGES])
    drawing = random.Random(seed)
    more = drawing.sample(langs, SIZE - 2 * len(langs))
    half = len(more) // 2
    drawn: list[EverydayRow] = []
    for lang in langs:
        for verdict, longer in ((Verdict.SCAM, more[:half]), (Verdict.LEGIT, more[half:])):
            drawn += drawing.sample(cells[lang][verdict], 2 if lang in longer else 1)
    drawing.shuffle(drawn)
    minutes = sorted(drawing.sample(range(_MINUTES), len(drawn)))
    return [
        Received(row, _time(minute), _sender(row, number))
        for number, (row, minute) in enumerate(zip(drawn, minutes, strict=True), start=1)
    ]


def write_inbox(folder: Path, inbox: Iterable[Received]) -> None:
    """Write the messages without their labels, and the labels by id, as two CSV files."""
    found = list(inbox)
    messages = [(one.row.id, one.received_at, one.sender, one.row.text) for one in found]
    labels = [(one.row.id, one.row.lang, one.row.verdict.value, one.row.campaign) for one in found]
    _write(folder / INBOX, ("id", "received_at", "sender", "text"), messages)
    _write(folder / LABELS, ("id", "lang", "verdict", "campaign"), labels)


def _time(minute: int) -> str:
    return (_START + datetime.timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sender(row: EverydayRow, number: int) -> str:
    if row.channel == "email":
        return f"sender{number:02d}@mail.example"
    if row.channel == "sms":
        return f"+00 000 555 01{number:02d}"
    return f"user{number:02d}"


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_text(path, text.getvalue())
