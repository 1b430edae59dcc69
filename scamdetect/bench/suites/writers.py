"""Which language model wrote a row: one name a generator, whatever its source calls it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from scamdetect.train.data.table import Objects, column

# Sources of one family share a name: the second repeats and goes on from the first.
_OF_SOURCE = {
    "ccr_zh_calls": "antifraud-agents",
    "mdb_pt_en_synthetic": "mdb-llm",
    "pest_human_vs_llm_email": "pest-llm",
    "teleantifraud_text": "antifraud-agents",
}
_NOT_WRITERS = ("machine-translated",)


def generator_of(source: str, generated: str | None) -> str | None:
    """Return the generator of a row, None where people wrote it.

    A translation by machine counts as written by people: what is said is theirs.
    """
    if generated is None or generated.startswith(_NOT_WRITERS):
        return None
    named = generated.partition(" (")[0]
    return _OF_SOURCE.get(source, f"{source}-llm" if named == "llm" else named)


def generators(table: pa.Table) -> Objects:
    """Return the generator of each corpus row (rows,), None where people wrote it."""
    found = np.empty(table.num_rows, dtype=object)
    pairs = zip(column(table, "source"), column(table, "generated"), strict=True)
    found[:] = [generator_of(source, generated) for source, generated in pairs]
    return found
