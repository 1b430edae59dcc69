"""Limit how many requests are scored at once and how many wait; refuse the others for a while.

Requests are not scored together. Texts of different lengths would be padded to the longest, which
on a CPU costs as much as the saved calls, or more (benchmarks/serving.py measures it).
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import ClientDisconnect

from scamdetect.serve.request import Limits, Refusal

Answer = TypeVar("Answer")
_LONGEST_RETRY = 60
_THREADS = "scamdetect-scoring"
_LAST_SECONDS = 1.0  # for idle threads to end


def scoring() -> bool:
    """Return whether threads of a closed gate are still scoring."""
    threads = [one for one in threading.enumerate() if one.name.startswith(_THREADS)]
    for one in threads:
        one.join(_LAST_SECONDS / len(threads))
    return any(one.is_alive() for one in threads)


class Gate:
    """Score in separate threads; call all methods from one event loop."""

    def __init__(self, limits: Limits) -> None:
        self.waiting = self.working = 0
        self._limits = limits
        self._free = asyncio.Semaphore(limits.parallel)
        self._threads = ThreadPoolExecutor(limits.parallel, _THREADS)
        self._texts_waiting = 0
        self._texts_done, self._seconds = 0, 0.0

    def check(self) -> None:
        """Raise Refusal if no more requests may wait."""
        if self.waiting >= self._limits.queue and self._free.locked():
            raise self._busy()

    async def run(
        self, score: Callable[[], Answer], texts: int, has_left: Callable[[], Awaitable[bool]]
    ) -> Answer:
        """Return the result of ``score``, which scores that many texts.

        Raises Refusal if a thread is not free in time, and ClientDisconnect if the client has left
        by then: it may already have sent the same texts again.
        """
        self.check()
        await self._enter(texts)
        self.working += 1
        try:
            if await has_left():
                raise ClientDisconnect
            began = time.monotonic()
            answer = await asyncio.get_running_loop().run_in_executor(self._threads, score)
            self._texts_done += texts
            self._seconds += time.monotonic() - began
            return answer
        finally:
            self.working -= 1
            self._free.release()

    def close(self) -> None:
        """End the threads, each after the request that it scores."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _enter(self, texts: int) -> None:
        self.waiting += 1
        self._texts_waiting += texts
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                await self._free.acquire()
        except TimeoutError as problem:
            raise self._busy() from problem
        finally:
            self.waiting -= 1
            self._texts_waiting -= texts

    def _busy(self) -> Refusal:
        pace = self._seconds / max(self._texts_done, 1) / self._limits.parallel
        seconds = min(max(1, math.ceil(self._texts_waiting * pace)), _LONGEST_RETRY)
        message = f"Too many requests are waiting. Try again in {seconds} s."
        return Refusal(503, "busy", message, {"Retry-After": str(seconds)})
