"""The results that a card quotes, each checked to be of the bundle, and the worst failures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scamdetect.bundle.bundle import SETTINGS, Bundle
from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError
from scamdetect.labels import Decision, Verdict
from scamdetect.system.files import read_text
from scamdetect.system.os_errors import unreadable
from scamdetect.train.data.authored import AuthoredRow, load_authored

Record = Mapping[str, Any]
EACH = 6  # failures of the honest messages, and of the scams
# The keys that each file must have, and the command that writes it.
_KINDS = {
    "evaluation": (("detectors", "reliability", "contamination"), "python -m scamdetect.evaluate"),
    "pools": (("half", "detectors"), "benchmarks/pools.py"),
    "final": (("flag_recall", "cells", "gates"), "benchmarks/final.py"),
    "everyday": (("flag_recall", "cells", "gates"), "benchmarks/final.py"),
    "untrained": (("flag_recall", "cells", "gates"), "benchmarks/final.py"),
    "evasion": (("evasions", "share"), "benchmarks/evasion.py"),
    "bench": (("run", "figures"), "scamdetect bench report"),
    "conversations": (("rule", "sets"), "benchmarks/conversations.py"),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A message and the bundle's answer to it."""

    id: str
    lang: str
    verdict: Verdict
    about: str  # its kinds or its slice
    text: str
    probability: float
    decision: Decision


@dataclass(frozen=True, slots=True)
class Failures:
    """The worst errors on both sides, and the number of messages."""

    model_id: str
    n_legit: int
    n_scam: int
    alarms: tuple[Failure, ...]
    missed: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """The measurements of a bundle; None for one that is missing."""

    evaluation: Record | None = None
    pools: Record | None = None  # real messages, and honest ones by blocks
    final: Record | None = None  # the final part of the messages written to scenario cards
    everyday: Record | None = None  # the final part of the everyday messages
    untrained: Record | None = None  # languages without training rows
    evasion: Record | None = None
    bench: Record | None = None
    conversations: Record | None = None
    model_id: str = ""  # the id that these carry
    failures: Failures | None = None
    watts: float | None = None  # mean power of the machine that trained
    cores: int | None = None  # cores used in training, if the run did not record them
    details: str = ""  # the page of the long tables, as the card names it

    def files(self) -> dict[str, Record]:
        """Return the records by their kind."""
        found = ((kind, getattr(self, kind)) for kind in _KINDS)
        return {kind: record for kind, record in found if record is not None}

    def own_parts(self) -> list[tuple[str, Record]]:
        """Return the figures on the project's own messages, part by part."""
        found: list[tuple[str, Record]] = []
        if self.evaluation is not None:
            own = self.evaluation["detectors"][0]["authored"]
            found += [(f"{one['role']} (chooses the model)", one) for one in own]
        if self.untrained is not None:
            found.append(("languages without training rows", self.untrained))
        if self.final is not None:
            found.append(("final (release figures only)", self.final))
        return found

    def pools_as_shipped(self) -> Record | None:
        """Return the figures of the pools at the default thresholds; None without pools."""
        if self.pools is None:
            return None
        found: Record | None = self.pools["detectors"][self.model_id]["shipped"].get("balanced")
        return found

    def own_part(self) -> tuple[str, Record]:
        """Return the final part, else dev; empty without both."""
        found = [(name, one) for name, one in self.own_parts() if one is not self.untrained]
        return found[-1] if found else ("", {})

    def gates(self) -> list[Record]:
        """Return the targets on honest slices."""
        found: list[Record] = []
        if self.evaluation is not None:
            found += self.evaluation["detectors"][0]["gates"]
        parts = (one for one in (self.final, self.everyday) if one is not None)
        return found + [gate for one in parts for gate in one["gates"]]

    def evasions(self) -> list[Record]:
        """Return the effect of each evasion at medium strength."""
        if self.evasion is not None:
            return list(self.evasion["evasions"])
        found = self.evaluation["evasion"] if self.evaluation is not None else ()
        return [one for one in found if one["strength"] == "medium"]


def cells_of(part: Record, by: str) -> list[Record]:
    """Return the cells of the project's own messages by language, slice or kind."""
    return [cell for cell in part.get("cells", ()) if cell["by"] == by]


