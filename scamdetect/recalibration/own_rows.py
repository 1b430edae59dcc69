"""A team's labelled messages: their scores, labels and groups, without the texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scamdetect.campaigns import template_key
from scamdetect.dumps.plain_columns import read_columns
from scamdetect.errors import InputError
from scamdetect.labels import VERDICTS, Verdict
from scamdetect.near_duplicates import alike_groups
from scamdetect.recalibration.label_map import check_known

INCLUSION = "inclusion_probability"  # of the rows that ``scamdetect queue`` drew at random
_MOST_LABELS = 200
_SCAM = VERDICTS.index(Verdict.SCAM)


class Detector(Protocol):
    """What gives the scores."""

    def predict_proba(self, texts: list[str]) -> NDArray[np.float32]:
        """Return the probabilities (n, verdicts), NaN of a text that has no score."""


@dataclass(frozen=True)
class OwnRows:
    """The scored rows (n,): scam probability, verdict, group; near-duplicates share a group.

    ``ignored`` were mapped to ``ignore`` or have no label, ``unscored`` have no text, ``rejected``
    could not be read, ``chosen`` were chosen by a queue and not drawn, so that no rate follows from
    them. ``mixed`` is how many groups hold both honest messages and scams.
    """

    scores: NDArray[np.float64]
    verdicts: NDArray[np.object_]
    groups: NDArray[np.int64]
    ignored: int
    unscored: int
    rejected: int
    chosen: int

    def of(self, verdict: Verdict) -> NDArray[np.bool_]:
        """Return which rows have the verdict (n,)."""
        return np.asarray(self.verdicts == verdict, bool)

    def distinct(self, verdict: Verdict) -> int:
        """Return how many groups have a row of the verdict."""
        return len(np.unique(self.groups[self.of(verdict)]))

    @property
    def mixed(self) -> int:
        """Return how many groups hold both honest messages and scams."""
        honest, fraud = (self.groups[self.of(v)] for v in (Verdict.LEGIT, Verdict.SCAM))
        return len(np.intersect1d(honest, fraud))


def read_own_rows(
    path: Path,
    detector: Detector,
    *,
    text_column: str,
    label_column: str,
    group_column: str | None,
    known: Mapping[str, Verdict | None],
) -> OwnRows:
    """Return the rows of any dump that ``scamdetect score`` reads, scored by the encoder.

    Messages whose masked texts are near-duplicates share a group, and so do those of one value in
    ``group_column``, such as a sender. Raises InputError where the file cannot be read, lacks a
    column or has a label that is not ``known``.
    """
    columns = [label_column, *([group_column] if group_column else [])]
    _check_labels(path, text_column, columns, known)
    scores: list[float] = []
    verdicts: list[Verdict] = []
    keys: list[str] = []
    owners: list[str | None] = []
    ignored = unscored = rejected = chosen = 0
    for batch in read_columns(path, text_column, columns, (INCLUSION,)):
        rejected += batch.rejected
        drawn = batch.columns.get(INCLUSION)
        kept = []
        for place, label in enumerate(batch.columns[label_column]):
            name = _name(label)
            if not name or known[name] is None:
                ignored += 1
            elif drawn is not None and not drawn[place]:
                chosen += 1
            elif batch.texts[place]:
                kept.append(place)
            else:
                unscored += 1
        texts = [batch.texts[place] or "" for place in kept]
        found = detector.predict_proba(texts)[:, _SCAM] if texts else np.empty(0)
        for place, text, score in zip(kept, texts, found.tolist(), strict=True):
            verdict = known[_name(batch.columns[label_column][place])]
            if verdict is None or np.isnan(score):
                unscored += 1
                continue
            scores.append(float(str(np.float32(score))))
            verdicts.append(verdict)
            keys.append(template_key(text))
            owners.append(batch.columns[group_column][place] if group_column else None)
    return OwnRows(
        np.array(scores, np.float64),
        np.array(verdicts, object),
        _joined(keys, owners),
        ignored,
        unscored,
        rejected,
        chosen,
    )


def _check_labels(
    path: Path, text: str, columns: list[str], known: Mapping[str, Verdict | None]
) -> None:
    """Read all labels first, so that a wrong map is told before anything is scored."""
    labels: Counter[str] = Counter()
    for batch in read_columns(path, text, columns):
        labels.update(filter(None, map(_name, batch.columns[columns[0]])))
        if len(labels) > _MOST_LABELS:
            raise InputError(
                f"{path}: column {columns[0]!r} holds over {_MOST_LABELS} different values; name "
                "the column of the labels"
            )
    if not labels:
        raise InputError(f"{path}: no row has a label in column {columns[0]!r}")
    check_known(labels, known, str(path))


def _name(label: str | None) -> str:
    return (label or "").strip()


def _joined(keys: list[str], owners: list[str | None]) -> NDArray[np.int64]:
    """Return the group of each row (n,): alike texts and equal owners are in one, chains too."""
    parent = list(range(len(keys)))

    def find(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for leader, *others in alike_groups(keys):
        for other in others:
            parent[find(other)] = find(leader)
    first: dict[str, int] = {}
    for place, owner in enumerate(owners):
        if owner is not None and owner.strip():  # a blank one names nobody
            parent[find(place)] = find(first.setdefault(owner, place))
    return np.array([find(place) for place in range(len(keys))], np.int64)
