"""Find campaigns in scored files: one row per group of near-duplicate messages.

All messages count, whatever their decision. Each message is masked to a template, near-duplicate
templates are joined (``similar``), and the rows of each campaign are summed in DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.errors import InputError
from scamdetect.frames.arrow import encodable
from scamdetect.labels import Decision
from scamdetect.scored.database import (
    DEFAULTS,
    Database,
    OutputOptions,
    database,
    result_path,
    shortest,
    sums,
)
from scamdetect.scored.operations import Indicators, find_operations
from scamdetect.scored.read import open_scored
from scamdetect.scored.similar import similar_groups
from scamdetect.scored.top_campaigns import (
    Campaign,
    members_path,
    read_campaigns,
    template_hash,
    unnoticed,
)
from scamdetect.text.masking import key_of, mask

_MOST_LISTED = 10
_LATE = np.iinfo(np.int64).max
_DRAFTS = pa.schema([("hash", pa.uint64()), ("first_row", pa.int64()), ("template", pa.string())])
_VALUES = pa.schema([("value", pa.string()), ("hash", pa.uint64())])
_ID = "lower(lpad(hex({}), 16, '0'))"
# Templates in the order of their hashes, each as it was first written.
_TEMPLATES = """
CREATE TABLE templates AS
SELECT hash, template, coalesce(messages, 0) AS messages FROM drafts
JOIN (SELECT hash, min(first_row) AS first_row FROM drafts GROUP BY hash) USING (hash, first_row)
LEFT JOIN (SELECT hash, count(*) AS messages FROM rows GROUP BY hash) USING (hash) ORDER BY hash"""
_SUMMED = {
    # Times 10^12 sums are whole numbers, so that no order of the rows changes the last digit.
    "mean": "sum(CAST(probability * 1e12 AS BIGINT)) / 1e12 / count(*)",
    "first_row": "min(row) FILTER (hash = campaign)",
    "senders": "count(DISTINCT sender)",
    "first_day": "DATE '1970-01-01' + CAST(floor(min(micros) / 864e8) AS INTEGER)",
    "last_day": "DATE '1970-01-01' + CAST(floor(max(micros) / 864e8) AS INTEGER)",
}
_CAMPAIGNS = f"""
SELECT {_ID.format("key")} AS campaign, template, s.messages, facts.templates, flagged, review,
    flagged_share, {shortest("mean")} AS mean_scam_probability,
    highest_scam_probability, senders, first_day, last_day, languages,
    kinds, earlier_messages, s.messages / nullif(earlier_messages, 0) AS growth, input,
    first_row - start AS first_row, operation, reasons
