"""Let Ctrl-C end a long job after a whole part."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scamdetect.cli.streams import say
from scamdetect.errors import JobInterrupted


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Give a function that returns True after the first interrupt; a second one stops at once.

    An interrupt before the function is first called stops at once too. KeyboardInterrupt with
    notes, which name what is kept and how to resume, becomes JobInterrupted. A process that ignores
    interrupts still ignores them.
    """
    before = signal.getsignal(signal.SIGINT)
    armed = stopped = False

    def interrupted(number: int, frame: object) -> None:
        nonlocal stopped
        stopped = True
        signal.signal(signal.SIGINT, before)
        say("", "stopping after this part; Ctrl-C again stops at once", err=True)

    def stop() -> bool:
        nonlocal armed
        if not armed and before is signal.default_int_handler:
            signal.signal(signal.SIGINT, interrupted)
        armed = True
        return stopped

    try:
        yield stop
    except KeyboardInterrupt as problem:
        notes = getattr(problem, "__notes__", [])
        if not notes:
            raise
        raise JobInterrupted("; ".join(["interrupted", *notes])) from problem
    finally:
        signal.signal(signal.SIGINT, before)
