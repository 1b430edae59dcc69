"""Build the corpus for training and evaluation: public sources and the project's own messages.

Each step reports what it removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from scamdetect.errors import SourceError
from scamdetect.labels import Verdict
from scamdetect.text.normalise import normalise
from scamdetect.train.data.cleaning import (
    apply_conventions,
    balance_forms,
    cap_rows,
    fill_placeholders,
    verdict_is_open,
)
from scamdetect.train.data.corpus_rows import (
    AUTHORED,
    EVERYDAY,
    GROUP_CAP,
    Entry,
    Removed,
    authored_entries,
    everyday_entries,
    is_own,
    write_corpus,
)
from scamdetect.train.data.corrections import Correction, apply_corrections, read_corrections
from scamdetect.train.data.neardup import Groups, near_duplicate_groups
from scamdetect.train.data.readers import MissingFileError
from scamdetect.train.data.registry import LICENCE_POLICIES, LicencePolicy, Source, load_registry
from scamdetect.train.data.rows import Row, load_rows

Log = Callable[[str], None]

POOL_CAP = 6_000  # maximum number of rows per source, language and verdict
DEV_CAP = 2_400  # honest rows of a dev source and language: enough to set a threshold on
TRAIN_CAPS = {"legit": 1_500, "spam": 2_000, "scam": 3_000}  # a source and language
CALIBRATE_SHARE = 0.10
# Measured as languages unseen in training, so no row of them may train or set a threshold.
UNTRAINED = frozenset({"uk", "he", "mr", "cs", "ro"})
PROPOSED = "proposed"  # doubts about labels of held-out rows, which are never applied
# Of similar rows, those in the most held-out role are kept.
HELD_OUT = {"train": 0, "calibrate": 1, "dev": 2, "test": 2}


def build_corpus(
    sources: Path,
    raw: Path,
    output: Path,
    licences: LicencePolicy,
    log: Log,
    *,
    authored: Path | None,
    corrections: Path | None,
    cards: Path | None = None,
) -> None:
    """Write ``output`` (Parquet, columns of SCHEMA) from every source that can be read.

    ``licences`` selects the sources that may train or calibrate; dev and test sources are always
    included. A train source with missing files is reported and left out. ``authored`` is the folder
    of the project's own messages, with the catalogue of the everyday ones in ``cards``;
    ``corrections`` is the folder of the readings of train and dev sources; None leaves them out.
    Raises SourceError if there are no train rows, a dev or test source is missing or empty, a file
    is not as described, an own row is malformed, the row of a correction is missing or a row of an
    untrained language would train.
    """
    registry = load_registry(sources)
    _check_corrections(corrections, registry)
    allowed = LICENCE_POLICIES[licences]
    entries: list[Entry] = []
    removed: Removed = Counter()
    missing = 0
    for source in registry.values():
        if source.status != "available" or source.role == "exclude":
            reason = source.role if source.status == "available" else source.status
            log(f"{source.slug}: left out ({reason})")
            continue
        if source.role == "train" and source.licence_class not in allowed:
            log(f"{source.slug}: left out (licence {source.licence_class}, policy {licences})")
            continue
        found = _read_source(source, raw, sources, corrections, removed, log)
        missing += found is None
        entries += found or []
    if authored is None:
        log(f"{AUTHORED.rstrip('_')}: left out (no folder)")
    else:
        entries += authored_entries(authored)
        log(f"{AUTHORED.rstrip('_')}: {sum(entry.source is None for entry in entries)} rows")
        if cards is not None and (authored / EVERYDAY.rstrip("_")).is_dir():
            everyday = everyday_entries(authored / EVERYDAY.rstrip("_"), cards)
            entries += everyday
            log(f"{EVERYDAY.rstrip('_')}: {len(everyday)} rows")
    if not any(entry.role == "train" for entry in entries):
        raise SourceError("no source that may train could be read; run: scamdetect data fetch")
    entries = _drop_exact_repeats(entries, removed, log)
    _group(entries, log)
    entries = _part_roles(entries, removed, log)
    _check_languages(entries)
    entries = _cap_train(entries, removed, log)
    write_corpus(entries, removed, output)
    _report(entries, log)
    if missing:
        log(
            f"{missing} of {len(registry)} sources could not be read and are not in this corpus "
            "(listed above); run: scamdetect data fetch"
        )


def _read_source(
    source: Source, raw: Path, sources: Path, corrections: Path | None, removed: Removed, log: Log
) -> list[Entry] | None:
    try:
        loaded = load_rows(source, raw, sources)
    except MissingFileError as problem:
        if _is_measured(source):
            problem.add_note("figures without a measured source would be misleading")
            raise
        log(f"{source.slug}: left out ({problem})")
        return None
    if not loaded and _is_measured(source):
        raise SourceError(
            f"{source.slug}: its files contain no rows, so it measures nothing; correct it"
        )
    rows = [apply_conventions(row) for row in loaded]
    read = read_corrections(corrections, source.slug) if corrections else []
    if read and source.role not in ("train", "dev"):
        raise SourceError(
            f"{read[0].where}: {source.slug} is for release figures; move the line to "
            f"{PROPOSED}.csv"
        )
    rows, doubtful = _read_rows(rows, read, source)
    if source.role == "dev":
        rows = _cap_honest(rows)
    if source.role == "train":
        rows = cap_rows(rows, lambda row: (row.role, row.lang, row.verdict), POOL_CAP, _read_first)
    entries = []
    over, untrained = len(loaded) - doubtful - len(rows), 0
    for row in rows:
        role = row.role or source.role
        if role == "train" and _is_untrained(row.lang):
            untrained += 1
            continue
        text = fill_placeholders(row.text, source.placeholders, row.lang, row.row_hash)
        norm = normalise(text)
        if norm:
            entries.append(Entry(row, source, text, norm, role))
    empty = len(rows) - untrained - len(entries)
    removed[source.slug, "over the pool cap"] += over
    removed[source.slug, "empty"] += empty
    if doubtful:
        removed[source.slug, "dev rows on which source and reader differ"] += doubtful
    if untrained:
        removed[source.slug, "in a language that nothing trains"] += untrained
    log(
        f"{source.slug}: {len(loaded)} rows, {over} over the pool cap, {empty} empty, "
        f"{len(read)} read"
    )
    return entries


def _is_measured(source: Source) -> bool:
    return source.role in ("dev", "test") or source.role_file is not None


def _read_rows(rows: list[Row], read: list[Correction], source: Source) -> tuple[list[Row], int]:
    """Return the rows, and how many were dropped: a doubtful dev row measures nothing."""
    rows = apply_corrections(rows, read)
    differing = {one.row_hash for one in read if one.old != one.new}
    kept = [
        row for row in rows if row.row_hash not in differing or (row.role or source.role) == "train"
    ]
    return kept, len(rows) - len(kept)


def _cap_honest(rows: list[Row]) -> list[Row]:
    honest = [row for row in rows if row.verdict is Verdict.LEGIT]
    kept = cap_rows(honest, lambda row: row.lang, DEV_CAP, lambda row: row.row_hash)
    hashes = {row.row_hash for row in kept}
    return [row for row in rows if row.verdict is not Verdict.LEGIT or row.row_hash in hashes]


def _check_corrections(folder: Path | None, registry: Mapping[str, Source]) -> None:
    slugs = {path.stem for path in folder.glob("*.csv")} if folder is not None else set()
    if unknown := sorted(slugs - {PROPOSED, *registry}):
        raise SourceError(f"{folder}/{unknown[0]}.csv: unknown source; rename or delete the file")


def _read_first(row: Row) -> str:
    """Return a sort key: rows that were read first, the others in random order."""
    return ("~" if row.probability is None else " ") + row.row_hash


def public_texts(corpus: Path) -> list[str]:
    """Return the normalised texts of a corpus except the project's own."""
    table = pq.read_table(corpus, columns=["source", "norm"])
    columns = zip(table["source"].to_pylist(), table["norm"].to_pylist(), strict=True)
    return [norm for source, norm in columns if not is_own(source)]


