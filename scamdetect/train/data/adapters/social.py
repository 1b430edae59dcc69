"""Adapters for odd social sources."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from scamdetect.errors import SourceError
from scamdetect.train.data.drafts import Draft, make_draft
from scamdetect.train.data.readers import (
    decode_file,
    read_file,
    read_gzip_json_lines,
    read_records_as,
    read_texts,
)
from scamdetect.train.data.registry import Source

QUORA_CHARS = (150, 1800)  # shorter answers are left out, longer ones cut
GLUE_TO = 900  # characters of a piece of an advice page
LEAST_PIECE = 150
LONGEST_PIECE = 1400
CUT_BETWEEN = (400, 1200)  # where a longer piece may end: a full stop earlier saves too little

_LANGUAGE_CODES = dict(
    pair.split(":")
    for pair in (
        "afrikaans:af albanian:sq arabic:ar bengali:bn bulgarian:bg catalan:ca chinese:zh "
        "croatian:hr czech:cs danish:da divehi:dv dutch:nl english:en estonian:et filipino:tl "
        "finnish:fi french:fr ganda:lg german:de greek:el gujarati:gu hebrew:he hindi:hi "
        "hungarian:hu icelandic:is igbo:ig indonesian:id italian:it japanese:ja javanese:jv "
        "kannada:kn kinyarwanda:rw korean:ko latvian:lv lithuanian:lt malay:ms maltese:mt "
        "marathi:mr mongolian:mn norwegian:no persian:fa polish:pl portuguese:pt punjabi:pa "
        "romanian:ro russian:ru serbian:sr sinhala:si slovak:sk slovenian:sl spanish:es "
        "swahili:sw swedish:sv tagalog:tl tamil:ta telugu:te thai:th turkish:tr ukrainian:uk "
        "urdu:ur uzbek:uz vietnamese:vi welsh:cy yoruba:yo zulu:zu"
    ).split()
)


def split_zip_tables(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the rows of the CSV files of an archive; each file is a split."""
    for part, record in read_records_as(source, folder, "csv", members="*.csv"):
        draft = make_draft(source, part, record["free_text"], record["label_id"])
        yield replace(draft, split=record["stem"])


def texts_beside_labels(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the lines of ``*_text.txt`` with the label on the same line of ``*_labels.txt``."""
    for part, path, content in read_texts(source, folder):
        texts = [line for line in content.split("\n") if line]
        labels_path = path.replace("_text.txt", "_labels.txt")
        labels = decode_file(source, labels_path, read_file(source, folder / labels_path)).split()
        if len(labels) != len(texts):
            raise SourceError(
                f"{source.slug}/{labels_path}: holds {len(labels)} labels for {len(texts)} texts"
            )
        for text, label in zip(texts, labels, strict=True):
            yield make_draft(source, part, text, label)


def reported_smishing(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield reported messages with their scam type, in the language that the report names."""
    for part, record in read_records_as(source, folder, "csv"):
        if missing := {"text", "language", "scam_type"} - set(record):
            columns = ", ".join(sorted(missing))
            raise SourceError(f"{source.slug}/{record['file']}: a line lacks {columns}")
        lang = _LANGUAGE_CODES.get(record["language"].strip().lower(), "und")
        scam_type = record["scam_type"].strip().lower()
        yield make_draft(source, part, record["text"], scam_type, lang=lang)


def quora_answers(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the long answers as plain text, one thread a question."""
    least, most = QUORA_CHARS
    for part, answer in read_gzip_json_lines(source, folder):
        text = _plain_text(answer["content"]["answer"])
        if not answer["spam"] and len(text) >= least:
            question = answer["id"].partition("/answer")[0]
            yield make_draft(source, part, text[:most], thread_id=question)


def advice_pages(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield scraped pages in pieces of the length of a long message, one thread a page."""
    for part, page in read_records_as(source, folder, "json"):
        for piece in _pieces(page.get("content") or ""):
            yield make_draft(source, part, piece, thread_id=page.get("url"))


def _plain_text(markup: str) -> str:
    text = re.sub(r"<br\s*/?>|</p>|</li>", "\n", markup, flags=re.IGNORECASE)
    text = html.unescape(re.sub(r"<[^>]+>", "", text))
    return re.sub(r"\n\s*\n", "\n", re.sub(r"[ \t]+", " ", text)).strip()


def _pieces(content: str) -> Iterator[str]:
    piece = ""
    for block in re.split(r"\n\s*\n|\n(?=#)", re.sub(r"[ \t]+", " ", content)):
        block = block.strip()
        if piece and block and len(piece) >= LEAST_PIECE and len(piece + block) > GLUE_TO:
            yield from _cut(piece)
            piece = block
        elif block:
            piece = f"{piece}\n{block}" if piece else block
    if len(piece) >= LEAST_PIECE:
        yield from _cut(piece)


def _cut(piece: str) -> Iterator[str]:
    earliest, latest = CUT_BETWEEN
    while len(piece) > LONGEST_PIECE:
        stop = piece.rfind(". ", 0, latest)
        end = (stop if stop > earliest else latest) + 1
        yield piece[:end]
        piece = piece[end:].strip()
    yield piece


ADAPTERS: dict[str, Callable[[Source, Path], Iterator[Draft]]] = {
    "advice_pages": advice_pages,
    "quora_answers": quora_answers,
    "reported_smishing": reported_smishing,
    "split_zip_tables": split_zip_tables,
    "texts_beside_labels": texts_beside_labels,
}
