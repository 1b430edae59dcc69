"""Read JSONL, one object a line, and JSON files of records; members are kept to the letter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from scamdetect.dumps.batches import Batch, Dump, Item, Reject, grouped
from scamdetect.dumps.json_objects import in_one_line, read_object
from scamdetect.dumps.json_records import Piece, pieces
from scamdetect.dumps.lines import Line, read_lines, rejected_raw
from scamdetect.dumps.rows import JsonRows
from scamdetect.dumps.streams import EmptyFileError
from scamdetect.dumps.text_paths import MOST_MEMBERS, find_text, leads_to_member, object_members
from scamdetect.dumps.unify import column_type
from scamdetect.errors import InputError
from scamdetect.frames import columns as output
from scamdetect.frames.arrow import encodable

_Object = tuple[str, dict[str, Any]]
_INT64 = range(-(2**63), 2**63)
_EXACT_IN_FLOAT = range(-(2**53), 2**53 + 1)


def open_jsonl(
    path: Path,
    encoding: str,
    text_column: str,
    overwrite_columns: bool,
    text_required: bool = True,
) -> Dump:
    """Open a JSONL file; raise InputError."""
    return _open(
        path,
        encoding,
        lambda: _lines(path, encoding),
        text_column,
        overwrite_columns,
        text_required,
    )


def open_json(
    path: Path, text_column: str, overwrite_columns: bool, text_required: bool = True
) -> Dump:
    """Open a JSON file of an array of objects, or of one after another; raise InputError."""
    return _open(
        path, "utf-8", lambda: _records(path), text_column, overwrite_columns, text_required
    )


def _open(
    path: Path,
    encoding: str,
    items: Callable[[], Iterator[Item[_Object]]],
    text_column: str,
    overwrite_columns: bool,
    text_required: bool,
) -> Dump:
    """Open a dump of objects, which are read anew each time; raise InputError.

    The file is read once beforehand, which is cheap next to scoring: every column is then known
    before the first row is written, however late it first occurs.
    """
    types, members = _survey(path, encoding, items(), text_column)
    has_text = text_column in types or text_column in members
    if has_text or text_required:
        text_path, kept = find_text(
            text_column,
            tuple(types),
            members,
            overwrite_columns=overwrite_columns,
            where=str(path),
        )
    else:
        text_path = tuple(text_column.split("."))
        kept = output.kept_columns(tuple(types), overwrite=overwrite_columns, where=str(path))
    dropped = frozenset(types) - frozenset(kept)
    schema = pa.schema([(encodable(name), column_type(types[name])) for name in kept])

    def batches() -> Iterator[Batch]:
        size = path.stat().st_size
        for group in grouped(items(), path, encoding):
            raws = [raw for raw, _ in group.values]
            values = [value for _, value in group.values]
            rows = JsonRows(kept, schema, text_path, dropped, raws, values)
            yield Batch(rows, tuple(group.rejects), group.end / size)

    return Dump(
        kept,
        schema,
        batches,
        json_types=tuple(frozenset(types[name]) for name in kept),
        has_text=has_text,
    )


def _survey(
    path: Path, encoding: str, items: Iterator[Item[_Object]], text_column: str
) -> tuple[dict[str, set[str]], list[str]]:
    """Return the types that occur under each name, and dotted paths into nested objects.

    Both are in the order in which they first occur; of the paths that to the text and some others.
    """
    types: dict[str, set[str]] = {}
    members: dict[str, None] = {}
    wanted = tuple(text_column.split("."))
    objects = 0
    first_reject: Reject | None = None
    for group in grouped(items, path, encoding):
        objects += len(group.values)
        first_reject = first_reject or next(iter(group.rejects), None)
        for _, value in group.values:
            for name, item in value.items():
                types.setdefault(name, set()).add(_type_name(item))
                if isinstance(item, dict) and "." not in name and len(members) < MOST_MEMBERS:
                    members |= dict.fromkeys(islice(object_members(name, item), MOST_MEMBERS))
            if text_column not in members and leads_to_member(value, wanted):
                members[text_column] = None
    if not objects:
        why = f"; line {first_reject.line}: {first_reject.reason}" if first_reject else ""
        problem = InputError if first_reject else EmptyFileError
        raise problem(f"{path}: holds no JSON object{why}")
    return types, list(members)


def _lines(path: Path, encoding: str) -> Iterator[Item[_Object]]:
    number = 0
    for line in read_lines(path, encoding):
        if not line.text.strip() and not line.problem:
            continue
        number += 1
        yield Item(_line(line, number, encoding), len(line.raw), line.end)


def _line(line: Line, number: int, encoding: str) -> _Object | Reject:
    raw = line.text.strip(" \t\r\n")
    value = line.problem or read_object(raw)
    if isinstance(value, dict):
        return raw, value
    return Reject(number, line.number, 1, value, rejected_raw([line], encoding), line.undecodable)


def _records(path: Path) -> Iterator[Item[_Object]]:
    for number, piece in enumerate(pieces(path), 1):
        yield Item(_record(piece, number), len(piece.raw), piece.end)


def _record(piece: Piece, number: int) -> _Object | Reject:
    if isinstance(piece.value, dict):
        return in_one_line(piece.raw.decode("utf-8")), piece.value
    return Reject(number, piece.line, piece.raw.count(b"\n") + 1, piece.value, piece.raw)


def _type_name(value: object) -> str:
    if isinstance(value, int) and value not in _EXACT_IN_FLOAT:
        return "long" if value in _INT64 else "longer"
    return type(value).__name__
