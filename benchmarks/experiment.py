"""Train recipes and add a line a run to results/experiments.csv: the dev figures that select.

Runs keep their checkpoints in ``--runs``, one folder a recipe and seed, and resume where they were
stopped; a run whose line already exists is not repeated. The torch model is scored, not a bundle:
these figures compare experiments with one another and are not release figures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from scamdetect.calibration.statistics import Bools, auc, recall_at_fpr
from scamdetect.errors import RecipeError
from scamdetect.evaluate.experiments import add_line, dev_figures, read_lines, selecting_rows
from scamdetect.evaluate.protocol import SELECTING_SOURCES
from scamdetect.labels import Verdict
from scamdetect.train.data.scores import commit, today
from scamdetect.train.data.table import column, has_verdict, is_authored, read_rows, select
from scamdetect.train.fit import train
from scamdetect.train.probe import probe
from scamdetect.train.recipe import DataTable, Recipe, load_recipe, recipe_hash, write_recipe
from scamdetect.train.rows import seen_texts
from scamdetect.train.run import corpus_sha256, load_trained

ROOT = Path(__file__).resolve().parent.parent
FIGURES = (
    "selection", "authored_auc", "authored_r1", "authored_r5", "pairs_by_rank", "kinds_auc",
    *(f"{name}_{figure}" for name in SELECTING_SOURCES for figure in ("auc", "r1")),
    "disguised_auc", "disguised_r5",
)  # fmt: skip
# Every authored row under one evasion that the normaliser does not undo.
DISGUISES = Recipe("disguises", data=DataTable(disguised_share=1.0))
COLUMNS = ("date", "commit", "recipe", "recipe_hash", "seed", "corpus", "minutes", *FIGURES)


@dataclass(frozen=True)
class Selecting:
    """What a run is judged on: the dev rows that select, and the own ones clean and disguised."""

    dev: pa.Table
    scam: Bools  # of the own rows
    known: Bools  # own rows that are scam or legit
    hidden: list[str]  # their texts, disguised

    @classmethod
    def of(cls, corpus: Path) -> Selecting:
        """Read them from the corpus."""
        dev = selecting_rows(read_rows(corpus, {"dev"}))
        own = select(dev, is_authored(dev))
        scam = has_verdict(own, Verdict.SCAM)
        known = scam | has_verdict(own, Verdict.LEGIT)
        return cls(dev, scam, known, seen_texts(own, DISGUISES))


def main() -> None:
    """Run each recipe with each seed that has no line yet; score finished runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "recipes", type=Path, nargs="+", help="recipes, or folders of finished runs to score"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--corpus", type=Path, default=ROOT / "data" / "corpus.parquet")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs")
    parser.add_argument("--log", type=Path, default=ROOT / "benchmarks/results/experiments.csv")
    asked = parser.parse_args()
    corpus = corpus_sha256(asked.corpus)
    rows = Selecting.of(asked.corpus)
    for path in asked.recipes:
        if path.is_dir():
            add_run(path, corpus, rows, asked.log)
            continue
        for seed in asked.seeds:
            recipe = msgspec.structs.replace(load_recipe(path), seed=seed)
            name = recipe_hash(recipe)
            if (name, str(seed), corpus[:16]) in done_before(asked.log):
                sys.stdout.write(f"{recipe.name}, seed {seed}: is in {asked.log} already\n")
                continue
            run = asked.runs / f"{recipe.name}-{seed}-{name}-{corpus[:16]}"
            run.mkdir(parents=True, exist_ok=True)
            write_recipe(recipe, run / "asked.toml")
            train(run / "asked.toml", asked.corpus, run, True, _say)
            add_run(run, corpus, rows, asked.log)


def done_before(log: Path) -> set[tuple[str, str, str]]:
    """Return recipe hash, seed and corpus of every run in the log."""
    return {(line["recipe_hash"], line["seed"], line["corpus"]) for line in read_lines(log)}


def add_run(run: Path, corpus: str, rows: Selecting, log: Path) -> None:
    """Score a finished run on the rows and add its line."""
    model, tokenizer, record, recipe = load_trained(run)
    if record["corpus"] != corpus:
        raise RecipeError(f"{run} was trained on another corpus: {record['corpus'][:16]}")
    seed, name = str(record["seed"]), name_of(record)
    if (name, seed, corpus[:16]) in done_before(log):
        _say(f"{run}: is in {log} already")
        return
    prefix = recipe.base.prefix
    found = probe(model, tokenizer, list(column(rows.dev, "norm")), prefix=prefix)
    figures = dev_figures(rows.dev, *found).flat()
    seen = probe(model, tokenizer, rows.hidden, prefix=prefix)[0][rows.known]
    figures["disguised_auc"] = auc(seen, rows.scam[rows.known])
    figures["disguised_r5"] = recall_at_fpr(seen, rows.scam[rows.known], 0.05)
    line = [today(), commit(), recipe.name, name, seed, corpus[:16]]
    line += [f"{record['minutes']:.1f}", *(f"{figures[key]:.4f}" for key in FIGURES)]
    add_line(log, COLUMNS, line)
    _say(str(dict(zip(COLUMNS, line, strict=True))))


def name_of(record: Mapping[str, Any]) -> str:
    """Return the recipe's hash and, of a decay or an average, the mark that it began at."""
    start = record.get("start")
    if not start:
        return str(record["recipe"])
    return f"{record['recipe']}@{start['tokens']}{'-averaged' if start['averaged'] else ''}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
