"""A pool of single-threaded processes that score texts in parallel.

Each worker has its own pipe, whose other end only it holds: if it dies, even in the middle of an
answer, the pipe is closed. In ``concurrent.futures`` workers share a queue, and one that is killed
while writing makes all others wait.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from scamdetect.bundle.bundle import Bundle
from scamdetect.bundle.runtime import RuntimeName
from scamdetect.bundle.scoring import Scorer, Scores, StaysInProcess, join
from scamdetect.errors import InputError, WorkerError
from scamdetect.frames.tables import chunked

CHUNK = 256
MOST_WORKERS = 1024  # more are probably a mistake and would fill the memory


@dataclass(frozen=True)
class _Worker:
    process: BaseProcess
    connection: Connection


class WorkerPool(StaysInProcess):
    """Processes that start with the first call and end with ``close``; calls take turns."""

    def __init__(self, bundle: Bundle, runtime: RuntimeName, workers: int) -> None:
        if not 1 <= workers <= MOST_WORKERS:
            raise InputError(
                f"workers={workers!r} is invalid; use 0 for none, or 1 to {MOST_WORKERS}"
            )
        self.workers = workers
        # They read exactly the files that this process has verified.
        self._arguments = (replace(bundle, folder=bundle.folder.resolve()), runtime)
        self._lock = threading.Lock()
        self._started: list[_Worker] = []

    def score(self, texts: Sequence[str], *, clear: bool = False) -> Scores:
        """Return the result of ``Scorer.score``, computed by the workers.

        Raises BundleError if a file of the bundle has changed since it was loaded, WorkerError if a
        worker dies.
        """
        with self._lock:
            try:
                self._start()
                connections = [worker.connection for worker in self._started]
                chunks = list(chunked(texts, CHUNK))
                if (
                    len(chunks) > 1 and len(chunks[-1]) == 1
                ):  # scored the same way as a call for one text
                    chunks[-2] += chunks.pop()
                return join(_spread(connections, chunks, clear))
            except BaseException as problem:
                self._end()  # what the workers are still computing would answer the next call
                if isinstance(problem, EOFError | OSError):
                    raise WorkerError(
                        "a worker process ended before its work did, often because memory ran "
                        "out or the calling script has no `if __name__ == '__main__':` guard; "
                        "use fewer workers"
                    ) from problem
                raise

    def close(self) -> None:
        """End the processes; a later call starts new ones."""
        with self._lock:
            self._end()

    def _start(self) -> None:
        # Forked children of a process with threads can hang; spawned ones start clean.
        context = multiprocessing.get_context("spawn")
        while len(self._started) < self.workers:
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, *self._arguments), daemon=True)
            process.start()
            theirs.close()
            self._started.append(_Worker(process, ours))

    def _end(self) -> None:
        workers, self._started = self._started, []
        for worker in workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in workers:
            worker.process.join()


def _spread(
    connections: Sequence[Connection], chunks: Sequence[Sequence[str]], clear: bool
) -> list[Scores]:
    """Return the scores of each chunk; raise EOFError or OSError if a worker has died."""
    parts: dict[int, Scores] = {}
    left = iter(enumerate(chunks))
    busy: dict[Connection, int] = {}

    def give(connection: Connection) -> None:
        for place, chunk in left:
            connection.send((chunk, clear))
            busy[connection] = place
            return

    for connection in connections:
        give(connection)
    while busy:
        for ready in wait(list(busy)):
            assert isinstance(ready, Connection)
            found = ready.recv()
            if isinstance(found, Exception):
                raise found
            parts[busy.pop(ready)] = found
            give(ready)
    return [parts[place] for place in range(len(chunks))]


def _work(connection: Connection, bundle: Bundle, runtime: RuntimeName) -> None:
    """Answer until the other end of the pipe is closed."""
    # Ctrl-C in a terminal reaches workers too; their parent process decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    scorer: Scorer | None = None
    with suppress(EOFError, OSError):
        while True:
            texts, clear = connection.recv()
            try:
                scorer = scorer or Scorer(bundle, runtime, threads=1)
                found: Scores | Exception = scorer.score(texts, clear=clear)
            except Exception as problem:
                found = problem
            connection.send(found)
