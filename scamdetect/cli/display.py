"""Draw progress and tables with rich; loaded only when the output is a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from scamdetect.cli.console import Show
from scamdetect.cli.streams import DrawingStream, drawn_line
from scamdetect.system.shown import visible_line

_FRAMES_PER_SECOND = 8
_BAR_COLUMNS = 10


class _Steady(Console):
    """A console that never hides the cursor, which a job that is killed could not show again."""

    def show_cursor(self, show: bool = True) -> bool:
        return False


def _console(*, err: bool) -> Console:
    return _Steady(file=DrawingStream(err=err), highlight=False, markup=False, emoji=False)  # type: ignore[arg-type]


@contextmanager
def drawn_progress(doing: str) -> Iterator[Show]:
    """Draw one line on the standard error, which disappears at the end.

    A spinner and the seconds move from the beginning, before the share is known.
    """
    one_line = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    columns = (
        SpinnerColumn("line"),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        BarColumn(_BAR_COLUMNS),
        TextColumn("{task.description}", markup=False, table_column=one_line),
        TimeElapsedColumn(),
    )
    bar = Progress(
        *columns,
        console=_console(err=True),
        expand=True,
        transient=True,
        refresh_per_second=_FRAMES_PER_SECOND,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with drawn_line(), bar as drawn:
        task = drawn.add_task(visible_line(doing), total=None)

        def show(words: str, share: float | None) -> None:
            total = None if share is None else 1.0
            drawn.update(task, description=visible_line(words), total=total, completed=share or 0.0)

        yield show


def draw_table(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int],
    styles: Sequence[str],
    err: bool,
) -> None:
    """Draw rows of visible cells as ``console.say_table`` describes."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(names):
        justify = "right" if place in right else "left"
        table.add_column(name, justify=justify, no_wrap=place < len(names) - 1)  # type: ignore[arg-type]
    for number, row in enumerate(rows):
        first = Text(row[0], style=styles[number] if styles else "")
        table.add_row(first, *map(Text, row[1:]))
    _console(err=err).print(table)
