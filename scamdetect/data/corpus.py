"""Build the corpus to train and evaluate on: public sources and the project's own messages.

Each step says what it removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.data.authored import AuthoredRow, load_authored
from scamdetect.data.balance import balance_forms, cap_rows
from scamdetect.data.conventions import apply_conventions, verdict_is_open
from scamdetect.data.corrections import apply_corrections, read_corrections
from scamdetect.data.neardup import Groups, near_duplicate_groups
from scamdetect.data.placeholders import fill_placeholders
from scamdetect.data.registry import LICENCE_POLICIES, LicencePolicy, Source, load_registry
from scamdetect.data.rows import Row, load_rows, row_hash
from scamdetect.errors import SourceError
from scamdetect.labels import Provenance
from scamdetect.text import NORMALISER_VERSION, normalise

Log = Callable[[str], None]

POOL_CAP = 6_000  # rows a source, language and verdict that take part at all
TRAIN_CAPS = {"legit": 1_500, "spam": 2_000, "scam": 3_000}  # a source and language
GROUP_CAP = 2  # rows of one near-duplicate group that train
CALIBRATE_SHARE = 0.10
# Of rows that resemble one another, those stay that are held out most.
HELD_OUT = {"train": 0, "calibrate": 1, "dev": 2, "test": 2}
AUTHORED = "authored_"  # and the language: the sources of the project's own messages

SCHEMA = pa.schema(
    [
        ("row_hash", pa.string()),
        ("source", pa.string()),
        ("text", pa.string()),  # as the loader yields it
        ("input", pa.string()),  # with the source's own placeholders filled: what a user would pass
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
    """A row on its way into the corpus."""

    row: Row
    source: Source | None  # None: an authored row, whose role is set and which no cap touches
    input: str
    norm: str
    role: str
    group: int = -1  # near-duplicates and the rest of the thread: stays on one side of a split
    near: int = -1  # near-duplicates alone


def build_corpus(
    sources: Path,
    raw: Path,
    output: Path,
    licences: LicencePolicy,
    log: Log,
    authored: Path | None = None,
    corrections: Path | None = None,
) -> None:
    """Write ``output`` (Parquet, columns of SCHEMA) from every source that can be read.

    ``licences`` decides which sources may train or calibrate; dev and test sources are always in. A
    source whose files are missing is reported and left out. ``authored`` is the folder of the
    project's own messages, ``corrections`` that of the readings of train sources. Raises
    SourceError when nothing trains, an authored row is malformed or a correction has lost its row.
    """
    registry = load_registry(sources)
    allowed = LICENCE_POLICIES[licences]
    entries: list[Entry] = []
    for source in registry.values():
        if source.status != "available" or source.role == "exclude":
            reason = source.role if source.status == "available" else source.status
            log(f"{source.slug}: left out ({reason})")
        elif source.role == "train" and source.licence_class not in allowed:
            log(f"{source.slug}: left out (licence {source.licence_class}, policy {licences})")
        else:
            entries += _read_source(source, raw, sources, corrections, log)
    if authored is not None:
        entries += _read_authored(authored, log)
    if not any(entry.role == "train" for entry in entries):
        raise SourceError("no source that may train could be read; run: scamdetect data fetch")
    entries = _drop_exact_repeats(entries, log)
    _group(entries, log)
    entries = _part_roles(entries, log)
    entries = _cap_train(entries, log)
    _write(entries, output)
    _report(entries, log)


def _read_source(
    source: Source, raw: Path, sources: Path, corrections: Path | None, log: Log
) -> list[Entry]:
    try:
        loaded = load_rows(source, raw, sources)
    except SourceError as problem:
        log(f"{source.slug}: left out ({problem})")
        return []
    rows = [apply_conventions(row) for row in loaded]
    read = read_corrections(corrections, source.slug) if corrections else []
    if read and source.role != "train":
        raise SourceError(
            f"{read[0].where}: {source.slug} does not train; put doubts into proposed.csv"
        )
    rows = apply_corrections(rows, read)
    if source.role == "train":
        rows = cap_rows(rows, lambda row: (row.lang, row.verdict), POOL_CAP, _read_first)
    entries = []
    for row in rows:
        text = fill_placeholders(row.text, source.placeholders, row.lang, row.row_hash)
        norm = normalise(text)
        if norm:
            entries.append(Entry(row, source, text, norm, source.role))
    over, empty = len(loaded) - len(rows), len(rows) - len(entries)
    log(
        f"{source.slug}: {len(loaded)} rows, {over} over the pool cap, {empty} empty, "
        f"{len(read)} read"
    )
    return entries


def _read_first(row: Row) -> str:
    """Return a key by which rows in chance order follow those that were read."""
    return ("~" if row.probability is None else " ") + row.row_hash


def _read_authored(folder: Path, log: Log) -> list[Entry]:
    entries = []
    rows = load_authored(folder)
    for row in rows:
        if row.part is None:
            raise SourceError(
                f"{folder}: {row.id} has no part; run: scamdetect data authored-parts"
            )
        role = "test" if row.part == "final" else row.part
        entries.append(Entry(_authored_row(row), None, row.text, normalise(row.text), role))
    log(f"{AUTHORED.rstrip('_')}: {len(rows)} rows")
    return entries


def _authored_row(row: AuthoredRow) -> Row:
    slug = AUTHORED + row.lang
    return Row(
        row_hash=row_hash(slug, row.text),
        source=slug,
        text=row.text,
        verdict=row.verdict,
        lang=row.lang,
        channel=row.channel,
        orig_label=row.cell,
        verdict_provenance=Provenance.AUTHORED,
        kinds=row.kinds,
        kinds_provenance=Provenance.AUTHORED if row.kinds else None,
        slices=(row.slice,) if row.slice else (),
        split=row.part,
        thread_id=row.pair,
        generated=row.generated,
        probability=row.reader,
    )


def public_texts(corpus: Path) -> list[str]:
    """Return the normalised texts of a corpus that are not the project's own."""
    table = pq.read_table(corpus, columns=["source", "norm"])
    columns = zip(table["source"].to_pylist(), table["norm"].to_pylist(), strict=True)
    return [norm for source, norm in columns if not source.startswith(AUTHORED)]


