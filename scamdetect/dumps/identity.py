"""The identity of a job, and ``<destination>.job.json``, which describes a result to its readers.

The user's options, the source, what was detected in it and the model are the settings by which a
job is resumed. They are stored next to the result with the counts, so that readers of a scored file
know its content and whether a source is the one that was scored.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import scamdetect
from scamdetect.dumps.formats import is_remote
from scamdetect.dumps.state import Settings
from scamdetect.dumps.tally import Tally
from scamdetect.errors import InputError
from scamdetect.labels import Decision
from scamdetect.prediction import SCHEMA_VERSION, Detector
from scamdetect.system.files import read_bytes
from scamdetect.system.os_errors import unreadable

JOB_SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Asked:
    """The user's options; ``encoding`` and ``delimiter`` are None if they were detected."""

    text_column: str
    encoding: str | None = None
    delimiter: str | None = None
    only_flagged: bool = False
    allow_list: str | None = None  # its digest
    sender_column: str | None = None
    indicators: str | None = None  # the digest of the listed ones
    spreadsheet_safe: bool = False
    part_rows: int | None = None
    engine: str = "local"


@dataclass(frozen=True)
class Detected:
    """How the source was read; ``columns`` are those of the result without our own."""

    encoding: str
    delimiter: str | None
    columns: tuple[str, ...]
    files_read_as: str | None = None


@dataclass(frozen=True)
class Model:
    """The model and the thresholds in force."""

    model_id: str
    flag: float
    review: float
    kind_flags: dict[str, float] | None
    review_scam_verdicts: bool
    tier: str
    output_schema_version: int


@dataclass(frozen=True)
class Identity:
    """The identity of a job; ``source`` is the result of ``Source.identity`` and the format."""

    asked: Asked
    source: dict[str, Any]
    detected: Detected
    model: Model

    def settings(self) -> Settings:
        """Return all settings by which a job is resumed, including what was detected."""
        detected = asdict(self.detected) | {"columns": list(self.detected.columns)}
        return asdict(self.asked) | self.source | detected | asdict(self.model)


@dataclass(frozen=True)
class Result:
    """The destination of a job: its name, format, delimiter if any, and size."""

    name: str
    format: str
    delimiter: str | None
    bytes: int | None  # None for a folder


@dataclass(frozen=True)
class JobRecord:
    """The content of ``<destination>.job.json``; the result has ``written`` of the ``rows``."""

    path: Path
    asked: Asked
    source: dict[str, Any]
    detected: dict[str, Any]
    model: Model
    destination: Result
    rows: int
    written: int


def model_of(detector: Detector) -> Model:
    """Return the model and thresholds of a detector."""
    thresholds = detector.thresholds
    return Model(
        model_id=detector.model_id,
        flag=thresholds.flag,
        review=thresholds.review,
        kind_flags={k.value: p for k, p in thresholds.kind_flags.items()} or None,
        review_scam_verdicts=thresholds.review_scam_verdicts,
        tier="auto" if detector.clears else "full",
        output_schema_version=SCHEMA_VERSION,
    )


def job_record(identity: Identity, destination: Result, tally: Tally) -> bytes:
    """Return the content of ``<destination>.job.json``, in ASCII.

    Columns are stored as a digest, because in a file without a header they are its first message.
    """
    detected = asdict(identity.detected)
    columns = json.dumps(detected.pop("columns")).encode("ascii")
    flagged = tally.decisions[Decision.FLAG]
    counts = {
        "rows": tally.rows,
        "written": flagged if identity.asked.only_flagged else tally.rows,
        **vars(tally),
    }
    value = {
        "schema_version": JOB_SCHEMA_VERSION,
        "scamdetect": scamdetect.__version__,
        "destination": asdict(destination),
        "asked": asdict(identity.asked),
        "source": identity.source,
        "detected": detected | {"columns_sha256": hashlib.sha256(columns).hexdigest()},
        "model": asdict(identity.model),
        "counts": counts,
    }
    return f"{json.dumps(value, indent=1)}\n".encode("ascii")


def read_job_record(path: Path) -> JobRecord:
    """Read the record of a job; raise InputError if it is missing, damaged or too new."""
    try:
        value = json.loads(_content(path))
        version = value["schema_version"]
        if version == JOB_SCHEMA_VERSION:
            return JobRecord(
                path=path,
                asked=Asked(**value["asked"]),
                source=dict(value["source"]),
                detected=dict(value["detected"]),
                model=Model(**value["model"]),
                destination=Result(**value["destination"]),
                rows=int(value["counts"]["rows"]),
                written=int(value["counts"]["written"]),
            )
    except InputError:
        raise
    except OSError as problem:
        raise unreadable(path, problem) from problem
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise InputError(
            f"{path}: damaged ({type(problem).__name__}); score again with --overwrite"
        ) from problem
    raise InputError(
        f"{path}: has schema {version!r}, but this scamdetect reads {JOB_SCHEMA_VERSION}; use "
        "the version that wrote it"
    )


def _content(path: Path) -> bytes:
    if not is_remote(path):
        return read_bytes(path)
    with path.open("rb") as file:
        return file.read()
