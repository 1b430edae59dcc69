"""Read a team's labelled messages: usable rows with their verdicts, and groups of alike ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scamdetect.adapt.label_map import check_known
from scamdetect.dumps.columns import read_columns
from scamdetect.errors import InputError
from scamdetect.labels import Verdict
from scamdetect.text.near_duplicates import alike_groups

INCLUSION = "inclusion_probability"  # of the rows that ``scamdetect queue`` drew at random
_MOST_LABELS = 200


@dataclass(frozen=True)
class LabelledBatch:
    """The rows of a batch that have a text and a verdict; ``columns`` holds the others' values.

    ``chosen`` says which rows a queue chose instead of drawing them, so that no rate follows from
    them. ``ignored`` were mapped to ``ignore`` or have no label, ``untexted`` have no text,
    ``rejected`` could not be read.
    """

    texts: list[str]
    verdicts: list[Verdict]
    chosen: list[bool]
    columns: dict[str, list[str | None]]
    ignored: int
    untexted: int
    rejected: int


def read_labelled(
    path: Path,
    text_column: str,
    label_column: str,
    columns: Sequence[str],
    known: Mapping[str, Verdict | None],
) -> Iterator[LabelledBatch]:
    """Yield the labelled rows of any dump that ``scamdetect score`` reads, in their order.

    All labels are read first, so that a wrong map is told before anything is done with a row.
    Raises InputError where the file cannot be read, lacks a column or has a label that is not
    ``known``.
    """
    wanted = [label_column, *columns]
    _check_labels(path, text_column, wanted, known)
    for batch in read_columns(path, text_column, wanted, (INCLUSION,)):
        drawn = batch.columns.get(INCLUSION)
        verdicts = [known.get(_name(label)) for label in batch.columns[label_column]]
        labelled = [place for place, verdict in enumerate(verdicts) if verdict is not None]
        kept = [place for place in labelled if batch.texts[place]]
        yield LabelledBatch(
            texts=[batch.texts[place] or "" for place in kept],
            verdicts=[verdict for place in kept if (verdict := verdicts[place]) is not None],
            chosen=[drawn is not None and not drawn[place] for place in kept],
            columns={name: [batch.columns[name][place] for place in kept] for name in columns},
            ignored=len(verdicts) - len(labelled),
            untexted=len(labelled) - len(kept),
            rejected=batch.rejected,
        )


def joined_groups(keys: Sequence[str], owners: Sequence[str | None]) -> NDArray[np.int64]:
    """Return the group of each row (n,): alike texts and equal owners are in one, chains too.

    ``keys`` are texts as ``template_key`` masks them, ``owners`` values such as a sender.
    """
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


def _check_labels(
    path: Path, text: str, columns: list[str], known: Mapping[str, Verdict | None]
) -> None:
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
