"""Scores kept between runs of a report, so that a killed one goes on with what is there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import scamdetect
from scamdetect.labels import Kind
from scamdetect.system.files import file_sha256, writing
from scamdetect.train.data.scores import DetectorScores

_KEY = b"scored"


@dataclass(frozen=True, slots=True)
class ScoreCache:
    """Scores in a folder, one Parquet file a detector and set of rows; no folder keeps none.

    A file holds no text: row, scam, flagged, kinds, language.
    """

    folder: Path | None
    corpus_sha256: str
    log: Callable[[str], None]

    def scores(
        self,
        name: str,
        identity: str,
        modules: Sequence[str],
        rows: Sequence[str],
        compute: Callable[[], DetectorScores],
    ) -> DetectorScores:
        """Return the kept scores of these rows under ``name``, or compute and keep them.

        ``identity`` is a model id or a baseline's name, ``modules`` decide what it says; another
        one, other code, another corpus or other ``rows`` (n,) are computed anew.
        """
        if self.folder is None:
            return compute()
        digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        key = json.dumps([identity, code_sha256(modules), self.corpus_sha256, digest])
        path = self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.parquet"
        if (found := _read(path, key)) is not None:
            self.log(f"{name}: kept scores of {len(rows):,} rows")
            return replace(found, name=name)
        scores = compute()
        _write(path, key, rows, scores)
        return scores


def code_sha256(modules: Sequence[str]) -> str:
    """Return a hash of the package's version and of the source of its ``modules``, none imported.

    Raises ModuleNotFoundError for a module that is not there.
    """
    digest = hashlib.sha256(scamdetect.__version__.encode())
    for name in sorted(modules):
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"no module {name}", name=name)
        digest.update(f"{name} {file_sha256(Path(spec.origin))}\n".encode())
    return digest.hexdigest()


def _write(path: Path, key: str, rows: Sequence[str], scores: DetectorScores) -> None:
    unknown = [None] * len(rows)
    kinds = unknown if scores.kinds is None else [sorted(names) for names in scores.kinds]
    languages = unknown if scores.languages is None else scores.languages.tolist()
    table = pa.table(
        {
            "row": pa.array(rows, pa.string()),
            "scam": pa.array(scores.scam, pa.float64(), from_pandas=True),
            "flagged": pa.array(scores.flagged, pa.bool_()),
            "kinds": pa.array(kinds, pa.list_(pa.string())),
            "language": pa.array(languages, pa.string()),
        }
    )
    said = json.dumps(
        {
            "model_id": scores.model_id,
            "kinds": scores.kinds is not None,
            "languages": scores.languages is not None,
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as file:
        pq.write_table(table.replace_schema_metadata({_KEY: key, b"said": said}), file)


def _read(path: Path, key: str) -> DetectorScores | None:
    """Return the nameless scores in the file, None without one of this key or where damaged."""
    try:
        table = pq.read_table(path)
        metadata = table.schema.metadata or {}
        if metadata.get(_KEY, b"").decode() != key:
            return None
        said = json.loads(metadata[b"said"])
        languages = np.array(table["language"].to_pylist(), dtype=object)
        kinds = [frozenset(map(Kind, names or ())) for names in table["kinds"].to_pylist()]
        return DetectorScores(
            name="",
            scam=np.array(table["scam"].to_pylist(), dtype=np.float64),
            flagged=np.array(table["flagged"].to_pylist(), dtype=bool),
            kinds=tuple(kinds) if said["kinds"] else None,
            languages=languages if said["languages"] else None,
            model_id=said["model_id"],
        )
    except (OSError, pa.ArrowException, ValueError, KeyError):
        return None
