"""Print and plot how much each quarter of the authored train rows is worth.

Trains the fast recipe on all public train rows with 25, 50 and 100 % of the authored ones (pairs
stay whole) and scores the model on authored dev rows and on the selecting dev sources. Adds a line
a run to results/learning_curve.csv. The final part is never read. One writer model wrote train and
dev rows.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.evaluate.experiments import add_line, dev_figures, read_lines, selecting_rows
from scamdetect.evaluate.protocol import SELECTING_SOURCES
from scamdetect.train.data.scores import commit, today
from scamdetect.train.data.table import column, is_authored, read_rows, select
from scamdetect.train.fit import train
from scamdetect.train.probe import probe
from scamdetect.train.run import load_trained

ROOT = Path(__file__).resolve().parent.parent
SHARES = (0.25, 0.5, 1.0)
COLUMNS = (
    "date", "commit", "round", "languages", "share", "authored_rows", "minutes", "authored_auc",
    "authored_r1", "authored_r5", "pairs_by_rank",
    *(f"{name}_{figure}" for name in SELECTING_SOURCES for figure in ("auc", "r1")),
)  # fmt: skip


def main() -> None:
    """Train and score one model a share, then draw the curve over all rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("round", help="a name for this round of writing")
    parser.add_argument("--without", nargs="*", default=[], help="languages of later rounds")
    parser.add_argument(
        "--shares", type=float, nargs="+", default=SHARES,
        help="0 needs a recipe without loss.pair",
    )  # fmt: skip
    parser.add_argument("--corpus", type=Path, default=ROOT / "data" / "corpus.parquet")
    parser.add_argument("--recipe", type=Path, default=ROOT / "models" / "recipes" / "fast.toml")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    log = asked.out / "learning_curve.csv"
    whole = pq.read_table(asked.corpus)
    dev = selecting_rows(read_rows(asked.corpus, {"dev"}))
    own = is_authored(whole) & (column(whole, "role") == "train")
    whole = select(whole, ~(own & np.isin(column(whole, "lang"), asked.without)))
    for share in asked.shares:
        with tempfile.TemporaryDirectory() as folder:
            part, run = Path(folder) / "corpus.parquet", Path(folder) / "run"
            kept = with_share(whole, share)
            pq.write_table(kept, part)
            start = time.perf_counter()
            train(asked.recipe, part, run, False, lambda line: sys.stdout.write(f"{line}\n"))
            minutes = (time.perf_counter() - start) / 60
            figures = measure(run, dev)
        used = is_authored(kept) & (column(kept, "role") == "train")
        head = [today(), commit(), asked.round, len(set(column(kept, "lang")[used])), share]
        head += [int(used.sum()), f"{minutes:.1f}"]
        line = [*head, *(f"{figures[name]:.4f}" for name in COLUMNS[len(head) :])]
        add_line(log, COLUMNS, line)
        sys.stdout.write(f"{dict(zip(COLUMNS, line, strict=True))}\n")
    draw(log, asked.out / "learning_curve.png")


def with_share(table: pa.Table, share: float) -> pa.Table:
    """Return the corpus with this share of the authored train rows, by the hash of pair or row."""
    keys = [pair or row for pair, row in zip(column(table, "thread_id"), column(table, "row_hash"),
                                              strict=True)]  # fmt: skip
    places = np.array([int(hashlib.sha256(str(key).encode()).hexdigest()[:8], 16) for key in keys])
    drop = is_authored(table) & (column(table, "role") == "train") & (places >= share * 2**32)
    return select(table, ~drop)


def measure(run: Path, dev: pa.Table) -> dict[str, float]:
    """Return the figures of a finished run on the dev rows that select, by name."""
    model, tokenizer, _, _ = load_trained(run)
    return dev_figures(dev, *probe(model, tokenizer, list(column(dev, "norm")))).flat()


def draw(log: Path, path: Path) -> None:
    """Draw the figures of every round over the number of authored train rows."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    lines = read_lines(log)
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), dpi=90, layout="constrained")
    for plot, names in zip(
        axes,
        (
            ("authored_auc", "pairs_by_rank", *(f"{name}_auc" for name in SELECTING_SOURCES)),
            ("authored_r1", "authored_r5", *(f"{name}_r1" for name in SELECTING_SOURCES)),
        ),
        strict=True,
    ):
        for round_name, style in zip(
            dict.fromkeys(x["round"] for x in lines), cycle((":", "-", "--", "-."))
        ):
            of_round = [line for line in lines if line["round"] == round_name]
            for number, name in enumerate(names):
                plot.plot(
                    [int(line["authored_rows"]) for line in of_round],
                    [float(line[name]) for line in of_round],
                    marker="o", linestyle=style, color=f"C{number}", label=f"{name}, {round_name}",
                )  # fmt: skip
        plot.set_xlabel("authored train rows")
        plot.legend(fontsize=6)
    figure.savefig(path, metadata={"Software": None})


if __name__ == "__main__":
    main()
