"""The standard streams and Ctrl-C: what the command line prints and reads, and how it stops."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from scamdetect.errors import InputError, JobInterrupted, OutputError
from scamdetect.system.shown import visible, visible_line

Show = Callable[[str, float | None], None]  # what is being done, and which share (0 to 1) of it
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")


def prepare_streams() -> None:
    """Fill closed streams, so that no file gets their numbers, and print any character."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(*lines: object, err: bool = False) -> None:
    """Print lines; hidden characters and line breaks within one are printed as codes."""
    say_marked("".join(f"{visible_line(str(line))}\n" for line in lines), err=err)


def say_json(text: str, *, err: bool = False) -> None:
    """Print a line of JSON; characters outside ASCII are escaped, so the data are the same."""
    escaped = _NOT_PLAIN.sub(lambda match: json.dumps(match[0])[1:-1], text)
    say_marked(escaped.replace("\x7f", "\\u007f") + "\n", err=err)


def say_event(
    event: Mapping[str, object], lines: Iterable[str], *, quiet: bool, log_json: bool
) -> None:
    """Print an event on the standard error: as JSON with ``log_json``, else as lines."""
    if log_json:
        say_json(json.dumps(event, default=str), err=True)
    elif not quiet:
        say(*lines, err=True)


def say_next(*words: str | Path) -> None:
    """Print the next useful command on the standard error, quoted for a shell.

    A name that a terminal cannot show as it is could not be copied, so nothing is printed then.
    """
    dashed = [f"./{w}" if isinstance(w, Path) and str(w).startswith("-") else str(w) for w in words]
    line = shlex.join(dashed)
    if visible_line(line) == line and line.isprintable():
        say(f"next: scamdetect {line}", err=True)


def say_marked(text: str, *, err: bool = False) -> None:
    """Print text that is visible already, with its line breaks and colours.

    Raises OutputError if the standard output is closed; a standard error that fails is ignored.
    """
    if not err:
        _stdout().write(text)
        _stdout().flush()
    elif sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()


def _stdout() -> TextIO:
    if sys.stdout is None:
        raise OutputError("standard output: it is closed; direct it elsewhere")
    return sys.stdout


def is_terminal(*, err: bool = False) -> bool:
    """Return whether the standard output, or error, is a terminal whose cursor can move."""
    stream = sys.stderr if err else sys.stdout
    return bool(stream and stream.isatty()) and os.environ.get("TERM") not in ("dumb", "unknown")


class OutputBytes:
    """The standard output for rows that are bytes; on a terminal nothing in them controls it."""

    def write(self, data: bytes) -> int:
        """Write whole lines; return their length."""
        if _stdout().isatty():
            say_marked(visible(data.decode("utf-8", "backslashreplace")))
        else:
            _stdout().buffer.write(data)
        return len(data)

    def flush(self) -> None:
        """Write what is buffered."""
        _stdout().flush()


def input_bytes() -> BinaryIO:
    """Return the standard input; raise InputError if it is closed."""
    if sys.stdin is None:
        raise InputError("standard input: it is closed; pipe the messages in")
    return sys.stdin.buffer


def messages_of(texts: Iterable[str]) -> list[str]:
    """Return the texts, with the standard input for ``-``; raise InputError if it is not UTF-8."""
    try:
        return [input_bytes().read().decode("utf-8-sig") if t == "-" else t for t in texts]
    except UnicodeDecodeError as problem:
        raise InputError(f"standard input: not utf-8 at byte {problem.start}") from None


@contextmanager
def progress(hidden: bool, doing: str) -> Iterator[Show]:
    """Give a function that shows progress on a standard error that is a terminal, else nothing.

    ``doing`` is shown until the function is first called.
    """
    if hidden or not is_terminal(err=True):
        yield lambda words, share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn("line"), BarColumn(10), text, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(visible_line(doing), total=None)
        yield lambda words, share: bar.update(
            task, description=visible_line(words), total=share and 1.0, completed=share or 0.0
        )


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
