"""What a queue and its labels are, as lines of text without any text of a message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from scamdetect.adapt.labels import LABELS, UNSURE, Answer, Answers, Estimate, Merged, estimates
from scamdetect.adapt.queue import AUDIT, Queue
from scamdetect.system.shown import shown

_MOST_ROWS = 20


def queue_lines(queue: Queue) -> Iterator[str]:
    """Yield how many rows of which part and language there are."""
    audit = sum(row.part == AUDIT for row in queue.rows)
    yield (
        f"{len(queue.rows):,} of {queue.messages:,} messages: {audit:,} drawn at random, "
        f"{len(queue.rows) - audit:,} near the thresholds"
    )
    languages = Counter(row.language for row in queue.rows).most_common(_MOST_ROWS)
    yield f"languages: {', '.join(f'{shown(name)} {count}' for name, count in languages)}"
    if queue.only_flagged:
        yield (
            "All messages are flagged, as --only-flagged leaves them: labels will tell the "
            "precision, and nothing of recall and false alarms."
        )


def merged_line(both: Merged) -> str:
    """Return how many rows were kept and how many were added."""
    return (
        f"kept {both.answered:,} rows with a label and {both.open:,} without, "
        f"added {both.added:,} new ones"
    )


def answer_lines(answers: Answers) -> Iterator[str]:
    """Yield what the labels are, which are wrong, and the rates with their intervals."""
    counts = Counter(answer.label for answer in answers.usable)
    yield (
        ", ".join(f"{label} {counts[label]:,}" for label in LABELS)
        + f", {UNSURE} {len(answers.unsure):,}, without a label {len(answers.missing):,}"
    )
    if answers.missing:
        yield f"without a label: rows {_listed(answers.missing)}"
    for label, rows in _unknown(answers).items():
        yield (
            f"unknown label {shown(label)!r}: rows {_listed(rows)}; known are "
            f"{', '.join((*LABELS, UNSURE))}"
        )
    if answers.contradicting:
        yield (
            f"several labels for one message or one text: rows {_listed(answers.contradicting)}; "
            "they count nowhere until they agree"
        )
    yield from _estimate_lines(answers, estimates(answers.usable))


def _estimate_lines(answers: Answers, found: Sequence[Estimate]) -> Iterator[str]:
    drawn: list[Answer] = [answer for answer in answers.usable if answer.audited]
    if not drawn:
        yield "No message drawn at random has a label, so no rate can be told."
        return
    yield f"From {len(drawn):,} labelled of {answers.audit:,} messages drawn at random (95 %):"
    for one in found:
        low, high = one.interval
        rate = "none to tell from" if one.rate is None else f"{100 * one.rate:.1f} %"
        between = "" if one.rate is None else f", {100 * low:.1f} % to {100 * high:.1f} %"
        yield f"  {one.name}: {rate}{between} ({one.hits:,} of {one.of:,})"
    if len(drawn) < answers.audit:
        yield "These hold for the whole dump only if those without a label are like the others."


def _unknown(answers: Answers) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row, label in answers.unknown:
        found.setdefault(label, []).append(row)
    return found


def _listed(rows: Sequence[int]) -> str:
    more = f" and {len(rows) - _MOST_ROWS:,} more" if len(rows) > _MOST_ROWS else ""
    return ", ".join(map(str, rows[:_MOST_ROWS])) + more
