"""Score the same rows with a bundle and with the baselines beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from scamdetect.calibration.statistics import Bools, Floats, as_scores
from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError, ScamDetectError
from scamdetect.evaluate import baselines, encoder_baseline, keyword_baseline
from scamdetect.evaluate.score_cache import ScoreCache
from scamdetect.labels import Verdict
from scamdetect.train.data.mix import (
    CALIBRATE_ROWS,
    FLAG_FPR,
    balanced_sample,
    reference_weights,
    weighted_threshold_at_fpr,
)
from scamdetect.train.data.scores import DetectorScores, score_texts
from scamdetect.train.data.table import (
    column,
    detector_texts,
    has_verdict,
    is_own,
    read_rows,
    select,
)

Log = Callable[[str], None]

# The modules that decide what each detector says: kept scores of other code are stale.
DETECTOR_CODE = tuple(
    f"scamdetect.{name}"
    for name in (
        "text.normalise", "text.traced", "bundle.tokens", "bundle.scoring",
        "bundle.runtime", "calibration.probabilities", "calibration.thresholds", "detector",
        "train.data.scores",
    )
)  # fmt: skip
_FLAG_CODE = tuple(
    f"scamdetect.{name}"
    for name in ("calibration.thresholds", "train.data.mix", "evaluate.comparison")
)
_TFIDF_CODE = (*_FLAG_CODE, "scamdetect.evaluate.baselines")
_ENCODER_CODE = (
    *_FLAG_CODE,
    "scamdetect.evaluate.baselines",
    "scamdetect.evaluate.encoder_baseline",
    *(f"scamdetect.train.{name}" for name in ("base", "model", "probe")),
)


@dataclass(frozen=True)
class Rows:
    """The corpus rows of an evaluation."""

    measured: pa.Table
    calibrate: pa.Table  # a sample where there are many
    train: pa.Table
    n_open: int  # held-out rows known only as not legit, in no figure
    n_calibrate: int  # usable ones, before sampling

    @property
    def scored(self) -> pa.Table:
        """All rows that detectors score: the measured ones, then those to calibrate on."""
        return pa.concat_tables([self.measured, self.calibrate])


def read_evaluation_rows(corpus: Path, final: bool) -> Rows:
    """Return the dev rows to measure, or with ``final`` the test rows, and what goes with them.

    Roles are never mixed, and the project's own test rows stay shut: ``benchmarks/final.py`` opens
    them, once per bundle. Raises InputError when there are none, or no legit ones to calibrate on.
    """
    held_out = read_rows(corpus, {"test"} if final else {"dev"})
    if final:
        held_out = select(held_out, ~is_own(held_out))
    measured = select(held_out, ~column(held_out, "not_legit").astype(bool))
    whole = read_rows(corpus, {"calibrate"})
    if not measured.num_rows:
        raise InputError(
            f"{corpus} holds no rows of the role {'test' if final else 'dev'} to measure on; "
            "rebuild it: scamdetect data build"
        )
    if not has_verdict(whole, Verdict.LEGIT).any():
        raise InputError(
            f"{corpus} holds no legit rows with the role calibrate, so no threshold can be "
            "transferred; rebuild it: scamdetect data build"
        )
    return Rows(
        measured=measured,
        calibrate=balanced_sample(whole, CALIBRATE_ROWS),
        train=read_rows(corpus, {"train"}),
        n_open=held_out.num_rows - measured.num_rows,
        n_calibrate=int((~column(whole, "not_legit").astype(bool)).sum()),
    )


def training_corpus(detector: ScamDetector) -> str | None:
    """Return the sha256 of the corpus that the bundle learnt from, None where it does not say."""
    found = detector.bundle.training.get("corpus_sha256")
    return found if isinstance(found, str) else None


def score_rows(
    rows: Rows, detector: ScamDetector, bundle: str, base: str | None, cache: ScoreCache, log: Log
) -> tuple[tuple[DetectorScores, ...], tuple[str, ...]]:
    """Return what bundle and baselines say of ``rows.scored``, and notes on the baselines.

    The frozen encoder is left out where ``base`` is None or cannot be used; a note says why.
    """
    scored = rows.scored
    hashes = list(column(scored, "row_hash"))
    texts = list(column(scored, "norm"))

    def shipped() -> DetectorScores:
        log(f"{bundle}: scoring {scored.num_rows:,} rows, those to calibrate on among them")
        return score_texts(detector, detector_texts(scored), bundle, log)

    def with_flag(name: str, scam: Floats) -> DetectorScores:
        return DetectorScores(name, scam, as_scores(scam) >= _flag_threshold(rows, scam))

    def tfidf() -> DetectorScores:
        fitted = baselines.train_baseline(rows.train, log)
        log(f"{baselines.NAME}: scoring {scored.num_rows:,} rows")
        return with_flag(baselines.NAME, fitted.scam_probabilities(texts))

    found = [
        cache.scores(bundle, detector.model_id, DETECTOR_CODE, hashes, shipped),
        cache.scores(baselines.NAME, baselines.NAME, _TFIDF_CODE, hashes, tfidf),
    ]
    notes = [_tfidf_note(rows.train), _flag_note(training_corpus(detector) == cache.corpus_sha256)]
    if base is None:
        notes.append(f"The {encoder_baseline.NAME} was left out as asked.")
    else:
        name = encoder_baseline.NAME

        def frozen() -> DetectorScores:
            fitted = encoder_baseline.train_encoder_baseline(rows.train, base, log)
            log(f"{name}: scoring {scored.num_rows:,} rows")
            return with_flag(name, fitted.scam_probabilities(texts))

        try:
            found.append(cache.scores(name, f"{name} {base}", _ENCODER_CODE, hashes, frozen))
            notes.append(_encoder_note(base))
        except ScamDetectError as problem:
            # Hours of work stand behind the other figures: a base is no reason to lose them.
            notes.append(f"The {name} was left out: {problem}.")
    guesses = keyword_baseline.keyword_scores(texts)
    found.append(DetectorScores(keyword_baseline.NAME, guesses, as_scores(guesses) >= 1.0))
    return tuple(found), (*notes, keyword_baseline.NOTE)


def _flag_threshold(rows: Rows, scam: Floats) -> float:
    honest: Bools = has_verdict(rows.calibrate, Verdict.LEGIT)
    weights = reference_weights(rows.calibrate)[honest]
    return weighted_threshold_at_fpr(scam[rows.measured.num_rows :][honest], weights, FLAG_FPR)


def _tfidf_note(train: pa.Table) -> str:
    licences = ", ".join(sorted(set(column(train, "licence_class").astype(str))))
    return (
        f"The {baselines.NAME} is a character TF-IDF (char_wb, 2 to 5) with logistic regression on "
        f"the same normalised text; its train rows are of these licence classes: {licences}."
    )


def _flag_note(same_corpus: bool) -> str:
    return (
        "Baselines have no shipped thresholds: the flag of those with a score is the threshold at "
        f"{FLAG_FPR:.1%} on the calibrate mix"
        + (", as the bundle's was chosen." if same_corpus else ".")
    )


def _encoder_note(base: str) -> str:
    return (
        f"The {encoder_baseline.NAME} is {base} as it comes, all layers, mean-pooled over the "
        f"first {encoder_baseline.MAX_TOKENS} tokens, under logistic regression on at most "
        f"{encoder_baseline.TRAIN_ROWS:,} train rows taken evenly from the verdict x slice x "
        "language cells."
    )
