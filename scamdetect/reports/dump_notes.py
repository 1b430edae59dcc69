"""What a report says in sentences, and messages as it shows them: masked, with parts marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from scamdetect.explain.occlusion import Detector, explain, strengths
from scamdetect.labels import Decision
from scamdetect.prediction import SCHEMA_VERSION
from scamdetect.reports.cells import listed
from scamdetect.reports.dump_counts import Counts
from scamdetect.scored.top_groups import TopGroups
from scamdetect.system.shown import shown
from scamdetect.text.masking import beginning, masked
from scamdetect.text.traced import trace


def notices(counts: Counts, models: Sequence[str]) -> Iterable[str]:
    """Yield what must be known before any figure is read."""
    if counts.only_flagged:
        yield (
            "This file holds flagged messages alone, as --only-flagged writes it: its shares say "
            "nothing about the whole dump."
        )
    if len(models) > 1:
        yield (
            f"Several models scored this file: {listed(models)}. Their scores and thresholds "
            "differ, so compare nothing across them; best score the dump again with one."
        )
    if set(counts.total("schema_version")) != {SCHEMA_VERSION}:
        yield (
            f"Not all rows are of the schema version {SCHEMA_VERSION} that this scamdetect writes; "
            "what they lack is missing here."
        )
    if counts.unreadable:
        rows = "1 row" if counts.unreadable == 1 else f"{counts.unreadable:,} rows"
        yield (
            f"{rows} could not be read, for broken records, unknown decisions or impossible "
            "probabilities; nothing below counts them."
        )


def damaged_groups_note() -> str:
    """Return that the file of groups says nothing."""
    return (
        "The file of groups beside the scored file cannot be read, so no groups are shown; make it "
        "again with scamdetect groups."
    )


def damaged_campaigns_note() -> str:
    """Return that the file of campaigns says nothing."""
    return (
        "The file of campaigns beside the scored file cannot be read, so only flagged messages are "
        "compared; make it again with scamdetect campaigns."
    )


def other_campaigns_note(name: str) -> str:
    """Return that campaigns are not those of the messages."""
    return (
        f"{shown(name)} is not of this file, so only flagged messages are compared. Make it again "
        "with scamdetect campaigns."
    )


def other_groups_note(groups: TopGroups, counts: Counts) -> str | None:
    """Return why groups are not those of the messages, None where they add up to them.

    Times of files would not tell: copies have others.
    """
    flagged = counts.total()[Decision.FLAG]
    if groups.flagged == flagged and groups.messages == counts.messages:
        return None
    return (
        f"{shown(groups.path.name)} is not of this file, so no groups are shown: it counts "
        f"{groups.messages:,} messages, {groups.flagged:,} of them flagged, and the scored file "
        f"{counts.messages:,} and {flagged:,}. Make them again with scamdetect groups."
    )


def time_note(counts: Counts, time: str | None, *, named: bool) -> str:
    """Return which column the days are from."""
    if time is None:
        return "The file has no column with the name of a time; give one with --time-column."
    found = "" if named else ", found by its name"
    missing = f" Without a readable date there: {counts.without_day:,} of the messages."
    return f"By the column “{shown(time)}”{found}.{missing if counts.without_day else ''}"


def campaign_note(text: str | None, *, samples: bool, marked: bool) -> str:
    """Return what is shown of the messages."""
    if text is None:
        return (
            "The file has no text column, so alike messages cannot be found and no sample is "
            "shown; name it with --text-column, or score with it among --columns."
        )
    if not samples:
        return "Samples were left out (--no-samples)."
    masking = "Links, addresses, phone numbers, codes and all numbers are masked; names are not."
    if not marked:
        return f"{masking} The model that scored the file is not at hand, so nothing is marked."
    return (
        f"{masking} Marked is what made the model call the message a scam: without these words its "
        "score falls most."
    )


def threshold_note(models: Sequence[str], bundle: str | None) -> str:
    """Return what the meaning of the thresholds rests on."""
    if bundle is None:
        by = listed(models) or "a model that the file does not name"
        return (
            f"The file was scored by {by}. That bundle is not at hand, so how many false alarms "
            "its thresholds give cannot be said; give its folder with --model."
        )
    return (
        f"Of {bundle}, as measured on honest messages of its calibration set, which come from the "
        "sources that it learned from. Messages of other kinds can give more false alarms."
    )


_MOST_SHOWN = 600  # characters
_CUT_TAG = re.compile(r"\[[a-z]*$")
_MOST_MARKED = 3


@dataclass(frozen=True)
class Piece:
    """A part of a sample; ``strength`` 2 is marked strongly, 1 weakly, 0 not."""

    text: str
    strength: int = 0


def sample(text: str, detector: Detector | None) -> tuple[Piece, ...]:
    """Return the pieces of a masked message, its strongest segments marked by the detector.

    At most 600 characters are shown, of at most 2,000 that are looked at.
    """
    text = beginning(text)
    spans = () if detector is None else explain(detector, text)
    strongest = sorted(spans, key=lambda span: -span.weight)[:_MOST_MARKED]
    marks = [0] * (len(text) + 1)
    for span, strength in zip(strongest, strengths(strongest), strict=True):
        marks[span.start : span.end] = [strength] * (span.end - span.start)
    whole = masked(trace(text))
    shown = str(whole)
    if len(shown) > _MOST_SHOWN:
        shown = _CUT_TAG.sub("", shown[:_MOST_SHOWN])
    places = range(len(shown))
    pieces = [
        Piece("".join(shown[place] for place in group), strength)
        for strength, group in groupby(places, key=lambda place: marks[whole.offsets[place]])
    ]
    return tuple(pieces) if len(shown) == len(whole) else (*pieces, Piece("…"))
