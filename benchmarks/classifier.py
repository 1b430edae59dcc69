"""Measure what a team's own labels add: ScamClassifier compared with the shipped model and TF-IDF.

    python benchmarks/classifier.py [SOURCE]

On a dev source, which no model here was trained on. In each draw half of its groups of
near-duplicates test and some rows of the other half are the labels. Writes
``classifier-SOURCE.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from scamdetect import ScamClassifier, ScamDetector
from scamdetect.calibration.statistics import (
    Estimate,
    auc,
    auc_estimate,
    recall_at_fpr,
    recall_at_fpr_estimate,
)
from scamdetect.errors import InputError, ScamDetectError
from scamdetect.evaluate.baselines import NGRAMS
from scamdetect.labels import VERDICTS, Verdict
from scamdetect.reports.pages import table, write_results
from scamdetect.train.data.scores import commit, machine, today
from scamdetect.train.data.table import column, detector_texts, has_verdict, read_rows

ROOT = Path(__file__).resolve().parent.parent
SIZES = (30, 50, 100, 200, 500, 1000)
DRAWS = 20
FPR = 0.01
SHIPPED, TFIDF = "shipped model", "TF-IDF + LR"
OWN, VECTORS = "ScamClassifier", "ScamClassifier(words=False)"
_SCAM = VERDICTS.index(Verdict.SCAM)

Scores = np.ndarray


@dataclass(frozen=True)
class Rows:
    """The legit and scam rows of a source (n,): texts, whether scam, and near-duplicate groups."""

    texts: np.ndarray
    scam: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True)
class Line:
    """A detector with so many labels: means over draws, with their central 95 %."""

    detector: str
    labels: int
    scams: float
    draws: int
    recall: Estimate
    auc: Estimate
    gain: Estimate  # of recall over the shipped model on the same test rows


def main() -> None:
    """Draw, fit, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", default="vi_sms_ie403", help="a source of role dev")
    parser.add_argument("--bundle", type=Path, help="by default the shipped one")
    parser.add_argument("--corpus", type=Path, default=ROOT / "data" / "corpus.parquet")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--draws", type=int, default=DRAWS)
    asked = parser.parse_args()
    try:
        rows = source_rows(read_rows(asked.corpus, {"dev"}), asked.source)
        detector = ScamDetector.load(asked.bundle, tier="full")
        shipped = detector.predict_proba(rows.texts.tolist())[:, _SCAM].astype(np.float64)
        whole = {
            "recall": asdict(recall_at_fpr_estimate(shipped, rows.scam, FPR, rows.groups)),
            "auc": asdict(auc_estimate(shipped, rows.scam, rows.groups)),
        }
        lines = measure(rows, shipped, asked.bundle, asked.draws)
    except ScamDetectError as problem:
        sys.exit(f"classifier: {problem}")
    record = {
        "date": today(), "commit": commit(), "machine": machine(), "model_id": detector.model_id,
        "source": asked.source, "n_scam": int(rows.scam.sum()), "n_legit": int((~rows.scam).sum()),
        "groups": len(np.unique(rows.groups)), "fpr": FPR, "shipped_on_all": whole,
        "lines": [asdict(line) for line in lines],
    }  # fmt: skip
    sys.stdout.write(write_results(asked.out / f"classifier-{asked.source}.json", record,
                                   page(record, lines)))  # fmt: skip


def source_rows(dev: pa.Table, source: str) -> Rows:
    """Return the legit and scam rows of a source; raise InputError if dev rows lack them."""
    names = column(dev, "source")
    scam, legit = (has_verdict(dev, verdict) for verdict in (Verdict.SCAM, Verdict.LEGIT))
    here = (names == source) & (scam | legit)
    if not ((here & scam).any() and (here & legit).any()):
        known = ", ".join(sorted({name for name in names if not name.startswith("authored_")}))
        raise InputError(f"no dev source {source!r} with scam and legit rows; there are: {known}")
    texts = np.array(list(detector_texts(dev)), dtype=object)
    return Rows(texts[here], scam[here], column(dev, "group")[here].astype(np.int64))


