"""A team's labelled messages: their scores, labels and groups, without the texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scamdetect.adapt.labelled import joined_groups, read_labelled
from scamdetect.labels import VERDICTS, Verdict
from scamdetect.text.masking import template_key

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
    columns = [group_column] if group_column else []
    scores: list[float] = []
    verdicts: list[Verdict] = []
    keys: list[str] = []
    owners: list[str | None] = []
    ignored = unscored = rejected = chosen = 0
    for batch in read_labelled(path, text_column, label_column, columns, known):
        ignored += batch.ignored
        unscored += batch.untexted
        rejected += batch.rejected
        chosen += sum(batch.chosen)
        kept = [place for place, by_queue in enumerate(batch.chosen) if not by_queue]
        texts = [batch.texts[place] for place in kept]
        found = detector.predict_proba(texts)[:, _SCAM] if texts else np.empty(0)
        for place, text, score in zip(kept, texts, found.tolist(), strict=True):
            if np.isnan(score):
                unscored += 1
                continue
            scores.append(float(str(np.float32(score))))
            verdicts.append(batch.verdicts[place])
            keys.append(template_key(text))
            owners.append(batch.columns[group_column][place] if group_column else None)
    return OwnRows(
        np.array(scores, np.float64),
        np.array(verdicts, object),
        joined_groups(keys, owners),
        ignored,
        unscored,
        rejected,
        chosen,
    )
