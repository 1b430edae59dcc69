"""Write and extend a labelling queue, read its labels back, and estimate rates from them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scamdetect.adapt.cells import column_names, read_rows, safe, unsafe
from scamdetect.adapt.queue import AUDIT, QueueRow
from scamdetect.calibration.statistics import clopper_pearson
from scamdetect.errors import InputError
from scamdetect.labels import KINDS, VERDICTS, Decision, Verdict
from scamdetect.scored.read import open_scored
from scamdetect.system.files import ANYONE, read_bytes, writing
from scamdetect.system.os_errors import unreadable, written

Record = Mapping[str, str | None]  # the cells of a row by column

LABELS = tuple(verdict.value for verdict in VERDICTS)
UNSURE = "unsure"
# The label is next to the text, and the model's output last, so that it has less influence.
COLUMNS = (
    "row", "key", "text", "label", "label_kinds", "language", "part", "inclusion_probability",
    "decision", "scam_probability", "near", "kinds", "campaign", "campaign_messages",
    "campaign_flagged",
)  # fmt: skip
FILLED = ("label", "label_kinds")  # by people
_BETWEEN_KINDS = re.compile(r"[,;|\s]+")
_KNOWN_KINDS = frozenset(KINDS)
_HINTS = {
    "scam": "fraud: it wants money, data or trust under a pretence",
    "spam": "unwanted promotion without fraud",
    "legit": "honest",
    UNSURE: "unclear from the text",
}


def write_records(
    rows: Iterable[Record],
    path: Path,
    access: int = ANYONE,
    more: Sequence[str] = (),
) -> None:
    """Write rows of a queue, with their labels, as CSV that spreadsheets open.

    ``more`` are other columns that people added. Raises OutputError.
    """
    columns = (*COLUMNS, *more)
    lines = [_line(columns), *(_line([row.get(name) for name in columns]) for row in rows)]
    _write(path, "".join(f"{line}\r\n" for line in lines).encode("utf-8-sig", "replace"), access)


def _line(cells: Sequence[str | None]) -> str:
    line = io.StringIO()
    # Without a line terminator the module leaves line breaks in cells unquoted.
    csv.writer(line, lineterminator="\r\n").writerow(map(safe, cells))
    return line.getvalue().removesuffix("\r\n").encode("utf-8", "replace").decode()


def _write(path: Path, content: bytes, access: int) -> None:
    with written(path), writing(path, access) as file:
        file.write(content)


def around_answer(row: Record) -> tuple[str, str]:
    """Return the line of a row as ``write_records`` writes it, before and after its answer.

    The columns ``FILLED`` go between, each word as it is, with a comma between them.
    """
    cells = [row.get(name) for name in COLUMNS]
    place = COLUMNS.index(FILLED[0])
    return f"{_line(cells[:place])},", f",{_line(cells[place + len(FILLED) :])}"


def config_path(tasks: Path) -> Path:
    """Return the path of the labelling config: next to the tasks, as .xml."""
    return tasks.with_suffix(".xml")


def write_tasks(rows: Sequence[QueueRow], path: Path, access: int = ANYONE) -> Path:
    """Write the rows as tasks for Label Studio and, next to them, its labelling config.

    Return the path of the config, ``<stem>.xml``. The config shows the text and its language, but
    never the model's output. Raises InputError unless the name ends in .json, OutputError.
    """
    if path.suffix.lower() != ".json":
        raise InputError(
            f"{path}: Label Studio imports tasks from a .json file; use a name that ends in .json"
        )
    tasks = [
        {"data": {name: cell for name, cell in record(row).items() if name not in FILLED}}
        for row in rows
    ]
    config = config_path(path)
    for target, text in (
        (path, json.dumps(tasks, indent=1, ensure_ascii=False)),
        (config, labelling_config()),
    ):
        _write(target, f"{text}\n".encode("utf-8", "replace"), access)
    return config


def labelling_config() -> str:
    """Return the labelling config of Label Studio in XML."""
    choices = "\n".join(
        f'    <Choice value="{label}" hint="{_HINTS[label]}" hotkey="{number}"/>'
        for number, label in enumerate((*LABELS, UNSURE), 1)
    )
    return f"""<View>
  <Header value="What is this message? (language found: $language)"/>
  <Text name="text" value="$text"/>
  <Choices name="label" toName="text" choice="single" required="true" showInline="true">
{choices}
  </Choices>
