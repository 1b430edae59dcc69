"""Read a list of allowed senders and templates, and apply it to the rows of a dump.

A template is a message with its numbers, links and the like masked, as in campaigns. It does not
contain the target of a link: anyone can send an allowed template with another link. An entry can
also be a pair of sender and template; then both must match.
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

Entry = tuple[str | None, str | None]  # sender and template hash; at least one is set


def template_hash(text: str) -> str:
    """Return the sha256 of the whole masked message, as 64 hexadecimal digits.

    Messages that differ only in numbers, links, addresses, handles and codes have the same hash. It
    can change with the version of the normaliser.
    """
    return hashlib.sha256(masked(text).encode("utf-8", "backslashreplace")).hexdigest()


@dataclass(frozen=True)
class AllowList:
    """Pairs of a sender and a template hash; None matches any. Senders are compared exactly."""

    entries: frozenset[Entry]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load the list from a CSV, JSONL or plain text file, chosen by its extension.

        CSV has at least one of the columns ``sender``, ``template`` and ``text``, JSONL such keys;
        other columns are ignored. ``text`` is a message whose template is allowed. If a row has a
        sender and a template, both must match. In plain text each line is a sender, or
        ``template:`` and a template hash; blank lines and lines that start with # are ignored.
        Raises InputError, with file and line, for any other content.
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
            raise InputError(f"{path}:{line}: not UTF-8; save the list as UTF-8") from problem
        rows = list(read(path, lines))
        if not rows:
            raise InputError(f"{path}: the list is empty; add a sender or a template hash")
        return cls(frozenset(_entry(path, *row) for row in rows))

    @property
    def needs_senders(self) -> bool:
        """Return True if an entry needs the sender of a message."""
        return any(sender is not None for sender, _ in self.entries)

    @property
    def digest(self) -> str:
        """Return a sha256 of the entries, independent of their order."""
        ordered = sorted((sender or "", template or "") for sender, template in self.entries)
        return hashlib.sha256(json.dumps(ordered).encode("ascii")).hexdigest()

    def apply(
        self,
        predictions: Sequence[Prediction],
        texts: Sequence[object],
        senders: Sequence[object] | None = None,
    ) -> list[Prediction]:
        """Return the predictions with the decision ``pass`` for allowed messages.

        Their ``reason`` starts with what allowed them; scores, verdict and kinds are unchanged, and
        so are all other predictions. A sender that is None or blank matches no entry. Raises
        InputError unless the number of texts, and of senders if given, equals that of predictions.
        """
        for name, values in (("texts", texts), ("senders", senders)):
            if values is None:
                continue
            check_several(values, f"several {name}", "pass a list")
            if len(values) != len(predictions):
                raise InputError(f"got {len(values)} {name} for {len(predictions)} predictions")
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
        """Return whether each message is allowed, at any score; ``senders`` as for ``apply``."""
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
        """Return what allows the message, or None."""
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
    """Return the checked entry; the InputError omits its values, which may be personal data."""
    name, hashed, text = (_value(path, line, column, row.get(column)) for column in _COLUMNS)
    if hashed is not None and text is not None:
        raise InputError(f"{path}:{line}: has both a template and a text; remove one of them")
    if text is not None:
        hashed = template_hash(text)
    if name is None and hashed is None:
        raise InputError(
            f"{path}:{line}: has no sender, template or text; add one or remove the line"
        )
    if hashed is not None and not _HASH.fullmatch(hashed.lower()):
        raise InputError(
            f"{path}:{line}: the template is not a hash of 64 hexadecimal digits; compute it "
            "with scamdetect.dumps.allow_list.template_hash, or pass the message itself as text"
        )
    return name, None if hashed is None else hashed.lower()


def _value(path: Path, line: int, name: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(f"{path}:{line}: the {name} is not a string; write it as one")
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
                f"{path}:1: the first line must name at least one column sender, template or "
                "text, each once"
            )
        for cells in reader:
            line = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{path}:{line}: has {len(cells)} cells, but the header has {len(header)} "
                    "columns; correct the line"
                )
            yield line, dict(zip(header, cells, strict=True))
    except csv.Error as problem:
        raise InputError(f"{path}:{reader.line_num}: {problem}; correct the CSV") from problem


def _json_rows(path: Path, lines: Sequence[str]) -> Iterator[_Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise InputError(f"{path}:{number}: not JSON; write one object per line") from problem
        if not isinstance(row, dict):
            raise InputError(f"{path}:{number}: not a JSON object; write one object per line")
        yield number, row


@dataclass(frozen=True)
class Allowing:
    """An allow-list, if any, and the columns with senders."""

    allow_list: AllowList | None
    grouping: Grouping

    def passed(
        self, rows: Rows, texts: Sequence[object], predictions: list[Prediction]
    ) -> list[Prediction]:
        """Return the predictions of rows after applying the allow-list."""
        if self.allow_list is None:
            return predictions
        return self.allow_list.apply(predictions, texts, self._senders(rows))

    def left(self, rows: Rows, texts: Sequence[object]) -> Sequence[object]:
        """Return the texts of rows, with None for those that are allowed."""
        if self.allow_list is None:
            return texts
        allowed = self.allow_list.allows(texts, self._senders(rows))
        return [None if is_allowed else t for t, is_allowed in zip(texts, allowed, strict=True)]

    def _senders(self, rows: Rows) -> list[object] | None:
        column = self.grouping.sender
        return None if column is None else list(self.grouping.values(rows, column).to_pylist())


def check_senders(allow_list: AllowList | None, sender_column: str | None) -> None:
    """Raise InputError if senders are needed and not named, or the reverse."""
    if sender_column is not None and allow_list is None:
        raise InputError(
            "sender_column (--sender-column) needs an allow-list; pass --allow-list too"
        )
    if allow_list is not None and allow_list.needs_senders and sender_column is None:
        raise InputError(
            "the allow-list contains senders; name the column with the senders with "
            "sender_column (--sender-column)"
        )
