"""Let Ctrl-C end a long job where it is whole."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from scamdetect.errors import JobInterrupted

_NOTICE = b"\nstopping after this part; Ctrl-C again stops at once\n"


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether the user asked to stop.

    From when it is first called, one interrupt makes it say yes and a second one is raised as
    ever; before that there is nothing to end well. An interrupt with notes, which say what is kept
    and how to go on, becomes JobInterrupted. A process that ignores interrupts goes on to do so.
    """
    before = signal.getsignal(signal.SIGINT)
    armed = asked = False

    def interrupted(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), _NOTICE)  # a print may be under way

    def stop() -> bool:
        nonlocal armed
        if not armed and before is signal.default_int_handler:
            signal.signal(signal.SIGINT, interrupted)
        armed = True
        return asked

    try:
        yield stop
    except KeyboardInterrupt as problem:
        notes = getattr(problem, "__notes__", [])
        if not notes:
            raise
        raise JobInterrupted("; ".join(["interrupted", *notes])) from problem
    finally:
        signal.signal(signal.SIGINT, before)
