"""Fit the first tier of a bundle, set where it clears, and prove it on left-out sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from scamdetect.bundle.first_tier import BUCKETS, ClearingRule, FirstTier, hashed_features
from scamdetect.bundle.scoring import Scorer
from scamdetect.calibration.statistics import Bools, clopper_pearson
from scamdetect.errors import RecipeError
from scamdetect.labels import VERDICTS, Verdict
from scamdetect.train.data.mix import balanced_sample
from scamdetect.train.data.table import column, detector_texts, has_verdict, is_own, normalised

MOST_DISAGREEMENT = 0.001  # of what it clears
MOST_RECALL_LOST = 0.002  # of all scams
# The rows that set the threshold are kin to the train rows: half of what is allowed is spent there.
_SPENT = 0.5
_STRENGTH = 10.0  # C of the logistic regression
_ROWS = 8_000  # of calibrate, and of dev, at most
_SCAM, _LEGIT = VERDICTS.index(Verdict.SCAM), VERDICTS.index(Verdict.LEGIT)


@dataclass(frozen=True)
class Proof:
    """What the first tier did on rows that it never saw, and what the encoder says of them."""

    rows: int
    cleared: int
    disagreed: int  # cleared, but the encoder reviews or flags it, or calls it no honest message
    disagreed_bound: float  # upper end of the 95 % interval of their share (Clopper-Pearson)
    scams: int
    scams_flagged: int  # by the encoder
    scams_lost: int  # of these, cleared

    @property
    def holds(self) -> bool:
        """Return whether both limits are kept."""
        if not self.cleared:
            return False
        agreed = self.disagreed <= MOST_DISAGREEMENT * self.cleared
        return agreed and self.scams_lost <= MOST_RECALL_LOST * self.scams


@dataclass(frozen=True)
class _Read:
    """Rows with their tokens and what the encoder says of them."""

    tokens: list[list[int]]
    probabilities: NDArray[np.float32]  # (n, verdicts)
    honest: Bools  # passed, and the verdict is legit
    flagged: Bools


def make_first_tier(
    train: pa.Table, calibrate: pa.Table, dev: pa.Table, scorer: Scorer
) -> tuple[FirstTier, dict[str, Any]] | None:
    """Return a tier for the calibrated scorer's bundle and the record of its proof.

    None where no threshold on the calibrate rows keeps the limits, and where the tier would clear
    no dev row. Raises RecipeError where train
    holds one class alone.
    """
    fitted = fit(
        [scorer.tokens(text) for text in train["norm"].to_pylist()],
        ~has_verdict(train, Verdict.LEGIT),
        _masses(train),
    )
    rule = set_rule(fitted, _read(balanced_sample(calibrate, _ROWS), scorer))
    if rule is None:
        return None
    left_out = balanced_sample(dev, _ROWS)
    read, scam = _read(left_out, scorer), has_verdict(left_out, Verdict.SCAM)
    own = is_own(left_out)
    tier = replace(fitted, rule=rule)
    cleared = tier.clears(read.tokens)
    if not cleared.any():
        return None
    proofs = {
        name: _proof(rows, cleared, read, scam)
        for name, rows in (("left-out sources", ~own), ("authored", own))
    }
    proven = all(proof.holds for proof in proofs.values())
    record = {name: asdict(proof) for name, proof in proofs.items()}
    return replace(tier, rule=replace(rule, proven=proven)), record


def fit(tokens: Sequence[Sequence[int]], wanted: Bools, masses: NDArray[np.float64]) -> FirstTier:
    """Return a tier that clears nothing yet, fitted to tell ``wanted`` (n,) rows by their tokens.

    Raises RecipeError where all rows are of one class.
    """
    if wanted.all() or not wanted.any():
        raise RecipeError("a first tier needs honest train rows and others; the corpus lacks one")
    buckets, owners = hashed_features(tokens)
    counts = np.maximum(np.bincount(owners, minlength=len(tokens)), 1)
    values = (1 / np.sqrt(counts))[owners]
    matrix = csr_array((values, (owners, buckets)), shape=(len(tokens), BUCKETS))
    model = LogisticRegression(C=_STRENGTH, max_iter=200, tol=1e-3)
    model.fit(matrix, wanted, masses / masses.mean())
    weights = model.coef_[0].astype(np.float16).astype(np.float32)
    rule = ClearingRule(-np.inf, float(model.intercept_[0]), (1.0, 0.0, 0.0), proven=False)
    return FirstTier(rule, weights)


def set_rule(fitted: FirstTier, read: _Read) -> ClearingRule | None:
    """Return the rule that clears most while the encoder disagrees on too little of it, or None."""
    odds = fitted.log_odds(read.tokens)
    order = np.argsort(odds, kind="stable")
    disagreed = np.cumsum(~read.honest[order])
    allowed = disagreed <= _SPENT * MOST_DISAGREEMENT * np.arange(1, len(order) + 1)
    if not allowed.any():
        return None
    most = int(np.flatnonzero(allowed)[-1]) + 1
    if most == len(order):
        return None
    clear_below = float(odds[order[most - 1 : most + 1]].mean())  # halfway to the first kept
    means = read.probabilities[order[:most]].mean(axis=0, dtype=np.float64)
    legit, spam, scam = (round(float(mean), 4) for mean in means / means.sum())
    return ClearingRule(clear_below, fitted.rule.bias, (legit, spam, scam), proven=False)


def _proof(rows: Bools, cleared: Bools, read: _Read, scam: Bools) -> Proof:
    taken = rows & cleared
    disagreed = int((taken & ~read.honest).sum())
    n = int(taken.sum())
    return Proof(
        rows=int(rows.sum()),
        cleared=n,
        disagreed=disagreed,
        disagreed_bound=round(clopper_pearson(disagreed, n)[1], 5) if n else 1.0,
        scams=int((rows & scam).sum()),
        scams_flagged=int((rows & scam & read.flagged).sum()),
        scams_lost=int((taken & scam & read.flagged).sum()),
    )


def _read(table: pa.Table, scorer: Scorer) -> _Read:
    texts = normalised(detector_texts(table), scorer.bundle.normaliser_version)
    scores = scorer.score(texts)
    scam = scores.verdict[:, _SCAM]
    passed = scam < scorer.bundle.thresholds.review
    return _Read(
        tokens=[scorer.tokens(text) for text in texts],
        probabilities=scores.verdict,
        honest=passed & (scores.verdict.argmax(axis=1) == _LEGIT),
        flagged=scam >= scorer.bundle.thresholds.flag,
    )


def _masses(train: pa.Table) -> NDArray[np.float64]:
    """Return one weight a row (n,): a source's class in a language weighs the root of its rows."""
    names = ("source", "lang", "verdict")
    cells = list(zip(*(train[name].to_pylist() for name in names), strict=True))
    sizes = Counter(cells)
    return column(train, "weight").astype(np.float64) / np.sqrt([sizes[cell] for cell in cells])
