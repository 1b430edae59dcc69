"""The tiny bundle as ``scamdetect evaluate`` measures it on a small corpus."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from command_line import command
from synthetic_corpus import corpus, row, table

HOSTILE = "<script>alert('darling')</script> & <img src=http://evil.example/x>"


class Evaluated(NamedTuple):
    """The corpus, and the folders of the results and of the page."""

    corpus: Path
    results: Path
    report: Path


def evaluate(bundle: Path, folder: Path) -> Evaluated:
    """Run the command in the folder."""
    found = Evaluated(folder / "corpus.parquet", folder / "results", folder / "report")
    _write_corpus(found.corpus)
    done = command(
        folder, "evaluate", bundle, "--base", "none", "--corpus", found.corpus,
        "--out", found.results, "--report", found.report,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
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
