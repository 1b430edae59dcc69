"""Adapters for conversations: turn lists become one text with a line a turn, "A: " and "B: "."""

from __future__ import annotations

import io
import lzma
import random
import re
import string
import tarfile
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path

from scamdetect.errors import SourceError
from scamdetect.train.data.drafts import Draft, make_draft
from scamdetect.train.data.readers import (
    decode_file,
    read_files,
    read_gzip_json_lines,
    read_of,
    read_records_as,
)
from scamdetect.train.data.registry import Source


def alternate(turns: Iterable[str]) -> str:
    """Return the turns as lines spoken by A and B by turns."""
    return "\n".join(f"{'AB'[place % 2]}: {turn}" for place, turn in enumerate(turns))


def detokenise_english(text: str) -> str:
    """Remove the blanks that a tokeniser put before punctuation and clitics."""
    text = re.sub(r"\s+([.,!?;:%)\]’])", r"\1", text)
    return re.sub(r"\s*’\s*(s|t|m|re|ve|ll|d)\b", r"’\1", text)


def xdailydialog(source: Source, folder: Path) -> Iterator[Draft]:
    """Read one dialogue a line, turns divided by ``__eou__``, label numbers after the last."""
    for _, lines in groupby(read_records_as(source, folder, "lines"), lambda pair: pair[1]["file"]):
        for number, (part, record) in enumerate(lines):
            turns = [turn for turn in map(str.strip, record["text"].split("__eou__")) if turn]
            if len(turns) < 2:
                continue
            turns = [re.sub(r"(\t[\d ]*)+$", "", turn).strip() for turn in turns]
            turns = [turn for turn in turns if not re.match(r"\d+(\t|$)|[\d\s]*$", turn)]
            if part.lang == "en":
                turns = list(map(detokenise_english, turns))
            if part.lang == "de":
                turns = [re.sub(r"(?<=[a-zäöüß][.!?])(?=[A-ZÄÖÜ])", " ", turn) for turn in turns]
            if len(turns) >= 2:
                thread_id = f"xdd_{part.split}_{number}"
                yield make_draft(source, part, alternate(turns), thread_id=thread_id)


def xpersona(source: Source, folder: Path) -> Iterator[Draft]:
    """Read persona chats, lists of pairs of turns; A is who breaks the silence."""
    for _, records in groupby(
        read_records_as(source, folder, "json"), lambda pair: pair[1]["file"]
    ):
        for number, (part, record) in enumerate(records):
            turns = [turn.strip() for pair in record["dialogue"] for turn in pair if turn.strip()]
            if turns and "SILENCE" in turns[0]:
                turns = turns[1:]
            if part.lang == "en":
                turns = list(map(detokenise_english, turns))
            text = alternate(turns)
            if len(text) > 20:
                yield make_draft(source, part, text, thread_id=f"{part.lang}_{part.split}_{number}")


def business_scenes(source: Source, folder: Path) -> Iterator[Draft]:
    """Read dialogues that hold each sentence in two languages, with the speakers' names."""
    for part, record in read_records_as(source, folder, "json"):
        for lang in ("en", "ja"):
            letters: dict[str, str] = {}
            lines = []
            for turn in record["conversation"]:
                last = string.ascii_uppercase[min(len(letters), 9)]
                letter = letters.setdefault(turn[f"{lang}_speaker"], last)
                lines.append(f"{letter}: {turn[f'{lang}_sentence'].strip()}")
            label, text = f"business:{record['tag']}", "\n".join(lines)
            yield make_draft(source, part, text, label, lang=lang, thread_id=record["id"])


def translated_turns(source: Source, folder: Path) -> Iterator[Draft]:
    """Read JSON lines with the field ``turns_<language>`` beside the English original."""
    for part, record in read_records_as(source, folder, "jsonl"):
        for name, turns in record.items():
            if name.startswith("turns_") and name != "turns_en":
                text = alternate(map(str.strip, turns))
                yield make_draft(source, part, text, thread_id=record["dialogue_id"])


