"""The figures by which experiments are compared."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_corpus import row, table

from scamdetect.evaluate.experiments import dev_figures, selecting_rows
from scamdetect.evaluate.protocol import SELECTING_SOURCES
from scamdetect.labels import KINDS


def test_only_the_rows_that_select_count() -> None:
    own = {"verdict_provenance": "authored", "source": "authored_en"}
    rows = [row(n, v, thread_id=f"p{n}", **own) for n in range(4) for v in ("scam", "legit")]
    for place, kind in ((0, "investment"), (2, "romance")):
        rows[place]["kinds"] = [kind]
    for source in SELECTING_SOURCES:
        rows += [row(n, v, source=source) for n in range(4) for v in ("scam", "legit")]
    rows += [row(n, "scam", source="another") for n in range(50)]
    dev = selecting_rows(table(rows))
    assert dev.num_rows == 24
    right = np.array([0.9 if v == "scam" else 0.1 for v in dev["verdict"].to_pylist()])
    kinds = np.array(
        [[k.value in (names or ()) for k in KINDS] for names in dev["kinds"].to_pylist()]
    )
    best = dev_figures(dev, right, kinds.astype(float)).flat()
    assert set(best.values()) == {1.0}
    worst = dev_figures(dev, 1 - right, 1.0 - kinds).flat()
    assert (
        worst["selection"] == worst["pairs_by_rank"] == 0.0
        and worst[f"{SELECTING_SOURCES[0]}_auc"] == 0.0
    )


def test_a_missing_side_gives_no_figure() -> None:
    own = {"verdict_provenance": "authored", "source": "authored_en"}
    rows = [row(n, v, **own) for n in range(4) for v in ("scam", "legit")]
    found = dev_figures(table(rows), np.linspace(0, 1, 8), np.zeros((8, len(KINDS))))
    assert np.isnan(found.selection) and found.authored_auc == pytest.approx(0.375)
    public = [row(n, v, source=SELECTING_SOURCES[0]) for n in range(4) for v in ("scam", "legit")]
    assert np.isnan(
        dev_figures(table(public), np.linspace(0, 1, 8), np.zeros((8, len(KINDS)))).authored_auc
    )
