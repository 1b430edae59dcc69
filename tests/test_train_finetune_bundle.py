"""How own and rehearsed calibrate rows are weighed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from synthetic_corpus import row, table

from scamdetect.bundle.bundle import Bundle
from scamdetect.calibration.thresholds import KindThresholds
from scamdetect.labels import KINDS, Kind
from scamdetect.train.data.table import column
from scamdetect.train.finetune_bundle import (
    MOST_OWN,
    OWN_WORTH,
    kept_thresholds,
    mixed_weights,
    own_shares,
)
from scamdetect.train.finetune_rows import OWN

pytestmark = pytest.mark.slow


def rows(own: int, others: int, copies: int = 0) -> list[dict[str, object]]:
    """Return rows of a verdict; copies are of the first own one."""
    mine = [row(n, "legit", source=OWN, group=n, slices=[]) for n in range(own)]
    mine += [row(500, "legit", source=OWN, group=0, slices=[]) for _ in range(copies)]
    return mine + [row(n, "legit", group=1000 + n) for n in range(others)]


@pytest.mark.parametrize("copies", [0, 30])
def test_a_distinct_own_row_weighs_as_four_others(copies: int) -> None:
    mixed = table(rows(10, 100, copies))
    weights = mixed_weights(mixed)
    share = OWN_WORTH * 10 / (OWN_WORTH * 10 + 100)
    assert own_shares(mixed, weights) == {"legit": pytest.approx(share, abs=1e-3)}
    assert weights.sum() == pytest.approx(mixed.num_rows)
    of_group = weights[(column(mixed, "source") == OWN) & (column(mixed, "group") == 0)]
    assert of_group.sum() == pytest.approx(share * mixed.num_rows / 10)


def test_own_rows_have_half_at_most_and_all_where_they_are_alone() -> None:
    many = table(rows(200, 100))
    assert own_shares(many, mixed_weights(many)) == {"legit": MOST_OWN}
    alone = table([*rows(20, 0), row(1, "scam", group=5000)])
    weights = mixed_weights(alone)
    assert own_shares(alone, weights) == {"legit": 1.0, "scam": 0.0}
    assert np.isfinite(weights).all()


def test_a_kind_of_too_few_rows_keeps_its_threshold_and_others_do_not(tiny_bundle: Path) -> None:
    pairs = {Kind.DELIVERY: KindThresholds(0.1, 0.8), Kind.ROMANCE: KindThresholds(0.2, 0.7)}
    base = replace(Bundle.load(tiny_bundle), kind_thresholds=pairs)
    counts = {kind.value: 29 for kind in KINDS} | {"romance": 30}
    assert kept_thresholds(base, counts) == {"delivery": {"f1": 0.1, "precision": None}}
