"""What the labels of campaigns say: one decision holds for all messages of a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scamdetect.adapt.labels import LABELS, Answer
from scamdetect.errors import InputError


@dataclass(frozen=True)
class LabelledCampaigns:
    """The campaigns of one label: how many, of how many messages, and how many are flagged."""

    label: str
    campaigns: int
    messages: int
    flagged: int


def labelled_campaigns(answers: Sequence[Answer]) -> tuple[LabelledCampaigns, ...]:
    """Return what answers say of campaigns: each is that of all messages of its campaign.

    They are chosen and no sample, so that no rate of the dump follows from them. Raises InputError
    where a count is not the one that the queue wrote.
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
                "campaign_messages or campaign_flagged of a campaign holds no whole number; copy "
                "it from the queue again"
            ) from problem
        if own:
            found.append(LabelledCampaigns(label, len(own), messages, flagged))
    return tuple(found)
