"""Find the indicators of scored messages and aggregate them without storing any text.

Indicators that the guard blocks, or that belong to the recipient of a message, are counted and
dropped. There are two tables: facts, one row per campaign, indicator and kind of message, and pairs
of hashes of senders and what they sent, so that a million senders are a million pairs and not a
million rows of facts.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import IO
from urllib.parse import unquote

import pyarrow as pa

from scamdetect.labels import Decision
from scamdetect.share.guard import Guard
from scamdetect.text.indicators import Indicator, IndicatorType, indicators_of, plain_value
from scamdetect.text.link_finder import split_link
from scamdetect.text.masking import key_of, mask

# Rows that are not indicators have one of these instead of a type.
LEFT_OUT, RECIPIENT, LABEL = "left out", "recipient", "label"
OF_RECIPIENT = "belongs to the recipient of its message"
SCAM, NO_SCAM = "scam", "no scam"
NO_DAY, LAST_DAY = (1 << 62), -(1 << 62)  # if no day is known: later and earlier than any
# How the id of a campaign starts: from `campaigns`, from a template, or from a single value if the
# template is too short for one.
GIVEN, TEMPLATE, ALONE = "c", "t", "s"
_SHORT = 20  # characters of a template without punctuation
_TAGS = re.compile(r"\b(?:link|number|phone|email|handle|code)\b")
_LEAST_RECIPIENT = 5  # characters; shorter ones are in many links by chance
_LONGEST_KIND = 40
_MOST_PENDING = 1 << 13  # rows aggregated together

FACTS = pa.schema(
    [
        ("campaign", pa.string()),
        ("type", pa.string()),
        ("value", pa.string()),
        ("flagged", pa.int64()),  # 1 or 0
        ("language", pa.string()),
        ("kinds", pa.string()),
        ("model", pa.string()),
        ("verified", pa.int64()),
        ("messages", pa.int64()),
        ("leads", pa.int64()),  # messages of which this is the first indicator of the type
        ("first", pa.int64()),
        ("last", pa.int64()),
    ]
)
# ``indicator`` is the ``indicator_hash`` of the campaign, the type and the value.
SENDERS = pa.schema([("campaign", pa.string()), ("indicator", pa.int64()), ("sender", pa.int64())])
_KEYS = FACTS.names[:8]
_SUMS = [("messages", "sum"), ("leads", "sum"), ("first", "min"), ("last", "max")]


@dataclass(frozen=True)
class Message:
    """A scored message; ``campaign`` is its id from `campaigns`, if any."""

    text: str
    decision: str
    language: str | None
    kinds: Sequence[str]
    model: str | None
    sender: str | None
    recipient: str | None
    day: int | None  # since 1970
    campaign: str | None
    label: str | None  # SCAM or NO_SCAM if a person labelled it


class Findings:
    """The findings of some messages, added one by one."""

    def __init__(self, types: Collection[IndicatorType], region: str | None, guard: Guard) -> None:
        self._types = frozenset(types)
        self._in_text = self._types - {IndicatorType.SENDER}
        self._region = region
        self._verdict = lru_cache(1 << 16)(guard.verdict)
        self._columns: dict[str, list[object]] = {name: [] for name in FACTS.names}
        self._senders: list[tuple[str, int, int]] = []
        self._recipients: set[str] = set()
        self._left_out: Counter[str] = Counter()
        self._facts, self._pairs = FACTS.empty_table(), SENDERS.empty_table()

    def add(self, message: Message) -> None:
        """Add the indicators of a message."""
        if message.recipient:
            self._add_recipient(message.recipient)
        found = self._found(message)
        if not found and message.label is None:
            return
        campaign = _campaign(message)
        if message.label is not None and campaign is not None:
            self._mark(campaign, LABEL, message.label, 1)
        seen: set[IndicatorType] = set()
        for one in found:
            alone = f"{ALONE}{_hash(one.type + one.value):016x}"
            if message.label is not None and campaign is None:
                self._mark(alone, LABEL, message.label, 1)
            self._row(
                campaign=campaign or alone,
                type=one.type.value,
                value=one.value,
                flagged=int(message.decision == Decision.FLAG.value),
                language=_language(message),
                kinds=_kinds(message),
                model=message.model,
                verified=int(one.verified),
                messages=1,
                leads=int(one.type not in seen),
                first=NO_DAY if message.day is None else message.day,
                last=LAST_DAY if message.day is None else message.day,
            )
            if message.sender is not None:
                found_in = campaign or alone
                indicator = indicator_hash(found_in, one.type.value, one.value)
                self._senders.append((found_in, indicator, _signed(_hash(message.sender))))
            seen.add(one.type)
        if len(self._columns["type"]) > _MOST_PENDING:
            self._compact()

    def save(self, file: IO[bytes]) -> tuple[int, int]:
        """Write the tables as two streams; return the numbers of rows and bytes; raise OSError.

        The first column of each names the campaign.
        """
        for reason, count in self._left_out.items():
            self._mark(f"{LEFT_OUT}{reason}", LEFT_OUT, reason, count)
        for value in self._recipients:
            self._mark(f"{RECIPIENT}{value}", RECIPIENT, value, 1)
        self._compact()
        tables = self._facts, self._pairs
        for table in tables:
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with pa.ipc.new_stream(file, table.schema, options=options) as stream:
                stream.write_table(table)
        return sum(table.num_rows for table in tables), sum(table.nbytes for table in tables)

    def _compact(self) -> None:
        """Combine equal rows, which limits the memory."""
        arrays = [pa.array(self._columns[field.name], field.type) for field in FACTS]
        new = pa.Table.from_arrays(arrays, schema=FACTS)
        self._columns = {name: [] for name in FACTS.names}
        self._facts = summed(pa.concat_tables([self._facts, new]))
        columns = zip(*self._senders, strict=True) if self._senders else ((), (), ())
        arrays = [
            pa.array(column, field.type) for column, field in zip(columns, SENDERS, strict=True)
        ]
        pairs = pa.concat_tables([self._pairs, pa.Table.from_arrays(arrays, schema=SENDERS)])
        self._senders = []
        self._pairs = pairs.group_by(SENDERS.names).aggregate([]).select(SENDERS.names)

    def _found(self, message: Message) -> list[Indicator]:
        """Return the indicators that may be stored, each once."""
        found: dict[tuple[IndicatorType, str], Indicator] = {}
        forms = _forms(message.recipient, self._region)
        for one in self._candidates(message):
            kept = _without_recipient(one, forms)
            reason = OF_RECIPIENT if kept is None else self._verdict(kept.type, kept.value)
            if kept is None or reason is not None:
                self._left_out[reason or OF_RECIPIENT] += 1
                continue
            known = found.get((kept.type, kept.value))
            found[kept.type, kept.value] = kept if known is None or kept.verified else known
        return list(found.values())

    def _candidates(self, message: Message) -> Iterator[Indicator]:
        yield from indicators_of(message.text, self._in_text, self._region)
        if IndicatorType.SENDER in self._types and message.sender is not None:
            value = plain_value(IndicatorType.SENDER, message.sender)
            if value is not None:
                yield Indicator(IndicatorType.SENDER, value, 0, 0, False)

    def _add_recipient(self, name: str) -> None:
        for form in _forms(name, self._region):
            self._recipients.add(form)

    def _mark(self, campaign: str, type: str, value: str, messages: int) -> None:
        self._row(
            campaign=campaign, type=type, value=value, flagged=0, language="", kinds="",
            model=None, verified=1, messages=messages, leads=0, first=NO_DAY, last=LAST_DAY,
        )  # fmt: skip

    def _row(self, **values: object) -> None:
        for name, value in values.items():
            self._columns[name].append(value)


def summed(facts: pa.Table) -> pa.Table:
    """Return facts with equal rows combined."""
    found = facts.group_by(_KEYS).aggregate(_SUMS)
    arrays = [found[name] for name in _KEYS]
    arrays += [found[f"{name}_{how}"] for name, how in _SUMS]
    return pa.Table.from_arrays(arrays, schema=FACTS)


def indicator_hash(*names: str) -> int:
    """Return a signed 64-bit hash of names in this order."""
    return _signed(_hash("\x00".join(names)))


def forms_of(type: IndicatorType, value: str) -> set[str]:
    """Return the forms of a value that may equal one of a recipient."""
    if type is IndicatorType.HANDLE:
        name = value.partition(":")[2]
        return {name.casefold(), name.lstrip("@").casefold()}
    return {value.casefold()}


@lru_cache(1 << 12)
def _forms(recipient: str | None, region: str | None) -> frozenset[str]:
    """Return the normal forms of a recipient: a phone number, an address or a name."""
    if not recipient or not recipient.strip():
        return frozenset()
    name = " ".join(recipient.split())
    forms = {name.casefold(), name.lstrip("@").casefold()}
    for type in (
        IndicatorType.PHONE,
        IndicatorType.EMAIL,
        IndicatorType.WALLET,
        IndicatorType.IBAN,
    ):
        whole = [
            one.value for one in indicators_of(name, (type,), region)
            if (one.start, one.end) == (0, len(name))
        ]  # fmt: skip
        forms |= {value.casefold() for value in whole}
    digits = re.sub(r"\D", "", name)
    return frozenset(forms | ({f"+{digits}"} if len(digits) > _LEAST_RECIPIENT else set()))


def _without_recipient(one: Indicator, forms: frozenset[str]) -> Indicator | None:
    """Return the indicator without the recipient in the path of a link, or None if it is theirs."""
    if not forms:
        return one
    if forms_of(one.type, one.value) & forms:
        return None
    if one.type is not IndicatorType.LINK:
        return one
    long = [form.lstrip("+") for form in forms if len(form) >= _LEAST_RECIPIENT]
    scheme, rest = split_link(one.value)
    host, *parts = rest.split("/")
    kept = [
        "*" if any(form in unquote(part).casefold() for form in long) else part for part in parts
    ]
    if any(form in host.casefold() for form in long):
        return None
    return replace(one, value="/".join([f"{scheme}{host}", *kept]))


def _campaign(message: Message) -> str | None:
    """Return the campaign of a message, None if its template is too short for one."""
    key = key_of(mask(message.text))
    if len(_TAGS.sub("", key).strip()) < _SHORT:
        return None
    if message.campaign is not None:
        return f"{GIVEN}{message.campaign}"
    return f"{TEMPLATE}{_hash(key):016x}"


def _language(message: Message) -> str:
    scored = message.decision != Decision.UNSCORED.value
    return message.language or "" if scored else ""


def _kinds(message: Message) -> str:
    flagged = message.decision == Decision.FLAG.value
    return ";".join(kind[:_LONGEST_KIND] for kind in message.kinds) if flagged else ""


@lru_cache(1 << 14)
def _hash(text: str) -> int:
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:8])


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number
