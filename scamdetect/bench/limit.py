"""A part of a suite, for detectors that cost money or time a message."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pyarrow as pa

from scamdetect.bench.suite import Suite, make_suite
from scamdetect.bench.suites.rows import chance
from scamdetect.errors import InputError


def limited(suite: Suite, rows: int) -> Suite:
    """Return at most ``rows`` of the suite, evenly from its verdicts and languages.

    Changed copies stay with their clean row, the sides of a pair together; deterministic. Raises
    InputError where not even the fewest that stay together are so few.
    """
    table = suite.rows
    if table.num_rows <= rows:
        return suite
    records = table.to_pylist()
    pair_of = {record["id"]: record["pair"] for record in records}
    families: dict[str, list[int]] = defaultdict(list)
    for place, record in enumerate(records):
        clean = record["clean_id"] or record["id"]
        families[pair_of[clean] or clean].append(place)
    cells: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in sorted(families, key=chance):
        first = records[families[name][0]]
        cells[first["verdict"], first["lang"]].append(name)
    taken: list[int] = []
    # One of each cell in turn, until the next would be one too many.
    for turn in range(max(map(len, cells.values()))):
        for names in cells.values():
            if turn < len(names) and len(taken) + len(families[names[turn]]) <= rows:
                taken += families[names[turn]]
    if not taken:
        raise InputError(
            f"suite {suite.name}: --limit {rows} holds none of it: pairs and changed copies stay "
            f"together; allow {min(map(len, families.values()))} or more"
        )
    manifest = suite.manifest
    kept = table.take(pa.array(np.sort(taken), pa.int64()))
    return make_suite(
        manifest.name,
        manifest.version,
        manifest.about,
        kept.to_pylist(),
        manifest.licences,
        final=manifest.final,
        made_with=manifest.made_with,
    )
