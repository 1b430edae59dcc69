"""Queues, labels and moved thresholds as lines for a terminal, without any message text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from scamdetect.adapt.campaign_labels import labelled_campaigns
from scamdetect.adapt.halves import needed
from scamdetect.adapt.labels import (
    LABELS,
    UNSURE,
    Answer,
    Answers,
    Estimate,
    Merged,
    estimates,
)
from scamdetect.adapt.notes import counted_rows, left_out, measured_words, refit_lines
from scamdetect.adapt.queue import AUDIT, UNCERTAIN, Queue
from scamdetect.adapt.recalibrate import Recalibrated
from scamdetect.labels import KINDS
from scamdetect.reports.cells import first, tally
from scamdetect.system.shown import shown

_MOST_ROWS = 20


def queue_lines(queue: Queue) -> Iterator[str]:
    """Yield the number of rows by part and language."""
    parts = Counter(row.part for row in queue.rows)
    yield (
        f"{len(queue.rows):,} of {queue.messages:,} messages: {parts[AUDIT]:,} drawn at random, "
        f"{parts[UNCERTAIN]:,} near the thresholds"
    )
    campaigns = [row.campaign for row in queue.rows if row.campaign is not None]
    if campaigns:
        yield (
            f"one row each for {len(campaigns):,} campaigns that are large and not flagged, of "
            f"{sum(one.messages for one in campaigns):,} messages"
        )
    languages = Counter(row.language for row in queue.rows).most_common(_MOST_ROWS)
    yield f"languages: {', '.join(f'{shown(name)} {count}' for name, count in languages)}"
    if queue.only_flagged:
        yield (
            "All messages are flagged, as with --only-flagged: labels can measure the precision, "
            "but not recall and false alarms."
        )


def merged_line(both: Merged) -> str:
    """Return how many rows were kept and how many were added."""
    return (
        f"kept {both.answered:,} rows with a label and {both.open:,} without, "
        f"added {both.added:,} new ones"
    )


def answer_lines(answers: Answers) -> Iterator[str]:
    """Yield the counts of labels, the invalid ones, and the rates with their intervals."""
    counts = Counter(answer.label for answer in answers.usable)
    yield (
        ", ".join(f"{label} {counts[label]:,}" for label in LABELS)
        + f", {UNSURE} {len(answers.unsure):,}, without a label {len(answers.missing):,}"
    )
    if answers.missing:
        yield f"without a label: rows {first(answers.missing, _MOST_ROWS)}"
    kinds = Counter(kind for answer in answers.usable for kind in answer.kinds)
    if kinds:
        yield f"kinds of scam: {tally(dict(kinds.most_common()))}"
    for label, places in _by_name(answers.unknown).items():
        yield (
            f"unknown label {shown(label)!r}: rows {first(places, _MOST_ROWS)}; known are "
            f"{', '.join((*LABELS, UNSURE))}"
        )
    for kind, places in _by_name(answers.unknown_kinds).items():
        yield (
            f"unknown kind {shown(kind)!r}: rows {first(places, _MOST_ROWS)}; known kinds are "
            f"{', '.join(KINDS)}"
        )
    if answers.contradicting:
        rows = first(answers.contradicting, _MOST_ROWS)
        yield (
            f"different labels for one message or one text: rows {rows}; they are not counted "
            "until they agree"
        )
    for one in labelled_campaigns(answers.usable):
        yield (
            f"campaigns labelled {one.label}: {one.campaigns:,}, of {one.messages:,} messages, "
            f"{one.messages - one.flagged:,} of them not flagged"
        )
    yield from _estimate_lines(answers, estimates(answers.usable))


def _estimate_lines(answers: Answers, found: Sequence[Estimate]) -> Iterator[str]:
    drawn: list[Answer] = [answer for answer in answers.usable if answer.audited]
    if not drawn:
        yield "No message drawn at random has a label, so no rate can be estimated."
        return
    yield f"From {len(drawn):,} labelled of {answers.audit:,} messages drawn at random (95 %):"
    for one in found:
        low, high = one.interval
        rate = "no data" if one.rate is None else f"{100 * one.rate:.1f} %"
        between = "" if one.rate is None else f", {100 * low:.1f} % to {100 * high:.1f} %"
        yield f"  {one.name}: {rate}{between} ({one.hits:,} of {one.of:,})"
    if len(drawn) < answers.audit:
        yield "These hold for the whole dump only if messages without a label are like the others."


def _by_name(pairs: Sequence[tuple[int, str]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row, name in pairs:
        found.setdefault(name, []).append(row)
    return found


def recalibrated_lines(result: Recalibrated) -> Iterator[str]:
    """Yield the counts of rows and, for flag and review, the figures before and after."""
    rows = result.rows
    yield counted_rows(rows.count)
    yield from left_out(
        {
            "without a label or mapped to ignore": rows.ignored,
            "without a text": rows.unscored,
            "that could not be read": rows.rejected,
            "chosen by a queue, not drawn at random": rows.chosen,
        }
    )
    if rows.mixed:
        yield (
            f"{rows.mixed:,} groups of similar messages have both honest ones and scams; check "
            "their labels"
        )
    for one in result.moved:
        yield f"{one.name} (false-positive rate asked for: {one.fpr:g})"
        yield f"  before: {measured_words(one.before)}"
        yield f"  after:  {measured_words(one.after)}"
        if one.after.fpr_interval[0] > one.fpr:
            yield (
                "  MORE FALSE ALARMS THAN ASKED FOR: the threshold was set on few honest messages, "
                f"and the others show a rate over {one.fpr:g}; label more, or ask for a lower "
                "rate (another seed only hides the problem)"
            )
    if result.refit is not None:
        yield from refit_lines(result.refit)
    strictest = min(result.moved, key=lambda one: one.fpr)
    if strictest.after.fpr_interval[1] >= 2 * strictest.fpr:
        yield (
            f"The interval reaches twice {strictest.fpr:g} or more; "
            f"{needed(strictest.fpr)[1]:,} distinct honest messages would narrow it."
        )
