"""Adapters for tables, lines and archives that the generic reader does not know."""

from __future__ import annotations

import ast
import html
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from scamdetect.errors import SourceError
from scamdetect.train.data.drafts import Draft, make_draft
from scamdetect.train.data.readers import (
    decode_file,
    load_json,
    open_zip,
    read_files,
    read_gzip_json_lines,
    read_of,
    read_records_as,
)
from scamdetect.train.data.registry import Source

_HINDI_SHARE = 0.3
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x[01]?[0-9a-f]|[0-2]?\d|3[01]);", re.IGNORECASE
)
_FRAUD_MS = re.compile(r"\b(?:scam|penipu|(?:di|me)?tipu\b)", re.IGNORECASE)


def hinglish_turns(source: Source, folder: Path) -> Iterator[Draft]:
    """Read chatbot turns whose word tags tell Hindi from English."""
    for part, record in read_records_as(source, folder, "json"):
        tags = ast.literal_eval(record["tags"])
        text = record["inputText"]
        hindi = tags.count("Hindi") >= _HINDI_SHARE * len(text.split())
        yield make_draft(source, part, text, lang="hi" if hindi else "en")


def translated_pairs(source: Source, folder: Path) -> Iterator[Draft]:
    """Read records that hold an English sentence and its Korean machine translation."""
    for part, record in read_records_as(source, folder, "csv"):
        label = f"finance:{record['labels']}"
        yield make_draft(source, part, record["sentence"], label, lang="en")
        korean = make_draft(source, part, record["kor_sentence"], label, lang="ko")
        yield replace(korean, generated="machine-translated")


def nested_news(source: Source, folder: Path) -> Iterator[Draft]:
    """Read headline and summary of crawled news, one section a file."""
    for part, record in read_records_as(source, folder, "json"):
        section = record["file"].split(".")[0].rpartition("-")[2]
        original = record["original"]
        summary = html.unescape(re.sub(r"<[^>]+>", "", original["summary"] or ""))
        text = f"{html.unescape(original['headline']).strip()}\n{summary.strip()}"
        label = "awareness" if _FRAUD_MS.search(text) else f"news_{section}"
        yield make_draft(source, part, text, label)


def labelled_and_keyphrase_tweets(source: Source, folder: Path) -> Iterator[Draft]:
    """Read tables of hand-labelled tweets, then key-phrase tweets (arrays in a JSON array)."""
    parts = read_of(source).parts
    tables = [part for part in parts if not part.files.endswith(".json")]
    for part, record in read_records_as(source, folder, "csv", tables):
        label = f"tweet_human_labelled:{record['sentiment']}"
        yield make_draft(source, part, record["text"], label)
    for part, path, data in read_files(source, folder):
        if part not in tables:
            for text, *_ in load_json(source, path, data):
                if len(text.split()) >= 3:
                    yield make_draft(source, part, text, "tweet_keyphrase")


def gzip_json_lines(source: Source, folder: Path) -> Iterator[Draft]:
    """Read the field ``text`` of gzip-compressed JSON lines."""
    for part, record in read_gzip_json_lines(source, folder):
        yield make_draft(source, part, record["text"])


def intent_folds(source: Source, folder: Path) -> Iterator[Draft]:
    """Read requests with their intents; the folder is the domain."""
    for part, record in read_records_as(source, folder, "json"):
        domain = record["file"].partition("/")[0]
        intents = ",".join(record.get("intents", [])[:3])
        yield make_draft(source, part, record["text"], f"{domain}:{intents}")


def nus_sms(source: Source, folder: Path) -> Iterator[Draft]:
    """Read the zipped XML of the NUS SMS Corpus, labelled with the time of collection."""
    for part, path, data in read_files(source, folder):
        with open_zip(source, path, data) as archive:
            text = decode_file(source, path, archive.read(archive.namelist()[0]))
        # The file holds control characters, which XML forbids even as references.
        stream = io.StringIO(_CONTROL.sub("", text))
        try:
            for _, message in ElementTree.iterparse(stream):
                if message.tag == "message":
                    method = message.find("collectionMethod")
                    time = "unknown" if method is None else method.get("time", "unknown")
                    yield make_draft(source, part, message.findtext("text") or "", f"nus_{time}")
                    message.clear()
        except ElementTree.ParseError as problem:
            raise SourceError(f"{source.slug}/{path}: no valid XML ({problem})") from problem


ADAPTERS: dict[str, Callable[[Source, Path], Iterator[Draft]]] = {
    "gzip_json_lines": gzip_json_lines,
    "hinglish_turns": hinglish_turns,
    "intent_folds": intent_folds,
    "labelled_and_keyphrase_tweets": labelled_and_keyphrase_tweets,
    "nested_news": nested_news,
    "nus_sms": nus_sms,
    "translated_pairs": translated_pairs,
}
