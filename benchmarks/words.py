"""Compare ways to fit the words of a bundle, on the select half of the pools.

    python benchmarks/words.py data/corpus.parquet [BUNDLE] --kept DIR
        [--set strength=8 runs=300000 ...] [--join in_source] [--seed N] [--note "..."]

Fits words on the train rows, joins them on calibrate rows as ``scamdetect words`` does, and appends
one line of figures to ``words.csv``: everyday and authored rows are by the known writer. Only the
first window of each text is read. A seed over 0 leaves out a tenth of the train groups, to show how
far figures move by chance. The encoder's logits are kept in DIR. Gates: how far the mean log-odds
of parallel sentences lie apart between languages, by words that saw none of their sources, and the
recall that is left where 30 honest words stand behind a scam.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.bundle.bundle import Bundle, trained_sources
from scamdetect.bundle.ngrams import Join, NgramReader, Ngrams
from scamdetect.bundle.scorer import Scorer
from scamdetect.calibration.probabilities import scam_logits
from scamdetect.calibration.statistics import Floats
from scamdetect.errors import RecipeError, ScamDetectError
from scamdetect.evaluate.pools import (
    Pools,
    evaluate_pools,
    language_cells,
    load_pools,
    used_rows,
)
from scamdetect.labels import Verdict
from scamdetect.train.data.mix import calibrate_sample, reference_weights
from scamdetect.train.data.scores import commit, today
from scamdetect.train.data.table import (
    column,
    detector_texts,
    half_of,
    has_verdict,
    is_own,
    normalised,
    select,
)
from scamdetect.train.recipe import WordsTable
from scamdetect.train.rows import read_roles
from scamdetect.train.words import Runs, fit_join, fit_words, left_out_odds, of_new_sources, runs_of

ROOT = Path(__file__).resolve().parent.parent
PARALLEL = ("xsid", "tatoeba_laser")  # the same sentences in many languages
FEWEST_PARALLEL = 100  # of a language
HONEST_WORDS = 30
CUT = 0.1  # of the train groups, by a seed


def main() -> None:
    """Fit, join, measure, append."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("bundle", type=Path, nargs="?")
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--set", nargs="*", default=[], dest="settings", metavar="KEY=VALUE")
    parser.add_argument(
        "--join", choices=["new", "left_out", "in_source", "even"], default="new",
        help="fitted on rows of sources new to the encoder; on all, with words that left out their "
        "source; on all, with words that knew it; or not fitted",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--note", default="")
    parser.add_argument("--pools", type=Path, default=ROOT / "data" / "pools.toml")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "words.csv")
    asked = parser.parse_args()
    given = {"runs": 300_000} | {
        key: float(value) for key, _, value in (one.partition("=") for one in asked.settings)
    }
    settings = msgspec.convert(given, WordsTable, strict=False)
    try:
        line = measure(asked, settings)
    except ScamDetectError as problem:
        sys.exit(f"words: {problem}")
    new = not asked.out.exists()
    with asked.out.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, line)
        if new:
            writer.writeheader()
        writer.writerow(line)
    sys.stdout.write("  ".join(f"{key} {value}" for key, value in line.items()) + "\n")


