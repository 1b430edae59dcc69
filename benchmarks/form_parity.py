"""Measure how well form alone tells scam from honest among the rows that a training run draws.

    python benchmarks/form_parity.py data/corpus.parquet [RECIPE]

The classifier sees masks, case, punctuation, digits, X for digits, the shape of links and the
length in characters, words and lines, never a word. It is fitted on two thirds of the near-
duplicate groups and measured on the last, three times. Writes ``form_parity.json`` and ``.md``; the
gate, which it prints and does not enforce, is an AUC of 0.60.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from scamdetect.errors import ScamDetectError
from scamdetect.evaluation.provenance import commit, machine, today
from scamdetect.evaluation.table import column, has_verdict, is_authored, is_own
from scamdetect.labels import Verdict
from scamdetect.pages import table as markdown
from scamdetect.pages import write_results
from scamdetect.training.plan import RowFacts, draw_rows
from scamdetect.training.recipe import Recipe, load_recipe
from scamdetect.training.rows import read_roles, seen_texts

ROOT = Path(__file__).resolve().parent.parent
GATE = 0.60
SHARES = (0.0, 0.35)
TOKENS = 6_000_000
_MASKS = ("[link", "[phone]", "[number]", "[email]", "[handle]", "[account]")
_SHAPES = ("short", "host", "address", "path", "query", "digits")
_FEATURES = (
    *_MASKS, "capitals", "all capitals", "punctuation", "full stop at the end", "exclamations",
    "runs of X", "digits", *(f"link: {shape}" for shape in _SHAPES), "characters", "words", "lines",
)  # fmt: skip


def main() -> None:
    """Draw the rows, fit on form alone, and write the figures."""
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
    record = {"date": today(), "commit": commit(), "machine": machine()} | record
    sys.stdout.write(write_results(asked.out / "form_parity.json", record, page(record)))


def measure(rows: pa.Table, recipe: Recipe, most: int) -> dict[str, Any]:
    """Return the AUC of form alone by share of restyled rows, over all and without own rows."""
    counts = drawn(rows, recipe)
    scam, honest = has_verdict(rows, Verdict.SCAM), has_verdict(rows, Verdict.LEGIT)
    known = np.flatnonzero((scam | honest) & (counts > 0))
    if len(known) > most:
        known = np.sort(np.random.default_rng(0).choice(known, most, replace=False))
    own = is_own(rows)[known]
    groups = column(rows, "group")[known].astype(np.int64)
    found = {}
    for share in SHARES:
        data = msgspec.structs.replace(recipe.data, restyled_share=share, disguised_share=0.0)
        texts = seen_texts(rows.take(known), msgspec.structs.replace(recipe, data=data))
        features = np.array([features_of(text) for text in texts])
        scores = out_of_fold(features, scam[known], counts[known], groups)
        weights = counts[known]
        found[f"{share:.2f}"] = {
            "auc": float(roc_auc_score(scam[known], scores, sample_weight=weights)),
            "auc of public rows": float(
                roc_auc_score(scam[known][~own], scores[~own], sample_weight=weights[~own])
            ),
            "by feature": {
                name: round(one_sided(features[:, place], scam[known], weights), 3)
                for place, name in enumerate(_FEATURES)
            },
        }
    return {"gate": GATE, "rows": len(known), "drawn": int(counts[known].sum()), "shares": found}


def drawn(rows: pa.Table, recipe: Recipe) -> npt.NDArray[np.float64]:
    """Return how often a run of the recipe draws each row; its tokens are guessed from letters."""
    texts = rows["norm"].to_pylist()
    slices = [names[0] if names else "" for names in rows["slices"].to_pylist()]
    classes = [
        "spam" if is_open else verdict
        for verdict, is_open in zip(
            rows["verdict"].to_pylist(), rows["not_legit"].to_pylist(), strict=True
        )
    ]
    facts = RowFacts(
        lengths=np.array([len(text) // 4 + 3 for text in texts], dtype=np.int64),
        classes=classes,
        cells=list(zip(rows["source"].to_pylist(), rows["lang"].to_pylist(), slices, strict=True)),
        weights=rows["weight"].to_numpy().astype(np.float64)
        * np.where(is_authored(rows), recipe.data.authored_weight, 1.0),
    )
    data = msgspec.structs.replace(recipe.data, tokens=TOKENS)
    places, times = np.unique(draw_rows(facts, data, recipe.seed), return_counts=True)
    counts = np.zeros(rows.num_rows)
    counts[places] = times
    return counts


def features_of(text: str) -> list[float]:
    """Return what can be told of a normalised text without reading it, in the order of names."""
    letters = [c for c in text if c.isalpha()] or ["-"]
    upper = sum(c.isupper() for c in letters) / len(letters)
    words = text.split()
    shapes = " ".join(re.findall(r"\[link ([^\]]*)\]", text))
    return [
        *(float(text.count(mask)) for mask in _MASKS),
        upper,
        float(sum(word.isupper() and len(word) > 2 for word in words)),
        sum(c in ".,;:!?'\"()-" for c in text) / max(len(text), 1),
        float(text.rstrip().endswith((".", "!", "?", "。"))),
        float(text.count("!")),
        float(len(re.findall(r"X{2,}", text))),
        sum(c.isdigit() for c in text) / max(len(text), 1),
        *(float(shape in shapes) for shape in _SHAPES),
        float(len(text)),
        float(len(words)),
        float(text.count("\n")),
    ]


def out_of_fold(
    features: npt.NDArray[np.float64],
    scam: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Return the scam probability (n,) of each row by a classifier that saw none of its group."""
    scores = np.zeros(len(scam))
    for fit, rest in GroupKFold(3).split(features, groups=groups):
        model = HistGradientBoostingClassifier(max_iter=150, learning_rate=0.1, random_state=0)
        model.fit(features[fit], scam[fit], sample_weight=weights[fit])
        scores[rest] = model.predict_proba(features[rest])[:, 1]
    return scores


def one_sided(
    values: npt.NDArray[np.float64],
    scam: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
) -> float:
    """Return the AUC of one feature in its better direction."""
    auc = float(roc_auc_score(scam, values, sample_weight=weights))
    return max(auc, 1 - auc)


def page(record: dict[str, Any]) -> list[str]:
    """Return the figures as Markdown."""
    shares = record["shares"]
    lines = [
        "# Form alone",
        "",
        f"{record['rows']:,} train rows, drawn {record['drawn']:,} times by the recipe; "
        f"{record['date']}, commit {record['commit']}. The gate is an AUC of at most {GATE}.",
        "",
        *markdown(
            ["restyled rows", "AUC of form alone", "public rows only"],
            [
                [f"{float(share):.0%}", f"{one['auc']:.3f}", f"{one['auc of public rows']:.3f}"]
                for share, one in shares.items()
            ],
        ),
        "",
        "The features that tell most, each by itself:",
        "",
    ]
    first, last = shares[f"{SHARES[0]:.2f}"], shares[f"{SHARES[-1]:.2f}"]
    strongest = Counter(first["by feature"]).most_common(10)
    rows = [[name, f"{auc:.3f}", f"{last['by feature'][name]:.3f}"] for name, auc in strongest]
    return lines + markdown(["feature", "as they are", "restyled"], rows)


if __name__ == "__main__":
    main()
