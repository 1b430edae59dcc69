"""Read the rows for an evaluation from the corpus, and the conversations among them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scamdetect.errors import InputError
from scamdetect.labels import KINDS, Provenance, Verdict
from scamdetect.system.files import check_regular
from scamdetect.system.os_errors import of_system, unreadable
from scamdetect.system.shown import shown
from scamdetect.text.normalise import NORMALISER_VERSION, normalise
from scamdetect.train.data.corpus_rows import EVERYDAY

Objects = NDArray[np.object_]
Bools = NDArray[np.bool_]
Half = Literal["select", "check"]

COLUMNS = (
    "row_hash", "source", "norm", "verdict", "not_legit", "kinds", "kinds_provenance",
    "verdict_provenance", "lang", "role", "weight", "group", "slices", "licence_class", "length",
    "thread_id", "reader", "generated",
)  # fmt: skip
_SEEN = (Provenance.READ.value, Provenance.AUTHORED.value)
_INPUT = "input"  # the text as loaded with the source's own placeholders filled, if built


@contextmanager
def reading_corpus(corpus: Path) -> Iterator[None]:
    """Raise InputError if the corpus read within is missing or not a Parquet file."""
    try:
        check_regular(corpus)
        yield
    except (OSError, pa.ArrowException) as problem:
        if of_system(problem):
            raise unreadable(corpus, problem, cure="run: scamdetect data build") from problem
        raise InputError(
            f"{corpus}: cannot be read as Parquet; run: scamdetect data build"
        ) from problem


def read_rows(corpus: Path, roles: Collection[str]) -> pa.Table:
    """Return the corpus rows of these roles, in the order of the file.

    Raises InputError if the file is missing, is not Parquet or lacks a column.
    """
    with reading_corpus(corpus):
        present = pq.read_schema(corpus).names
    missing = [name for name in COLUMNS if name not in present]
    if missing:
        raise InputError(
            f"{corpus} lacks the columns {', '.join(missing)}; its columns are: "
            f"{', '.join(map(shown, present))}; run: scamdetect data build"
        )
    wanted = [*COLUMNS, _INPUT] if _INPUT in present else list(COLUMNS)
    return pq.read_table(corpus, columns=wanted, filters=[("role", "in", sorted(roles))])


def normaliser_problem(corpus: Path, schema: pa.Schema) -> str | None:
    """Return the problem if another normaliser built the corpus, else None."""
    built = (schema.metadata or {}).get(b"normaliser_version", b"unknown").decode()
    if built == str(NORMALISER_VERSION):
        return None
    return (
        f"{corpus}: built with normaliser {built}, but this is {NORMALISER_VERSION}; run: "
        "scamdetect data build"
    )


def column(table: pa.Table, name: str) -> Objects:
    """Return one column as Python objects, shape (rows,)."""
    values = np.empty(table.num_rows, dtype=object)
    values[:] = table[name].to_pylist()
    return values


def select(table: pa.Table, rows: Bools) -> pa.Table:
    """Return the rows selected by the mask (rows,)."""
    return table.filter(pa.array(rows))


def half_of(table: pa.Table) -> Objects:
    """Return "select" or "check" for each row: a campaign, pair or near-duplicate group has one.

    A group is identified by its smallest row hash, so that the halves are the same in a rebuilt
    corpus.
    """
    hashes, groups = column(table, "row_hash"), column(table, "group")
    first: dict[object, str] = {}
    for group, row in zip(groups, hashes, strict=True):
        first[group] = min(row, first.get(group, row))
    halves = get_args(Half)
    names = {
        group: halves[hashlib.sha256(key.encode()).digest()[0] % 2] for group, key in first.items()
    }
    return np.array([names[group] for group in groups], dtype=object)


def has_verdict(table: pa.Table, verdict: Verdict) -> Bools:
    """Return which rows have the verdict; rows known only as "not legit" have none."""
    known = ~column(table, "not_legit").astype(bool)
    return np.asarray(known & (column(table, "verdict") == verdict.value), dtype=bool)


def is_own(table: pa.Table) -> Bools:
    """Return which rows were written for this project, including everyday messages."""
    return np.asarray(column(table, "verdict_provenance") == Provenance.AUTHORED.value, dtype=bool)


def is_everyday(table: pa.Table) -> Bools:
    """Return which rows are everyday messages written for this project."""
    names = [str(name).startswith(EVERYDAY) for name in column(table, "source")]
    return np.asarray(names, dtype=bool)


def is_authored(table: pa.Table) -> Bools:
    """Return which rows were written for this project to scenario cards."""
    return is_own(table) & ~is_everyday(table)


def has_seen_kinds(table: pa.Table) -> Bools:
    """Return which rows are scams with kinds from a reader or a writer.

    Only these teach, calibrate and measure kinds: a source names the one kind that it collects, a
    rule the kind of a word, and neither excludes other kinds.
    """
    seen = np.isin(column(table, "kinds_provenance").astype(str), _SEEN)
    return np.asarray(seen & has_verdict(table, Verdict.SCAM), dtype=bool)


def kind_table(names: Iterable[Iterable[str] | None]) -> Bools:
    """Return which kinds each row has, (rows, kinds); a row without kinds has none."""
    rows = [[kind in named for kind in KINDS] for named in (set(one or ()) for one in names)]
    return np.array(rows, dtype=bool).reshape(len(rows), len(KINDS))


def evaluation_sets(table: pa.Table) -> dict[str, Bools]:
    """Return the rows (rows,) of each set with separate figures.

    First the authored and the everyday rows by role, then every left-out source.
    """
    own, roles, sources = is_own(table), column(table, "role"), column(table, "source")
    sets = {
        f"{name} {role}{mark}": rows & (roles == role)
        for name, mark, rows in (
            ("authored", "", is_authored(table)),
            ("everyday", ", same writer", is_everyday(table)),
        )
        for role in sorted(set(roles[rows]))
    }
    return sets | {name: ~own & (sources == name) for name in sorted(set(sources[~own]))}


def detector_texts(table: pa.Table) -> list[Any]:
    """Return the texts as a user would pass them, with the sources' own placeholders filled."""
    return list(table[_INPUT if _INPUT in table.column_names else "norm"].to_pylist())


