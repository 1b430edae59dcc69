"""The few dev figures that compare experiments, and the log of runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import Estimate, Floats, auc, recall_at_fpr
from scamdetect.evaluate.authored import authored_figures
from scamdetect.evaluate.protocol import SELECTING_SOURCES, selection
from scamdetect.labels import KINDS, Kind, Verdict
from scamdetect.system.files import append, read_bytes
from scamdetect.train.data.table import column, has_verdict, is_authored, select


@dataclass(frozen=True, slots=True)
class DevFigures:
    """The figures that judge an experiment; NaN if a class is missing."""

    selection: float
    authored_auc: float
    authored_r1: float
    authored_r5: float
    pairs_by_rank: float
    kinds_auc: float  # investment and romance against the other authored scams, mean of both
    sources: dict[str, tuple[float, float]]  # AUC and R@1% of the selecting sources

    def flat(self) -> dict[str, float]:
        """Return all figures by name, sources as ``<source>_auc`` and ``<source>_r1``."""
        named = {name: getattr(self, name) for name in self.__slots__ if name != "sources"}
        for source, (area, at_one) in self.sources.items():
            named |= {f"{source}_auc": area, f"{source}_r1": at_one}
        return named


def selecting_rows(dev: pa.Table) -> pa.Table:
    """Return the dev rows that select a model: authored ones and those of two sources."""
    return select(dev, is_authored(dev) | np.isin(column(dev, "source"), SELECTING_SOURCES))


def dev_figures(dev: pa.Table, scores: Floats, kinds: Floats) -> DevFigures:
    """Return the figures of scam (rows,) and kind (rows, kinds) scores on ``selecting_rows``."""
    own = next(authored_figures(dev, scores, scores >= 0.5), None)
    scam = has_verdict(dev, Verdict.SCAM)
    known = scam | has_verdict(dev, Verdict.LEGIT)
    sources = {}
    for name in SELECTING_SOURCES:
        rows = known & (column(dev, "source") == name)
        at_one = recall_at_fpr(scores[rows], scam[rows], 0.01)
        sources[name] = (auc(scores[rows], scam[rows]), at_one)
    score = selection(dev, scores).score
    return DevFigures(
        selection=float("nan") if score is None else score,
        authored_auc=_value(own.auc if own else None),
        authored_r1=_value(own.recall_at["1%"] if own else None),
        authored_r5=_value(own.recall_at["5%"] if own else None),
        pairs_by_rank=_value(own.pairs_by_rank if own else None),
        kinds_auc=_kinds_auc(dev, kinds),
        sources=sources,
    )


def _kinds_auc(dev: pa.Table, kinds: Floats) -> float:
    rows = is_authored(dev) & has_verdict(dev, Verdict.SCAM)
    stated = column(dev, "kinds")[rows]
    areas = []
    for kind in (Kind.INVESTMENT, Kind.ROMANCE):
        truth = np.array([kind in (names or ()) for names in stated], dtype=bool)
        areas.append(auc(kinds[rows, KINDS.index(kind)], truth))
    return float(np.mean(areas))


def _value(estimate: Estimate | None) -> float:
    return float("nan") if estimate is None else estimate.value


def read_lines(log: Path) -> list[dict[str, str]]:
    """Return the lines of the CSV file by column, none if it does not exist."""
    if not log.exists():
        return []
    return list(csv.DictReader(io.StringIO(read_bytes(log).decode(), newline="")))


def add_line(log: Path, columns: Sequence[str], line: Sequence[object]) -> None:
    """Add one line to the CSV file, which starts with its columns."""
    new = not log.exists()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    if new:
        writer.writerow(columns)
    writer.writerow(line)
    with append(log) as file:
        file.write(text.getvalue().encode())
