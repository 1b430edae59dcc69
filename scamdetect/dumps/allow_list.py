"""A list of senders and templates whose messages pass, and its use on the rows of a dump.

A template is a message with its numbers, links and the like masked, as campaigns have it. So where
a link leads is no part of it: anyone can send an allowed template with a link of their own. A list
may hold pairs too, of which both must fit.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from scamdetect.conversation.turns import sender_name
from scamdetect.dumps.columns import Grouping
from scamdetect.dumps.rows import Rows
from scamdetect.errors import InputError
from scamdetect.frames.tables import check_several
from scamdetect.labels import Decision
from scamdetect.prediction import ALLOWED, Prediction
from scamdetect.system.files import read_text
from scamdetect.system.os_errors import unreadable
from scamdetect.text.masking import masked

_HASH = re.compile(r"[0-9a-f]{64}")
_TEMPLATE = "template:"

Entry = tuple[str | None, str | None]  # sender and template hash, at least one of them


def template_hash(text: str) -> str:
    """Return the sha256 of the whole message, masked, as 64 hexadecimal digits.

    It is the same for messages that differ in numbers, links, addresses, handles and codes alone.
    Another version of the normaliser may give another one.
    """
    return hashlib.sha256(masked(text).encode("utf-8", "backslashreplace")).hexdigest()


@dataclass(frozen=True)
class AllowList:
    """Pairs of a sender and a template hash; None stands for any. Senders are compared exactly."""

    entries: frozenset[Entry]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the list in a CSV, JSONL or plain text file, by its extension.

        CSV has the columns ``sender``, ``template`` and ``text``, or some of them, JSONL such
        members; others are notes. A text is a message whose template is meant. Where a row has a
        sender and a template, both must fit. In plain text a line is a sender, or a template hash
        behind ``template:``; blank lines, and those that begin with #, are notes. Raises
        InputError, naming file and line, on what is none of this.
        """
        path = Path(path)
        readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}
        read = readers.get(path.suffix.lower(), _plain_rows)
        try:
            lines = read_text(path, "utf-8-sig").split("\n")
        except OSError as problem:
            raise unreadable(path, problem) from problem
        except UnicodeDecodeError as problem:
            line = problem.object[: problem.start].count(b"\n") + 1
            raise InputError(f"{path}:{line}: not UTF-8; save the list in UTF-8") from problem
        rows = list(read(path, lines))
        if not rows:
            raise InputError(f"{path}: allows nobody; put a sender or a template hash into it")
        return cls(frozenset(_entry(path, *row) for row in rows))

    @property
    def needs_senders(self) -> bool:
        """Return whether some entry fits only messages whose sender is known."""
        return any(sender is not None for sender, _ in self.entries)

    @property
    def digest(self) -> str:
        """Return a sha256 of the entries, whatever their order."""
        ordered = sorted((sender or "", template or "") for sender, template in self.entries)
        return hashlib.sha256(json.dumps(ordered).encode("ascii")).hexdigest()

    def apply(
        self,
        predictions: Sequence[Prediction],
        texts: Sequence[object],
        senders: Sequence[object] | None = None,
    ) -> list[Prediction]:
        """Return the predictions with allowed ones to flag or review decided as ``pass``.

        Their ``reason`` says what allowed them, before what it said else; scores, verdict and kinds
        stay. Other predictions stay as they are. A sender that is None or blank is nobody's. Raises
        InputError unless there is one text, and one sender where these are given, a prediction.
        """
        for name, values in (("texts", texts), ("senders", senders)):
            if values is None:
                continue
            check_several(values, f"several {name}", "pass a list")
            if len(values) != len(predictions):
                raise InputError(f"{len(values)} {name} for {len(predictions)} predictions")
        has_templates = any(template is not None for _, template in self.entries)
        found = []
        for place, prediction in enumerate(predictions):
            by = None
            if prediction.decision in (Decision.FLAG, Decision.REVIEW):
                sender = None if senders is None else senders[place]
                by = self._allowing(texts[place] if has_templates else None, sender)
            found.append(prediction if by is None else _passed(prediction, by))
        return found

    def allows(
        self, texts: Sequence[object], senders: Sequence[object] | None = None
    ) -> list[bool]:
        """Return whether each message is allowed, whatever its score; ``senders`` as above."""
        check_several(texts)
        has_templates = any(template is not None for _, template in self.entries)
        return [
            self._allowing(
                text if has_templates else None, None if senders is None else senders[place]
            )
            is not None
            for place, text in enumerate(texts)
        ]

    def _allowing(self, text: object, sender: object) -> str | None:
        """Return what allows the message, None where nothing does."""
        name = sender_name(sender)
        if name is not None and (name, None) in self.entries:
            return "sender"
        if not isinstance(text, str):
            return None
        template = template_hash(text)
        if (None, template) in self.entries:
            return "template"
        pair = name is not None and (name, template) in self.entries
        return "sender and template" if pair else None