</View>"""


def record(row: QueueRow) -> Record:
    """Return the cells of a row by column, with an empty label."""
    chance = row.inclusion_probability
    return {
        "row": str(row.row),
        "key": row.key,
        "text": row.text,
        "label": None,
        "label_kinds": None,
        "language": row.language,
        "part": row.part,
        "inclusion_probability": None if chance is None else repr(chance),
        "decision": row.decision,
        "scam_probability": f"{row.scam_probability:.6g}",
        "near": row.near,
        "kinds": ";".join(row.kinds),
        "campaign": None if row.campaign is None else row.campaign.id,
        "campaign_messages": None if row.campaign is None else str(row.campaign.messages),
        "campaign_flagged": None if row.campaign is None else str(row.campaign.flagged),
    }


_NEEDED = ("row", "label", "part", "inclusion_probability", "decision")
_OPTIONAL = tuple(name for name in COLUMNS if name not in (*_NEEDED, "text"))


@dataclass(frozen=True)
class Answer:
    """A labelled message, and its details in the queue.

    ``kinds`` are those that people named for a scam; other messages have none.
    """

    row: int
    text: str
    label: str
    decision: Decision
    inclusion_probability: float | None
    cells: Mapping[str, str | None]
    kinds: tuple[str, ...] = ()

    @property
    def audited(self) -> bool:
        """Return True if the message was drawn at random."""
        return self.inclusion_probability is not None


@dataclass(frozen=True)
class Answers:
    """The labels of a queue, each with the row numbers in the scored dump.

    ``usable`` are labelled scam, spam or legit. ``missing`` have no label, ``unsure`` have that
    label, ``unknown`` others; ``contradicting`` have several labels, or share their text with a
    message of another label. ``unknown_kinds`` are kinds of usable rows that scamdetect does not
    know; such a row counts without them. ``audit`` counts the messages that were drawn at random.
    """

    usable: tuple[Answer, ...]
    missing: tuple[int, ...]
    unsure: tuple[int, ...]
    unknown: tuple[tuple[int, str], ...]
    contradicting: tuple[int, ...]
    audit: int
    unknown_kinds: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class _Given:
    cells: Mapping[str, str | None]
    labels: tuple[str, ...]


def read_answers(path: Path) -> Answers:
    """Return the labels in a file: a CSV of ``review queue``, or an export of Label Studio.

    Label Studio's formats JSON and JSON-MIN are supported; skipped tasks have no label. The letter
    case of labels is ignored. Raises InputError if the file cannot be read, lacks values of the
    queue, or has no row.
    """
    if path.suffix.lower() == ".json":
        given = list(_label_studio(path))
    else:
        rows = read_rows(path, _NEEDED, _OPTIONAL)
        given = [
            _Given(row | {"text": unsafe(row["text"]) or ""}, _labels([row["label"]]))
            for row in rows
        ]
    by_row: defaultdict[int, list[_Given]] = defaultdict(list)
    for place, one in enumerate(given, 1):
        by_row[_whole_number(path, place, one)].append(one)
    if not by_row:
        raise InputError(f"{path}: contains no message")
    labels = {row: {label for one in some for label in one.labels} for row, some in by_row.items()}
    of_text: defaultdict[str, set[str]] = defaultdict(set)
    for row, found in labels.items():
        of_text[by_row[row][0].cells["text"] or ""] |= found & set(LABELS)
    usable, unknown, contradicting, unknown_kinds = [], [], [], []
    for row, some in sorted(by_row.items()):
        found = labels[row]
        strange = sorted(found - {*LABELS, UNSURE})
        unknown += [(row, label) for label in strange]
        of_same_text = of_text[some[0].cells["text"] or ""]
        if len(found) > 1 or (found & set(LABELS) and len(of_same_text) > 1):
            contradicting.append(row)
        elif found & set(LABELS):
            usable.append(_answer(path, row, some[0].cells, *found))
            named = _kinds(some[0].cells)
            unknown_kinds += [(row, kind) for kind in named if kind not in _KNOWN_KINDS]
    return Answers(
        tuple(usable),
        tuple(sorted(row for row, found in labels.items() if not found)),
        tuple(sorted(row for row, found in labels.items() if found == {UNSURE})),
        tuple(unknown),
        tuple(contradicting),
        sum(some[0].cells["part"] == AUDIT for some in by_row.values()),
        tuple(unknown_kinds),
    )


def _answer(path: Path, row: int, cells: Mapping[str, str | None], label: str) -> Answer:
    chance = cells.get("inclusion_probability")
    try:
        inclusion = float(chance) if chance else None
        decision = Decision(cells["decision"] or "")
        if (inclusion is None) == (cells["part"] == AUDIT) or not 0 < (inclusion or 1) <= 1:
            raise ValueError
    except ValueError as problem:
        raise InputError(
            f"{path}: row {row}: decision, part and inclusion_probability differ from the "
            "queue; copy them from the queue again"
        ) from problem
    own = {name: cell for name, cell in cells.items() if name != "label"}
    kinds = [kind for kind in _kinds(cells) if kind in _KNOWN_KINDS]
    named = tuple(kinds if label == Verdict.SCAM else ())
    return Answer(row, cells["text"] or "", label, decision, inclusion, own, named)


def _kinds(cells: Mapping[str, str | None]) -> list[str]:
    words = _BETWEEN_KINDS.split((cells.get("label_kinds") or "").strip().lower())
    return list(dict.fromkeys(filter(None, words)))


def _label_studio(path: Path) -> Iterator[_Given]:
    try:
        tasks = json.loads(read_bytes(path))
    except InputError:
        raise
    except OSError as problem:
        raise unreadable(path, problem) from problem
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{path}: not readable as JSON ({type(problem).__name__})") from problem
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise InputError(f"{path}: not an export of Label Studio, which is a list of tasks")
    for place, task in enumerate(tasks, 1):
        data = task.get("data", task)
        missing = [
            name
            for name in ("text", *_NEEDED)
            if name != "label" and (not isinstance(data, dict) or name not in data)
        ]
        if missing:
            raise InputError(
                f"{path}: task {place} has no {', '.join(missing)}, as the queue had; "
                "import its tasks and export them as JSON or JSON-MIN"
            )
        cells = {name: None if data.get(name) is None else str(data[name]) for name in COLUMNS}
        yield _Given(cells, _labels(_choices(task)))


def _choices(task: Mapping[str, Any]) -> Iterator[object]:
    """Yield the labels of every annotation of a task, except skipped ones."""
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


def _whole_number(path: Path, place: int, given: _Given) -> int:
    text = (given.cells["row"] or "").strip()
    if not text.isdecimal():
        raise InputError(
            f"{path}: record {place} has no integer in 'row'; copy it from the queue again"
        )
    return int(text)


def write_labelled(answers: Sequence[Answer], path: Path, access: int = ANYONE) -> None:
    """Write the messages with their labels as CSV, texts unchanged; raise OutputError."""
    file = io.StringIO()
    table = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
    table.writeheader()
    for answer in answers:
        table.writerow({**answer.cells, "label": answer.label, "row": answer.row})
    _write(path, file.getvalue().encode("utf-8", "replace"), access)


_COMPARED = 1000  # characters: a spreadsheet truncates long cells
_DRAWN = ("part", "inclusion_probability", "near")


@dataclass(frozen=True)
class Earlier:
    """An existing queue: its rows and the columns ``more`` that people added to it."""

    path: Path
    rows: tuple[Record, ...]
    more: tuple[str, ...]


@dataclass(frozen=True)
class Merged:
    """The rows of both queues, and how many are kept with a label, kept without, and added."""

    rows: tuple[Record, ...]
    answered: int
    open: int
    added: int


def read_earlier(path: Path) -> Earlier:
    """Return the queue in a CSV; raise InputError if it is not a queue or has broken records."""
    more = tuple(name for name in column_names(path) if name not in COLUMNS)
    wanted = [name for name in COLUMNS if name != "text"]
    rows: list[Record] = [
        {name: unsafe(cell) for name, cell in row.items()} for row in read_rows(path, wanted, more)
    ]
    for place, row in enumerate(rows, 1):
        if not (row["row"] or "").strip().isdecimal():
            raise InputError(
                f"{path}: record {place} has no integer in 'row', so it cannot be merged; copy "
                "it from the queue again"
            )
    return Earlier(path, tuple(rows), more)


def check_same_dump(earlier: Earlier, scored: Path, text_column: str) -> None:
    """Raise InputError, with a row, if the queue was drawn from another dump."""
    texts = {_number(row): _comparable(row["text"]) for row in earlier.rows}
    dump = open_scored(scored)
    dump.require(text_column)
    first = 1
    for batch in dump.batches(text_column):
        column = batch.table.column("text")
        for number in [one for one in texts if first <= one < first + len(column)]:
            if texts.pop(number) != _comparable(column[number - first].as_py()):
                raise _other(earlier, scored, number)
        first += len(column)
    if texts:
        raise _other(earlier, scored, min(texts))


def merged(earlier: Earlier, rows: Sequence[Record]) -> Merged:
    """Return all rows of the earlier queue, with their labels, and the missing new ones.

    A row that was chosen as uncertain and is now drawn at random counts as drawn: without such rows
    the random sample would be biased.
    """
    new = {_number(row): row for row in rows}
    kept = []
    for row in earlier.rows:
        again = new.get(_number(row))
        if again is not None and again["part"] == AUDIT and row["part"] != AUDIT:
            row = {**row, **{name: again[name] for name in _DRAWN}}
        kept.append(row)
    known = {_number(row) for row in kept}
    added = [row for number, row in new.items() if number not in known]
    answered = sum(bool((row["label"] or "").strip()) for row in kept)
    return Merged((*kept, *added), answered, len(kept) - answered, len(added))


def _number(row: Record) -> int:
    return int(row["row"] or 0)


def _comparable(text: str | None) -> str:
    """Return the start of a text as a spreadsheet may save it: with other white space."""
    return " ".join((text or "").encode("utf-8", "replace").decode().split())[:_COMPARED]


def _other(earlier: Earlier, scored: Path, number: int) -> InputError:
    return InputError(
        f"{earlier.path}: its row {number} differs from {scored}, so it is the queue of another "
        "dump; choose another file for -o"
    )


_REACHED = {
    "flag": (Decision.FLAG,),
    "flag or review": (Decision.FLAG, Decision.REVIEW),
}


@dataclass(frozen=True)
class Estimate:
    """A count among labelled messages; ``interval`` (95 %, Clopper-Pearson) is that of the rate."""

    name: str
    hits: int
    of: int

    @property
    def rate(self) -> float | None:
        """Return the rate, or None without messages."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Return the interval, (0, 1) without messages."""
        return clopper_pearson(self.hits, self.of)


def estimates(answers: Sequence[Answer]) -> tuple[Estimate, ...]:
    """Return the share of scams and, at each threshold, recall, precision and false alarms.

    Only messages drawn at random count: each represents equally many others, so plain shares are
    unbiased (the Horvitz-Thompson weights are equal and cancel). False alarms are among messages
    labelled legit, as in the operating points of a bundle; precision does not count spam as scam.
    """
    drawn = [answer for answer in answers if answer.audited]
    scams = [answer for answer in drawn if answer.label == Verdict.SCAM]
    honest = [answer for answer in drawn if answer.label == Verdict.LEGIT]
    found = [Estimate("scams among the messages", len(scams), len(drawn))]
    for name, decisions in _REACHED.items():
        reached = [answer for answer in drawn if answer.decision in decisions]
        right = sum(answer.label == Verdict.SCAM for answer in reached)
        alarms = sum(answer.label == Verdict.LEGIT for answer in reached)
        found += [
            Estimate(f"recall at {name}", right, len(scams)),
            Estimate(f"precision at {name}", right, len(reached)),
            Estimate(f"false-positive rate at {name}", alarms, len(honest)),
        ]
    return tuple(found)
