"""The campaigns of a report: from the file next to the dump, or among its flagged rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import nlargest
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError
from scamdetect.labels import Decision
from scamdetect.reports.campaigns import unnoticed_meaning, unnoticed_title
from scamdetect.reports.dump_counts import days_of
from scamdetect.reports.dump_notes import (
    Piece,
    damaged_campaigns_note,
    other_campaigns_note,
    sample,
)
from scamdetect.scored.campaigns import write_campaigns
from scamdetect.scored.read import ScoredDump
from scamdetect.scored.top_campaigns import (
    Campaign,
    are_of,
    campaigns_beside,
    first_texts,
    read_campaigns,
    unnoticed,
)

MOST_CAMPAIGNS = 12


@dataclass(frozen=True)
class ShownCampaign:
    """A campaign with the pieces of its first message; no pieces without samples."""

    campaign: Campaign
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Campaigns:
    """The campaigns with the most flagged messages and, from the file ``name``, unnoticed ones.

    ``unnoticed`` has the first of ``count`` campaigns that are large, new and not flagged.
    """

    flagged: tuple[ShownCampaign, ...] = ()
    unnoticed: tuple[ShownCampaign, ...] = ()
    count: int = 0
    name: str | None = None
    title: str = ""
    meaning: str = ""
    notices: tuple[str, ...] = ()


def campaigns_of(dump: ScoredDump, text: str | None, time: str | None) -> Campaigns:
    """Return the campaigns next to a scored dump or, without such a file, of its flagged rows."""
    path = campaigns_beside(dump.path)
    if path is None:
        return _of_flagged(dump, text, time)
    try:
        found = _of_file(path)
    except InputError:
        return replace(_of_flagged(dump, text, time), notices=(damaged_campaigns_note(),))
    shown = () if found is None else (*found.flagged, *found.unnoticed)
    if found is None or not are_of(dump, text, [one.campaign for one in shown]):
        found = _of_flagged(dump, text, time)
        return replace(found, notices=(other_campaigns_note(path.name),))
    return found


def with_samples(
    found: Campaigns, dump: ScoredDump, text: str | None, detector: ScamDetector | None
) -> Campaigns:
    """Return the campaigns with their first messages, for which the dump is read again.

    A detector marks parts of the flagged ones. Without a text column the masked template is shown.
    """
    shown = (*found.flagged, *found.unnoticed)
    if not shown:
        return found
    texts = (
        {} if text is None else first_texts(dump, text, {one.campaign.first_row for one in shown})
    )

    def pieces(one: ShownCampaign, judge: ScamDetector | None) -> ShownCampaign:
        first = texts.get(one.campaign.first_row)
        if first is None:
            return replace(one, pieces=(Piece(one.campaign.template),))
        return replace(one, pieces=sample(first, judge))

    return replace(
        found,
        flagged=tuple(pieces(one, detector) for one in found.flagged),
        unnoticed=tuple(pieces(one, None) for one in found.unnoticed),
    )


def _of_file(path: Path) -> Campaigns | None:
    """Return the campaigns of a file, None if it is empty or of several dumps."""
    campaigns = read_campaigns(path)
    first = next(campaigns, None)
    if first is None or first.input is not None:
        return None
    flagged = (one for one in chain([first], campaigns) if one.flagged)
    top = nlargest(MOST_CAMPAIGNS, flagged, key=lambda one: (one.flagged, -one.first_row))
    listed = unnoticed(path, MOST_CAMPAIGNS)
    compared = first.earlier is not None
    return Campaigns(
        flagged=tuple(map(ShownCampaign, top)),
        unnoticed=tuple(map(ShownCampaign, listed.first)),
        count=listed.count,
        name=path.name,
        title=unnoticed_title(compared=compared),
        meaning=unnoticed_meaning(compared=compared),
    )


def _of_flagged(dump: ScoredDump, text: str | None, time: str | None) -> Campaigns:
    """Return the largest campaigns of flagged messages, none without a text column."""
    if text is None:
        return Campaigns()
    with TemporaryDirectory(prefix="scamdetect-") as folder:
        path = Path(folder) / "flagged.parquet"
        tables = list(_flagged(dump, text, time))
        if not tables:
            return Campaigns()
        pq.write_table(pa.concat_tables(tables), path)
        summary = write_campaigns(path, time_column=None if time is None else "day")
        found = list(islice(read_campaigns(summary.destination), MOST_CAMPAIGNS))
    return Campaigns(flagged=tuple(map(ShownCampaign, found)))


def _flagged(dump: ScoredDump, text: str, time: str | None) -> Iterator[pa.Table]:
    """Yield scored rows, of which only the flagged ones have a text."""
    for batch in dump.batches(text, time):
        table = batch.table
        is_flagged = pc.equal(table["decision"], Decision.FLAG.value)
        columns = {
            "scamdetect_decision": table["decision"],
            "scamdetect_scam_probability": table["probability"],
            "scamdetect_kinds": pc.binary_join(table["kinds"], ";"),
            "scamdetect_language": table["language"],
            "text": pc.if_else(is_flagged, table["text"], pa.scalar(None, pa.string())),
        }
        if time is not None:
            columns["day"] = pa.array(days_of(table["time"]).view("datetime64[D]"))
        yield pa.table(columns)