def read_results(bundle: Bundle, files: Mapping[str, Path | None]) -> Results:
    """Return the files of ``evaluation``, ``final`` and so on.

    Raises InputError for a file of another kind, or one that measured another bundle.
    """
    given = {kind: path for kind, path in files.items() if path is not None}
    records: dict[str, Any] = {kind: _read(path, kind) for kind, path in given.items()}
    for kind, path in given.items():
        model_id = _model_id(records[kind], bundle, path)
        if model_id != bundle.model_id:
            raise InputError(
                f"{path}: measured {model_id}, this bundle is {bundle.model_id}; measure this "
                "bundle"
            )
    if "conversations" in records:
        _check_rule(records["conversations"], bundle, given["conversations"])
    return Results(**records, model_id=bundle.model_id)


def _check_rule(record: Record, bundle: Bundle, path: Path) -> None:
    """Raise InputError if the file measured conversations by another rule than the bundle's."""
    settings = json.loads(bundle.read(SETTINGS))
    if record["rule"] != settings.get("conversation"):
        raise InputError(
            f"{path}: measured another rule for conversations than {bundle.folder} has; run "
            "benchmarks/conversations.py again"
        )


def _read(path: Path, kind: str) -> Record:
    keys, maker = _KINDS[kind]
    try:
        record = json.loads(read_text(path))
    except InputError:
        raise
    except OSError as problem:
        raise unreadable(path, problem) from problem
    except ValueError as problem:
        raise InputError(f"{path}: not readable as JSON ({problem})") from problem
    missing = [key for key in keys if not isinstance(record, dict) or key not in record]
    if missing:
        raise InputError(
            f"{path}: not the results for --{kind}, it has no {' and no '.join(missing)}; pass the "
            f"JSON that {maker} wrote"
        )
    if kind == "evaluation" and record.get("final"):
        raise InputError(f"{path}: measured the test sources; pass the evaluation on dev sources")
    rows = {gate["where"] for gate in record.get("gates", ())}
    if kind in ("final", "everyday", "untrained") and rows - {kind}:
        raise InputError(f"{path}: measured the {', '.join(sorted(rows))} rows; not for --{kind}")
    found: Record = record
    return found


def _model_id(record: Record, bundle: Bundle, path: Path) -> str:
    """Return the id that the file measured; in a file of several, the one of the bundle's name."""
    if "half" in record:
        return bundle.model_id if bundle.model_id in record["detectors"] else "other bundles"
    if "run" not in record:
        return str(record["model_id"])
    named = [one["identity"] for one in record["run"]["detectors"]]
    mine = [one for one in named if one.startswith(f"{bundle.name}@")]
    if not mine:
        raise InputError(f"{path}: has no detector {bundle.name}; it has {', '.join(named)}")
    return str(mine[0])


def find_failures(detector: ScamDetector, authored: Path) -> Failures:
    """Return the worst errors on the authored dev rows in the folder.

    Raises SourceError if a row is malformed.
    """
    rows = [
        row
        for row in load_authored(authored)
        if row.part == "dev" and row.verdict in (Verdict.LEGIT, Verdict.SCAM)
    ]
    predictions = detector.predict([row.text for row in rows])
    found = [
        _failure(row, one.scam_probability, one.decision)
        for row, one in zip(rows, predictions, strict=True)
        if one.scam_probability is not None
    ]
    legit = [one for one in found if one.verdict is Verdict.LEGIT]
    scams = [one for one in found if one.verdict is Verdict.SCAM]
    return Failures(
        model_id=detector.model_id,
        n_legit=len(legit),
        n_scam=len(scams),
        alarms=tuple(_worst(sorted(legit, key=lambda one: (-one.probability, one.id)))),
        missed=tuple(_worst(sorted(scams, key=lambda one: (one.probability, one.id)))),
    )


def _failure(row: AuthoredRow, probability: float, decision: Decision) -> Failure:
    about = ", ".join(row.kinds) or row.slice or row.cell
    return Failure(row.id, row.lang, row.verdict, about, row.text, probability, decision)


def _worst(ranked: Iterable[Failure]) -> Iterator[Failure]:
    seen: set[str] = set()
    for one in ranked:
        if len(seen) == EACH:
            return
        if one.lang not in seen:
            seen.add(one.lang)
            yield one
