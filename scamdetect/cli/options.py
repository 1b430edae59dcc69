"""The options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
import rich_click

from scamdetect.calibration.presets import PRESETS

command = rich_click.command  # every command and group is made by these two
Group = rich_click.RichGroup


def output_option(
    help_text: str,
    name: str = "output",
    **settings: Any,  # noqa: ANN401 - what click.option takes
) -> Callable[[Any], Any]:
    """Return the option -o/--output, which every command has that writes a file or a folder."""
    return click.option("-o", "--output", name, help=help_text, **settings)


class FiniteRange(click.FloatRange):
    """A number within bounds; NaN and infinity are refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Return the number; raise BadParameter."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def _kind_flags(
    context: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> dict[str, float] | None:
    """Return the probability by kind, None without the option; raise BadParameter."""
    found: dict[str, float] = {}
    for one in given:
        kind, _, value = one.partition("=")
        try:
            probability = float(value)
        except ValueError as problem:
            raise click.BadParameter(
                f"{one!r} is not KIND=PROBABILITY; write for example romance=0.3"
            ) from problem
        if kind in found:
            raise click.BadParameter(f"{kind!r} is given twice; give each kind once")
        found[kind] = probability
    return found or None


MODEL = click.option(
    "--model",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Bundle to use.  [default: the shipped bundle]",
)
_PRESET = click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="Set the flag threshold by a false-positive rate: "
    + ", ".join(f"{name} {100 * rate:g} %" for name, rate in PRESETS.items())
    + ". Cannot be combined with --flag.  [default: the flag threshold of the bundle]",
)
_FLAG = click.option(
    "--flag",
    type=float,
    metavar="P",
    help="Flag messages with at least this scam probability.  [default: set by the bundle]",
)
_REVIEW = click.option(
    "--review",
    type=float,
    metavar="P",
    help="Send messages with at least this scam probability to review.  [default: set by the "
    "bundle]",
)
_KIND_FLAG = click.option(
    "--kind-flag",
    "kind_flags",
    multiple=True,
    callback=_kind_flags,
    metavar="KIND=P",
    help="Also flag a message that would go to review if this kind has at least probability P, "
    "such as romance=0.3. Repeatable.",
)


def with_thresholds(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that set thresholds; the parameter ``thresholds`` gets all of them."""

    @_PRESET
    @_FLAG
    @_REVIEW
    @_KIND_FLAG
    @wraps(command)
    def called(
        *arguments: Any,  # noqa: ANN401
        preset: str | None,
        flag: float | None,
        review: float | None,
        kind_flags: dict[str, float] | None,
        **others: Any,  # noqa: ANN401
    ) -> None:
        given = {"preset": preset, "flag": flag, "review": review, "kind_flags": kind_flags}
        command(*arguments, thresholds=given, **others)

    return called


TEXT_COLUMN = click.option(
    "--text-column",
    default="text",
    show_default=True,
    metavar="COLUMN",
    help="Column with the messages.",
)
LABEL_COLUMN = click.option(
    "--label-column",
    default="label",
    show_default=True,
    metavar="COLUMN",
    help="Column with the labels.",
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
RESUME = click.option(
    "--resume",
    is_flag=True,
    help="Resume an interrupted run of the same command.",
)
THREADS = click.option(
    "--threads", type=int, help="Threads that the model may use.  [default: all cores]"
)
RUNTIME = click.option(
    "--runtime",
    default="auto",
    show_default=True,
    help="Runtime of the model: auto, onnxruntime or openvino.",
)
WORKERS = click.option(
    "--workers",
    type=int,
    default=0,
    show_default=True,
    help="Processes that score, each with one thread. 0: score in this process.",
)
SOURCES = click.option(
    "--source",
    "sources",
    type=click.Path(),
    multiple=True,
    metavar="ORIGINAL",
    help="File that was scored, to read texts and columns from. Repeatable: one for each SCORED, "
    "in the same order.  [default: SCORED itself]",
)
QUIET = click.option("--quiet", is_flag=True, help="Print no progress and no summary.")
LOG_JSON = click.option(
    "--log-json",
    is_flag=True,
    help="Print progress and summary as JSON lines on standard error.",
)
WORK_FOLDER = click.option(
    "--work-folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for unfinished work.  [default: the folder of the destination; the current folder "
    "if that is a URL]",
)
OVERWRITE_FILE = click.option("--overwrite", is_flag=True, help="Replace an existing file.")