def measure(rows: Rows, shipped: Scores, bundle: Path | None, draws: int) -> list[Line]:
    """Return a line of the shipped model and, by number of labels, of those that learn."""
    found: dict[tuple[str, int], list[tuple[float, float, float, float]]] = {}
    counted = CountVectorizer(analyzer="char_wb", ngram_range=NGRAMS).fit_transform(rows.texts)
    for seed in range(draws):
        random = np.random.default_rng(seed)
        groups = random.permutation(np.unique(rows.groups))
        test = np.isin(rows.groups, groups[: len(groups) // 2])
        pool = random.permutation(np.flatnonzero(~test))
        before = figures(shipped[test], rows.scam[test])
        found.setdefault((SHIPPED, 0), []).append((*before, 0.0, 0.0))
        for size in (size for size in SIZES if size <= len(pool)):
            learnt = pool[:size]
            scams = int(rows.scam[learnt].sum())
            if not 0 < scams < size:
                continue
            scores = {
                name: ScamClassifier(bundle, words=words)
                .fit(rows.texts[learnt], rows.scam[learnt])
                .predict_proba(rows.texts[test])[:, 1]
                for name, words in ((OWN, True), (VECTORS, False))
            } | {
                TFIDF: tfidf(counted[learnt], rows.scam[learnt], counted[test]),
            }
            for name, values in scores.items():
                after = figures(values, rows.scam[test])
                found.setdefault((name, size), []).append((*after, after[0] - before[0], scams))
        sys.stderr.write(f"draw {seed + 1} of {draws}\n")
    return [_line(name, labels, values) for (name, labels), values in sorted(found.items())]


def tfidf(learnt: Any, scam: np.ndarray, test: Any) -> Scores:  # noqa: ANN401 (sparse matrices)
    """Return the test rows' scam probabilities by TF-IDF and logistic regression.

    As in the baseline of this project's evaluations, on counts of character n-grams (rows,
    n-grams), of which those that no learnt row holds are unknown to it.
    """
    known = np.flatnonzero(learnt.getnnz(axis=0))
    model = make_pipeline(TfidfTransformer(sublinear_tf=True), LogisticRegression(C=10.0))
    model.fit(learnt[:, known], scam)
    return model.predict_proba(test[:, known])[:, 1]


def figures(scores: Scores, scam: np.ndarray) -> tuple[float, float]:
    """Return recall at FPR and AUC."""
    return recall_at_fpr(scores, scam, FPR), auc(scores, scam)


def page(record: dict[str, Any], lines: Sequence[Line]) -> Iterator[str]:
    """Yield the page."""
    yield f"# Own labels on {record['source']}"
    yield ""
    yield (
        f"{record['n_scam']:,} scam and {record['n_legit']:,} legit rows in {record['groups']:,} "
        "groups of near-duplicates, of a dev source that no model here was trained on. In each "
        f"draw half of the groups test and labels come from the others. R@{FPR:.0%} sets the "
        "threshold on the legit test rows. Means over the draws, in brackets the central 95 % of "
        "the draws; the gain is over the shipped model on the same test rows."
    )
    yield ""
    whole = record["shipped_on_all"]
    yield (
        f"The shipped model on all rows: R@{FPR:.0%} {_words(Estimate(**whole['recall']))}, AUC "
        f"{_words(Estimate(**whole['auc']))} (95 % intervals from resampled groups)."
    )
    yield ""
    yield from table(
        ("labels", "of them scams", "detector", f"R@{FPR:.0%}", "gain", "AUC", "draws"),
        (
            (
                str(line.labels),
                f"{line.scams:.0f}",
                line.detector,
                _words(line.recall),
                "" if line.detector == SHIPPED else _words(line.gain),
                _words(line.auc),
                str(line.draws),
            )
            for line in sorted(lines, key=lambda line: (line.labels, line.detector))
        ),
    )
    yield ""
    yield f"{record['date']}, commit {record['commit']}, {record['model_id']}, {record['machine']}."


def _line(name: str, labels: int, values: Sequence[tuple[float, ...]]) -> Line:
    recalls, aucs, gains, scams = np.array(values).T
    return Line(
        name, labels, float(scams.mean()), len(values), *map(_central, (recalls, aucs, gains))
    )


def _central(values: np.ndarray) -> Estimate:
    low, high = np.quantile(values, [0.025, 0.975])
    return Estimate(float(values.mean()), float(low), float(high), values.size)


def _words(one: Estimate) -> str:
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


if __name__ == "__main__":
    main()
