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
from scamdetect.share.review import FORMULA, Proposal, read_review
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of, write_text
from scamdetect.system.os_errors import written
from scamdetect.text.indicators import IndicatorType
from scamdetect.text.wallets import wallet_of

_D, _L, _W, _P, _E, _H, _I, _S = IndicatorType
# Links change owners quickly and numbers are reassigned: an indicator expires unless renewed.
_LINK_DAYS, _NUMBER_DAYS = 30, 7
_NAMESPACE = uuid.UUID("6f0c2a3e-9d7b-5c41-8a56-2b1f7f7f0e24")
# An id is derived from what it names, so the time of creation must not change either.
_CREATED = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
# The abuse types of the Global Signal Exchange that match a kind; others are "scam".
_ABUSE = {"phishing": "phishing", "account_takeover": "phishing", "impersonation": "impersonation"}


@dataclass(frozen=True)
class ExportOptions:
    """How reviewed indicators are exported.

    ``organisation`` is the one that shares. ``export_format`` is csv, jsonl, misp or stix, by
    default that of the extension ``.csv`` or ``.jsonl``. ``revoke`` writes the rows as withdrawn,
    also those that expired or are blocked now.
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


@dataclass(frozen=True)
class Signal:
    """An indicator to export, of the version at the time ``changed``."""

    proposal: Proposal
    organisation: str
    date: datetime.date  # of the review
    changed: datetime.datetime
    withdrawn: bool

    @property
    def id(self) -> uuid.UUID:
        """Return the id of the organisation's indicator."""
        return named_id("indicator", self.proposal.type, self.proposal.value, self.organisation)

    @property
    def valid_until(self) -> datetime.date:
        """Return the first day on which it is no longer valid, in UTC."""
        days = _LINK_DAYS if self.proposal.type in (_D, _L, _W) else _NUMBER_DAYS
        return self.date + datetime.timedelta(days)


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
    suffix = destination.suffix.lower().removeprefix(".")
    kind = options.export_format or ("jsonl" if suffix == "ndjson" else suffix)
    if kind not in _WRITERS:
        raise InputError(f"{destination}: format not set; pass --format {', '.join(_WRITERS)}")
    target = file_destination(destination, overwrite=options.overwrite, inputs=[review])
    now = (now or datetime.datetime.now(datetime.UTC)).replace(microsecond=0)
    left_out: Counter[str] = Counter()
    signals = list(_signals(review, kind, options, now, left_out))
    if not signals:
        counts = "; ".join(f"{count:,} {reason}" for reason, count in left_out.most_common())
        raise InputError(
            f"{review}: no row can be exported ({counts or 'none has yes in the column publish'}); "
            "no file was written"
        )
    try:
        text = _WRITERS[kind](signals)
    except MissingExtraError:
        raise
    except Exception as problem:  # stix2 and pymisp raise many types, with values in their text
        kind = f"{kind} ({type(problem).__name__})"
        raise InputError(f"{review}: not fit for {kind}; use another --format") from None
    with written(destination):
        write_text(target, text, access_of([review]))
    exported = Counter(signal.proposal.type.value for signal in signals)
    return ExportSummary(target, dict(exported.most_common()), dict(left_out.most_common()))


def _signals(
    review: Path, kind: str, options: ExportOptions, now: datetime.datetime, left_out: Counter[str]
) -> Iterator[Signal]:
    """Yield what is exported, and count the rest."""
    organisation = " ".join(options.organisation.split())
    if not organisation:
        raise InputError("organisation (--organisation) is empty; pass the name of the publisher")
    for proposal, date in read_review(review, today=now.date()):
        changed = midnight(date)
        if options.revoke:  # always later than the shared version
            changed = max(now, changed + datetime.timedelta(seconds=1))
        signal = Signal(proposal, organisation, date, changed, options.revoke)
        reason = _reason(signal, kind, now.date())
        if reason is None:
            yield signal
        else:
            left_out[f"{proposal.type}: {reason}"] += 1


def _reason(signal: Signal, kind: str, today: datetime.date) -> str | None:
    """Return why an indicator is left out, or None; what was shared can always be withdrawn."""
    proposal, value = signal.proposal, signal.proposal.value
    if kind == "csv" and value.startswith(FORMULA) and not value[1:].isdecimal():
        return "a spreadsheet would run it as a formula; use --format jsonl"
    if kind in ("misp", "stix"):
        known = _STIX_PATHS if kind == "stix" else _MISP_TYPES
        sender = proposal.type is _S and kind == "misp" and _misp_sender(value)
        if _varies(proposal):
            return f"{kind} has no equality for a varying part; its domain covers it"
        if proposal.type not in known and not sender:
            return f"{kind} has no type for it; use --format csv or jsonl"
    if signal.withdrawn:
        return None
    if signal.valid_until <= today:
        return "expired since its review; review it again"
    listed = blocked(proposal.type, value)
    return listed and f"{listed}; write no in the column publish"


def _varies(proposal: Proposal) -> bool:
    return proposal.type is _L and "*" in proposal.value.split("/")[3:]


