"""What the command line shows: progress, summaries and findings as lines of text."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm

from scamdetect.calibration.presets import preset_words
from scamdetect.cli.streams import say, say_json
from scamdetect.labels import Decision

if TYPE_CHECKING:
    from scamdetect.cli.doctor import Check
    from scamdetect.dumps.tally import Standing, Summary, Watch
    from scamdetect.prediction import Prediction
    from scamdetect.scored.campaigns import CampaignsSummary
    from scamdetect.scored.groups import GroupsSummary
    from scamdetect.scored.job import Step
    from scamdetect.scored.job import Watch as StepWatch
    from scamdetect.scored.threads import ThreadsSummary
    from scamdetect.share.feed_versions import FeedReport
    from scamdetect.share.propose import ProposeSummary
    from scamdetect.train.data.audit import Comparison
    from scamdetect.train.data.fetch import Fetched


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Watch]:
    """Give a function that draws a bar on stderr where that is a terminal."""
    layout = "{percentage:3.0f} %|{bar}| {desc}"
    with tqdm(total=1.0, bar_format=layout, disable=True if quiet else None, leave=False) as bar:

        def show(standing: Standing) -> None:
            bar.set_description_str(progress_line(standing), refresh=False)
            bar.update(standing.share - bar.n)

        yield show


def progress_line(standing: Standing) -> str:
    """Return how far a job is, how fast, what it found and how long it will take."""
    flagged = standing.tally.decisions[Decision.FLAG]
    left = standing.seconds_left
    time_left = "" if left is None else f", {tqdm.format_interval(left)} left"
    return f"{standing.tally.rows:,} rows, {standing.rate:,.0f}/s, {flagged:,} flagged{time_left}"


def log_part(standing: Standing) -> None:
    """Write one JSON line to stderr for a part that was just finished."""
    if standing.ended:
        left = standing.seconds_left
        _log(
            {
                "event": "part",
                "part": standing.parts,
                "rows": standing.tally.rows,
                **{d.value: standing.tally.decisions[d] for d in Decision},
                "rejected": standing.tally.rejected,
                "resumed_records": standing.resumed,
                "share": round(standing.share, 6),
                "records_per_second": round(standing.rate, 1),
                "seconds": round(standing.seconds, 3),
                "seconds_left": None if left is None else round(left, 1),
            }
        )


def log_summary(summary: Summary) -> None:
    """Write one JSON line to stderr on what became of a dump, without any text of a message."""
    _log({"event": "done", **dataclasses.asdict(summary)})


@contextmanager
def step_bar(quiet: bool, log_json: bool) -> Iterator[StepWatch]:
    """Give a function that shows the steps of a job on a scored file, as a bar or as JSON lines.

    The bar is drawn where stderr is a terminal, a line is written for what was just finished.
    """
    if log_json:
        yield _log_step
        return
    layout = "{percentage:3.0f} %|{bar}| {desc}"
    with tqdm(total=1.0, bar_format=layout, disable=True if quiet else None, leave=False) as bar:

        def show(step: Step) -> None:
            bar.set_description_str(f"{step.name}, {step.rows:,} rows", refresh=False)
            bar.n = step.share
            bar.refresh()

        yield show


def _log_step(step: Step) -> None:
    if step.ended:
        rows = {"rows": step.rows} if step.name == "read" else {}
        _log({"event": step.name, "share": round(step.share, 6), **rows})


def log_done(
    summary: GroupsSummary | ThreadsSummary | CampaignsSummary | ProposeSummary,
) -> None:
    """Write one JSON line to stderr on what became of scored files, without any template."""
    found = dataclasses.asdict(summary)
    found.pop("listed", None)
    _log({"event": "done", **found})


def tell_feeds(reports: Sequence[FeedReport], quiet: bool, log_json: bool) -> None:
    """Print what became of feeds of indicators, as lines or as one JSON line each."""
    for report in reports:
        if log_json:
            left_out = {reason: count for reason, (count, _) in report.reasons.items()}
            event = {"event": "feed", "feed": report.name, "taken": report.taken}
            _log(event | {"left_out": left_out})
        elif not quiet:
            say(*report.lines(), err=True)


def group_lines(summary: GroupsSummary) -> list[str]:
    """Return what the groups of a scored file are."""
    return [
        f"{summary.groups:,} groups of {summary.rows:,} rows: {summary.flagged:,} with a flagged "
        "message",
        f"groups written to {summary.destination}",
    ]


def proposal_lines(summary: ProposeSummary) -> list[str]:
    """Return what is proposed to people, and what is not, by reason."""
    types = ", ".join(f"{name} {count:,}" for name, count in summary.proposed.items())
    total = sum(summary.proposed.values())
    return [
        f"{total:,} indicators proposed of {summary.rows:,} rows{f': {types}' if types else ''}",
        *(f"left out {count:,}: {reason}" for reason, count in summary.left_out.items()),
        *summary.notes,
        f"to publish a row of {summary.destination}, a person writes yes into publish, a reviewer "
        "and a date",
    ]


def thread_lines(summary: ThreadsSummary) -> list[str]:
    """Return what became of the threads of a scored file."""
    lines = [
        f"{summary.threads:,} threads of {summary.messages:,} messages: flagged "
        f"{summary.flagged:,}, review {summary.review:,}, too short to tell "
        f"{summary.needs_context:,}",
        f"threads written to {summary.destination}",
    ]
    if without := summary.rows - summary.messages:
        lines.insert(1, f"rows in no thread: {without:,}")
    if summary.own == 0:
        lines.insert(1, "no message in a thread is of the sender that --me names: all were judged")
    return lines


def _log(event: Mapping[str, object]) -> None:
    say_json(json.dumps(event, default=str), err=True)


def summary_lines(summary: Summary) -> list[str]:
    """Return what became of a dump."""
    before = f", {summary.resumed:,} of them in earlier runs" if summary.resumed else ""
    lines = [
        *summary.notes,
        f"{summary.rows:,} rows in {summary.seconds:.1f} s with {summary.model_id}{before}",
        f"flagged {summary.flagged:,}, review {summary.review:,}, passed {summary.passed:,}, "
        f"unscored {summary.unscored:,}, rejected {summary.rejected:,}",
    ]
    if records := summary.rows + summary.rejected:
        flagged = summary.flagged / max(summary.rows, 1)
        lines.append(
            f"flagged {_percent(flagged)} of the rows, rejected "
            f"{_percent(summary.rejected / records)} of the records"
        )
    if summary.preset is not None:
        lines.append(preset_words(summary.preset))
    if summary.verdicts:
        lines.append(f"verdicts: {_counts(summary.verdicts)}")
    if summary.cleared:
        share = summary.cleared / summary.rows
        lines.append(f"cleared early, not read in full: {summary.cleared:,} of them ({share:.0%})")
    if summary.allowed:
        lines.append(f"the allow-list let {summary.allowed:,} pass, which were to flag or review")
    if summary.listed:
        lines.append(
            f"{summary.listed:,} have a listed indicator, {summary.held:,} of them are to review "
            f"only for that: {_counts(summary.listed_by_feed)}"
        )
    if summary.flagged:
        lines.append(f"flagged by kind: {_counts(summary.flagged_by_kind) or 'none over the bar'}")
        lines.append(f"flagged by language: {_counts(summary.flagged_by_language)}")
    some = "" if summary.written == summary.rows else f"{summary.written:,} rows "
    lines.append(f"{some}written to {summary.destination}")
    if summary.rejects is not None:
        lines.append(f"records that could not be read are in {summary.rejects}")
    return lines


def prediction_line(prediction: Prediction) -> str:
    """Return one message's answer without its text."""
    if prediction.scam_probability is None:
        return f"{prediction.decision.value}: {prediction.reason}"
    kinds = ", ".join(f"{k.kind.value} {k.probability:.2f}" for k in prediction.kinds)
    parts = [
        f"{prediction.decision.value}: scam {prediction.scam_probability:.3f}",
        f"verdict {prediction.verdict}",
        f"kinds {kinds}" if kinds else "no kind",
        f"language {prediction.language}",
    ]
    return "; ".join([*parts, prediction.reason] if prediction.reason else parts)


