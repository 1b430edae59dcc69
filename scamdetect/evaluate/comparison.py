"""Score the same rows with a bundle and the baselines, and cache the scores between runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import scamdetect
from scamdetect.calibration.statistics import Bools, Floats, as_scores
from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError, ScamDetectError
from scamdetect.evaluate import baselines
from scamdetect.labels import Kind, Verdict
from scamdetect.system.files import file_sha256, writing
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

_KEY = b"scored"


@dataclass(frozen=True, slots=True)
class ScoreCache:
    """A folder of scores, one Parquet file per detector and set of rows; None disables it.

    A file contains no text: row, scam, flagged, kinds, language.
    """

    folder: Path | None
    corpus_sha256: str
    log: Callable[[str], None]

    def scores(
        self,
        name: str,
        identity: str,
        modules: Sequence[str],
        rows: Sequence[str],
        compute: Callable[[], DetectorScores],
    ) -> DetectorScores:
        """Return the cached scores of these rows under ``name``, or compute and cache them.

        ``identity`` is a model id or a baseline's name, ``modules`` are the code it depends on;
        scores of another identity, code, corpus or ``rows`` (n,) are computed again.
        """
        if self.folder is None:
            return compute()
        digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        key = json.dumps([identity, code_sha256(modules), self.corpus_sha256, digest])
        path = self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.parquet"
        if (found := _read(path, key)) is not None:
            self.log(f"{name}: kept scores of {len(rows):,} rows")
            return replace(found, name=name)
        scores = compute()
        _write(path, key, rows, scores)
        return scores


def code_sha256(modules: Sequence[str]) -> str:
    """Return a hash of the package's version and of the source of its ``modules``, none imported.

    Raises ModuleNotFoundError for a missing module.
    """
    digest = hashlib.sha256(scamdetect.__version__.encode())
    for name in sorted(modules):
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"no module {name}", name=name)
        digest.update(f"{name} {file_sha256(Path(spec.origin))}\n".encode())
    return digest.hexdigest()


def _write(path: Path, key: str, rows: Sequence[str], scores: DetectorScores) -> None:
    unknown = [None] * len(rows)
    kinds = unknown if scores.kinds is None else [sorted(names) for names in scores.kinds]
    languages = unknown if scores.languages is None else scores.languages.tolist()
    table = pa.table(
        {
            "row": pa.array(rows, pa.string()),
            "scam": pa.array(scores.scam, pa.float64(), from_pandas=True),
            "flagged": pa.array(scores.flagged, pa.bool_()),
            "kinds": pa.array(kinds, pa.list_(pa.string())),
            "language": pa.array(languages, pa.string()),
        }
    )
    said = json.dumps(
        {
            "model_id": scores.model_id,
            "kinds": scores.kinds is not None,
            "languages": scores.languages is not None,
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as file:
        pq.write_table(table.replace_schema_metadata({_KEY: key, b"said": said}), file)


def _read(path: Path, key: str) -> DetectorScores | None:
    """Return the scores in the file, None if they have another key or are damaged."""
    try:
        table = pq.read_table(path)
        metadata = table.schema.metadata or {}
        if metadata.get(_KEY, b"").decode() != key:
            return None
        said = json.loads(metadata[b"said"])
        languages = np.array(table["language"].to_pylist(), dtype=object)
        kinds = [frozenset(map(Kind, names or ())) for names in table["kinds"].to_pylist()]
        return DetectorScores(
            name="",
            scam=np.array(table["scam"].to_pylist(), dtype=np.float64),
            flagged=np.array(table["flagged"].to_pylist(), dtype=bool),
            kinds=tuple(kinds) if said["kinds"] else None,
            languages=languages if said["languages"] else None,
            model_id=said["model_id"],
        )
    except (OSError, pa.ArrowException, ValueError, KeyError):
        return None


Log = Callable[[str], None]

# The modules that each detector depends on: scores of other code are outdated.
DETECTOR_CODE = tuple(
    f"scamdetect.{name}"
    for name in (
        "text.normalise", "text.traced", "bundle.tokens", "bundle.scorer",
        "bundle.session", "calibration.probabilities", "calibration.thresholds", "detector",
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
    *(f"scamdetect.train.{name}" for name in ("base", "model", "probe")),
)


@dataclass(frozen=True)
class Rows:
    """The corpus rows of an evaluation."""

    measured: pa.Table
    calibrate: pa.Table  # a sample if there are many
    train: pa.Table
    n_open: int  # held-out rows known only as not legit, in no figure
    n_calibrate: int  # usable ones, before sampling

    @property
    def scored(self) -> pa.Table:
        """All rows to score: the measured ones, then those to calibrate on."""
        return pa.concat_tables([self.measured, self.calibrate])


def read_evaluation_rows(corpus: Path, final: bool) -> Rows:
    """Return the dev rows to measure, or with ``final`` the test rows, and the other rows needed.

    Roles are never mixed, and the project's own test rows are not read: ``benchmarks/final.py``
    opens them, once per bundle. Raises InputError if there are no such rows, or no legit ones to
    calibrate on.
    """
    held_out = read_rows(corpus, {"test"} if final else {"dev"})
    if final:
        held_out = select(held_out, ~is_own(held_out))
    measured = select(held_out, ~column(held_out, "not_legit").astype(bool))
    whole = read_rows(corpus, {"calibrate"})
    if not measured.num_rows:
        raise InputError(
            f"{corpus} contains no rows of the role {'test' if final else 'dev'} to measure on; "
            "rebuild it: scamdetect data build"
        )
    if not has_verdict(whole, Verdict.LEGIT).any():
        raise InputError(
            f"{corpus} contains no legit rows with the role calibrate, so no threshold can be "
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
    """Return the sha256 of the bundle's training corpus, None if it is not recorded."""
    found = detector.bundle.training.get("corpus_sha256")
    return found if isinstance(found, str) else None


