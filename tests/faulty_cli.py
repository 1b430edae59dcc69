"""The real command line, with a signal to itself at a moment of one's choosing.

    python faulty_cli.py SIGKILL@os.rename:state.json#2 score in.csv ...

sends SIGKILL just before the second renaming of a path with "state.json" in it. Events are those of
Python's audit hooks, and ``predict``, which is each call of the detector. Several plans are split
by commas; ``all-SIGINT`` goes to the whole process group, as Ctrl-C in a terminal does.
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
        self.everyone = name.startswith("all-")
        self.signal = signal.Signals[name.removeprefix("all-")]
        self.left = int(count)

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == self.event and self.part in str(arguments[:1]):
            self.left -= 1
            if self.left == 0:
                os.kill(0 if self.everyone else os.getpid(), self.signal)


def run(plans: list[Plan]) -> None:
    """Run the command line under these plans."""

    def see(event: str, arguments: tuple[Any, ...]) -> None:
        for plan in plans:
            plan.see(event, arguments)

    def predict(self: ScamDetector, texts: Any) -> Any:  # noqa: ANN401
        see("predict", ())
        return real(self, texts)

    real = ScamDetector.predict
    ScamDetector.predict = predict  # type: ignore[method-assign, assignment]
    sys.addaudithook(see)
    main()


if __name__ == "__main__":  # worker processes import this file too
    run([Plan(text) for text in sys.argv.pop(1).split(",")])
