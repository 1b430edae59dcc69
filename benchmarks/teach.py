"""Let an ensemble of finished runs teach: write a corpus whose soft labels are its mean scores.

The copy's column ``reader`` holds 100 times the mean scam probability of the runs for ``--rows``
train rows, the project's own and the read ones first, and nothing for the others; a recipe with
``loss.soft`` trains on it and so distils the ensemble into one model. No other column changes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.train.data.table import column, is_authored
from scamdetect.train.probe import probe
from scamdetect.train.run import load_trained

ROOT = Path(__file__).resolve().parent.parent
MAX_TOKENS = 128


def main() -> None:
    """Score the rows with every run and write the corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--corpus", type=Path, default=ROOT / "data" / "corpus.parquet")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    table = pq.read_table(asked.corpus)
    chosen = taught_rows(table, asked.rows)
    texts = list(column(table, "norm")[chosen])
    total = np.zeros(len(texts))
    for run in asked.runs:
        model, tokenizer, _, recipe = load_trained(run)
        total += probe(model, tokenizer, texts, MAX_TOKENS, recipe.base.prefix)[0]
        sys.stdout.write(f"{run}: {len(texts):,} rows scored\n")
    soft: list[int | None] = [None] * table.num_rows
    for row, score in zip(chosen.tolist(), total / len(asked.runs), strict=True):
        soft[row] = round(100 * float(score))
    place = table.column_names.index("reader")
    column_type = table.schema.field("reader").type
    taught = table.set_column(place, "reader", pa.array(soft, column_type))
    pq.write_table(taught.replace_schema_metadata(table.schema.metadata), asked.out)


def taught_rows(table: pa.Table, most: int) -> np.ndarray:
    """Return up to ``most`` places of train rows: own and read ones first, then by their hash."""
    train = np.flatnonzero(column(table, "role") == "train")
    own = is_authored(table)[train]
    read = np.array([value is not None for value in column(table, "reader")[train]])
    order = np.lexsort((column(table, "row_hash")[train].astype(str), ~read, ~own))
    return np.sort(train[order[:most]])


if __name__ == "__main__":
    main()
