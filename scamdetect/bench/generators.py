"""Train with and without a generator, on corpora that lack it, and measure both on its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.bench.answers import Answers, Bools, Floats, Log
from scamdetect.bench.figures.generator_gap import (
    GapRecord,
    Side,
    best_f1_threshold,
    read_gaps,
    side,
    write_gaps,
)
from scamdetect.bench.figures.target import (
    Target,
    frozen_thresholds,
)
from scamdetect.bench.suites.rows import chance, generators
from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError
from scamdetect.evaluate.baselines import train_baseline
from scamdetect.labels import Verdict
from scamdetect.system.files import file_sha256, writing
from scamdetect.train.data.mix import CALIBRATE_ROWS, balanced_sample, reference_weights
from scamdetect.train.data.scores import score_texts
from scamdetect.train.data.table import (
    Objects,
    column,
    detector_texts,
    is_authored,
    normaliser_problem,
    reading_corpus,
    select,
)
from scamdetect.train.fit import train
from scamdetect.train.recipe import Recipe, load_recipe, stated_recipe, write_recipe
from scamdetect.train.release import release

TEST_SHARE = 0.3  # of the groups of a generator without dev rows
FEWEST_SCAMS = 30
_LEARNT = ("train", "calibrate")


@dataclass(frozen=True)
class HeldOut:
    """A corpus and its generators, and which of its rows (n,) measure each of those named."""

    corpus: pa.Table
    writers: Objects
    test: dict[str, Bools]

    def measured(self, generator: str) -> pa.Table:
        """Return the rows that measure a generator; the training corpora here exclude them."""
        return self.corpus.filter(pa.array(self.test[generator]))

    def trained_rows(self, generator: str) -> int:
        """Return how many train rows of a generator remain for training."""
        train = column(self.corpus, "role") == "train"
        return int((train & (self.writers == generator) & ~self._near_tests).sum())

    def with_all(self) -> pa.Table:
        """Return the corpus without training rows that measure, or that are near one that does."""
        return self.corpus.filter(pa.array(~(self._near_tests & self._learnt)))

    def without(self, generator: str) -> pa.Table:
        """Return the same without any training or calibration row of the generator."""
        gone = (self._near_tests | (self.writers == generator)) & self._learnt
        return self.corpus.filter(pa.array(~gone))

    @property
    def changes_training(self) -> bool:
        """Return True if rows that measure had to be removed from training."""
        return bool((self._near_tests & self._learnt).any())

    @cached_property
    def _learnt(self) -> Bools:
        return np.isin(column(self.corpus, "role").astype(str), _LEARNT)

    @cached_property
    def _near_tests(self) -> Bools:
        """Return the rows of every group with a row that measures, by any writer."""
        groups = column(self.corpus, "group").astype(np.int64)
        return np.isin(groups, groups[np.logical_or.reduce(list(self.test.values()))])


def hold_out(corpus: Path, names: tuple[str, ...]) -> HeldOut:
    """Return the corpus with the rows that measure each generator.

    Those are its dev rows if it has any, else 30 % of its groups from train and calibrate, the same
    on every machine. Raises InputError for a generator with too few scams to measure or to train
    on, and for a corpus that is missing or of another normaliser.
    """
    with reading_corpus(corpus):
        table = pq.read_table(corpus)
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
                    f"generator {name!r}: {found} scams to {what} on, but {FEWEST_SCAMS} are "
                    f"needed; the generators of {corpus} are: {known}"
                )
        test[name] = rows & ~column(table, "not_legit").astype(bool)
    return HeldOut(table, writers, test)


def write_corpus(table: pa.Table, path: Path) -> None:
    """Write a corpus, unless a file of these rows exists: a resumed run uses the same bytes."""
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
    """Return a number in [0, 1) derived from the row's hash, independent of its other uses."""
    return int(chance(f"held out {row_hash}")[:8], 16) / 2**32


TFIDF = "tfidf"
CORPUS, RECIPE, RUN, BUNDLE = "corpus.parquet", "recipe.toml", "run", "bundle"
WITH_ALL = "with-all"


@dataclass(frozen=True)
class Learner:
    """What is trained: a recipe, or the TF-IDF baseline if it is None."""

    name: str
    recipe: Path | None


def measure_gaps(
    corpus: Path,
    names: tuple[str, ...],
    learners: tuple[Learner, ...],
    out: Path,
    reference: Path | None,
    log: Log,
) -> list[GapRecord]:
    """Train every learner with and without each generator; add the gaps to ``out`` and return all.

    Trained models are kept in ``out``, so a stopped run resumes. ``reference`` is a bundle trained
    on exactly this corpus with the same recipe, used instead of the training with all generators.
    Raises InputError if it is another one, if its training rows would be measured, and for two
    learners of one name.
    """
    if len({learner.name for learner in learners}) < len(learners):
        raise InputError(
            "two learners have the same name: a recipe has the name of its file, the baseline "
            f"is {TFIDF}; rename a file"
        )
    held = hold_out(corpus, names)
    seed = None if reference is None else _reference_seed(reference, held, corpus, learners)
    for learner in learners:
        folder = out / "trained" / learner.name
        log(f"{learner.name}: with all generators")
        whole = _fitted(learner, held.with_all(), folder / WITH_ALL, (), seed, reference, log)
        for name in names:
            log(f"{learner.name}: without {name}")
            left_out = folder / f"without-{name}"
            part = _fitted(learner, held.without(name), left_out, (name,), seed, None, log)
            rows = held.measured(name)
            verdicts = column(rows, "verdict")
            record = GapRecord(
                learner=learner.name,
                generator=name,
                n_scam=int((verdicts == Verdict.SCAM.value).sum()),
                n_legit=int((verdicts == Verdict.LEGIT.value).sum()),
                with_it=whole.side(rows, held.trained_rows(name)),
                without_it=part.side(rows, 0),
            )
            kept = [one for one in read_gaps(out) if not record.replaces(one)]
            out.mkdir(parents=True, exist_ok=True)
            write_gaps([*kept, record], out)
    return read_gaps(out)


