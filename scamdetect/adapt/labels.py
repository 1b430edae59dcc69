"""Read labels back: from the CSV of a queue, or from what Label Studio exports."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scamdetect.adapt.queue import AUDIT
from scamdetect.adapt.tasks import COLUMNS, LABELS, UNSURE
from scamdetect.dumps.columns import read_columns
from scamdetect.dumps.delimited import quote
from scamdetect.dumps.outputs import reported
from scamdetect.dumps.spreadsheet import original
from scamdetect.errors import InputError
from scamdetect.labels import Decision
from scamdetect.system.files import ANYONE, Access, read_bytes, writing
from scamdetect.system.os_errors import unreadable

_NEEDED = ("row", "label", "part", "inclusion_probability", "decision")
_OPTIONAL = tuple(name for name in COLUMNS if name not in (*_NEEDED, "text"))


@dataclass(frozen=True)
class Answer:
    """A message with the label that people gave it, and what the queue knew of it."""

    row: int
    text: str
    label: str
    decision: Decision
    inclusion_probability: float | None
    cells: Mapping[str, str | None]

    @property
    def audited(self) -> bool:
        """Return whether the message was drawn at random."""
        return self.inclusion_probability is not None


@dataclass(frozen=True)
class Answers:
    """The labels of a queue, each with rows by their number in the scored dump.

    ``usable`` are labelled scam, spam or legit. ``missing`` have no label, ``unsure`` are labelled
    so, ``unknown`` have others; ``contradicting`` have several labels, or share their text with a
    message of another label. ``audit`` is the number of messages that were drawn at random.
    """

    usable: tuple[Answer, ...]
    missing: tuple[int, ...]
    unsure: tuple[int, ...]
    unknown: tuple[tuple[int, str], ...]
    contradicting: tuple[int, ...]
    audit: int


@dataclass(frozen=True)
class _Given:
    cells: Mapping[str, str | None]
    labels: tuple[str, ...]


def read_answers(path: Path) -> Answers:
    """Return the labels in a file: a CSV of ``scamdetect queue``, or an export of Label Studio.

    Of Label Studio both JSON and JSON-MIN are read; tasks that were skipped have no label. Labels
    may be in any letter case. Raises InputError where the file cannot be read, lacks what the
    queue wrote, or holds no row.
    """
    given = list(_label_studio(path) if path.suffix.lower() == ".json" else _delimited(path))
    by_row: defaultdict[int, list[_Given]] = defaultdict(list)
    for place, one in enumerate(given, 1):
        by_row[_number(path, place, one)].append(one)
    if not by_row:
        raise InputError(f"{path}: holds no message")
    labels = {row: {label for one in some for label in one.labels} for row, some in by_row.items()}
    of_text: defaultdict[str, set[str]] = defaultdict(set)
    for row, found in labels.items():
        of_text[by_row[row][0].cells["text"] or ""] |= found & set(LABELS)
    usable, unknown, contradicting = [], [], []
    for row, some in sorted(by_row.items()):
        found = labels[row]
        strange = sorted(found - {*LABELS, UNSURE})
        unknown += [(row, label) for label in strange]
        of_same_text = of_text[some[0].cells["text"] or ""]
        if len(found) > 1 or (found & set(LABELS) and len(of_same_text) > 1):
            contradicting.append(row)
        elif found & set(LABELS):
            usable.append(_answer(path, row, some[0].cells, *found))
    return Answers(
        tuple(usable),
        tuple(sorted(row for row, found in labels.items() if not found)),
        tuple(sorted(row for row, found in labels.items() if found == {UNSURE})),
        tuple(unknown),
        tuple(contradicting),
        sum(some[0].cells["part"] == AUDIT for some in by_row.values()),
    )


def _answer(path: Path, row: int, cells: Mapping[str, str | None], label: str) -> Answer:
    chance = cells.get("inclusion_probability")
    try:
        inclusion = float(chance.replace(",", ".")) if chance else None
        decision = Decision(cells["decision"] or "")
        if (inclusion is None) == (cells["part"] == AUDIT) or not 0 < (inclusion or 1) <= 1:
            raise ValueError
    except ValueError as problem:
        raise InputError(
            f"{path}: row {row}: decision, part and inclusion_probability are not those that the "
            "queue wrote; copy them from the queue again"
        ) from problem
    own = {name: cell for name, cell in cells.items() if name != "label"}
    return Answer(row, cells["text"] or "", label, decision, inclusion, own)


def _delimited(path: Path) -> Iterator[_Given]:
    for batch in read_columns(path, "text", _NEEDED, _OPTIONAL):
        if batch.rejected:
            raise InputError(
                f"{path}: {batch.rejected} broken records; save the table as CSV again"
            )
        for place, text in enumerate(batch.texts):
            cells = {name: values[place] for name, values in batch.columns.items()}
            yield _Given(cells | {"text": original(text or "", ",")}, _labels([cells["label"]]))


def _label_studio(path: Path) -> Iterator[_Given]:
    try:
        tasks = json.loads(read_bytes(path))
    except OSError as problem:
        raise unreadable(path, problem) from problem
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{path}: not readable as JSON ({type(problem).__name__})") from problem
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise InputError(f"{path}: no export of Label Studio, which is a list of tasks")
    for place, task in enumerate(tasks, 1):
        data = task.get("data", task)
        missing = [
            name
            for name in ("text", *_NEEDED)
            if name != "label" and (not isinstance(data, dict) or name not in data)
        ]
        if missing:
            raise InputError(
                f"{path}: task {place} has no {', '.join(missing)}, which scamdetect queue wrote; "
                "import its tasks and export them as JSON or JSON-MIN"
            )
        cells = {name: None if data.get(name) is None else str(data[name]) for name in COLUMNS}
        yield _Given(cells, _labels(_choices(task)))


def _choices(task: Mapping[str, Any]) -> Iterator[object]:
    """Yield the labels of every annotation of a task, none of those that were skipped."""
    if "annotations" not in task:
        found = task.get("label")
        yield from found.get("choices", ()) if isinstance(found, dict) else _several(found)
        return
    for annotation in _dicts(task["annotations"]):
        if not annotation.get("was_cancelled"):
            for result in _dicts(annotation.get("result")):
                if result.get("from_name") == "label" and isinstance(result.get("value"), dict):
                    yield from _several(result["value"].get("choices"))


def _dicts(value: object) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]


def _several(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


def _labels(values: Sequence[object] | Iterator[object]) -> tuple[str, ...]:
    texts = (str(value).strip().lower() for value in values if value is not None)
    return tuple(dict.fromkeys(text for text in texts if text))


def _number(path: Path, place: int, given: _Given) -> int:
    text = (given.cells["row"] or "").strip()
    if not text.isdecimal():
        raise InputError(
            f"{path}: record {place} has no whole number in 'row'; copy it from the queue again"
        )
    return int(text)


def write_labelled(answers: Sequence[Answer], path: Path, access: Access = ANYONE) -> None:
    """Write the messages with their labels as CSV, texts as they were; raise OutputError."""
    lines = [",".join(COLUMNS)]
    for answer in answers:
        cells = dict(answer.cells) | {"label": answer.label, "row": str(answer.row)}
        lines.append(",".join(quote(cells.get(name), ",") for name in COLUMNS))
    with reported(path), writing(path, access) as file:
        file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
