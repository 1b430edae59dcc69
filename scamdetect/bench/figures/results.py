"""All figures of a run from the scores in its folder, and its overlap with training text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from scamdetect.bench.answers import Detector
from scamdetect.bench.figures.changes import (
    Difference,
    Kept,
    Recalibrated,
    changed_rows,
    differences,
    kept_figures,
    recalibrated,
)
from scamdetect.bench.figures.measures import (
    SuiteFigures,
    suite_figures,
)
from scamdetect.bench.figures.target import (
    MAIN,
    Target,
    frozen_thresholds,
)
from scamdetect.bench.folder import CALIBRATE, DetectorRecord, RunFolder, RunRecord
from scamdetect.bench.suite import Manifest, Suite
from scamdetect.bench.suites.calibrate import mix_weights
from scamdetect.errors import InputError
from scamdetect.evaluate.contamination import CONTAINED, containment
from scamdetect.labels import Verdict
from scamdetect.system.files import file_sha256, read_text, write_text
from scamdetect.system.os_errors import unreadable
from scamdetect.text.normalise import normalise
from scamdetect.train.data.table import column, read_rows
from scamdetect.train.typed import of_json

FILE = "overlaps.json"


@dataclass(frozen=True, slots=True)
class Overlap:
    """The rows of one suite and their overlap with the train rows of one corpus."""

    suite: str
    suite_sha256: str
    corpus_sha256: str
    detectors: tuple[str, ...]  # those trained on this corpus
    by: str  # generator or source
    n: int
    exact: int  # the same normalised text
    n_long: int  # rows long enough for a partial match
    contained: int  # half of whose 5-grams or more are in one train text


def audit(suites: Sequence[Suite], detectors: Sequence[Detector], corpus: Path, out: Path) -> None:
    """Write ``overlaps.json``: each suite's clean rows against the train rows of the corpus.

    Only detectors with this training corpus are audited; existing audits are kept, and apply to
    detectors added later.
    """
    digest = file_sha256(corpus)
    names = tuple(
        detector.name
        for detector in detectors
        if detector.training is not None and detector.training.corpus_sha256 == digest
    )
    if not names:
        return
    found = [
        replace(one, detectors=tuple(dict.fromkeys([*one.detectors, *names])))
        if one.corpus_sha256 == digest
        else one
        for one in read_overlaps(out)
    ]
    known = {(one.suite, one.suite_sha256, one.corpus_sha256) for one in found}
    due = [one for one in suites if (one.name, one.manifest.sha256, digest) not in known]
    if due:
        train = list(column(read_rows(corpus, {"train"}), "norm"))
        for suite in due:
            found += _overlaps(suite, train, digest, names)
    text = json.dumps([asdict(one) for one in found], indent=1)
    write_text(out / FILE, text + "\n")


def read_overlaps(folder: Path) -> list[Overlap]:
    """Return the result of ``audit``, empty if it did not run; raise InputError if damaged."""
    path = folder / FILE
    try:
        return of_json(json.loads(read_text(path)), list[Overlap])
    except InputError:
        raise
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise unreadable(path, problem) from problem
    except ValueError as problem:
        raise InputError(
            f"{path}: cannot be read ({type(problem).__name__}); remove it and run again"
        ) from None


def _overlaps(
    suite: Suite, train: list[str], digest: str, detectors: tuple[str, ...]
) -> list[Overlap]:
    clean = suite.rows.filter(suite.rows["clean_id"].is_null())
    texts = [normalise(text) for text in column(clean, "text")]
    known = set(train)
    exact = np.array([text in known for text in texts], dtype=bool)
    share = containment(texts, train)
    long = ~np.isnan(share)
    names = [
        generator or source
        for generator, source in zip(
            column(clean, "generator"), column(clean, "source"), strict=True
        )
    ]
    found = []
    for name in sorted(set(names)):
        here = np.array([one == name for one in names], dtype=bool)
        found.append(
            Overlap(
                suite=suite.name,
                suite_sha256=suite.manifest.sha256,
                corpus_sha256=digest,
                detectors=detectors,
                by=name,
                n=int(here.sum()),
                exact=int(exact[here].sum()),
                n_long=int((here & long).sum()),
                contained=int((share[here & long] >= CONTAINED).sum()),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Moved:
    """Recalibration on a suite, or on the rows of one of its generators with honest ones."""

    suite: str
    detector: str
    generator: str | None  # None: the whole suite
    sizes: tuple[Recalibrated, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """The cost of changed copies for a detector on a suite."""

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
    missing: tuple[tuple[str, str], ...]  # suite and detector that were not completely scored


def read_results(folder: Path) -> Results:
    """Return the figures of the run in a folder.

    Raises InputError if there is no run, if a file is damaged, and if no detector has scored a
    suite and the rows that thresholds are set on.
    """
    run_folder = RunFolder(folder)
    record = run_folder.read_record()
    if record is None:
        raise InputError(
            f"{folder}: contains no run; first: scamdetect bench run SUITE... -o {folder}"
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
            f"{folder}: no detector has completely scored a suite and the rows of {CALIBRATE}; "
            "run the same command again to continue"
        )
    return Results(
        run=record,
        thresholds=thresholds,
        figures=tuple(figures),
        moved=tuple(moved),
        changed=tuple(changed),
        differences=tuple(compared),
        overlaps=tuple(read_overlaps(folder)),
        missing=tuple(missing),
    )


def write_json(results: Results, path: Path) -> None:
    """Write the results as JSON, completely or not at all."""
    # Half the size of an indented file, of which nobody reads a million characters.
    text = json.dumps(
        asdict(results),
        ensure_ascii=False,
        allow_nan=False,
        default=sorted,  # sets
    )
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
    """Return the recalibration on the suite and on each generator with its honest rows.

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
