"""Let so many requests be scored at once and so many wait; the others are told to come again.

Requests are not put together: texts of unlike lengths are padded to the longest, which on a CPU
costs more than the calls that it saves (benchmarks/serving.py measures it).
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from scamdetect.serving.limits import Limits
from scamdetect.serving.refusal import Refusal

Answer = TypeVar("Answer")
_LONGEST_RETRY = 60
_THREADS = "scamdetect-scoring"
_LAST_SECONDS = 1.0  # for idle threads to see that they are to end


def scoring() -> bool:
    """Return whether threads of a closed gate are still at work."""
    threads = [one for one in threading.enumerate() if one.name.startswith(_THREADS)]
    for one in threads:
        one.join(_LAST_SECONDS / len(threads))
    return any(one.is_alive() for one in threads)


class Gate(Generic[Answer]):
    """Runs a function of texts in threads of its own; all methods belong to one event loop."""

    def __init__(self, answer: Callable[[Sequence[str | None]], Answer], limits: Limits) -> None:
        self.waiting = self.working = 0
        self._answer = answer
        self._limits = limits
        self._free = asyncio.Semaphore(limits.parallel)
        self._threads = ThreadPoolExecutor(limits.parallel, _THREADS)
        self._texts_waiting = 0
        self._texts_done, self._seconds = 0, 0.0

    def check(self) -> None:
        """Raise Refusal where no more may wait."""
        if self.waiting >= self._limits.queue and self._free.locked():
            raise self._busy()

    async def run(self, texts: Sequence[str | None]) -> Answer:
        """Return the answer to the texts; raise Refusal where it would take too long to begin."""
        self.check()
        await self._enter(len(texts))
        self.working += 1
        try:
            began = time.monotonic()
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._threads, self._answer, texts)
            self._texts_done += len(texts)
            self._seconds += time.monotonic() - began
            return answer
        finally:
            self.working -= 1
            self._free.release()

    def close(self) -> None:
        """End the threads, each once it has scored what it has at hand."""
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
        message = f"too many requests are waiting; try again in {seconds} s"
        return Refusal(503, "busy", message, {"Retry-After": str(seconds)})
