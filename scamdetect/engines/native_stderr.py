"""Leave lines out of what native code writes to stderr, which Python's own filters do not see."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2


@contextmanager
def leaving_out(words: str) -> Iterator[None]:
    """Hold stderr back within the context, then write it without the lines that have these words.

    It is held for all threads of the process, so the context should be short.
    """
    if sys.stderr is None:  # a process without a console
        yield
        return
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        real = os.dup(_STDERR)
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(real, _STDERR)
            os.close(real)
            held.seek(0)
            for line in held:
                if words.encode() not in line:
                    os.write(_STDERR, line)
