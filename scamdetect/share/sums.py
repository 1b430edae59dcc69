"""Aggregate findings by value, and decide which are proposed, or why not."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.frames.arrow import numbers, one_array
from scamdetect.share.campaign_facts import Fact
from scamdetect.share.findings import LAST_DAY, LEFT_OUT, NO_DAY, RECIPIENT, forms_of
from scamdetect.share.proposals import Proposal
from scamdetect.text.indicators import IndicatorType

LEAST_FLAGGED = 0.8  # share of its messages
FEWEST_SENDERS = 3
FEWEST_MESSAGES = 10  # where no senders are known
_MOST_CAMPAIGNS = 20  # listed in a proposal
_SLICE = 1 << 14  # rows that are Python objects at a time

DIFFERS = "differs in most messages of its campaigns, so it belongs to recipients"
EQUALS = "equal to a recipient"
HONEST = "a person labelled its campaign as no scam"
FEW_FLAGGED = f"less than {LEAST_FLAGGED:.0%} of its messages are flagged"
FEW_SENDERS = f"fewer than {FEWEST_SENDERS} senders"
FEW_MESSAGES = f"fewer than {FEWEST_MESSAGES} messages, and senders are not known"
FEW_OF_SENDER = f"fewer than {FEWEST_SENDERS} messages of the sender"


@dataclass(frozen=True)
class Rules:
    """The rules for proposals: whether senders are known, and the guard's verdict."""

    senders: bool
    verdict: Callable[[IndicatorType, str], str | None]


@dataclass
class _Sum:
    """The evidence of all messages of a type and value."""

    type: IndicatorType
    value: str
    messages: int = 0
    flagged: int = 0
    differs: int = 0
    labelled: int = 0
    honest: int = 0
    senders: int = 0
    first: int = NO_DAY
    last: int = LAST_DAY
    verified: bool = True
    languages: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    campaigns: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)

    def add(
        self, fact: Fact, messages: int, first: int, last: int, told: tuple[int, int, int]
    ) -> None:
        """Add a fact."""
        self.messages += messages
        self.flagged += messages * int(fact.flagged)
        differs, labelled, honest = told
        self.differs += differs
        self.labelled += labelled
        self.honest += honest
        self.first, self.last = min(self.first, first), max(self.last, last)
        self.verified &= fact.verified == "1"
        if fact.language:
            self.languages[fact.language] += messages
        for kind in filter(None, fact.kinds.split(";")):
            self.kinds[kind] += messages
        if fact.campaign:
            self.campaigns[fact.campaign] += messages
        if fact.model:
            self.models[fact.model] += messages


def of_values(table: pa.Table, rules: Rules, left_out: Counter[str]) -> Iterator[Proposal]:
    """Yield the proposals from the facts of complete values, and count the others by reason."""
    recipients: set[str] = set()
    sums: dict[int, _Sum] = {}
    facts = table.filter(pc.is_valid(table["fact"]))
    for start in range(0, facts.num_rows, _SLICE):
        some = facts.slice(start, _SLICE).drop_columns(["key", "sender"])
        for number, text, messages, first, last, *told in zip(
            *(column.to_pylist() for column in some), strict=True
        ):
            fact = Fact.of(text)
            if fact.type == LEFT_OUT:
                left_out[fact.value] += messages
            elif fact.type == RECIPIENT:
                recipients.add(fact.value)
            else:
                if number not in sums:
                    sums[number] = _Sum(IndicatorType(fact.type), fact.value)
                sums[number].add(fact, messages, first, last, (told[0], told[1], told[2]))
    for number, count in _senders(table):
        sums[number].senders = count
    for one in sums.values():
        reason = _reason(one, rules, recipients)
        if reason is None:
            yield _proposal(one, rules)
        else:
            left_out[reason] += 1


def _senders(table: pa.Table) -> Iterator[tuple[int, int]]:
    """Yield the number of senders of each indicator."""
    pairs = table.filter(pc.is_valid(table["sender"])).select(["indicator", "sender"])
    if pairs.num_rows:
        rows = np.unique(np.column_stack([numbers(one_array(one)) for one in pairs]), axis=0)
        found, counts = np.unique(rows[:, 0], return_counts=True)
        yield from zip(found.tolist(), counts.tolist(), strict=True)


def _reason(one: _Sum, rules: Rules, recipients: set[str]) -> str | None:
    """Return why a value is not proposed, or None."""
    if forms_of(one.type, one.value) & recipients:
        return EQUALS
    if one.honest:
        return HONEST
    if 2 * one.differs > one.messages:
        return DIFFERS
    if (reason := rules.verdict(one.type, one.value)) is not None:
        return reason
    if one.labelled:
        return None
    if one.flagged < LEAST_FLAGGED * one.messages:
        return FEW_FLAGGED
    if one.type is IndicatorType.SENDER:
        return None if one.messages >= FEWEST_SENDERS else FEW_OF_SENDER
    if rules.senders:
        return None if one.senders >= FEWEST_SENDERS else FEW_SENDERS
    return None if one.messages >= FEWEST_MESSAGES else FEW_MESSAGES


def _proposal(one: _Sum, rules: Rules) -> Proposal:
    return Proposal(
        type=one.type,
        value=one.value,
        messages=one.messages,
        flagged=one.flagged,
        senders=one.senders if rules.senders else None,
        first_day=_day(one.first, NO_DAY),
        last_day=_day(one.last, LAST_DAY),
        languages=_ordered(one.languages),
        kinds=_ordered(one.kinds),
        campaigns=tuple(name for name, _ in _ordered(one.campaigns)[:_MOST_CAMPAIGNS]),
        labelled=bool(one.labelled),
        verified=one.verified,
        model_id=" ".join(name for name, _ in _ordered(one.models)) or None,
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
