"""Fit a bundle's rule for conversations on threads of the calibrate rows."""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.optimize import minimize

from scamdetect.adapt.recalibrate import write_bundle
from scamdetect.bundle.bundle import CARD, Bundle
from scamdetect.calibration.statistics import BASE_RATE
from scamdetect.calibration.thresholds import Thresholds, threshold_at_fpr
from scamdetect.conversation.predict import Judged as JudgedTurn
from scamdetect.conversation.predict import Reading, read_conversations, sender_log_odds
from scamdetect.conversation.rule import (
    DISCOUNT,
    FEW_TURNS,
    LEAST,
    ConversationRule,
    Weights,
    as_risk,
    log_odds,
)
from scamdetect.conversation.turns import Message
from scamdetect.detector import ScamDetector
from scamdetect.errors import BundleError, InputError, RecipeError
from scamdetect.system.files import read_text
from scamdetect.train.data.corpus_rows import is_own
from scamdetect.train.data.table import Dialogue, dialogues
from scamdetect.train.rows import read_roles
from scamdetect.train.run import corpus_sha256

WINDOW = 500  # characters
FLAG_FPR, REVIEW_FPR = 0.01, 0.05
LONGEST = 100  # messages
FEWEST = 100  # conversations of each verdict
LONG_TURNS, LONG_FPR = 1_000, 0.10  # turns of one sender, share of such honest threads
MOST_LENGTH = 1.25  # a larger one would flag nothing after a thousand turns
_LONG_THREADS = 200
_MOST = 150  # conversations of a source and verdict
_FOUND_BY_THEN, _FEWEST_FOUND = 0.8, 20
_PENALTY = 1e-3  # on squared weights, in case one feature separates all
_ROUNDS = 5

Doubles = NDArray[np.float64]
Log = Callable[[str], None]


def fit_conversation_rule(
    detector: ScamDetector, calibrate: pa.Table, seed: int = 0
) -> ConversationRule | None:
    """Return the rule fitted on the conversations among the calibrate rows.

    Each source has the same weight among the scams and among the honest ones, and scams are a fifth
    of all, as for messages. None if either class has fewer than ``FEWEST`` conversations.
    """
    found = drawn(dialogues(calibrate, longest=LONGEST), seed)
    if min(sum(one.scam for one in found), sum(not one.scam for one in found)) < FEWEST:
        return None
    readings = read_conversations(detector, WINDOW, [one.messages for one in found])
    return fit_rule(found, readings, seed)


def fit_rule(
    found: Sequence[Dialogue], readings: Sequence[Reading], seed: int = 0
) -> ConversationRule:
    """Return the rule fitted on these conversations and the model's output for their turns."""
    scam = np.array([one.scam for one in found])
    masses = source_masses(found)
    at_rate = masses * np.where(scam, BASE_RATE, 1 - BASE_RATE)
    highest = [_highest_features(reading) for reading in readings]
    weights = _fit(highest, scam, at_rate)
    risks = _risks(readings, weights)
    flag = threshold_at_fpr(risks[~scam], FLAG_FPR, masses[~scam])
    review = threshold_at_fpr(risks[~scam], REVIEW_FPR, masses[~scam])
    thresholds = Thresholds(min(flag, 1.0), min(review, flag, 1.0))
    honest = [reading for reading, bad in zip(readings, scam, strict=True) if not bad]
    weights = replace(weights, length=fit_length(honest, weights, thresholds.flag, seed))
    risks = _risks(readings, weights)
    caught = np.flatnonzero(scam & (risks >= thresholds.flag)).tolist()
    turns = [_turns_until(readings[place], weights, thresholds.flag) for place in caught]
    return ConversationRule(
        weights=weights,
        window_characters=WINDOW,
        thresholds=thresholds,
        thresholds_fpr={"flag": FLAG_FPR, "review": REVIEW_FPR},
        enough_turns=_enough_turns(turns, [source_of(found[place]) for place in caught]),
        fitted_on={"legit": int((~scam).sum()), "scam": int(scam.sum())},
    )