FROM ({{}}) AS s JOIN facts USING (key) JOIN templates ON templates.hash = key
JOIN inputs ON first_row >= start AND first_row < stop
LEFT JOIN operations ON operations.id = {_ID.format("key")}
ORDER BY s.messages DESC, s.first_row"""
_MEMBERS = f"""
SELECT input, row - start AS row, {_ID.format("campaign")} AS campaign
FROM members JOIN inputs ON row >= start AND row < stop ORDER BY members.row"""
_COUNTS = """
SELECT count(DISTINCT campaign) AS campaigns, count(*) AS messages,
    count(DISTINCT campaign) FILTER (decision = 'flag') AS flagged FROM members"""
_SHARED = f"""
SELECT value, list(id ORDER BY id) AS campaigns FROM (
    SELECT DISTINCT value, {_ID.format("campaign")} AS id
    FROM shared_values JOIN labels USING (hash)
) GROUP BY value HAVING count(*) > 1 ORDER BY value"""


@dataclass(frozen=True)
class CampaignsSummary:
    """The paths of the campaigns and their messages, and the counts.

    ``flagged`` campaigns have a flagged message; ``messages`` of the ``rows`` are in a campaign;
    ``unnoticed`` campaigns are large, new and not flagged, and ``listed`` has the first of these.
    ``compared`` is True if new means missing in an earlier dump.
    """

    destination: Path
    members: Path
    campaigns: int
    flagged: int
    messages: int
    rows: int
    unnoticed: int
    listed: tuple[Campaign, ...]
    compared: bool
    operations: int | None = None


def write_campaigns(
    scored: str | Path | Sequence[str | Path],
    destination: str | Path | None = None,
    *,
    sender_column: str | None = None,
    time_column: str | None = None,
    before: str | Path | None = None,
    at_least: int = 2,
    indicators: Indicators | None = None,
    options: OutputOptions = DEFAULTS,
) -> CampaignsSummary:
    """Write one row per campaign of scored files or folders of parts, and the rows of each.

    A campaign has ``at_least`` messages of near-duplicate templates, flagged or not.
    ``sender_column`` and ``time_column`` are needed to count senders and days. ``before`` is the
    campaign file of an earlier dump; its campaigns are recognised by their template or a
    near-duplicate. With ``indicators`` campaigns that share a link, a wallet or a handle are joined
    into operations (``scored.operations``). The default destination is
    ``<stem>.campaigns.<extension>`` next to the single scored file; the members go to
    ``<stem>.members.<extension>`` next to it. Raises InputError, OutputError.
    """
    if at_least < 2:
        raise InputError(f"at_least (--at-least) is {at_least}; a campaign has at least 2 messages")
    paths = [Path(path) for path in ([scored] if isinstance(scored, str | Path) else scored)]
    if destination is None and len(paths) != 1:
        raise InputError("cannot derive the destination from these inputs; pass it with -o")
    dumps = [open_scored(path, all_rows="campaigns") for path in paths]
    path = result_path(paths[0], "campaigns") if destination is None else Path(destination)
    earlier = [] if before is None else list(read_campaigns(Path(before)))
    optional = {
        "input": len(paths) > 1, "senders": sender_column, "first_day": time_column,
        "last_day": time_column, "earlier_messages": before, "growth": before,
        "operation": indicators, "reasons": indicators,
    }  # fmt: skip
    others = [] if before is None else [Path(before)]
    with database(dumps, [path, members_path(path)], options, others) as db:
        named = {"sender": sender_column, "time": time_column}
        starts = [0]
        for dump in dumps:
            rows = dump.rows(named, first=starts[-1], text=True)
            starts.append(db.load(_masked(db, rows, indicators), starts[-1]))
        _find(db, at_least, earlier)
        names = pa.array(map(str, paths), pa.string())
        db.insert("inputs", pa.table({"input": names, "start": starts[:-1], "stop": starts[1:]}))
        operations = _join(db, indicators)
        summed = _CAMPAIGNS.format(sums("members", "campaign", _SUMMED, flat=db.flat))
        for query, target in zip((summed, _MEMBERS), db.paths, strict=True):
            tables = (
                table.select([name for name in table.column_names if optional.get(name, True)])
                for table in db.read(query)
            )
            db.write(tables, target)
        counts = next(db.rows(_COUNTS))
    listed = unnoticed(db.paths[0], _MOST_LISTED)
    return CampaignsSummary(
        destination=db.paths[0],
        members=db.paths[1],
        rows=starts[-1],
        unnoticed=listed.count,
        listed=listed.first,
        compared=before is not None,
        operations=None if indicators is None else operations,
        **counts,
    )


def _masked(
    db: Database, tables: Iterable[pa.Table], indicators: Indicators | None
) -> Iterator[pa.Table]:
    """Yield rows with the hashes of their templates, and insert the templates.

    A row that was not scored, or has no words, has no template.
    """
    for table in tables:
        unscored = pc.equal(table["decision"], Decision.UNSCORED.value)
        texts = pc.if_else(unscored, pa.scalar(None, pa.string()), table["text"])
        encoded = texts.combine_chunks().dictionary_encode()
        drafts: dict[int, str] = {}
        values: dict[tuple[str, int], None] = {}
        hashes: list[int | None] = []
        for text in encoded.dictionary.to_pylist():
            template, number = _template(text)
            hashes.append(number)
            if number is not None:
                drafts.setdefault(number, template)
                shared = () if indicators is None else indicators.joining(text)
                values |= dict.fromkeys((value, number) for value in shared)
        start = table["row"][0].as_py() if len(table) else 0
        columns = [[*drafts], [start] * len(drafts), [*drafts.values()]]
        db.insert("drafts", pa.table(columns, schema=_DRAFTS))
        pairs = [[value for value, _ in values], [number for _, number in values]]
        db.insert("shared_values", pa.table(pairs, schema=_VALUES))
        of_rows = pa.array(hashes, pa.uint64()).take(encoded.indices)
        yield table.drop_columns(["text", "time", "bad"]).append_column("hash", of_rows)


@lru_cache(maxsize=1 << 16)
def _template(text: str) -> tuple[str, int | None]:
    """Return the template of a message and its hash, None for one without words."""
    template = mask(text)
    return template, template_hash(key_of(template)) if template.strip() else None


def _find(db: Database, at_least: int, earlier: Sequence[Campaign]) -> None:
    """Create the labels of templates, the facts of campaigns, and the view of their rows."""
    known = np.array([int(campaign.id, 16) for campaign in earlier], np.uint64)
    late = _LATE - np.arange(len(earlier))  # the wording of these dumps comes first
    words = [encodable(campaign.template) for campaign in earlier]
    db.insert("drafts", pa.table([known, late, pa.array(words, pa.string())], schema=_DRAFTS))
    db.run(_TEMPLATES)
    numbers = pa.concat_tables(db.read("SELECT hash, messages FROM templates ORDER BY hash"))
    hashes, messages = (column.to_numpy() for column in numbers.columns)

    def texts(wanted: NDArray[np.int64]) -> list[str]:
        db.run("DROP TABLE IF EXISTS wanted")
        db.insert("wanted", pa.table({"hash": hashes[wanted]}))
        found = db.rows("SELECT template FROM templates JOIN wanted USING (hash) ORDER BY hash")
        return [row["template"] for row in found]

    tables = db.read("SELECT template FROM templates ORDER BY hash")
    batches = (table["template"].to_pylist() for table in tables if len(table))
    groups = similar_groups(batches, messages, texts, db.folder)
    sizes = np.bincount(groups, messages, len(groups))
    # The most frequent template leads, of equal ones the one with the lowest hash.
    order = np.lexsort((-messages, groups))
    firsts = order[np.flatnonzero(np.diff(groups[order], prepend=-1))]
    leaders = np.zeros(len(groups), np.int64)
    leaders[groups[firsts]] = firsts
    members = np.flatnonzero((messages > 0) & (sizes[groups] >= at_least))
    campaign = hashes[leaders[groups[members]]]
    db.insert("labels", pa.table({"hash": hashes[members], "campaign": campaign}))
    before = np.zeros(len(groups), np.int64)
    np.add.at(before, groups[np.searchsorted(hashes, known)], [one.messages for one in earlier])
    leading = groups[members[campaign == hashes[members]]]
    wordings = np.bincount(groups[messages > 0], minlength=len(groups))
    facts = {"templates": wordings[leading], "earlier_messages": before[leading]}
    db.insert("facts", pa.table({"key": hashes[leaders[leading]]} | facts))
    db.run("CREATE VIEW members AS SELECT * FROM rows JOIN labels USING (hash)")


def _join(db: Database, indicators: Indicators | None) -> int:
    """Create the table of operations; return their number."""
    shared = ((row["value"], row["campaigns"]) for row in db.rows(_SHARED))
    operations = {} if indicators is None else find_operations(shared, indicators)
    columns = {
        "id": operations.keys(),
        "operation": (one.id for one in operations.values()),
        "reasons": (" ".join(one.reasons) for one in operations.values()),
    }
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    db.insert("operations", pa.table(arrays))
    return len({one.id for one in operations.values()})
