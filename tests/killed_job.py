"""Kill a job in a child process before a step that changes the disk."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any


def killed_at(step: int, job: Callable[[], object]) -> bool:
    """Run the job in a child that kills itself before the step; return whether it got there."""
    if (child := os.fork()) == 0:
        left = step

        def see(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            writes = event == "open" and isinstance(arguments[1], str) and arguments[1] in "wbab"
            if writes or event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir"):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(see)
        try:
            job()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    return status != 0
