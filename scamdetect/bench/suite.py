"""A suite: rows, a manifest with their hash, a reduced suite for costly detectors, the release."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect.bench.suites.rows import chance
from scamdetect.errors import InputError
from scamdetect.labels import Kind, Verdict
from scamdetect.train.typed import of_json

SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # unique in the suite
        ("text", pa.string()),
        ("verdict", pa.string()),
        ("kinds", pa.list_(pa.string())),  # null if nobody read or wrote them
        ("lang", pa.string()),
        ("generator", pa.string()),  # the model that wrote the row; null: people
        ("source", pa.string()),
        ("group", pa.string()),  # near-duplicates, pairs and threads: resampled together
        ("slices", pa.list_(pa.string())),
        ("part", pa.string()),  # of the corpus: train, calibrate, dev or test
        ("pair", pa.string()),  # the two sides of a contrast pair share it
        ("clean_id", pa.string()),  # the row of this suite of which this one is a changed copy
        ("change", pa.string()),  # how it was changed
        ("strength", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of a suite; ``sha256`` covers its rows, so any change of rows or order shows."""

    name: str
    version: int
    about: str  # one sentence
    final: bool  # contains test or final rows, which are read only for releases
    sha256: str
    rows: int
    verdicts: Mapping[str, int]
    kinds: Mapping[str, int]
    languages: Mapping[str, int]
    generators: Mapping[str, int]  # "people" for rows that no model wrote
    sources: Mapping[str, int]
    licences: Mapping[str, str]  # by source
    made_with: Mapping[str, str]  # other inputs than rows: a rewriter's model and prompts


@dataclass(frozen=True)
class Suite:
    """Rows in the columns of SCHEMA, and their manifest."""

    manifest: Manifest
    rows: pa.Table

    @property
    def name(self) -> str:
        """Return the name of the suite."""
        return self.manifest.name


def make_suite(
    name: str,
    version: int,
    about: str,
    rows: Iterable[Mapping[str, Any]],
    licences: Mapping[str, str],
    *,
    final: bool,
    made_with: Mapping[str, str] | None = None,
) -> Suite:
    """Return the suite of these rows, in the order of their ids; missing columns are null.

    ``licences`` has one for each source. Raises InputError without rows, for a repeated id, a row
    without a required value, an unknown verdict or kind, a source without a licence and a changed
    copy without its clean row or change.
    """
    ordered = sorted(rows, key=lambda row: str(row["id"]))
    if not ordered:
        raise InputError(f"suite {name}: has no rows")
    table = pa.Table.from_pylist([dict(row) for row in ordered], schema=SCHEMA)
    _check_columns(name, table)
    ids = table["id"].to_pylist()
    if len(set(ids)) < len(ids):
        twice = next(one for one, times in Counter(ids).items() if times > 1)
        raise InputError(f"suite {name}: two rows have the id {twice}")
    sources = _counted(table["source"].to_pylist())
    if unknown := sources.keys() - licences.keys():
        raise InputError(f"suite {name}: no licence is set for the source {min(unknown)}")
    return Suite(
        Manifest(
            name=name,
            version=version,
            about=about,
            final=final,
            sha256=rows_sha256(table),
            rows=table.num_rows,
            verdicts=_counted(table["verdict"].to_pylist()),
            kinds=_counted(kind for kinds in table["kinds"].to_pylist() if kinds for kind in kinds),
            languages=_counted(table["lang"].to_pylist()),
            generators=_counted(one or "people" for one in table["generator"].to_pylist()),
            sources=sources,
            licences={source: licences[source] for source in sources},
            made_with=dict(made_with or {}),
        ),
        table,
    )


def _check_columns(name: str, table: pa.Table) -> None:
    """Raise InputError if rows lack values that the figures need, or have invalid ones."""
    columns = {column: table[column].to_pylist() for column in table.column_names}
    for column in ("id", "text", "verdict", "lang", "source", "group"):
        if None in columns[column]:
            row = columns["id"][columns[column].index(None)]
            raise InputError(f"suite {name}: the row {row} has no {column}")
    kinds = {kind for of_row in columns["kinds"] for kind in of_row or ()}
    for found, known in ((set(columns["verdict"]), Verdict), (kinds, Kind)):
        if unknown := found - set(known):
            raise InputError(f"suite {name}: {min(unknown)!r} is not one of {', '.join(known)}")
    clean = {row for row, of in zip(columns["id"], columns["clean_id"], strict=True) if of is None}
    for row, of, change in zip(columns["id"], columns["clean_id"], columns["change"], strict=True):
        if of is not None and (of not in clean or change is None):
            raise InputError(
                f"suite {name}: the row {row} is a changed copy: its clean_id must be a clean "
                "row of the suite, and its change a name"
            )


