"""How well the source of a message can be told from its vector: a detector may learn that instead.

Sources of one language differ in topic and form, so some of it is in any text: the figures stand
beside chance and beside character n-grams of the same rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from scamdetect.errors import MissingExtraError
from scamdetect.labels import Verdict
from scamdetect.train.data.table import Objects, column, has_verdict

try:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
except ImportError as error:
    raise MissingExtraError("scikit-learn", "train") from error

FEWEST_SOURCES = 3
SOURCE_ROWS = 100  # that a source, verdict and language must have, and gives
FEWEST_GROUPS = 10
GROUP_ROWS = SOURCE_ROWS // 3  # at most: one giant group cannot be the whole source in a fold
FOLDS = 3
CHARACTERS = 400

Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class SourceTask:
    """Rows of one verdict and language whose source is to be told; ``rows`` are positions (n,)."""

    verdict: str
    lang: str
    rows: Positions


@dataclass(frozen=True, slots=True)
class SourceProbe:
    """Balanced accuracy of telling sources apart, means over tasks; ``chance`` is 1 in sources."""

    verdict: str
    n_tasks: int
    n: int
    accuracy: float
    chance: float
    by_language: dict[str, float]


def source_tasks(train: pa.Table, verdict: Verdict, seed: int = 0) -> list[SourceTask]:
    """Return a task for each language with three sources of 100 rows in ten groups or more.

    A source gives 100 rows, drawn by the seed, at most a third of them of one group.
    """
    chosen = np.flatnonzero(has_verdict(train, verdict))
    langs, sources, groups = (column(train, name) for name in ("lang", "source", "group"))
    generator = np.random.default_rng(seed)
    tasks = []
    for lang in sorted(set(langs[chosen])):
        of_lang = chosen[langs[chosen] == lang]
        parts = [of_lang[sources[of_lang] == name] for name in sorted(set(sources[of_lang]))]
        usable = [part for part in parts if _gives_enough(groups[part])]
        if len(usable) >= FEWEST_SOURCES:
            drawn = [_draw(part, groups[part], generator) for part in usable]
            tasks.append(SourceTask(verdict.value, lang, np.sort(np.concatenate(drawn))))
    return tasks


def _gives_enough(groups: Objects) -> bool:
    sizes = Counter(groups).values()
    return len(sizes) >= FEWEST_GROUPS and sum(min(n, GROUP_ROWS) for n in sizes) >= SOURCE_ROWS


def _draw(rows: Positions, groups: Objects, generator: np.random.Generator) -> Positions:
    taken, of_group = list[int](), Counter[int]()
    for place in generator.permutation(rows.size):
        if of_group[groups[place]] < GROUP_ROWS and len(taken) < SOURCE_ROWS:
            of_group[groups[place]] += 1
            taken.append(rows[place])
    return np.array(taken, dtype=np.intp)


def probe_vectors(
    train: pa.Table, tasks: Sequence[SourceTask], rows: Positions, vectors: ArrayLike
) -> SourceProbe | None:
    """Return how well logistic regression tells the sources from ``vectors`` (n, d) of ``rows``.

    Cross-validated; near-duplicates stay on one side. None without tasks.
    """
    known = np.asarray(vectors)
    place = {int(row): number for number, row in enumerate(rows)}
    features = [known[[place[int(row)] for row in task.rows]] for task in tasks]
    return _probe(train, tasks, features, StandardScaler())


def probe_texts(train: pa.Table, tasks: Sequence[SourceTask]) -> SourceProbe | None:
    """Return the same from character n-grams of the normalised texts."""
    texts = column(train, "norm")
    features = [np.array([text[:CHARACTERS] for text in texts[task.rows]]) for task in tasks]
    vectoriser = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, max_features=20_000
    )
    return _probe(train, tasks, features, vectoriser)


def _probe(
    train: pa.Table,
    tasks: Sequence[SourceTask],
    features: Sequence[Objects],
    first: StandardScaler | TfidfVectorizer,
) -> SourceProbe | None:
    if not tasks:
        return None
    sources, groups = column(train, "source").astype(str), column(train, "group").astype(np.int64)
    accuracy, chance = {}, []
    for task, given in zip(tasks, features, strict=True):
        truth = sources[task.rows]
        told = cross_val_predict(
            make_pipeline(first, LogisticRegression(C=1.0, max_iter=300, tol=1e-3)),
            given,
            truth,
            groups=groups[task.rows],
            cv=StratifiedGroupKFold(FOLDS),
        )
        accuracy[task.lang] = float(balanced_accuracy_score(truth, told))
        chance.append(1 / len(set(truth)))
    return SourceProbe(
        verdict=tasks[0].verdict,
        n_tasks=len(tasks),
        n=sum(task.rows.size for task in tasks),
        accuracy=float(np.mean(list(accuracy.values()))),
        chance=float(np.mean(chance)),
        by_language=accuracy,
    )
