"""Fine-tune the shipped bundle on half of a source that it never trained on, and compare.

    python benchmarks/finetune_left_out.py pt_mz_mpesa_smishing

The source must have the role dev. One half of its groups (near-duplicates and threads together)
goes to ``scamdetect finetune`` as a team's own rows would; the other half and all other dev rows
are read by both bundles. Writes ``finetune-SOURCE.json`` and ``.md``, without any text. Rows and
bundle stay in ``--work``, where a stopped run is resumed.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import Bools
from scamdetect.errors import InputError, ScamDetectError
from scamdetect.labels import Verdict
from scamdetect.reports.pages import write_results
from scamdetect.train.data.scores import DetectorScores, commit, machine, today
from scamdetect.train.data.table import (
    column,
    detector_texts,
    has_verdict,
    is_authored,
    read_rows,
    select,
)
from scamdetect.train.finetune import Finetuned, finetune
from scamdetect.train.finetune_compare import (
    Comparison,
    as_record,
    compare_scores,
    comparison_lines,
)
from scamdetect.train.finetune_fit import EPOCHS
from scamdetect.train.finetune_rows import OWN

ROOT = Path(__file__).resolve().parent.parent
NAMES = {"scam": "fraud", "legit": "fine", "spam": "advert"}  # as a team's own labels would be


def main() -> None:
    """Part, fine-tune, compare, write the results and print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--corpus", type=Path, default=ROOT / "data" / "corpus.parquet")
    parser.add_argument("--base", type=Path, default=ROOT / "models" / "scamdetect-small")
    parser.add_argument("--work", type=Path, required=True, help="a folder outside the checkout")
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        rows = read_rows(asked.corpus, {"dev"})
        given = first_half(rows, asked.source, asked.seed)
        asked.work.mkdir(parents=True, exist_ok=True)
        data, names = asked.work / f"{asked.source}.csv", asked.work / "labels.toml"
        write_own(select(rows, given), data)
        names.write_text("".join(f'{a} = "{b}"\n' for b, a in NAMES.items()), encoding="utf-8")
        done = finetune(
            data,
            asked.work / f"{asked.source}-{asked.epochs:g}-{asked.seed}",
            base=asked.base,
            text_column="body",
            label_column="what",
            label_map=names,
            rehearsal=asked.corpus,
            epochs=asked.epochs,
            seed=asked.seed,
            even_if_worse=True,
            overwrite=True,
            say=say,
        )
        record = measure(asked.source, done)
    except ScamDetectError as problem:
        sys.exit(f"finetune_left_out: {problem}")
    record = {
        "date": today(), "commit": commit(), "machine": machine(), "source": asked.source,
        "epochs": asked.epochs, "seed": asked.seed, "given": counts(select(rows, given)),
    } | record  # fmt: skip
    path = asked.out / f"finetune-{asked.source}.json"
    sys.stdout.write(write_results(path, record, record.pop("page")))


def first_half(rows: pa.Table, source: str, seed: int) -> Bools:
    """Return which rows (n,) are in the half that is given; groups with scams are dealt apart.

    Raises InputError unless the corpus holds the source, with the role dev and not of our writing.
    """
    of = (column(rows, "source") == source) & ~is_authored(rows)
    if not of.any():
        named = sorted(set(column(rows, "source")[~is_authored(rows)]))
        raise InputError(f"{source!r} has no dev rows here; choose one of {', '.join(named)}")
    groups = column(rows, "group").astype(np.int64)
    with_scam = np.unique(groups[of & has_verdict(rows, Verdict.SCAM)])
    others = np.setdiff1d(np.unique(groups[of]), with_scam)
    random = np.random.default_rng(seed)
    given = np.concatenate([random.permutation(some)[::2] for some in (with_scam, others)])
    return np.asarray(of & np.isin(groups, given), dtype=bool)


def write_own(rows: pa.Table, path: Path) -> None:
    """Write the rows as the CSV of a team with its own labels."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["body", "what"])
        writer.writerows(
            (text, NAMES[verdict])
            for text, verdict in zip(
                detector_texts(rows), rows["verdict"].to_pylist(), strict=True
            )
        )  # fmt: skip


def measure(source: str, done: Finetuned) -> dict[str, Any]:
    """Return the figures of both bundles on the other half, as own rows, and on all other rows.

    The command scored them among its dev rows, from which the texts of the given half are gone.
    """
    sources = column(done.scored.rows, "source")
    kept = np.flatnonzero(sources != OWN)
    rows = done.scored.rows.take(pa.array(kept))
    place = rows.schema.get_field_index("source")
    named = pa.array([OWN if name == source else name for name in sources[kept]], pa.string())
    rows = rows.set_column(place, "source", named)
    scores = [_of(one, kept) for one in (done.scored.before, done.scored.after)]
    found = compare_scores(rows, *scores, done.comparison.fpr_asked)
    inner = done.comparison
    return as_record(found) | {
        "refused_by_the_command": bool(inner.worse),
        "worse_to_the_command": list(inner.worse),
        "page": list(page(found, source, inner.worse)),
    }


def _of(scores: DetectorScores, rows: np.ndarray) -> DetectorScores:
    kinds = scores.kinds
    named = None if kinds is None else tuple(kinds[row] for row in rows.tolist())
    return replace(scores, scam=scores.scam[rows], flagged=scores.flagged[rows], kinds=named)


def page(found: Comparison, source: str, worse: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of the page."""
    title, *lines = comparison_lines(found)
    yield title
    yield ""
    yield (
        f"Fine-tuned on one half of the groups of `{source}`, which the model never trained on "
        "(`benchmarks/finetune_left_out.py`). Own rows, held out, are the **other half**; all "
        "others are the other dev rows of the corpus. Source and dev rows select nothing here."
    )
    yield ""
    yield (
        "The command itself compared on a fifth of the half that it was given and would have "
        + (f"**refused** this bundle: {'; '.join(worse)}." if worse else "taken this bundle.")
    )
    yield from lines


def counts(rows: pa.Table) -> Mapping[str, int]:
    """Return how many rows of each verdict there are."""
    return {verdict.value: int(has_verdict(rows, verdict).sum()) for verdict in Verdict}


def say(line: str) -> None:
    """Print a line of the log."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
