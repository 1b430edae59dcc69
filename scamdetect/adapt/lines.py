"""Queues, labels and moved thresholds as lines for a terminal, without any message text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from scamdetect.adapt.campaign_labels import labelled_campaigns
from scamdetect.adapt.halves import needed
from scamdetect.adapt.labels import LABELS, UNSURE, Answers, Merged, estimates
from scamdetect.adapt.notes import counted_rows, left_out, measured_words, refit_lines
from scamdetect.adapt.own_rows import label_words
from scamdetect.adapt.queue import AUDIT, UNCERTAIN, Queue
from scamdetect.adapt.recalibrate import Recalibrated
from scamdetect.labels import KINDS

_MOST_ROWS = 20


def queue_lines(queue: Queue, merged: Merged | None = None) -> Iterator[str]:
    """Yield the number of rows by part and language."""
    if merged is not None:
        kept = f"kept {merged.answered:,} rows with a label and {merged.open:,} without"
        yield f"{kept}, added {merged.added:,} new ones"
    parts = Counter(row.part for row in queue.rows)
    yield (
        f"{len(queue.rows):,} of {queue.messages:,} messages: {parts[AUDIT]:,} drawn at random, "
        f"{parts[UNCERTAIN]:,} near the thresholds"
    )
    if campaigns := [row.campaign for row in queue.rows if row.campaign is not None]:
        yield (
            f"one row each for {len(campaigns):,} campaigns that are large and not flagged, of "
            f"{sum(campaign.messages for campaign in campaigns):,} messages"
        )
    languages = Counter(row.language for row in queue.rows)
    yield f"languages: {_counts(languages.most_common(_MOST_ROWS))}"
    if queue.only_flagged:
        yield (
            "All messages are flagged, as with --only-flagged: labels can measure the precision, "
            "but not recall and false alarms."
        )


def answer_lines(answers: Answers) -> Iterator[str]:
    """Yield the counts of labels, the invalid ones, and the rates with their intervals."""
    counts = Counter(answer.label for answer in answers.usable)
    pairs = [(label, counts[label]) for label in LABELS]
    yield _counts(
        [*pairs, (UNSURE, len(answers.unsure)), ("without a label", len(answers.missing))]
    )
    if answers.missing:
        yield f"without a label: {_rows(answers.missing)}"
    if kinds := Counter(kind for answer in answers.usable for kind in answer.kinds):
        yield f"kinds of scam: {_counts(kinds.most_common())}"
    yield from _unknown("label", answers.unknown, (*LABELS, UNSURE))
    yield from _unknown("kind", answers.unknown_kinds, KINDS)
    if answers.contradicting:
        yield (
            f"different labels for one message or one text: {_rows(answers.contradicting)}; they "
            "are not counted until they agree"
        )
    for group in labelled_campaigns(answers.usable):
        yield (
            f"campaigns labelled {group.label}: {group.campaigns:,}, of {group.messages:,} "
            f"messages, {group.messages - group.flagged:,} of them not flagged"
        )
    drawn = sum(answer.audited for answer in answers.usable)
    if not drawn:
        yield "No message drawn at random has a label, so no rate can be estimated."
        return
    yield f"From {drawn:,} labelled of {answers.audit:,} messages drawn at random (95 %):"
    for estimate in estimates(answers.usable):
        low, high = (100 * end for end in estimate.interval)
        rate = "no data"
        if estimate.rate is not None:
            rate = f"{100 * estimate.rate:.1f} %, {low:.1f} % to {high:.1f} %"
        yield f"  {estimate.name}: {rate} ({estimate.hits:,} of {estimate.of:,})"
    if drawn < answers.audit:
        yield "These hold for the whole dump only if messages without a label are like the others."


def _unknown(what: str, cells: Sequence[tuple[int, str]], known: Sequence[str]) -> Iterator[str]:
    rows = defaultdict(list)
    for row, name in cells:
        rows[name].append(row)
    for name, numbers in rows.items():
        unknown = f"unknown {what} {label_words(name)!r}: {_rows(numbers)}"
        yield f"{unknown}; known {what}s are {', '.join(known)}"


def _counts(pairs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in pairs)


def _rows(rows: Sequence[int]) -> str:
    more = f" and {len(rows) - _MOST_ROWS:,} more" if len(rows) > _MOST_ROWS else ""
    return f"rows {', '.join(map(str, rows[:_MOST_ROWS]))}{more}"


def recalibrated_lines(result: Recalibrated) -> Iterator[str]:
    """Yield the counts of rows and, for flag and review, the figures before and after."""
    rows = result.rows
    yield counted_rows(rows.count)
    yield from left_out({
        "without a label or mapped to ignore": rows.ignored,
        "without a text": rows.unscored,
        "that could not be read": rows.rejected,
        "chosen by a queue, not drawn at random": rows.chosen,
    })  # fmt: skip
    if rows.mixed:
        groups = f"{rows.mixed:,} groups of similar messages"
        yield f"{groups} have both honest ones and scams; check their labels"
    for moved in result.moved:
        yield f"{moved.name} (requested false-positive rate: {moved.fpr:g})"
        yield f"  before: {measured_words(moved.before)}"
        yield f"  after:  {measured_words(moved.after)}"
        if moved.after.fpr_interval[0] > moved.fpr:
            yield (
                "  MORE FALSE ALARMS THAN REQUESTED: the threshold was set on few honest messages, "
                f"and the others show a rate over {moved.fpr:g}; label more, or request a lower "
                "rate (another seed only hides the problem)"
            )
    if result.refit is not None:
        yield from refit_lines(result.refit)
    strictest = min(result.moved, key=lambda moved: moved.fpr)
    if strictest.after.fpr_interval[1] >= 2 * strictest.fpr:
        yield (
            f"The interval reaches twice {strictest.fpr:g} or more; "
            f"{needed(strictest.fpr)[1]:,} distinct honest messages would narrow it."
        )
