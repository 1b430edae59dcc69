"""The commands that adapt to a team's own messages: queue, labels, calibrate, drift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from scamdetect.cli.options import (
    LABEL_COLUMN,
    MODEL,
    TEXT_COLUMN,
    THREADS,
    FiniteRange,
    command,
    output_option,
)
from scamdetect.cli.streams import say
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of

WRONG_LABELS = 1  # the exit code if labels are unknown or contradict each other
_OVERWRITE = click.option(
    "--overwrite", is_flag=True, help="Replace existing files, but never an input."
)


@command(epilog="Example: scamdetect queue april.parquet -n 200 --html review.html")
@click.argument("scored", type=click.Path(path_type=Path))
@click.option(
    "-n",
    "count",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Number of messages to choose.",
)
@output_option(
    "CSV file to write, with an empty column label.  [default: queue.csv, unless --html or "
    "--label-studio is given]",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
)
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PAGE.html",
    help="The queue as one offline page: answer in a browser, save a CSV for `scamdetect labels` "
    "(extra `report`).",
)
@click.option(
    "--marks/--no-marks",
    default=True,
    show_default=True,
    help="In the page, mark the parts that raise a score. This scores each message again, up to 50 "
    "times.",
)
@MODEL
@click.option(
    "--label-studio",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="TASKS.json",
    help="Write tasks for Label Studio instead of CSV, with the labelling config next to them.",
)
@click.option(
    "--audit",
    type=FiniteRange(0, 1),
    default=0.2,
    show_default=True,
    help="Share of the queue that is drawn at random, to estimate rates of the whole dump.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Random seed."
)
@TEXT_COLUMN
@click.option(
    "--key-column", metavar="COLUMN", help="Column with your own ids, copied into the queue."
)
@click.option(
    "--campaigns",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Most rows that represent one campaign each: large, new and not flagged. Needs the file "
    "of `scamdetect campaigns` next to SCORED.",
)
@click.option(
    "--merge",
    is_flag=True,
    help="Keep the rows and labels of an existing CSV and add the new rows.",
)
@_OVERWRITE
def queue(
    scored: Path,
    count: int,
    output: Path | None,
    page: Path | None,
    marks: bool,
    model: Path | None,
    label_studio: Path | None,
    audit: float,
    seed: int,
    text_column: str,
    key_column: str | None,
    campaigns: int,
    merge: bool,
    overwrite: bool,
) -> None:
    """Choose the messages that are most worth labelling.

    The queue has uncertain messages near the thresholds, of all languages and different from each
    other, one message of each large campaign that is not flagged, and some drawn at random. Answer
    them in the page (--html), or fill in the column label with scam, spam, legit or unsure. Then
    run `scamdetect labels`. The files contain the messages unmasked.
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
    from scamdetect.adapt.queue import choose_queue
    from scamdetect.cli.console import progress, say_next, step_bar
    from scamdetect.reports.adapt import merged_line, queue_lines
    from scamdetect.scored.job import Step

    if output is None and label_studio is None and page is None:
        output = Path("queue.csv")
    if merge and (overwrite or label_studio is not None or page is not None):
        raise click.UsageError(
            "--merge keeps the rows of a CSV; leave --overwrite, --html and --label-studio out"
        )
    if page is None and (model is not None or not marks):
        raise click.UsageError("--model and --no-marks need --html")
    if page is not None:
        from scamdetect.reports.review import write_review  # fails early without the extra
    table, tasks, target = (
        given and file_destination(given, overwrite=overwrite or merge, inputs=[scored])
        for given in (output, label_studio, page)
    )
    named = [path for path in (table, tasks, target) if path is not None]
    if tasks is not None:
        named.append(file_destination(config_path(tasks), overwrite=overwrite, inputs=[scored]))
    for path in named:
        if named.count(path) > 1:
            raise click.UsageError(f"{path}: two outputs have this name; choose another name")
    earlier = read_earlier(table) if merge and table is not None and table.exists() else None
    if earlier is not None:
        check_same_dump(earlier, scored, text_column)
    with progress(False, "choosing messages"):
        chosen = choose_queue(
            scored,
            count,
            audit=audit,
            seed=seed,
            text_column=text_column,
            key_column=key_column,
            campaigns=campaigns,
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
    if target is not None:
        with step_bar(quiet=False, log_json=False) as watch:
            notice = write_review(
                chosen,
                target,
                scored,
                text_column=text_column,
                model=model,
                marks=marks,
                access=access,
                watch=lambda done: watch(Step("marks", done / len(chosen.rows), done)),
            )
        say(*([notice] if notice else []), f"written to {page}", err=True)
    say(*queue_lines(chosen))
    if output is not None:
        say_next("labels", output)


@command(epilog="Example: scamdetect labels queue.csv -o labelled.csv")
@click.argument("labelled", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@output_option(
    "CSV file to write, with the messages that have a usable label.",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
)
@_OVERWRITE
def labels(labelled: Path, output: Path | None, overwrite: bool) -> None:
    """Read a labelled queue and estimate rates.

    LABELLED is the CSV of `scamdetect queue` with the column label filled in, or an export of Label
    Studio (JSON or JSON-MIN). The exit code is 1 if labels are unknown or contradict each other.
    """
    from scamdetect.adapt.labels import read_answers, write_labelled
    from scamdetect.cli.console import say_next
    from scamdetect.reports.adapt import answer_lines

    target = None
    if output is not None:
        target = file_destination(output, overwrite=overwrite, inputs=[labelled])
    answers = read_answers(labelled)
    if target is not None:
        write_labelled(answers.usable, target, access_of([labelled]))
        say(f"written to {output}", err=True)
    say(*answer_lines(answers))
    if answers.unknown or answers.unknown_kinds or answers.contradicting:
        raise click.exceptions.Exit(WRONG_LABELS)
    if output is None:
        say_next("labels", labelled, "-o", "labelled.csv")
    else:
        from scamdetect.bundle.bundle import default_bundle_path

        rate = ("--fpr", "0.01", "-o", "own-bundle")
        say_next("calibrate", default_bundle_path(), "--data", output, *rate)


_BUDGET = {"reviews_per_day", "messages_per_day"}
_EITHER = {"bundle", "dump", "output"} | _BUDGET


@command(
    epilog="Example: scamdetect calibrate models/scamdetect-small --data own.csv --text-column "
    "body --label-column label --label-map map.toml --fpr 0.01 -o own-bundle"
)
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.argument("dump", type=click.Path(path_type=Path), required=False)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Labelled messages: CSV, TSV, JSONL, JSON or Parquet.",
    metavar="FILE",
)
@click.option(
    "--reviews-per-day",
    type=int,
    help="Instead of --data: set the review threshold so that this many messages per day, flagged "
    "ones included, reach it.",
)
@click.option("--messages-per-day", type=int, help="Number of messages that you get per day.")
@output_option(
    "Folder of the new bundle; it must not exist.",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
)
@click.option("--fpr", type=float, help="False-positive rate of the flag threshold, for --data.")
@click.option(
    "--review-fpr",
    type=float,
    help="False-positive rate of the review threshold.  [default: 0.03, or --fpr if it is higher]",
)
@TEXT_COLUMN
@LABEL_COLUMN
@click.option(
    "--label-map",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help='TOML that maps your labels to legit, spam, scam or ignore: "fraud" = "scam".',
)
@click.option(
    "--group-column",
    metavar="COLUMN",
    help="Column such as the sender. Messages with the same value, and near-duplicates, count as "
    "one.",
)
@click.option(
    "--refit-probabilities",
    is_flag=True,
    help="Fit the scam probabilities too, and keep the fit if the other half shows an improvement.",
)
@click.option(
    "--base-rate",
    type=float,
    help="Share of scams in your traffic, for --refit-probabilities.  [default: as in the data]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Random seed of the two halves.",
)
@THREADS
@click.pass_context
def calibrate(
    context: click.Context,
    /,
    bundle: Path | None,
    dump: Path | None,
    data: Path | None,
    reviews_per_day: int | None,
    messages_per_day: int | None,
    output: Path,
    fpr: float | None,
    **asked: Any,  # noqa: ANN401 - what recalibrate takes as it is
) -> None:
    """Copy a bundle with thresholds for your own messages.

    With --data, labelled messages set the flag and the review threshold. One half of the messages
    sets the thresholds and the other half measures them; duplicates count once. The weights do not
    change, and scores change only with --refit-probabilities. With too few honest messages for the
    rate it stops and reports how many are needed.

    With --reviews-per-day and --messages-per-day, DUMP sets the review threshold: a file of
    `scamdetect score` with all messages of a period. No labels are needed. BUNDLE defaults to the
    shipped bundle.
    """
    if reviews_per_day is not None or messages_per_day is not None:
        _by_budget(context, bundle, dump, output, reviews_per_day, messages_per_day)
        return
    if dump is not None:
        raise click.UsageError("DUMP is for --reviews-per-day; pass labelled messages with --data")
    if bundle is None or data is None or fpr is None:
        raise click.UsageError(
            "give BUNDLE, --data and --fpr, or --reviews-per-day, --messages-per-day and DUMP"
        )
    from scamdetect.cli.console import progress, say_next

    with progress(False, "calibrating"):
        from scamdetect.adapt.recalibrate import recalibrate
        from scamdetect.reports.adapt import recalibrated_lines

        result = recalibrate(bundle, data, output, fpr=fpr, **asked)
    say(*recalibrated_lines(result))
    say(f"written to {output}", err=True)
    say_next("doctor", "--model", output)


def _by_budget(
    context: click.Context,
    bundle: Path | None,
    dump: Path | None,
    output: Path,
    reviews_per_day: int | None,
    messages_per_day: int | None,
) -> None:
    from scamdetect.adapt.notes import budget_lines
    from scamdetect.adapt.traffic import set_by_budget
    from scamdetect.cli.console import say_next

    if reviews_per_day is None or messages_per_day is None:
        raise click.UsageError("--reviews-per-day and --messages-per-day must be given together")
    if dump is None:  # one argument is the dump
        bundle, dump = None, bundle
    if dump is None:
        raise click.UsageError("give DUMP, a file of `scamdetect score`")
    for option in context.command.params:
        name = option.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in _EITHER:
            raise click.UsageError(
                f"{max(option.opts, key=len)} is for labelled messages (--data), not for "
                "--reviews-per-day"
            )
    result = set_by_budget(
        bundle,
        dump,
        output,
        reviews_per_day=reviews_per_day,
        messages_per_day=messages_per_day,
    )
    say(*budget_lines(result))
    say(f"written to {output}", err=True)
    say_next("doctor", "--model", output)


FAILED_ON = 10  # the exit code if the level of --fail-on was reached


@command(epilog="Example: scamdetect drift march.parquet april.parquet -o drift-april")
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("current", type=click.Path(path_type=Path))
@output_option(
    "Folder for drift.json and drift.html.",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
)
@click.option("--overwrite", is_flag=True, help="Replace earlier results in DIR.")
@click.option(
    "--text-column",
    metavar="COLUMN",
    help="Column with the messages.  [default: text, if both files have it]",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=5_000,
    show_default=True,
    help="Number of messages of each file to compare.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Random seed of the samples.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["watch", "alert"]),
    help="Exit with 10 at this level or above.",
)
def drift(
    reference: Path,
    current: Path,
    output: Path | None,
    overwrite: bool,
    text_column: str | None,
    sample: int,
    seed: int,
    fail_on: str | None,
) -> None:
    """Compare two scored files for drift.

    REFERENCE and CURRENT are files of `scamdetect score`. It compares scores, decisions, languages,
    kinds, text lengths, the share of unscored messages and the share of messages unlike any in
    REFERENCE, and gives each a level: none, watch or alert. Files scored with different models are
    an alert.
    """
    from scamdetect.cli.console import progress, say_next

    with progress(False, "comparing"):
        from scamdetect.adapt.drift import measure_drift
        from scamdetect.adapt.shifts import Level
        from scamdetect.reports.drift import check_drift, drift_lines, write_drift

        if output is not None:
            check_drift(output, [reference, current], overwrite=overwrite)
        found = measure_drift(reference, current, text_column=text_column, sample=sample, seed=seed)
    say(*drift_lines(found))
    if output is not None:
        page = write_drift(found, output, access_of([reference, current]))
        say(f"written to {page}", err=True)
    if found.level in (Level.WATCH, Level.ALERT):
        say_next("queue", current)
    if fail_on is not None and found.level.value in (fail_on, "alert"):
        raise click.exceptions.Exit(FAILED_ON)
