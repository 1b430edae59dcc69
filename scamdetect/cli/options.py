"""Declare options in a line each, and the options that several commands share."""

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

command = rich_click.command  # every command and group is made by these two
Group = rich_click.RichGroup


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


PATH = click.Path(path_type=Path)
EXISTING = click.Path(path_type=Path, exists=True)
COUNT = click.IntRange(min=0)
_TYPES = {
    "FILE": PATH, "DIR": PATH, "PATH": PATH, "P": FiniteRange(0, 1), "N": click.IntRange(min=1),
}  # fmt: skip


def option(
    names: str,
    help_text: str,
    default: Any = None,  # noqa: ANN401
    **settings: Any,  # noqa: ANN401
) -> Callable[[Any], Any]:
    """Return an option of click; ``names`` are as in the help, such as "-o --output FILE".

    A last word with capitals shows the value, and may set its type. Without a value it is a flag.
    """
    words = names.split()
    if not (words[-1].startswith("-") or words[-1].islower()):
        settings["metavar"] = words.pop()
        settings.setdefault("type", _TYPES.get(settings["metavar"]))
    elif default is None and not settings.keys() & {"type", "flag_value"}:
        settings["is_flag"] = True
    if default is not None:
        settings |= {"default": default, "show_default": True}
    return click.option(*words, help=help_text, **settings)


def with_thresholds(command: Callable[..., None]) -> Any:  # noqa: ANN401
    """Add the options that set thresholds; the parameter ``thresholds`` gets all of them."""
    rates = ", ".join(f"{name} {100 * rate:g} %" for name, rate in PRESETS.items())

    @option(
        "--preset",
        f"Set the flag threshold by a false-positive rate: {rates}.",
        type=click.Choice(list(PRESETS)),
    )
    @option("--flag P", "Flag from this scam probability.  [default: set by the bundle]")
    @option("--review P", "Review from this scam probability.  [default: set by the bundle]")
    @option(
        "--kind-flag kind_flags KIND=P",
        "Also flag reviews with this probability of a kind: romance=0.3. Repeatable.",
        multiple=True,
        callback=_kind_flags,
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


MODEL = option("--model DIR", "Bundle to use.  [default: the shipped bundle]")
TEXT_COLUMN = option("--text-column COLUMN", "Column with the messages.", "text")
LABEL_COLUMN = option("--label-column COLUMN", "Column with the labels.", "label")
LABEL_MAP = option(
    "--label-map FILE",
    'TOML that maps your labels to legit, spam, scam or ignore: "fraud" = "scam".',
)
SENDER_COLUMN = option("--sender-column COLUMN", "Column with the sender.")
TIME_COLUMN = option("--time-column COLUMN", "Column with the time of a message.")
SEED = option("--seed", "Random seed.", 0, type=click.IntRange(0, 2**32 - 1))
SPREADSHEET_SAFE = option(
    "--spreadsheet-safe", "Put an apostrophe before cells that would be formulas (CSV and TSV)."
)
OVERWRITE = option("--overwrite", "Replace an existing result, and discard unfinished work.")
OVERWRITE_FILE = option("--overwrite", "Replace an existing file.")
OVERWRITE_BUNDLE = option("--overwrite", "Replace an existing bundle.")
THREADS = option("--threads", "Threads that the model may use.  [default: all cores]", type=int)
QUIET = option("--quiet", "Print no progress and no summary.")
LOG_JSON = option("--log-json", "Print progress and summary as JSON lines on standard error.")
JSON = option("--json as_json", "Print one JSON object per message.")
WORK_FOLDER = option(
    "--work-folder DIR", "Folder for unfinished work.  [default: that of the output]"
)
