"""Close connections that take too long or are too many, for which uvicorn waits without end."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from scamdetect.serve.limits import Limits


def impatient(limits: Limits) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol of HTTP/1.1 within limits.

    A connection ends that goes without a whole request head for ``head_seconds``, or takes nothing
    of its answers for so long; those beyond ``connections`` end at once, before files run out.
    """

    class Impatient(H11Protocol):
        _to_ask: asyncio.TimerHandle | None = None
        _to_take: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                transport.abort()
            else:
                self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._at_work():
                self._stop_waiting()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._to_take = self.loop.call_later(limits.head_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._stop_taking()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            self._stop_taking()
            super().connection_lost(exc)

        def _at_work(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _wait(self) -> None:
            # Whoever sends a byte now and then waits no less.
            if self._to_ask is None:
                self._to_ask = self.loop.call_later(limits.head_seconds, self._end)

        def _stop_waiting(self) -> None:
            if self._to_ask is not None:
                self._to_ask.cancel()
                self._to_ask = None

        def _stop_taking(self) -> None:
            if self._to_take is not None:
                self._to_take.cancel()
                self._to_take = None

        def _end(self) -> None:
            self._to_ask = None
            if not self._at_work():
                self.transport.abort()

    return cast(type[asyncio.Protocol], Impatient)
