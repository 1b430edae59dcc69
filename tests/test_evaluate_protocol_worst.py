"""The messages on which a detector is most wrong."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from synthetic_corpus import row, table

from scamdetect.evaluate.protocol import WorstRow, worst_errors
from scamdetect.evaluate.sections import worst_at_flag_section
from scamdetect.train.data.scores import DetectorScores


def _worst(rows: list[dict[str, object]], scores: list[float]) -> tuple[pa.Table, list[WorstRow]]:
    known, values = table(rows), np.array(scores)
    with np.errstate(invalid="ignore"):
        flagged = values >= 0.5
    return known, list(worst_errors(known, DetectorScores("detector", values, flagged)))


def test_errors_are_dev_rows_by_how_wrong_they_are() -> None:
    rows = [row(1, "scam"), row(2, "scam"), row(3, "scam"), row(4, "legit"), row(5, "legit")]
    rows += [row(6, "spam"), row(7, "legit"), row(8, "scam", role="test")]
    known, found = _worst(rows, [0.3, float("nan"), 0.9, 0.6, 0.8, 0.99, 0.1, 0.0])
    places = [known["row_hash"].to_pylist().index(one.row_hash) for one in found]
    assert places == [1, 0, 4, 3]
    assert [one.scam_probability for one in found] == [None, 0.3, 0.8, 0.6]


@pytest.mark.parametrize(
    ("missed", "alarms", "shown"),
    [(60, 60, (25, 25)), (60, 10, (40, 10)), (3, 60, (3, 47)), (4, 5, (4, 5)), (0, 0, (0, 0))],
)
def test_one_side_fills_what_the_other_lacks(
    missed: int, alarms: int, shown: tuple[int, int]
) -> None:
    rows = [row(n, "scam") for n in range(missed)] + [row(n + 99, "legit") for n in range(alarms)]
    _, found = _worst(rows, [0.1] * missed + [0.9] * alarms)
    verdicts = [one.verdict for one in found]
    assert (verdicts.count("scam"), verdicts.count("legit")) == shown
    page = worst_at_flag_section(found)
    assert len(page.rows) == sum(shown)
    if found:
        assert f"Worst {sum(shown)} " in page.title
        assert f"The {shown[0]} missed dev scams" in page.about
