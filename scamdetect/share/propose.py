"""Propose indicators to people: count each over all messages of scored dumps.

A person decides in the resulting file; nothing is exported automatically.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.calibration.statistics import wilson
from scamdetect.dumps.source import open_dump
from scamdetect.errors import InputError
from scamdetect.scored.database import DEFAULTS, Database, OutputOptions, database
from scamdetect.scored.read import open_scored
from scamdetect.share.findings import FACTS, Finder
from scamdetect.share.guard import load_guard
from scamdetect.share.review import Proposal, write_review
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of
from scamdetect.text.indicators import DEFAULT, IndicatorType

LEAST_FLAGGED, FEWEST_SENDERS = 0.8, 3
FEWEST_MESSAGES = 10  # if senders are not known
_WITHOUT_SENDERS = frozenset((IndicatorType.DOMAIN, IndicatorType.LINK))
_PERSONAL = frozenset(IndicatorType) - {*DEFAULT}
_MOST_CAMPAIGNS = 20  # listed in a proposal
_NAMES = ("languages", "kinds", "campaigns", "models")
_TABLES = {
    "facts": FACTS,
    "recipients": pa.schema({"form": pa.string()}),
    "members": pa.schema({"row": pa.int64(), "known": pa.string()}),
}
# What differs in most messages of a campaign belongs to each of them.
_STATEMENTS = """
CREATE TABLE placed AS SELECT facts.* REPLACE (
    CASE WHEN alone OR known IS NULL THEN campaign ELSE 'c' || known END AS campaign), known
FROM facts LEFT JOIN members USING (row);
CREATE TABLE varying AS SELECT campaign, head, size, list(position) AS varies FROM (
    SELECT campaign, head, size, position FROM (
        SELECT campaign, head, len(parts) AS size, generate_subscripts(parts, 1) AS position,
            unnest(parts) AS part FROM placed WHERE NOT alone)
    GROUP BY ALL HAVING count(DISTINCT part) >= 3 AND count(DISTINCT part) > 0.5 * count(*))
GROUP BY ALL;
CREATE TABLE named AS SELECT placed.* EXCLUDE (head, parts), array_to_string(
    list_prepend(placed.head, list_transform(parts, lambda part, position:
        CASE WHEN list_contains(varies, position) THEN '*' ELSE part END)), '/') AS value
FROM placed LEFT JOIN varying ON placed.campaign = varying.campaign
    AND placed.head = varying.head AND len(parts) = size;
CREATE TABLE differing AS SELECT campaign, type, count(DISTINCT row) AS size
FROM named WHERE NOT alone GROUP BY ALL
HAVING count(DISTINCT value) >= 3 AND count(DISTINCT value) > 0.5 * size;
CREATE TABLE own AS SELECT campaign, type, value, true AS own
FROM named JOIN differing USING (campaign, type) GROUP BY campaign, type, value, size
HAVING count(*) <= greatest(1, 0.1 * size);
CREATE TABLE sums AS SELECT type, value, count(*) AS messages,
    count(*) FILTER (flagged) AS flagged, count(DISTINCT sender) AS senders,
    min(day) AS first, max(day) AS last, bool_and(verified) AS verified,
    count(*) FILTER (own) AS differs, bool_or(form IN (SELECT form FROM recipients)) AS equal
FROM named LEFT JOIN own USING (campaign, type, value) GROUP BY type, value;
CREATE TABLE judged AS SELECT * REPLACE (CASE WHEN {known} THEN senders END AS senders),
    CASE WHEN equal THEN 'equal to a recipient'
    WHEN 2 * differs > messages
        THEN 'differs in most messages of its campaigns, so it belongs to recipients'
    WHEN flagged < {flagged} * messages THEN 'less than {flagged:.0%} of its messages are flagged'
    WHEN {known} AND senders < {few} THEN 'fewer than {few} senders'
    WHEN NOT {known} AND messages < {many}
        THEN 'fewer than {many} messages, and senders are not known' END AS reason FROM sums