def score_rows(
    rows: Rows, detector: ScamDetector, bundle: str, base: str | None, cache: ScoreCache, log: Log
) -> tuple[tuple[DetectorScores, ...], tuple[str, ...]]:
    """Return the scores of bundle and baselines for ``rows.scored``, and notes on the baselines.

    The frozen encoder is left out if ``base`` is None or cannot be used; a note gives the reason.
    """
    scored = rows.scored
    hashes = list(column(scored, "row_hash"))
    texts = list(column(scored, "norm"))

    def shipped() -> DetectorScores:
        log(f"{bundle}: scoring {scored.num_rows:,} rows, including those to calibrate on")
        return score_texts(detector, detector_texts(scored), bundle, log)

    def with_flag(name: str, scam: Floats) -> DetectorScores:
        return DetectorScores(name, scam, as_scores(scam) >= _flag_threshold(rows, scam))

    def tfidf() -> DetectorScores:
        fitted = baselines.train_baseline(rows.train, log)
        log(f"{baselines.TFIDF}: scoring {scored.num_rows:,} rows")
        return with_flag(baselines.TFIDF, fitted.scam_probabilities(texts))

    found = [
        cache.scores(bundle, detector.model_id, DETECTOR_CODE, hashes, shipped),
        cache.scores(baselines.TFIDF, baselines.TFIDF, _TFIDF_CODE, hashes, tfidf),
    ]
    notes = [_tfidf_note(rows.train), _flag_note(training_corpus(detector) == cache.corpus_sha256)]
    if base is None:
        notes.append(f"The {baselines.FROZEN} was left out on request.")
    else:
        name = baselines.FROZEN

        def frozen() -> DetectorScores:
            fitted = baselines.train_encoder_baseline(rows.train, base, log)
            log(f"{name}: scoring {scored.num_rows:,} rows")
            return with_flag(name, fitted.scam_probabilities(texts))

        try:
            found.append(cache.scores(name, f"{name} {base}", _ENCODER_CODE, hashes, frozen))
            notes.append(_encoder_note(base))
        except ScamDetectError as problem:
            # The other figures took hours: a missing base is no reason to lose them.
            notes.append(f"The {name} was left out: {problem}.")
    guesses = baselines.keyword_scores(texts)
    found.append(DetectorScores(baselines.KEYWORDS, guesses, as_scores(guesses) >= 1.0))
    return tuple(found), (*notes, baselines.KEYWORD_NOTE)


def _flag_threshold(rows: Rows, scam: Floats) -> float:
    honest: Bools = has_verdict(rows.calibrate, Verdict.LEGIT)
    weights = reference_weights(rows.calibrate)[honest]
    return weighted_threshold_at_fpr(scam[rows.measured.num_rows :][honest], weights, FLAG_FPR)


def _tfidf_note(train: pa.Table) -> str:
    licences = ", ".join(sorted(set(column(train, "licence_class").astype(str))))
    return (
        f"The {baselines.TFIDF} is a character TF-IDF (char_wb, 2 to 5) with logistic regression "
        f"on the same normalised text; its train rows are of these licence classes: {licences}."
    )


def _flag_note(same_corpus: bool) -> str:
    return (
        "Baselines have no shipped thresholds: the flag of those with a score is the threshold "
        f"at {FLAG_FPR:.1%} on the calibrate mix"
        + (", chosen like the bundle's." if same_corpus else ".")
    )


def _encoder_note(base: str) -> str:
    return (
        f"The {baselines.FROZEN} is {base} unchanged, all layers, mean-pooled over the first "
        f"{baselines.MAX_TOKENS} tokens, with logistic regression on at most "
        f"{baselines.TRAIN_ROWS:,} train rows drawn evenly from the verdict x slice x language "
        "cells."
    )
