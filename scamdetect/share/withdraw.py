"""Withdraw indicators: the objects of an earlier export or review, marked as withdrawn.

Receivers find the indicators by their ids, which are those of the export.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scamdetect.errors import InputError
from scamdetect.share.export import ExportFormat, checked_name, format_of, text_of, unfit
from scamdetect.share.gse import CSV_COLUMNS
from scamdetect.share.review import is_review, read_review
from scamdetect.share.signals import signal_of, withdrawn
from scamdetect.share.stix import bundle_of, instant
from scamdetect.share.stix_patterns import equalities
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of, read_text, write_text
from scamdetect.system.os_errors import unreadable, written

_Change = Callable[[str, "_Choice"], str]


@dataclass(frozen=True)
class WithdrawSummary:
    """The path of the withdrawn indicators, and their number."""

    destination: Path
    indicators: int


class _Choice:
    """The values to withdraw, all if none is named, and which of them were found."""

    def __init__(self, values: Collection[str], now: datetime.datetime) -> None:
        self.now = now.astimezone(datetime.UTC).replace(microsecond=0)
        self.count = 0
        self._named = {value.casefold(): value for value in values}
        self._found: set[str] = set()

    def takes(self, *values: str) -> bool:
        """Return True if an indicator, known by any of the values, is withdrawn."""
        names = {value.casefold() for value in values}
        self._found |= names
        taken = not self._named or bool(names & self._named.keys())
        self.count += taken
        return taken

    def check(self, path: Path) -> None:
        """Raise InputError if a named value, or any value, is missing."""
        missing = [value for name, value in self._named.items() if name not in self._found]
        if missing:
            raise InputError(
                f"{path}: has no indicator {', '.join(missing)}; pass a value as in the file"
            )
        if not self.count:
            raise InputError(f"{path}: has no indicator to withdraw; pass another file")


def write_withdrawal(
    shared: str | Path,
    destination: str | Path,
    *,
    values: Collection[str] = (),
    organisation: str | None = None,
    export_format: ExportFormat | str | None = None,
    overwrite: bool = False,
    now: datetime.datetime | None = None,
) -> WithdrawSummary:
    """Write the indicators of an export or a review file as withdrawn.

    ``values`` are those to withdraw, by default all. An export keeps its format; for a review it is
    set as in ``write_export``, and ``organisation`` must be the same as there. STIX objects are
    revoked, MISP attributes deleted and no longer intended for detection, rows of CSV and JSONL
    have ``withdrawn``. The file contains nothing else; send it to everybody who got the export.

    Raises InputError for any other file, and for values that it does not have; OutputError.
    """
    shared, destination = Path(shared), Path(destination)
    target = file_destination(destination, overwrite=overwrite, inputs=[shared])
    choice = _Choice(values, datetime.datetime.now(datetime.UTC) if now is None else now)
    if is_review(shared):
        if organisation is None:
            raise InputError(
                f"{shared}: is a review file; pass the organisation that shared the indicators "
                "(--organisation)"
            )
        kind = format_of(destination, export_format)
        text = _of_review(shared, kind, checked_name(organisation), choice)
    else:
        text = _of_export(shared, export_format, choice)
    choice.check(shared)
    with written(destination):
        write_text(target, text, access_of([shared]))
    return WithdrawSummary(destination, choice.count)


def _of_review(path: Path, kind: ExportFormat, organisation: str, choice: _Choice) -> str:
    found = {}
    for row in read_review(path):
        signal = signal_of(row, organisation)
        if unfit(signal, kind) is None and choice.takes(signal.value):
            found[signal.id] = withdrawn(signal, choice.now)
    choice.check(path)
    return text_of(list(found.values()), kind)


def _of_export(path: Path, given: ExportFormat | str | None, choice: _Choice) -> str:
    try:
        text = read_text(path, "utf-8-sig")
    except OSError as problem:
        raise unreadable(path, problem) from problem
    except UnicodeDecodeError as problem:
        raise InputError(f"{path}: not UTF-8; pass the file as it was exported") from problem
    kind = _format(text)
    if kind is None:
        raise InputError(
            f"{path}: not a review file or an export of scamdetect indicators; pass one of these"
        )
    if given is not None and ExportFormat(given) is not kind:
        raise InputError(
            f"{path}: is an export in {kind}, and a withdrawal keeps its format; remove --format"
        )
    try:
        return _CHANGES[kind](text, choice)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise InputError(
            f"{path}: changed since it was exported ({type(problem).__name__}); pass it unchanged"
        ) from problem


def _format(text: str) -> ExportFormat | None:
    """Return the format by the start, which is always in one order in our exports."""
    first, _, _ = text.partition("\n")
    if first.startswith(",".join(CSV_COLUMNS[:2])):
        return ExportFormat.CSV
    if first.startswith('{"signal":'):
        return ExportFormat.JSONL
    start = text[:200].lstrip("{ \n\r\t")
    if start.startswith('"Event"'):
        return ExportFormat.MISP
    return ExportFormat.STIX if start.startswith('"type": "bundle"') else None


def _csv(text: str, choice: _Choice) -> str:
    rows = csv.DictReader(io.StringIO(text), strict=True)
    file = io.StringIO()
    writer = csv.DictWriter(file, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        if choice.takes(row["signal"]):
            writer.writerow(row | {"withdrawn": "true", "changed": _later(row["changed"], choice)})
    return file.getvalue()


def _jsonl(text: str, choice: _Choice) -> str:
    lines = []
    for line in filter(None, text.split("\n")):
        row = json.loads(line)
        more = row["extra_data"]
        if choice.takes(row["signal"]):
            more |= {"withdrawn": True, "changed": _later(more["changed"], choice)}
            lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(lines)


def _later(changed: str, choice: _Choice) -> str:
    before = datetime.datetime.fromisoformat(changed)
    return max(choice.now, before + datetime.timedelta(seconds=1)).isoformat(timespec="seconds")


def _misp(text: str, choice: _Choice) -> str:
    whole = json.loads(text)
    event = whole["Event"]
    event["Attribute"] = [a for a in event["Attribute"] if choice.takes(a["value"])]
    event["Object"] = [o for o in event["Object"] if choice.takes(*_names(o))]
    for one in (*event["Attribute"], *event["Object"]):
        for part in (one, *one.get("Attribute", [])):
            part["deleted"] = True
            part["timestamp"] = str(max(int(choice.now.timestamp()), int(part["timestamp"]) + 1))
            if "to_ids" in part:
                part["to_ids"] = False
    event["timestamp"] = str(max(int(choice.now.timestamp()), int(event["timestamp"]) + 1))
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _names(found: dict[str, Any]) -> Iterator[str]:
    """Yield the possible names of an object's indicator."""
    main, also = (attribute["value"] for attribute in found["Attribute"])
    yield from (main, f"{also}:{main}")


def _stix(text: str, choice: _Choice) -> str:
    kept = []
    for one in json.loads(text)["objects"]:
        if one["type"] == "indicator":
            if not choice.takes(*(value for _, value in equalities(one["pattern"]) or ())):
                continue
            before = datetime.datetime.fromisoformat(one["modified"])
            later = max(choice.now, before + datetime.timedelta(seconds=1))
            one |= {"modified": instant(later), "revoked": True}
        if one["type"] != "sighting":
            kept.append(one)
    return bundle_of(kept)


_CHANGES: dict[ExportFormat, _Change] = {
    ExportFormat.CSV: _csv,
    ExportFormat.JSONL: _jsonl,
    ExportFormat.MISP: _misp,
    ExportFormat.STIX: _stix,
}