"""
_COUNTS = """SELECT type, value, what, name, count(*) AS n FROM (
    SELECT type, value, 'languages' AS what, language AS name FROM named
    UNION ALL SELECT type, value, 'kinds', unnest(kinds) FROM named
    UNION ALL SELECT type, value, 'models', model FROM named
    UNION ALL SELECT type, value, 'campaigns', known FROM named WHERE NOT alone)
SEMI JOIN (SELECT type, value FROM judged WHERE reason IS NULL) USING (type, value)
WHERE name <> '' GROUP BY ALL ORDER BY n DESC, name"""
_PROPOSED = """SELECT type, value, messages, flagged, senders, verified,
    TRY(DATE '1970-01-01' + CAST(first AS INTEGER)) AS first_day,
    TRY(DATE '1970-01-01' + CAST(last AS INTEGER)) AS last_day
FROM judged WHERE reason IS NULL ORDER BY flagged DESC, messages DESC, type, value"""


@dataclass(frozen=True)
class ProposeOptions:
    """What is proposed, and from which columns.

    ``types`` are domains, links and wallets by default; without ``sender_column`` only domains and
    links, in at least 10 messages. ``region`` (ISO 3166) is the country of phone numbers without a
    country code. ``campaigns`` is the members file that ``scamdetect campaigns`` wrote for the same
    dumps; without it messages with equal templates are one campaign. Values that equal a recipient
    in ``recipient_column`` are left out.
    """

    types: Collection[IndicatorType | str] | None = None
    region: str | None = None
    sender_column: str | None = None
    recipient_column: str | None = None
    time_column: str | None = None
    campaigns: Path | None = None


@dataclass(frozen=True)
class ProposeSummary:
    """The path of the review file, its numbers of indicators by type, and what was left out.

    ``left_out`` counts by reason: indicators, or findings in messages if the message decides.
    """

    destination: Path
    proposed: dict[str, int]
    rows: int
    left_out: dict[str, int]


def propose(
    scored: Sequence[str | Path],
    destination: str | Path,
    options: ProposeOptions | None = None,
    output: OutputOptions = DEFAULTS,
) -> ProposeSummary:
    """Write the review file (CSV) of the indicators in scored files, or folders of parts.

    An indicator is proposed if at least 0.8 of all its messages are flagged, with at least 3
    senders. Parts of paths that vary by message become
    ``*``. Raises InputError for files of flagged rows only, missing columns, types that need
    senders, and members of other dumps; MissingExtraError; OutputError.
    """
    options = options or ProposeOptions()
    finder = Finder(_types(options), options.region)
    dumps = [open_scored(Path(path), all_rows="indicators") for path in scored]
    path = Path(destination)
    if path.suffix.lower() != ".csv":
        raise InputError(f"{path}: the review file is a CSV; use a name that ends in .csv")
    inputs = [dump.path for dump in dumps] + ([options.campaigns] if options.campaigns else [])
    file_destination(path.with_suffix(".parquet"), overwrite=output.overwrite, inputs=inputs)
    file_destination(path, overwrite=output.overwrite, inputs=inputs)
    known = options.sender_column is not None
    settings = {"flagged": LEAST_FLAGGED, "few": FEWEST_SENDERS, "many": FEWEST_MESSAGES}
    with database(dumps, [path], output) as db:
        for name, schema in _TABLES.items():
            db.insert(name, schema.empty_table())
        rows = _read(db, finder, options)
        for statement in _STATEMENTS.format(**settings, known=known).split(";"):
            db.run(statement)
        proposals = [*_proposals(db, finder.left_out)]
        write_review(db.paths[0], proposals, access_of(inputs))
    types = Counter(proposal.type.value for proposal in proposals)
    left_out = dict(finder.left_out.most_common())
    return ProposeSummary(db.paths[0], dict(types.most_common()), rows, left_out)


def _types(options: ProposeOptions) -> frozenset[IndicatorType]:
    """Return the types to look for; raise InputError if they need a sender column."""
    names = {*map(str, DEFAULT if options.types is None else options.types)}
    if unknown := sorted(names - {*IndicatorType}):
        known = ", ".join(IndicatorType)
        raise InputError(f"types (--types): unknown {', '.join(unknown)}; known types: {known}")
    kinds = frozenset(map(IndicatorType, names))
    if options.sender_column is not None or kinds <= _WITHOUT_SENDERS:
        return kinds
    if options.types is None:
        return kinds & _WITHOUT_SENDERS
    raise InputError(
        f"{', '.join(sorted(kinds - _WITHOUT_SENDERS))} (--types): need sender counts; name the "
        "column with sender_column (--sender-column)"
    )


def _read(db: Database, finder: Finder, options: ProposeOptions) -> int:
    """Insert the indicators of all messages, without texts; return the number of rows."""
    starts = [0]
    columns = {
        "sender": options.sender_column,
        "recipient": options.recipient_column,
        "time": options.time_column,
    }
    for dump in db.dumps:
        done = starts[-1]
        for table in dump.rows(columns, first=done, text=True):
            facts: list[dict[str, object]] = []
            recipients: set[str] = set()
            for message in table.to_pylist():
                recipients |= finder.forms(message)
                facts += finder.facts(message)
            db.insert("facts", pa.Table.from_pylist(facts, _TABLES["facts"]))
            db.insert("recipients", pa.table([sorted(recipients)], schema=_TABLES["recipients"]))
            done += len(table)
            if db.options.progress is not None:
                db.options.progress(done)
        starts.append(done)
    if options.campaigns is not None:
        _insert_members(db, options.campaigns, starts)
    return starts[-1]


def _insert_members(db: Database, path: Path, starts: Sequence[int]) -> None:
    """Insert the members file of the campaigns; raise InputError if it is of other dumps."""
    names = pa.array([str(dump.path) for dump in db.dumps])
    for batch in open_dump(path).batches():
        table = batch.table
        try:
            inputs = table["input"] if len(names) > 1 else pa.repeat(names[0], len(table))
            number = pc.index_in(inputs, value_set=names)
            row = pc.add(table["row"].cast(pa.int64()), pa.array(starts).take(number))
            known = table["campaign"].cast(pa.string())
            fits = pc.all(pc.less(row, pa.array(starts[1:]).take(number)), skip_nulls=False).as_py()
        except (KeyError, pa.ArrowInvalid):
            fits = False
        if not fits:
            raise InputError(
                f"{path}: not the members of these dumps; pass the members file of scamdetect "
                "campaigns, and all dumps under the names used there"
            )
        db.insert("members", pa.table([row, known], schema=_TABLES["members"]))


def _proposals(db: Database, left_out: Counter[str]) -> Iterator[Proposal]:
    """Yield the proposals, most flagged messages first, and count the other values."""
    counts: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in db.rows(_COUNTS):
        counts[row["type"], row["value"], row["what"]].append(row["name"])
    for row in db.rows("SELECT reason, count(*) AS n FROM judged GROUP BY reason"):
        left_out.update({row["reason"]: row["n"]} if row["reason"] else {})
    for row in db.rows(_PROPOSED):
        kind, value = IndicatorType(row.pop("type")), row.pop("value")
        reason = load_guard().verdict(kind, value)  # parts of its path may have become *
        if reason is not None:
            left_out[reason] += 1
            continue
        names = {what: tuple(counts[kind, value, what]) for what in _NAMES}
        digest = hashlib.sha256(f"{kind}\x00{value}".encode("utf-8", "backslashreplace"))
        yield Proposal(
            id=f"i{digest.hexdigest()[:15]}",  # starts with a letter, so that it remains text
            type=kind,
            value=value,
            confidence=int(100 * wilson(row["flagged"], row["messages"])[0]),
            tlp="TLP:AMBER" if kind in _PERSONAL else "TLP:GREEN",
            model_id=" ".join(names["models"]) or None,
            campaigns=names["campaigns"][:_MOST_CAMPAIGNS],
            languages=names["languages"],
            kinds=names["kinds"],
            **row,
        )
