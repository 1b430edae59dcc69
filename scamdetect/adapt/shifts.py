"""The features of two dumps that drift is looked for in: counts by bin, and their index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scamdetect.adapt.bins import FineCounts
from scamdetect.adapt.profile import Profile
from scamdetect.adapt.psi import Level, Psi, contributions, psi
from scamdetect.adapt.rates import Rate, Share
from scamdetect.labels import Decision, kind_name, language_title

_LEAST_SHARE = 0.01  # of either dump, from which on a category has a bin of its own
_MOST_BINS = 30
OTHERS = "all others"


@dataclass(frozen=True)
class Bin:
    """A bin of a feature: how many messages of each dump it has, and what it adds to the index."""

    label: str
    reference: int
    current: int
    adds: float


@dataclass(frozen=True)
class Feature:
    """A feature by bin; unless ``comparable`` its shift says nothing about the messages."""

    name: str
    of: str  # what is counted
    bins: tuple[Bin, ...]
    psi: Psi
    comparable: bool

    @property
    def level(self) -> Level:
        """Return what to do about its shift."""
        return self.psi.level if self.comparable else Level.UNKNOWN

    @property
    def largest(self) -> tuple[Bin, ...]:
        """Return the bins that add most to the index, at most three, each a tenth of it or more."""
        ranked = sorted(self.bins, key=lambda one: -one.adds)
        return tuple(one for one in ranked[:3] if one.adds >= self.psi.value / 10 > 0)


def features(reference: Profile, current: Profile, *, has_text: bool) -> tuple[Feature, ...]:
    """Return the features, those that a model gives comparable only where one model scored both."""
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
    """Return whether one model scored all of both dumps."""
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
