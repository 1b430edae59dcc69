"""Measure how well a finished run's vectors give the source away: a line a run in a CSV file.

Logistic regression on the pooled vectors of train rows, by language with three sources or more;
legit rows and scam rows apart. Beside it the run's base, cut to its layers, before any training,
character n-grams of the same rows, and chance. A run whose line is there already is not repeated.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from scamdetect.errors import ScamDetectError
from scamdetect.evaluate.experiments import add_line, read_lines
from scamdetect.evaluate.source_probe import (
    SourceProbe,
    SourceTask,
    probe_texts,
    probe_vectors,
    source_tasks,
)
from scamdetect.labels import Verdict
from scamdetect.train.base import load_base
from scamdetect.train.data.scores import commit, today
from scamdetect.train.data.table import column, read_rows
from scamdetect.train.model import keep_lowest_layers
from scamdetect.train.probe import pooled_vectors, untrained
from scamdetect.train.run import corpus_sha256, load_trained

ROOT = Path(__file__).resolve().parent.parent
SIDES = (Verdict.LEGIT, Verdict.SCAM)
FIGURES = ("languages", "n", "chance", "ngrams", "base", "trained")
RUN = ("recipe", "recipe_hash", "seed", "corpus")
COLUMNS = (
    "date", "commit", *RUN, *(f"{side.value}_{name}" for side in SIDES for name in FIGURES),
)  # fmt: skip
MAX_TOKENS = 64  # the look of a source is in its beginnings


def main() -> None:
    """Probe each run that has no line yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="folders of finished runs")
    parser.add_argument("--corpus", type=Path, default=ROOT / "data" / "corpus.parquet")
    parser.add_argument("--log", type=Path, default=ROOT / "benchmarks/results/source_probe.csv")
    asked = parser.parse_args()
    corpus = corpus_sha256(asked.corpus)
    train = read_rows(asked.corpus, {"train"})
    tasks = {side: source_tasks(train, side) for side in SIDES}
    rows = np.unique(np.concatenate([t.rows for found in tasks.values() for t in found] or [[]]))
    rows = rows.astype(np.intp)
    texts = list(column(train, "norm")[rows])
    before: dict[tuple[str, int | None], np.ndarray] = {}
    for run in asked.runs:
        model, tokenizer, record, recipe = load_trained(run)
        if record["corpus"] != corpus:
            sys.exit(f"source_probe: {run} was trained on another corpus; name its own: --corpus")
        name = [recipe.name, record["recipe"], str(recipe.seed), corpus[:16]]
        if name in done_before(asked.log):
            _say(f"{run}: is in {asked.log} already")
            continue
        _say(f"{run}: {len(rows):,} rows, vectors before and after training")
        vectors = {
            "trained": pooled_vectors(model, tokenizer, texts, MAX_TOKENS, recipe.base.prefix)
        }
        start = (recipe.base.name, recipe.base.layers)
        if start not in before:
            before[start] = vectors_before(*start, texts)
        vectors["base"] = before[start]
        line: list[object] = [today(), commit(), *name]
        for side in SIDES:
            line += figures(train, tasks[side], rows, vectors)
        add_line(asked.log, COLUMNS, line)
        _say(str(dict(zip(COLUMNS, line, strict=True))))


def vectors_before(name: str, layers: int | None, texts: list[str]) -> np.ndarray:
    """Return the vectors (n, hidden) of what training began with."""
    base = load_base(name)
    if layers is not None:
        keep_lowest_layers(base.encoder, layers)
    return pooled_vectors(untrained(base), base.tokenizer, texts, MAX_TOKENS)


def figures(
    train: pa.Table,
    tasks: list[SourceTask],
    rows: np.ndarray,
    vectors: dict[str, np.ndarray],
) -> list[object]:
    """Return the figures of one side in the order of FIGURES, empty where there is no task."""
    ngrams = probe_texts(train, tasks)
    if ngrams is None:
        return [0, 0, "", "", "", ""]
    found = [probe_vectors(train, tasks, rows, vectors[name]) for name in ("base", "trained")]
    head = [ngrams.n_tasks, ngrams.n, f"{ngrams.chance:.4f}", f"{ngrams.accuracy:.4f}"]
    return [*head, *map(_short, found)]


def done_before(log: Path) -> list[list[str]]:
    """Return recipe, its hash, seed and corpus of every run in the log."""
    return [[line[name] for name in RUN] for line in read_lines(log)]


def _short(found: SourceProbe | None) -> str:
    return "" if found is None else f"{found.accuracy:.4f}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except ScamDetectError as problem:
        sys.exit(f"source_probe: {problem}")