def conversation_setting(bundle: Path, calibrate: pa.Table, log: Log) -> dict[str, Any]:
    """Return the rule setting of a calibrated bundle; empty if there are too few rows."""
    log("fitting the rule for conversations")
    with ScamDetector.load(bundle) as detector:
        rule = fit_conversation_rule(detector, calibrate)
    if rule is None:
        log("no rule: too few conversations among the calibrate rows")
        return {}
    return {"conversation": rule.settings()}


def fit_length(honest: Sequence[Reading], weights: Weights, flag: float, seed: int = 0) -> float:
    """Return the lowest weight of the length that limits the false alarms of long threads.

    Honest conversations are joined to ``LONG_TURNS`` turns of one sender; with this weight at most
    ``LONG_FPR`` of them reach the risk ``flag``. The weight is in [DISCOUNT, MOST_LENGTH], even if
    no weight suffices: what is flagged in the first ``FEW_TURNS`` remains flagged.
    """
    generator = np.random.default_rng(seed)
    needed = np.sort([
        _length_needed(joined(honest, LONG_TURNS, generator), weights, flag)
        for _ in range(_LONG_THREADS)
    ])  # fmt: skip
    least = float(needed[_LONG_THREADS - 1 - int(LONG_FPR * _LONG_THREADS)])
    return min(max(math.ceil(least * 1e4) / 1e4, DISCOUNT), MOST_LENGTH)


def _length_needed(thread: Reading, weights: Weights, flag: float) -> float:
    """Return the weight of the length from which a thread is not flagged, at most MOST_LENGTH."""
    odds = np.array(list(sender_log_odds(thread, replace(weights, length=0.0))))
    over = odds - float(log_odds(flag, 1 - flag))
    # A turn without new words does not lengthen a thread, unless it is the first.
    turns = np.maximum(np.cumsum([turn.new for turn in thread.judged]), 1)
    long = turns > FEW_TURNS
    if (over[~long] >= 0).any() or not long.any():
        return MOST_LENGTH if (over >= 0).any() else 0.0
    return min(float((over[long] / np.log(turns[long] / FEW_TURNS)).max()), MOST_LENGTH)


def add_conversation_rule(
    folder: Path, corpus: Path, out: Path, version: str | None, log: Log
) -> None:
    """Write the bundle ``out``: that in ``folder``, with a rule fitted on the corpus.

    ``version`` sets another version; the card is unchanged. Raises BundleError if ``out`` exists,
    RecipeError for another corpus than the bundle's, InputError for too few conversations,
    OutputError if writing fails.
    """
    if os.path.lexists(out):
        raise BundleError(f"{out} already exists; remove it or choose another --out")
    bundle = Bundle.load(folder)
    if bundle.training.get("corpus_sha256") != corpus_sha256(corpus):
        raise RecipeError(f"{corpus} is not the corpus that {folder} was made from; pass that one")
    licences = bundle.training["recipe"]["data"]["licences"]
    with ScamDetector.load(folder, tier="full") as detector:
        rule = fit_conversation_rule(detector, read_roles(corpus, ["calibrate"], licences))
    if rule is None:
        raise InputError(
            f"{corpus}: has fewer than {FEWEST} scam or honest conversations among its "
            "calibrate rows; build it with more sources"
        )
    settings: dict[str, Any] = {"conversation": rule.settings()}
    settings |= {} if version is None else {"version": version}
    out.parent.mkdir(parents=True, exist_ok=True)
    card = read_text(folder / CARD)
    write_bundle(bundle, out, settings, card, bundle.training)
    log(
        f"{out}: conversations are flagged at a risk of {rule.thresholds.flag:.4f} "
        f"({FLAG_FPR:.0%} of honest ones), reviewed at {rule.thresholds.review:.4f}; fitted on "
        f"{rule.fitted_on['scam']} scams and {rule.fitted_on['legit']} honest ones"
    )


def drawn(found: Iterable[Dialogue], seed: int = 0) -> list[Dialogue]:
    """Return a random sample of limited size for each source and verdict."""
    cells: dict[tuple[str, bool], list[Dialogue]] = defaultdict(list)
    for one in found:
        cells[source_of(one), one.scam].append(one)
    generator = np.random.default_rng(seed)
    kept = []
    for _, cell in sorted(cells.items()):
        places = np.sort(generator.permutation(len(cell))[:_MOST])
        kept += [cell[place] for place in places]
    return kept


