"""The labels of campaigns: one label applies to all messages of a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scamdetect.adapt.labels import LABELS, Answer
from scamdetect.errors import InputError


@dataclass(frozen=True)
class LabelledCampaigns:
    """The campaigns with one label: their number, their messages, and how many are flagged."""

    label: str
    campaigns: int
    messages: int
    flagged: int


def labelled_campaigns(answers: Sequence[Answer]) -> tuple[LabelledCampaigns, ...]:
    """Return the campaigns by label; an answer applies to all messages of its campaign.

    The campaigns were selected, not sampled, so they give no rates for the dump. Raises InputError
    if a count differs from the one in the queue.
    """
    found = []
    for label in LABELS:
        own = [a.cells for a in answers if a.label == label and a.cells.get("campaign")]
        try:
            messages, flagged = (
                sum(int(cells.get(name) or "") for cells in own)
                for name in ("campaign_messages", "campaign_flagged")
            )
        except ValueError as problem:
            raise InputError(
                "campaign_messages or campaign_flagged of a campaign is not an integer; copy "
                "it from the queue again"
            ) from problem
        if own:
            found.append(LabelledCampaigns(label, len(own), messages, flagged))
    return tuple(found)
