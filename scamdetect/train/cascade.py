"""Fit a bundle's cascade, set its thresholds, and measure on held-out rows what it loses.

The exit head learns the scam probability of the whole model (distillation: Hinton et al. 2015,
arXiv:1503.02531) from the frozen states of a lower layer. The encoder does not change.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn

from scamdetect.bundle.bundle import MODEL
from scamdetect.bundle.cascade import Cascade, CascadeRule, mean_states, on_grid
from scamdetect.bundle.graph import halves
from scamdetect.bundle.ngrams import CLIP
from scamdetect.bundle.scorer import Scorer, put
from scamdetect.bundle.session import no_logits
from scamdetect.bundle.tokens import Batch
from scamdetect.calibration.probabilities import Doubles, Scaling
from scamdetect.calibration.statistics import Bools, clopper_pearson
from scamdetect.labels import VERDICTS, Verdict
from scamdetect.train.data.mix import balanced_sample, calibrate_sample
from scamdetect.train.data.table import (
    column,
    detector_texts,
    half_of,
    has_verdict,
    is_own,
    normalised,
    select,
)

LAYERS = 3  # of the encoder, below the exit head
_TENSOR = "/model/encoder/encoder/layer.{}/output/LayerNorm/LayerNormalization_output_0"
MOST_MORE_PADDED = 0.01  # of scams that are cleared only with honest words after them
PADDING = 30  # honest words
# The calibrate rows resemble the train rows, so fewer of their reviews may be lost.
_SPENT_BY_WORDS, _SPENT = 0.001, 0.0015
_ROWS = 40_000  # of train, at most
_UNITS, _EPOCHS, _BATCH, _RATE, _DECAY, _DROPOUT = 32, 10, 256, 2e-3, 1e-2, 0.1
_PIECES, _LARGEST_VOTE = 6_000, 255
_SCAM, _SPAM = VERDICTS.index(Verdict.SCAM), VERDICTS.index(Verdict.SPAM)
Log = Callable[[str], None]


MOST_FLAGS_LOST, MOST_REVIEWS_LOST = 0.005, 0.01  # of what the whole model flags, or reviews


@dataclass(frozen=True, slots=True)
class Lost:
    """How many rows that the whole model flags, or reviews or flags, the cascade clears."""

    rows: int
    cleared: int
    flags: int
    flags_lost: int
    reviews: int  # and flags
    reviews_lost: int

    def bounds(self) -> tuple[float, float]:
        """Return the upper 95 % bounds of the shares of flags and of reviews lost."""
        pairs = ((self.flags_lost, self.flags), (self.reviews_lost, self.reviews))
        flags, reviews = (clopper_pearson(lost, n, 0.9)[1] if n else 1.0 for lost, n in pairs)
        return flags, reviews

    @property
    def holds(self) -> bool:
        """Return True if the shares themselves are within both limits."""
        return (
            self.flags_lost <= MOST_FLAGS_LOST * self.flags
            and self.reviews_lost <= MOST_REVIEWS_LOST * self.reviews
        )


def proof_line(record: Mapping[str, Any]) -> str:
    """Return the test record of a cascade on one line."""
    whole, honest = Lost(**record["check"]), Lost(**record["honest"])
    flags, reviews = whole.bounds()
    return (
        f"clears {honest.cleared / max(honest.rows, 1):.0%} of honest held-out rows; loses "
        f"{whole.flags_lost} of {whole.flags} flags (95 % bound {flags:.2%}) and "
        f"{whole.reviews_lost} of {whole.reviews} reviews ({reviews:.2%})"
    )


@dataclass(frozen=True, slots=True)
class LowerReadings:
    """The results of the n-grams, the lower layers and the whole model for texts of one window.

    ``places`` (n,) the indices among all texts, ``rows`` their token ids, ``means`` (n, width) the
    mean states, ``odds`` (n,) the n-grams' log-odds, ``verdict`` float32 (n, verdicts) the whole
    model's probabilities, ``codes`` (n,) the index of the language or -1.
    """

    places: NDArray[np.intp]
    rows: list[list[int]]
    means: Doubles
    odds: Doubles
    verdict: NDArray[np.float32]
    codes: NDArray[np.int32]


def lower_readings(scorer: Scorer, texts: Sequence[str]) -> LowerReadings:
    """Return the data to fit a cascade on, for each normalised text of one window."""
    cuts = [scorer.windows.cut(tokens) for tokens in scorer.windows.encode(texts)]
    places = [place for place, (_, count) in enumerate(cuts) if count == 1]
    rows = [cuts[place][0][0] for place in places]
    odds, logits = scorer.ngram_odds(rows), no_logits(len(rows), len(scorer.bundle.languages))
    means: dict[int, Doubles] = {}

    def read(batches: Iterator[Batch]) -> None:
        for batch, ids, mask in batches:
            states, language = scorer.session.lower(ids, mask)
            put(logits, batch, scorer.session.upper(states, language, mask))
            means.update(zip(batch, mean_states(states, mask), strict=True))

    scorer.windows.read(rows, read)
    codes = scorer.languages(logits)
    return LowerReadings(
        places=np.array(places, np.intp),
        rows=[scorer.windows.bare(row) for row in rows],
        means=np.array([means[row] for row in range(len(rows))]).reshape(len(rows), -1),
        odds=odds,
        verdict=scorer.verdicts(scorer.checked(logits).verdict, odds, codes),
        codes=codes,
    )


@dataclass(frozen=True)
class Padded:
    """Scams with honest words after them: how many are cleared without and with these."""

    scams: int
    cleared: int
    cleared_padded: int
    reviews_lost: int  # padded ones that the whole model reviews or flags, but that are cleared

    @property
    def holds(self) -> bool:
        """Return True if the words clear few more."""
        return self.cleared_padded - self.cleared <= MOST_MORE_PADDED * self.scams


def make_cascade(
    train: pa.Table, calibrate: pa.Table, dev: pa.Table, scorer: Scorer, log: Log
) -> tuple[Cascade, dict[str, Any]] | None:
    """Return a cascade for the calibrated scorer's bundle and its test record.

    The head is fitted on train rows, thresholds and probabilities on calibrate rows; the half
    ``check`` of the dev rows tests them. None if the graph has no such layer, or if nothing is
    cleared.
    """
    bundle, tensor = scorer.bundle, _TENSOR.format(LAYERS - 1)
    try:
        halves(bundle.read(MODEL), tensor)
    except ValueError as problem:
        log(f"no cascade: the graph cannot be split after {LAYERS} layers ({problem})")
        return None
    lower = Scorer(bundle, tensor=tensor)
    learnt = lower_readings(lower, _texts(balanced_sample(train, _ROWS)))
    log(f"fitting the exit head on {len(learnt.places):,} train rows")
    hidden, output = fit_head(learnt)
    pieces, languages, votes = fit_votes(learnt, len(bundle.languages))
    blank = CascadeRule(tensor, -np.inf, Scaling(), -np.inf, Scaling(), 0.0, proven=False)
    fitted = Cascade(blank, hidden, output, pieces, languages, votes)
    held = calibrate_sample(calibrate)
    readings = lower_readings(lower, _texts(held))
    rule = set_rule(fitted, readings, bundle.thresholds.review)
    if rule is None:
        log("no cascade: no threshold keeps the limits on the calibrate rows and clears a row")
        return None
    cascade = replace(fitted, rule=rule)
    check = select(dev, half_of(dev) == "check")
    record = _proof(cascade, check, lower)
    proven = Lost(**record["check"]).holds and Padded(**record["padded"]).holds
    return replace(cascade, rule=msgspec.structs.replace(rule, proven=proven)), record


def fit_head(readings: LowerReadings, seed: int = 0) -> tuple[Doubles, Doubles]:
    """Return the weights of an exit head (width + 2, units) and (units + 1,), on the grid.

    It returns the log-odds of scam: its loss is the cross-entropy with the whole model's
    probability.
    """
    torch.manual_seed(seed)
    odds = np.clip(readings.odds, -CLIP, CLIP)
    inputs = np.column_stack([readings.means, odds]).astype(np.float32)
    centre, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
    given = torch.from_numpy((inputs - centre) / spread)
    wanted = torch.from_numpy(np.clip(readings.verdict[:, _SCAM], 1e-4, 1 - 1e-4))
    first, last = nn.Linear(inputs.shape[1], _UNITS), nn.Linear(_UNITS, 1)
    head = nn.Sequential(nn.Dropout(_DROPOUT), first, nn.ReLU(), nn.Dropout(_DROPOUT), last)
    optimiser = torch.optim.AdamW(head.parameters(), lr=_RATE, weight_decay=_DECAY)
    batches = -(-len(given) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, _EPOCHS * batches)
    loss_of = nn.BCEWithLogitsLoss()
    for _ in range(_EPOCHS):
        order = torch.randperm(len(given))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            optimiser.zero_grad()
            loss_of(head(given[rows]).squeeze(1), wanted[rows]).backward()
            optimiser.step()
            schedule.step()
    with torch.no_grad():
        weights = (first.weight.numpy() / spread).T.astype(np.float64)
        bias = first.bias.numpy() - centre @ weights
        hidden = np.vstack([weights, bias])
        output = np.append(last.weight.numpy().ravel(), last.bias.numpy()).astype(np.float64)
    return on_grid(hidden), on_grid(output)


def fit_votes(
    readings: LowerReadings, languages: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return ascending token ids, the language of each one's vote and its integer weight.

    A piece votes by the log ratio of its frequency in that language, as identified by the encoder,
    to the next one. The pieces with the most votes in total are kept.
    """
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    sizes = np.ones(languages)
    for row, code in zip(readings.rows, readings.codes.tolist(), strict=True):
        if code >= 0:
            sizes[code] += 1
            for piece in set(row):
                counts[piece][code] += 1
    votes = []
    for piece, by_code in counts.items():
        found = np.full(languages, 0.5)
        found[list(by_code)] += list(by_code.values())
        shares = found / np.sqrt(sizes)  # between what is likely there and what is common there
        first, second = np.sort(shares)[[-1, -2]] if languages > 1 else (np.e, 1.0)
        lead = float(np.log(first / second))
        if lead > 0:
            votes.append((lead * by_code.total(), lead, piece, int(shares.argmax())))
    kept = sorted(sorted(votes, reverse=True)[:_PIECES], key=itemgetter(2))
    largest = max((lead for _, lead, _, _ in kept), default=1.0)
    whole = [max(round(_LARGEST_VOTE * lead / largest), 1) for _, lead, _, _ in kept]
    return (
        np.array([piece for _, _, piece, _ in kept], np.int64),
        np.array([code for _, _, _, code in kept], np.int64),
        np.array(whole, np.int64),
    )


