"""The groups of scam rows whose shares of the draws a recipe sets: ``data.scam_shares``."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from scamdetect.labels import Provenance, Verdict
from scamdetect.train.data.table import column, has_verdict, is_everyday, is_own

_WEAK = "_weak"  # the end of the names of sources whose scams a keyword rule of ours chose


def scam_groups(table: pa.Table) -> list[str]:
    """Return the group of each scam row of a corpus, "" for every other row."""
    provenance = column(table, "verdict_provenance")
    named = np.array([str(name).endswith(_WEAK) for name in column(table, "source")], dtype=bool)
    by_rule = np.where(named, provenance == Provenance.SOURCE.value, False)
    by_rule |= np.asarray(provenance == Provenance.RULE.value, dtype=bool)
    groups = np.select(
        [~has_verdict(table, Verdict.SCAM), is_everyday(table), is_own(table), by_rule],
        ["", "everyday", "riddles", "weak"],
        default="real",
    )
    return [str(group) for group in groups]