def measure(asked: argparse.Namespace, settings: WordsTable) -> dict[str, Any]:
    """Return the line of figures."""
    pools = load_pools(asked.pools)
    table = read_roles(asked.corpus, ["train", "calibrate", "dev"], "default")
    of_role = {role: select(table, column(table, "role") == role) for role in ("train", "dev")}
    train = cut(of_role["train"], asked.seed)
    held = calibrate_sample(select(table, column(table, "role") == "calibrate"))
    all_dev = of_role["dev"]
    dev = select(all_dev, used_rows(all_dev, pools))
    cells, chosen = language_cells(dev, pools), half_of(dev) == "select"
    dev, cells = select(dev, chosen), cells[chosen]
    scorer = Scorer(Bundle.load(asked.bundle))
    started = time.monotonic()
    pieces, room = scorer.ngram_reader(), scorer.windows.room
    tokens = {
        name: [scorer.windows.encode([text])[0][:room] for text in texts]
        for name, texts in (
            ("train", train["norm"].to_pylist()),
            ("held", _texts(held, scorer)),
            ("dev", _texts(dev, scorer)),
        )
    }
    runs = runs_of(pieces, tokens["train"])
    words = fit_words(runs, train, settings)
    one = Ngrams(words, pieces)
    logits = {
        name: encoder_logits(asked.kept, scorer, rows, tokens[name])
        for name, rows in (("held", held), ("dev", dev))
    }
    known = np.flatnonzero(np.isfinite(logits["held"]))
    of_join = held.take(known)
    join_tokens = [tokens["held"][row] for row in known.tolist()]
    if asked.join == "even":
        join = Join(1.0, 1.0, 0.0)
    else:
        if asked.join == "new":
            new = of_new_sources(of_join, trained_sources(scorer.bundle.training))
            if not new.any():
                raise RecipeError("the encoder knows every source; use --join in_source")
            known, of_join = known[new], select(of_join, new)
            join_tokens = [tokens["held"][row] for row in known.tolist()]
        odds = (
            one.log_odds(join_tokens)
            if asked.join == "in_source"
            else left_out_odds(runs, train, join_tokens, of_join, pieces, settings, _log)
        )
        scam = has_verdict(of_join, Verdict.SCAM)
        join = fit_join(
            logits["held"][known], odds, scam, reference_weights(of_join), settings.ratio
        )
    lexical = one.log_odds(tokens["dev"])
    encoder = np.nan_to_num(logits["dev"], nan=-9.0)
    figures = {
        name: found(dev, scores, pools, cells)
        for name, scores in (
            ("encoder", encoder), ("words", lexical), ("joined", join(encoder, lexical)),
        )
    }  # fmt: skip
    return (
        {"date": today(), "commit": commit(), "note": asked.note, "encoder": scorer.bundle.model_id}
        | {"settings": msgspec.json.encode(settings).decode(), "join": asked.join}
        | {"seed": asked.seed, "train_rows": train.num_rows, "runs": len(words.prints)}
        | {f"join_{key}": round(getattr(join, key), 3) for key in ("encoder", "words", "bias")}
        | {f"{name}_{key}": value for name, of in figures.items() for key, value in of.items()}
        | parallel_spread(runs, train, tokens["train"], pieces, settings)
        | {"recall_kept_behind_honest_words": padded_recall(all_dev, scorer, one, join)}
        | {"seconds": round(time.monotonic() - started)}
    )


def found(dev: pa.Table, scores: Floats, pools: Pools, cells: Any) -> dict[str, float]:  # noqa: ANN401
    """Return the figures of one scorer on the select half."""
    result = evaluate_pools(dev, scores, pools, cells)
    values = {pool.name: pool.mean for pool in result.pools} | {
        "honest_reports_over": result.twins.over_threshold,
        "at_5%_of_honest_reports": result.twins.recall_at_own,
        "score": result.score,
        **{f"over_{name}": value for name, value in result.over_threshold.items()},
    }
    return {name: np.nan if one is None else round(one.value, 4) for name, one in values.items()}


def encoder_odds(scorer: Scorer, rows: list[list[int]]) -> Floats:
    """Return the encoder's raw logit of scam (n,) of the first window of rows of token ids."""
    return scam_logits(scorer.run([scorer.windows.cut(row)[0][0] for row in rows]).verdict)


