"""Let Ctrl-C end a long job after a whole part."""

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
    """End the process at once on an interrupt during an import; handle others as usual.

    Half-imported libraries swallow the exception or replace it by another. A process that ignores
    interrupts still ignores them.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end_imports)


def interrupted() -> int:
    """Print that the command was interrupted; return the exit code."""
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
    """Give a function that returns whether the user asked to stop.

    It returns True after the first interrupt; a second one raises KeyboardInterrupt, and so does
    one before the function is first called. An interrupt with notes, which name what is kept and
    how to resume, becomes JobInterrupted. A process that ignores interrupts still ignores them.
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
