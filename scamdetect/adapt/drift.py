"""Compare a scored dump with an earlier one: what changed, and how much of it is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scamdetect.adapt.shifts import (
    Feature,
    Level,
    Profile,
    Rate,
    Share,
    features,
    one_model,
    rates,
    read_profile,
    worst,
)
from scamdetect.frames.arrow import encodable
from scamdetect.scored.read import ScoredDump, open_scored
from scamdetect.text.masking import template_key
from scamdetect.text.near_duplicates import AlikeIndex, sketch

NOVEL = "without a near-duplicate"


def novelty(reference: Sequence[str], current: Sequence[str]) -> Rate:
    """Return the share of messages whose masked text has no near-duplicate in the reference.

    A sample finds fewer near-duplicates than all messages would. So half of the reference texts are
    indexed, and the other half is looked up like the current ones: the difference of the two shares
    counts. A lower share is not a shift: dumps that share messages have one.
    """
    index = AlikeIndex()
    for text in reference[::2]:
        index.add(sketch(template_key(text)))
    before, after = _novel(index, reference[1::2]), _novel(index, current)
    return Rate(NOVEL, before, after, comparable=True, may_fall=True)


def _novel(index: AlikeIndex, texts: Sequence[str]) -> Share:
    found = sum(index.nearest(sketch(template_key(text))) is None for text in texts)
    return Share(found, len(texts))


SAMPLE = 5_000


@dataclass(frozen=True)
class Side:
    """One of the two dumps: its name, its models and its number of rows."""

    name: str
    models: tuple[str, ...]
    messages: int


@dataclass(frozen=True)
class Drift:
    """The shifts from the reference to the current dump.

    ``notices`` must be read before any figure. ``level`` is the most urgent one of all features and
    rates, and ``alert`` if different models scored the dumps, because their scores cannot be
    compared.
    """

    reference: Side
    current: Side
    features: tuple[Feature, ...]
    rates: tuple[Rate, ...]
    notices: tuple[str, ...]
    level: Level


def measure_drift(
    reference: str | Path,
    current: str | Path,
    *,
    text_column: str | None = None,
    sample: int = SAMPLE,
    seed: int = 0,
) -> Drift:
    """Return the shifts between two dumps written by ``scamdetect score``.

    ``text_column`` is by default that of the current job record, if both have it; without one,
    lengths and novelty are left out. Novelty compares ``sample`` messages of the current dump, and
    as many of the reference, with another ``sample`` of the reference. Raises InputError for a dump
    that is not scored, has no messages, or lacks the column.
    """
    dumps = open_scored(Path(reference)), open_scored(Path(current))
    text = _text(dumps, text_column)
    before = read_profile(dumps[0], text, 2 * sample, seed)
    after = read_profile(dumps[1], text, sample, seed + 1)
    found = features(before, after, has_text=text is not None)
    shares = rates(before, after)
    if text is not None:
        shares = (*shares, novelty(before.texts.items(), after.texts.items()))
    level = worst([*(one.level for one in found), *(one.level for one in shares)])
    if not one_model(before, after):
        level = Level.ALERT
    return Drift(
        _side(dumps[0], before),
        _side(dumps[1], after),
        found,
        shares,
        tuple(_notices(before, after, text)),
        level,
    )


def _text(dumps: tuple[ScoredDump, ScoredDump], given: str | None) -> str | None:
    if given is None:
        usual = dumps[1].text_column
        return usual if all(dump.has(usual) for dump in dumps) else None
    for dump in dumps:
        dump.require(given)
    return given


def _side(dump: ScoredDump, profile: Profile) -> Side:
    models = tuple(name for name, _ in profile.models.most_common())
    return Side(encodable(dump.path.name), models, profile.rows)


def _notices(before: Profile, after: Profile, text: str | None) -> list[str]:
    found = []
    if not one_model(before, after):
        found.append(
            "THE SCORES ARE NOT COMPARABLE: different models scored these dumps (reference: "
            f"{', '.join(before.models)}; current: {', '.join(after.models)}). Score both with "
            "one model. Only text lengths, unscored messages and novelty can be compared here."
        )
    if before.only_flagged != after.only_flagged:
        found.append(
            "Only one of the dumps is limited to flagged messages, as by --only-flagged: their "
            "shares cannot be compared."
        )
    if text is None:
        found.append(
            f"Text lengths and novelty ({NOVEL}) are missing, because the dumps do not both "
            "have a text column; name it with --text-column."
        )
    return found