def _drop_exact_repeats(entries: list[Entry], removed: Removed, log: Log) -> list[Entry]:
    """Keep one row per normalised text and role; drop training texts with contradicting labels.

    If a reader judged one of the rows, its label is used for all.
    """
    verdicts: dict[tuple[str, bool], set[str]] = {}
    for entry in entries:
        if entry.role == "train" and not verdict_is_open(entry.row):
            verdicts.setdefault((entry.norm, _is_read(entry)), set()).add(entry.row.verdict)

    def agrees(entry: Entry) -> bool:
        told = verdicts.get((entry.norm, True)) or verdicts.get((entry.norm, False)) or ()
        return entry.role != "train" or len(told) < 2

    agreeing = [entry for entry in entries if agrees(entry)]
    _note_removed("equal texts with contradicting labels", entries, agreeing, removed, log)
    seen: set[tuple[str, str]] = set()
    kept: set[int] = set()
    for entry in sorted(agreeing, key=lambda entry: not _is_read(entry)):
        key = (entry.norm, entry.role if entry.role == "train" else entry.row.row_hash)
        if key not in seen:
            seen.add(key)
            kept.add(id(entry))
    single = [entry for entry in agreeing if id(entry) in kept]
    _note_removed("exact repeats after masking", agreeing, single, removed, log)
    return single


