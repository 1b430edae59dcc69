"""Find the indicators of scored messages, without their texts and without their recipients."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from scamdetect.labels import Decision
from scamdetect.share.guard import load_guard
from scamdetect.text.indicators import Indicator, IndicatorType, indicators_of
from scamdetect.text.link_finder import split_link
from scamdetect.text.masking import key_of, mask
from scamdetect.text.numbers import check_region

# One row for each indicator of a message, in its campaign, or in that of its value if the template
# is too short for a campaign (``alone``). ``parts`` are those of the path of a link whose host is
# ``head``; ``form`` can equal one of a recipient.
FACTS = pa.schema(
    {"row": pa.int64(), "campaign": pa.string(), "alone": pa.bool_(), "type": pa.string(),
     "head": pa.string(), "parts": pa.list_(pa.string()), "form": pa.string(),
     "verified": pa.bool_(), "flagged": pa.bool_(), "language": pa.string(),
     "kinds": pa.list_(pa.string()), "model": pa.string(), "sender": pa.int64(), "day": pa.int64()}
)  # fmt: skip
OF_RECIPIENT = "belongs to the recipient of its message"
_OF_PEOPLE = (IndicatorType.PHONE, IndicatorType.EMAIL, IndicatorType.WALLET, IndicatorType.IBAN)
_SHORT = 20  # characters of a template without punctuation
_TAGS = re.compile(r"\b(?:link|number|phone|email|handle|code)\b")
_LEAST_RECIPIENT = 5  # characters; shorter ones are in many links by chance
_DAY = 86_400_000_000  # microseconds


class Finder:
    """Find what may be stored of messages, and count what is left out."""

    def __init__(self, types: frozenset[IndicatorType], region: str | None) -> None:
        if region is not None:
            check_region(region)
        self._types = types
        self._region = region
        self._verdict = lru_cache(1 << 16)(load_guard().verdict)
        self.left_out: Counter[str] = Counter()

    def facts(self, message: Mapping[str, Any]) -> Iterator[dict[str, object]]:
        """Yield the facts of a message."""
        indicators = self._indicators(message)
        if not indicators:
            return
        decision, sender = message["decision"], message["sender"]
        key = key_of(mask(message["text"]))
        alone = len(_TAGS.sub("", key).strip()) < _SHORT
        common: dict[str, object] = {
            "row": message["row"],
            "alone": alone,
            "flagged": decision == Decision.FLAG,
            "language": None if decision == Decision.UNSCORED else message["language"],
            "kinds": message["kinds"] if decision == Decision.FLAG else None,
            "model": message["model_id"],
            "sender": None if sender is None else _hash(sender),
            "day": None if message["micros"] is None else message["micros"] // _DAY,
        }
        for item in indicators:
            scheme, (host, *parts) = _parts(item)
            own: dict[str, object] = {"type": item.type.value, "head": scheme + host}
            campaign = f"s{_hash(item.type + item.value)}" if alone else f"t{_hash(key)}"
            own |= {"parts": parts, "campaign": campaign, "form": _form(item)}
            own["verified"] = item.verified
            yield common | own

    def _indicators(self, message: Mapping[str, Any]) -> list[Indicator]:
        """Return the indicators that may be stored, each once."""
        kept: dict[tuple[IndicatorType, str], Indicator] = {}
        forms = self.forms(message)
        for item in indicators_of(message["text"] or "", self._types, self._region):
            plain = _without_recipient(item, forms)
            reason = OF_RECIPIENT if plain is None else self._verdict(plain.type, plain.value)
            if plain is None or reason is not None:
                self.left_out[reason or OF_RECIPIENT] += 1
            elif plain.verified or (plain.type, plain.value) not in kept:
                kept[plain.type, plain.value] = plain
        return list(kept.values())

    def forms(self, message: Mapping[str, Any]) -> frozenset[str]:
        """Return the normal forms of a recipient: a phone number, an address or a name."""
        return _forms(" ".join((message["recipient"] or "").split()), self._region)


@lru_cache(1 << 12)
def _forms(name: str, region: str | None) -> frozenset[str]:
    digits = re.sub(r"\D", "", name)
    forms = {name.casefold().lstrip("@"), f"+{digits}" if len(digits) > _LEAST_RECIPIENT else ""}
    for item in indicators_of(name, _OF_PEOPLE, region):
        if (item.start, item.end) == (0, len(name)):
            forms.add(item.value.casefold())
    return frozenset(forms - {""})


def _form(item: Indicator) -> str:
    """Return the form of a value that may equal one of a recipient."""
    value = item.value.partition(":")[2] if item.type is IndicatorType.HANDLE else item.value
    return value.casefold().lstrip("@")


def _parts(item: Indicator) -> tuple[str, list[str]]:
    """Return the scheme of a link, its host and the parts of its path; other values as they are."""
    if item.type is not IndicatorType.LINK:
        return "", [item.value]
    scheme, rest = split_link(item.value)
    return scheme, rest.split("/")


def _without_recipient(item: Indicator, forms: frozenset[str]) -> Indicator | None:
    """Return the indicator without the recipient in the path of a link, or None if it is theirs."""
    if _form(item) in forms:
        return None
    if item.type is not IndicatorType.LINK or not forms:
        return item
    long = [form.lstrip("+") for form in forms if len(form) >= _LEAST_RECIPIENT]
    scheme, parts = _parts(item)
    theirs = [any(form in unquote(part).casefold() for form in long) for part in parts]
    kept = ["*" if own else part for own, part in zip(theirs, parts, strict=True)]
    return None if theirs[0] else replace(item, value=scheme + "/".join(kept))


@lru_cache(1 << 14)
def _hash(text: str) -> int:
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:8], signed=True)
