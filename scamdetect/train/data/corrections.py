"""Corrections: blind readers' labels of public rows, as data without the text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scamdetect.errors import SourceError
from scamdetect.labels import KINDS, Kind, Provenance, Verdict
from scamdetect.system.files import open_regular, write_text
from scamdetect.system.os_errors import unreadable
from scamdetect.train.data.cleaning import verdict_is_open
from scamdetect.train.data.rows import Row

OPEN = "open"  # the old label of a row known only not to be legit
COLUMNS = ("row_hash", "old", "new", "kinds", "probability", "reader", "batch", "reason")


@dataclass(frozen=True)
class Correction:
    """One reading of one row; ``old`` is the label at that time, which it may confirm."""

    row_hash: str
    old: str
    new: Verdict
    kinds: tuple[Kind, ...]
    probability: int  # of scam, 0 to 100, as the reader gave it
    reader: str
    batch: str
    reason: str
    where: str = ""  # file and line


def label_of(row: Row) -> str:
    """Return the row's verdict, or "open" if only "not legit" is known."""
    return OPEN if verdict_is_open(row) else row.verdict.value


def read_corrections(folder: Path, slug: str) -> list[Correction]:
    """Return the corrections of a source, empty if it has no file.

    Raises SourceError with file, line and fix for a malformed or repeated one.
    """
    path = folder / f"{slug}.csv"
    if not path.exists():
        return []
    found: dict[str, Correction] = {}
    try:
        with io.TextIOWrapper(open_regular(path), "utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise SourceError(f"{path}:1: the columns must be {','.join(COLUMNS)}")
            for record in reader:
                where = f"{path}:{reader.line_num}"
                one = _parse(record, where)
                if one.row_hash in found:
                    raise SourceError(f"{where}: {one.row_hash} is corrected twice; keep one")
                found[one.row_hash] = one
    except OSError as problem:
        raise unreadable(path, problem, error=SourceError) from problem
    except (UnicodeDecodeError, csv.Error) as problem:
        raise SourceError(f"{path}: cannot be read as UTF-8 CSV ({problem})") from problem
    return list(found.values())


def write_corrections(path: Path, corrections: Iterable[Correction]) -> None:
    """Write the corrections in the order of their hashes, completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in sorted(corrections, key=lambda one: one.row_hash):
        writer.writerow(
            (one.row_hash, one.old, one.new.value, " ".join(one.kinds), one.probability,
             one.reader, one.batch, one.reason)
        )  # fmt: skip
    write_text(path, text.getvalue())


def apply_corrections(rows: Sequence[Row], corrections: Sequence[Correction]) -> list[Row]:
    """Return the rows with their corrected labels.

    Raises SourceError with every correction whose row is missing or has another label now.
    """
    known = {row.row_hash: row for row in rows}
    problems = []
    for one in corrections:
        row = known.get(one.row_hash)
        if row is None:
            problems.append(f"{one.where}: the source has no row {one.row_hash}; delete the line")
        elif label_of(row) != one.old:
            problems.append(
                f"{one.where}: {one.row_hash} is {label_of(row)} now and was {one.old} when it "
                "was read; read it again or delete the line"
            )
    if problems:
        raise SourceError("\n".join(problems))
    by_hash = {one.row_hash: one for one in corrections}
    return [_corrected(row, by_hash[row.row_hash]) if row.row_hash in by_hash else row
            for row in rows]  # fmt: skip


def _corrected(row: Row, one: Correction) -> Row:
    return replace(
        row,
        verdict=one.new,
        verdict_provenance=Provenance.READ,
        unsplit=False,
        kinds=one.kinds,
        kinds_provenance=Provenance.READ if one.kinds else None,
        slices=() if one.new is Verdict.SCAM else row.slices,
        probability=one.probability,
        confirmed=one.old == one.new == Verdict.LEGIT,
    )


def _parse(record: dict[str, str | None], where: str) -> Correction:
    values = {name: record.get(name) or "" for name in COLUMNS}
    if None in record or None in record.values():
        raise SourceError(f"{where}: not {len(COLUMNS)} fields; correct the line")
    old, new, kinds = values["old"], values["new"], values["kinds"].split()
    if old not in (*Verdict, OPEN) or new not in list(Verdict):
        raise SourceError(
            f"{where}: verdict {old!r} to {new!r}; known: {', '.join(Verdict)}, and {OPEN} as old"
        )
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise SourceError(f"{where}: unknown kind {unknown[0]!r}; known: {', '.join(KINDS)}")
    chance = values["probability"]
    if not chance.isdecimal() or len(chance) > 3 or int(chance) > 100:
        raise SourceError(f"{where}: probability {chance!r}; allowed: 0 to 100")
    return Correction(
        values["row_hash"], old, Verdict(new), tuple(map(Kind, kinds)), int(chance),
        values["reader"], values["batch"], values["reason"], where,
    )  # fmt: skip
