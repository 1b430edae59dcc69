"""Audit a corpus for leaks and texts that reveal their source; compare it with references."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.errors import InputError, MissingExtraError, SourceError
from scamdetect.system.files import check_regular
from scamdetect.system.os_errors import of_system, said, unreadable
from scamdetect.train.data.corpus_rows import SCHEMA, Removed, is_own, read_removed
from scamdetect.train.data.neardup import near_duplicate_groups
from scamdetect.train.data.registry import Source
from scamdetect.train.data.rows import letters_of, load_rows, row_hash

try:
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.model_selection import GroupKFold, cross_val_predict
except ImportError as error:
    raise MissingExtraError("scikit-learn", "train") from error

CLASSES = ("legit", "spam", "scam", "not legit")
HELD_OUT = ("dev", "test")
ROWS_A_SOURCE = 200  # that the source is guessed from
_FEWEST_ROWS = 60
_FOLDS = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """The rows of one source, language and class."""

    source: str
    lang: str
    label: str
    roles: dict[str, int]
    characters: tuple[int, int, int]  # quartiles of the length
    links: float  # share of rows with one


@dataclass(frozen=True, slots=True)
class Guess:
    """How well character n-grams identify the source within a language, by cross-validation."""

    lang: str
    sources: int
    rows: int
    accuracy: float
    chance: float  # of always predicting the largest


@dataclass(frozen=True, slots=True)
class Audit:
    """All figures of an audit."""

    cells: tuple[Cell, ...]
    removed: Removed
    role_leaks: dict[tuple[str, str], tuple[int, int]]  # rows equal to, rows like one of the other
    source_leaks: Counter[tuple[str, str]]  # near-duplicate groups that two sources share
    guesses: tuple[Guess, ...]
    kinds: Counter[tuple[str, str]]  # by kind and provenance, train rows
    provenance: Counter[tuple[str, str]]  # by class and provenance of the verdict, train rows
    read: int


def audit_corpus(corpus: Path) -> Audit:
    """Return the figures of the corpus; raise SourceError if the file is not one."""
    with _reading(corpus):
        table = pq.read_table(corpus)
        removed = read_removed(corpus)
    if missing := sorted(set(SCHEMA.names) - set(table.column_names)):
        raise SourceError(f"{corpus}: lacks the column {missing[0]}; run: scamdetect data build")
    rows = {name: table[name].to_pylist() for name in SCHEMA.names if name not in ("text", "input")}
    labels = [
        "not legit" if is_open else verdict
        for verdict, is_open in zip(rows["verdict"], rows["not_legit"], strict=True)
    ]
    near = near_duplicate_groups(rows["norm"])
    train = [role == "train" for role in rows["role"]]
    return Audit(
        cells=tuple(_cells(rows, labels)),
        removed=removed,
        role_leaks=_role_leaks(rows, near),
        source_leaks=_source_leaks(rows, near),
        guesses=tuple(guess_sources(rows["norm"], rows["source"], rows["lang"], rows["group"])),
        kinds=Counter(
            (kind, str(provenance))
            for kinds, provenance, used in zip(
                rows["kinds"], rows["kinds_provenance"], train, strict=True
            )
            for kind in (kinds if used else ())
        ),
        provenance=Counter(
            (label, provenance)
            for label, provenance, used in zip(
                labels, rows["verdict_provenance"], train, strict=True
            )
            if used
        ),
        read=sum(value is not None for value in rows["reader"]),
    )


def real_scams(corpus: Path) -> Counter[str]:
    """Return how many train scams of each language were written and sent by people.

    Rows of language models, translations and the project's own messages do not count. Raises
    SourceError if the file is not a corpus.
    """
    columns = ["source", "lang", "role", "verdict", "not_legit", "generated"]
    with _reading(corpus):
        rows = pq.read_table(corpus, columns=columns).to_pylist()
    return Counter(
        row["lang"]
        for row in rows
        if row["role"] == "train"
        and row["verdict"] == "scam"
        and not row["not_legit"]
        and row["generated"] is None
        and not is_own(row["source"])
    )


@contextmanager
def _reading(corpus: Path) -> Iterator[None]:
    try:
        check_regular(corpus)
        yield
    except (pa.ArrowException, OSError, KeyError) as problem:
        if of_system(problem):
            cure = "run: scamdetect data build"
            raise unreadable(corpus, problem, error=SourceError, cure=cure) from problem
        cause = str(problem).partition("\n")[0]
        raise SourceError(
            f"{corpus}: not a corpus ({cause}); run: scamdetect data build"
        ) from problem


def _cells(rows: dict[str, list[object]], labels: Sequence[str]) -> list[Cell]:
    places: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, key in enumerate(zip(rows["source"], rows["lang"], labels, strict=True)):
        places[key].append(place)  # type: ignore[index]
    cells = []
    for (source, lang, label), of_cell in sorted(places.items()):
        lengths = np.array([rows["length"][place] for place in of_cell])
        low, middle, high = np.quantile(lengths, [0.25, 0.5, 0.75]).round().astype(int).tolist()
        links = sum("[link" in str(rows["norm"][place]) for place in of_cell) / len(of_cell)
        roles = Counter(str(rows["role"][place]) for place in of_cell)
        cells.append(Cell(source, lang, label, dict(roles), (low, middle, high), links))
    return cells


def _role_leaks(
    rows: dict[str, list[object]], near: npt.NDArray[np.int64]
) -> dict[tuple[str, str], tuple[int, int]]:
    """Return, for held-out roles, how many of their rows occur in train and calibrate."""
    roles = rows["role"]
    leaks = {}
    for held_out in HELD_OUT:
        for other in ("train", "calibrate"):
            leaks[held_out, other] = (
                _shared(rows["norm"], roles, held_out, other),
                _shared(near.tolist(), roles, held_out, other),
            )
    leaks["calibrate", "train"] = (
        _shared(rows["norm"], roles, "calibrate", "train"),
        _shared(near.tolist(), roles, "calibrate", "train"),
    )
    return leaks


def _shared(keys: Sequence[Hashable], roles: Sequence[object], role: str, other: str) -> int:
    there = {key for key, found in zip(keys, roles, strict=True) if found == other}
    return sum(found == role and key in there for key, found in zip(keys, roles, strict=True))


def _source_leaks(
    rows: dict[str, list[object]], near: npt.NDArray[np.int64]
) -> Counter[tuple[str, str]]:
    by_group: dict[int, set[str]] = defaultdict(set)
    for group, source in zip(near.tolist(), rows["source"], strict=True):
        by_group[group].add(str(source))
    pairs: Counter[tuple[str, str]] = Counter()
    for sources in by_group.values():
        ordered = sorted(sources)
        pairs.update((a, b) for place, a in enumerate(ordered) for b in ordered[place + 1 :])
    return pairs


def guess_sources(
    texts: Sequence[str], sources: Sequence[str], langs: Sequence[str], groups: Sequence[int]
) -> list[Guess]:
    """Return how well the text reveals its source, by language with several sources."""
    generator = np.random.default_rng(0)
    by_cell: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, (lang, source) in enumerate(zip(langs, sources, strict=True)):
        by_cell[lang, source].append(place)
    guesses = []
    for lang in sorted(set(langs)):
        chosen: list[int] = []
        for (of_lang, _), places in sorted(by_cell.items()):
            parted = len({groups[place] for place in places}) >= _FOLDS
            if of_lang == lang and len(places) >= _FEWEST_ROWS and parted:
                size = min(len(places), ROWS_A_SOURCE)
                chosen += generator.choice(places, size, replace=False).tolist()
        truth = np.array([sources[place] for place in chosen])
        names, counts = np.unique(truth, return_counts=True)
        if len(names) < 2:
            continue
        features = HashingVectorizer(
            analyzer="char_wb", ngram_range=(2, 4), n_features=2**18, alternate_sign=False
        ).transform(texts[place][:500] for place in chosen)
        found = cross_val_predict(
            SGDClassifier(random_state=0), features, truth,
            groups=[groups[place] for place in chosen], cv=GroupKFold(_FOLDS),
        )  # fmt: skip
        accuracy = float((found == truth).mean())
        chance = float(counts.max() / counts.sum())
        guesses.append(Guess(lang, len(names), len(chosen), accuracy, chance))
    return guesses


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
    extra: tuple[str, ...] = ()  # only in ours; not counted if the reference is a sample
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
        """Return True if enough rows are equal; sources that cannot be read here do not fail."""
        return self.state != "compared" or self.share >= PASSING_SHARE


def compare(source: Source, raw: Path, sources: Path, reference: Path) -> Comparison:
    """Return how the loader's rows of the source compare with ``reference/<slug>.jsonl.gz``.

    A sampled reference may have selected another of several texts with the same letters and digits
    than the loader keeps; such twins count as equal. Raises SourceError.
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
    except InputError:
        raise
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
