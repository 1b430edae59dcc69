"""Corpora in which one generator is missing, and the rows of it to measure on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.bench.answers import Bools
from scamdetect.bench.suites.rows import chance
from scamdetect.bench.suites.writers import generators
from scamdetect.errors import InputError
from scamdetect.labels import Verdict
from scamdetect.system.files import check_regular, writing
from scamdetect.system.os_errors import of_system, unreadable
from scamdetect.train.data.table import Objects, column, normaliser_problem

TEST_SHARE = 0.3  # of the groups of a generator that has no dev rows
FEWEST_SCAMS = 30
_LEARNT = ("train", "calibrate")


@dataclass(frozen=True)
class HeldOut:
    """A corpus and its generators, and which of its rows (n,) measure each of those named."""

    corpus: pa.Table
    writers: Objects
    test: dict[str, Bools]

    def measured(self, generator: str) -> pa.Table:
        """Return the rows that measure a generator; no corpus of this one holds them to learn."""
        return self.corpus.filter(pa.array(self.test[generator]))

    def trained_rows(self, generator: str) -> int:
        """Return how many train rows of a generator are left to learn from."""
        train = column(self.corpus, "role") == "train"
        return int((train & (self.writers == generator) & ~self._near_tests).sum())

    def with_all(self) -> pa.Table:
        """Return the corpus without rows to learn from that measure, or are near one that does."""
        return self.corpus.filter(pa.array(~(self._near_tests & self._learnt)))

    def without(self, generator: str) -> pa.Table:
        """Return the same without any row of the generator to learn or calibrate from."""
        gone = (self._near_tests | (self.writers == generator)) & self._learnt
        return self.corpus.filter(pa.array(~gone))

    @property
    def changes_training(self) -> bool:
        """Return whether rows that measure had to be taken from what is learnt."""
        return bool((self._near_tests & self._learnt).any())

    @cached_property
    def _learnt(self) -> Bools:
        return np.isin(column(self.corpus, "role").astype(str), _LEARNT)

    @cached_property
    def _near_tests(self) -> Bools:
        """Return the rows of every group with a row that measures, whoever wrote them."""
        groups = column(self.corpus, "group").astype(np.int64)
        return np.isin(groups, groups[np.logical_or.reduce(list(self.test.values()))])


def hold_out(corpus: Path, names: tuple[str, ...]) -> HeldOut:
    """Return the corpus with the rows that measure each generator.

    Those are its dev rows where there are any, else 30 % of its groups out of train and calibrate,
    the same on every machine. Raises InputError on a generator with too few scams to measure or to
    learn from, on a corpus that is missing or of another normaliser.
    """
    try:
        check_regular(corpus)
        table = pq.read_table(corpus)
    except (OSError, pa.ArrowException) as problem:
        if of_system(problem):
            raise unreadable(corpus, problem, cure="run: scamdetect data build") from problem
        raise InputError(
            f"{corpus}: cannot be read as Parquet; run: scamdetect data build"
        ) from problem
    if (other := normaliser_problem(corpus, table.schema)) is not None:
        raise InputError(other)
    writers = generators(table)
    scam = (column(table, "verdict") == Verdict.SCAM.value) & ~column(table, "not_legit").astype(
        bool
    )
    test = {}
    for name in names:
        rows = _test_rows(table, writers == name)
        learnt = (writers == name) & (column(table, "role") == "train") & ~rows
        for what, found in (("measure", (rows & scam).sum()), ("learn", (learnt & scam).sum())):
            if found < FEWEST_SCAMS:
                known = ", ".join(sorted({one for one in writers if one is not None}))
                raise InputError(
                    f"generator {name!r}: {found} scams to {what} on, {FEWEST_SCAMS} are needed; "
                    f"the generators of {corpus} are: {known}"
                )
        test[name] = rows & ~column(table, "not_legit").astype(bool)
    return HeldOut(table, writers, test)


def write_corpus(table: pa.Table, path: Path) -> None:
    """Write a corpus, unless a file of these rows is there: a run goes on with the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and pq.read_table(path).equals(table):
        return
    with writing(path) as file:
        pq.write_table(table, file, compression="zstd")


def _test_rows(table: pa.Table, own: Bools) -> Bools:
    roles = column(table, "role").astype(str)
    dev: Bools = own & (roles == "dev")
    if dev.any():
        return dev
    learnt: Bools = own & np.isin(roles, _LEARNT)
    hashes, groups = column(table, "row_hash"), column(table, "group")
    first: dict[int, str] = {}
    for row in np.flatnonzero(learnt):
        first[groups[row]] = min(first.get(groups[row], hashes[row]), hashes[row])
    chosen = {group for group, one in first.items() if _draw(one) < TEST_SHARE}
    drawn: Bools = learnt & np.array([group in chosen for group in groups], dtype=bool)
    return drawn


def _draw(row_hash: str) -> float:
    """Return a number in [0, 1) that the row's hash decides, apart from other uses of it."""
    return int(chance(f"held out {row_hash}")[:8], 16) / 2**32
