"""Change decisions by an allow-list of senders and templates, or by indicators from feeds."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from scamdetect.conversation.turns import sender_name
from scamdetect.dumps.formats import Format
from scamdetect.dumps.source import open_dump
from scamdetect.errors import InputError
from scamdetect.frames.tables import check_several
from scamdetect.labels import Decision
from scamdetect.prediction import ALLOWED, LISTED, Prediction
from scamdetect.text.indicators import FOLD, MOST_READ, IndicatorType, indicators_of
from scamdetect.text.link_disguises import may_have_links, spelt_out
from scamdetect.text.link_finder import find_links, split_link
from scamdetect.text.masking import masked
from scamdetect.text.normalise import fold

_HASH = re.compile(r"[0-9a-f]{64}")
_OF_LINKS = frozenset((IndicatorType.DOMAIN, IndicatorType.LINK))
_MOST_SHOWN = 20  # indicators of a message

Entry = tuple[str | None, str | None]  # sender and template hash; at least one is set


def template_hash(text: str) -> str:
    """Return the sha256 of a message without its numbers, links, addresses, handles and codes."""
    return hashlib.sha256(masked(text).encode("utf-8", "backslashreplace")).hexdigest()


@dataclass(frozen=True)
class AllowList:
    """Pairs of a sender and a template hash; None matches any. Senders are compared exactly."""

    entries: frozenset[Entry]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load the list from a table or a text file, chosen by its extension; raise InputError."""
        dump = open_dump(Path(path))
        names = dump.schema.names
        if dump.format == Format.TEXT:
            names = ["sender"]
        elif not {"sender", "text", "template"} & set(names):
            raise InputError(f"{path}: has no column sender, template or text; name one of them so")
        rows: list[dict[str, Any]] = []
        for batch in dump.batches():
            if batch.rejects:
                line = batch.rejects[0].line
                raise InputError(f"{path}:{line}: {batch.rejects[0].reason}; correct the line")
            rows += batch.table.rename_columns(names).to_pylist()
        entries = frozenset(filter(None, map(_entry, rows)))
        if not entries:
            raise InputError(f"{path}: the list is empty; add a sender or a template hash")
        return cls(entries)

    @property
    def needs_senders(self) -> bool:
        """Return True if an entry needs the sender of a message."""
        return any(sender is not None for sender, _ in self.entries)

    @cached_property
    def _has_templates(self) -> bool:
        return any(template is not None for _, template in self.entries)

    @cached_property
    def digest(self) -> str:
        """Return a sha256 of the entries, independent of their order."""
        ordered = sorted((sender or "", template or "") for sender, template in self.entries)
        return hashlib.sha256(json.dumps(ordered).encode("ascii")).hexdigest()

    def apply(
        self,
        predictions: Sequence[Prediction],
        texts: Sequence[object],
        senders: Sequence[object] | None = None,
    ) -> list[Prediction]:
        """Return the predictions; those of allowed messages pass, and their reason says why."""
        for name, values in (("texts", texts), ("senders", senders)):
            if values is not None:
                check_several(values, f"several {name}", "pass a list")
                if len(values) != len(predictions):
                    raise InputError(f"got {len(values)} {name} for {len(predictions)} predictions")
        decided = []
        for index, prediction in enumerate(predictions):
            by = None
            if prediction.decision in (Decision.FLAG, Decision.REVIEW):
                by = self._match(texts[index], None if senders is None else senders[index])
            if by is not None:
                reason = _reason(f"{ALLOWED} {by}", prediction)
                prediction = replace(prediction, decision=Decision.PASS, reason=reason)
            decided.append(prediction)
        return decided

    def allows(
        self, texts: Sequence[object], senders: Sequence[object] | None = None
    ) -> list[bool]:
        """Return whether each message is allowed, at any score."""
        check_several(texts)
        pairs = zip(texts, [None] * len(texts) if senders is None else senders, strict=True)
        return [self._match(text, sender) is not None for text, sender in pairs]

    def _match(self, text: object, sender: object) -> str | None:
        """Return what allows the message, or None."""
        name = sender_name(sender)
        if name is not None and (name, None) in self.entries:
            return "sender"
        if not isinstance(text, str) or not self._has_templates:
            return None
        template = template_hash(text)
        if (None, template) in self.entries:
            return "template"
        return "sender and template" if name and (name, template) in self.entries else None


def _reason(first: str, prediction: Prediction) -> str:
    return first if prediction.reason is None else f"{first}; {prediction.reason}"


