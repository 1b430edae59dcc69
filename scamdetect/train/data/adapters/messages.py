"""Adapters for tables, lines, reports and comments that the generic reader does not know."""

from __future__ import annotations

import ast
import csv
import html
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from scamdetect.errors import SourceError
from scamdetect.train.data.readers import (
    Draft,
    decode_file,
    load_json,
    make_draft,
    open_zip,
    read_file,
    read_files,
    read_gzip_json_lines,
    read_of,
    read_records_as,
    read_texts,
)
from scamdetect.train.data.registry import Part, Source

_EXAIS_LABEL, _EXAIS_MESSAGE = 6, 7
_EXAIS_LABEL_AGAIN = re.compile(r",{3,}\s*(?:ham|spam)$", re.IGNORECASE)

_MPESA_START = re.compile(r'"?\d+_\d+,\w+,')
_MPESA_RECORD = re.compile(
    r"\d+_\d+,(?P<sender>\w+),(?P<text>.*),(?P<label>[01]),\d+,[^,]*", re.DOTALL
)


def labelled_lines(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield lines of a label, the delimiter and a text that may hold the delimiter again.

    Lines without a known label at their start are not messages; ``read.quoted`` unquotes the texts.
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
    """Yield the blocks between blank lines."""
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

    A label that some lines repeat after the empty columns is not part of the text.
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
    """Yield reports with their row number, which a role file uses to set part and verdict.

    The columns are found by name, so a transcription can have additional columns.
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
    "labelled_lines": labelled_lines,
    "blank_line_blocks": blank_line_blocks,
    "lines_by_script": lines_by_script,
    "exais_table": exais_table,
    "one_column_table": one_column_table,
    "mpesa_table": mpesa_table,
    "comment_lists": comment_lists,
    "kisa_reports": kisa_reports,
    "korean_message": korean_message,
    "numbered_reports": numbered_reports,
    "penipuan_reports": penipuan_reports,
    "ukrainian_comments": ukrainian_comments,
    "video_texts": video_texts,
    "advice_pages": advice_pages,
    "quora_answers": quora_answers,
    "reported_smishing": reported_smishing,
    "split_zip_tables": split_zip_tables,
    "texts_beside_labels": texts_beside_labels,
    "gzip_json_lines": gzip_json_lines,
    "hinglish_turns": hinglish_turns,
    "intent_folds": intent_folds,
    "labelled_and_keyphrase_tweets": labelled_and_keyphrase_tweets,
    "nested_news": nested_news,
    "nus_sms": nus_sms,
    "translated_pairs": translated_pairs,
}
