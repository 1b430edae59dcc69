"""The commands around labelling: what to label, and what the labels say."""

from __future__ import annotations

from pathlib import Path

import click

from scamdetect.cli.options import FiniteRange
from scamdetect.cli.streams import say
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of

WRONG_LABELS = 1  # the exit code where labels are unknown or contradict each other
_OVERWRITE = click.option(
    "--overwrite", is_flag=True, help="Replace files that exist; never one that is read."
)


@click.command(epilog="Example: scamdetect queue april.parquet -n 200 --label-studio tasks.json")
@click.argument("scored", type=click.Path(path_type=Path))
@click.option("-n", "count", type=click.IntRange(min=1), default=200, show_default=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The queue as CSV, with an empty column label.  [default: queue.csv, unless "
    "--label-studio is given]",
)
@click.option(
    "--label-studio",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="TASKS.json",
    help="The queue as tasks of Label Studio; its labelling config goes beside them as .xml.",
)
@click.option(
    "--audit",
    type=FiniteRange(0, 1),
    default=0.2,
    show_default=True,
    help="Share drawn uniformly, from which rates of the whole dump follow.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--text-column", default="text", show_default=True)
@click.option("--key-column", help="Column of your own names of the rows, to be carried along.")
@click.option(
    "--merge",
    is_flag=True,
    help="Keep the rows of a CSV that exists, with their labels, and add the new ones.",
)
@_OVERWRITE
def queue(
    scored: Path,
    count: int,
    output: Path | None,
    label_studio: Path | None,
    audit: float,
    seed: int,
    text_column: str,
    key_column: str | None,
    merge: bool,
    overwrite: bool,
) -> None:
    """Choose the messages of a scored dump that are most worth labelling.

    These are the uncertain ones, near the thresholds, by language and unlike each other, and some
    drawn at random. Fill the column label with scam, spam, legit or unsure and read it back with
    `scamdetect labels`. The files hold messages as they are.
    """
    from scamdetect.adapt.labels import (
        check_same_dump,
        config_path,
        merged,
        read_earlier,
        record,
        write_csv,
        write_records,
        write_tasks,
    )
    from scamdetect.adapt.labels_lines import merged_line, queue_lines
    from scamdetect.adapt.queue import choose_queue

    if output is None and label_studio is None:
        output = Path("queue.csv")
    if merge and (overwrite or label_studio is not None):
        raise click.UsageError(
            "--merge keeps the rows of a CSV, so --overwrite and --label-studio do not go with it"
        )
    table, tasks = (
        given and file_destination(given, overwrite=overwrite or merge, inputs=[scored])
        for given in (output, label_studio)
    )
    if tasks is not None:
        file_destination(config_path(tasks), overwrite=overwrite, inputs=[scored])
        if table in (tasks, config_path(tasks)):
            raise click.UsageError(f"{table}: is named twice; choose another name")
    earlier = read_earlier(table) if merge and table is not None and table.exists() else None
    if earlier is not None:
        check_same_dump(earlier, scored, text_column)
    chosen = choose_queue(
        scored,
        count,
        audit=audit,
        seed=seed,
        text_column=text_column,
        key_column=key_column,
    )
    access = access_of([scored])
    if table is not None:
        if earlier is None:
            write_csv(chosen.rows, table, access)
        else:
            both = merged(earlier, [record(row) for row in chosen.rows])
            write_records(both.rows, table, access, earlier.more)
            say(merged_line(both), err=True)
        say(f"written to {output}", err=True)
    if tasks is not None:
        config = write_tasks(chosen.rows, tasks, access)
        say(f"written to {label_studio}, labelling config to {config}", err=True)
    say(*queue_lines(chosen))


@click.command(epilog="Example: scamdetect labels queue.csv -o labelled.csv")
@click.argument("labelled", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The messages that have a usable label, as CSV.",
)
@_OVERWRITE
def labels(labelled: Path, output: Path | None, overwrite: bool) -> None:
    """Read the labels of a queue back and say what they tell of the whole dump.

    LABELLED is the CSV of `scamdetect queue` with the column label filled, or an export of Label
    Studio (JSON or JSON-MIN). Exits with 1 where labels are unknown or contradict each other.
    """
    from scamdetect.adapt.labels import read_answers, write_labelled
    from scamdetect.adapt.labels_lines import answer_lines

    target = None
    if output is not None:
        target = file_destination(output, overwrite=overwrite, inputs=[labelled])
    answers = read_answers(labelled)
    if target is not None:
        write_labelled(answers.usable, target, access_of([labelled]))
        say(f"written to {output}", err=True)
    say(*answer_lines(answers))
    if answers.unknown or answers.contradicting:
        raise click.exceptions.Exit(WRONG_LABELS)
