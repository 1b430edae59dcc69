"""Compare the loader's rows with reference rows that somebody else read from the same files."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path

from scamdetect.errors import SourceError
from scamdetect.system.files import check_regular
from scamdetect.system.os_errors import said
from scamdetect.train.data.registry import Source
from scamdetect.train.data.rows import letters_of, load_rows, row_hash

PASSING_SHARE = 0.995


@dataclass(frozen=True)
class Comparison:
    """How the rows of one source compare with its reference; differences are row hashes."""

    slug: str
    rows: int
    reference: int
    equal: int = 0  # reference rows with the same text and verdict among ours
    twins: int = 0  # of a sampled reference: rows of which we keep another with the same letters
    missing: tuple[str, ...] = ()
    other_verdict: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()  # ours only; none count where the reference is a sample
    other_language: tuple[str, ...] = ()
    note: str = ""
    state: str = field(default="compared")  # or "not obtainable", "unverified"

    @property
    def share(self) -> float:
        """Share of equal rows, twins among them, of all rows of either side."""
        equal = self.equal + self.twins
        total = equal + len(self.missing) + len(self.other_verdict) + len(self.extra)
        return equal / total if total else 0.0

    @property
    def passed(self) -> bool:
        """Whether enough rows are equal; sources that cannot be read here do not fail."""
        return self.state != "compared" or self.share >= PASSING_SHARE


def compare(source: Source, raw: Path, sources: Path, reference: Path) -> Comparison:
    """Return how the loader's rows of the source compare with ``reference/<slug>.jsonl.gz``.

    Where the reference is a sample, it may have drawn another of several texts with the same
    letters and digits than the loader keeps; such twins count as equal. Raises SourceError.
    """
    path = reference / f"{source.slug}.jsonl.gz"
    if source.status == "unverified":
        return Comparison(source.slug, 0, 0, state="unverified", note=source.note)
    if not path.exists():
        raise SourceError(f"{path}: the reference of {source.slug} is missing")
    try:
        check_regular(path)
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            expected = {row_hash(source.slug, row["text"]): row for row in map(json.loads, lines)}
    except (OSError, EOFError, ValueError) as problem:
        raise SourceError(f"{path}: cannot be read as a reference ({said(problem)})") from problem
    if source.status == "unobtainable":
        return Comparison(source.slug, 0, len(expected), state="not obtainable", note=source.note)
    ours = {row.row_hash: row for row in load_rows(source, raw, sources)}
    both = [digest for digest in expected if digest in ours]
    equal = [digest for digest in both if ours[digest].verdict == expected[digest]["verdict"]]
    sampled = source.reference == "subset"
    missing = [digest for digest in expected if digest not in ours]
    twins: set[str] = set()
    if sampled:
        spare = {
            (letters_of(row.text), row.verdict) for d, row in ours.items() if d not in expected
        }
        twins = {
            digest
            for digest in missing
            if (letters_of(expected[digest]["text"]), expected[digest]["verdict"]) in spare
        }
    return Comparison(
        slug=source.slug,
        rows=len(ours),
        reference=len(expected),
        equal=len(equal),
        twins=len(twins),
        missing=tuple(digest for digest in missing if digest not in twins),
        other_verdict=tuple(sorted(set(both) - set(equal))),
        extra=() if sampled else tuple(digest for digest in ours if digest not in expected),
        other_language=tuple(d for d in both if ours[d].lang != expected[d]["lang"]),
        note=source.reference_note,
    )