def _is_read(entry: Entry) -> bool:
    return entry.row.probability is not None


def _note_removed(
    step: str, before: list[Entry], after: list[Entry], removed: Removed, log: Log
) -> None:
    counts = Counter(entry.row.source for entry in before)
    counts.subtract(Counter(entry.row.source for entry in after))
    for source, count in counts.items():
        if count:
            removed[source, step] += count
    log(f"{step}: {len(before) - len(after)} removed")


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
    if entry.row.source.startswith(EVERYDAY):  # a campaign has one part in all languages
        return (EVERYDAY, thread) if thread else None
    source = entry.row.source if entry.source is None else entry.source.leak_group
    return (source or entry.row.source, thread) if thread else None


def _part_roles(entries: list[Entry], removed: Removed, log: Log) -> list[Entry]:
    """Drop training rows similar to a held-out row; hold out a tenth of the public groups."""
    highest: dict[int, int] = {}
    for entry in entries:
        highest[entry.group] = max(highest.get(entry.group, 0), HELD_OUT[entry.role])
    kept = [entry for entry in entries if HELD_OUT[entry.role] == highest[entry.group]]
    _note_removed("training rows like a held-out row", entries, kept, removed, log)
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


def _is_untrained(lang: str) -> bool:
    return lang.partition("-")[0] in UNTRAINED


def _check_languages(entries: list[Entry]) -> None:
    for entry in entries:
        if entry.role in ("train", "calibrate") and _is_untrained(entry.row.lang):
            raise SourceError(
                f"{entry.row.source}: row {entry.row.row_hash} in {entry.row.lang} has the role "
                f"{entry.role}; {', '.join(sorted(UNTRAINED))} are measured as untrained: set "
                "its part to dev or final"
            )


def _cap_train(entries: list[Entry], removed: Removed, log: Log) -> list[Entry]:
    capped_ones = [entry.role == "train" and entry.source is not None for entry in entries]
    rest = [entry for entry, capped in zip(entries, capped_ones, strict=True) if not capped]
    train = [entry for entry, capped in zip(entries, capped_ones, strict=True) if capped]

    def digest(entry: Entry) -> str:
        return _read_first(entry.row)

    before = train
    train = cap_rows(train, lambda entry: (entry.near, entry.row.lang), GROUP_CAP, digest)
    step = f"more than {GROUP_CAP} rows of one near-duplicate group and language"
    _note_removed(step, before, train, removed, log)
    before = train
    for verdict, cap in TRAIN_CAPS.items():
        of_verdict = [entry for entry in train if entry.row.verdict == verdict]
        others = [entry for entry in train if entry.row.verdict != verdict]
        capped = cap_rows(of_verdict, lambda entry: (entry.row.source, entry.row.lang), cap, digest)
        train = others + capped
    _note_removed("over the cap of a source and language", before, train, removed, log)
    before = train
    train = balance_forms(
        train, lambda entry: entry.norm, lambda entry: entry.row.verdict == "legit", digest
    )
    step = "balancing length, link and turn format between the classes"
    _note_removed(step, before, train, removed, log)
    order = {id(entry): place for place, entry in enumerate(entries)}
    return sorted(rest + train, key=lambda entry: order[id(entry)])


def _report(entries: list[Entry], log: Log) -> None:
    for role in ("train", "calibrate", "dev", "test"):
        counts = Counter(
            "not legit" if verdict_is_open(entry.row) else str(entry.row.verdict)
            for entry in entries
            if entry.role == role
        )
        log(f"{role}: " + ", ".join(f"{count} {name}" for name, count in counts.most_common()))
