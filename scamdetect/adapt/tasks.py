"""Write a queue: as CSV for a spreadsheet, and as tasks of Label Studio."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scamdetect.adapt.queue import QueueRow
from scamdetect.dumps.delimited import quote
from scamdetect.dumps.outputs import reported
from scamdetect.dumps.spreadsheet import safe_row
from scamdetect.errors import InputError
from scamdetect.labels import VERDICTS
from scamdetect.system.files import ANYONE, Access, writing

Record = Mapping[str, str | None]  # the cells of a row by column

LABELS = tuple(verdict.value for verdict in VERDICTS)
UNSURE = "unsure"
# The label stands beside the text and what the model says at the end, so that it sways less.
COLUMNS = (
    "row", "key", "text", "label", "language", "part", "inclusion_probability", "decision",
    "scam_probability", "near", "kinds",
)  # fmt: skip
_HINTS = {
    "scam": "fraud: it wants money, data or trust under a pretence",
    "spam": "unwanted promotion without fraud",
    "legit": "honest",
    UNSURE: "cannot be told from the text",
}


def write_csv(rows: Sequence[QueueRow], path: Path, access: Access = ANYONE) -> None:
    """Write the rows as CSV with an empty column ``label``, as ``write_records`` does."""
    write_records(map(record, rows), path, access)


def write_records(
    rows: Iterable[Record], path: Path, access: Access = ANYONE, more: Sequence[str] = ()
) -> None:
    """Write rows of a queue, with their labels, as CSV.

    ``more`` are columns of somebody else after those of a queue. It opens in spreadsheets: with a
    byte-order mark, and an apostrophe before what would run as a formula. Raises OutputError.
    """
    columns = (*COLUMNS, *more)
    lines = [",".join(safe_row([quote(name, ",") for name in columns], ","))]
    for row in rows:
        cells = [quote(row.get(name), ",") for name in columns]
        lines.append(",".join(safe_row(cells, ",")))
    with reported(path), writing(path, access) as file:
        file.write("".join(f"{line}\r\n" for line in lines).encode("utf-8-sig", "replace"))


def config_path(tasks: Path) -> Path:
    """Return where the labelling config of tasks goes: next to them, as .xml."""
    return tasks.with_suffix(".xml")


def write_tasks(rows: Sequence[QueueRow], path: Path, access: Access = ANYONE) -> Path:
    """Write the rows as tasks to import into Label Studio and, beside them, its labelling config.

    Return the path of the config, ``<stem>.xml``. The config shows text and language, and what the
    model says of a message nowhere. Raises InputError unless the name ends in .json, OutputError.
    """
    if path.suffix.lower() != ".json":
        raise InputError(f"{path}: Label Studio imports tasks from a .json file; name it so")
    tasks = [
        {"data": {name: cell for name, cell in record(row).items() if name != "label"}}
        for row in rows
    ]
    config = config_path(path)
    for target, text in (
        (path, json.dumps(tasks, indent=1, ensure_ascii=False)),
        (config, labelling_config()),
    ):
        with reported(target), writing(target, access) as file:
            file.write(f"{text}\n".encode("utf-8", "replace"))
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
    """Return the cells of a row by column, the label empty."""
    chance = row.inclusion_probability
    return {
        "row": str(row.row),
        "key": row.key,
        "text": row.text,
        "label": None,
        "language": row.language,
        "part": row.part,
        "inclusion_probability": None if chance is None else repr(chance),
        "decision": row.decision,
        "scam_probability": f"{row.scam_probability:.6g}",
        "near": row.near,
        "kinds": ";".join(row.kinds),
    }
