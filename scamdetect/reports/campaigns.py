"""Campaigns as lines for a terminal, with the masked start of their messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from scamdetect.reports.cells import spaced_share
from scamdetect.scored.top_campaigns import FEW_FLAGGED, GROWN, LARGE, Campaign
from scamdetect.system.shown import visible

if TYPE_CHECKING:
    from scamdetect.scored.campaigns import CampaignsSummary

_MOST_SHOWN = 70  # characters of a template


def campaign_lines(summary: CampaignsSummary) -> Iterator[str]:
    """Yield the counts of campaigns, and those that are large and not flagged."""
    yield (
        f"{summary.campaigns:,} campaigns of {summary.messages:,} messages, among "
        f"{summary.rows:,} rows: {summary.flagged:,} with a flagged message"
    )
    if summary.operations is not None:
        yield f"{summary.operations:,} operations: campaigns that share a link, wallet or handle"
    yield from unnoticed_lines(summary.unnoticed, summary.listed, compared=summary.compared)
    yield f"campaigns written to {summary.destination}, their messages to {summary.members}"


def unnoticed_title(*, compared: bool) -> str:
    """Return the title of the list."""
    return "Large, new and not flagged" if compared else "Large and not flagged"


def unnoticed_meaning(*, compared: bool) -> str:
    """Return the rule of the list in a sentence."""
    new = (
        f"new or at least {GROWN:g} times as many as before"
        if compared
        else "not compared with an earlier dump (--before), so new ones are not known"
    )
    return f"at least {LARGE} messages, under {FEW_FLAGGED:.0%} flagged, {new}"


def unnoticed_lines(
    count: int, listed: Sequence[Campaign], *, compared: bool, templates: bool = True
) -> Iterator[str]:
    """Yield how many campaigns are large and not flagged, and the first of them."""
    title, meaning = unnoticed_title(compared=compared), unnoticed_meaning(compared=compared)
    yield f"{title}: {count:,} ({meaning})"
    for campaign in listed:
        template = f": {short(campaign.template)}" if templates else ""
        yield f"  {campaign.id}  {campaign_words(campaign)}{template}"
    if count > len(listed):
        yield f"  and {count - len(listed):,} more in the file"


def campaign_words(campaign: Campaign) -> str:
    """Return the figures of a campaign."""
    words = [
        f"{campaign.messages:,} messages",
        f"flagged {spaced_share(campaign.flagged_share)}",
        f"mean score {campaign.mean_probability:.3f}",
    ]
    if campaign.senders is not None:
        words.insert(1, f"{campaign.senders:,} senders")
    if campaign.earlier:
        words.insert(1, f"{campaign.earlier:,} before")
    if campaign.first_day is not None:
        words.append(days(campaign))
    return ", ".join([*words, *(name for name, _ in campaign.languages[:1])])


def days(campaign: Campaign) -> str:
    """Return the first and the last day of a campaign, one day if they are equal."""
    first, last = campaign.first_day or "", campaign.last_day or ""
    return first if first == last else f"{first} to {last}"


def short(template: str) -> str:
    """Return the start of a template, hidden characters as codes."""
    text = visible(template)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"
