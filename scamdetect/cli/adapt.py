"""The commands on a team's own traffic: what to label, what labels say, thresholds, drift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from scamdetect.cli.options import MODEL, THREADS, FiniteRange
from scamdetect.cli.streams import say
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of

WRONG_LABELS = 1  # the exit code where labels are unknown or contradict each other
_OVERWRITE = click.option(
    "--overwrite", is_flag=True, help="Replace files that exist; never one that is read."
)


@click.command(epilog="Example: scamdetect queue april.parquet -n 200 --html review.html")
@click.argument("scored", type=click.Path(path_type=Path))
@click.option("-n", "count", type=click.IntRange(min=1), default=200, show_default=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The queue as CSV, with an empty column label.  [default: queue.csv, unless --html or "
    "--label-studio is given]",
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
    "--campaigns",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Rows at most that stand for a campaign each, large, new and not flagged, where "
    "`scamdetect campaigns` has written them beside SCORED.",
)
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
    """Choose the messages of a scored dump that are most worth labelling.

    These are the uncertain ones, near the thresholds, by language and unlike each other, one of
    each large campaign that is not flagged, and some drawn at random. Answer them in the page
    (--html), or fill the column label with scam, spam, legit or unsure. Then run `scamdetect
    labels`. The files contain messages as they are.
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
    from scamdetect.cli.console import step_bar
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
            raise click.UsageError(f"{path}: is named twice; choose another name")
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


_BUDGET = {"reviews_per_day", "messages_per_day"}
_EITHER = {"bundle", "dump", "output"} | _BUDGET


@click.command(
    epilog="Example: scamdetect calibrate models/scamdetect-small --data own.csv --text-column "
    "body --label-column label --label-map map.toml --fpr 0.01 -o own-bundle"
)
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.argument("dump", type=click.Path(path_type=Path), required=False)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Labelled messages: CSV, TSV, JSONL, JSON or Parquet.",
)
@click.option(
    "--reviews-per-day",
    type=int,
    help="Instead of --data: set review so that so many messages a day, flagged ones included, "
    "reach it.",
)
@click.option("--messages-per-day", type=int, help="Messages that you get a day.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR",
              help="Folder of the new bundle; it must not be there.")  # fmt: skip
@click.option("--fpr", type=float, help="False-positive rate to flag at, for --data.")
@click.option(
    "--review-fpr",
    type=float,
    help="False-positive rate to review at.  [default: 0.03, or --fpr where that is higher]",
)
@click.option("--text-column", default="text", show_default=True)
@click.option("--label-column", default="label", show_default=True)
@click.option(
    "--label-map",
    type=click.Path(path_type=Path),
    help='TOML with a line for each label, such as "fraud" = "scam"; to legit, spam, scam or '
    "ignore.",
)
@click.option(
    "--group-column",
    help="Column such as the sender: messages of one value count as one, as near-duplicates do.",
)
@click.option(
    "--refit-probabilities",
    is_flag=True,
    help="Fit the scam probabilities too; kept where the other half shows that they are better.",
)
@click.option(
    "--base-rate",
    type=float,
    help="Share of scams in your traffic, for --refit-probabilities.  [default: as in the rows]",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the two halves."
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
    """Copy BUNDLE with thresholds that suit your own messages.

    With --data, labelled messages set the flag and the review threshold. Half of the messages
    choose the thresholds and the other half measures them; copies count once. Weights do not
    change, nor do scores without --refit-probabilities. It refuses where the honest messages are
    too few for the rate, and says how many it needs.

    With --reviews-per-day and --messages-per-day, the scores in DUMP, all messages of some time as
    `scamdetect score` wrote them, set the review threshold. No labels are needed. Without BUNDLE it
    is the shipped one.
    """
    if reviews_per_day is not None or messages_per_day is not None:
        _by_budget(context, bundle, dump, output, reviews_per_day, messages_per_day)
        return
    if dump is not None:
        raise click.UsageError("DUMP is for --reviews-per-day; give labelled messages with --data")
    if bundle is None or data is None or fpr is None:
        raise click.UsageError(
            "give BUNDLE, --data and --fpr, or --reviews-per-day, --messages-per-day and DUMP"
        )
    from scamdetect.adapt.recalibrate import recalibrate
    from scamdetect.reports.adapt import recalibrated_lines

    result = recalibrate(bundle, data, output, fpr=fpr, **asked)
    say(*recalibrated_lines(result))
    say(f"written to {output}", err=True)


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

    if reviews_per_day is None or messages_per_day is None:
        raise click.UsageError("--reviews-per-day and --messages-per-day belong together")
    if dump is None:  # one argument is the dump
        bundle, dump = None, bundle
    if dump is None:
        raise click.UsageError("give DUMP, which `scamdetect score` wrote")
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


FAILED_ON = 10  # the exit code where the level of --fail-on was reached


@click.command(epilog="Example: scamdetect drift march.parquet april.parquet -o drift-april")
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("current", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for drift.json and drift.html.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier drift in DIR.")
@click.option("--text-column", help="Column of the messages.  [default: text, if both have it]")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=5_000,
    show_default=True,
    help="Messages that are looked up among as many of the reference.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the samples."
)
@click.option(
    "--fail-on",
    type=click.Choice(["watch", "alert"]),
    help="Exit with 10 from this level on.",
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
    """Say how the dump CURRENT differs from REFERENCE; `scamdetect score` has scored both.

    It compares scores, decisions, languages, kinds, text lengths, the share of unscored messages
    and that of messages unlike all of the reference, and gives each a level: none, watch, alert.
    Dumps that different models scored are an alert.
    """
    from scamdetect.adapt.drift import measure_drift
    from scamdetect.reports.drift import check_drift, drift_lines, write_drift

    if output is not None:
        check_drift(output, [reference, current], overwrite=overwrite)
    found = measure_drift(reference, current, text_column=text_column, sample=sample, seed=seed)
    say(*drift_lines(found))
    if output is not None:
        page = write_drift(found, output, access_of([reference, current]))
        say(f"written to {page}", err=True)
    if fail_on is not None and found.level.value in (fail_on, "alert"):
        raise click.exceptions.Exit(FAILED_ON)
