"""The features compared between two dumps: profiles, bins, rates and their stability index."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from scamdetect.adapt.sampling import UniformSample
from scamdetect.calibration.statistics import wilson
from scamdetect.errors import InputError
from scamdetect.labels import Decision, kind_name, language_title
from scamdetect.prediction import SCHEMA_VERSION
from scamdetect.scored.read import ScoredBatch, ScoredDump
from scamdetect.system.shown import visible
from scamdetect.text.masking import beginning

# The index is the sum over bins of (c - r) ln(c / r), with r and c the shares of the reference and
# the current dump (the symmetric Kullback-Leibler divergence). Shares are smoothed: half a message
# is added to each bin of each dump, so that an empty bin counts and the index is finite. Levels
# follow the rule of thumb of credit scoring (N. Siddiqi, Credit Risk Scorecards, Wiley 2006): below
# 0.1 no action, from 0.1 watch, from 0.25 act. The rule ignores the sample size, and few messages
# give a high index by chance (B. Yurdakul, J. Naranjo, Statistical properties of the population
# stability index, Journal of Risk Model Validation 14(4), 2020), so an alert also requires that the
# index exceeds that of 95 % of such pairs of dumps from equal populations.


WATCH, ALERT = 0.1, 0.25
SMOOTHING = 0.5  # messages per bin
_DRAWS = 1000


class Level(StrEnum):
    """The action for a shift; ``UNKNOWN`` if the two dumps cannot be compared."""

    NONE = "none"
    WATCH = "watch"
    ALERT = "alert"
    UNKNOWN = "not comparable"


class Psi(NamedTuple):
    """The index, its 95 % bootstrap interval, and the 95 % quantile under chance only.

    The interval is biased upwards if messages are few, as the index itself is.
    """

    value: float
    low: float
    high: float
    chance: float

    @property
    def level(self) -> Level:
        """Return the level by the rule and by chance."""
        if self.value < WATCH or self.value <= self.chance:
            return Level.NONE
        return Level.ALERT if self.value >= ALERT else Level.WATCH


def contributions(reference: ArrayLike, current: ArrayLike) -> NDArray[np.float64]:
    """Return the contributions of the bins to the index (..., bins), from such counts."""
    r, c = _shares(reference), _shares(current)
    parts: NDArray[np.float64] = (c - r) * np.log(c / r)
    return parts


def psi(reference: Sequence[int], current: Sequence[int], seed: int = 0) -> Psi:
    """Return the index of two sequences of counts by bin.

    Interval and chance level come from resampling both dumps by message 1,000 times. This assumes
    independent messages, which copies of one campaign are not.
    """
    value = float(contributions(reference, current).sum())
    random = np.random.Generator(np.random.PCG64(seed))
    n, m = sum(reference), sum(current)
    if not (n and m):
        return Psi(0.0, 0.0, 0.0, 0.0)

    def draws(r: NDArray[np.float64], c: NDArray[np.float64]) -> NDArray[np.float64]:
        drawn = random.multinomial(n, r, _DRAWS), random.multinomial(m, c, _DRAWS)
        sums: NDArray[np.float64] = contributions(*drawn).sum(axis=1)
        return sums

    both = _shares(np.add(reference, current))
    low, high = np.quantile(draws(_shares(reference), _shares(current)), (0.025, 0.975))
    chance = float(np.quantile(draws(both, both), 0.95))
    return Psi(value, min(float(low), value), max(float(high), value), chance)


def worst(levels: Sequence[Level]) -> Level:
    """Return the most urgent of the levels."""
    return next((one for one in (Level.ALERT, Level.WATCH) if one in levels), Level.NONE)


def _shares(counts: ArrayLike) -> NDArray[np.float64]:
    smoothed = np.asarray(counts, np.float64) + SMOOTHING
    shares: NDArray[np.float64] = smoothed / smoothed.sum(axis=-1, keepdims=True)
    return shares


# The drift index hardly reacts to a rare share: flags that rise from 5 to 15 in 1,000 messages add
# 0.01. So a share is also judged by the ratio of the two, if its interval excludes 1.


WATCH_RATIO, ALERT_RATIO = 1.5, 2.0
_Z = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """A count among messages, with the Wilson interval (95 %) of the share."""

    messages: int
    of: int

    @property
    def share(self) -> float:
        """Return the share, 0 without messages."""
        return self.messages / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return the interval of the share."""
        return wilson(self.messages, self.of)


