"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from scamdetect.calibration.presets import PRESETS


class FiniteRange(click.FloatRange):
    """A number within bounds; nan, which compares with none, and infinity are refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Return the number; raise BadParameter."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def _kind_flags(
    context: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> dict[str, float] | None:
    """Return the probability by kind, None where nothing is given; raise BadParameter."""
    found: dict[str, float] = {}
    for one in given:
        kind, _, value = one.partition("=")
        try:
            probability = float(value)
        except ValueError as problem:
            raise click.BadParameter(
                f"{one!r} is not a kind and a probability such as romance=0.3"
            ) from problem
        if kind in found:
            raise click.BadParameter(f"{kind!r} is given twice; give one probability a kind")
        found[kind] = probability
    return found or None


MODEL = click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="Folder of a bundle instead of the shipped one.",
)
_PRESET = click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="Flag at this false-positive rate of the bundle's calibrate rows: "
    + ", ".join(f"{name} {100 * rate:g} %" for name, rate in PRESETS.items())
    + ". Not with --flag.  [default: the flag threshold of the bundle]",
)
_FLAG = click.option("--flag", type=float, help="Flag from this scam probability on.")
_REVIEW = click.option("--review", type=float, help="Review from this scam probability on.")
_KIND_FLAG = click.option(
    "--kind-flag",
    "kind_flags",
    multiple=True,
    callback=_kind_flags,
    metavar="KIND=P",
    help="Also flag what would go to review from this probability of the kind on, such as "
    "romance=0.3; may be given for several kinds.",
)


def with_thresholds(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that set thresholds; ``thresholds`` takes them together, by name."""

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


SPREADSHEET_SAFE = click.option(
    "--spreadsheet-safe",
    is_flag=True,
    help="Put an apostrophe before cells that a spreadsheet would run as a formula (CSV, TSV).",
)
OVERWRITE = click.option(
    "--overwrite",
    is_flag=True,
    help="Replace a destination that exists; without --resume also begin anew.",
)
RESUME = click.option(
    "--resume",
    is_flag=True,
    help="Go on where an interrupted or killed run of the same command stopped.",
)
THREADS = click.option("--threads", type=int, help="Threads of the runtime.  [default: all cores]")
RUNTIME = click.option(
    "--runtime", default="auto", show_default=True, help="auto, onnxruntime or openvino."
)
WORKERS = click.option(
    "--workers", type=int, default=0, show_default=True, help="Processes of one thread each."
)
SOURCES = click.option(
    "--source",
    "sources",
    type=click.Path(),
    multiple=True,
    metavar="ORIGINAL",
    help="Take texts and columns from what was scored, one for each SCORED in their order.  "
    "[default: from SCORED]",
)
QUIET = click.option("--quiet", is_flag=True, help="Show no progress and no summary.")
