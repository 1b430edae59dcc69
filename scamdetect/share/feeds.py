"""Read indicators of others into one list to check messages against.

Expiry, confidence and withdrawal are respected, the guard lists filter, and everything left out is
counted with the reason and the first position.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from scamdetect.dumps.decide import Listed, listed_key
from scamdetect.errors import InputError
from scamdetect.share.feed_formats import Record, read_feed
from scamdetect.share.guard import blocked
from scamdetect.text.handles import PLATFORMS
from scamdetect.text.hosts import plain_host, registered_domain
from scamdetect.text.indicators import IndicatorType, plain_value
from scamdetect.text.link_finder import find_links, split_link
from scamdetect.text.numbers import has_card

LEAST_CONFIDENCE = 30  # where "low" ends in the STIX scale
_LONGEST = 2_048
_D, _L, _W, _P, _E, _H, _I = IndicatorType
_TYPES = {
    "domain": _D, "domain name": _D, "hostname": _D, "host": _D, "fqdn": _D, "domain ip": _D,
    "link": _L, "url": _L, "uri": _L, "url pattern": _L, "email": _E, "email address": _E,
    "email addr": _E, "email src": _E, "email dst": _E, "email reply to": _E, "e mail": _E,
    "phone": _P, "phone number": _P, "telephone": _P, "mobile": _P, "msisdn": _P, "wallet": _W,
    "crypto wallet": _W, "cryptocurrency wallet": _W, "btc": _W, "bitcoin": _W, "eth": _W,
    "address crypto": _W, "trx": _W, "sol": _W, "handle": _H, "account": _H, "user account": _H,
    "iban": _I,
}  # fmt: skip
_TRUTHS = {"true": True, "1": True, "yes": True, "y": True, "false": False, "0": False,
           "no": False, "n": False, "": False}  # fmt: skip
_DEFANGED = re.compile(r"\[(\.|:|@|://|dot|at)\]|\((\.|dot|at)\)", re.IGNORECASE)
_REFANGED = {"dot": ".", "at": "@"}
_SCHEME = re.compile(r"h[tx]{2}p(s?)://", re.IGNORECASE)
_VARYING = re.compile(r"(?<=/)\*(?=/|$)")  # a part of a path, as in our own exports
_STAND_IN = "0varying0"  # because a star at the end of a link in a text closes bold text


class _LeftOut(Exception):
    """Why an entry of a feed is not used, with the fix; contains no value."""


@dataclass
class FeedReport:
    """The result for one feed: how many indicators are used, and what was left out.

    ``reasons`` has, by reason, the number and the first position.
    """

    name: str
    taken: int = 0
    reasons: dict[str, tuple[int, str]] = field(default_factory=dict)

    def leave_out(self, reason: str, position: str) -> None:
        """Count an indicator that is not used."""
        count, first = self.reasons.get(reason, (0, position))
        self.reasons[reason] = count + 1, first

    def lines(self) -> list[str]:
        """Return the lines of the report."""
        left_out = [
            f"{self.name}: {count:,} left out, the first at {position}: {reason}"
            for reason, (count, position) in self.reasons.items()
        ]
        return [f"{self.name}: {self.taken:,} indicators are used", *left_out]


class _Entry(NamedTuple):
    """A version of an indicator, by ``key`` the same; ``reason`` is why it is not used."""

    key: object
    type: IndicatorType
    value: str
    changed: float
    reason: str | None
    report: FeedReport
    position: str


def read_feeds(
    paths: Sequence[str | Path],
    *,
    as_of: datetime.date | None = None,
    least_confidence: int = LEAST_CONFIDENCE,
    region: str | None = None,
) -> tuple[Listed, list[FeedReport]]:
    """Return the indicators of all feeds that are valid on a day, and a report on each feed.

    ``as_of`` is today, in UTC, by default. Indicators that expired before, are not valid yet, were
    withdrawn, are on a guard list or have less than ``least_confidence`` are not used; those
    without a confidence are. The last of several versions with one id counts, in any feed. Phone
    numbers in messages without a country code belong to the ``region`` (ISO 3166).

    Raises InputError for feeds that cannot be read, and if no indicator is left.
    """
    day = datetime.datetime.now(datetime.UTC).date() if as_of is None else as_of
    names = [Path(path).name for path in paths]
    reports = [
        FeedReport(name if names.count(name) == 1 else str(path))
        for name, path in zip(names, paths, strict=True)
    ]
    newest: dict[object, _Entry] = {}
    for path, report in zip(paths, reports, strict=True):
        for entry in _entries(Path(path), report, day, least_confidence):
            older = newest.get(entry.key)
            if older is not None:
                older, entry = sorted((older, entry), key=lambda item: item.changed)
                older.report.leave_out("an earlier version of another", older.position)
            newest[entry.key] = entry
    listed: dict[str, dict[str, None]] = {}
    for entry in newest.values():
        if entry.reason is not None:
            entry.report.leave_out(entry.reason, entry.position)
        else:
            entry.report.taken += 1
            listed.setdefault(listed_key(entry.type, entry.value), {})[entry.report.name] = None
    if not listed:
        lines = "; ".join(line for report in reports for line in report.lines())
        raise InputError(f"no usable indicator is left: {lines}")
    return Listed({key: tuple(feeds) for key, feeds in listed.items()}, region), reports


def _entries(path: Path, report: FeedReport, day: datetime.date, least: int) -> Iterator[_Entry]:
    for position, record in read_feed(path):
        try:
            kind, value = plain_of(record)
            changed, reason = _judge(record, day, least)
        except _LeftOut as problem:
            report.leave_out(str(problem), position)
        else:
            key = record.get("id") or (report.name, kind, value)
            reason = reason or blocked(kind, value)
            yield _Entry(key, kind, value, changed, reason, report, position)


def _judge(record: Record, day: datetime.date, least: int) -> tuple[float, str | None]:
    """Return when a record was changed and why it is not used, if so; raise _LeftOut."""
    start = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
    try:
        changed, since, until = (
            _time(_cell(record, name)) for name in ("changed", "valid_from", "valid_until")
        )
        withdrawn = _TRUTHS[_cell(record, "withdrawn").casefold()]
        confidence = float(_cell(record, "confidence") or least)
        if not 0 <= confidence <= 100:
            raise ValueError
    except (KeyError, ValueError, OverflowError, OSError):
        raise _LeftOut(
            "with an invalid date, confidence or withdrawn; write 2026-12-31, 0 to 100, true"
        ) from None
    reason = None
    if withdrawn:
        reason = "withdrawn"
    elif until is not None and until <= start:
        reason = "expired; ask if it is still valid"
    elif since is not None and since >= start + datetime.timedelta(1):
        reason = "not valid yet"
    elif not confidence >= least:
        reason = f"of a confidence below {least}; --min-confidence sets the limit"
    return 0.0 if changed is None else changed.timestamp(), reason


def plain_of(record: Record) -> tuple[IndicatorType, str]:
    """Return an indicator in the form of a message's indicators; raise _LeftOut.

    Without a type the value must show it. Defanged values are restored.
    """
    if "problem" in record:
        raise _LeftOut(record["problem"])
    value = _DEFANGED.sub(
        lambda m: _REFANGED.get(m[0][1:-1].lower(), m[0][1:-1]), _cell(record, "value")
    )
    value = _SCHEME.sub(r"http\1://", value)
    if any(unicodedata.category(character) in ("Cc", "Cf") for character in value):
        raise _LeftOut("with hidden or direction characters; ask for the plain value")
    name = re.sub("[^a-z0-9]+", " ", _cell(record, "type").casefold()).strip()
    kind = _TYPES.get(name) if name else _type_of(value)
    if kind is None:
        raise _LeftOut("of a type for which messages are not checked")
    if kind is _P and not value.startswith(("+", "00")):
        raise _LeftOut("a phone number without its country; write it as +49...")
    plain = None
    if 0 < len(value) <= _LONGEST:
        own_form = {_D: _domain, _L: _link}.get(kind)
        plain = plain_value(kind, value) if own_form is None else own_form(value)
    if plain is None:
        raise _LeftOut(f"not a valid {kind}; correct it in the feed")
    return kind, plain


def _type_of(value: str) -> IndicatorType:
    if value.partition(":")[0].lower() in PLATFORMS:
        return _H
    for mark, kind in (("/", _L), ("@", _E), ("+", _P), (".", _D)):
        if mark in value:
            return kind
    if value[:2].isalpha() and value[2:4].isdecimal():
        return _I
    return _W if len(value) >= 25 else _D


def _domain(value: str) -> str | None:
    """Return the name of a host below a public suffix; a registered domain is one too."""
    host = plain_host(value.removeprefix("*.").strip("."))
    return host if host is not None and registered_domain(host) is not None else None


def _link(value: str) -> str | None:
    """Return a link whose target is not only in its query, which would be lost."""
    url = value if split_link(value)[0] else f"http://{value}"
    url = _VARYING.sub(_STAND_IN, url)
    link = next(find_links(url), None)
    if link is None or (link.start, link.end) != (0, len(url)) or has_card(link.value):
        return None
    in_query = not link.path and any(character in url for character in "?#")
    return None if in_query else link.value.replace(_STAND_IN, "*")


def _cell(record: Record, name: str) -> str:
    value = record.get(name)
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _time(cell: str) -> datetime.datetime | None:
    """Return an ISO 8601 time or seconds since 1970 in UTC, None for an empty cell."""
    if cell.isdecimal() and len(cell) > len("20261231"):
        return datetime.datetime.fromtimestamp(int(cell), datetime.UTC)
    time = datetime.datetime.fromisoformat(cell) if cell else None
    return time if time is None or time.tzinfo else time.replace(tzinfo=datetime.UTC)
