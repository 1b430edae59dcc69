"""The standard streams: what the command line prints and reads."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from contextlib import nullcontext, suppress
from typing import BinaryIO

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
    say_marked(_NOT_PLAIN.sub(_escape, text) + "\n", err=err)


def say_marked(text: str, *, err: bool = False) -> None:
    """Print text that is visible already, with its line breaks and colours.

    Raises OutputError if the standard output is closed; a standard error that fails is ignored.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is None and not err:
        raise OutputError("standard output: it is closed; direct it elsewhere")
    with suppress(OSError) if err else nullcontext():
        if stream is not None:
            stream.write(text)
            stream.flush()


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
        if sys.stdout is None:
            raise OutputError("standard output: it is closed; direct it elsewhere")
        if sys.stdout.isatty():
            sys.stdout.write(visible(data.decode("utf-8", "backslashreplace")))
        else:
            sys.stdout.buffer.write(data)
        return len(data)

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
    try:
        return input_bytes().read().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InputError(f"standard input: not utf-8 at byte {problem.start}") from None
    except OSError as problem:
        raise InputError(f"standard input: cannot be read ({problem.strerror})") from problem


def _escape(match: re.Match[str]) -> str:
    return "\\u007f" if match[0] == "\x7f" else json.dumps(match[0])[1:-1]