@dataclass(frozen=True)
class Rate:
    """A share in both dumps; unless ``comparable``, its change says nothing about the messages.

    With ``may_fall`` a lower share is not a shift.
    """

    name: str
    reference: Share
    current: Share
    comparable: bool
    may_fall: bool = False

    @property
    def difference(self) -> tuple[float, float]:
        """Return the 95 % interval of current minus reference (Newcombe 1998, method 10)."""
        r, c = self.reference, self.current
        (r_low, r_high), (c_low, c_high) = r.interval, c.interval
        gap = c.share - r.share
        low = gap - sqrt((c.share - c_low) ** 2 + (r_high - r.share) ** 2)
        high = gap + sqrt((c_high - c.share) ** 2 + (r.share - r_low) ** 2)
        return max(low, -1.0), min(high, 1.0)

    @property
    def ratio(self) -> tuple[float, float, float]:
        """Return current by reference, half a message added, with its 95 % interval (Katz 1978)."""
        a, n = self.current.messages + 0.5, self.current.of + 0.5
        b, m = self.reference.messages + 0.5, self.reference.of + 0.5
        ratio = (a / n) / (b / m)
        half = _Z * sqrt(max(1 / a - 1 / n + 1 / b - 1 / m, 0.0))
        return ratio, exp(log(ratio) - half), exp(log(ratio) + half)

    @property
    def level(self) -> Level:
        """Return the level by the ratio (watch from 1.5, alert from 2) or by the index."""
        if not self.comparable:
            return Level.UNKNOWN
        r, c = self.reference, self.current
        if not (r.of and c.of) or (self.may_fall and c.share <= r.share):
            return Level.NONE
        index = psi((r.messages, r.of - r.messages), (c.messages, c.of - c.messages))
        return worst([index.level, self._level_by_ratio()])

    def _level_by_ratio(self) -> Level:
        ratio, low, high = self.ratio
        factor = 1.0 if low <= 1 <= high else max(ratio, 1 / ratio)
        if factor >= ALERT_RATIO:
            return Level.ALERT
        return Level.WATCH if factor >= WATCH_RATIO else Level.NONE


_LOGITS = np.linspace(-12, 12, 2401)
PROBABILITIES: NDArray[np.float64] = 1 / (1 + np.exp(-_LOGITS))
LENGTHS: NDArray[np.float64] = np.unique(np.round(np.geomspace(1, 1e6, 700)))
_TENTHS = np.arange(1, 10) / 10


class FineCounts:
    """A histogram of numbers: each bin contains its lower edge.

    The edges are fixed, so that a dump is read once in constant memory.
    """

    def __init__(self, edges: NDArray[np.float64]) -> None:
        self.edges = edges
        self.counts: NDArray[np.int64] = np.zeros(len(edges) + 1, np.int64)

    def add(self, values: ArrayLike) -> None:
        """Add some numbers, none of them NaN."""
        places = np.searchsorted(self.edges, np.asarray(values, np.float64), "right")
        self.counts += np.bincount(places, minlength=len(self.counts))

    def cuts(self) -> list[int]:
        """Return the indices of the edges that split these numbers into tenths.

        A fine bin with at least a tenth of them, such as a score that many messages share, is a bin
        by itself, so that a shift in either direction is visible.
        """
        total = int(self.counts.sum())
        ends = np.searchsorted(np.cumsum(self.counts), _TENTHS * total)
        found = set(ends.tolist())
        found |= {end - 1 for end in ends.tolist() if self.counts[end] * 10 >= total}
        return sorted(cut for cut in found if 0 <= cut < len(self.edges))

    def by_cuts(self, cuts: Sequence[int]) -> list[int]:
        """Return the counts of the bins between these edges, one more than there are cuts."""
        parts = np.split(self.counts, [cut + 1 for cut in cuts])
        return [int(part.sum()) for part in parts]