@dataclass(frozen=True)
class _Fitted:
    """A trained model, with its thresholds on the calibrate rows of its corpus."""

    score: Callable[[pa.Table], Floats]
    thresholds: Mapping[str, float | None]
    best: float

    def side(self, measured: pa.Table, trained_rows: int) -> Side:
        """Return the figures on these rows."""
        target = Target(measured, Answers(self.score(measured)))
        return side(target, self.thresholds, self.best, trained_rows)


def _fitted(
    learner: Learner,
    corpus: pa.Table,
    folder: Path,
    left_out: tuple[str, ...],
    seed: int | None,
    reference: Path | None,
    log: Log,
) -> _Fitted:
    """Train the learner on the corpus, or take the reference, and set thresholds."""
    if learner.recipe is None:
        score = _tfidf(corpus, log)
    else:
        bundle = reference or _bundle(learner.recipe, corpus, folder, left_out, seed, log)
        score = _bundle_scorer(bundle, log)
    whole = select(corpus, column(corpus, "role") == "calibrate")
    calibrate = balanced_sample(whole, CALIBRATE_ROWS)
    weights = reference_weights(calibrate)
    target = Target(calibrate, Answers(score(calibrate)))
    sides = (target.scam | target.legit) & (weights > 0)
    best = best_f1_threshold(target.scores[sides], target.scam[sides], weights[sides])
    return _Fitted(score, frozen_thresholds(target, weights), best)


def _tfidf(corpus: pa.Table, log: Log) -> Callable[[pa.Table], Floats]:
    fitted = train_baseline(select(corpus, column(corpus, "role") == "train"), log)
    return lambda table: fitted.scam_probabilities(list(column(table, "norm")))


def _bundle_scorer(bundle: Path, log: Log) -> Callable[[pa.Table], Floats]:
    detector = ScamDetector.load(bundle)
    name = detector.bundle.name
    return lambda table: score_texts(detector, detector_texts(table), name, log).scam


def _bundle(
    recipe_path: Path,
    rows: pa.Table,
    folder: Path,
    left_out: tuple[str, ...],
    seed: int | None,
    log: Log,
) -> Path:
    """Return the bundle trained on the rows; resume an earlier run.

    Raises InputError if the folder contains one of other rows or of another recipe.
    """
    bundle = folder / BUNDLE
    write_corpus(rows, folder / CORPUS)
    recipe = _fitting(load_recipe(recipe_path), rows, left_out, seed)
    if bundle.exists():
        learnt = ScamDetector.load(bundle).bundle.training
        if learnt["corpus_sha256"] != file_sha256(folder / CORPUS) or recipe != stated_recipe(
            learnt["recipe"]
        ):
            # If kept, it might be measured on its own training rows.
            raise InputError(
                f"{bundle}: was trained on other rows or by another recipe, because the "
                "generators without dev rows, the corpus or the recipe have changed; choose "
                f"another folder, or remove {folder}"
            )
        log(f"{bundle}: kept")
        return bundle
    write_recipe(recipe, folder / RECIPE)
    train(folder / RECIPE, folder / CORPUS, folder / RUN, True, log)
    release(folder / RUN, folder / CORPUS, bundle, recipe.name, "0.0.0", log, left_out=left_out)
    return bundle


def _fitting(recipe: Recipe, rows: pa.Table, left_out: tuple[str, ...], seed: int | None) -> Recipe:
    """Return the recipe named for what it leaves out, with the seed of a reference.

    Pairs exist only among the authored rows: without those the weight of their loss is 0.
    """
    learnt = select(rows, column(rows, "role") == "train")
    pairs = is_authored(learnt).any()
    return msgspec.structs.replace(
        recipe,
        name="-".join([recipe.name, *(f"without-{name}" for name in left_out)]),
        seed=recipe.seed if seed is None else seed,
        loss=msgspec.structs.replace(recipe.loss, pair=recipe.loss.pair if pairs else 0.0),
    )


def _reference_seed(
    reference: Path, held: HeldOut, corpus: Path, learners: tuple[Learner, ...]
) -> int:
    """Return the seed of the reference; raise InputError if it cannot be one."""
    detector = ScamDetector.load(reference)
    learnt = detector.bundle.training
    if learnt.get("corpus_sha256") != file_sha256(corpus):
        raise InputError(
            f"{reference}: was not trained on {corpus}; remove --reference, and the bundle with "
            "all generators is trained"
        )
    if held.changes_training:
        raise InputError(
            f"{reference}: was trained on rows to be measured, because a named generator has no "
            "dev rows; remove --reference"
        )
    stated = stated_recipe(learnt.get("recipe"))
    if stated is None:
        raise InputError(
            f"{reference}: was trained by a recipe with keys unknown to this version of "
            "scamdetect; remove --reference"
        )
    for learner in learners:
        if learner.recipe is None:
            continue
        asked = load_recipe(learner.recipe)
        if msgspec.structs.replace(asked, seed=stated.seed) != stated:
            raise InputError(
                f"{reference}: was trained by the recipe {stated.name!r}, which differs from "
                f"{learner.recipe}; remove --reference"
            )
    return stated.seed