def set_rule(fitted: Cascade, readings: LowerReadings, review: float) -> CascadeRule | None:
    """Return the rule that clears most while few of the rows to ``review`` are lost, or None.

    The words on their own may lose fewer than both together. The rule's probabilities are fitted on
    what it clears, and are below ``review``.
    """
    scam = readings.verdict[:, _SCAM].astype(np.float64)
    reviewed = scam >= review
    if not reviewed.any():
        return None
    ngrams_below = _lowest_but(readings.odds[reviewed], int(_SPENT_BY_WORDS * reviewed.sum()))
    by_words = readings.odds < ngrams_below
    exits = fitted.exit_odds(readings.means, readings.odds)
    left = int(_SPENT * reviewed.sum()) - int((by_words & reviewed).sum())
    exit_below = _lowest_but(exits[reviewed & ~by_words], left)
    by_exit = ~by_words & (exits < exit_below)
    if not (by_words | by_exit).any():
        return None
    spam = readings.verdict[by_words | by_exit, _SPAM].astype(np.float64)
    return msgspec.structs.replace(
        fitted.rule,
        ngrams_below=ngrams_below,
        ngrams_scaling=_scaling(readings.odds[by_words], scam[by_words], ngrams_below, review),
        exit_below=exit_below,
        exit_scaling=_scaling(exits[by_exit], scam[by_exit], exit_below, review),
        spam_share=round(float(spam.mean()), 4),
    )


