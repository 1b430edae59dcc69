"""A run on disk: its settings, the rows without their text, and the scores part by part.

    run.json                         suites, detectors, date, commit, machine
    suites/<suite>.parquet           the rows of a suite without their text
    scores/<suite>/<detector>/<n>.parquet   the answers to PART_ROWS rows
    kept/                            stored by detectors: fitted baselines, paid answers

Only the files in kept/ contain text of messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.bench.answers import Answers, Detector, Training
from scamdetect.bench.suite import Manifest, Suite
from scamdetect.errors import InputError
from scamdetect.labels import Kind
from scamdetect.system.files import read_text, write_text, writing
from scamdetect.system.os_errors import of_system, unreadable
from scamdetect.train.typed import of_json

RUN, SUITES, SCORES, KEPT = "run.json", "suites", "scores", "kept"
SCHEMA_VERSION = 1
CALIBRATE = "calibrate"
PART_ROWS = 500

_ANSWERS = pa.schema(
    [
        ("id", pa.string()),
        ("scam", pa.float64()),
        ("flagged", pa.bool_()),
        ("kinds", pa.list_(pa.string())),
        ("problem", pa.string()),
        ("seconds", pa.float64()),
        ("cost", pa.float64()),
    ]
)


@dataclass(frozen=True)
class DetectorRecord:
    """A run's record of a detector."""

    name: str
    identity: str
    note: str
    training: Training | None

    @classmethod
    def of(cls, detector: Detector) -> DetectorRecord:
        """Return the record of a detector."""
        return cls(detector.name, detector.identity, detector.note, detector.training)


@dataclass(frozen=True)
class RunRecord:
    """The settings of a run, in the order given."""

    benchmark: str  # its versioned name, or why the rows differ from it
    date: str
    commit: str | None
    machine: str
    suites: tuple[Manifest, ...]  # those that thresholds are set on first
    detectors: tuple[DetectorRecord, ...]


class RunFolder:
    """The folder of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def kept(self) -> Path:
        """Return the folder for what detectors store."""
        return self.folder / KEPT

    def write_record(self, record: RunRecord) -> None:
        """Write or replace ``run.json``."""
        told = {"schema_version": SCHEMA_VERSION} | asdict(record)
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(told, indent=1, ensure_ascii=False, default=sorted)  # sets
        write_text(self.folder / RUN, text + "\n")

    def read_record(self) -> RunRecord | None:
        """Return the content of ``run.json``, or None.

        Raises InputError for a file that was not written by a run of this version.
        """
        path = self.folder / RUN
        try:
            told = json.loads(read_text(path))
            if told["schema_version"] != SCHEMA_VERSION:
                raise InputError(
                    f"{path}: has schema version {told['schema_version']}, but this scamdetect "
                    f"reads {SCHEMA_VERSION}; run the benchmark into another folder"
                )
            return of_json(told, RunRecord)
        except InputError:
            raise
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise unreadable(path, problem) from problem
        except (ValueError, KeyError, TypeError) as problem:
            raise InputError(
                f"{path}: not the record of a benchmark run ({type(problem).__name__}); run the "
                "benchmark into another folder"
            ) from problem

    def write_suite(self, suite: Suite) -> None:
        """Write the rows of a suite without their text."""
        path = self.folder / SUITES / f"{suite.name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as file:
            pq.write_table(suite.rows.drop_columns(["text"]), file, compression="zstd")

    def read_rows(self, suite: str) -> pa.Table:
        """Return the rows of a suite without their text; raise InputError if damaged."""
        return _read(self.folder / SUITES / f"{suite}.parquet")

    def part(self, suite: str, detector: str, number: int) -> Path:
        """Return the path of the answers to the rows of a part."""
        return self.folder / SCORES / suite / detector / f"{number:05d}.parquet"

    def read_answers(self, suite: str, detector: str, ids: Sequence[str]) -> Answers | None:
        """Return the answers to the rows of a suite, in order; None while a part is missing.

        Raises InputError if a part is damaged or has other rows.
        """
        paths = [
            self.part(suite, detector, number) for number, _ in enumerate(part_slices(len(ids)))
        ]
        if not all(path.exists() for path in paths):
            return None
        table = pa.concat_tables([_read(path) for path in paths])
        if table["id"].to_pylist() != list(ids):
            raise InputError(
                f"{paths[0].parent}: contains answers to other rows than those of the suite "
                f"{suite}; remove the folder and run again"
            )
        return _answers(table)


def part_slices(rows: int) -> Iterator[slice]:
    """Yield the rows of each part."""
    for start in range(0, rows, PART_ROWS):
        yield slice(start, min(start + PART_ROWS, rows))


def write_part(path: Path, ids: Sequence[str], answers: Answers) -> None:
    """Write the answers to these rows, completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nothing = [None] * len(ids)
    kinds = nothing if answers.kinds is None else [sorted(one) for one in answers.kinds]
    table = pa.table(
        {
            "id": list(ids),
            "scam": pa.array(answers.scam, pa.float64(), from_pandas=True),
            "flagged": nothing if answers.flagged is None else answers.flagged.tolist(),
            "kinds": kinds,
            "problem": nothing if answers.problems is None else list(answers.problems),
            "seconds": _floats(answers.seconds, len(ids)),
            "cost": _floats(answers.cost, len(ids)),
        },
        schema=_ANSWERS,
    )
    with writing(path) as file:
        pq.write_table(table, file, compression="zstd")


def _floats(values: np.ndarray | None, n: int) -> pa.Array:
    return pa.nulls(n, pa.float64()) if values is None else pa.array(values, from_pandas=True)


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as problem:
        if of_system(problem):
            raise unreadable(path, problem) from problem
        raise InputError(
            f"{path}: cannot be read ({type(problem).__name__}); remove it and run again"
        ) from problem


def _answers(table: pa.Table) -> Answers:
    def floats(name: str) -> np.ndarray:
        return np.array(table[name].to_pylist(), dtype=np.float64)

    told = {name: table[name].null_count < table.num_rows for name in _ANSWERS.names}
    kinds = tuple(frozenset(map(Kind, names or ())) for names in table["kinds"].to_pylist())
    return Answers(
        scam=floats("scam"),
        flagged=np.array(table["flagged"].to_pylist(), dtype=bool) if told["flagged"] else None,
        kinds=kinds if told["kinds"] else None,
        problems=tuple(table["problem"].to_pylist()) if told["problem"] else None,
        seconds=floats("seconds") if told["seconds"] else None,
        cost=floats("cost") if told["cost"] else None,
    )