def check_line(check: Check) -> str:
    """Return one finding of the doctor."""
    state = {True: "ok", False: "WRONG", None: "note"}[check.ok]
    return f"{state:<6}{check.name:<12}{check.detail}"


def fetched_line(fetched: Fetched) -> str:
    """Return what became of one file."""
    reason = f": {fetched.reason}" if fetched.reason else ""
    return f"{fetched.state} {fetched.slug}/{fetched.path}{reason}"


def comparison_lines(comparison: Comparison, most: int | None) -> list[str]:
    """Return the result of one source and at most ``most`` of its differing rows, by hash."""
    if comparison.state != "compared":
        return [f"{comparison.slug}: {comparison.state} ({comparison.note})"]
    differences = [
        *(f"  missing {digest}" for digest in comparison.missing),
        *(f"  other verdict {digest}" for digest in comparison.other_verdict),
        *(f"  extra {digest}" for digest in comparison.extra),
    ]
    note = f" ({comparison.note})" if comparison.note else ""
    head = (
        f"{comparison.slug}: {comparison.rows:,} rows, reference {comparison.reference:,}, "
        f"equal {comparison.share:.2%}, {len(differences):,} differences"
    )
    if comparison.twins:
        head += f", twins {comparison.twins:,} (equal but for case and punctuation)"
    lines = [f"{head}{'' if comparison.passed else ', FAILED'}{note}", *differences[:most]]
    if most is not None and len(differences) > most:
        lines.append(f"  and {len(differences) - most:,} more: give --all")
    return lines


def _percent(share: float) -> str:
    return f"{share:.0%}" if share in (0, 1) else f"{share:.2%}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
