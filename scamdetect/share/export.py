"""Write the indicators that people decided to publish, and report what was left out and why.

The only input is a review file: nothing is exported without a person's decision. Ids depend only on
the type, the value and the organisation, so a later export replaces or revokes an earlier one.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from scamdetect.errors import InputError, MissingExtraError
from scamdetect.share.guard import blocked
from scamdetect.share.review import Proposal, read_review
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of, write_text
from scamdetect.system.os_errors import written
from scamdetect.text.indicators import IndicatorType
from scamdetect.text.wallets import wallet_of

_D, _L, _W, _P, _E, _H, _I = IndicatorType
# Links change owners quickly and numbers are reassigned: an indicator expires unless renewed.
_LINK_DAYS, _NUMBER_DAYS = 30, 7
_NAMESPACE = uuid.UUID("6f0c2a3e-9d7b-5c41-8a56-2b1f7f7f0e24")
# An id is derived from what it names, so the time of creation must not change either.
_CREATED = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
Record = dict[str, Any]
# The abuse types of the Global Signal Exchange that match a kind; others are "scam".
_ABUSE = {"phishing": "phishing", "account_takeover": "phishing", "impersonation": "impersonation"}


@dataclass(frozen=True)
class ExportOptions:
    """How reviewed indicators are exported.

    ``organisation`` is the one that shares. ``export_format`` is csv, jsonl, misp or stix, by
    default that of the extension. ``revoke`` writes the rows as withdrawn, also those that expired
    or are blocked now.
    """

    organisation: str
    export_format: str | None = None
    revoke: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class ExportSummary:
    """The path of the indicators, their numbers by type, and what was left out by reason."""

    destination: Path
    exported: dict[str, int]
    left_out: dict[str, int]


def write_export(
    review: str | Path,
    destination: str | Path,
    options: ExportOptions,
    *,
    now: datetime.datetime | None = None,
) -> ExportSummary:
    """Write the rows of a review file that a person decided to publish.

    Types that the format lacks, values on a guard list and expired reviews are counted as left out.
    The file is readable only for those who can read the review. Raises InputError if the review is
    invalid or there is nothing to export, MissingExtraError, OutputError.
    """
    review, destination = Path(review), Path(destination)
    kind = options.export_format or destination.suffix.lower().removeprefix(".")
    if kind not in _WRITERS:
        raise InputError(f"{destination}: format not set; pass --format {', '.join(_WRITERS)}")
    target = file_destination(destination, overwrite=options.overwrite, inputs=[review])
    left_out: Counter[str] = Counter()
    now = (now or datetime.datetime.now(datetime.UTC)).replace(microsecond=0)
    records = list(_records(review, kind, options, now, left_out))
    if not records:
        counts = "; ".join(f"{count:,} {reason}" for reason, count in left_out.most_common())
        raise InputError(
            f"{review}: no row can be exported ({counts or 'none has yes in the column publish'}); "
            "no file was written"
        )
    try:
        text = _WRITERS[kind](records)
    except MissingExtraError:
        raise
    except Exception as problem:  # stix2 and pymisp raise many types, with values in their text
        kind = f"{kind} ({type(problem).__name__})"
        raise InputError(f"{review}: not fit for {kind}; use another --format") from None
    with written(destination):
        write_text(target, text, access_of([review]))
    exported = Counter(record["type"] for record in records)
    return ExportSummary(target, dict(exported.most_common()), dict(left_out.most_common()))


def _records(
    review: Path, kind: str, options: ExportOptions, now: datetime.datetime, left_out: Counter[str]
) -> Iterator[Record]:
    """Yield the records of what is exported, and count the rest."""
    organisation = " ".join(options.organisation.split())
    if not organisation:
        raise InputError("organisation (--organisation) is empty; pass the name of the publisher")
    for proposal, date in read_review(review, today=now.date()):
        days = _LINK_DAYS if proposal.type in (_D, _L, _W) else _NUMBER_DAYS
        valid_until = date + datetime.timedelta(days)
        reason = _of_format(proposal, kind)
        if reason is None and not options.revoke:  # what was shared can always be withdrawn
            reason = blocked(proposal.type, proposal.value)
            reason = reason and f"{reason}; write no in the column publish"
            if valid_until <= now.date():
                reason = "expired since its review; review it again"
        if reason is not None:
            left_out[f"{proposal.type}: {reason}"] += 1
            continue
        changed = midnight(date)
        if options.revoke:  # always later than the shared version
            changed = max(now, changed + datetime.timedelta(seconds=1))
        yield {
            "signal": proposal.value,
            "signal_type": "url pattern" if _varies(proposal) else _SIGNAL_TYPES[proposal.type],
            "abuse_type": _ABUSE.get((*proposal.kinds, "")[0], "scam"),
            "report_date": f"{date} 00:00:00",
            "confidence_score": proposal.confidence,
            "predictive": True,
            "id": named_id("indicator", proposal.type, proposal.value, organisation),
            "type": proposal.type.value,
            "valid_until": str(valid_until),
            "withdrawn": options.revoke,
            "changed": changed.isoformat(),
            "tlp": proposal.tlp,
            "messages": proposal.messages,
            "first_day": proposal.first_day and str(proposal.first_day),
            "last_day": proposal.last_day and str(proposal.last_day),
            "kinds": list(proposal.kinds),
            "languages": list(proposal.languages),
            "verified": proposal.verified,
            "organisation": organisation,
        }


def _of_format(proposal: Proposal, kind: str) -> str | None:
    """Return why the format lacks an indicator, or None."""
    if kind in ("misp", "stix") and _varies(proposal):
        return f"{kind} has no equality for a varying part; its domain covers it"
    if kind == "stix" and proposal.type not in _STIX_PATHS:
        return "stix has no type for it; use --format csv or jsonl"
    return None


def _varies(proposal: Proposal) -> bool:
    return proposal.type is _L and "*" in proposal.value.split("/")


def named_id(*names: str) -> str:
    """Return a UUID (version 5) for the names in this order."""
    return str(uuid.uuid5(_NAMESPACE, "\x00".join(names)))


def midnight(day: datetime.date) -> datetime.datetime:
    """Return the start of a day in UTC."""
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def _library(name: str) -> Any:  # noqa: ANN401 - a module
    try:
        return import_module(name)
    except ImportError:
        raise MissingExtraError(name, "share") from None


# CSV and JSONL have the fields of the Global Signal Exchange first, then ours:
# https://www.globalsignalexchange.org/docs/sending-signals; its types are url and domain name.
_SIGNAL_TYPES = {
    _D: "domain name", _L: "url", _W: "crypto wallet", _P: "phone number", _E: "email address",
    _H: "account", _I: "iban",
}  # fmt: skip
_GSE_FIELDS = 6


def _csv(records: Sequence[Record]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, records[0], lineterminator="\n")
    writer.writeheader()
    for record in records:
        joined = {name: ";".join(record[name]) for name in ("kinds", "languages")}
        truths = {name: str(cell).lower() for name, cell in record.items() if cell in (True, False)}
        writer.writerow(record | joined | truths)
    return file.getvalue()


def _jsonl(records: Sequence[Record]) -> str:
    lines = []
    for record in records:
        fields = list(record.items())
        line = dict(fields[:_GSE_FIELDS]) | {"extra_data": dict(fields[_GSE_FIELDS:])}
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    return "".join(lines)


_STIX_PATHS = {
    _D: "domain-name:value", _L: "url:value", _E: "email-addr:value",
    _H: "user-account:account_login",
}  # fmt: skip


def _stix(records: Sequence[Record]) -> str:
    """Return a bundle of STIX 2.1."""
    stix2 = _library("stix2")
    name = records[0]["organisation"]
    owner = stix2.Identity(
        id=f"identity--{named_id('organisation', name)}", name=name, created=_CREATED,
        modified=_CREATED, identity_class="organization",
    )  # fmt: skip
    markings = {"TLP:GREEN": stix2.TLP_GREEN, "TLP:AMBER": stix2.TLP_AMBER}
    indicators = [
        stix2.Indicator(
            id=f"indicator--{record['id']}",
            created_by_ref=owner.id,
            created=_CREATED,
            modified=_time(record),
            revoked=record["withdrawn"],
            name=f"{record['type']} in scam messages",
            description=_description(record),
            indicator_types=["malicious-activity"],
            pattern=_pattern(record),
            pattern_type="stix",
            valid_from=f"{record['report_date'].replace(' ', 'T')}Z",
            valid_until=f"{record['valid_until']}T00:00:00Z",
            confidence=record["confidence_score"],
            labels=[f"abuse:{record['abuse_type']}", *(f"kind:{kind}" for kind in record["kinds"])],
            object_marking_refs=[markings[record["tlp"]]],
        )
        for record in records
    ]
    return str(stix2.Bundle([owner, *markings.values(), *indicators]).serialize(indent=1)) + "\n"


def _pattern(record: Record) -> str:
    value, account = record["signal"].replace("\\", r"\\").replace("'", r"\'"), ""
    if record["type"] == _H:
        platform, _, value = value.partition(":")
        account = f"user-account:account_type = '{platform}' AND "
    return f"[{account}{_STIX_PATHS[record['type']]} = '{value}']"


def _description(record: Record) -> str:
    kinds = f"; {', '.join(record['kinds'])}" if record["kinds"] else ""
    return f"in {record['messages']:,} messages{kinds}"


# MISP's "email" is mentioned in a text. It has no type for handles and for wallets other than of
# Bitcoin.
_MISP_TYPES = {
    _D: ("domain", "Network activity"), _L: ("url", "Network activity"),
    _P: ("phone-number", "Financial fraud"), _E: ("email", "Social network"),
    _I: ("iban", "Financial fraud"), _W: ("text", "Financial fraud"),
    _H: ("text", "Social network"),
}  # fmt: skip
_LEVELS = ("unconfident", "rarely-confident", "fairly-confident", "usually-confident",
           "completely-confident")  # fmt: skip


def _misp(records: Sequence[Record]) -> str:
    """Return the organisation's event; its id never changes.

    It is not published, and its distribution is "your organisation only", until somebody changes
    that in MISP, which accepts later versions of an attribute only in the same event.
    """
    event, name = _library("pymisp").MISPEvent(), records[0]["organisation"]
    event.from_dict(
        uuid=named_id("misp event", name),
        info=f"Indicators in scam messages, reviewed by {name}",
        date=max(record["report_date"] for record in records)[:10],
        timestamp=max(_time(record) for record in records),
        threat_level_id=4,  # undefined
        analysis=2,  # completed
        distribution=0,  # this organisation only
        published=False,
        Orgc={"name": name, "uuid": named_id("organisation", name)},
    )
    event.add_tag(min(record["tlp"] for record in records).lower())  # amber before green
    for record in records:
        wallet = wallet_of(record["signal"]) if record["type"] == _W else None
        native, category = _MISP_TYPES[record["type"]]
        attribute = event.add_attribute(
            "btc" if wallet is not None and wallet.coin == "bitcoin" else native,
            record["signal"],
            category=category,
            uuid=record["id"],
            to_ids=not record["withdrawn"],
            comment=_description(record),
            distribution=5,  # that of the event
            deleted=record["withdrawn"],
            timestamp=_time(record),
            first_seen=record["first_day"],
            last_seen=record["last_day"],
        )
        attribute.add_tag(record["tlp"].lower())
        level = _LEVELS[round(record["confidence_score"] / 25)]
        attribute.add_tag(f'misp:confidence-level="{level}"')
        attribute.add_tag("retention:1m" if record["type"] in (_D, _L, _W) else "retention:7d")
    for part in (event, *event.attributes):
        part.edited = False  # keeps the time, by which MISP accepts a later version
    return json.dumps({"Event": json.loads(event.to_json())}, ensure_ascii=False, indent=1) + "\n"


def _time(record: Record) -> datetime.datetime:
    return datetime.datetime.fromisoformat(record["changed"])


_Writer = Callable[[Sequence[Record]], str]
_WRITERS: dict[str, _Writer] = {"csv": _csv, "jsonl": _jsonl, "misp": _misp, "stix": _stix}
