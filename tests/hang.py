"""What ends a test that would never end, far beyond what a busy machine needs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

HANG = 600  # seconds after which a process or an answer is given up
ENDLESS = 120  # seconds of processor time, whatever else runs; what is guarded takes about one


@contextmanager
def ending() -> Iterator[None]:
    """Fail what takes ENDLESS seconds of processor time, where the system has such a timer.

    Give it so much input that work which grows with the square of it would take hours. The
    patterns of ``re`` look for signals, so that one which tries all pairs is ended too.
    """

    def fail(number: int, frame: FrameType | None) -> None:
        pytest.fail(f"it works for {ENDLESS} s and has no end: its work outgrows its input")

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGPROF, fail)
    signal.setitimer(signal.ITIMER_PROF, ENDLESS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
