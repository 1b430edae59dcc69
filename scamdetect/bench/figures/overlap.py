"""How many rows of a suite stand in the text that a detector learnt from, where that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scamdetect.bench.answers import Detector
from scamdetect.bench.figures.records import read_records, write_records
from scamdetect.bench.suite import Suite
from scamdetect.evaluate.contamination import CONTAINED, containment
from scamdetect.system.files import file_sha256
from scamdetect.text.normalise import normalise
from scamdetect.train.data.table import column, read_rows

FILE = "overlaps.json"


@dataclass(frozen=True, slots=True)
class Overlap:
    """The rows of one suite and what the train rows of one corpus hold of them."""

    suite: str
    suite_sha256: str
    corpus_sha256: str
    detectors: tuple[str, ...]  # those that learnt from this corpus
    by: str  # generator or source
    n: int
    exact: int  # the same normalised text
    n_long: int  # rows long enough to be found in part
    contained: int  # half of whose 5-grams or more stand in one train text


def audit(suites: Sequence[Suite], detectors: Sequence[Detector], corpus: Path, out: Path) -> None:
    """Write ``overlaps.json``: each suite's clean rows against the train rows of the corpus.

    Only detectors whose training names this corpus are audited; what was audited stays, and holds
    for those that come later.
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
    write_records(out / FILE, found)


def read_overlaps(folder: Path) -> list[Overlap]:
    """Return what ``audit`` found, nothing where it was not run; raise InputError where damaged."""
    return read_records(
        folder / FILE, lambda one: Overlap(**one | {"detectors": tuple(one["detectors"])})
    )


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
