"""Adapters for message files whose lines no CSV reader takes apart rightly."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from scamdetect.train.data.drafts import Draft, make_draft
from scamdetect.train.data.readers import read_texts
from scamdetect.train.data.registry import Part, Source

_EXAIS_LABEL, _EXAIS_MESSAGE = 6, 7
_EXAIS_LABEL_AGAIN = re.compile(r",{3,}\s*(?:ham|spam)$", re.IGNORECASE)

_MPESA_START = re.compile(r'"?\d+_\d+,\w+,')
_MPESA_RECORD = re.compile(
    r"\d+_\d+,(?P<sender>\w+),(?P<text>.*),(?P<label>[01]),\d+,[^,]*", re.DOTALL
)


def labelled_lines(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield lines of a label, the delimiter and a text that may hold the delimiter again.

    Lines that start with no known label are no messages; ``read.quoted`` unquotes the texts.
    """
    assert source.read is not None
    for part, content in _texts(source, folder):
        for line in content.split("\n"):
            label, found, text = line.partition(source.read.delimiter)
            label = label.strip().lower()
            if found and label in source.labels:
                yield make_draft(
                    source, part, _unquote(text) if source.read.quoted else text, label
                )


def blank_line_blocks(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the blocks that blank lines part."""
    for part, content in _texts(source, folder):
        for block in re.split(r"\n\s*\n", content):
            yield make_draft(source, part, block)


def lines_by_script(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield each line as Russian or English, whichever alphabet it is written in."""
    for part, content in _texts(source, folder):
        for line in content.split("\n"):
            yield make_draft(source, part, line, lang=_language_by_script(line))


def exais_table(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the messages of a table whose commas inside messages are not quoted.

    A label that some lines hold a second time, behind the empty columns, is no part of the text.
    """
    for part, content in _texts(source, folder):
        for record in csv.reader(io.StringIO(content, newline="")):
            if len(record) > _EXAIS_MESSAGE and record[0] == "SMS":
                text = ",".join(record[_EXAIS_MESSAGE:]).rstrip(", ")
                text = _EXAIS_LABEL_AGAIN.sub("", text)
                yield make_draft(source, part, text, record[_EXAIS_LABEL].strip().upper())


def one_column_table(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the rows of a one-column table, in which a comma that splits a text is part of it."""
    for part, content in _texts(source, folder):
        for record in list(csv.reader(content.splitlines()))[1:]:
            yield make_draft(source, part, ",".join(record))


def mpesa_table(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the messages of a table that was saved as CSV twice, with two layers of quotes."""
    for part, content in _texts(source, folder):
        lines = [re.sub(r";{3,}\s*$", "", line) for line in content.split("\n")[1:]]
        starts = [place for place, line in enumerate(lines) if _MPESA_START.match(line)]
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            record = "\n".join(lines[start:end]).strip()
            if record.startswith('"'):
                record = record[1:].removesuffix('"').replace('""', '"')
            found = _MPESA_RECORD.fullmatch(record)
            if found is None:
                continue
            sender = found["sender"]
            text = _unquote(found["text"].strip()).replace("\N{REPLACEMENT CHARACTER}", "")
            name = "smishing" if found["label"] == "1" else "legit"
            yield Draft(
                text=text,
                label=found["label"],
                lang="pt",
                channel="sms" if sender == "sms" else "chat",
                orig_label=f"{name}/{sender}",
                split=part.split,
            )


def _texts(source: Source, folder: Path) -> Iterator[tuple[Part, str]]:
    for part, _, content in read_texts(source, folder):
        yield part, content.replace("\r\n", "\n")


def _unquote(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        text = text[1:-1].replace('""', '"')
    return text


def _language_by_script(text: str) -> str:
    cyrillic = len(re.findall(r"[а-яё]", text.lower()))
    latin = len(re.findall(r"[a-z]", text.lower()))
    if cyrillic > 3 and cyrillic >= 0.3 * latin:
        return "ru"
    return "en" if latin > 3 else "ru"


ADAPTERS: dict[str, Callable[[Source, Path], Iterator[Draft]]] = {
    "labelled_lines": labelled_lines,
    "blank_line_blocks": blank_line_blocks,
    "lines_by_script": lines_by_script,
    "exais_table": exais_table,
    "one_column_table": one_column_table,
    "mpesa_table": mpesa_table,
}
