"""Adapters for tables, lines and archives that the generic reader does not know."""

from __future__ import annotations

import ast
import csv
import gzip
import html
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from scamdetect.data.drafts import Draft
from scamdetect.data.readers import decode
from scamdetect.data.registry import Part, Source
from scamdetect.errors import SourceError

_HINDI_SHARE = 0.3
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x[01]?[0-9a-f]|[0-2]?\d|3[01]);", re.IGNORECASE
)
_FRAUD_MS = re.compile(r"\b(?:scam|penipu|(?:di|me)?tipu\b)", re.IGNORECASE)


def hinglish_turns(source: Source, folder: Path) -> Iterator[Draft]:
    """Read chatbot turns whose word tags tell Hindi from English."""
    for part, where, data in _read_files(source, folder):
        for item in _load_json(_decode(source, data, where), where):
            tags = ast.literal_eval(item["tags"])
            text = item["inputText"]
            hindi = tags.count("Hindi") >= _HINDI_SHARE * len(text.split())
            yield _draft(source, part, text, part.label or "", lang="hi" if hindi else "en")


def translated_pairs(source: Source, folder: Path) -> Iterator[Draft]:
    """Read records that hold an English sentence and its Korean machine translation."""
    for part, where, data in _read_files(source, folder):
        text = _decode(source, data, where)
        for record in csv.DictReader(io.StringIO(text, newline="")):
            label = f"finance:{record['labels']}"
            yield _draft(source, part, record["sentence"], label, lang="en")
            korean = _draft(source, part, record["kor_sentence"], label, lang="ko")
            yield replace(korean, generated="machine-translated")


def nested_news(source: Source, folder: Path) -> Iterator[Draft]:
    """Read headline and summary of crawled news, one section a file."""
    for part, where, data in _read_files(source, folder):
        section = where.split(".")[0].rpartition("-")[2]
        for item in _load_json(_decode(source, data, where), where):
            original = item["original"]
            summary = html.unescape(re.sub(r"<[^>]+>", "", original["summary"] or ""))
            text = f"{html.unescape(original['headline']).strip()}\n{summary.strip()}"
            label = "awareness" if _FRAUD_MS.search(text) else f"news_{section}"
            yield _draft(source, part, text, label)


def labelled_and_keyphrase_tweets(source: Source, folder: Path) -> Iterator[Draft]:
    """Read hand-labelled tweets (tab-separated) and key-phrase tweets (arrays in a JSON array)."""
    for part, where, data in _read_files(source, folder):
        text = _decode(source, data, where)
        if where.endswith(".json"):
            for item in _load_json(text, where):
                if len(item[0].split()) >= 3:
                    yield _draft(source, part, item[0], "tweet_keyphrase")
        else:
            for record in csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"):
                yield _draft(
                    source, part, record["text"], f"tweet_human_labelled:{record['sentiment']}"
                )


def gzip_json_lines(source: Source, folder: Path) -> Iterator[Draft]:
    """Read the field ``text`` of gzip-compressed JSON lines."""
    for part, where, data in _read_files(source, folder):
        try:
            lines = _decode(source, gzip.decompress(data), where).split("\n")
        except (gzip.BadGzipFile, EOFError) as problem:
            raise SourceError(f"{source.slug}/{where}: not a gzip file ({problem})") from problem
        for item in _load_json(f"[{','.join(filter(str.strip, lines))}]", where):
            yield _draft(source, part, item["text"], part.label or "")


def intent_folds(source: Source, folder: Path) -> Iterator[Draft]:
    """Read requests with their intents; the folder is the domain."""
    for part, where, data in _read_files(source, folder):
        domain = where.partition("/")[0]
        for item in _load_json(_decode(source, data, where), where):
            intents = ",".join(item.get("intents", [])[:3])
            yield _draft(source, part, item["text"], f"{domain}:{intents}")


def nus_sms(source: Source, folder: Path) -> Iterator[Draft]:
    """Read the zipped XML of the NUS SMS Corpus, labelled with the time of collection."""
    for part, where, data in _read_files(source, folder):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                text = _decode(source, archive.read(archive.namelist()[0]), where)
        except zipfile.BadZipFile as problem:
            raise SourceError(f"{source.slug}/{where}: not a ZIP archive ({problem})") from problem
        # The file holds control characters, which XML forbids even as references.
        stream = io.StringIO(_CONTROL.sub("", text))
        try:
            for _, message in ElementTree.iterparse(stream):
                if message.tag == "message":
                    method = message.find("collectionMethod")
                    time = "unknown" if method is None else method.get("time", "unknown")
                    # Dropped here, for repeats of dropped messages must stay.
                    if source.labels.get(f"nus_{time}") != "drop":
                        yield _draft(source, part, message.findtext("text") or "", f"nus_{time}")
                    message.clear()
        except ElementTree.ParseError as problem:
            raise SourceError(f"{source.slug}/{where}: no valid XML ({problem})") from problem


def _read_files(source: Source, folder: Path) -> Iterator[tuple[Part, str, bytes]]:
    assert source.read is not None
    for part in source.read.parts:
        paths = [file.path for file in source.files if fnmatch(file.path, part.files)]
        if not paths:
            raise SourceError(f"{source.slug}: no listed file matches {part.files!r}")
        for path in paths:
            try:
                yield part, path, (folder / path).read_bytes()
            except FileNotFoundError as problem:
                raise SourceError(
                    f"{folder / path}: missing; run: scamdetect data fetch --only {source.slug}"
                ) from problem


def _decode(source: Source, data: bytes, where: str) -> str:
    assert source.read is not None
    try:
        return decode(data, source.read.encoding, source.read.errors)
    except UnicodeDecodeError as problem:
        raise SourceError(f"{source.slug}/{where}: cannot be decoded ({problem})") from problem


def _load_json(text: str, where: str) -> list[Any]:
    try:
        items = json.loads(text)
    except json.JSONDecodeError as problem:
        raise SourceError(f"{where}: cannot be read as JSON ({problem})") from problem
    if not isinstance(items, list):
        raise SourceError(f"{where}: expected a JSON array")
    return items


def _draft(source: Source, part: Part, text: str, label: str, lang: str | None = None) -> Draft:
    row = source.row
    assert row is not None
    return Draft(
        text=text,
        label=label,
        lang=lang or part.lang or row.lang or "und",
        channel=part.channel or row.channel,
        orig_label=label,
        split=part.split,
        generated=part.generated or row.generated,
    )


ADAPTERS: dict[str, Callable[[Source, Path], Iterator[Draft]]] = {
    "gzip_json_lines": gzip_json_lines,
    "hinglish_turns": hinglish_turns,
    "intent_folds": intent_folds,
    "labelled_and_keyphrase_tweets": labelled_and_keyphrase_tweets,
    "nested_news": nested_news,
    "nus_sms": nus_sms,
    "translated_pairs": translated_pairs,
}
