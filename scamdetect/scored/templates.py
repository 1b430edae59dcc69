"""The masked templates of scored messages, and the template of each row, in segments on disk.

A segment covers consecutive rows. Its templates are sorted by their hashes and split into parts by
the leading bits, so that a part of all segments fits into memory. Its rows keep their order and
results, but not their texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.dumps.state import ANEW
from scamdetect.errors import InputError
from scamdetect.frames.arrow import number_array, numbers, one_array, plain_array
from scamdetect.labels import Decision
from scamdetect.system.files import open_regular
from scamdetect.text.masking import key_of, mask

PART_BITS = 7
PARTS = 1 << PART_BITS
NO_TEMPLATE = -1  # of a row without a text
NO_DAY = np.iinfo(np.int64).min
DECISIONS = tuple(decision.value for decision in Decision)
SENDER, DAY = "sender", "day"  # columns that exist only if requested

_TEMPLATES = pa.schema([("hash", pa.int64()), ("messages", pa.int64()), ("template", pa.string())])
_NAMES = pa.dictionary(pa.int32(), pa.string())
_DECISIONS = plain_array(DECISIONS, pa.string())
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


def template_hash(key: str) -> int:
    """Return the first 64 bits of the sha256 of a template's key, its name in every dump."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "backslashreplace")).digest()[:8])


def template_id(number: int) -> str:
    """Return the hash of a template as shown, 16 hexadecimal digits."""
    return f"{number:016x}"


def row_schema(*, senders: bool, days: bool) -> pa.Schema:
    """Return the columns of the rows of a segment; probabilities are null if unscored."""
    fields = [
        ("template", pa.int64()), ("decision", pa.int64()), ("probability", pa.float32()),
        ("kinds", _NAMES), ("language", _NAMES),
    ]  # fmt: skip
    fields += [(SENDER, pa.int64())] * senders + [(DAY, pa.int64())] * days
    return pa.schema(fields)


class Segment:
    """The templates and rows of a segment, collected in memory."""

    def __init__(self, *, senders: bool, days: bool) -> None:
        self.rows = 0
        self._schema = row_schema(senders=senders, days=days)
        self._templates: list[str] = []
        self._hashes: list[int] = []
        self._places: dict[int, int] = {}  # by the hash of a template
        # Exact copies need no masking. In so few rows Python's own hash distinguishes them.
        self._seen: dict[int, int] = {}
        self._of_rows: list[int] = []
        self._facts: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        """Add rows with the columns text, decision, probability, kinds, language, sender, day.

        An unscored row has no template.
        """
        self.rows += table.num_rows
        is_scored = pc.not_equal(table["decision"], Decision.UNSCORED.value)
        texts = pc.if_else(is_scored, table["text"], pa.scalar(None, pa.string()))
        self._of_rows += map(self._place, texts.to_pylist())
        self._facts.append(table.select(self._schema.names[1:]))

    def save(self, templates: IO[bytes], rows: IO[bytes]) -> None:
        """Write both files; raise OSError."""
        hashes = np.array(self._hashes, np.uint64)
        order = np.argsort(hashes)
        place_of = np.empty(len(order) + 1, np.int64)
        place_of[order] = np.arange(len(order))
        place_of[NO_TEMPLATE] = NO_TEMPLATE
        of_rows = place_of[np.array(self._of_rows, np.int64)]
        messages = np.bincount(of_rows[of_rows != NO_TEMPLATE], minlength=len(order))
        names = plain_array([self._templates[place] for place in order.tolist()], pa.string())
        save_templates(templates, hashes[order], messages, names)
        facts = pa.concat_tables(self._facts)
        columns = {
            "template": number_array(of_rows),
            "decision": pc.index_in(facts["decision"], value_set=_DECISIONS).cast(pa.int64()),
            "probability": facts["probability"].cast(pa.float32()),
            "kinds": _names(pc.binary_join(facts["kinds"], ";"), ""),
            "language": _names(facts["language"], "und"),
        }
        columns |= {name: facts[name] for name in self._schema.names[len(columns) :]}
        table = pa.Table.from_arrays(list(columns.values()), schema=self._schema)
        with pa.ipc.new_file(rows, self._schema, options=_OPTIONS) as out:
            out.write_table(table.combine_chunks())

    def _place(self, text: str | None) -> int:
        if not text:
            return NO_TEMPLATE
        place = self._seen.get(hash(text))
        if place is None:
            template = mask(text)
            place = self._place_of(template) if template.strip() else NO_TEMPLATE
            self._seen[hash(text)] = place
        return place

    def _place_of(self, template: str) -> int:
        found = template_hash(key_of(template))
        place = self._places.setdefault(found, len(self._templates))
        if place == len(self._templates):
            self._templates.append(template)
            self._hashes.append(found)
        return place


def save_templates(
    file: IO[bytes], hashes: NDArray[np.uint64], messages: NDArray[np.int64], templates: pa.Array
) -> None:
    """Write templates sorted by their hashes, one batch per part; raise OSError."""
    columns = [number_array(hashes.view(np.int64)), number_array(messages), templates]
    batch = pa.RecordBatch.from_arrays(columns, schema=_TEMPLATES)
    cuts = part_cuts(hashes).tolist()
    with pa.ipc.new_file(file, _TEMPLATES, options=_OPTIONS) as out:
        for start, end in zip(cuts, cuts[1:], strict=False):
            out.write_batch(batch.slice(start, end - start))


def part_cuts(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return where each part starts in sorted hashes, and where the last one ends."""
    parts = np.arange(PARTS + 1, dtype=np.uint64)
    return np.searchsorted(hashes >> np.uint64(64 - PART_BITS), parts).astype(np.int64)


def read_parts(path: Path, parts: Sequence[int], names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield columns of the templates in some parts; raise InputError if the file is damaged."""
    fields = sorted(_TEMPLATES.get_field_index(name) for name in names)
    options = pa.ipc.IpcReadOptions(included_fields=fields)
    try:
        with open_regular(path) as file, pa.ipc.open_file(file, options=options) as reader:
            for part in parts:
                yield reader.get_batch(part)
    except pa.ArrowInvalid as problem:
        raise InputError(f"{path}: damaged; {ANEW}") from problem


def read_hashes(path: Path) -> NDArray[np.uint64]:
    """Return the hashes of all templates of a segment, sorted, (n,)."""
    table = pa.Table.from_batches(read_parts(path, range(PARTS), ["hash"]))
    found: NDArray[np.int64] = numbers(one_array(table["hash"]))
    return found.view(np.uint64)


def read_rows(path: Path) -> pa.Table:
    """Return the rows of a segment; raise InputError if the file is damaged."""
    try:
        with open_regular(path) as file, pa.ipc.open_file(file) as reader:
            return reader.read_all()
    except pa.ArrowInvalid as problem:
        raise InputError(f"{path}: damaged; {ANEW}") from problem


def _names(column: pa.ChunkedArray, other: str) -> pa.Array:
    """Return a column of names as a dictionary, with ``other`` for null."""
    return one_array(pc.fill_null(column, other)).dictionary_encode()
