"""Compare a scored dump with an earlier one: what shifted, and how much is unlike all of it."""

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
from scamdetect.errors import InputError
from scamdetect.frames.arrow import encodable
from scamdetect.scored.read import ScoredDump, open_scored
from scamdetect.scored.top_campaigns import Unnoticed, are_of, campaigns_beside, unnoticed
from scamdetect.text.masking import template_key
from scamdetect.text.near_duplicates import AlikeIndex, sketch

NOVEL = "without a near-duplicate"


def novelty(reference: Sequence[str], current: Sequence[str]) -> Rate:
    """Return the share of messages whose masked text has no near-duplicate in the reference.

    A sample finds fewer near-duplicates than the whole would. So every other text of the reference
    makes the index and the others are looked up in it as the current ones are: what matters is the
    difference of the two shares. A fall is no shift: dumps that share messages have one.
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
LISTED = 10
TEXT_COLUMN = "text"


@dataclass(frozen=True)
class Side:
    """One of the two dumps: its name, its models, how many rows it has and how many are broken."""

    name: str
    models: tuple[str, ...]
    messages: int
    unreadable: int


@dataclass(frozen=True)
class Drift:
    """What shifted from the reference to the current dump.

    ``notices`` must be known before any figure is read. ``level`` is the most pressing one of all
    features and rates, and ``alert`` where other models scored the dumps, since then nothing that
    they say can be compared. ``campaigns`` are those of the current dump that nobody sees, None
    without a file of campaigns beside it.
    """

    reference: Side
    current: Side
    features: tuple[Feature, ...]
    rates: tuple[Rate, ...]
    notices: tuple[str, ...]
    level: Level
    campaigns: Unnoticed | None = None


def measure_drift(
    reference: str | Path,
    current: str | Path,
    *,
    text_column: str | None = None,
    sample: int = SAMPLE,
    seed: int = 0,
) -> Drift:
    """Return the shifts between two dumps that ``scamdetect score`` wrote.

    ``text_column`` is by default ``text``, if both have it; without one, lengths and novelty are
    left out. Novelty compares ``sample`` messages of the current dump, and as many of the
    reference, with another ``sample`` of the reference. Raises InputError on what is no scored
    dump, holds no message, or lacks the column.
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
    campaigns, notice = _campaigns(dumps[1], text)
    return Drift(
        _side(dumps[0], before),
        _side(dumps[1], after),
        found,
        shares,
        (*_notices(before, after, text), *notice),
        level,
        campaigns,
    )


def _campaigns(dump: ScoredDump, text: str | None) -> tuple[Unnoticed | None, tuple[str, ...]]:
    """Return the campaigns of a dump that nobody sees, or none and perhaps a notice why."""
    path = campaigns_beside(dump.path)
    if path is None:
        return None, ()
    try:
        found = unnoticed(path, LISTED)
    except InputError:
        found = None
    if found is None or not are_of(dump, text, found.first):
        return None, (
            f"{encodable(path.name)} is damaged or not of the current dump, so no campaigns are "
            "listed. Make it again with scamdetect campaigns.",
        )
    return found, ()


def _text(dumps: tuple[ScoredDump, ScoredDump], given: str | None) -> str | None:
    if given is None:
        return TEXT_COLUMN if all(dump.has(TEXT_COLUMN) for dump in dumps) else None
    for dump in dumps:
        dump.require(given)
    return given


def _side(dump: ScoredDump, profile: Profile) -> Side:
    models = tuple(name for name, _ in profile.models.most_common())
    return Side(encodable(dump.path.name), models, profile.rows, profile.unreadable)


def _notices(before: Profile, after: Profile, text: str | None) -> list[str]:
    found = []
    if not one_model(before, after):
        found.append(
            "THE SCORES ARE NOT COMPARABLE: several models scored these dumps (reference: "
            f"{', '.join(before.models)}; current: {', '.join(after.models)}). Score both with "
            "one model. Only text lengths, unscored messages and novelty can be compared here."
        )
    if before.only_flagged != after.only_flagged:
        found.append(
            "One dump holds flagged messages alone, as --only-flagged writes it, and the other "
            "does not: their shares cannot be compared."
        )
    if text is None:
        found.append(
            f"Text lengths and novelty ({NOVEL}) are left out, for want of a text column in both; "
            "name it with --text-column."
        )
    if before.unreadable or after.unreadable:
        found.append(
            f"Rows that could not be read and count nowhere: {before.unreadable:,} of the "
            f"reference, {after.unreadable:,} of the current dump."
        )
    return found
