"""The real command line, with a signal to itself at a moment of one's choosing.

    python faulty_cli.py SIGKILL@os.rename:state.json#2 score in.csv ...

sends SIGKILL just before the second renaming of a path with "state.json" in it. Events are those of
Python's audit hooks, and ``predict``, which is each call of the detector. Several plans are split
by commas.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from scamdetect import ScamDetector
from scamdetect.cli import main


class Plan:
    """Count the events that are meant and send the signal at the right one."""

    def __init__(self, text: str) -> None:
        name, _, rest = text.partition("@")
        where, _, count = rest.partition("#")
        self.event, _, self.part = where.partition(":")
        self.signal = signal.Signals[name]
        self.left = int(count)

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == self.event and self.part in str(arguments[:1]):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), self.signal)


plans = [Plan(text) for text in sys.argv.pop(1).split(",")]


def see(event: str, arguments: tuple[Any, ...]) -> None:
    for plan in plans:
        plan.see(event, arguments)


predict = ScamDetector.predict


def watched(self: ScamDetector, texts: Any) -> Any:  # noqa: ANN401
    see("predict", ())
    return predict(self, texts)


ScamDetector.predict = watched  # type: ignore[method-assign, assignment]
sys.addaudithook(see)
main()