def encoder_logits(kept: Path, scorer: Scorer, rows: pa.Table, tokens: list[list[int]]) -> Floats:
    """Return the raw logit of scam (rows,) by only the encoder, NaN for texts without a token."""
    path = kept / f"logits-{scorer.bundle.sha256['model.onnx'][:12]}.parquet"
    hashes = column(rows, "row_hash").tolist()
    held: dict[str, float] = {}
    if path.exists():
        before = pq.read_table(path)
        held = dict(zip(before["row"].to_pylist(), before["logit"].to_pylist(), strict=True))
    missing = [place for place, name in enumerate(hashes) if name not in held and tokens[place]]
    for start in range(0, len(missing), 2_000):
        places = missing[start : start + 2_000]
        for place, logit in zip(
            places, encoder_odds(scorer, [tokens[place] for place in places]), strict=True
        ):
            held[hashes[place]] = float(logit)
        _log(f"encoder: {start + len(places):,} of {len(missing):,} texts")
    if missing:
        kept.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"row": list(held), "logit": list(held.values())}), path)
    return np.array([held.get(name, np.nan) for name in hashes])


def cut(train: pa.Table, seed: int) -> pa.Table:
    """Return the train rows, without a tenth of their groups if there is a seed."""
    if not seed:
        return train
    groups = column(train, "group").astype(np.int64)
    distinct = np.unique(groups)
    gone = np.random.default_rng(seed).choice(distinct, round(CUT * len(distinct)), replace=False)
    return select(train, ~np.isin(groups, gone))


def parallel_spread(
    runs: Runs, train: pa.Table, tokens: list[list[int]], pieces: NgramReader, settings: WordsTable
) -> dict[str, float]:
    """Return how far languages lie apart on sentences of one meaning, by source."""
    sources, langs = column(train, "source"), column(train, "lang")
    kept = np.flatnonzero(~np.isin(sources, PARALLEL))
    words = Ngrams(fit_words(runs.of(kept), train.take(kept), settings), pieces)
    spreads = {}
    for name in PARALLEL:
        means = []
        for lang in sorted(set(langs[sources == name].tolist())):
            rows = np.flatnonzero((sources == name) & (langs == lang))
            if len(rows) >= FEWEST_PARALLEL:
                means.append(words.log_odds([tokens[row] for row in rows.tolist()]).mean())
        spreads[f"spread_{name}"] = round(float(max(means) - min(means)), 3) if means else np.nan
    return spreads


def padded_recall(dev: pa.Table, scorer: Scorer, words: Ngrams, join: Join) -> float:
    """Return the share of authored scams over the threshold that are over it with honest words.

    The threshold is that of 1 % of the authored honest rows; the words are those of honest rows of
    the same language, as they come.
    """
    random = np.random.default_rng(0)
    langs, own = column(dev, "lang"), is_own(dev)
    texts = _texts(dev, scorer)
    scams, honest = (
        np.flatnonzero(own & has_verdict(dev, verdict)) for verdict in (Verdict.SCAM, Verdict.LEGIT)
    )
    by_lang: dict[str, list[str]] = defaultdict(list)
    for row in honest.tolist():
        by_lang[langs[row]].append(texts[row])
    if not by_lang:
        return float("nan")
    scams = random.permutation([row for row in scams.tolist() if by_lang[langs[row]]])[:400]
    padded = []
    for row in scams.tolist():
        mine = by_lang[langs[row]]
        added: list[str] = []
        while len(added) < HONEST_WORDS:
            added += mine[int(random.integers(len(mine)))].split()
        padded.append(" ".join([texts[row], *added[:HONEST_WORDS]]))

    def scores(of: list[str]) -> Floats:
        rows = [scorer.windows.encode([text])[0][: scorer.windows.room] for text in of]
        return join(encoder_odds(scorer, rows), words.log_odds(rows))

    plain, changed = scores([texts[row] for row in scams.tolist()]), scores(padded)
    bound = np.quantile(scores([texts[row] for row in honest.tolist()]), 0.99)
    return round(float((changed[plain > bound] > bound).mean()), 3)


def _texts(table: pa.Table, scorer: Scorer) -> list[str]:
    return normalised(detector_texts(table))


def _log(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
