"""Cross-validated doubt in labels."""

from __future__ import annotations

import numpy as np
from synthetic_corpus import row, table

from data.workshop.reading_draw import label_doubts, out_of_fold


def _ignore(line: str) -> None:
    del line


def _rows() -> list[dict[str, object]]:
    return [row(i, v, group=i % 20) for i in range(30) for v in ("legit", "scam")]


def test_a_wrong_label_is_doubted_most() -> None:
    rows = _rows()
    rows[10] |= {"verdict": "scam"}  # the text of an honest row
    doubts = label_doubts(table(rows), 3, _ignore)
    assert int(np.argmax(doubts)) == 10 and doubts[10] > 1
    assert np.median(doubts) < 0.5


def test_no_row_is_scored_by_a_model_that_saw_its_group() -> None:
    rows = _rows()
    for one in rows:
        if one["group"] == 3:
            one |= {"norm": f"xyzzy {one['verdict']}", "verdict": "scam"}
    scores = out_of_fold(table(rows), 3, _ignore)
    own = np.array([one["group"] == 3 for one in rows])
    assert not np.isnan(scores).any()
    assert scores[own].max() < 0.9  # nothing of "xyzzy" was learnt as scam
