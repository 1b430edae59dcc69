"""A team's rows and the rows to rehearse, in the columns of a corpus."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import scamdetect
from scamdetect.adapt.own_rows import joined_groups, read_labelled
from scamdetect.errors import InputError
from scamdetect.labels import KINDS, Provenance, Verdict
from scamdetect.system.shown import shown
from scamdetect.text.masking import template_key
from scamdetect.text.near_duplicates import AlikeIndex, sketch
from scamdetect.text.normalise import normalise
from scamdetect.train.data.corpus_rows import SCHEMA, authored_entries, corpus_table
from scamdetect.train.data.rows import row_hash
from scamdetect.train.data.table import column, select
from scamdetect.train.rows import read_roles

OWN = "own"  # the source of a team's rows
FEWEST = 50  # distinct messages of a class
HELD_SHARE = 0.2  # of the groups, to calibrate on, and as many to compare on
CORPUS, AUTHORED = Path("data/corpus.parquet"), Path("data/authored")
ROLES = ("train", "calibrate", "dev")

_BETWEEN_KINDS = re.compile(r"[,;|\s]+")


@dataclass(frozen=True)
class OwnTable:
    """The usable rows in the columns of a corpus, with roles, and how many were left out.

    Rows that a queue chose (``chosen``) are only in the role train: they give no rates.
    """

    table: pa.Table
    ignored: int
    untexted: int
    rejected: int
    chosen: int

    def count(self, verdict: Verdict) -> tuple[int, int]:
        """Return the numbers of rows of a verdict and of distinct ones."""
        of = select(self.table, column(self.table, "verdict") == verdict.value)
        return of.num_rows, len(set(of["group"].to_pylist()))


def read_own_table(
    path: Path,
    *,
    text_column: str,
    label_column: str,
    group_column: str | None,
    kinds_column: str | None,
    known: Mapping[str, Verdict | None],
    seed: int,
) -> OwnTable:
    """Return the labelled rows of any dump that ``scamdetect score`` reads, split by groups.

    Near-duplicates (masked) share a group, and so do rows of one value in ``group_column``. Three
    fifths of the groups train, a fifth calibrates, a fifth is held out; groups with scams are split
    separately. Raises InputError if the file cannot be read, lacks a column, has a label that is
    not ``known`` or an unknown kind, and for too few rows, with the number needed.
    """
    columns = [name for name in (group_column, kinds_column) if name]
    records: list[dict[str, object]] = []
    keys: list[str] = []
    owners: list[str | None] = []
    chosen: list[bool] = []
    kinds_seen: Counter[str] = Counter()
    ignored = untexted = rejected = 0
    for batch in read_labelled(path, text_column, label_column, columns, known):
        ignored += batch.ignored
        untexted += batch.untexted
        rejected += batch.rejected
        for place, (text, verdict) in enumerate(zip(batch.texts, batch.verdicts, strict=True)):
            norm = normalise(text)
            if not norm:
                untexted += 1
                continue
            named = batch.columns[kinds_column][place] if kinds_column else None
            kinds = [kind for kind in _BETWEEN_KINDS.split((named or "").strip()) if kind]
            kinds_seen.update(kinds)
            records.append(_record(text, norm, verdict, kinds if verdict == Verdict.SCAM else []))
            keys.append(template_key(text))
            owners.append(batch.columns[group_column][place] if group_column else None)
            chosen.append(batch.chosen[place])
    _check_kinds(kinds_seen, path)
    groups = joined_groups(keys, owners)
    verdicts = np.array([record["verdict"] for record in records], dtype=object)
    by_queue = np.array(chosen, dtype=bool)
    _check_enough(verdicts, groups, by_queue, path)
    for record, group, role in zip(
        records, groups.tolist(), _roles(verdicts, groups, by_queue, seed), strict=True
    ):
        record |= {"group": group, "role": role}
    table = pa.Table.from_pylist(records, schema=SCHEMA)
    return OwnTable(table, ignored, untexted, rejected, int(by_queue.sum()))


def rehearsal_source(asked: Path | None) -> Path:
    """Return the corpus or the folder of authored rows to rehearse.

    The default is the built corpus if it exists, else the messages written for this project. Raises
    InputError if neither exists.
    """
    package = Path(scamdetect.__file__).resolve().parent.parent
    places = [CORPUS, AUTHORED, package / AUTHORED] if asked is None else [asked]
    for place in places:
        if place.exists():
            return place
    where = (
        "no corpus and no authored messages were found here"
        if asked is None
        else f"{asked}: missing"
    )
    raise InputError(
        f"{where}; a model that trains only on own rows forgets the rest. Run in a checkout of "
        "scamdetect, or pass --rehearsal with the corpus that `scamdetect data build` wrote or "
        f"the folder {AUTHORED} of a checkout"
    )


def rehearsal_table(source: Path, licences: str, without: Iterable[str]) -> pa.Table:
    """Return the rows to rehearse, calibrate and compare on, by role; test rows are never read.

    Rows that are near-duplicates (masked) of a text of ``without`` are left out, so that no own row
    has a copy in another role. Raises RecipeError if a file is not a corpus, SourceError for
    malformed authored rows.
    """
    if source.is_dir():
        entries = [entry for entry in authored_entries(source) if entry.role in ROLES]
        groups: dict[str, int] = {}
        for entry in entries:
            key = entry.row.thread_id or entry.row.row_hash
            entry.group = groups.setdefault(key, len(groups))
        table = corpus_table(entries)
    else:
        table = read_roles(source, list(ROLES), licences)
    own = AlikeIndex()
    for key in sorted({template_key(text) for text in without}):
        own.add(sketch(key))
    kept = np.array(
        [own.nearest(sketch(template_key(norm))) is None for norm in table["norm"].to_pylist()],
        dtype=bool,
    )
    return select(table, kept).select(SCHEMA.names).cast(SCHEMA)


def of_role(table: pa.Table, role: str) -> pa.Table:
    """Return the rows of a role."""
    return select(table, column(table, "role") == role)


def own_and_rehearsed(own: pa.Table, rehearsed: pa.Table) -> pa.Table:
    """Return both tables as one, own rows first, with separate groups."""
    start = 1 + max(own["group"].to_pylist(), default=-1)
    moved = pa.array([start + group for group in rehearsed["group"].to_pylist()], pa.int64())
    place = SCHEMA.get_field_index("group")
    return pa.concat_tables([own, rehearsed.set_column(place, SCHEMA.field(place), moved)])


def _record(text: str, norm: str, verdict: Verdict, kinds: list[str]) -> dict[str, object]:
    stored = text.encode("utf-8", "replace").decode("utf-8")  # Parquet has no lone surrogates
    return {
        "row_hash": row_hash(OWN, stored),
        "source": OWN,
        "text": stored,
        "input": stored,
        "norm": norm,
        "verdict": verdict.value,
        "not_legit": False,
        "kinds": kinds,
        # The labels were set by readers, and only kinds that somebody confirmed are learned.
        "kinds_provenance": Provenance.READ.value if kinds else None,
        "verdict_provenance": Provenance.SOURCE.value,
        "lang": "und",
        "channel": "other",
        "weight": 1.0,
        "slices": [],
        "licence_class": "own",
        "length": len(norm),
    }


def _check_kinds(seen: Counter[str], path: Path) -> None:
    unknown = [name for name, _ in seen.most_common() if name not in set(KINDS)]
    if unknown:
        raise InputError(
            f"{path}: unknown kinds {', '.join(map(shown, unknown[:20]))}; allowed are "
            f"{', '.join(KINDS)}, separated by commas"
        )


def _check_enough(
    verdicts: NDArray[np.object_], groups: NDArray[np.int64], chosen: NDArray[np.bool_], path: Path
) -> None:
    """Raise InputError unless there are enough distinct scams and honest messages.

    Those that a queue chose do not count, because they can only train.
    """
    only_train = np.isin(groups, groups[chosen])
    found, distinct = {}, {}
    for verdict in (Verdict.LEGIT, Verdict.SCAM):
        of = verdicts == verdict.value
        found[verdict] = int(of.sum())
        distinct[verdict] = len(np.unique(groups[of & ~only_train]))
    if min(distinct.values()) < FEWEST:
        listed = " and ".join(
            f"{found[verdict]:,} {verdict} rows, {distinct[verdict]:,} of them distinct"
            for verdict in found
        )
        aside = (
            f" (and {int(chosen.sum()):,} rows that a queue chose, which can only train)"
            if chosen.any()
            else ""
        )
        raise InputError(
            f"{path}: too few rows to train, calibrate and compare on: {listed}{aside}; at "
            f"least {FEWEST} distinct ones of each are needed, several hundred are better. "
            "Label more, or move only the thresholds: scamdetect calibrate"
        )


def _roles(
    verdicts: NDArray[np.object_], groups: NDArray[np.int64], chosen: NDArray[np.bool_], seed: int
) -> list[str]:
    random = np.random.Generator(np.random.PCG64(seed))
    with_scam = np.unique(groups[verdicts == Verdict.SCAM.value])
    roles = {group: "train" for group in np.unique(groups).tolist()}
    only_train = np.unique(groups[chosen])
    for some in (with_scam, np.setdiff1d(np.unique(groups), with_scam)):
        dealt = random.permutation(np.setdiff1d(some, only_train))
        held = round(HELD_SHARE * dealt.size)
        roles |= dict.fromkeys(dealt[:held].tolist(), "calibrate")
        roles |= dict.fromkeys(dealt[held : 2 * held].tolist(), "dev")
    return [roles[group] for group in groups.tolist()]
