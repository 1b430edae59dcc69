"""The options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
import rich_click

from scamdetect.calibration.presets import PRESETS
from scamdetect.errors import MissingExtraError

PATH = click.Path(path_type=Path)
command = rich_click.command  # every command and group is made by these two
Group = rich_click.RichGroup


def output_option(
    help_text: str,
    name: str = "output",
    **settings: Any,  # noqa: ANN401 - what click.option takes
) -> Callable[[Any], Any]:
    """Return the option -o/--output, which every command has that writes a file or a folder."""
    return click.option("-o", "--output", name, help=help_text, **settings)


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn a failing import within the context into the error that names the extra to install."""
    try:
        yield
    except ModuleNotFoundError as problem:
        module = problem.name or ""
        if module.startswith("scamdetect"):
            raise
        raise MissingExtraError(module, name) from problem


class FiniteRange(click.FloatRange):
    """A number within bounds; NaN and infinity are refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Return the number; raise BadParameter."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def with_thresholds(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that set thresholds; the parameter ``thresholds`` gets all of them."""
    rates = ", ".join(f"{name} {100 * rate:g} %" for name, rate in PRESETS.items())

    @click.option(
        "--preset",
        type=click.Choice(list(PRESETS)),
        help=f"Set the flag threshold by a false-positive rate: {rates}.",
    )
    @click.option(
        "--flag",
        type=float,
        metavar="P",
        help="Flag messages with at least this scam probability.  [default: set by the bundle]",
    )
    @click.option(
        "--review",
        type=float,
        metavar="P",
        help="Send messages with at least this scam probability to review.  [default: set by the "
        "bundle]",
    )
    @click.option(
        "--kind-flag",
        "kind_flags",
        multiple=True,
        callback=_kind_flags,
        metavar="KIND=P",
        help="Also flag a message that would go to review if this kind has at least probability P, "
        "such as romance=0.3. Repeatable.",
    )
    @wraps(command)
    def with_group(*arguments: Any, **options: Any) -> None:  # noqa: ANN401
        names = ("preset", "flag", "review", "kind_flags")
        thresholds = {name: options.pop(name) for name in names}
        command(*arguments, thresholds=thresholds, **options)

    return with_group


def _kind_flags(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> dict[str, float] | None:
    """Return the probability by kind, None without the option; raise BadParameter."""
    probabilities: dict[str, float] = {}
    for value in values:
        kind, _, number = value.partition("=")
        try:
            probabilities[kind] = float(number)
        except ValueError:
            message = f"{value!r} is not KIND=PROBABILITY; write for example romance=0.3"
            raise click.BadParameter(message) from None
    if len(probabilities) < len(values):
        raise click.BadParameter("give each kind once")
    return probabilities or None


def _column(name: str, what: str) -> Callable[[Any], Any]:
    return click.option(
        f"--{name}-column", default=name, show_default=True, metavar="COLUMN", help=what
    )


MODEL = click.option(
    "--model", type=PATH, metavar="DIR", help="Bundle to use.  [default: the shipped bundle]"
)
TEXT_COLUMN = _column("text", "Column with the messages.")
LABEL_COLUMN = _column("label", "Column with the labels.")
LABEL_MAP = click.option(
    "--label-map",
    type=PATH,
    metavar="FILE",
    help='TOML that maps your labels to legit, spam, scam or ignore: "fraud" = "scam".',
)
SEED = click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Random seed.",
)
SPREADSHEET_SAFE = click.option(
    "--spreadsheet-safe",
    is_flag=True,
    help="Put an apostrophe before cells that a spreadsheet would run as a formula (CSV and TSV).",
)
OVERWRITE = click.option(
    "--overwrite",
    is_flag=True,
    help="Replace an existing destination. Without --resume, also discard unfinished work.",
)
OVERWRITE_FILE = click.option("--overwrite", is_flag=True, help="Replace an existing file.")
RESUME = click.option(
    "--resume", is_flag=True, help="Resume an interrupted run of the same command."
)
THREADS = click.option(
    "--threads", type=int, help="Threads that the model may use.  [default: all cores]"
)
QUIET = click.option("--quiet", is_flag=True, help="Print no progress and no summary.")
LOG_JSON = click.option(
    "--log-json",
    is_flag=True,
    help="Print progress and summary as JSON lines on standard error.",
)
WORK_FOLDER = click.option(
    "--work-folder",
    type=PATH,
    metavar="DIR",
    help="Folder for unfinished work.  [default: the folder of the destination; the current folder "
    "if that is a URL]",
)
