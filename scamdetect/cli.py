"""The command line: each command parses its arguments and calls one function elsewhere."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from traceback import format_exception
from types import TracebackType

import click

from scamdetect.cli_bench import bench
from scamdetect.cli_calibrate import calibrate
from scamdetect.cli_card import card
from scamdetect.cli_data import data
from scamdetect.cli_drift import drift
from scamdetect.cli_dumps import report, score
from scamdetect.cli_explain import explain
from scamdetect.cli_finetune import finetune
from scamdetect.cli_hub import hub
from scamdetect.cli_options import MODEL
from scamdetect.cli_queue import labels, queue
from scamdetect.cli_serve import serve
from scamdetect.cli_train import average, conversations, evaluate, export, train
from scamdetect.errors import (
    EndpointError,
    InputError,
    JobInterrupted,
    NothingToResume,
    OutputError,
    ScamDetectError,
)
from scamdetect.os_errors import unforeseen
from scamdetect.urls import without_secrets

WRONG_USE, RESUMABLE, FAILED, INTERRUPTED = 2, 3, 4, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scamdetect")
def cli() -> None:
    """Find scam messages in many languages, offline."""


@cli.command(epilog='Example: scamdetect predict "Pay the fee at parcel-fee.example"')
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a message.")
@MODEL
def predict(texts: tuple[str, ...], as_json: bool, model: Path | None) -> None:
    """Say for each TEXT whether it is a scam; "-" is the whole of the standard input."""
    from scamdetect.console import prediction_line
    from scamdetect.detector import ScamDetector

    read = [standard_input() if text == "-" else text for text in texts]
    for prediction in ScamDetector.load(model).predict(read):
        if as_json:
            click.echo(json.dumps(prediction.to_dict(), ensure_ascii=False))
        else:
            click.echo(prediction_line(prediction))


@cli.command()
@MODEL
def doctor(model: Path | None) -> None:
    """Check this machine and the bundle; exit with 1 if something is wrong."""
    from scamdetect.console import check_line
    from scamdetect.doctor import examine

    checks = examine(model)
    for check in checks:
        click.echo(check_line(check))
    if any(check.ok is False for check in checks):
        raise click.exceptions.Exit(1)


cli.add_command(explain)
cli.add_command(score)
cli.add_command(report)
cli.add_command(serve)
cli.add_command(drift)
cli.add_command(queue)
cli.add_command(labels)
cli.add_command(calibrate)
cli.add_command(finetune)
cli.add_command(data)
cli.add_command(train)
cli.add_command(average)
cli.add_command(export)
cli.add_command(conversations)
cli.add_command(evaluate)
cli.add_command(card)
cli.add_command(hub)
cli.add_command(bench)


def main() -> None:
    """Run the command line; every expected error becomes one line on stderr and an exit code.

    0: done, or done before with nothing to resume, 1: checked and found wrong, 2: wrong use or bad
    input, 3: interrupted (score goes on with --resume) or an endpoint is down, 4: failed (a full
    disk), 5: fine-tuned and refused, since it got worse, 10: done, and something was flagged under
    --fail-on-flagged or shifted under --fail-on, 130: interrupted before a part was finished.
    """
    sys.excepthook = _show_traceback
    try:
        code = cli.main(prog_name="scamdetect", standalone_mode=False)
    except click.Abort:
        code = _say("interrupted", INTERRUPTED)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(file=shown)
        click.echo(without_secrets(shown.getvalue()), err=True, nl=False)
        code = WRONG_USE
    except JobInterrupted as error:
        code = _say(_with_notes(error), RESUMABLE)
    except EndpointError as error:
        code = _say(_with_notes(error), RESUMABLE)
    except NothingToResume as error:
        code = _say(_with_notes(error), 0)
    except OutputError as error:
        code = _say(_with_notes(error), FAILED)
    except ScamDetectError as error:
        code = _say(_with_notes(error), WRONG_USE)
    except OSError as error:
        code = _say(_with_notes(error), FAILED)
    sys.exit(code or 0)


def _say(message: str, code: int) -> int:
    click.echo(f"scamdetect: {' '.join(without_secrets(message).split())}", err=True)
    return code


def _with_notes(error: Exception) -> str:
    said = unforeseen(error) if isinstance(error, OSError) else str(error)
    return "; ".join([said, *getattr(error, "__notes__", [])])


def _show_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print what nobody foresaw, which may quote a URL."""
    sys.stderr.write(without_secrets("".join(format_exception(kind, error, trace))))


def standard_input() -> str:
    """Return the whole of the standard input; raise InputError where it is not UTF-8."""
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InputError(f"standard input: not utf-8 at byte {problem.start}") from problem


if __name__ == "__main__":
    main()