def named_id(*names: str) -> uuid.UUID:
    """Return a UUID (version 5) for the names in this order."""
    return uuid.uuid5(_NAMESPACE, "\x00".join(names))


def midnight(day: datetime.date) -> datetime.datetime:
    """Return the start of a day in UTC."""
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def _library(name: str) -> Any:  # noqa: ANN401 - a module
    try:
        return import_module(name)
    except ImportError:
        raise MissingExtraError(name, "share") from None


# -- CSV and JSONL with the fields of the Global Signal Exchange -----------------------------------
# https://www.globalsignalexchange.org/docs/sending-signals; its types are url and domain name.

_SIGNAL_TYPES = {
    _D: "domain name", _L: "url", _W: "crypto wallet", _P: "phone number", _E: "email address",
    _H: "account", _I: "iban", _S: "sender",
}  # fmt: skip
_GSE_FIELDS = 6  # the others are ours


def _record(signal: Signal) -> dict[str, Any]:
    proposal = signal.proposal
    return {
        "signal": proposal.value,
        "signal_type": "url pattern" if _varies(proposal) else _SIGNAL_TYPES[proposal.type],
        "abuse_type": _ABUSE.get((*proposal.kinds, "")[0], "scam"),
        "report_date": f"{signal.date} 00:00:00",
        "confidence_score": proposal.confidence,
        "predictive": not proposal.labelled,
        "id": str(signal.id),
        "type": proposal.type.value,
        "valid_until": str(signal.valid_until),
        "withdrawn": signal.withdrawn,
        "changed": signal.changed.isoformat(),
        "tlp": proposal.tlp,
        "messages": proposal.messages,
        "first_day": proposal.first_day and str(proposal.first_day),
        "last_day": proposal.last_day and str(proposal.last_day),
        "kinds": list(proposal.kinds),
        "languages": list(proposal.languages),
        "verified": proposal.verified,
        "organisation": signal.organisation,
    }


def _csv(signals: Sequence[Signal]) -> str:
    records = [_record(signal) for signal in signals]
    file = io.StringIO()
    writer = csv.DictWriter(file, records[0], lineterminator="\n")
    writer.writeheader()
    for record in records:
        joined = {name: ";".join(record[name]) for name in ("kinds", "languages")}
        truths = {name: str(cell).lower() for name, cell in record.items() if cell in (True, False)}
        writer.writerow(record | joined | truths)
    return file.getvalue()


def _jsonl(signals: Sequence[Signal]) -> str:
    lines = []
    for signal in signals:
        fields = list(_record(signal).items())
        record = dict(fields[:_GSE_FIELDS]) | {"extra_data": dict(fields[_GSE_FIELDS:])}
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    return "".join(lines)


# -- STIX 2.1 with TLP 2.0 -------------------------------------------------------------------------

_STIX_PATHS = {
    _D: "domain-name:value", _L: "url:value", _E: "email-addr:value",
    _H: "user-account:account_login",
}  # fmt: skip
# https://github.com/oasis-open/cti-stix-common-objects
_TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_TLP_MARKINGS = {
    "TLP:GREEN": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "TLP:AMBER": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
}


def _stix(signals: Sequence[Signal]) -> str:
    stix2 = _library("stix2")
    name = signals[0].organisation
    owner = stix2.Identity(
        id=f"identity--{named_id('organisation', name)}", name=name, created=_CREATED,
        modified=_CREATED, identity_class="organization",
    )  # fmt: skip
    markings = [
        stix2.MarkingDefinition(
            id=_TLP_MARKINGS[label], created="2022-10-01T00:00:00.000Z", name=label,
            extensions={_TLP_EXTENSION: {"extension_type": "property-extension",
                                         "tlp_2_0": label.removeprefix("TLP:").lower()}},
        )
        for label in sorted({signal.proposal.tlp for signal in signals})
    ]  # fmt: skip
    indicators = [_stix_indicator(stix2, signal, owner.id) for signal in signals]
    return str(stix2.Bundle([owner, *markings, *indicators]).serialize(indent=1)) + "\n"


def _stix_indicator(stix2: Any, signal: Signal, owner: str) -> Any:  # noqa: ANN401
    proposal = signal.proposal
    value, tests = proposal.value, []
    if proposal.type is _H:
        platform, _, value = value.partition(":")
        tests = [stix2.EqualityComparisonExpression("user-account:account_type", platform)]
    tests.append(stix2.EqualityComparisonExpression(_STIX_PATHS[proposal.type], value))
    pattern = stix2.ObservationExpression(
        stix2.AndBooleanExpression(tests) if len(tests) > 1 else tests[0]
    )
    return stix2.Indicator(
        id=f"indicator--{signal.id}",
        created_by_ref=owner,
        created=_CREATED,
        modified=signal.changed,
        revoked=signal.withdrawn,
        name=f"{proposal.type} in scam messages",
        description=_seen(proposal),
        indicator_types=["malicious-activity"],
        pattern=str(pattern),
        pattern_type="stix",
        pattern_version="2.1",
        valid_from=midnight(signal.date),
        valid_until=midnight(signal.valid_until),
        confidence=proposal.confidence,
        labels=[
            f"abuse:{_record(signal)['abuse_type']}",
            *(f"kind:{kind}" for kind in proposal.kinds),
        ]
        + ([] if proposal.labelled else ["predictive"]),
        object_marking_refs=[_TLP_MARKINGS[proposal.tlp]],
    )


