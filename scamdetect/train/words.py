"""Fit the words of a bundle, and their join with its encoder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from scamdetect.bundle.ngrams import CLIP, Fingerprints, Join, NgramReader, Ngrams, NgramTable
from scamdetect.bundle.scorer import Scorer
from scamdetect.calibration.probabilities import scam_logits
from scamdetect.calibration.statistics import Bools, Floats
from scamdetect.errors import RecipeError
from scamdetect.labels import Verdict
from scamdetect.train.data.corpus_rows import is_own as of_project
from scamdetect.train.data.mix import reference_weights
from scamdetect.train.data.table import (
    column,
    detector_texts,
    has_verdict,
    is_authored,
    is_own,
    normalised,
)
from scamdetect.train.recipe import WordsTable

Ints = NDArray[np.int64]
Log = Callable[[str], None]
Rows = Sequence[Sequence[int]]  # token ids, without the special ones

FOLDS = 8
FEWEST_NEW = (
    200  # scams, and other rows, of sources new to an encoder, needed to fit the join only on these
)
OWN = "own"  # the source of all messages of this project: they have one writer
FEWEST_GROUPS = 2  # that contain an n-gram; those of a single group are names and numbers
_LARGEST = (
    0.999  # quantile of the weights that becomes the largest integer; larger ones are clipped
)
_CHUNK = 4_096  # rows whose n-grams are sorted together


@dataclass(frozen=True)
class Runs:
    """The distinct n-grams of n rows: ``prints`` and the row of each, in the order of the rows."""

    prints: Fingerprints
    owners: NDArray[np.intp]
    n: int

    def of(self, rows: Ints) -> Runs:
        """Return the n-grams of some of the rows, ascending, renumbered from 0."""
        number = np.full(self.n, -1, np.intp)
        number[rows] = np.arange(len(rows))
        owners = number[self.owners]
        return Runs(self.prints[owners >= 0], owners[owners >= 0], len(rows))


def runs_of(pieces: NgramReader, rows: Rows) -> Runs:
    """Return the n-grams of rows of token ids."""
    found = [
        (start, pieces.ngrams(rows[start : start + _CHUNK]))
        for start in range(0, len(rows), _CHUNK)
    ]
    prints = np.concatenate([prints for _, (prints, _) in found] or [np.zeros(0, np.uint32)])
    owners = np.concatenate([owners + start for start, (_, owners) in found] or [np.zeros(0, int)])
    return Runs(prints, owners, len(rows))


def make_words(
    train: pa.Table,
    calibrate: pa.Table,
    scorer: Scorer,
    settings: WordsTable,
    seen: Collection[str],
    log: Log,
) -> tuple[NgramTable, Join, dict[str, Any]]:
    """Return words fitted on the train rows, their join with the encoder, and a record of both.

    ``scorer`` is that of a bundle without calibration and words; ``seen`` are the sources that its
    encoder was trained on. The join is fitted on the calibrate rows of one window. An encoder is
    more certain on known sources than it is accurate elsewhere, so with enough rows of other
    sources only these count, and words are scored by tables fitted without their source. Raises
    RecipeError if nothing can be learned.
    """
    pieces, room = scorer.ngram_reader(), scorer.windows.room
    rows = [scorer.windows.encode([text])[0][:room] for text in train["norm"].to_pylist()]
    runs = runs_of(pieces, rows)
    table = fit_words(runs, train, settings)
    log(f"words: {len(table.fingerprints):,} n-grams from {train.num_rows:,} train rows")
    encoder, tokens, held, _ = _one_window(scorer, calibrate)
    new = np.flatnonzero(of_new_sources(held, seen))
    scam = has_verdict(held, Verdict.SCAM)
    is_enough = min(scam[new].sum(), (~scam[new]).sum()) >= FEWEST_NEW
    if is_enough:
        held, tokens, encoder, scam = (
            held.take(new), [tokens[row] for row in new.tolist()], encoder[new], scam[new],
        )  # fmt: skip
        odds = left_out_odds(runs, train, tokens, held, pieces, settings, log)
    else:
        odds = Ngrams(table, pieces).log_odds(tokens)
    join = fit_join(encoder, odds, scam, reference_weights(held), settings.ratio)
    log(f"joined: {_shown(join)}")
    record = {
        "runs": len(table.fingerprints),
        "settings": msgspec.to_builtins(settings),
        "train_rows": train.num_rows,
        "join_rows": len(tokens),
        "join_on_new_sources": bool(is_enough),
        "join": msgspec.to_builtins(join),
    }
    return table, join, record


def join_again(
    table: NgramTable, calibrate: pa.Table, weights: Floats, scorer: Scorer, log: Log
) -> Join:
    """Return the join of kept words with another encoder, from calibrate rows and their weights.

    ``scorer`` is that of a bundle without calibration and words.
    """
    encoder, tokens, held, places = _one_window(scorer, calibrate)
    odds = Ngrams(table, scorer.ngram_reader()).log_odds(tokens)
    join = fit_join(encoder, odds, has_verdict(held, Verdict.SCAM), weights[places])
    log(f"words joined again: {_shown(join)}")
    return join


def _one_window(scorer: Scorer, table: pa.Table) -> tuple[Floats, list[list[int]], pa.Table, Ints]:
    """Return the encoder's log-odds, token ids, rows and indices of the texts of one window."""
    texts = normalised(detector_texts(table))
    scores = scorer.score(texts)
    places = np.flatnonzero(scores.windows == 1)
    log_p = np.log(np.clip(scores.verdict[places].astype(np.float64), 1e-9, 1.0))
    tokens = [scorer.windows.encode([texts[place]])[0] for place in places.tolist()]
    return scam_logits(log_p), tokens, table.take(places), places


