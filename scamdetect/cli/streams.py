"""The standard streams: the one door through which the command line prints and reads."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from scamdetect.errors import InputError, OutputError
from scamdetect.system.shown import visible, visible_line
from scamdetect.urls import SecretsFilter

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")
# How tqdm moves the cursor: to the start of its line, or up by whole lines.
_MOVES = re.compile(r"\r|(?:\x1b\[A)+\Z")


class ReaderGone(OutputError):
    """Report that the program which read the standard output has ended, as ``head`` does."""


class VisibleStream:
    """A text stream that shows each character which hides, turns or controls text as its code.

    Only progress bars may move the cursor, and only on a terminal.
    """

    def __init__(self, stream: TextIO, failed: Callable[[OSError], None]) -> None:
        self._stream = stream
        self._moves = stream.isatty()
        self._failed = failed

    def write(self, text: str) -> int:
        """Write the text; return its length."""
        moves = _MOVES.match(text) if self._moves else None
        start = moves.end() if moves else 0
        self.write_marked(text[:start] + visible(text[start:]))
        return len(text)

    def write_marked(self, text: str) -> None:
        """Write text that is visible already, with the colours that are in it."""
        with self._failing():
            self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write all lines."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what is buffered."""
        with self._failing():
            self._stream.flush()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            # What is buffered must go somewhere: Python flushes it once more at its end.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            self._failed(problem)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name == "buffer":  # bytes would go past this door
            raise AttributeError(name)
        return getattr(self._stream, name)


def guard_streams() -> None:
    """Put the door before the standard output and error, also where the caller closed them.

    A standard output that fails raises ReaderGone or OutputError; a standard error that fails is
    silent from then on, for its lines are not worth the end of a job. What a library warns of comes
    without the secrets of URLs.
    """
    _fill_closed()
    sys.stdout = _guarded(sys.stdout, _STDOUT, _output_failed)
    sys.stderr = _guarded(sys.stderr, _STDERR, lambda problem: None)
    if logging.lastResort is not None:  # which prints the records that nobody else takes
        logging.lastResort.addFilter(SecretsFilter())


def say(*lines: object, err: bool = False) -> None:
    """Print lines; a line break within one, as in the name of a file, shows as its code.

    Raises OutputError where the standard output cannot be written.
    """
    _print("".join(f"{visible_line(str(line))}\n" for line in lines), err)


def say_json(text: str, *, err: bool = False) -> None:
    """Print a line of JSON; what is not plain ASCII is escaped, so the data are the same."""
    _print(_NOT_PLAIN.sub(_escape, text) + "\n", err)


def say_marked(text: str) -> None:
    """Print text that is visible already, with its line breaks and colours."""
    getattr(sys.stdout, "write_marked", sys.stdout.write)(text)
    sys.stdout.flush()


def standard_input() -> str:
    """Return the whole of the standard input; raise InputError where it is closed or not UTF-8."""
    if sys.stdin is None:
        raise InputError("standard input: it is closed; give the text instead of -, or pipe it in")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InputError(f"standard input: not utf-8 at byte {problem.start}") from problem
    except OSError as problem:
        raise InputError(f"standard input: cannot be read ({problem.strerror})") from problem


def _print(text: str, err: bool) -> None:
    stream = sys.stderr if err else sys.stdout
    stream.write(text)
    stream.flush()


def _escape(match: re.Match[str]) -> str:
    return "\\u007f" if match[0] == "\x7f" else json.dumps(match[0])[1:-1]


def _fill_closed() -> None:
    """Open nothing under the numbers of streams that are closed; files would get them else."""
    for number in (_STDIN, _STDOUT, _STDERR):
        try:
            os.fstat(number)
        except OSError:
            # To write to the standard output then fails, as it should.
            opened = os.open(os.devnull, os.O_WRONLY if number == _STDERR else os.O_RDONLY)
            os.set_inheritable(opened, True)


def _guarded(stream: TextIO | None, number: int, failed: Callable[[OSError], None]) -> TextIO:
    if isinstance(stream, VisibleStream):
        return cast(TextIO, stream)
    if stream is None:
        stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return cast(TextIO, VisibleStream(stream, failed))


def _output_failed(problem: OSError) -> None:
    if isinstance(problem, BrokenPipeError):
        raise ReaderGone("standard output: its reader has ended") from problem
    raise OutputError(
        f"standard output: cannot be written ({problem.strerror}); direct it elsewhere"
    ) from problem
