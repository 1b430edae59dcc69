"""The sentences of a report, and its messages: masked, with the parts that raise the score."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from scamdetect.bundle.bundle import Bundle
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
    """Yield what a reader must know before any figure."""
    if counts.only_flagged:
        yield (
            "This file has only flagged messages, as --only-flagged writes it. Its shares do not "
            "describe the whole dump."
        )
    if len(models) > 1:
        yield (
            f"Several models scored this file: {listed(models)}. Their scores and thresholds "
            "differ, so do not compare them. Score the dump again with one model."
        )
    if set(counts.total("schema_version")) != {SCHEMA_VERSION}:
        yield (
            f"Some rows do not have the schema version {SCHEMA_VERSION} of this scamdetect. "
            "Columns that they lack are missing on this page."
        )
    if counts.unreadable:
        rows = "1 row" if counts.unreadable == 1 else f"{counts.unreadable:,} rows"
        yield (
            f"{rows} could not be read: the record is broken, the decision unknown or the "
            "probability impossible. No figure below includes them."
        )


def damaged_groups_note() -> str:
    """Return the notice about a damaged file of groups."""
    return (
        "The file of groups next to the scored file cannot be read, so this page shows no groups. "
        "Run scamdetect groups again."
    )


def damaged_campaigns_note() -> str:
    """Return the notice about a damaged file of campaigns."""
    return (
        "The file of campaigns next to the scored file cannot be read, so this page compares only "
        "flagged messages. Run scamdetect campaigns again."
    )


def other_campaigns_note(name: str) -> str:
    """Return the notice about campaigns of another file."""
    return (
        f"{shown(name)} does not belong to this file, so this page compares only flagged messages. "
        "Run scamdetect campaigns again."
    )


def other_groups_note(groups: TopGroups, counts: Counts) -> str | None:
    """Return the notice about groups of another file, None if they add up to the messages.

    File times cannot show this: copies have other times.
    """
    flagged = counts.total()[Decision.FLAG]
    if groups.flagged == flagged and groups.messages == counts.messages:
        return None
    return (
        f"{shown(groups.path.name)} does not belong to this file, so this page shows no groups. It "
        f"counts {groups.messages:,} messages, {groups.flagged:,} of them flagged; the scored file "
        f"has {counts.messages:,} and {flagged:,}. Run scamdetect groups again."
    )


def time_note(counts: Counts, time: str | None, *, named: bool) -> str:
    """Return which column the days are from."""
    if time is None:
        return "The file has no column with a usual name for times. Name one with --time-column."
    found = "" if named else ", found by its name"
    missing = f" {counts.without_day:,} messages have no readable date there."
    return f"From the column “{shown(time)}”{found}.{missing if counts.without_day else ''}"


def sample_note(text: str | None, *, samples: bool, marked: bool) -> str:
    """Return what the page shows of the messages."""
    if text is None:
        return (
            "The file has no text column, so this page shows no messages and finds no campaigns. "
            "Name the column with --text-column, or include it with --columns when you score."
        )
    if not samples:
        return "Message texts are left out (--no-samples)."
    masking = (
        "Links, addresses, phone numbers, codes and all other numbers are masked; names are not."
    )
    if not marked:
        return f"{masking} The model that scored the file is not available, so nothing is marked."
    return f"{masking} The marked parts raise the score most: without them it falls furthest."


def measured_note(models: Sequence[str], bundle: Bundle | None) -> str:
    """Return which messages the rates of the thresholds were measured on."""
    if bundle is None:
        by = listed(models) or "a model that the file does not name"
        return (
            f"The file was scored by {by}. That model is not available here, so this page cannot "
            "give its measured rates. Name its folder with --model."
        )
    # Other bundles name the languages of their calibration rows.
    if "own_thresholds" in bundle.training and not bundle.calibration_rows.languages:
        return (
            f"Measured for {bundle.model_id} on the messages that scamdetect calibrate read. "
            "On other kinds of messages, the rates differ."
        )
    return (
        f"Measured for {bundle.model_id} on messages that did not train it but come from the same "
        "sources. On messages from other sources, expect fewer scams found and more false alarms."
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
