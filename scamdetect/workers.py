"""A pool of processes, one thread each, that score texts side by side."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from scamdetect.batching import chunked
from scamdetect.bundle import Bundle
from scamdetect.errors import InputError, ScamDetectError
from scamdetect.runtime import RuntimeName
from scamdetect.scoring import Scorer, Scores, join

CHUNK = 256

_scorer: Scorer | None = None


class WorkerPool:
    """Processes that start with the first call and end with ``close``."""

    def __init__(self, folder: Path, runtime: RuntimeName, workers: int) -> None:
        if workers < 1:
            raise InputError(f"workers={workers!r} is impossible; use 0 for none, or 1 and more")
        self.workers = workers
        self._arguments = (folder.resolve(), runtime)
        self._lock = threading.Lock()
        self._executor: ProcessPoolExecutor | None = None

    def score(self, texts: Sequence[str], *, clear: bool = False) -> Scores:
        """Return what ``Scorer.score`` returns, computed by the workers.

        Raises ScamDetectError when a worker dies.
        """
        executor = self._started()
        try:
            return join(list(executor.map(partial(_score, clear=clear), chunked(texts, CHUNK))))
        except BrokenProcessPool as problem:
            self.close()
            raise ScamDetectError(
                "a worker process ended before its work did, often for want of memory or of an "
                "`if __name__ == '__main__':` guard in the calling script; use fewer workers"
            ) from problem

    def close(self) -> None:
        """End the processes; a later call starts new ones."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown()

    def _started(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._executor is None:
                # Forked children of a process that runs threads can hang; spawned ones start clean.
                self._executor = ProcessPoolExecutor(
                    self.workers,
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_open,
                    initargs=self._arguments,
                )
            return self._executor


def _open(folder: Path, runtime: RuntimeName) -> None:
    # Ctrl-C in a terminal reaches workers too; the process that they serve decides what it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    global _scorer
    _scorer = Scorer(Bundle.load(folder), runtime, threads=1)


def _end_with_parent() -> None:
    """End this process when its parent is gone; a killed one cannot ask it to."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _score(texts: Sequence[str], clear: bool) -> Scores:
    assert _scorer is not None
    return _scorer.score(texts, clear=clear)