def _shown(join: Join) -> str:
    return f"encoder x {join.encoder:.2f}, words x {join.ngrams:.2f}, bias {join.bias:+.2f}"


def fit_words(runs: Runs, table: pa.Table, settings: WordsTable) -> NgramTable:
    """Return the table of words of train rows (n,) with these n-grams.

    In each language scams have as much mass as all other rows; a language of one class has none,
    and neither have rows known only not to be honest. Raises RecipeError without both classes.
    """
    scam = has_verdict(table, Verdict.SCAM)
    weights = word_masses(table, settings)
    rows = np.flatnonzero(weights > 0)
    if not len(rows):
        raise RecipeError(
            "no language has scams and other messages among the train rows, so no words can be "
            "learned; set words.runs to 0, or build the corpus with more sources"
        )
    scam, weights, runs = scam[rows], weights[rows] / weights[rows].mean(), runs.of(rows)
    groups = column(table, "group").astype(np.int64)[rows]
    known = known_runs(runs, groups, scam, weights, settings.runs)
    if not len(known):
        raise RecipeError(
            f"no n-gram occurs in {FEWEST_GROUPS} groups of the train rows; set words.runs to "
            "0, or build the corpus with more sources"
        )
    model = LogisticRegression(C=settings.strength, solver="liblinear", tol=1e-3, random_state=0)
    model.fit(features(runs, known), scam, sample_weight=weights)
    return table_of(known, model.coef_.ravel())


def word_masses(table: pa.Table, settings: WordsTable) -> Floats:
    """Return the mass (rows,) of each train row in the fit.

    Within a class and language rows are weighted by the size of their source there, to the power
    -1/2, and own rows by the settings; the mass of a language is the root of its number of scams.
    """
    scam = has_verdict(table, Verdict.SCAM)
    open_rows = column(table, "not_legit").astype(bool)
    langs, sources = column(table, "lang"), column(table, "source")
    own = np.where(is_authored(table), settings.authored_weight, settings.everyday_weight)
    weights = column(table, "weight").astype(np.float64) * np.where(is_own(table), own, 1.0)
    masses = np.zeros(table.num_rows)
    for lang in sorted(set(langs.tolist())):
        sides = [(langs == lang) & side & ~open_rows for side in (scam, ~scam)]
        if not all(side.any() for side in sides):
            continue
        for side in sides:
            _, of_source, sizes = np.unique(
                sources[side].astype(str), return_inverse=True, return_counts=True
            )
            mine = weights[side] / np.sqrt(sizes[of_source])
            if mine.sum() > 0:
                masses[side] = mine / mine.sum() * np.sqrt(sides[0].sum())
    return masses


def known_runs(runs: Runs, groups: Ints, scam: Bools, weights: Floats, most: int) -> Fingerprints:
    """Return the fingerprints, ascending, of the most informative n-grams, limited in number.

    Each occurs in FEWEST_GROUPS groups (rows,); its information is the log ratio of its frequencies
    in the two classes, times the root of its mass.
    """
    prints, places = np.unique(runs.prints, return_inverse=True)
    of_row = groups[runs.owners].astype(np.uint64)
    of_group = np.unique(places.astype(np.uint64) << np.uint64(32) | of_row)
    in_groups = np.bincount((of_group >> np.uint64(32)).astype(np.intp), minlength=len(prints))
    mass = weights[runs.owners]
    sides = [
        np.bincount(places[side], mass[side], minlength=len(prints)) + 0.5
        for side in (scam[runs.owners], ~scam[runs.owners])
    ]
    totals = [weights[side].sum() + 1 for side in (scam, ~scam)]
    telling = np.abs(np.log(sides[0] / totals[0]) - np.log(sides[1] / totals[1]))
    telling *= np.sqrt(sides[0] + sides[1] - 1)
    telling[in_groups < FEWEST_GROUPS] = -1
    best = np.argsort(-telling, kind="stable")[:most]
    known: Fingerprints = prints[np.sort(best[telling[best] >= 0])]
    return known


