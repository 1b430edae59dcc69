"""Measure how well only the form separates scam from honest among the rows that a run draws.

    python benchmarks/form_parity.py data/corpus.parquet [RECIPE]

The classifier sees masks, case, punctuation, digits, X for digits, the shape of links and the
length in characters, words and lines, never a word. It is fitted on two thirds of the near-
duplicate groups and measured on the last, three times. The draws differ in the share of restyled
rows and in ``form_parity``, which weighs honest rows by such a classifier on other folds. Writes
``form_parity.json`` and ``.md``; the gate, which it prints and does not enforce, is an AUC of 0.60.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.metrics import roc_auc_score

from scamdetect.calibration.statistics import effective_size
from scamdetect.errors import ScamDetectError
from scamdetect.labels import Verdict
from scamdetect.train.data.scores import commit, machine, today
from scamdetect.train.data.table import column, has_verdict, is_own
from scamdetect.train.form import FEATURES, Floats, form_features, form_probabilities
from scamdetect.train.pages import table as markdown
from scamdetect.train.pages import write_results
from scamdetect.train.plan import draw_rows
from scamdetect.train.recipe import Recipe, load_recipe
from scamdetect.train.rows import facts_of, read_roles, seen_texts

ROOT = Path(__file__).resolve().parent.parent
GATE = 0.60
DRAWS = ((0.0, 0.0), (0.35, 0.0), (0.35, 0.5), (0.35, 0.75), (0.35, 1.0))  # restyled, parity
TOKENS = 6_000_000


def main() -> None:
    """Draw the rows, fit on only the form, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument(
        "recipe", type=Path, nargs="?", default=ROOT / "models/recipes/default.toml"
    )
    parser.add_argument("--rows", type=int, default=40_000, help="at most, of those drawn")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        recipe = load_recipe(asked.recipe)
        rows = read_roles(asked.corpus, ["train"], recipe.data.licences)
        record = measure(rows, recipe, asked.rows)
    except ScamDetectError as problem:
        sys.exit(f"form_parity: {problem}")
    record |= {"most": asked.rows, "date": today(), "commit": commit(), "machine": machine()}
    sys.stdout.write(write_results(asked.out / "form_parity.json", record, page(record)))


def measure(rows: pa.Table, recipe: Recipe, most: int) -> dict[str, Any]:
    """Return the AUC of only the form for each kind of draw, over all and without own rows."""
    scam, honest = has_verdict(rows, Verdict.SCAM), has_verdict(rows, Verdict.LEGIT)
    groups = column(rows, "group").astype(np.int64)
    own = is_own(rows)
    found = []
    for restyled, parity in DRAWS:
        data = msgspec.structs.replace(
            recipe.data, restyled_share=restyled, form_parity=parity, disguised_share=0.0
        )
        tried = msgspec.structs.replace(recipe, data=data)
        texts = seen_texts(rows, tried)
        counts = drawn(rows, texts, tried)
        known = np.flatnonzero((scam | honest) & (counts > 0))
        if len(known) > most:
            known = np.sort(np.random.default_rng(0).choice(known, most, replace=False))
        features = np.array([form_features(texts[row]) for row in known.tolist()])
        weights = counts[known]
        # Other folds than those that the draw was balanced by.
        scores = form_probabilities(features, scam[known], weights, groups[known], seed=1)
        public = known[~own[known]]
        found.append(
            {
                "restyled": restyled,
                "parity": parity,
                "rows": len(known),
                "auc": _auc(scam[known], scores, weights),
                "auc of public rows": _auc(scam[public], scores[~own[known]], counts[public]),
                "honest rows that count": effective_size(weights[honest[known]]),
                "by feature": {
                    name: round(one_sided(features[:, place], scam[known], weights), 3)
                    for place, name in enumerate(FEATURES)
                },
            }
        )
    return {"gate": GATE, "draws": found}


def drawn(rows: pa.Table, texts: list[str], recipe: Recipe) -> Floats:
    """Return how often a run of the recipe draws each row; its tokens are guessed from letters."""
    lengths = np.array([len(text) // 4 + 3 for text in texts], dtype=np.int64)
    facts = facts_of(rows, texts, lengths, recipe)
    data = msgspec.structs.replace(recipe.data, tokens=TOKENS)
    places, times = np.unique(draw_rows(facts, data, recipe.seed), return_counts=True)
    counts = np.zeros(rows.num_rows)
    counts[places] = times
    return counts


def one_sided(values: Floats, scam: npt.NDArray[np.bool_], weights: Floats) -> float:
    """Return the AUC of one feature in its better direction."""
    auc = _auc(scam, values, weights)
    return max(auc, 1 - auc)


def _auc(scam: npt.NDArray[np.bool_], scores: Floats, weights: Floats) -> float:
    return float(roc_auc_score(scam, scores, sample_weight=weights))


def page(record: dict[str, Any]) -> list[str]:
    """Return the figures as Markdown."""
    draws = record["draws"]
    lines = [
        "# Form alone",
        "",
        f"At most {record['most']:,} of the train rows that a run of the recipe draws; "
        f"{record['date']}, commit {record['commit']}. The gate is an AUC of at most {GATE}. "
        "`form_parity` draws honest rows by how much their form is that of scams; the honest rows "
        "that count are Kish's effective number of them in the draw.",
        "",
        *markdown(
            ["restyled rows", "form_parity", "AUC of form alone", "public rows only",
             "honest rows that count"],
            [
                [f"{one['restyled']:.0%}", f"{one['parity']:g}", f"{one['auc']:.3f}",
                 f"{one['auc of public rows']:.3f}", f"{one['honest rows that count']:,.0f}"]
                for one in draws
            ],
        ),
        "",
        "The features that tell most, each by itself, in the first draw and in the last:",
        "",
    ]  # fmt: skip
    first, last = draws[0]["by feature"], draws[-1]["by feature"]
    rows = [
        [name, f"{auc:.3f}", f"{last[name]:.3f}"] for name, auc in Counter(first).most_common(10)
    ]
    return lines + markdown(["feature", "first", "last"], rows)


if __name__ == "__main__":
    main()