def _drop_exact_repeats(entries: list[Entry], log: Log) -> list[Entry]:
    """Keep one row a normalised text and role; drop training texts with contradicting labels."""
    verdicts: dict[str, set[str]] = {}
    for entry in entries:
        if entry.role == "train" and not verdict_is_open(entry.row):
            verdicts.setdefault(entry.norm, set()).add(entry.row.verdict)
    kept, seen = [], set()
    contradicting = 0
    for entry in entries:
        key = (entry.norm, entry.role if entry.role == "train" else entry.row.row_hash)
        if entry.role == "train" and len(verdicts.get(entry.norm, ())) > 1:
            contradicting += 1
        elif key not in seen:
            seen.add(key)
            kept.append(entry)
    log(f"exact repeats after masking: {len(entries) - len(kept) - contradicting} removed")
    log(f"equal texts with contradicting labels: {contradicting} removed")
    return kept


def _group(entries: list[Entry], log: Log) -> None:
    groups = Groups(len(entries))
    for item, near in enumerate(near_duplicate_groups([entry.norm for entry in entries]).tolist()):
        entries[item].near = near
        groups.join(near, item)
    groups.join_equal(_thread_key(entry) for entry in entries)
    labels = groups.labels()
    for entry, label in zip(entries, labels, strict=True):
        entry.group = int(label)
    log(f"near-duplicates and threads: {len(entries)} rows in {len(set(labels.tolist()))} groups")


def _thread_key(entry: Entry) -> tuple[str, str] | None:
    thread = entry.row.thread_id
    source = entry.row.source if entry.source is None else entry.source.leak_group
    return (source or entry.row.source, thread) if thread else None


def _part_roles(entries: list[Entry], log: Log) -> list[Entry]:
    """Drop training rows like a held-out row; set a tenth of the public groups apart."""
    highest: dict[int, int] = {}
    for entry in entries:
        highest[entry.group] = max(highest.get(entry.group, 0), HELD_OUT[entry.role])
    kept = [entry for entry in entries if HELD_OUT[entry.role] == highest[entry.group]]
    log(f"training rows like a held-out row: {len(entries) - len(kept)} removed")
    own = {entry.group for entry in kept if entry.source is None}
    groups = sorted({entry.group for entry in kept if entry.role == "train"} - own)
    generator = np.random.default_rng(0)
    chosen = set(
        generator.choice(groups, size=int(len(groups) * CALIBRATE_SHARE), replace=False).tolist()
    )
    for entry in kept:
        if entry.group in chosen:
            entry.role = "calibrate"
    return kept


def _cap_train(entries: list[Entry], log: Log) -> list[Entry]:
    capped_ones = [entry.role == "train" and entry.source is not None for entry in entries]
    rest = [entry for entry, capped in zip(entries, capped_ones, strict=True) if not capped]
    train = [entry for entry, capped in zip(entries, capped_ones, strict=True) if capped]

    def digest(entry: Entry) -> str:
        return _read_first(entry.row)

    before = len(train)
    train = cap_rows(train, lambda entry: (entry.near, entry.row.lang), GROUP_CAP, digest)
    over = before - len(train)
    log(f"more than {GROUP_CAP} rows of one near-duplicate group and language: {over} removed")
    before = len(train)
    for verdict, cap in TRAIN_CAPS.items():
        of_verdict = [entry for entry in train if entry.row.verdict == verdict]
        others = [entry for entry in train if entry.row.verdict != verdict]
        capped = cap_rows(of_verdict, lambda entry: (entry.row.source, entry.row.lang), cap, digest)
        train = others + capped
    log(f"over the cap of a source and language: {before - len(train)} removed")
    before = len(train)
    train = balance_forms(
        train, lambda entry: entry.norm, lambda entry: entry.row.verdict == "legit", digest
    )
    log(
        f"balancing length, link and turn format between the classes: {before - len(train)} removed"
    )
    order = {id(entry): place for place, entry in enumerate(entries)}
    return sorted(rest + train, key=lambda entry: order[id(entry)])


def _write(entries: list[Entry], output: Path) -> None:
    records = [
        {
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
            "weight": 1.0 if entry.source is None else entry.source.weight,
            "group": entry.group,
            "slices": list(entry.row.slices),
            "licence_class": "permissive" if entry.source is None else entry.source.licence_class,
            "generated": entry.row.generated,
            "split": entry.row.split,
            "thread_id": entry.row.thread_id,
            "reader": entry.row.probability,
            "length": len(entry.norm),
        }
        for entry in entries
    ]
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(output.name + ".part")
    pq.write_table(pa.Table.from_pylist(records, schema=SCHEMA), partial, compression="zstd")
    partial.replace(output)


def _storable(text: str) -> str:
    """Return the text with lone surrogates replaced: Parquet holds UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _report(entries: list[Entry], log: Log) -> None:
    for role in ("train", "calibrate", "dev", "test"):
        counts = Counter(
            "not legit" if verdict_is_open(entry.row) else str(entry.row.verdict)
            for entry in entries
            if entry.role == role
        )
        log(f"{role}: " + ", ".join(f"{count} {name}" for name, count in counts.most_common()))