def features(runs: Runs, known: Fingerprints) -> csr_array:
    """Return the features (rows, known runs) as ``Words`` scores them, at scale 1."""
    counts = np.bincount(runs.owners, minlength=runs.n)
    places = np.minimum(np.searchsorted(known, runs.prints), len(known) - 1)
    hit = known[places] == runs.prints
    owners = runs.owners[hit]
    ends = np.cumsum(np.bincount(owners, minlength=runs.n), dtype=np.int32)
    values = 1 / np.sqrt(counts[owners])
    parts = (values, places[hit].astype(np.int32), np.insert(ends, 0, 0))  # scikit-learn's limit
    return csr_array(parts, shape=(runs.n, len(known)))


def table_of(known: Fingerprints, weights: Floats) -> NgramTable:
    """Return the table with integer weights of at most 127; n-grams of weight 0 are dropped."""
    scale = float(np.quantile(np.abs(weights), _LARGEST)) / 127 or 1.0
    whole = np.clip(np.round(weights / scale), -127, 127).astype(np.int8)
    return NgramTable(known[whole != 0], whole[whole != 0], scale)


def of_new_sources(table: pa.Table, seen: Collection[str]) -> Bools:
    """Return which rows (rows,) are of none of the sources; all own rows are one source."""
    names = sorted({OWN if of_project(name) else name for name in seen})
    return ~np.isin(_blocks(table), names)


def left_out_odds(
    train: Runs,
    train_table: pa.Table,
    rows: Rows,
    table: pa.Table,
    pieces: NgramReader,
    settings: WordsTable,
    log: Log,
) -> Floats:
    """Return the words' log-odds of rows (n,) by words that were fitted without their sources.

    The sources are in FOLDS folds; all own rows count as one, because they have one writer.
    """
    blocks, of_train = _blocks(table), _blocks(train_table)
    order = sorted(set(blocks.tolist()), key=lambda name: (-(blocks == name).sum(), name))
    odds = np.zeros(table.num_rows)
    for fold in range(min(FOLDS, len(order))):
        names = order[fold::FOLDS]
        kept = np.flatnonzero(~np.isin(of_train, names))
        mine = np.flatnonzero(np.isin(blocks, names))
        log(f"words without {len(names)} sources: {len(kept):,} train rows, {len(mine):,} scored")
        words = fit_words(train.of(kept), train_table.take(kept), settings)
        odds[mine] = Ngrams(words, pieces).log_odds([rows[row] for row in mine.tolist()])
    return odds


def fit_join(
    encoder: Floats, words: Floats, scam: Bools, weights: Floats, ratio: float = 0.0
) -> Join:
    """Return the join of log-odds (n,) by a logistic regression.

    With a ``ratio`` the words weigh that many times as much as the encoder. Without one, a side
    with a negative weight gets 0; if both would, only the encoder is used.
    """
    sides = np.clip(np.column_stack([encoder, words]), -CLIP, CLIP)
    if ratio:
        model = LogisticRegression(C=1.0, max_iter=1_000)
        together = sides @ np.array([[1.0], [ratio]])
        model.fit(together, scam, sample_weight=weights / weights.mean())
        weight = max(float(model.coef_[0, 0]), 0.0)
        return Join(weight, ratio * weight, float(model.intercept_[0]))
    for kept in ([0, 1], [0], [1]):
        # Such a light penalty matters only if the rows are perfectly separable.
        model = LogisticRegression(C=1.0, max_iter=1_000)
        model.fit(sides[:, kept], scam, sample_weight=weights / weights.mean())
        if model.coef_.min() >= 0:
            found = dict(zip(kept, model.coef_.ravel().tolist(), strict=True))
            return Join(found.get(0, 0.0), found.get(1, 0.0), float(model.intercept_[0]))
    return Join(1.0, 0.0, 0.0)


def _blocks(table: pa.Table) -> NDArray[np.object_]:
    return np.where(is_own(table), OWN, column(table, "source"))
