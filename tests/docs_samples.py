"""The files that commands in the documentation read, by the names that they have there.

A page that names another file gets a line in SAMPLES.
"""

from __future__ import annotations

import csv
import datetime
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from reviewed_rows import proposal, write_review

from scamdetect import ScamDetector
from scamdetect.share.feeds import read_feeds
from scamdetect.text.indicators import IndicatorType

ROOT = Path(__file__).resolve().parent.parent
_LURES = ("guaranteed bitcoin profit", "darling send a gift card", "guaranteed profit card")
_HONEST = ("lunch", "meeting tomorrow", "thanks hello", "offer discount", "hello")
_LABEL_MAP = '"1" = "scam"\n"0" = "legit"\n"promo" = "spam"\n"unclear" = "ignore"\n'


def messages(count: int, seed: int, every: int = 5) -> Iterator[dict[str, str]]:
    """Yield invented messages of which no two are alike; one in ``every`` is a lure."""
    chance = random.Random(seed)
    for number in range(count):
        lure = number % every == 0
        words = [chance.choice(_LURES if lure else _HONEST)]
        words += ["".join(chance.choices("abcdefghijklmnoprstuvw", k=8)) for _ in range(6)]
        text = " ".join(words)
        day = f"2026-04-{1 + number % 28:02}T10:00:00Z"
        yield {
            "id": f"m{number}", "sender": f"s{number % 7}", "sent_at": day, "text": text,
            "body": text, "label": "1" if lure else "0", "chat_id": f"c{number % 5}",
        }  # fmt: skip


def jsonl(path: Path, count: int = 60, seed: int = 4, every: int = 5) -> None:
    """Write a dump."""
    lines = (json.dumps(row) for row in messages(count, seed, every))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def table(path: Path, count: int = 900, seed: int = 5) -> None:
    """Write labelled messages."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, next(messages(1, 0)).keys())
        writer.writeheader()
        writer.writerows(messages(count, seed))


def scored(path: Path) -> None:
    """Write a dump that the detector at hand has scored."""
    jsonl(path.with_suffix(".jsonl.tmp"))
    detector = ScamDetector.load()
    detector.score_file(path.with_suffix(".jsonl.tmp"), path, source_format="jsonl")


def with_listed(path: Path) -> None:
    """Write a dump in which three messages have what others list."""
    jsonl(path)
    row = next(messages(1, 0)) | {"text": "pay at https://fee.example/now"}
    with path.open("a", encoding="utf-8") as file:
        file.write(3 * f"{json.dumps(row)}\n")


def looked_up(path: Path) -> None:
    """Write a dump that was scored with what others list."""
    feed, dump = path.with_suffix(".theirs.csv"), path.with_suffix(".jsonl.tmp")
    theirs(feed)
    with_listed(dump)
    listed, _ = read_feeds([feed])
    detector = ScamDetector.load()
    detector.score_file(dump, path, source_format="jsonl", listed=listed)


def theirs(path: Path) -> None:
    """Write what others list."""
    path.write_text("domain\nfee.example\n", "utf-8")


def sightings(path: Path) -> None:
    """Write what others saw."""
    path.write_text("signal,messages,organisation\nfee.example,42,Example Telco\n", "utf-8")


def folder(path: Path) -> None:
    """Write a folder of dumps."""
    path.mkdir()
    jsonl(path / "a.jsonl", seed=1)
    jsonl(path / "b.jsonl", seed=2)


def chats(path: Path) -> None:
    """Write a folder with an exported chat."""
    path.mkdir()
    lines = [
        f"12/03/2026, 18:0{minute} - {sender}: {text}"
        for minute, (sender, text) in enumerate(
            (("Ann Example", "lunch?"), ("Bo", "hello"), ("Bo", "guaranteed bitcoin profit"))
        )
    ]
    name = "WhatsApp Chat with Bo.txt"
    (path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def labelled(path: Path) -> None:
    """Write a queue after somebody has filled in its labels."""
    rows = ["row,key,text,label,part,inclusion_probability,decision,scam_probability"]
    rows += [f"{n},m{n},hello {n},legit,audit,0.5,pass,0.1" for n in range(1, 9)]
    rows += [f"{n},m{n},profit {n},scam,audit,0.5,flag,0.9" for n in range(9, 12)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def mail(path: Path) -> None:
    """Write a mail."""
    head = (
        "From: a@shop.example\nTo: b@shop.example\nSubject: Lunch\nMessage-ID: <1@shop.example>\n"
    )
    date = "Date: Thu, 2 Apr 2026 10:00:00 +0000\n"
    path.write_text(f"{head}{date}\nSee you at lunch\n", encoding="utf-8")


def mbox(path: Path) -> None:
    """Write an archive with a mail."""
    mail(path)
    begin = "From a@shop.example Thu Apr  2 10:00:00 2026\n"
    path.write_text(begin + path.read_text(encoding="utf-8"), encoding="utf-8")


def inbox(path: Path) -> None:
    """Copy the sample of the repository."""
    shutil.copy(ROOT / "data" / "samples" / "inbox.csv", path)


def reviewed(path: Path) -> None:
    """Write a review file in which people have decided, today."""
    today = datetime.datetime.now(datetime.UTC).date()
    write_review(path, [proposal(), proposal(IndicatorType.LINK)], today)


def bundle(path: Path) -> None:
    """Copy the bundle at hand."""
    shutil.copytree(ScamDetector.load().bundle.folder, path)


SAMPLES: dict[str, Callable[[Path], None]] = {
    "april.jsonl": jsonl,
    "april.parquet": scored,
    "archive.mbox": mbox,
    "chats/": chats,
    "data/samples/inbox.csv": inbox,
    "dump.jsonl": jsonl,
    "dump.scored.parquet": scored,
    "dumps/": folder,
    "from-them.csv": sightings,
    "known.csv": lambda path: path.write_text("sender\ns1\n", encoding="utf-8") and None,
    "last-week.jsonl": lambda path: jsonl(path, 1000, every=50),
    "map.toml": lambda path: path.write_text(_LABEL_MAP, encoding="utf-8") and None,
    "march.jsonl": jsonl,
    "march.parquet": scored,
    "may.jsonl": with_listed,
    "may.parquet": looked_up,
    "message.eml": mail,
    "messages.jsonl": jsonl,
    "models/scamdetect-small": bundle,
    "new-bundle": bundle,
    "own-bundle": bundle,
    "own-model": bundle,
    "own.csv": table,
    "queue.csv": labelled,
    "review.csv": labelled,
    "reviewed.csv": reviewed,
    "theirs.csv": theirs,
    "today.jsonl": lambda path: jsonl(path, seed=6, every=30),
    "week.jsonl": lambda path: jsonl(path, 1500),
    "yesterday.jsonl": lambda path: jsonl(path, 200, seed=7, every=2),
}