# -- MISP ----------------------------------------------------------------------------------------

_NETWORK, _FRAUD, _SOCIAL = "Network activity", "Financial fraud", "Social network"
# "email-src" is the sender of a mail; "email" is mentioned in a text. Handles, and wallets other
# than of Bitcoin, are objects.
_MISP_TYPES = {
    _D: ("domain", _NETWORK), _L: ("url", _NETWORK), _P: ("phone-number", _FRAUD),
    _E: ("email", _SOCIAL), _I: ("iban", _FRAUD), _W: ("btc", _FRAUD), _H: ("", _SOCIAL),
}  # fmt: skip
_COINS = {"ethereum": "ETH", "tron": "TRX", "solana": "SOL"}
_LEVELS = ("unconfident", "rarely-confident", "fairly-confident", "usually-confident",
           "completely-confident")  # fmt: skip


def _misp(signals: Sequence[Signal]) -> str:
    """Return the organisation's event; its id never changes.

    It is not published, and its distribution is "your organisation only", until somebody changes
    that in MISP, which accepts later versions of an attribute only in the same event.
    """
    pymisp = _library("pymisp")
    name = signals[0].organisation
    event = pymisp.MISPEvent()
    event.from_dict(
        uuid=str(named_id("misp event", name)),
        info=f"Indicators in scam messages, reviewed by {name}",
        date=max(signal.date for signal in signals),
        timestamp=max(signal.changed for signal in signals),
        threat_level_id=4,  # undefined
        analysis=2,  # completed
        distribution=0,  # this organisation only
        published=False,
        Orgc={"name": name, "uuid": str(named_id("organisation", name))},
    )
    event.add_tag(min(signal.proposal.tlp for signal in signals).lower())  # amber before green
    for signal in signals:
        _add_to_event(pymisp, event, signal)
    inner = [attribute for item in event.objects for attribute in item.attributes]
    for part in (event, *event.attributes, *event.objects, *inner):
        part.edited = False  # keeps the time, by which MISP accepts a later version
    return json.dumps({"Event": json.loads(event.to_json())}, ensure_ascii=False, indent=1) + "\n"


def _add_to_event(pymisp: Any, event: Any, signal: Signal) -> None:  # noqa: ANN401
    proposal = signal.proposal
    kind, value = proposal.type, proposal.value
    version = {"deleted": signal.withdrawn, "timestamp": signal.changed}
    about = version | {
        "uuid": str(signal.id), "to_ids": not signal.withdrawn, "comment": _seen(proposal),
        "distribution": 5,  # that of the event
        "first_seen": proposal.first_day and midnight(proposal.first_day),
        "last_seen": proposal.last_day and midnight(proposal.last_day),
    }  # fmt: skip
    native, category = _MISP_TYPES.get(kind) or _misp_sender(value) or ("", "")
    wallet = wallet_of(value) if kind is _W else None
    if kind is _H or (wallet is not None and wallet.coin in _COINS):
        template, relation = "coin-address", "address-crypto"
        other = ("symbol", _COINS[wallet.coin]) if wallet is not None else ("", "")
        if kind is _H:
            platform, _, value = value.partition(":")
            template, relation, other = "user-account", "username", ("account-type", platform)
        item = pymisp.MISPObject(template)
        item.from_dict(uuid=str(named_id("misp object", str(signal.id))), **version)
        attribute = item.add_attribute(relation, value, category=category, **about)
        item.add_attribute(*other, uuid=str(named_id("misp attribute", str(signal.id))), **version)
        event.add_object(item)
    else:
        attribute = event.add_attribute(native, value, category=category, **about)
    days = (signal.valid_until - signal.date).days
    for tag in (
        proposal.tlp.lower(),
        f'misp:confidence-level="{_LEVELS[round(proposal.confidence / 25)]}"',
        f"retention:{'1m' if days == _LINK_DAYS else f'{days}d'}",
        f'misp:automation-level="{"manual" if proposal.labelled else "reviewed"}"',
    ):
        attribute.add_tag(tag)


def _misp_sender(value: str) -> tuple[str, str] | None:
    if "@" in value:
        return "email-src", "Payload delivery"
    return ("phone-number", _FRAUD) if value.removeprefix("+").isdecimal() else None


def _seen(proposal: Proposal) -> str:
    kinds = f"; {', '.join(proposal.kinds)}" if proposal.kinds else ""
    return f"in {proposal.messages:,} messages{kinds}"


_Writer = Callable[[Sequence[Signal]], str]
_WRITERS: dict[str, _Writer] = {"csv": _csv, "jsonl": _jsonl, "misp": _misp, "stix": _stix}
