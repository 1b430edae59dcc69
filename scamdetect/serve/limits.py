"""What a service lets one request, and all of them together, ask of it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from scamdetect.errors import InputError


@dataclass(frozen=True)
class Limits:
    """The most that requests may hold and wait for; raises InputError on what is not over 0.

    ``texts`` are those of one request, ``characters`` those of one text. ``body_bytes`` and
    ``body_seconds`` bound the reading of a request's body, ``head_seconds`` how long a connection
    may stay without a whole request head, or without taking what is sent to it. ``parallel``
    requests are scored at once, ``queue`` more wait, none longer than ``wait_seconds``.
    ``stop_seconds`` are left to requests at hand once the service is told to stop.
    """

    texts: int = 256
    characters: int = 20_000
    body_bytes: int = 1 << 20
    body_seconds: float = 10.0
    head_seconds: float = 15.0
    parallel: int = 1
    queue: int = 64
    wait_seconds: float = 10.0
    connections: int = 512
    stop_seconds: int = 25  # Kubernetes kills after 30

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise InputError(f"{field.name}={value!r} is impossible; use a number over 0")