def source_masses(found: Sequence[Dialogue]) -> Doubles:
    """Return masses (n,) that sum to 1 for each verdict, equal for each of its sources."""
    cells = [(one.scam, source_of(one)) for one in found]
    rows = Counter(cells)
    sources = Counter(scam for scam, _ in rows)
    return np.array([1 / sources[cell[0]] / rows[cell] for cell in cells])


def source_of(one: Dialogue) -> str:
    """Return the source that a conversation is weighted with."""
    # This project's own messages in all languages are one source with one writer.
    return "authored" if is_own(one.source) else one.source


def _risks(readings: Sequence[Reading], weights: Weights) -> Doubles:
    """Return the risk at the end of each conversation."""
    return np.array(
        [as_risk(max(sender_log_odds(reading, weights), default=-np.inf)) for reading in readings]
    )


def _highest_features(reading: Reading) -> Doubles:
    """Return the highest message and window (senders, 2) of each sender."""
    highest: dict[str | None, tuple[float, float]] = {}
    for turn in reading.judged:
        message, window = highest.get(turn.sender, (LEAST, LEAST))
        highest[turn.sender] = max(message, turn.message), max(window, turn.window)
    return np.array(list(highest.values()) or [(LEAST, LEAST)])


def _fit(highest: Sequence[Doubles], scam: NDArray[np.bool_], masses: Doubles) -> Weights:
    """Return weights of the lowest logistic loss; the riskiest sender represents all."""
    numbers = np.array([-1.0, 0.5, 0.5])
    signs = np.where(scam, 1.0, -1.0)
    for _ in range(_ROUNDS):
        riskiest = np.array(
            [features[int((features @ numbers[1:]).argmax())] for features in highest]
        )

        def loss(given: Doubles, rows: Doubles = riskiest) -> float:
            margins = signs * (given[0] + rows @ given[1:])
            penalty = _PENALTY * float((given[1:] ** 2).sum())
            return float((masses * np.logaddexp(0, -margins)).sum()) + penalty

        numbers = minimize(loss, numbers, bounds=[(None, None), (0, None), (0, None)]).x
    bias, message, window = (round(float(number), 4) for number in numbers)
    return Weights(bias, message, window)


def _turns_until(reading: Reading, weights: Weights, flag: float) -> int:
    """Return the number of turns of the sender who first reached the threshold."""
    turns: Counter[str | None] = Counter()
    for turn, odds in zip(reading.judged, sender_log_odds(reading, weights), strict=True):
        turns[turn.sender] += 1
        if as_risk(odds) >= flag:
            return turns[turn.sender]
    raise ValueError("the conversation never reaches the threshold")


def _enough_turns(turns: Sequence[int], sources: Sequence[str]) -> int:
    """Return the number of turns within which most were found, of the slowest source."""
    by_source: dict[str, list[int]] = defaultdict(list)
    for count, source in zip(turns, sources, strict=True):
        by_source[source].append(count)
    found = [
        np.quantile(counts, _FOUND_BY_THEN, method="inverted_cdf")
        for counts in by_source.values()
        if len(counts) >= _FEWEST_FOUND
    ]
    return int(max(found, default=1))


def joined(readings: Sequence[Reading], turns: int, generator: np.random.Generator) -> Reading:
    """Return one sender's conversation of so many turns, joined from random senders.

    Windows do not span the joints. Raises ValueError if nothing in them was judged.
    """
    senders = [found for reading in readings for found in by_sender(reading)]
    drawn: list[JudgedTurn] = []
    while len(drawn) < turns:
        drawn += senders[int(generator.integers(len(senders)))]
    return of_turns(drawn[:turns])


def by_sender(reading: Reading) -> list[list[JudgedTurn]]:
    """Return the judged turns of each sender."""
    found: dict[str | None, list[JudgedTurn]] = defaultdict(list)
    for turn in reading.judged:
        found[turn.sender].append(turn)
    return list(found.values())


def of_turns(turns: Sequence[JudgedTurn]) -> Reading:
    """Return a conversation of these turns, as if from one sender."""
    own = tuple(replace(turn, index=n, sender=None) for n, turn in enumerate(turns))
    messages = tuple(Message(n, None, "") for n in range(len(own)))
    return Reading(messages, (None,) * len(own), own, ())