def normalised(texts: Sequence[str]) -> list[str]:
    """Return texts as a bundle reads them, empty if nothing is left."""
    return [normalise(text) for text in texts]


_SPEAKS = re.compile(r"([A-J]): ?(.*)")


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation with the labels of its row; ``messages`` have ``sender`` and ``text``."""

    id: str
    source: str
    lang: str
    scam: bool
    slices: tuple[str, ...]
    group: str
    messages: tuple[dict[str, str], ...]


def dialogues(table: pa.Table, *, longest: int | None = None) -> Iterator[Dialogue]:
    """Yield the scam and honest rows of a corpus table with at least two speakers, in order.

    ``longest`` limits the messages of each, from its start. Promotions that are not scams are left
    out.
    """
    names = ["row_hash", "source", "lang", "verdict", "not_legit", "slices", "group", "text"]
    for row in table.select(names).to_pylist():
        if row["not_legit"] or row["verdict"] not in (Verdict.SCAM, Verdict.LEGIT):
            continue
        messages = messages_of(row["text"])
        if len({message["sender"] for message in messages}) > 1:
            yield Dialogue(
                id=row["row_hash"],
                source=row["source"],
                lang=row["lang"],
                scam=row["verdict"] == Verdict.SCAM,
                slices=tuple(row["slices"] or ()),
                group=str(row["group"]),
                messages=tuple(messages[:longest]),
            )


def messages_of(text: str) -> list[dict[str, str]]:
    """Return the messages of a text in lines such as "A: hello"; other lines continue them.

    Text before the first such line is left out.
    """
    messages: list[dict[str, str]] = []
    for line in text.split("\n"):
        if found := _SPEAKS.fullmatch(line):
            messages.append({"sender": found[1], "text": found[2]})
        elif messages:
            messages[-1]["text"] += f"\n{line}"
    return messages