def _lowest_but(scores: Doubles, number: int) -> float:
    """Return the score that so many of the scores are below."""
    return float(np.partition(scores, number)[number])


def _scaling(odds: Doubles, scam: Doubles, below: float, review: float) -> Scaling:
    """Return the scaling of log-odds that fits the probabilities; the highest is below review."""
    if len(odds) < 2:
        return Scaling(1.0, float(np.log(review / 2)) - below)
    sides = np.concatenate([np.ones(len(odds)), np.zeros(len(odds))])
    model = LogisticRegression(C=1e3, max_iter=1_000)
    model.fit(np.tile(odds, 2)[:, None], sides, sample_weight=np.append(scam, 1 - scam))
    slope, bias = max(float(model.coef_[0, 0]), 1e-3), float(model.intercept_[0])
    highest = float(np.log(review / (1 - review))) - 0.05
    return Scaling(round(1 / slope, 4), round(min(bias, highest - slope * below), 4))


def _proof(cascade: Cascade, check: pa.Table, lower: Scorer) -> dict[str, Any]:
    """Return what is cleared and lost on rows that were not used for fitting.

    Languages and sources without losses are left out. Texts of several windows, which are never
    cleared, count only in ``texts``.
    """
    bundle = lower.bundle
    readings = lower_readings(lower, _texts(check))
    table = check.take(pa.array(readings.places))
    cleared = _cleared(cascade, readings)
    scam = readings.verdict[:, _SCAM]
    flagged, reviewed = scam >= bundle.thresholds.flag, scam >= bundle.thresholds.review

    def lost(rows: Bools) -> dict[str, int]:
        parts = (rows, rows & cleared, rows & flagged, rows & flagged & cleared)
        more = (rows & reviewed, rows & reviewed & cleared)
        return asdict(Lost(*(int(part.sum()) for part in (*parts, *more))))

    names = {"languages": column(table, "lang"), "sources": column(table, "source")}
    spoken = cascade.languages_of(readings.rows, len(bundle.languages))
    told = cleared & (readings.odds < cascade.rule.ngrams_below) & (readings.codes >= 0)
    return {
        "texts": check.num_rows,
        "check": lost(np.ones(len(scam), np.bool_)),
        "own": lost(is_own(table)),
        "honest": lost(has_verdict(table, Verdict.LEGIT)),
        "scams": lost(has_verdict(table, Verdict.SCAM)),
        "said_spam": int((cleared & (readings.verdict.argmax(axis=1) == _SPAM)).sum()),
        "languages_told": [int((told & (spoken == readings.codes)).sum()), int(told.sum())],
        "padded": asdict(_padded(cascade, check, lower)),
    } | {
        key: {
            name: list(lost(of_rows == name).values())
            for name in sorted(set(of_rows[reviewed & cleared].tolist()))
        }
        for key, of_rows in names.items()
    }