def rows_sha256(table: pa.Table) -> str:
    """Return the sha256 of the rows as JSON lines, keys and rows in their order."""
    digest = hashlib.sha256()
    for row in table.to_pylist():
        digest.update(json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


NAME = "scamdetect-bench-1"
FILE = "bench_1.json"  # in this package
# In the order of the benchmark's checksum; thresholds are set on ``calibrate``.
SUITES = (
    "human",
    "human-final",
    "llm",
    "llm-final",
    "pairs",
    "pairs-final",
    "evasion",
    "rewrite",
    "calibrate",
)
_SHOWN = 3


@cache
def manifests() -> Mapping[str, Manifest]:
    """Return the released manifests by the name of their suite."""
    return {
        name: of_json(record | {"made_with": {}}, Manifest)
        for name, record in _file()["suites"].items()
    }


def sha256() -> str:
    """Return the checksum of the released benchmark."""
    return str(_file()["sha256"])


def digest(released: Iterable[Manifest]) -> str:
    """Return the checksum of a benchmark of these suites: sha256 over theirs, in this order."""
    return hashlib.sha256("".join(one.sha256 for one in released).encode()).hexdigest()


def knows(suite: str) -> bool:
    """Return True if the release has a suite of this name; ``check`` ignores others."""
    return suite in manifests()


def check(suite: Suite) -> str | None:
    """Return how the suite differs from the released one of its name, and the fix.

    None if the rows are the same, and if the release has no such suite (see ``knows``).
    """
    released = manifests().get(suite.name)
    here = suite.manifest
    if released is None or released.sha256 == here.sha256:
        return None
    size = f"it has as many rows, {here.rows:,}, but different ones"
    if here.rows != released.rows:
        size = f"it has {here.rows:,} rows instead of {released.rows:,}"
    own = all(source.startswith("authored_") for source in released.sources)
    cure = (
        "use data/authored of this version of scamdetect"
        if own
        else "rebuild the corpus with this version of scamdetect and all sources: scamdetect data "
        "fetch, then: scamdetect data build --licences default"
    )
    return (
        f"suite {suite.name}: sha256 {here.sha256[:12]}, {NAME} has {released.sha256[:12]}; "
        f"{size}{_by_source(released.sources, here.sources)}: {cure}"
    )


def to_record(suite: Suite) -> dict[str, Any]:
    """Return the manifest in the format of the release's file."""
    record = asdict(suite.manifest)
    del record["made_with"]
    return record


def _by_source(released: Mapping[str, int], here: Mapping[str, int]) -> str:
    changed = [
        f"{source} {here.get(source, 0):,} instead of {released.get(source, 0):,}"
        for source in sorted(released.keys() | here.keys())
        if here.get(source, 0) != released.get(source, 0)
    ]
    if not changed:
        return ""
    rest = f" and {len(changed) - _SHOWN} more sources" if len(changed) > _SHOWN else ""
    return f" ({', '.join(changed[:_SHOWN])}{rest})"


@cache
def _file() -> dict[str, Any]:
    text = files("scamdetect.bench").joinpath(FILE).read_text(encoding="utf-8")
    record: dict[str, Any] = json.loads(text)
    return record


def limited(suite: Suite, rows: int) -> Suite:
    """Return at most ``rows`` of the suite, evenly from its verdicts and languages.

    Changed copies stay with their clean row, the sides of a pair together; deterministic. Raises
    InputError if even the smallest unit exceeds the limit.
    """
    table = suite.rows
    if table.num_rows <= rows:
        return suite
    records = table.to_pylist()
    pair_of = {record["id"]: record["pair"] for record in records}
    families: dict[str, list[int]] = defaultdict(list)
    for place, record in enumerate(records):
        clean = record["clean_id"] or record["id"]
        families[pair_of[clean] or clean].append(place)
    cells: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in sorted(families, key=chance):
        first = records[families[name][0]]
        cells[first["verdict"], first["lang"]].append(name)
    taken: list[int] = []
    # One of each cell in turn, until the next would be one too many.
    for turn in range(max(map(len, cells.values()))):
        for names in cells.values():
            if turn < len(names) and len(taken) + len(families[names[turn]]) <= rows:
                taken += families[names[turn]]
    if not taken:
        raise InputError(
            f"suite {suite.name}: --limit {rows} allows none of it: pairs and changed copies "
            f"stay together; allow at least {min(map(len, families.values()))}"
        )
    manifest = suite.manifest
    kept = table.take(pa.array(np.sort(taken), pa.int64()))
    return make_suite(
        manifest.name,
        manifest.version,
        manifest.about,
        kept.to_pylist(),
        manifest.licences,
        final=manifest.final,
        made_with=manifest.made_with,
    )
