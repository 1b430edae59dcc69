"""Adapters for odd social sources."""

from __future__ import annotations

import csv
import gzip
import html
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from scamdetect.data.drafts import Draft
from scamdetect.data.registry import Part, Source
from scamdetect.errors import SourceError

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
    """Yield the rows that [labels] names from the CSV files of an archive; each file is a split."""
    for part, path, data in _read_files(source, folder):
        with _archive(data, f"{source.slug}/{path}") as archive:
            for name in archive.namelist():
                if name.endswith(".csv") and not name.startswith("__MACOSX"):
                    table = io.StringIO(archive.read(name).decode("utf-8-sig"), newline="")
                    for record in csv.DictReader(table):
                        # Left out here, for a row dropped later could hide a kept repeat.
                        if record["label_id"] in source.labels:
                            split = PurePosixPath(name).stem
                            yield _draft(
                                source, part, record["free_text"], record["label_id"], split=split
                            )


def texts_beside_labels(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the lines of ``*_text.txt`` with the label on the same line of ``*_labels.txt``."""
    for part, path, data in _read_files(source, folder):
        texts = data.decode("utf-8").split("\n")
        labels_path = folder / path.replace("_text.txt", "_labels.txt")
        labels = _read(labels_path).decode("utf-8").split()
        if len(labels) != len(texts) - texts.count(""):
            raise SourceError(f"{labels_path}: holds {len(labels)} labels for other texts")
        for text, label in zip(filter(None, texts), labels, strict=True):
            yield _draft(source, part, text, label)


def reported_smishing(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield reported messages with their scam type, in the language that the report names."""
    for part, path, data in _read_files(source, folder):
        table = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        missing = {"text", "language", "scam_type"} - set(table.fieldnames or ())
        if missing:
            raise SourceError(f"{source.slug}/{path}: has no column {', '.join(sorted(missing))}")
        for record in table:
            lang = _LANGUAGE_CODES.get((record["language"] or "").strip().lower(), "und")
            scam_type = (record["scam_type"] or "").strip().lower()
            yield _draft(source, part, record["text"] or "", scam_type, lang=lang)


def quora_answers(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the long answers as plain text, one thread a question."""
    least, most = QUORA_CHARS
    for part, _, data in _read_files(source, folder):
        for line in gzip.decompress(data).decode("utf-8").split("\n"):
            if not line.strip():
                continue
            answer = json.loads(line)
            text = _plain_text(answer["content"]["answer"])
            if not answer["spam"] and len(text) >= least:
                question = answer["id"].partition("/answer")[0]
                yield _draft(source, part, text[:most], thread_id=question)


def advice_pages(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield scraped pages in pieces of the length of a long message, one thread a page."""
    for part, _, data in _read_files(source, folder):
        pages = json.loads(data)
        for page in pages if isinstance(pages, list) else [pages]:
            for piece in _pieces(page.get("content") or ""):
                yield _draft(source, part, piece, thread_id=page.get("url"))


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


def _read_files(source: Source, folder: Path) -> Iterator[tuple[Part, str, bytes]]:
    assert source.read is not None
    for part in source.read.parts:
        for file in source.files:
            if file.role == "data" and fnmatch(file.path, part.files):
                yield part, file.path, _read(folder / file.path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as problem:
        raise SourceError(f"{path}: missing; run: scamdetect data fetch") from problem


def _archive(data: bytes, where: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as problem:
        raise SourceError(f"{where}: not a ZIP archive ({problem})") from problem


def _draft(
    source: Source,
    part: Part,
    text: str,
    label: str = "",
    *,
    lang: str | None = None,
    split: str | None = None,
    thread_id: str | None = None,
) -> Draft:
    row = source.row
    assert row is not None
    return Draft(
        text=text.strip(),
        label=label,
        lang=lang or part.lang or row.lang or "und",
        channel=row.channel,
        orig_label=row.orig_label or label,
        split=split or part.split,
        thread_id=thread_id,
    )


ADAPTERS: dict[str, Callable[[Source, Path], Iterator[Draft]]] = {
    "advice_pages": advice_pages,
    "quora_answers": quora_answers,
    "reported_smishing": reported_smishing,
    "split_zip_tables": split_zip_tables,
    "texts_beside_labels": texts_beside_labels,
}
