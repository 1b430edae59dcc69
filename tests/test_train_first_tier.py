"""Fitting a first tier: it learns, it clears only what the encoder clears, and it must prove it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from synthetic_corpus import row, table
from tiny_bundle import write_tiny_bundle

from scamdetect.bundle.bundle import Bundle
from scamdetect.bundle.scoring import Scorer
from scamdetect.errors import RecipeError
from scamdetect.train.first_tier import Proof, fit, make_first_tier

PROOF = Proof(5_000, 2_000, 0, 0.002, 1_000, 700, 0)
HONEST = ("lunch meeting tomorrow {n}", "hello, thanks for lunch {n}", "обед завтра {n}")
LURE = ("guaranteed profit {n}", "darling, bitcoin profit {n}", "gift card {n}")


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    thresholds = {"flag": 0.7, "review": 0.5}
    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    return Scorer(Bundle.load(write_tiny_bundle(folder, thresholds=thresholds)))


def _rows(role: str, source: str, n: int = 90, authored: bool = False) -> list[dict[str, object]]:
    own = {"verdict_provenance": "authored"} if authored else {}
    return [
        row(
            number,
            "scam" if number % 3 == 0 else "legit",
            role=role,
            source=source,
            norm=(LURE if number % 3 == 0 else HONEST)[number // 3 % 3].format(n=number),
            **own,
        )
        for number in range(n)
    ]


def _parts(dev: list[dict[str, object]]) -> tuple[pa.Table, pa.Table, pa.Table]:
    train, calibrate = _rows("train", "en_one", 300), _rows("calibrate", "en_one")
    return table(train), table(calibrate), table(dev)


def test_what_it_clears_is_honest_to_the_encoder_too(scorer: Scorer) -> None:
    dev = _rows("dev", "en_left_out") + _rows("dev", "authored_en", authored=True)
    made = make_first_tier(*_parts(dev), scorer)
    assert made is not None
    tier, record = made
    assert tier.rule.proven
    assert set(record) == {"left-out sources", "authored"}
    assert record["authored"]["cleared"] > 0 and record["authored"]["scams"] == 30
    cleared = tier.clears([scorer.tokens(text.format(n=1)) for text in (*HONEST, *LURE)])
    assert cleared[:3].any() and not cleared[3:].any()
    assert sum(tier.rule.probabilities) == pytest.approx(1, abs=1e-3)


def test_a_lure_in_honest_words_disproves_it(scorer: Scorer) -> None:
    hidden = [
        row(n, "scam", source="en_left_out", norm=f"hello, lunch {n}: parcel parcel parcel")
        for n in range(60)
    ]
    dev = hidden + _rows("dev", "authored_en", authored=True)
    made = make_first_tier(*_parts(dev), scorer)
    assert made is not None
    assert not made[0].rule.proven
    proof = made[1]["left-out sources"]
    assert proof["scams"] == proof["scams_flagged"] == proof["scams_lost"] == 60


def test_no_threshold_keeps_the_limits_where_the_encoder_always_disagrees(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "b", thresholds={"flag": 0.9, "review": 0.0001})
    suspicious = Scorer(Bundle.load(folder))
    assert make_first_tier(*_parts(_rows("dev", "en_left_out")), suspicious) is None


def test_one_class_cannot_be_learnt() -> None:
    with pytest.raises(RecipeError, match="the corpus lacks one"):
        fit([[5], [6]], np.array([True, True]), np.ones(2))


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"disagreed": 2}, True),
        ({"disagreed": 3}, False),
        ({"scams_lost": 2}, True),
        ({"scams_lost": 3}, False),
        ({"cleared": 0}, False),
    ],
)
def test_a_proof_holds_within_both_limits(changes: dict[str, int], holds: bool) -> None:
    assert replace(PROOF, **changes).holds is holds
