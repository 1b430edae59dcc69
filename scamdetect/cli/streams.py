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
from typing import Any, BinaryIO, TextIO, cast

from scamdetect.errors import InputError, OutputError
from scamdetect.system.shown import visible, visible_line
from scamdetect.urls import SecretsFilter

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")
# How the bars of huggingface_hub move the cursor: to the start of the line, or up by lines.
_MOVES = re.compile(r"\r|(?:\x1b\[A)+\Z")

_CLEAR = "\r\x1b[2K"  # to the start of the line, and erase it
_is_drawn = False  # whether progress is drawn on the standard error now


class ReaderGone(OutputError):
    """Report that the program that reads the standard output has ended, as ``head`` does."""


class VisibleStream:
    """A text stream that prints characters that hide, turn or control text as their codes.

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
        """Write text that is visible already, with its colours and moves of the cursor."""
        with self._failing():
            self._stream.write(text)

    def write_bytes(self, data: bytes) -> int:
        """Write whole lines of UTF-8 as they are, but on a terminal as ``write`` does."""
        with self._failing():
            if self._moves:
                self._stream.write(visible(data.decode("utf-8", "backslashreplace")))
            else:
                self._stream.buffer.write(data)
        return len(data)

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
    """Replace the standard output and error by visible streams, even if the caller closed them.

    If the standard output fails, it raises ReaderGone or OutputError. If the standard error fails,
    it stays silent, because its lines are not worth the end of a job. Warnings of libraries lose
    the secrets of URLs.
    """
    _fill_closed()
    sys.stdout = _guarded(sys.stdout, _STDOUT, _output_failed)
    sys.stderr = _guarded(sys.stderr, _STDERR, lambda problem: None)
    if logging.lastResort is not None:  # which prints the records that nobody else takes
        logging.lastResort.addFilter(SecretsFilter())


def say(*lines: object, err: bool = False) -> None:
    """Print lines; a line break within one, as in a file name, is printed as its code.

    Raises OutputError if the standard output cannot be written.
    """
    _print("".join(f"{visible_line(str(line))}\n" for line in lines), err)


def say_json(text: str, *, err: bool = False) -> None:
    """Print a line of JSON; characters outside ASCII are escaped, so the data are the same."""
    _print(_NOT_PLAIN.sub(_escape, text) + "\n", err)


def say_marked(text: str, *, err: bool = False) -> None:
    """Print text that is visible already, with its line breaks and colours."""
    stream = DrawingStream(err=err)
    stream.write(text)
    stream.flush()


class DrawingStream:
    """The standard output or error for a library that draws text that is visible already."""

    def __init__(self, *, err: bool) -> None:
        self._stream = sys.stderr if err else sys.stdout

    def write(self, text: str) -> int:
        """Write the text with its colours and moves of the cursor; return its length."""
        getattr(self._stream, "write_marked", self._stream.write)(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._stream, name)


def is_terminal(*, err: bool = False) -> bool:
    """Return whether the standard output, or error, is a terminal whose cursor can move."""
    stream = sys.stderr if err else sys.stdout
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def has_colours(*, err: bool = False) -> bool:
    """Return whether colours may be printed there; the variable NO_COLOR forbids them."""
    return is_terminal(err=err) and not os.environ.get("NO_COLOR")


class OutputBytes:
    """The standard output for rows that are bytes; on a terminal nothing in them controls it."""

    def write(self, data: bytes) -> int:
        """Write whole lines; return their length."""
        return cast(VisibleStream, sys.stdout).write_bytes(data)

    def flush(self) -> None:
        """Write what is buffered."""
        sys.stdout.flush()


def input_bytes() -> BinaryIO:
    """Return the standard input; raise InputError if it is closed."""
    if sys.stdin is None:
        raise InputError("standard input: it is closed; pipe the messages in")
    return sys.stdin.buffer


def standard_input() -> str:
    """Return the whole standard input; raise InputError if it is closed or not UTF-8."""
    if sys.stdin is None:
        raise InputError("standard input: it is closed; give the text instead of -, or pipe it in")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InputError(f"standard input: not utf-8 at byte {problem.start}") from problem
    except OSError as problem:
        raise InputError(f"standard input: cannot be read ({problem.strerror})") from problem


@contextmanager
def drawn_line() -> Iterator[None]:
    """Let lines on the standard error replace the line of progress that is drawn within."""
    global _is_drawn
    _is_drawn = True
    try:
        yield
    finally:
        _is_drawn = False


def _print(text: str, err: bool) -> None:
    if err and _is_drawn:
        DrawingStream(err=True).write(_CLEAR)
    stream = sys.stderr if err else sys.stdout
    stream.write(text)
    stream.flush()


def _escape(match: re.Match[str]) -> str:
    return "\\u007f" if match[0] == "\x7f" else json.dumps(match[0])[1:-1]


def _fill_closed() -> None:
    """Open a null device for each closed stream, so that no file gets its number."""
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