def _padded(cascade: Cascade, check: pa.Table, lower: Scorer) -> Padded:
    pairs, bundle = padded_scams(check), lower.bundle
    if not pairs:
        return Padded(0, 0, 0, 0)
    plain, padded = (lower_readings(lower, normalised(texts)) for texts in zip(*pairs, strict=True))
    before, after = _cleared(cascade, plain), _cleared(cascade, padded)
    reviewed = padded.verdict[:, _SCAM] >= bundle.thresholds.review
    return Padded(len(pairs), int(before.sum()), int(after.sum()), int((after & reviewed).sum()))


def _cleared(cascade: Cascade, readings: LowerReadings) -> Bools:
    exits = cascade.exit_odds(readings.means, readings.odds)
    rule = cascade.rule
    cleared: Bools = (readings.odds < rule.ngrams_below) | (exits < rule.exit_below)
    return cleared


def padded_scams(rows: pa.Table, most: int = 400) -> list[tuple[str, str]]:
    """Return own scams, limited in number, without and with honest words of their language.

    The ``PADDING`` words follow the scam, and come from own honest messages.
    """
    generator = random.Random(0)
    own = select(rows, is_own(rows))
    texts, langs = detector_texts(own), column(own, "lang")
    scam, honest = (has_verdict(own, verdict) for verdict in (Verdict.SCAM, Verdict.LEGIT))
    by_lang: dict[str, list[str]] = defaultdict(list)
    for row in np.flatnonzero(honest).tolist():
        by_lang[langs[row]].append(texts[row])
    scams = [row for row in np.flatnonzero(scam).tolist() if by_lang[langs[row]]]
    return [
        (texts[row], f"{texts[row]} {honest_words(by_lang[langs[row]], generator)}")
        for row in generator.sample(scams, min(most, len(scams)))
    ]


def honest_words(texts: Sequence[str], generator: random.Random) -> str:
    """Return ``PADDING`` words of honest texts, in their order."""
    words: list[str] = []
    while len(words) < PADDING:
        words += generator.choice(texts).split()
    return " ".join(words[:PADDING])


def _texts(table: pa.Table) -> list[str]:
    return normalised(detector_texts(table))
