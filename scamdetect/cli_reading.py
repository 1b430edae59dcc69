"""The commands of ``scamdetect data`` for blind readings."""

from __future__ import annotations

from pathlib import Path

import click

from scamdetect.cli_streams import say
from scamdetect.cli_train import extra
from scamdetect.destinations import file_destination
from scamdetect.errors import InputError
from scamdetect.files import write_text
from scamdetect.regular_files import check_regular

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_AUTHORED = click.option(
    "--authored", type=_FOLDER, default="data/authored", show_default=True,
    help="Folder of the project's own messages.",
)  # fmt: skip
_FOLDS = 3
_BARRED = "GPL"  # sources under it are not read: their labels would have to be under it too


@click.command("reading-draw")
@click.argument("folder", type=_FOLDER)
@click.option("--corpus", type=_FILE, help="Draw train rows of its public sources.")
@click.option("--rows", type=int, default=12_000, show_default=True, help="Of the corpus.")
@click.option("--twice", type=int, default=1_000, show_default=True, help="Of these, again.")
@click.option("--batch", type=click.IntRange(10), default=60, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--name", required=True, help="What the names of the batches begin with.")
@click.option(
    "--sources", type=_FOLDER, default="data/sources", show_default=True,
    help="Folder of the descriptions.",
)  # fmt: skip
@_AUTHORED
def draw_command(
    folder: Path, corpus: Path | None, rows: int, twice: int, batch: int, seed: int, name: str,
    sources: Path, authored: Path,
) -> None:  # fmt: skip
    """Write batches for blind readers: of a corpus, or of the authored rows that nobody read.

    FOLDER gets the messages and keys.jsonl, which no reader may see; readers put their answers into
    FOLDER/answers/<batch>.<reader>.txt. Public text stays out of a repository: so must FOLDER.
    """
    with extra("train"):
        import pyarrow.parquet as pq

        from scamdetect.data.authored import load_authored
        from scamdetect.data.reading import write_batches
        from scamdetect.data.reading_draw import draw_authored, draw_public, known_answers
        from scamdetect.data.registry import load_registry
        from scamdetect.evaluation.doubts import label_doubts
    own = load_authored(authored)
    known = known_answers(own)
    if corpus is None:
        names = write_batches(draw_authored(own, seed), known, folder, batch, seed, name)
    else:
        if not 0 <= twice <= rows:
            raise InputError(f"--twice {twice}: 0 to {rows}, the number of rows")
        check_regular(corpus)
        table = pq.read_table(corpus, filters=[("role", "=", "train")])
        barred = [s.slug for s in load_registry(sources).values() if _BARRED in s.licence]
        items = draw_public(table, label_doubts(table, _FOLDS, say), rows, barred, seed)
        names = write_batches(items, known, folder, batch, seed, name)
        if twice:
            names += write_batches(items[:twice], known, folder, batch, seed + 1, f"{name}-twice")
    say(f"{folder}: {len(names)} batches, {names[0]} to {names[-1]}")


@click.command("reading-merge")
@click.argument("folder", type=_FOLDER)
@click.option("--corpus", type=_FILE, help="For the agreement with a keyword rule.")
@click.option(
    "--corrections", type=_FOLDER, default="data/corrections", show_default=True,
    help="Folder of the corrections.",
)  # fmt: skip
@click.option("--report", type=_FILE, help="Also write the figures here, as Markdown.")
@click.option("--overwrite", is_flag=True, help="Replace a report that exists.")
@_AUTHORED
def merge_command(
    folder: Path, corpus: Path | None, corrections: Path, report: Path | None, overwrite: bool,
    authored: Path,
) -> None:  # fmt: skip
    """Take what the readers say into the corrections and the authored rows; print the figures.

    Exits with 1 where an authored row's reader and writer differ, after writing all the same.
    """
    with extra("train"):
        import pyarrow.parquet as pq

        from scamdetect.data.reading import read_answers
        from scamdetect.data.reading_merge import (
            figure_lines,
            figures_of,
            merge_authored,
            merge_public,
            of_present_texts,
        )
    if report is not None:
        read = [folder, corrections, authored, *([] if corpus is None else [corpus])]
        report = file_destination(report, overwrite=overwrite, inputs=read)
    answers = of_present_texts(read_answers(folder), authored)
    texts = {}
    if corpus is not None:
        check_regular(corpus)
        table = pq.read_table(corpus, columns=["row_hash", "norm"])
        texts = dict(zip(table["row_hash"].to_pylist(), table["norm"].to_pylist(), strict=True))
    for path in merge_public(answers, corrections):
        say(f"wrote {path}")
    differing = merge_authored(answers, authored)
    lines = figure_lines(figures_of(answers, texts))
    say(*lines)
    if report is not None:
        write_text(report, "\n".join(lines) + "\n")
    for one in differing:
        say(
            f"{one.key.id}: writer {one.key.old}, reader {one.verdict} {one.probability}: "
            f"{one.reason}"
        )
    if differing:
        raise click.exceptions.Exit(1)


COMMANDS = (draw_command, merge_command)