def named_turns(source: Source, folder: Path) -> Iterator[Draft]:
    """Read a dialogue a file, lines "name: utterance"; A is the first name, B every other."""
    for _, lines in groupby(read_records_as(source, folder, "lines"), lambda pair: pair[1]["file"]):
        pairs = list(lines)
        spoken = [line.partition(":") for _, record in pairs if ":" in (line := record["text"])]
        if len(spoken) > 3:
            first = spoken[0][0].strip()
            text = "\n".join(
                f"{'A' if name.strip() == first else 'B'}: {words.strip()}"
                for name, _, words in spoken
            )
            part, record = pairs[0]
            yield make_draft(source, part, text, thread_id=Path(record["file"]).name)


def dashed_blocks(source: Source, folder: Path) -> Iterator[Draft]:
    """Read packed text files: dialogues between empty lines, each turn after a hyphen."""
    for part, path, data in read_files(source, folder):
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                texts = [
                    decode_file(source, path, content.read())
                    for member in archive
                    if (content := archive.extractfile(member)) is not None
                ]
        except (OSError, lzma.LZMAError, tarfile.TarError) as problem:
            raise SourceError(f"{source.slug}/{path}: cannot be read ({problem})") from problem
        for block in re.split(r"\n\n\n+", "\n\n\n".join(texts)):
            turns = [line[1:].strip() for line in block.split("\n") if line.startswith("-")]
            if 2 <= len(turns) <= 14:
                yield make_draft(source, part, alternate(turns))


_LINK_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJK23456789"
_NUMBERS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 24, 30, 50, 100)


def emoji_tweets(source: Source, folder: Path) -> Iterator[Draft]:
    """Read tweets whose users, links, numbers and emoji are masked, and fill the masks.

    Links and numbers are invented with a fixed seed, so that each tweet reads as if never masked.
    """
    generator = random.Random(0)

    def invent_link(_: re.Match[str]) -> str:
        return "https://t.co/" + "".join(generator.choices(_LINK_LETTERS, k=10))

    def invent_number(_: re.Match[str]) -> str:
        return str(generator.choice(_NUMBERS))

    for part, record in read_gzip_json_lines(source, folder):
        text = record["text"].replace("_usr", "@usuario")
        text = re.sub(r"\s*_emo", "", text.replace("_emo", record["klass"], 1))
        text = re.sub("_num", invent_number, re.sub("_url", invent_link, text))
        yield make_draft(source, part, text)


def public_notices(source: Source, folder: Path) -> Iterator[Draft]:
    """Read web pages of a bank's notices: the text between the release date and the copyright."""
    for part, record in read_records_as(source, folder, "csv"):
        content = re.sub(r"(?s)\A.*?(Release Date|Tarikh Siaran):[^\n]*\n", "", record["content"])
        content = re.sub(r"(?m)^\s*(Reading:.*|Share:|Shares)\s*$", "", content.partition("©")[0])
        content = re.sub(r" ?\n\s*", "\n", re.sub(r"[ \t\r\xa0]+", " ", content)).strip()
        if len(content) < 80 or "cuma terdapat dalam Bahasa Inggeris" in content:
            continue
        text = f"{record['title'].strip()}\n{content}"[:1500]
        yield make_draft(source, part, text, thread_id=record["link"])


def romance_talk(source: Source, folder: Path) -> Iterator[Draft]:
    """Read a CSV of Reddit posts, then a ZIP with a CSV of tweets a search word."""
    posts, tweets = read_of(source).parts
    for part, record in read_records_as(source, folder, "csv", [posts]):
        text = f"{record['Title'].strip()}\n{record['Content'].strip()}".strip()
        if len(text) >= 60:
            label = f"reddit:{record['Subreddit']} (talk about scams)"
            yield make_draft(source, part, text, label, lang="en", thread_id=record["ID"])
    for part, record in read_records_as(source, folder, "csv", [tweets], members="*.csv"):
        text = record["text"].strip()
        if len(text) >= 40:
            label = f"tweet:{record['stem'].partition('_')[0]} (talk about scams)"
            lang = "hi" if re.search(r"[\u0900-\u097f]", text) else "en"
            yield make_draft(source, part, text, label, lang=lang)


ADAPTERS: dict[str, Callable[[Source, Path], Iterator[Draft]]] = {
    "business_scenes": business_scenes,
    "dashed_blocks": dashed_blocks,
    "emoji_tweets": emoji_tweets,
    "named_turns": named_turns,
    "public_notices": public_notices,
    "romance_talk": romance_talk,
    "translated_turns": translated_turns,
    "xdailydialog": xdailydialog,
    "xpersona": xpersona,
}
