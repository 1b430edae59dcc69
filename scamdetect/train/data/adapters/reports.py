"""Adapters for messages that people reported, and for lists of comments."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from scamdetect.errors import SourceError
from scamdetect.train.data.drafts import Draft, make_draft
from scamdetect.train.data.readers import load_json, read_files, read_records_as, read_texts
from scamdetect.train.data.registry import Source

_FIRST_INDEX = 3000  # of korean_message: earlier rows repeat another source
_LETTERS = re.compile(r"[^\W\d_]")
_QUESTIONS = "[?\uff1f]"  # what the source's export left of letters that it could not write
_MOST_QUESTIONS = 0.25
_FEWEST_LETTERS = 10
_UKRAINIAN, _RUSSIAN = re.compile("[іїєґ]", re.IGNORECASE), re.compile("[ыэъё]", re.IGNORECASE)


def penipuan_reports(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield reported messages; the label joins the reporter's type and the source's model's."""
    for part, record in read_records_as(source, folder, "csv"):
        label = f"{record['type']}/{record['type_pred']}".lower()
        yield make_draft(source, part, record["message"] or "", label)


def kisa_reports(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield reported messages without the marks of letters that the source lost.

    A message is left out if a quarter of it is such marks, or if few letters remain.
    """
    for part, record in read_records_as(source, folder, "csv"):
        text = record["SMS"] or ""
        lost = len(re.findall(_QUESTIONS, text))
        text = re.sub(_QUESTIONS + "{2,}", "", text)
        text = re.sub(rf"(?<=\w){_QUESTIONS}(?=\w)", "", text)
        text = re.sub(r"[ \t]+", " ", text).strip()
        letters = _LETTERS.findall(re.sub(r"\[[^\]]*\]", "", text))
        if lost <= _MOST_QUESTIONS * len(record["SMS"] or "") and len(letters) >= _FEWEST_LETTERS:
            yield make_draft(source, part, text, record["Keyword"])


def korean_message(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the messages of a numbered table from the first index that no other source has."""
    for part, record in read_records_as(source, folder, "csv"):
        try:
            known = float(record["index"]) >= _FIRST_INDEX
        except ValueError:
            known = False
        if known and len(_LETTERS.findall(record["content"] or "")) >= 8:
            yield make_draft(source, part, record["content"], record["class"])


def ukrainian_comments(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield comments as Ukrainian or Russian by the letters that only one of them has."""
    for part, record in read_records_as(source, folder, "csv"):
        text = record["commenttext"] or ""
        balance = len(_UKRAINIAN.findall(text)) - len(_RUSSIAN.findall(text))
        if balance:
            lang = "uk" if balance > 0 else "ru"
            yield make_draft(source, part, text, record["spam"], lang=lang)


def video_texts(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield title and description of videos: two CSV cells, a tab and True or False a line."""
    for part, path, content in read_texts(source, folder):
        for number, line in enumerate(content.split("\n"), 1):
            if not line.strip():
                continue
            cells, _, label = line.rstrip().rpartition("\t")
            texts = next(csv.reader([cells]), [])
            if label.strip() not in ("True", "False") or not texts:
                raise SourceError(
                    f"{source.slug}/{path}:{number}: expected texts, a tab and True or False"
                )
            text = "\n".join(cell.strip() for cell in texts if cell.strip())
            yield make_draft(source, part, text[:4000], label.strip())


def comment_lists(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the comments of the lists in a JSON object, labelled by their own field."""
    for part, path, data in read_files(source, folder):
        for records in load_json(source, path, data).values():
            for record in records:
                yield make_draft(source, part, record["comment"], str(record["scam"]))


def numbered_reports(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield reports with their row number, by which a role file gives them part and verdict.

    The columns are found by name, so that a transcription with other columns beside reads alike.
    """
    for part, path, content in read_texts(source, folder):
        lines = content.split("\n")
        names = lines[0].rstrip("\r").split("\t")
        if missing := {"row", "language", "scam_type", "text"} - set(names):
            raise SourceError(f"{source.slug}/{path}:1: no column {', '.join(sorted(missing))}")
        for number, line in enumerate(lines[1:], 2):
            if not line.strip():
                continue
            values = line.rstrip("\r").split("\t", len(names) - 1)
            if len(values) != len(names):
                raise SourceError(f"{source.slug}/{path}:{number}: not {len(names)} fields")
            record = dict(zip(names, values, strict=True))
            text = record["text"].replace("\\n", "\n")
            draft = make_draft(source, part, text, record["scam_type"], lang=record["language"])
            yield replace(draft, number=record["row"])


ADAPTERS: dict[str, Callable[[Source, Path], Iterator[Draft]]] = {
    "comment_lists": comment_lists,
    "kisa_reports": kisa_reports,
    "korean_message": korean_message,
    "numbered_reports": numbered_reports,
    "penipuan_reports": penipuan_reports,
    "ukrainian_comments": ukrainian_comments,
    "video_texts": video_texts,
}
