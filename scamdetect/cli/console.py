"""Show progress, and the next useful command."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scamdetect.cli.streams import is_terminal, say
from scamdetect.system.shown import visible_line

Show = Callable[[str, float | None], None]  # what is being done, and which share (0 to 1) of it


@contextmanager
def progress(quiet: bool, doing: str) -> Iterator[Show]:
    """Give a function that shows progress on a standard error that is a terminal, else nothing.

    ``doing`` is shown until the function is first called.
    """
    if quiet or not is_terminal(err=True):
        yield lambda words, share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn("line"),
        BarColumn(10),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(visible_line(doing), total=None)
        yield lambda words, share: bar.update(
            task, description=visible_line(words), total=share and 1.0, completed=share or 0.0
        )


def say_next(*words: str | Path) -> None:
    """Print the next useful command on the standard error, quoted for a shell.

    A name that a terminal cannot show as it is could not be copied, so nothing is printed then.
    """
    dashed = [f"./{w}" if isinstance(w, Path) and str(w).startswith("-") else str(w) for w in words]
    line = shlex.join(dashed)
    if visible_line(line) == line and line.isprintable():
        say(f"next: scamdetect {line}", err=True)
