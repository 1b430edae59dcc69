"""Campaigns as lines for a terminal, and those that a report shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from heapq import nlargest
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scamdetect.errors import InputError
from scamdetect.labels import Decision
from scamdetect.reports.cells import spaced_share
from scamdetect.reports.counts import days_of
from scamdetect.scored.read import ScoredDump, open_scored
from scamdetect.scored.top_campaigns import (
    FEW_FLAGGED,
    GROWN,
    LARGE,
    Campaign,
    are_of,
    campaigns_beside,
    first_texts,
    read_campaigns,
    unnoticed,
)  # fmt: skip
from scamdetect.system.shown import visible

if TYPE_CHECKING:
    from scamdetect.scored.campaigns import CampaignsSummary

_MOST_CAMPAIGNS = 12
_MOST_SHOWN = 70  # characters of a template
_COLUMNS = {
    "scamdetect_decision": "decision", "scamdetect_scam_probability": "probability",
    "scamdetect_language": "language", "text": "text",
}  # fmt: skip

Shown = tuple[tuple[Campaign, str | None], ...]  # with their first messages, if known


def campaign_lines(summary: CampaignsSummary) -> Iterator[str]:
    """Yield the counts of campaigns, and those that are large and not flagged."""
    yield (
        f"{summary.campaigns:,} campaigns of {summary.messages:,} messages, among "
        f"{summary.rows:,} rows: {summary.flagged:,} with a flagged message"
    )
    if summary.operations is not None:
        yield f"{summary.operations:,} operations: campaigns that share a link, wallet or handle"
    title, meaning = unnoticed_words(compared=summary.compared)
    yield f"{title}: {summary.unnoticed:,} ({meaning})"
    for campaign in summary.listed:
        template = visible(campaign.template)
        if len(template) > _MOST_SHOWN:
            template = f"{template[: _MOST_SHOWN - 1]}…"
        yield f"  {campaign.id}  {campaign_words(campaign)}: {template}"
    if summary.unnoticed > len(summary.listed):
        yield f"  and {summary.unnoticed - len(summary.listed):,} more in the file"
    yield f"campaigns written to {summary.destination}, their messages to {summary.members}"


def unnoticed_words(*, compared: bool) -> tuple[str, str]:
    """Return the title and the rule of the list of campaigns that are large and not flagged."""
    title, new = "Large, new and not flagged", f"new or at least {GROWN:g} times as many as before"
    if not compared:
        title = "Large and not flagged"
        new = "not compared with an earlier dump (--before), so new ones are not known"
    return title, f"at least {LARGE} messages, under {FEW_FLAGGED:.0%} flagged, {new}"


def campaign_words(campaign: Campaign) -> str:
    """Return the figures of a campaign."""
    days = dict.fromkeys(filter(None, (campaign.first_day, campaign.last_day)))
    words = (
        f"{campaign.messages:,} messages",
        f"{campaign.earlier:,} before" if campaign.earlier else "",
        f"{campaign.senders:,} senders" if campaign.senders is not None else "",
        f"flagged {spaced_share(campaign.flagged_share)}",
        f"mean score {campaign.mean_probability:.3f}",
        " to ".join(days),
        *(name for name, _ in campaign.languages[:1]),
    )
    return ", ".join(filter(None, words))


@dataclass(frozen=True)
class Campaigns:
    """The campaigns with the most flagged messages and, from the file ``name``, unnoticed ones.

    ``unnoticed`` has the first of ``count`` campaigns that are large, new and not flagged.
    ``stale`` is the name of a file that is damaged or of another dump.
    """

    flagged: Shown = ()
    unnoticed: Shown = ()
    count: int = 0
    name: str | None = None
    title: str = ""
    meaning: str = ""
    stale: str | None = None


def campaigns_of(dump: ScoredDump, text: str | None, time: str | None) -> Campaigns:
    """Return the campaigns next to a scored dump or, without such a file, of its flagged rows."""
    path = campaigns_beside(dump.path)
    if path is not None:
        with suppress(InputError):  # the file is damaged
            listed, top = unnoticed(path, _MOST_CAMPAIGNS), _top(read_campaigns(path))
            if (top or listed.first) and are_of(dump, text, [*top, *listed.first]):
                shown, quiet = _shown(dump, text, top), _shown(dump, text, listed.first)
                words = unnoticed_words(compared=listed.compared)
                return Campaigns(shown, quiet, listed.count, path.name, *words)
    flagged = () if text is None else _of_flagged(dump, text, time)
    return Campaigns(flagged, stale=None if path is None else path.name)


def _of_flagged(dump: ScoredDump, text: str, time: str | None) -> Shown:
    """Return the largest campaigns of the flagged rows, which are copied to a temporary file."""
    from scamdetect.scored.campaigns import write_campaigns

    with TemporaryDirectory(prefix=".scamdetect-") as folder:  # has mode 0700
        path = Path(folder) / "flagged.parquet"
        tables = (_flagged(batch.table, time) for batch in dump.batches(text, time))
        first = next(tables, None)
        if first is None:
            return ()
        with pq.ParquetWriter(path, first.schema) as writer:
            for table in chain([first], tables):
                writer.write_table(table)
        summary = write_campaigns(path, time_column=None if time is None else "day")
        return _shown(open_scored(path), "text", _top(read_campaigns(summary.destination)))


def _flagged(table: pa.Table, time: str | None) -> pa.Table:
    table = table.filter(pc.equal(table["decision"], Decision.FLAG.value))
    columns = {name: table[column] for name, column in _COLUMNS.items()}
    days = {} if time is None else {"day": pa.array(days_of(table["time"]))}
    return pa.table(columns | days | {"scamdetect_kinds": pc.binary_join(table["kinds"], ";")})


def _top(campaigns: Iterator[Campaign]) -> list[Campaign]:
    flagged = (campaign for campaign in campaigns if campaign.flagged)
    return nlargest(_MOST_CAMPAIGNS, flagged, key=lambda c: (c.flagged, -c.first_row))


def _shown(dump: ScoredDump, text: str | None, campaigns: Sequence[Campaign]) -> Shown:
    texts = {} if text is None else first_texts(dump, text, {c.first_row for c in campaigns})
    return tuple((campaign, texts.get(campaign.first_row)) for campaign in campaigns)