def _passed(prediction: Prediction, by: str) -> Prediction:
    reason = f"{ALLOWED} {by}"
    if prediction.reason is not None:
        reason = f"{reason}; {prediction.reason}"
    return replace(prediction, decision=Decision.PASS, reason=reason)


_Row = tuple[int, Mapping[str, object]]  # line, values by column
_COLUMNS = ("sender", "template", "text")


def _entry(path: Path, line: int, row: Mapping[str, object]) -> Entry:
    """Return the checked entry; raise InputError without its values, which may name persons."""
    name, hashed, text = (_value(path, line, column, row.get(column)) for column in _COLUMNS)
    if hashed is not None and text is not None:
        raise InputError(f"{path}:{line}: has a template and a text; give one of them")
    if text is not None:
        hashed = template_hash(text)
    if name is None and hashed is None:
        raise InputError(
            f"{path}:{line}: has neither sender nor template nor text; give one or remove it"
        )
    if hashed is not None and not _HASH.fullmatch(hashed.lower()):
        raise InputError(
            f"{path}:{line}: the template is no hash of 64 hexadecimal digits; take what "
            "scamdetect.dumps.allow_list.template_hash gives, or give the message itself as text"
        )
    return name, None if hashed is None else hashed.lower()


def _value(path: Path, line: int, name: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(f"{path}:{line}: the {name} is no string; write it as one")
    return str(value).strip() or None


def _plain_rows(path: Path, lines: Sequence[str]) -> Iterator[_Row]:
    for number, line in enumerate(map(str.strip, lines), 1):
        if line.startswith(_TEMPLATE):
            yield number, {"template": line.removeprefix(_TEMPLATE)}
        elif line and not line.startswith("#"):
            yield number, {"sender": line}


def _csv_rows(path: Path, lines: Iterable[str]) -> Iterator[_Row]:
    reader = csv.reader([f"{line}\n" for line in lines], strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if not set(header) & set(_COLUMNS) or len(set(header)) < len(header):
            raise InputError(
                f"{path}:1: the first line must name a column sender, template or text, each name "
                "once"
            )
        for cells in reader:
            line = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{path}:{line}: {len(cells)} cells below {len(header)} columns; make them one "
                    "a column"
                )
            yield line, dict(zip(header, cells, strict=True))
    except csv.Error as problem:
        raise InputError(f"{path}:{reader.line_num}: {problem}; mend the CSV") from problem


def _json_rows(path: Path, lines: Sequence[str]) -> Iterator[_Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise InputError(f"{path}:{number}: no JSON; write one object a line") from problem
        if not isinstance(row, dict):
            raise InputError(f"{path}:{number}: no object; write one object a line")
        yield number, row


@dataclass(frozen=True)
class Allowing:
    """An allow-list, if any, and the columns that tell senders."""

    allow_list: AllowList | None
    grouping: Grouping

    def passed(
        self, rows: Rows, texts: Sequence[object], predictions: list[Prediction]
    ) -> list[Prediction]:
        """Return the predictions of rows after the allow-list."""
        if self.allow_list is None:
            return predictions
        return self.allow_list.apply(predictions, texts, self._senders(rows))

    def left(self, rows: Rows, texts: Sequence[object]) -> Sequence[object]:
        """Return the texts of rows with None in place of those that are allowed."""
        if self.allow_list is None:
            return texts
        allowed = self.allow_list.allows(texts, self._senders(rows))
        return [None if is_allowed else t for t, is_allowed in zip(texts, allowed, strict=True)]

    def _senders(self, rows: Rows) -> list[object] | None:
        column = self.grouping.sender
        return None if column is None else list(self.grouping.values(rows, column).to_pylist())


def check_senders(allow_list: AllowList | None, sender_column: str | None) -> None:
    """Raise InputError where senders are needed and not named, or named and not needed."""
    if sender_column is not None and allow_list is None:
        raise InputError(
            "sender_column (--sender-column) is for an allow-list; give --allow-list too"
        )
    if allow_list is not None and allow_list.needs_senders and sender_column is None:
        raise InputError(
            "the allow-list names senders; say which column has those of the messages with "
            "sender_column (--sender-column)"
        )
