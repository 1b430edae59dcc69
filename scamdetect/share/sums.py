"""Sum up findings, first by campaign, then by value, and say which of them are proposed."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.share.findings import (
    ALONE,
    FIELDS,
    GIVEN,
    LABEL,
    LAST_DAY,
    LEFT_OUT,
    NO_DAY,
    NO_SCAM,
    RECIPIENT,
    SCAM,
    forms_of,
    summed,
)
from scamdetect.share.proposals import Proposal
from scamdetect.text.indicators import IndicatorType

LEAST_FLAGGED = 0.8  # of the messages that have it
FEWEST_SENDERS = 3
FEWEST_MESSAGES = 10  # where no senders are known
_VARIES = 0.5  # of the messages, from which on what differs belongs to each of them
_FEWEST_DIFFERENT = 3
_MOST_CAMPAIGNS = 20  # that a proposal names

DIFFERS = "differs in most messages of its campaigns, so it belongs to recipients"
EQUALS = "equal to a recipient"
HONEST = "a person called its campaign no scam"
FEW_FLAGGED = f"less than {LEAST_FLAGGED:.0%} of its messages are flagged"
FEW_SENDERS = f"fewer than {FEWEST_SENDERS} senders"
FEW_MESSAGES = f"fewer than {FEWEST_MESSAGES} messages, and senders are not known"
FEW_OF_SENDER = f"fewer than {FEWEST_SENDERS} messages of the sender"

# Findings with what their campaigns tell, keyed by what brings rows of one value together.
_TOLD = ("differs", "labelled", "honest")
VALUE_FIELDS = pa.schema([("key", pa.string()), *FIELDS, *((name, pa.int64()) for name in _TOLD)])
_KEY_OF_LEFT_OUT = "left out\x00"


def of_campaigns(table: pa.Table) -> pa.Table:
    """Return the findings of whole campaigns with ``*`` for parts of paths that vary by message.

    Says of each in how many messages the campaign has another value in most messages, and in how
    many a person labelled the campaign.
    """
    marks = pc.is_in(table["type"], value_set=pa.array([LEFT_OUT, RECIPIENT, LABEL]))
    findings = _with_stars(table.filter(pc.invert(marks)))
    labels = _labels(table.filter(pc.equal(table["type"], LABEL)))
    differing = _differing(findings)
    columns: dict[str, list[int]] = {name: [] for name in _TOLD}
    read = zip(
        *(findings[name].to_pylist() for name in ("campaign", "type", "messages")), strict=True
    )
    for campaign, type, messages in read:
        label = labels.get(campaign)
        columns["differs"].append(messages if (campaign, type) in differing else 0)
        columns["labelled"].append(messages if label == SCAM else 0)
        columns["honest"].append(messages if label == NO_SCAM else 0)
    rest = table.filter(pc.and_(marks, pc.not_equal(table["type"], LABEL)))
    tables = [_keyed(findings, columns), _keyed(rest, dict.fromkeys(_TOLD, [0] * rest.num_rows))]
    return pa.concat_tables(tables)


def _with_stars(findings: pa.Table) -> pa.Table:
    """Return findings with ``*`` for parts of paths that differ in most messages of a campaign."""
    links: dict[tuple[str, str, int], list[tuple[int, list[str], int]]] = defaultdict(list)
    read = zip(
        *(findings[n].to_pylist() for n in ("campaign", "type", "value", "messages")), strict=True
    )
    values = findings["value"].to_pylist()
    for place, (campaign, type, value, messages) in enumerate(read):
        if type == IndicatorType.LINK and not campaign.startswith(ALONE):
            start, *parts = _parts(value)
            if parts:
                links[campaign, start, len(parts)].append((place, parts, messages))
    changed = False
    for (_, start, size), group in links.items():
        total = sum(messages for _, _, messages in group)
        varying = [
            number for number in range(size)
            if _varies(len({parts[number] for _, parts, _ in group}), total)
        ]  # fmt: skip
        for place, parts, _ in group if varying else ():
            new = ["*" if number in varying else part for number, part in enumerate(parts)]
            values[place], changed = "/".join([start, *new]), True
    if not changed:
        return findings
    at = findings.schema.get_field_index("value")
    return summed(findings.set_column(at, FIELDS.field("value"), pa.array(values, pa.string())))


def _parts(link: str) -> list[str]:
    """Return the scheme and host of a link, and the parts of its path."""
    scheme, mark, rest = link.rpartition("://")
    host, *parts = rest.split("/")
    return [f"{scheme}{mark}{host}", *parts]


def _varies(different: int, messages: int) -> bool:
    return different >= _FEWEST_DIFFERENT and different > _VARIES * messages


def _labels(marks: pa.Table) -> dict[str, str]:
    """Return what people called each campaign; one scam among others makes it one."""
    found: dict[str, str] = {}
    for campaign, label in zip(
        marks["campaign"].to_pylist(), marks["value"].to_pylist(), strict=True
    ):
        if found.get(campaign) != SCAM:
            found[campaign] = label
    return found


def _differing(findings: pa.Table) -> set[tuple[str, str]]:
    """Return the campaigns and types of which most messages have a value of their own."""
    sums = findings.group_by(["campaign", "type"]).aggregate(
        [("value", "count_distinct"), ("leads", "sum")]
    )
    names = ("campaign", "type", "value_count_distinct", "leads_sum")
    return {
        (campaign, type)
        for campaign, type, different, messages in zip(
            *(sums[n].to_pylist() for n in names), strict=True
        )
        if not campaign.startswith(ALONE) and _varies(different, messages)
    }


def _keyed(findings: pa.Table, told: Mapping[str, list[int]]) -> pa.Table:
    """Return findings with the key by which those of one value, and recipients, come together."""
    pairs = zip(findings["type"].to_pylist(), findings["value"].to_pylist(), strict=True)
    keys = [_key(type, value) for type, value in pairs]
    arrays = [pa.array(keys, pa.string()), *(findings[name] for name in FIELDS.names)]
    arrays += [pa.array(told[name], pa.int64()) for name in _TOLD]
    return pa.Table.from_arrays(arrays, schema=VALUE_FIELDS)


def _key(type: str, value: str) -> str:
    if type == LEFT_OUT:
        return f"{_KEY_OF_LEFT_OUT}{value}"
    if type == RECIPIENT:
        return value
    return min(forms_of(IndicatorType(type), value), key=len)


@dataclass(frozen=True)
class Rules:
    """By what values are proposed: whether senders are known, and what the guard says."""

    senders: bool
    verdict: Callable[[IndicatorType, str], str | None]


def of_values(table: pa.Table, rules: Rules, left_out: Counter[str]) -> Iterator[Proposal]:
    """Yield what is proposed of the findings of whole values, and count the others by reason."""
    left = table.filter(pc.equal(table["type"], LEFT_OUT))
    for reason, count in zip(left["value"].to_pylist(), left["messages"].to_pylist(), strict=True):
        left_out[reason] += count
    recipients = set(table.filter(pc.equal(table["type"], RECIPIENT))["value"].to_pylist())
    marks = pc.is_in(table["type"], value_set=pa.array([LEFT_OUT, RECIPIENT]))
    findings = table.filter(pc.invert(marks))
    kept = []
    for one in _sums(findings):
        reason = _reason(one, rules, recipients)
        if reason is None:
            kept.append(one)
        else:
            left_out[reason] += 1
    details = _details(findings, kept)
    for one in kept:
        yield _proposal(one, details[one.type, one.value], rules)


class _Sum(NamedTuple):
    """What the messages of a type and value tell, summed up."""

    type: str
    value: str
    messages: int
    flagged: int
    differs: int
    labelled: int
    honest: int
    senders: int
    first: int
    last: int
    verified: int


_AGGREGATES = (
    ("messages", "sum"), ("flags", "sum"), ("differs", "sum"), ("labelled", "sum"),
    ("honest", "sum"), ("sender", "count_distinct"), ("first", "min"), ("last", "max"),
    ("verified", "min"),
)  # fmt: skip


def _sums(findings: pa.Table) -> Iterator[_Sum]:
    flags = pc.multiply(findings["messages"], findings["flagged"])
    table = findings.append_column("flags", flags)
    found = table.group_by(["type", "value"]).aggregate(list(_AGGREGATES))
    names = ["type", "value", *(f"{name}_{how}" for name, how in _AGGREGATES)]
    for batch in found.select(names).to_batches():
        yield from map(_Sum._make, zip(*(column.to_pylist() for column in batch), strict=True))


def _reason(one: _Sum, rules: Rules, recipients: set[str]) -> str | None:
    """Return why a value is not proposed, None if it is."""
    type = IndicatorType(one.type)
    if forms_of(type, one.value) & recipients:
        return EQUALS
    if one.honest:
        return HONEST
    if 2 * one.differs > one.messages:
        return DIFFERS
    if (reason := rules.verdict(type, one.value)) is not None:
        return reason
    if one.labelled:
        return None
    if one.flagged < LEAST_FLAGGED * one.messages:
        return FEW_FLAGGED
    if type is IndicatorType.SENDER:
        return None if one.messages >= FEWEST_SENDERS else FEW_OF_SENDER
    if rules.senders:
        return None if one.senders >= FEWEST_SENDERS else FEW_SENDERS
    return None if one.messages >= FEWEST_MESSAGES else FEW_MESSAGES


@dataclass
class _Details:
    """What the messages of a value are, counted."""

    languages: Counter[str]
    kinds: Counter[str]
    campaigns: Counter[str]
    models: Counter[str]


def _details(findings: pa.Table, kept: list[_Sum]) -> dict[tuple[str, str], _Details]:
    wanted = {(one.type, one.value): _Details(*(Counter[str]() for _ in range(4))) for one in kept}
    values = pa.array(sorted({value for _, value in wanted}), pa.string())
    some = findings.filter(pc.is_in(findings["value"], value_set=values))
    names = ("type", "value", "messages", "language", "kinds", "campaign", "model")
    for type, value, messages, language, kinds, campaign, model in zip(
        *(some[name].to_pylist() for name in names), strict=True
    ):
        details = wanted.get((type, value))
        if details is None:
            continue
        if language:
            details.languages[language] += messages
        for kind in filter(None, kinds.split(";")):
            details.kinds[kind] += messages
        if campaign.startswith(GIVEN):
            details.campaigns[campaign[1:]] += messages
        if model:
            details.models[model] += messages
    return wanted


def _proposal(one: _Sum, details: _Details, rules: Rules) -> Proposal:
    models = [name for name, _ in _ordered(details.models)]
    return Proposal(
        type=IndicatorType(one.type),
        value=one.value,
        messages=one.messages,
        flagged=one.flagged,
        senders=one.senders if rules.senders else None,
        first_day=_day(one.first, NO_DAY),
        last_day=_day(one.last, LAST_DAY),
        languages=_ordered(details.languages),
        kinds=_ordered(details.kinds),
        campaigns=tuple(name for name, _ in _ordered(details.campaigns)[:_MOST_CAMPAIGNS]),
        labelled=bool(one.labelled),
        verified=bool(one.verified),
        model_id=" ".join(models) or None,
    )


def _ordered(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _day(number: int, unknown: int) -> datetime.date | None:
    if number == unknown:
        return None
    try:
        return datetime.date(1970, 1, 1) + datetime.timedelta(days=number)
    except OverflowError:
        return None