def _entry(row: Mapping[str, Any]) -> Entry | None:
    """Return the entry of a row, None for an empty one or a comment; raise InputError."""
    sender, text, template = sender_name(row.get("sender")), row.get("text"), row.get("template")
    if sender is not None and sender.startswith("template:"):
        template, sender = sender.removeprefix("template:"), None
    if isinstance(text, str) and text.strip():
        template = template_hash(text)
    template = str(template or "").strip().lower() or None
    if template is not None and not _HASH.fullmatch(template):
        raise InputError(
            "the allow-list has a template that is no sha256; pass the message as text"
        )
    if sender is not None and sender.startswith("#"):
        sender = None
    return None if sender is None and template is None else (sender, template)


def listed_key(kind: IndicatorType, value: str) -> str:
    """Return the key of an indicator; people type the same link with different schemes."""
    if kind is IndicatorType.LINK:
        value = split_link(value)[1].removeprefix("www.")
    return f"{kind}:{value}"


@dataclass(frozen=True, eq=False)
class Listed:
    """Indicators of feeds: the names of the feeds that list each, by ``listed_key``.

    A ``*`` in a link stands for one varying part. ``region`` (ISO 3166) is the country of phone
    numbers without a country code.
    """

    feeds: Mapping[str, tuple[str, ...]]
    region: str | None = None
    _patterns: dict[str, list[tuple[re.Pattern[str], str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in self.feeds:
            if key.startswith(f"{IndicatorType.LINK}:") and "*" in key:
                parts = key.partition(":")[2].split("*")
                pattern = re.compile("[^/]+".join(map(re.escape, parts)))
                self._patterns.setdefault(parts[0].partition("/")[0], []).append((pattern, key))

    def __len__(self) -> int:
        """Return the number of indicators."""
        return len(self.feeds)

    @cached_property
    def types(self) -> frozenset[IndicatorType]:
        """Return the types that are listed."""
        return frozenset(IndicatorType(name) for name in {k.partition(":")[0] for k in self.feeds})

    @cached_property
    def digest(self) -> str:
        """Return a sha256 of the indicators and their feeds."""
        lines = json.dumps(sorted(self.feeds.items())).encode("utf-8", "backslashreplace")
        return hashlib.sha256(lines).hexdigest()

    def find(self, text: object, types: frozenset[IndicatorType]) -> dict[str, str]:
        """Return the listed indicators of a message as ``type:value``, with their keys."""
        hits: dict[str, str] = {}
        if not isinstance(text, str) or not text:
            return hits
        for kind, value in _candidates(text, types, self.region):
            key = listed_key(kind, value)
            if key in self.feeds:
                hits[f"{kind}:{value}"] = key
            elif kind is IndicatorType.LINK:
                link = key.partition(":")[2]
                for pattern, listed in self._patterns.get(link.partition("/")[0], ()):
                    if pattern.fullmatch(link):
                        hits[listed] = listed
        return hits

    def apply(
        self, predictions: Sequence[Prediction], texts: Sequence[object]
    ) -> tuple[list[Prediction], list[str | None], Counter[str]]:
        """Return the predictions, the listed indicators of each message, and counts by feed."""
        types = self.types
        decided, names, counts = [], [], Counter[str]()
        for prediction, text in zip(predictions, texts, strict=True):
            hits = self.find(text, types)
            counts.update({feed for key in hits.values() for feed in self.feeds[key]})
            names.append(" ".join(list(hits)[:_MOST_SHOWN]) or None)
            if hits and prediction.decision is Decision.PASS:
                reason = _reason(LISTED, prediction)
                prediction = replace(prediction, decision=Decision.REVIEW, reason=reason)
            decided.append(prediction)
        return decided, names, counts


def _candidates(
    text: str, types: frozenset[IndicatorType], region: str | None
) -> Iterator[tuple[IndicatorType, str]]:
    """Yield the indicators of a message, and all parent domains of its hosts."""
    if types & _OF_LINKS and may_have_links(text):
        for link in find_links(spelt_out(fold(text[:MOST_READ], FOLD))):
            host = link.host
            while "." in host:
                yield IndicatorType.DOMAIN, host
                host = host.partition(".")[2]
            if link.is_link:
                yield IndicatorType.LINK, link.value
    if others := types - _OF_LINKS:
        for indicator in indicators_of(text, others, region):
            yield indicator.type, indicator.value