NO_KIND = ""
NO_CODE = "und"
_MOST_NAMES = 2_000
_CODE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z\d]{1,8})*")


class Profile:
    """The totals of a scored dump, and a uniform sample of its scored messages with a text.

    ``kinds`` counts those of flagged messages; one of two kinds counts for both.
    """

    def __init__(self, sample: int, seed: int) -> None:
        self.rows = 0
        self.decisions: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        self.probabilities = FineCounts(PROBABILITIES)
        self.lengths = FineCounts(LENGTHS)  # of texts, in characters
        self.texts: UniformSample[str] = UniformSample(sample, seed)

    @property
    def scored(self) -> int:
        """Return the number of messages that were scored."""
        return self.rows - self.decisions[Decision.UNSCORED.value]

    @property
    def only_flagged(self) -> bool:
        """Return True if all messages are flagged, as with ``--only-flagged``."""
        return self.decisions[Decision.FLAG.value] == self.rows

    def add(self, batch: ScoredBatch) -> None:
        """Add a batch; raise InputError if a column holds values that ``score`` never writes."""
        table = batch.table
        self.rows += table.num_rows
        self.decisions.update(table.column("decision").to_pylist())
        self.models.update(visible(name or "not named") for name in table["model_id"].to_pylist())
        newest = pc.max(table.column("schema_version")).as_py()
        if newest is not None and newest > SCHEMA_VERSION:
            raise InputError(
                f"its scamdetect_ columns have schema version {newest}, but this scamdetect "
                f"supports {SCHEMA_VERSION}; upgrade it"
            )
        scored = table.filter(pc.not_equal(table["decision"], Decision.UNSCORED.value))
        self.probabilities.add(scored.column("probability").to_numpy())
        self.languages.update(map(_code, scored.column("language").to_pylist()))
        flagged = scored.filter(pc.equal(scored["decision"], Decision.FLAG.value))
        for kinds in flagged.column("kinds").to_pylist():
            self.kinds.update([kind for kind in kinds or () if kind] or [NO_KIND])
        if len(self.models) + len(self.kinds) + len(self.languages) > _MOST_NAMES:
            raise InputError(
                "its scamdetect_ columns contain more languages, kinds or models than "
                "`scamdetect score` writes; score the dump again"
            )
        if "text" in table.column_names:
            self._add_texts(scored.column("text").drop_null())

    def _add_texts(self, texts: pa.ChunkedArray) -> None:
        if len(texts):
            self.lengths.add(pc.utf8_length(texts).to_numpy().astype(np.float64))
            self.texts.add(len(texts), lambda place: beginning(texts[place].as_py()))


def read_profile(dump: ScoredDump, text: str | None, sample: int, seed: int) -> Profile:
    """Return the profile of a dump, read once; without a text column there are no texts.

    Raises InputError, with the file, if it is damaged, contains no message, or is not scored.
    """
    profile = Profile(sample, seed)
    for batch in dump.batches(text):
        try:
            profile.add(batch)
        except InputError as problem:
            raise InputError(f"{dump.path}: {problem}") from problem
    if not profile.rows:
        raise InputError(f"{dump.path}: contains no scored message")
    return profile


def _code(language: str | None) -> str:
    """Return the code; other values could be anything, even a message."""
    return language if language is not None and _CODE.fullmatch(language) else NO_CODE


_LEAST_SHARE = 0.01  # share in either dump from which a category has its own bin
_MOST_BINS = 30
OTHERS = "all others"


@dataclass(frozen=True)
class Bin:
    """A bin of a feature: its messages in each dump, and its contribution to the index."""

    label: str
    reference: int
    current: int
    adds: float


@dataclass(frozen=True)
class Feature:
    """A feature by bin; unless ``comparable``, its shift says nothing about the messages."""

    name: str
    of: str  # what is counted
    bins: tuple[Bin, ...]
    psi: Psi
    comparable: bool

    @property
    def level(self) -> Level:
        """Return the level of its shift."""
        return self.psi.level if self.comparable else Level.UNKNOWN

    @property
    def largest(self) -> tuple[Bin, ...]:
        """Return the bins, at most three, that contribute most and over a tenth of the index."""
        ranked = sorted(self.bins, key=lambda one: -one.adds)
        return tuple(one for one in ranked[:3] if one.adds >= self.psi.value / 10 > 0)


