"""Audit a corpus for rows that leak between roles and texts that reveal their source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.errors import MissingExtraError, SourceError
from scamdetect.train.data.neardup import near_duplicate_groups

try:
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.model_selection import GroupKFold, cross_val_predict
except ImportError as error:
    raise MissingExtraError("scikit-learn", "train") from error

HELD_OUT = ("dev", "test")
ROWS_A_SOURCE = 200  # that the source is guessed from
_COLUMNS = ("norm", "role", "source", "lang", "group")
_FEWEST_ROWS = 60
_FOLDS = 3
_MOST_SHOWN = 10


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
    """The checks of a corpus."""

    role_leaks: dict[tuple[str, str], tuple[int, int]]  # rows equal to, rows like one of the other
    source_leaks: Counter[tuple[str, str]]  # near-duplicate groups that two sources share
    guesses: tuple[Guess, ...]

    def rows(self) -> list[tuple[str, str]]:
        """Return the checks and their results as the rows of one table."""
        rows = [
            (f"{role} rows also in {other}", f"{equal:,} equal, {near:,} near-duplicates")
            for (role, other), (equal, near) in self.role_leaks.items()
        ]
        rows += [
            (f"shared by {first} and {second}", f"{count:,} near-duplicate groups")
            for (first, second), count in self.source_leaks.most_common(_MOST_SHOWN)
        ]
        rows += [
            (
                f"source guessed from the text, {guess.lang}",
                f"{guess.accuracy:.0%} of {guess.rows:,} rows (largest source {guess.chance:.0%})",
            )
            for guess in self.guesses
        ]
        return rows


def audit_corpus(corpus: Path) -> Audit:
    """Return the checks of the corpus; raise SourceError if the file is not one."""
    try:
        table = pq.read_table(corpus, columns=list(_COLUMNS))
    except (pa.ArrowException, OSError, KeyError):
        raise SourceError(f"{corpus}: not a corpus; run: scamdetect data build") from None
    if missing := sorted(set(_COLUMNS) - set(table.column_names)):
        raise SourceError(f"{corpus}: lacks the column {missing[0]}; run: scamdetect data build")
    rows = table.to_pydict()
    near = near_duplicate_groups(rows["norm"])
    return Audit(
        role_leaks=_role_leaks(rows, near),
        source_leaks=_source_leaks(rows, near),
        guesses=tuple(guess_sources(rows["norm"], rows["source"], rows["lang"], rows["group"])),
    )


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
