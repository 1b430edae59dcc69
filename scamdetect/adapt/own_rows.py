"""Read a team's labelled messages: map their labels, group them and score them."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scamdetect.adapt.cells import read_cells
from scamdetect.errors import InputError
from scamdetect.labels import VERDICTS, Verdict
from scamdetect.system.files import read_text
from scamdetect.system.os_errors import unreadable
from scamdetect.text.masking import template_key
from scamdetect.text.near_duplicates import alike_groups

IGNORE = "ignore"
PLAIN: Mapping[str, Verdict | None] = {verdict.value: verdict for verdict in VERDICTS}
_ALLOWED = (*PLAIN, IGNORE)
_MOST_LISTED = 20


def label_words(label: str) -> str:
    """Return a label for people; only its length if it may be a message."""
    return label if len(label) <= 30 and label.count(" ") < 3 else f"({len(label)} characters)"


def read_label_map(path: Path) -> dict[str, Verdict | None]:
    """Return a TOML file with lines such as ``"fraud" = "scam"``; None means ``"ignore"``.

    Raises InputError if it cannot be read or maps to any other value.
    """
    try:
        table = tomllib.loads(read_text(path))
    except OSError as problem:
        raise unreadable(path, problem) from problem
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise InputError(f"{path}: not readable as TOML ({problem})") from problem
    for name, value in table.items():
        if value not in _ALLOWED:
            raise InputError(
                f"{path}: {name!r} must be one of {', '.join(_ALLOWED)}; found {value!r}"
            )
    return {name: None if value == IGNORE else Verdict(value) for name, value in table.items()}


def check_known(labels: Counter[str], known: Mapping[str, Verdict | None], where: str) -> None:
    """Raise InputError, with the labels and their rows, if labels are not in the map."""
    missing = [(name, count) for name, count in labels.most_common() if name not in known]
    if missing:
        listed = ", ".join(
            f"{label_words(name)} ({count:,})" for name, count in missing[:_MOST_LISTED]
        )
        more = f" and {len(missing) - _MOST_LISTED} others" if len(missing) > _MOST_LISTED else ""
        raise InputError(
            f"{where}: unknown labels {listed}{more}; pass --label-map with a line for each, "
            f'such as "{label_words(missing[0][0])}" = "{Verdict.SCAM}", with one of '
            f"{', '.join(_ALLOWED)}"
        )


INCLUSION = "inclusion_probability"  # of the rows that ``scamdetect review queue`` drew at random
_MOST_LABELS = 200


@dataclass(frozen=True)
class LabelledBatch:
    """The rows of a batch that have a text and a verdict; ``columns`` holds the other values.

    ``chosen`` marks the rows that a queue selected instead of drawing them, which give no rates.
    ``ignored`` were mapped to ``ignore`` or have no label, ``untexted`` have no text, ``rejected``
    could not be read.
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
    """Yield the labelled rows of any dump that ``scamdetect score`` reads, in order.

    All labels are read first, so that a wrong map is reported before a row is processed. Raises
    InputError if the file cannot be read, lacks a column or has a label that is not ``known``.
    """
    wanted = [label_column, *columns]
    _check_labels(path, text_column, wanted, known)
    for cells, rejected in read_cells(path, text_column, wanted, (INCLUSION,)):
        texts, drawn = cells[text_column], cells.get(INCLUSION)
        verdicts = [known.get(_name(label)) for label in cells[label_column]]
        labelled = [row for row, verdict in enumerate(verdicts) if verdict is not None]
        kept = [row for row in labelled if texts[row]]
        yield LabelledBatch(
            texts=[texts[row] or "" for row in kept],
            verdicts=[verdict for row in kept if (verdict := verdicts[row]) is not None],
            chosen=[drawn is not None and not drawn[row] for row in kept],
            columns={name: [cells[name][row] for row in kept] for name in columns},
            ignored=len(verdicts) - len(labelled),
            untexted=len(labelled) - len(kept),
            rejected=rejected,
        )


def joined_groups(keys: Sequence[str], owners: Sequence[str | None]) -> NDArray[np.int64]:
    """Return the group of each row (n,): similar texts and equal owners share one, transitively.

    ``keys`` are texts masked by ``template_key``, ``owners`` values such as a sender.
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
    for cells, _ in read_cells(path, text, columns):
        labels.update(filter(None, map(_name, cells[columns[0]])))
        if len(labels) > _MOST_LABELS:
            raise InputError(
                f"{path}: column {columns[0]!r} has more than {_MOST_LABELS} different values; "
                "name the column of the labels"
            )
    if not labels:
        raise InputError(f"{path}: no row has a label in column {columns[0]!r}")
    check_known(labels, known, str(path))


def _name(label: str | None) -> str:
    return (label or "").strip()


_SCAM = VERDICTS.index(Verdict.SCAM)


class Detector(Protocol):
    """A source of scores."""

    def predict_proba(self, texts: list[str]) -> NDArray[np.float32]:
        """Return the probabilities (n, verdicts), NaN for a text without a score."""


@dataclass(frozen=True)
class OwnRows:
    """The scored rows (n,): scam probability, verdict, group; near-duplicates share a group.

    ``ignored`` were mapped to ``ignore`` or have no label, ``unscored`` have no text, ``rejected``
    could not be read, ``chosen`` were selected by a queue and not drawn, so they give no rates.
    ``mixed`` counts the groups with both honest messages and scams.
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

    def count(self, verdict: Verdict) -> tuple[int, int]:
        """Return the numbers of rows of a verdict and of distinct ones."""
        return int(self.of(verdict).sum()), self.distinct(verdict)

    @property
    def mixed(self) -> int:
        """Return how many groups contain both honest messages and scams."""
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
    ``group_column``, such as a sender. Raises InputError if the file cannot be read, lacks a column
    or has a label that is not ``known``.
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
