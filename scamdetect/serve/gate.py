"""Limit how many requests are scored at once and how many wait."""

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import HTTPException, Request, Response

from scamdetect.serve.metrics import Metrics
from scamdetect.serve.schema import Limits

Body = TypeVar("Body")
_LOG = logging.getLogger("scamdetect.serving")


def refusal(status: int, code: str, message: str, **headers: str) -> HTTPException:
    """Return the error for a request; the message contains no text of it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HTTPException(status, {"code": code, "message": message}, named)


class Gate:
    """Score in separate threads; call it from one event loop."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits, self._metrics, self._waiting = limits, metrics, 0
        self._threads = ThreadPoolExecutor(limits.parallel)
        self._free = asyncio.Semaphore(limits.parallel)
        metrics.waiting.set_function(lambda: self._waiting)

    async def run(
        self, request: Request, score: Callable[[Body], dict[str, Any]], body: Body, **ids: object
    ) -> Response:
        """Return the score of a body, after its ids; raise HTTPException if no thread is free."""
        busy = refusal(503, "busy", "Too many requests are waiting. Try again.", Retry_After="1")
        if self._waiting >= self._limits.queue and self._free.locked():
            raise busy
        self._waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), self._limits.wait_seconds)
        except TimeoutError:
            raise busy from None
        finally:
            self._waiting -= 1
        try:
            if await request.is_disconnected():  # it may have sent the same texts again
                raise refusal(499, "gone", "The client has left.")
            with self._metrics.working.track_inprogress():
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(self._threads, score, body)
        except HTTPException:
            raise
        except Exception as problem:  # its message may hold a text
            _LOG.error("a request failed: %s", type(problem).__name__)
            raise refusal(500, "failed", "The service failed. Its log names the error.") from None
        finally:
            self._free.release()
        given = {name: value for name, value in ids.items() if value is not None}
        return Response(json.dumps(given | answer), media_type="application/json")
