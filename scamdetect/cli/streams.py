"""The standard streams: what the command line prints and reads."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from contextlib import suppress
from typing import BinaryIO, TextIO

from scamdetect.errors import InputError, OutputError
from scamdetect.system.shown import visible, visible_line

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
    escaped = _NOT_PLAIN.sub(lambda found: json.dumps(found[0])[1:-1], text)
    say_marked(escaped.replace("\x7f", "\\u007f") + "\n", err=err)


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


def has_colours(*, err: bool = False) -> bool:
    """Return whether colours may be printed there; the variable NO_COLOR forbids them."""
    return is_terminal(err=err) and not os.environ.get("NO_COLOR")


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


def standard_input() -> str:
    """Return the whole standard input; raise InputError if it is closed or not UTF-8."""
    try:
        return input_bytes().read().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InputError(f"standard input: not utf-8 at byte {problem.start}") from None
