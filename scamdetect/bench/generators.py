"""Train with and without a generator and measure both on rows of it that neither learnt from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa

from scamdetect.bench.answers import Answers, Floats, Log
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
from scamdetect.bench.holdout import HeldOut, hold_out, write_corpus
from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError
from scamdetect.evaluate.baselines import train_baseline
from scamdetect.labels import Verdict
from scamdetect.system.files import file_sha256
from scamdetect.train.data.mix import CALIBRATE_ROWS, balanced_sample, reference_weights
from scamdetect.train.data.scores import score_texts
from scamdetect.train.data.table import column, detector_texts, is_authored, select
from scamdetect.train.fit import train
from scamdetect.train.recipe import Recipe, load_recipe, stated_recipe, write_recipe
from scamdetect.train.release import release

TFIDF = "tfidf"
CORPUS, RECIPE, RUN, BUNDLE = "corpus.parquet", "recipe.toml", "run", "bundle"
WITH_ALL = "with-all"


@dataclass(frozen=True)
class Learner:
    """What is trained: a recipe, or the TF-IDF baseline where it is None."""

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

    What is trained stays in ``out``: a stopped run goes on. ``reference`` is a bundle that learnt
    from this very corpus by the same recipe, in place of the training with all generators. Raises
    InputError where it is another, where rows of it would be measured that it learnt from, and on
    two learners of one name.
    """
    if len({learner.name for learner in learners}) < len(learners):
        raise InputError(
            "two learners have one name: recipes are called by their file names, the baseline is "
            f"{TFIDF}; rename a file"
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
    """What was trained, with its thresholds on the calibrate rows of its corpus."""

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
    """Return the bundle trained on the rows, from where an earlier run stopped.

    Raises InputError where the folder holds one of other rows or of another recipe.
    """
    bundle = folder / BUNDLE
    write_corpus(rows, folder / CORPUS)
    recipe = _fitting(load_recipe(recipe_path), rows, left_out, seed)
    if bundle.exists():
        learnt = ScamDetector.load(bundle).bundle.training
        if learnt["corpus_sha256"] != file_sha256(folder / CORPUS) or recipe != stated_recipe(
            learnt["recipe"]
        ):
            # Kept, it might be measured on rows that it learnt from.
            raise InputError(
                f"{bundle}: learnt from other rows or by another recipe: the generators without "
                "dev rows, the corpus or the recipe changed since; choose another folder, or "
                f"remove {folder}"
            )
        log(f"{bundle}: kept")
        return bundle
    write_recipe(recipe, folder / RECIPE)
    train(folder / RECIPE, folder / CORPUS, folder / RUN, True, log)
    release(folder / RUN, folder / CORPUS, bundle, recipe.name, "0.0.0", log, left_out=left_out)
    return bundle


def _fitting(recipe: Recipe, rows: pa.Table, left_out: tuple[str, ...], seed: int | None) -> Recipe:
    """Return the recipe named for what it leaves out, with the seed of a reference.

    Pairs are among the authored rows alone: without those their part of the loss is 0.
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
    """Return the seed of the reference; raise InputError where it can be none."""
    detector = ScamDetector.load(reference)
    learnt = detector.bundle.training
    if learnt.get("corpus_sha256") != file_sha256(corpus):
        raise InputError(
            f"{reference}: did not learn from {corpus}; leave out --reference, and the bundle with "
            "all generators is trained"
        )
    if held.changes_training:
        raise InputError(
            f"{reference}: learnt from rows that are to be measured, for a named generator has no "
            "dev rows; leave out --reference"
        )
    stated = stated_recipe(learnt.get("recipe"))
    if stated is None:
        raise InputError(
            f"{reference}: was trained by a recipe with keys that this version of scamdetect does "
            "not know; leave out --reference"
        )
    for learner in learners:
        if learner.recipe is None:
            continue
        asked = load_recipe(learner.recipe)
        if msgspec.structs.replace(asked, seed=stated.seed) != stated:
            raise InputError(
                f"{reference}: was trained by the recipe {stated.name!r}, which is not that of "
                f"{learner.recipe}; leave out --reference"
            )
    return stated.seed