def features(reference: Profile, current: Profile, *, has_text: bool) -> tuple[Feature, ...]:
    """Return the features; those from a model are comparable only if one model scored both."""
    same = one_model(reference, current)
    decisions = [name.value for name in Decision if name is not Decision.UNSCORED]
    found = [
        _numbers(
            "scam probability", reference.probabilities, current.probabilities, comparable=same
        ),
        _feature(
            "decisions",
            "scored messages",
            decisions,
            [reference.decisions[name] for name in decisions],
            [current.decisions[name] for name in decisions],
            comparable=same,
        ),
        _names("languages", "scored messages", reference.languages, current.languages, same),
        _names("kinds", "kinds of flagged messages", reference.kinds, current.kinds, same),
    ]
    if has_text:
        found.append(_numbers("text length", reference.lengths, current.lengths, comparable=True))
    return tuple(found)


def rates(reference: Profile, current: Profile) -> tuple[Rate, ...]:
    """Return the shares of flagged, of flagged or to review, and of unscored messages."""
    same = one_model(reference, current)
    flag, review = Decision.FLAG.value, Decision.REVIEW.value

    def share(profile: Profile, *decisions: str) -> Share:
        return Share(sum(profile.decisions[name] for name in decisions), profile.scored)

    def unscored(profile: Profile) -> Share:
        return Share(profile.rows - profile.scored, profile.rows)

    return (
        Rate("flagged", share(reference, flag), share(current, flag), same),
        Rate(
            "flagged or to review",
            share(reference, flag, review),
            share(current, flag, review),
            same,
        ),
        Rate("unscored", unscored(reference), unscored(current), comparable=True),
    )


def one_model(reference: Profile, current: Profile) -> bool:
    """Return True if one model scored all of both dumps."""
    return len(reference.models.keys() | current.models.keys()) == 1


def _numbers(name: str, reference: FineCounts, current: FineCounts, *, comparable: bool) -> Feature:
    cuts = reference.cuts()
    edges = [f"{reference.edges[cut]:.3g}" for cut in cuts]
    labels = [f"from {low} to {high}" for low, high in zip(edges, edges[1:], strict=False)]
    labels = [f"under {edges[0]}", *labels, f"from {edges[-1]} on"] if edges else ["all"]
    of = "scored messages"
    return _feature(
        name, of, labels, reference.by_cuts(cuts), current.by_cuts(cuts), comparable=comparable
    )


def _names(
    name: str, of: str, reference: Counter[str], current: Counter[str], comparable: bool
) -> Feature:
    shares = {
        key: max(_share(reference, key), _share(current, key))
        for key in reference.keys() | current.keys()
    }
    ranked = sorted(shares, key=lambda key: (-shares[key], key))
    kept = [key for key in ranked[:_MOST_BINS] if shares[key] >= _LEAST_SHARE]
    rest = [key for key in ranked if key not in kept]
    title = language_title if name == "languages" else kind_name
    labels = [title(key) for key in kept] + [OTHERS] * bool(rest)
    counts = [
        [side[key] for key in kept] + [sum(side[key] for key in rest)] * bool(rest)
        for side in (reference, current)
    ]
    return _feature(name, of, labels, *counts, comparable=comparable)


def _feature(
    name: str,
    of: str,
    labels: Sequence[str],
    reference: Sequence[int],
    current: Sequence[int],
    *,
    comparable: bool,
) -> Feature:
    adds = contributions(reference, current).tolist() if labels else []
    rows = zip(labels, reference, current, adds, strict=True)
    index = psi(reference, current) if labels else Psi(0.0, 0.0, 0.0, 0.0)
    return Feature(name, of, tuple(Bin(*row) for row in rows), index, comparable)


def _share(counts: Mapping[str, int], key: str) -> float:
    return counts.get(key, 0) / max(sum(counts.values()), 1)
