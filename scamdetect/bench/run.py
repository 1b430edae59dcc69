"""Score suites with detectors, part by part, so that a stopped or failed run can be resumed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scamdetect.bench.answers import Answers, Detector
from scamdetect.bench.folder import (
    DetectorRecord,
    RunFolder,
    RunRecord,
    part_slices,
    write_part,
)
from scamdetect.bench.names import checked
from scamdetect.bench.suite import Manifest, Suite
from scamdetect.errors import DetectorError, EndpointError, InputError, JobInterrupted
from scamdetect.system.files import locked
from scamdetect.train.data.scores import commit, machine, today

RAISED = "raised"  # the problem of a row at which the detector raised

Watch = Callable[[str, str, int], None]  # suite, detector, additional rows done
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Failure:
    """A detector that did not finish a suite, and why."""

    suite: str
    detector: str
    reason: str


def run(
    suites: Sequence[Suite],
    detectors: Sequence[Detector],
    out: Path,
    benchmark: str,
    *,
    skip_failing: bool = False,
    watch: Watch = lambda suite, detector, rows: None,
    stop: Stop = lambda: False,
) -> list[Failure]:
    """Score every suite with every detector into the folder ``out`` and return the failures.

    Finished parts are kept and not scored again. A detector that raises at a row stops for that
    suite and the row is named; with ``skip_failing`` the row gets no answer and the rest is scored.
    Raises InputError if the folder contains scores of other rows or of another detector of the same
    name, or if another run is using it, JobInterrupted if ``stop`` returns True after a part.
    """
    folder = RunFolder(out)
    out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        record = _record(folder, suites, detectors, benchmark)
        for suite in suites:
            folder.write_suite(suite)
        folder.write_record(record)  # last: everything that it lists exists
        return _score_all(folder, suites, detectors, skip_failing, watch, stop)


def _score_all(
    folder: RunFolder,
    suites: Sequence[Suite],
    detectors: Sequence[Detector],
    skip_failing: bool,
    watch: Watch,
    stop: Stop,
) -> list[Failure]:
    failures = []
    for detector in detectors:
        for suite in suites:
            try:
                _score_suite(folder, suite, detector, skip_failing, watch, stop)
            except EndpointError as problem:
                # An endpoint that is down or over budget would fail on other suites too.
                failures.append(Failure(suite.name, detector.name, f"{detector.name}: {problem}"))
                break
            except DetectorError as problem:
                failures.append(Failure(suite.name, detector.name, str(problem)))
    return failures


def _record(
    folder: RunFolder, suites: Sequence[Suite], detectors: Sequence[Detector], benchmark: str
) -> RunRecord:
    """Return the record of the run, including what earlier runs into the folder scored."""
    manifests = {suite.name: suite.manifest for suite in suites}
    records = {detector.name: DetectorRecord.of(detector) for detector in detectors}
    # Names become folders, and some file systems ignore letter case.
    if len({name.casefold() for name in records}) < len(detectors):
        raise InputError("two detectors have the same name; add a label: label=scheme:target")
    if len(manifests) < len(suites):
        raise InputError("two suites have the same name; rename one in the package that adds it")
    before = folder.read_record()
    if before is not None:
        for manifest in before.suites:
            _check_same_rows(folder, manifest, manifests.get(manifest.name))
        for record in before.detectors:
            if record.name in records and records[record.name].identity != record.identity:
                raise InputError(
                    f"{folder.folder}: contains scores of another {record.name!r} "
                    f"({record.identity}, now {records[record.name].identity}); add a label "
                    "(label=scheme:target) or choose another folder"
                )
        if before.benchmark != benchmark:
            raise InputError(
                f"{folder.folder}: is a run of {before.benchmark}, but this is one of "
                f"{benchmark}; choose another folder"
            )
        manifests = {one.name: one for one in before.suites} | manifests
        records = {one.name: one for one in before.detectors} | records
    return RunRecord(
        benchmark=benchmark,
        date=today(),
        commit=commit(),
        machine=machine(),
        suites=tuple(manifests.values()),
        detectors=tuple(records.values()),
    )


def _check_same_rows(folder: RunFolder, before: Manifest, now: Manifest | None) -> None:
    if now is not None and now.sha256 != before.sha256:
        raise InputError(
            f"{folder.folder}: contains scores of another suite {before.name} (sha256 "
            f"{before.sha256[:16]}, now {now.sha256[:16]}); choose another folder"
        )


def _score_suite(
    folder: RunFolder,
    suite: Suite,
    detector: Detector,
    skip_failing: bool,
    watch: Watch,
    stop: Stop,
) -> None:
    ids: list[str] = suite.rows["id"].to_pylist()
    texts: list[str] = suite.rows["text"].to_pylist()
    for number, rows in enumerate(part_slices(len(ids))):
        path = folder.part(suite.name, detector.name, number)
        if not path.exists():
            if stop():
                raise JobInterrupted("interrupted; run the same command to continue")
            part = _Rows(suite.name, detector, ids[rows], texts[rows], rows.start, skip_failing)
            write_part(path, ids[rows], _score_part(part))
        watch(suite.name, detector.name, len(ids[rows]))


@dataclass(frozen=True)
class _Rows:
    """Some rows of a suite, and the detector; ``first`` is the index of the first in the suite."""

    suite: str
    detector: Detector
    ids: Sequence[str]
    texts: Sequence[str]
    first: int
    skip_failing: bool

    def batch(self, start: int) -> _Rows:
        """Return the rows of the batch that starts at an index in these."""
        at = slice(start, start + self.detector.batch)
        return replace(self, ids=self.ids[at], texts=self.texts[at], first=self.first + start)


def _score_part(rows: _Rows) -> Answers:
    batches = map(rows.batch, range(0, len(rows.texts), rows.detector.batch))
    if rows.detector.parallel == 1:
        return _joined(list(map(_score_batch, batches)))
    with ThreadPoolExecutor(rows.detector.parallel) as pool:
        return _joined(list(pool.map(_score_batch, batches)))


def _score_batch(rows: _Rows) -> Answers:
    began = time.perf_counter()
    try:
        answers = checked(rows.detector, rows.texts)
    except DetectorError as problem:
        return _row_by_row(rows, problem)
    if answers.seconds is None:
        each = (time.perf_counter() - began) / len(rows.texts)
        answers = replace(answers, seconds=np.full(len(rows.texts), each))
    return answers


def _row_by_row(rows: _Rows, whole: DetectorError) -> Answers:
    """Return the answers to single rows, to find the one at which the detector fails."""
    found = []
    for place, text in enumerate(rows.texts):
        began = time.perf_counter()
        try:
            answers = checked(rows.detector, [text])
        except DetectorError as problem:
            if not rows.skip_failing:
                raise DetectorError(
                    f"{problem}; at row {rows.first + place + 1:,} of the suite {rows.suite} "
                    f"(id {rows.ids[place]}). Earlier scores are kept: correct the detector and "
                    "run the same command, or skip such rows: --skip-failing"
                ) from problem
            answers = Answers(np.full(1, np.nan), problems=(RAISED,))
        found.append(replace(answers, seconds=np.full(1, time.perf_counter() - began)))
    if not rows.skip_failing:
        raise DetectorError(
            f"{whole}; at rows {rows.first + 1:,} to {rows.first + len(rows.texts):,} of the "
            f"suite {rows.suite} together, although each single row is answered. Use a smaller "
            "batch"
        )
    return _joined(found)


def _joined(parts: Sequence[Answers]) -> Answers:
    """Return the concatenated answers; fields missing in every part remain missing."""
    sizes = [part.scam.size for part in parts]

    def floats(name: str) -> np.ndarray | None:
        told = [getattr(part, name) for part in parts]
        if all(one is None for one in told):
            return None
        return np.concatenate(
            [np.full(n, np.nan) if one is None else one for n, one in zip(sizes, told, strict=True)]
        )

    flagged = kinds = problems = None
    if any(part.flagged is not None for part in parts):
        # A row without an answer is not flagged.
        flagged = np.concatenate(
            [np.zeros(n, bool) if p.flagged is None else p.flagged
             for n, p in zip(sizes, parts, strict=True)]
        )  # fmt: skip
    if any(part.kinds is not None for part in parts):
        kinds = tuple(
            one for n, p in zip(sizes, parts, strict=True) for one in p.kinds or (frozenset(),) * n
        )
    if any(part.problems is not None for part in parts):
        problems = tuple(
            one for n, p in zip(sizes, parts, strict=True) for one in p.problems or (None,) * n
        )
    scam = np.concatenate([part.scam for part in parts])
    return Answers(scam, flagged, kinds, problems, floats("seconds"), floats("cost"))
