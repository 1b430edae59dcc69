"""The rows of a corpus: their columns, the project's own messages among them, and the file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.errors import SourceError
from scamdetect.labels import Provenance
from scamdetect.system.files import writing
from scamdetect.text.normalise import NORMALISER_VERSION, normalise
from scamdetect.train.data.authored import AuthoredRow, load_authored
from scamdetect.train.data.cleaning import verdict_is_open
from scamdetect.train.data.everyday import EverydayRow, load_catalogue, load_everyday
from scamdetect.train.data.registry import Slice, Source
from scamdetect.train.data.rows import Row, row_hash

GROUP_CAP = 2  # rows of one near-duplicate group that train

Removed = Counter[tuple[str, str]]  # rows by source and step

_REMOVED = b"removed"
AUTHORED = "authored_"  # and the language: the sources of the project's own messages
EVERYDAY = "everyday_"  # and the language: of those written as people really send them
HARD_HONEST = 3.0  # weight of an honest train row that a model doubted and a reader confirmed

SCHEMA = pa.schema(
    [
        ("row_hash", pa.string()),
        ("source", pa.string()),
        ("text", pa.string()),  # as loaded
        (
            "input",
            pa.string(),
        ),  # with the source's own placeholders filled, as users pass it
        ("norm", pa.string()),  # what the model sees
        ("verdict", pa.string()),
        ("not_legit", pa.bool_()),  # known only not to be legit
        ("kinds", pa.list_(pa.string())),
        ("kinds_provenance", pa.string()),
        ("verdict_provenance", pa.string()),
        ("lang", pa.string()),
        ("channel", pa.string()),
        ("role", pa.string()),
        ("weight", pa.float32()),
        ("group", pa.int64()),
        ("slices", pa.list_(pa.string())),
        ("licence_class", pa.string()),
        ("generated", pa.string()),
        ("split", pa.string()),
        ("thread_id", pa.string()),
        ("reader", pa.int8()),  # scam probability by a blind reader, 0 to 100
        ("length", pa.int32()),
    ],
    metadata={"normaliser_version": str(NORMALISER_VERSION)},
)


@dataclass
class Entry:
    """A row considered for the corpus."""

    row: Row
    source: Source | None  # None: an authored row, whose role is set and which has no cap
    input: str
    norm: str
    role: str
    group: int = -1  # near-duplicates and the rest of the thread: kept in one role
    near: int = -1  # only near-duplicates


def is_own(source: str) -> bool:
    """Return True if the source is the project's own messages of a language."""
    return source.startswith((AUTHORED, EVERYDAY))


def authored_entries(folder: Path) -> list[Entry]:
    """Return the project's own messages as rows of a corpus; ``final`` has the role test.

    Raises SourceError for a malformed row or one without a part.
    """
    entries = []
    for row in load_authored(folder):
        if row.part is None:
            raise SourceError(f"{folder}: {row.id} has no part; run: python -m data.workshop parts")
        slices = (row.slice,) if row.slice else ()
        entries.append(_own_entry(row, AUTHORED, row.cell, row.pair, slices))
    return entries


def everyday_entries(folder: Path, cards: Path) -> list[Entry]:
    """Return the everyday messages as rows of a corpus; ``final`` has the role test.

    A campaign is one thread in all languages, so that parts do not share one. Raises SourceError.
    """
    catalogue = load_catalogue(cards)
    return [
        _own_entry(row, EVERYDAY, row.campaign, row.campaign, catalogue.slices(row.campaign))
        for row in load_everyday(folder, catalogue)
    ]


def authored_table(folder: Path, role: str) -> pa.Table:
    """Return the project's own messages of one role in the columns of a corpus, pairs as groups."""
    return _table_of_role(authored_entries(folder), role)


def everyday_table(folder: Path, cards: Path, role: str) -> pa.Table:
    """Return the everyday messages of one role in the columns of a corpus, campaigns as groups."""
    return _table_of_role(everyday_entries(folder, cards), role)


def _table_of_role(found: Iterable[Entry], role: str) -> pa.Table:
    entries = [entry for entry in found if entry.role == role]
    groups: dict[str, int] = {}
    for entry in entries:
        key = entry.row.thread_id or entry.row.row_hash
        entry.group = groups.setdefault(key, len(groups))
    return corpus_table(entries)


def _own_entry(
    row: AuthoredRow | EverydayRow,
    prefix: str,
    orig_label: str,
    thread_id: str | None,
    slices: tuple[Slice, ...],
) -> Entry:
    assert row.part is not None
    slug = prefix + row.lang
    of_corpus = Row(
        row_hash=row_hash(slug, row.text),
        source=slug,
        text=row.text,
        verdict=row.verdict,
        lang=row.lang,
        channel=row.channel,
        orig_label=orig_label,
        verdict_provenance=Provenance.AUTHORED,
        kinds=row.kinds,
        kinds_provenance=Provenance.AUTHORED if row.kinds else None,
        slices=slices,
        split=row.part,
        thread_id=thread_id,
        generated=row.generated,
        probability=row.reader,
    )
    role = "test" if row.part == "final" else row.part
    return Entry(of_corpus, None, row.text, normalise(row.text), role)


def corpus_table(entries: Iterable[Entry]) -> pa.Table:
    """Return the entries in the columns of SCHEMA."""
    return pa.Table.from_pylist([_record(entry) for entry in entries], schema=SCHEMA)


def write_corpus(entries: Iterable[Entry], removed: Removed, output: Path) -> None:
    """Write the entries as Parquet, completely or not at all; its metadata counts removed rows."""
    table = corpus_table(entries)
    counts = [[source, step, count] for (source, step), count in sorted(removed.items())]
    table = table.replace_schema_metadata(
        (table.schema.metadata or {}) | {_REMOVED: json.dumps(counts).encode()}
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    with writing(output) as file:
        pq.write_table(table, file, compression="zstd")


def is_corpus(path: Path) -> bool:
    """Return True for a corpus that ``write_corpus`` wrote."""
    try:
        return _REMOVED in (pq.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError):
        return False


def _record(entry: Entry) -> dict[str, object]:
    return {
        "row_hash": entry.row.row_hash,
        "source": entry.row.source,
        "text": _storable(entry.row.text),
        "input": _storable(entry.input),
        "norm": entry.norm,
        "verdict": entry.row.verdict.value,
        "not_legit": verdict_is_open(entry.row),
        "kinds": [kind.value for kind in entry.row.kinds],
        "kinds_provenance": entry.row.kinds_provenance,
        "verdict_provenance": entry.row.verdict_provenance,
        "lang": entry.row.lang,
        "channel": entry.row.channel,
        "role": entry.role,
        "weight": _weight(entry),
        "group": entry.group,
        "slices": list(entry.row.slices),
        "licence_class": "permissive" if entry.source is None else entry.source.licence_class,
        "generated": entry.row.generated,
        "split": entry.row.split,
        "thread_id": entry.row.thread_id,
        "reader": entry.row.probability,
        "length": len(entry.norm),
    }


def _weight(entry: Entry) -> float:
    of_source = 1.0 if entry.source is None else entry.source.weight
    return of_source * (HARD_HONEST if entry.row.confirmed and entry.role == "train" else 1.0)


def _storable(text: str) -> str:
    """Return the text with lone surrogates replaced, because Parquet stores UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
