"""Store readings: as corrections of public rows, and as the reader of authored ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from data.workshop.reading import Answers, Reading, text_digest
from data.workshop.reading_draw import DEV
from scamdetect.errors import MissingExtraError, SourceError
from scamdetect.evaluate.baselines import guess
from scamdetect.labels import Verdict
from scamdetect.train.cells import number
from scamdetect.train.data.authored import load_authored, write_rows
from scamdetect.train.data.corpus_rows import is_own
from scamdetect.train.data.corrections import Correction, read_corrections, write_corrections

try:
    from sklearn.metrics import cohen_kappa_score
except ImportError as error:
    raise MissingExtraError("scikit-learn", "train") from error


@dataclass(frozen=True)
class ReadingFigures:
    """How far the readings can be trusted."""

    readings: int
    sentinels: int
    sentinels_right: int
    failed_batches: list[str]
    missing_batches: list[str]
    twice: int  # rows read by two readers
    twice_equal: int
    kappa: float | None  # Cohen's, over the three verdicts
    rule_agreement: float | None  # share of readings on which the keyword rule agrees
    rule_kappa: float | None
    changes: Counter[tuple[str, str, str]]  # source, old, new


def figures_of(answers: Answers, texts: Mapping[str, str]) -> ReadingFigures:
    """Return the figures; ``texts`` holds normalised texts by row hash for the keyword rule."""
    by_row = _by_row(answers.readings)
    twice = [pair[:2] for pair in by_row.values() if len(pair) > 1]
    read = [pair[0] for pair in by_row.values()]
    known = [one for one in read if one.key.id in texts]
    guesses = [guess(texts[one.key.id]) for one in known]
    judged = [one.verdict is Verdict.SCAM for one in known]
    equal = [a == b for a, b in zip(guesses, judged, strict=True)]
    return ReadingFigures(
        readings=len(answers.readings),
        sentinels=len(answers.sentinels),
        sentinels_right=sum(hit for _, hit in answers.sentinels),
        failed_batches=answers.failed,
        missing_batches=answers.missing,
        twice=len(twice),
        twice_equal=sum(a.verdict is b.verdict for a, b in twice),
        kappa=_kappa([a.verdict for a, _ in twice], [b.verdict for _, b in twice]),
        rule_agreement=sum(equal) / len(equal) if equal else None,
        rule_kappa=_kappa(guesses, judged),
        changes=Counter((one.key.source, one.key.old, one.verdict.value) for one in read),
    )


def of_present_texts(answers: Answers, folder: Path) -> Answers:
    """Return the answers without readings of authored rows that have changed."""
    texts = {row.id: text_digest(row.text) for row in load_authored(folder)}
    kept = [
        one
        for one in answers.readings
        if not is_own(one.key.source) or texts.get(one.key.id, one.key.digest) == one.key.digest
    ]
    return replace(answers, readings=kept)


def merge_public(answers: Answers, folder: Path) -> list[Path]:
    """Bring ``folder/<slug>.csv`` up to the readings and return the files written.

    A train row whose readers differ in the verdict has no correction; otherwise the mean of their
    probabilities and what the first said. A dev row gets what the reader says who doubts its label,
    so that it leaves dev. A row corrected before keeps its old label there.
    """
    by_slug: dict[str, dict[str, Correction | None]] = defaultdict(dict)
    for (slug, row), readings in _by_row(answers.readings).items():
        if not is_own(slug):
            agreed = len({reading.verdict for reading in readings}) == 1
            doubting = sorted(readings, key=lambda one: one.verdict.value == one.key.old)
            dev = readings[0].key.why == DEV
            by_slug[slug][row] = _correction(doubting) if agreed or dev else None
    paths = []
    for slug, corrections in sorted(by_slug.items()):
        path = folder / f"{slug}.csv"
        held = {one.row_hash: one for one in read_corrections(folder, slug)}
        for row, one in corrections.items():
            before = held.pop(row, None)
            if one is not None:
                held[row] = one if before is None else replace(one, old=before.old)
        write_corrections(path, held.values())
        paths.append(path)
    return paths


def merge_authored(answers: Answers, folder: Path) -> list[Reading]:
    """Set ``reader`` of the rows read; return the readings that differ from the writer's verdict.

    Raises SourceError for a reading of a row that is no longer there.
    """
    found = {
        readings[0].key.id: readings[0]
        for readings in _by_row(answers.readings).values()
        if is_own(readings[0].key.source)
    }
    rows = load_authored(folder)
    if gone := sorted(found.keys() - {row.id for row in rows}):
        raise SourceError(f"{folder}: {gone[0]} was read and is now missing; draw batches again")
    rows = [
        msgspec.structs.replace(row, reader=found[row.id].probability) if row.id in found else row
        for row in rows
    ]
    for lang in sorted({row.lang for row in rows if row.id in found}):
        write_rows(folder / f"{lang}.jsonl", [row for row in rows if row.lang == lang])
    verdicts = {row.id: row.verdict for row in rows}
    return [
        reading for reading in found.values() if reading.verdict is not verdicts[reading.key.id]
    ]


def figure_lines(figures: ReadingFigures) -> list[str]:
    """Return the figures as Markdown."""
    share = f"{figures.sentinels_right} of {figures.sentinels}"
    lines = [
        f"- readings: {figures.readings:,}",
        f"- known answers found: {share}",
        f"- batches read again: {', '.join(figures.failed_batches) or 'none left'}",
        f"- batches without answers: {', '.join(figures.missing_batches) or 'none'}",
        f"- read twice: {figures.twice:,}, equal verdict {figures.twice_equal:,}, "
        f"Cohen's kappa {number(figures.kappa, '.3f', 'not measured')}",
        f"- keyword rule agrees with {number(figures.rule_agreement, '.1%', 'not measured')}, "
        f"kappa {number(figures.rule_kappa, '.3f', 'not measured')}",
    ]
    olds = sorted({old for _, old, _ in figures.changes})
    lines += ["", "| source | old | to legit | to spam | to scam |", "|---|---|---|---|---|"]
    for source in sorted({source for source, _, _ in figures.changes}):
        for old in olds:
            counts = [figures.changes[source, old, new.value] for new in Verdict]
            if any(counts):
                lines.append(f"| {source} | {old} | " + " | ".join(map(str, counts)) + " |")
    return lines


def _by_row(readings: Sequence[Reading]) -> dict[tuple[str, str], list[Reading]]:
    """Return the readings of each row, one a reader, in the order of the batches' names."""
    found: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    for reading in sorted(readings, key=lambda one: (one.key.batch, one.key.number)):
        of_row = found[reading.key.source, reading.key.id]
        if all(reading.reader != other.reader for other in of_row):
            of_row.append(reading)
    return found


def _correction(readings: Sequence[Reading]) -> Correction:
    first = readings[0]
    mean = round(sum(one.probability for one in readings) / len(readings))
    return Correction(
        row_hash=first.key.id,
        old=first.key.old,
        new=first.verdict,
        kinds=first.kinds,
        probability=mean,
        reader=" ".join(one.reader for one in readings),
        batch=first.key.batch,
        reason=first.reason,
    )


def _kappa(first: Sequence[object], second: Sequence[object]) -> float | None:
    if len(set(first) | set(second)) < 2:
        return None
    return float(cohen_kappa_score(list(map(str, first)), list(map(str, second))))
