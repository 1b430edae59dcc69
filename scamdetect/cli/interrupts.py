"""Let Ctrl-C end a long job where it is whole."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from scamdetect.errors import JobInterrupted

INTERRUPTED = 130  # the exit code where nothing was finished

_IMPORTING = "<frozen importlib._bootstrap>"
_STDERR = 2
_NOTICE = b"\nstopping after this part; Ctrl-C again stops at once\n"


def end_imports_on_interrupt() -> None:
    """Let an interrupt in the middle of an import end the process at once; others are as ever.

    Libraries that are half imported swallow the exception, or turn it into another. Nothing is
    under way then that would have to end well. A process that ignores interrupts goes on to do so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end_imports)


def interrupted() -> int:
    """Say that nothing was finished and return the exit code of it."""
    with suppress(OSError):  # stderr may be closed, or a print under way
        os.write(_STDERR, b"\nscamdetect: interrupted\n")
    return INTERRUPTED


def _end_imports(number: int, frame: FrameType | None) -> None:
    at = frame
    while at is not None:
        if at.f_code.co_filename == _IMPORTING:
            os._exit(interrupted())
        at = at.f_back
    signal.default_int_handler(number, frame)


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
        if not armed and before in (signal.default_int_handler, _end_imports):
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
