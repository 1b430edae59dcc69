"""The group ``scamdetect review``: choose messages to label, and read the labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import (
    COUNT,
    EXISTING,
    MODEL,
    OVERWRITE_FILE,
    SEED,
    Group,
    option,
)
from scamdetect.cli.streams import progress, say, say_next
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of

WRONG_LABELS = 1  # the exit code if labels are unknown or contradict each other


@click.group(cls=Group)
def review() -> None:
    """Review messages: choose a queue, label it, and read the labels."""


@review.command(epilog="Example: scamdetect review queue dump.scored.parquet -n 300 -o queue.csv")
@click.argument("scored", type=EXISTING)
@option("-n N", "Number of messages.", 200)
@option("-o --output FILE", "CSV file to label.  [default: queue.csv, if no other output]")
@option("--html page FILE", "Offline page to answer in a browser (extra `report`).")
@option("--marks/--no-marks", "Mark in the page what raises a score; this takes a while.", True)
@option("--label-studio FILE", "Tasks for Label Studio (.json), with a labelling config.")
@option("--audit P", "Share that is drawn at random, to estimate rates of the whole dump.", 0.2)
@SEED
@option("--text-column COLUMN", "Column with the messages.  [default: as in the job record]")
@option("--key-column COLUMN", "Column with your own ids, copied into the queue.")
@option("--campaigns", "Most rows that stand for a large, unflagged campaign.", 20, type=COUNT)
@option("--merge", "Keep the rows and labels of the CSV, and add rows.")
@MODEL
@OVERWRITE_FILE
def queue(
    scored: Path,
    output: Path | None,
    page: Path | None,
    marks: bool,
    label_studio: Path | None,
    merge: bool,
    overwrite: bool,
    **options: Any,  # noqa: ANN401 - what choose_queue takes
) -> None:
    """Choose the messages that are most worth labelling.

    The queue has uncertain messages near the thresholds, of all languages and different from each
    other, one message of each large campaign that is not flagged (if the file of `scamdetect
    campaigns` is next to SCORED), and some drawn at random. Answer them in the page (--html), or
    fill in the column label with scam, spam, legit or unsure. Then run `scamdetect review labels`.
    The files contain the messages unmasked.
    """
    from scamdetect.adapt import labels as files
    from scamdetect.adapt.lines import queue_lines
    from scamdetect.adapt.queue import choose_queue

    if output is None and label_studio is None and page is None:
        output = Path("queue.csv")
    if merge and (overwrite or output is None):
        raise click.UsageError("--merge keeps the rows of a CSV: pass -o, without --overwrite")
    if page is not None:
        from scamdetect.reports.review import write_review  # fails early without the extra
    table, tasks, html = (
        path and file_destination(path, overwrite=overwrite or merge, inputs=[scored])
        for path in (output, label_studio, page)
    )
    config = tasks and file_destination(
        files.config_path(tasks), overwrite=overwrite, inputs=[scored]
    )
    paths = [path for path in (table, tasks, html, config) if path is not None]
    if len({*paths}) < len(paths):
        raise click.UsageError("two outputs have the same name; choose another name")
    earlier = files.read_earlier(table) if merge and table is not None and table.exists() else None
    with progress(False, "choosing messages"):
        chosen = choose_queue(scored, **options)
        if earlier is not None:
            files.check_same_dump(earlier, scored, chosen.text_column)
    access = access_of([scored])
    merged = None
    if table is not None:
        rows = [files.record(row) for row in chosen.rows]
        merged = None if earlier is None else files.merged(earlier, rows)
        files.write_records(
            merged.rows if merged else rows, table, access, earlier.more if earlier else ()
        )
        say(f"written to {output}", err=True)
    if tasks is not None:
        files.write_tasks(chosen.rows, tasks, access)
        say(f"written to {label_studio}, labelling config to {config}", err=True)
    if html is not None:
        with progress(False, "marking the messages") as show:
            notice = write_review(
                chosen,
                html,
                scored,
                model=options["model"],
                marks=marks,
                progress=lambda done: show(f"{done:,} messages marked", done / len(chosen.rows)),
            )
        say(*([notice] if notice else []), f"written to {page}", err=True)
    say(*queue_lines(chosen, merged))
    if output is not None:
        say_next("review", "labels", output)


@review.command(epilog="Example: scamdetect review labels queue.csv -o labelled.csv")
@click.argument("labelled", type=EXISTING)
@option("-o --output FILE", "CSV file to write, with the messages that have a usable label.")
@OVERWRITE_FILE
def labels(labelled: Path, output: Path | None, overwrite: bool) -> None:
    """Read a labelled queue and estimate rates.

    LABELLED is the CSV of `scamdetect review queue` with the column label filled in, or an export
    of Label Studio (JSON or JSON-MIN). The exit code is 1 if labels are unknown or contradict each
    other.
    """
    from scamdetect.adapt.labels import read_answers, write_labelled
    from scamdetect.adapt.lines import answer_lines

    target = output and file_destination(output, overwrite=overwrite, inputs=[labelled])
    answers = read_answers(labelled)
    if target is not None:
        write_labelled(answers.usable, target, access_of([labelled]))
        say(f"written to {output}", err=True)
    say(*answer_lines(answers))
    if answers.unknown or answers.unknown_kinds or answers.contradicting:
        raise click.exceptions.Exit(WRONG_LABELS)
    if output is None:
        say_next("review", "labels", labelled, "-o", "labelled.csv")
    else:
        say_next("calibrate", "--data", output, "--fpr", "0.01", "-o", "own-bundle")
