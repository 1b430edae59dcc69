"""The entry of the command line: light, so that Ctrl-C ends it well from the beginning."""

from __future__ import annotations

import os
import sys

from scamdetect.cli.interrupts import end_imports_on_interrupt, interrupted

TYPE_CHECKING = False  # as that of typing, which takes long to load
if TYPE_CHECKING:
    from types import TracebackType

    import click

    from scamdetect.errors import ScamDetectError

WRONG_USE, RESUMABLE, FAILED, READER_GONE = 2, 3, 4, 141
COMPLETION = "_SCAMDETECT_COMPLETE"  # the variable with which a shell asks for completions


def main() -> None:
    """Run the command line; every expected error is one line on stderr and an exit code.

    0: done, or nothing left to resume. 1: a check failed. 2: wrong use or bad input. 3: interrupted
    (score resumes with --resume), or an endpoint is down. 4: failed, such as on a full disk. 5: the
    fine-tuned bundle was worse and was not installed. 10: done, and a message was flagged under
    --fail-on-flagged or something shifted under --fail-on. 130: interrupted before a part was
    finished. 141: the program that reads the standard output ended first, which prints no line.
    """
    sys.excepthook = _show_traceback
    end_imports_on_interrupt()
    try:
        from scamdetect.cli.streams import guard_streams

        if COMPLETION not in os.environ:  # click writes the bytes that a shell reads
            guard_streams()
        code = _run()
    except KeyboardInterrupt:
        code = interrupted()
    sys.exit(code)


def _run() -> int:
    import click

    from scamdetect.cli.commands import cli
    from scamdetect.cli.streams import ReaderGone
    from scamdetect.errors import (
        EndpointError,
        JobInterrupted,
        NothingToResume,
        OutputError,
        ScamDetectError,
    )

    try:
        code: int | None = cli.main(prog_name="scamdetect", standalone_mode=False)
        return code or 0
    except click.Abort:  # click raises it on an interrupt
        return interrupted()
    except click.ClickException as error:
        return _show(error)
    except ReaderGone:
        return READER_GONE
    except JobInterrupted as error:
        return _say(_with_notes(error), RESUMABLE)
    except EndpointError as error:
        return _say(_with_notes(error), RESUMABLE)
    except NothingToResume as error:
        return _say(_with_notes(error), 0)
    except OutputError as error:
        return _say(_with_notes(error), FAILED)
    except ScamDetectError as error:
        return _say(_with_notes(error), WRONG_USE)
    except OSError as error:
        return _say(_with_notes(error), FAILED)


def _show(error: click.ClickException) -> int:
    """Print an error of click, with line breaks in the values of options as their codes."""
    from click.exceptions import NoArgsIsHelpError

    from scamdetect.cli.streams import say
    from scamdetect.urls import without_secrets

    if isinstance(error, NoArgsIsHelpError):  # whose message is the whole help
        say(*error.format_message().split("\n"), err=True)
        return WRONG_USE
    context = getattr(error, "ctx", None)
    if context is not None:
        say(*context.get_usage().split("\n"), err=True)
        say(f"Try '{context.command_path} --help' for help.", "", err=True)
    say(f"Error: {_joined(without_secrets(error.format_message()))}", err=True)
    return WRONG_USE


def _say(message: str, code: int) -> int:
    from scamdetect.cli.streams import say
    from scamdetect.urls import without_secrets

    say(f"scamdetect: {_joined(without_secrets(message))}", err=True)
    return code


def _joined(message: str) -> str:
    return " ".join(filter(None, (line.strip() for line in message.split("\n"))))


def _with_notes(error: ScamDetectError | OSError) -> str:
    from scamdetect.errors import ScamDetectError
    from scamdetect.system.os_errors import unforeseen

    said = str(error) if isinstance(error, ScamDetectError) else unforeseen(error)
    return "; ".join([said, *getattr(error, "__notes__", [])])


def _show_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print an unexpected error, without the secrets of URLs in it."""
    from traceback import format_exception

    from scamdetect.cli.streams import say
    from scamdetect.urls import without_secrets

    shown = without_secrets("".join(format_exception(kind, error, trace)))
    say(*shown.rstrip("\n").split("\n"), err=True)
