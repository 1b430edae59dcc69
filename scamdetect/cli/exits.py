"""Turn every error into one line on standard error and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

import click
from click.exceptions import NoArgsIsHelpError

from scamdetect.cli import INTERRUPTED
from scamdetect.cli.streams import say
from scamdetect.errors import EndpointError, JobInterrupted, NothingToResume, ScamDetectError
from scamdetect.system.os_errors import said
from scamdetect.urls import without_secrets

UNEXPECTED, WRONG_USE, RESUMABLE, FAILED, READER_GONE = 1, 2, 3, 4, 141


def exit_code(call: Callable[[], object]) -> int:
    """Return the exit code of a command; print every error without a text of a message.

    0: done, or nothing left to resume. 1: a check failed. 2: wrong use or bad input. 3: interrupted
    (score resumes with --resume), or an endpoint is down. 4: failed, such as on a full disk. 5: the
    fine-tuned bundle was worse and was not installed. 10: a message was flagged, or something
    shifted, and an option asks for this code. 130: interrupted before a part was finished. 141: the
    program that reads the standard output ended first.
    """
    try:
        code = call()
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("", "scamdetect: interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        return _say_wrong_use(error)
    except (ScamDetectError, OSError) as error:
        return _say_failure(error)
    except Exception as error:  # its message may hold a text
        say(*"".join(traceback.format_tb(error.__traceback__)).splitlines(), err=True)
        say(f"scamdetect: unexpected {type(error).__name__}; please report this", err=True)
        return UNEXPECTED
    return code if isinstance(code, int) else 0


def _say_failure(error: ScamDetectError | OSError) -> int:
    if isinstance(error, OSError) and sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError:  # Python flushes what is left once more at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return READER_GONE
    message = str(error) if isinstance(error, ScamDetectError) else said(error)
    line = "; ".join([message, *getattr(error, "__notes__", [])])
    say(f"scamdetect: {without_secrets(' '.join(line.split()))}", err=True)
    if isinstance(error, NothingToResume):
        return 0
    if isinstance(error, JobInterrupted | EndpointError):
        return RESUMABLE
    return FAILED if isinstance(error, OSError) else WRONG_USE


def _say_wrong_use(error: click.ClickException) -> int:
    lines = error.format_message().splitlines()
    if not isinstance(error, NoArgsIsHelpError):  # whose message is the help
        context = getattr(error, "ctx", None)
        name = context.command_path if context else "scamdetect"
        lines = [f"Try '{name} --help' for help.", f"Error: {' '.join(lines)}"]
    say(*lines, err=True)
    return WRONG_USE
