"""The tiny bundle as ``python -m scamdetect.evaluate`` measures it on a small corpus."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from synthetic_corpus import corpus, row, table

from scamdetect.evaluate.report import evaluate_bundle

HOSTILE = "<script>alert('darling')</script> & <img src=http://evil.example/x>"


class Evaluated(NamedTuple):
    """The corpus, and the folders of the results and of the page."""

    corpus: Path
    results: Path
    report: Path


def evaluate(bundle: Path, folder: Path) -> Evaluated:
    """Measure the bundle in the folder."""
    found = Evaluated(folder / "corpus.parquet", folder / "results", folder / "report")
    _write_corpus(found.corpus)
    evaluate_bundle(bundle, found.corpus, found.results, False, print, report=found.report)
    return found


def _write_corpus(path: Path) -> None:
    """Write a corpus in which the detector misses hostile text, with authored pairs."""
    own = {"source": "authored_en", "verdict_provenance": "authored", "generated": "a tester"}
    kinds = {"kinds": ["investment", "romance"], "kinds_provenance": "authored"}
    rows = [row(901, "scam", source="vi_sms_ie403", lang="vi", norm=HOSTILE)]
    for n in range(25):
        rows.append(row(n, "scam", thread_id=f"p{n}", **kinds, **own))
        rows.append(row(100 + n, "legit", thread_id=f"p{n}", **own))
    rows.append(row(200, "spam", **own))
    pq.write_table(pa.concat_tables([corpus(), table(rows)]), path)
