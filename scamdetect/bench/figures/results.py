"""All figures of a run, computed from the scores in its folder alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scamdetect.bench.figures.changes import Kept, changed_rows, kept_figures
from scamdetect.bench.figures.generator_gap import GapRecord, read_gaps
from scamdetect.bench.figures.measures import (
    SuiteFigures,
    suite_figures,
)
from scamdetect.bench.figures.overlap import Overlap, read_overlaps
from scamdetect.bench.figures.paired import Difference, differences
from scamdetect.bench.figures.recalibrated import Recalibrated, recalibrated
from scamdetect.bench.figures.target import (
    MAIN,
    Target,
    frozen_thresholds,
)
from scamdetect.bench.folder import CALIBRATE, DetectorRecord, RunFolder, RunRecord
from scamdetect.bench.suite import Manifest
from scamdetect.bench.suites.calibrate import mix_weights
from scamdetect.errors import InputError
from scamdetect.labels import Verdict
from scamdetect.system.files import write_text
from scamdetect.train.data.table import column


@dataclass(frozen=True, slots=True)
class Moved:
    """Recalibration on a suite, or on the rows of one of its generators with honest ones."""

    suite: str
    detector: str
    generator: str | None  # None: the whole suite
    sizes: tuple[Recalibrated, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed copies cost a detector on a suite."""

    suite: str
    detector: str
    figures: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that a report shows."""

    run: RunRecord
    thresholds: dict[str, dict[str, float | None]]  # by detector and rate
    figures: tuple[SuiteFigures, ...]
    moved: tuple[Moved, ...]
    changed: tuple[Changed, ...]
    differences: tuple[Difference, ...]
    overlaps: tuple[Overlap, ...]
    gaps: tuple[GapRecord, ...]
    missing: tuple[tuple[str, str], ...]  # suite and detector that were not scored to the end

    def to_dict(self) -> dict[str, Any]:
        """Return the results as JSON types."""
        record = asdict(self)
        record["run"] = {
            "benchmark": self.run.benchmark,
            "date": self.run.date,
            "commit": self.run.commit,
            "machine": self.run.machine,
            "suites": [manifest.to_dict() for manifest in self.run.suites],
            "detectors": [detector.to_dict() for detector in self.run.detectors],
        }
        return record


def read_results(folder: Path) -> Results:
    """Return the figures of the run in a folder.

    Raises InputError where there is no run, where a file is damaged, and where no detector has
    scored the rows that thresholds are set on and a suite.
    """
    run_folder = RunFolder(folder)
    record = run_folder.read_record()
    if record is None:
        raise InputError(
            f"{folder}: holds no run; first: scamdetect bench run SUITE... -o {folder}"
        )
    suites = [manifest for manifest in record.suites if manifest.name != CALIBRATE]
    missing: list[tuple[str, str]] = []
    thresholds = {}
    for detector in record.detectors:
        found = _target(run_folder, record, CALIBRATE, detector)
        if found is None:
            missing.append((CALIBRATE, detector.name))
        else:
            thresholds[detector.name] = frozen_thresholds(found, mix_weights(found.rows))
    known = [detector for detector in record.detectors if detector.name in thresholds]
    figures: list[SuiteFigures] = []
    moved: list[Moved] = []
    changed: list[Changed] = []
    compared: list[Difference] = []
    for manifest in suites:
        targets: dict[str, Target] = {}
        for detector in known:
            found = _target(run_folder, record, manifest.name, detector)
            if found is None:
                missing.append((manifest.name, detector.name))
                continue
            copies = changed_rows(found)
            threshold = thresholds[detector.name].get(MAIN)
            clean = targets[detector.name] = found[~copies]
            figures.append(
                suite_figures(
                    manifest.name, detector.name, clean, thresholds[detector.name],
                    detector.training,
                )
            )  # fmt: skip
            if copies.any() and threshold is not None:
                kept = tuple(kept_figures(found, threshold))
                changed.append(Changed(manifest.name, detector.name, kept))
            else:
                moved += _moved(manifest, detector.name, clean)
        compared += differences(
            manifest.name, targets, {name: thresholds[name].get(MAIN) for name in targets}
        )
    if not figures:
        raise InputError(
            f"{folder}: no detector has scored a suite and the rows of {CALIBRATE} to the end; "
            "run the same command again to go on"
        )
    return Results(
        run=record,
        thresholds=thresholds,
        figures=tuple(figures),
        moved=tuple(moved),
        changed=tuple(changed),
        differences=tuple(compared),
        overlaps=tuple(read_overlaps(folder)),
        gaps=tuple(read_gaps(folder)),
        missing=tuple(missing),
    )


def write_json(results: Results, path: Path) -> None:
    """Write the results as JSON, whole or not at all."""
    # Half the size of an indented file, of which nobody reads a million characters.
    text = json.dumps(results.to_dict(), ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def _target(
    folder: RunFolder, record: RunRecord, suite: str, detector: DetectorRecord
) -> Target | None:
    if suite not in {one.name for one in record.suites}:
        return None
    rows = folder.read_rows(suite)
    answers = folder.read_answers(suite, detector.name, rows["id"].to_pylist())
    return None if answers is None else Target(rows, answers)


def _moved(manifest: Manifest, detector: str, target: Target) -> list[Moved]:
    """Return the recalibration on the suite and on each generator beside honest rows of its own.

    The honest rows of a generator are its own and those by people in the same sources.
    """
    found = [Moved(manifest.name, detector, None, tuple(recalibrated(target)))]
    generators, sources = column(target.rows, "generator"), column(target.rows, "source")
    legit = np.asarray(column(target.rows, "verdict") == Verdict.LEGIT.value, dtype=bool)
    names = sorted({name for name in generators if name is not None})
    for name in names:
        own = np.asarray(generators == name, dtype=bool)
        by_people = np.array([one is None for one in generators], dtype=bool)
        beside = by_people & legit & np.isin(sources.astype(str), sources[own].astype(str))
        rows = own | beside
        if len(names) > 1 and (target[rows].scam.any() and target[rows].legit.any()):
            sizes = tuple(recalibrated(target[rows]))
            found.append(Moved(manifest.name, detector, name, sizes))
    return found
