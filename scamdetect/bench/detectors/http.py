"""``http:URL``: a detector at an HTTP address, as ``http:https://host/path``.

The contract, JSON by POST:

    request:  {"texts": ["...", "..."]}
    response: {"scam": [0.97, null],                    probability each, null if missing
               "kinds": [["investment", "crypto"], []], optional; unknown names are dropped
               "flagged": [true, false]}                optional; the detector's own decision

Every list is as long as ``texts`` and in its order. 429 and 5xx are retried; 400, 413 and 422
mean that the texts are rejected. A key in SCAMDETECT_API_KEY is sent as a bearer token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scamdetect.bench.answers import Answers, Detector, Setting
from scamdetect.bench.endpoints.endpoint import (
    HARMLESS,
    UNWANTED,
    Endpoint,
    address,
    checked_url,
    key_for,
    url_identity,
)
from scamdetect.errors import EndpointError
from scamdetect.labels import KINDS, Kind

_BATCH = 64
_NAMES = frozenset(map(str, KINDS))


def load(target: str, setting: Setting) -> Detector:
    """Return the detector behind the URL ("//host/path" for http); raise InputError."""
    url = checked_url(address(target))
    endpoint = Endpoint(url, setting.timeout, key_for(url), setting.per_second, setting.max_calls)
    return Detector(
        name=endpoint.shown.partition("//")[2],
        identity=f"http {url_identity(url)}",
        score=RemoteScore(endpoint),
        batch=_BATCH,
        parallel=setting.parallel,
        note="an HTTP endpoint; its training is unknown, and it may change at any time",
    )


@dataclass(frozen=True)
class _Row:
    scam: float = float("nan")
    kinds: frozenset[Kind] | None = None
    flagged: bool | None = None
    problem: str | None = None
    seconds: float = float("nan")


_MALFORMED = _Row(problem="malformed")


@dataclass(frozen=True)
class RemoteScore:
    """Query an endpoint about texts."""

    endpoint: Endpoint

    def __call__(self, texts: Sequence[str], /) -> Answers:
        """Return the answers to the texts (n,), requested in one call.

        Malformed and rejected texts are requested once more, each separately, so that one bad row
        affects no other. Raises EndpointError if the endpoint is down or rejects every text.
        """
        rows = self._asked(texts)
        # A single rejected text is known to be the cause.
        again = ("malformed",) if len(texts) == 1 else ("malformed", "refused")
        rows = [
            self._asked([text])[0] if row.problem in again else row
            for row, text in zip(rows, texts, strict=True)
        ]
        told = any(row.kinds is not None for row in rows)
        decided = any(row.flagged is not None for row in rows)
        return Answers(
            scam=np.array([row.scam for row in rows], np.float64),
            flagged=np.array([bool(row.flagged) for row in rows]) if decided else None,
            kinds=tuple(row.kinds or frozenset() for row in rows) if told else None,
            problems=tuple(row.problem for row in rows),
            seconds=np.array([row.seconds for row in rows], np.float64),
        )

    def _asked(self, texts: Sequence[str]) -> list[_Row]:
        try:
            reply = self.endpoint.post({"texts": list(texts)})
        except EndpointError as problem:
            if problem.status not in UNWANTED:
                raise
            if len(texts) == 1 and texts[0] != HARMLESS:
                # Raises if a harmless text has the same problem: then it is not this text.
                self.endpoint.post({"texts": [HARMLESS]})
            return [_Row(problem="refused")] * len(texts)
        rows = _rows(reply.body, len(texts)) or [_MALFORMED] * len(texts)
        return [replace(row, seconds=reply.seconds / len(texts)) for row in rows]


def _rows(body: object, n: int) -> list[_Row] | None:
    """Return the answers for n texts, None if they violate the contract."""
    if not isinstance(body, Mapping):
        return None
    untold = [None] * n
    parts = [body.get("scam"), body.get("kinds", untold), body.get("flagged", untold)]
    lists = [part for part in parts if isinstance(part, list) and len(part) == n]
    return [_row(*told) for told in zip(*lists, strict=True)] if len(lists) == 3 else None


def _row(scam: object, kinds: object, flagged: object) -> _Row:
    if isinstance(scam, bool) or not isinstance(scam, int | float | None):
        return _MALFORMED
    if kinds is not None and not isinstance(kinds, list):
        return _MALFORMED
    if not isinstance(flagged, bool | None):
        return _MALFORMED
    if scam is not None and not 0 <= scam <= 1:
        return _MALFORMED
    return _Row(
        scam=float("nan") if scam is None else float(scam),
        kinds=None if kinds is None else _known(kinds),
        flagged=flagged,
        problem="unscored" if scam is None else None,
    )


def _known(names: list[object]) -> frozenset[Kind]:
    return frozenset(Kind(name) for name in names if isinstance(name, str) and name in _NAMES)
