"""A suite: rows to score, and a manifest that says what they are and proves that they are those."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import pyarrow as pa

from scamdetect.errors import InputError
from scamdetect.labels import Kind, Verdict

SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # unique in the suite
        ("text", pa.string()),
        ("verdict", pa.string()),
        ("kinds", pa.list_(pa.string())),  # null where nobody read or wrote them
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
    """What a suite holds; ``sha256`` is of its rows, so a changed row or order changes it."""

    name: str
    version: int
    about: str  # one sentence
    final: bool  # holds test or final rows, which are opened for releases alone
    sha256: str
    rows: int
    verdicts: Mapping[str, int]
    kinds: Mapping[str, int]
    languages: Mapping[str, int]
    generators: Mapping[str, int]  # "people" for rows that no model wrote
    sources: Mapping[str, int]
    licences: Mapping[str, str]  # by source
    made_with: Mapping[str, str]  # of what is no row: a rewriter's model and prompts

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """Return the manifest of a record that ``to_dict`` made."""
        return cls(**record)

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as JSON types."""
        return asdict(self)


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

    ``licences`` gives one to each source. Raises InputError without rows, on an id that comes
    twice, a row without what every row has, a verdict or kind that is none, a source without a
    licence and a changed copy without its clean row or change.
    """
    ordered = sorted(rows, key=lambda row: str(row["id"]))
    if not ordered:
        raise InputError(f"suite {name}: there is no row for it")
    table = pa.Table.from_pylist([dict(row) for row in ordered], schema=SCHEMA)
    _check_columns(name, table)
    ids = table["id"].to_pylist()
    if len(set(ids)) < len(ids):
        twice = next(one for one, times in Counter(ids).items() if times > 1)
        raise InputError(f"suite {name}: two rows have the id {twice}")
    sources = _counted(table["source"].to_pylist())
    if unknown := sources.keys() - licences.keys():
        raise InputError(f"suite {name}: no licence is given for the source {min(unknown)}")
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
    """Raise InputError where rows lack or mistake what figures are made of."""
    columns = {column: table[column].to_pylist() for column in table.column_names}
    for column in ("id", "text", "verdict", "lang", "source", "group"):
        if None in columns[column]:
            row = columns["id"][columns[column].index(None)]
            raise InputError(f"suite {name}: the row {row} has no {column}")
    kinds = {kind for of_row in columns["kinds"] for kind in of_row or ()}
    for found, known in ((set(columns["verdict"]), Verdict), (kinds, Kind)):
        if unknown := found - set(known):
            raise InputError(f"suite {name}: {min(unknown)!r} is none of {', '.join(known)}")
    clean = {row for row, of in zip(columns["id"], columns["clean_id"], strict=True) if of is None}
    for row, of, change in zip(columns["id"], columns["clean_id"], columns["change"], strict=True):
        if of is not None and (of not in clean or change is None):
            raise InputError(
                f"suite {name}: the row {row} is a changed copy: its clean_id must be a clean row "
                "of the suite, its change a name"
            )


def rows_sha256(table: pa.Table) -> str:
    """Return the sha256 of the rows as JSON lines, keys and rows in their order."""
    digest = hashlib.sha256()
    for row in table.to_pylist():
        digest.update(json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
