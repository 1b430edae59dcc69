"""Figures on the project's own messages."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_corpus import row, table

from scamdetect.evaluate.authored import AuthoredFigures, authored_figures


def _own(number: int, verdict: str, **changes: object) -> dict[str, object]:
    own = {"verdict_provenance": "authored", "generated": "a tester", "source": "authored_en"}
    return row(number, verdict, **own | changes)


def _figures(rows: list[dict[str, object]], scores: list[float]) -> list[AuthoredFigures]:
    values = np.array(scores)
    return list(authored_figures(table(rows), values, values >= 0.8))


PAIRS = [
    _own(1, "scam", thread_id="p1"), _own(2, "legit", thread_id="p1"),
    _own(3, "scam", thread_id="p2", lang="th"), _own(4, "legit", thread_id="p2", lang="th"),
    _own(5, "scam", thread_id="p3"), _own(6, "legit", thread_id="p3", slices=["finance"]),
    _own(7, "spam"), row(8, "scam"), _own(9, "scam", thread_id="p4"),
]  # fmt: skip
SCORES = [0.9, 0.1, 0.7, 0.6, 0.4, 0.85, 0.99, 0.99, 0.95]


def test_pairs_count_by_rank_and_at_the_flag_threshold() -> None:
    (found,) = _figures(PAIRS, SCORES)
    assert found.pairs_by_rank is not None and found.pairs_at_flag is not None
    assert (found.pairs_by_rank.n, found.pairs_at_flag.n) == (3, 3)
    assert found.pairs_by_rank.value == pytest.approx(2 / 3)
    assert found.pairs_at_flag.value == pytest.approx(1 / 3)


def test_a_tied_pair_is_half_a_pair() -> None:
    (found,) = _figures(PAIRS, [0.5] * len(PAIRS))
    assert found.pairs_by_rank is not None and found.pairs_by_rank.value == 0.5


def test_promos_stand_beside_and_public_rows_are_in_no_figure() -> None:
    (found,) = _figures(PAIRS, SCORES)
    assert found.flag_spam is not None
    assert (found.flag_spam.value, found.flag_spam.n) == (1.0, 1)
    assert (found.n_scam, found.n_legit, found.n_languages) == (4, 3, 2)
    assert found.writers == ("a tester",) and found.role == "dev"
    assert found.flag_fpr is not None and found.flag_fpr.value == pytest.approx(1 / 3)


def test_cells_share_the_pooled_threshold() -> None:
    (found,) = _figures(PAIRS, SCORES)
    cells = {(cell.by, cell.name): cell for cell in found.cells}
    thai, english = cells["language", "th"], cells["language", "en"]
    assert thai.recall_at_pooled is not None and thai.recall_at_pooled.value == 0.0
    assert english.recall_at_pooled is not None
    assert english.recall_at_pooled.value == pytest.approx(2 / 3)
    assert cells["slice", "finance"].n_legit == 1
    assert cells["slice", "finance"].flag_recall is None
    assert cells["kind", "lottery"].n_scam == 4


def test_roles_stand_apart() -> None:
    rows = [_own(1, "scam"), _own(2, "legit"), _own(3, "scam", role="test")]
    found = _figures(rows, [0.9, 0.1, 0.2])
    assert [one.role for one in found] == ["dev", "test"]
    assert found[1].auc is None and found[1].cells == ()


def test_the_reader_is_the_ceiling_on_the_rows_that_were_read() -> None:
    rows = [_own(1, "scam", reader=97), _own(2, "legit", reader=4), _own(3, "legit")]
    (found,) = _figures(rows, [0.1, 0.9, 0.5])
    assert found.reader_auc is not None and found.reader_auc.value == 1.0
    assert found.reader_auc.n == 2
    assert found.auc is not None and found.auc.value == 0.0


def test_the_reader_has_pairs_and_cells_of_the_rows_that_were_read() -> None:
    read = [97, 4, 60, 55, 40, 10, None, None, 90]
    rows = [one | {"reader": value} for one, value in zip(PAIRS, read, strict=True)]
    rows += [_own(20, "scam", thread_id="p9"), _own(21, "legit", thread_id="p9", reader=1)]
    (found,) = _figures(rows, [*SCORES, 0.9, 0.1])
    ranked, parted = found.reader_pairs_by_rank, found.reader_pairs_at_flag
    assert ranked is not None and (ranked.value, ranked.n) == (1.0, 3)
    assert parted is not None and parted.value == pytest.approx(1 / 3)
    english = next(cell for cell in found.cells if cell.name == "en")
    assert english.reader_recall_at_pooled is not None
    assert english.reader_recall_at_pooled.n == 3
    assert english.reader_recall_at_pooled.value == pytest.approx(2 / 3)


def test_readers_of_scams_alone_have_no_recall() -> None:
    rows = [_own(1, "scam", reader=97), _own(2, "legit")]
    (found,) = _figures(rows, [0.9, 0.1])
    assert all(cell.reader_recall_at_pooled is None for cell in found.cells)


def test_no_authored_rows_give_no_figures() -> None:
    assert _figures([row(1, "scam")], [0.5]) == []
