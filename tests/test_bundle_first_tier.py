"""The first tier: what it clears, when it is asked, and what it may not decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_bundle import CLEARING, write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import FIRST_TIER, write_manifest
from scamdetect.bundle.first_tier import BUCKETS, ClearingRule, FirstTier, hashed_features
from scamdetect.errors import BundleError, InputError
from scamdetect.labels import Decision, Verdict
from scamdetect.prediction import CLEARED

HONEST, LURE = "lunch lunch", "guaranteed profit darling"
ROWS = st.lists(st.lists(st.integers(0, 2**31), max_size=12), max_size=8)


@pytest.fixture(scope="module")
def tiered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("tiered") / "bundle", proven=False)


def _tier(weights: np.ndarray, clear_below: float = 0.0) -> FirstTier:
    rule = ClearingRule(clear_below, 0.0, (1.0, 0.0, 0.0), proven=True)
    return FirstTier(rule, weights.astype(np.float32))


def _loaded(path: Path, rule: ClearingRule) -> FirstTier:
    return FirstTier.load(path.read_bytes(), path, rule)


def test_a_cleared_message_says_so_and_the_others_are_the_encoders(tiered: Path) -> None:
    texts = [HONEST, LURE, None, f"{LURE} {HONEST}", ""]
    with ScamDetector.load(tiered, tier="first") as first:
        assert first.clears
        found = first.predict(texts)
        streamed = list(first.stream(texts))
    plain = ScamDetector.load(tiered, tier="encoder").predict(texts)
    assert found == streamed
    assert found[1:] == plain[1:]
    cleared = found[0]
    assert (cleared.decision, cleared.verdict) == (Decision.PASS, Verdict.LEGIT)
    assert (cleared.reason, cleared.n_windows, cleared.kinds) == (CLEARED, 1, ())
    assert cleared.probabilities and sum(cleared.probabilities.values()) == pytest.approx(1)
    assert cleared.scam_probability == pytest.approx(CLEARING["probabilities"][2])


def test_workers_clear_the_same(tiered: Path) -> None:
    texts = [f"{HONEST} {'hello ' * (n % 3)}" for n in range(70)] + [
        f"{LURE} {n}" for n in range(9)
    ]
    alone = ScamDetector.load(tiered, tier="first").predict(texts)
    with ScamDetector.load(tiered, tier="first", workers=1) as pooled:
        assert pooled.predict(texts) == alone
    assert CLEARED in {one.reason for one in alone}


def test_by_default_only_a_proven_tier_decides(tiered: Path, tmp_path: Path) -> None:
    assert not ScamDetector.load(tiered).clears
    proven = write_tiny_bundle(tmp_path / "proven", proven=True)
    detector = ScamDetector.load(proven)
    assert detector.clears and detector.predict(HONEST).reason == CLEARED
    assert not ScamDetector.load(proven, tier="encoder").clears


def test_a_lower_review_threshold_than_the_proofs_turns_it_off(tiered: Path) -> None:
    detector = ScamDetector.load(tiered, tier="first")
    assert detector.with_thresholds(flag=0.99).clears
    assert not detector.with_thresholds(review=0.1).clears


def test_probabilities_are_always_the_encoders(tiered: Path, detector: ScamDetector) -> None:
    texts = [HONEST, LURE]
    first = ScamDetector.load(tiered, tier="first")
    assert np.array_equal(first.predict_proba(texts), detector.predict_proba(texts))
    assert np.array_equal(first.kind_proba(texts), detector.kind_proba(texts))


def test_a_text_of_several_windows_goes_to_the_encoder(tiered: Path) -> None:
    found = ScamDetector.load(tiered, tier="first").predict("lunch " * 90)
    assert found.n_windows > 1 and found.reason is None


@pytest.mark.parametrize(
    ("tier", "problem"), [("second", "unknown tier 'second'"), ("first", "has no first tier")]
)
def test_an_impossible_tier_is_refused(tiny_bundle: Path, tier: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        ScamDetector.load(tiny_bundle, tier=tier)  # type: ignore[arg-type]


def test_weights_and_rule_belong_together(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", proven=True)
    (folder / FIRST_TIER).unlink()
    write_manifest(folder, {})
    with pytest.raises(BundleError, match="belong together"):
        ScamDetector.load(folder)


@pytest.mark.parametrize(
    "change",
    [{"clear_below": "low"}, {"probabilities": [0.5, 0.1]}, {"probabilities": [0.5, 0.1, 0.1]},
     {"proven": 1}],
)  # fmt: skip
def test_a_wrong_rule_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    rule = CLEARING | {"proven": True} | change
    with pytest.raises(BundleError, match="'first_tier' needs"):
        ScamDetector.load(write_tiny_bundle(tmp_path / "bundle", first_tier=rule))


@pytest.mark.parametrize("content", [b"", b"ARROW1\x00\x00 cut short"])
def test_damaged_weights_are_named(tmp_path: Path, content: bytes) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", proven=True)
    (folder / FIRST_TIER).write_bytes(content)
    write_manifest(folder, {})
    with pytest.raises(BundleError, match=r"first_tier\.arrow: no weights of a first tier"):
        ScamDetector.load(folder)


def test_weights_of_another_number_are_refused(tmp_path: Path) -> None:
    _tier(np.zeros(7)).save(tmp_path / "weights.arrow")
    with pytest.raises(BundleError, match=f"must hold {BUCKETS} finite weights"):
        _loaded(tmp_path / "weights.arrow", _tier(np.zeros(7)).rule)


@given(ROWS)
def test_a_rows_score_does_not_depend_on_its_neighbours(rows: list[list[int]]) -> None:
    tier = _tier(np.sin(np.arange(BUCKETS)))
    alone = [tier.log_odds([row])[0] for row in rows]
    assert np.allclose(tier.log_odds(rows), alone)
    assert not tier.clears([[]]).any()


@given(ROWS)
def test_a_row_has_its_tokens_and_its_pairs_for_features(rows: list[list[int]]) -> None:
    buckets, owners = hashed_features(rows)
    assert len(buckets) == len(owners) == sum(max(2 * len(row) - 1, 0) for row in rows)
    assert not len(buckets) or (0 <= buckets.min() and buckets.max() < BUCKETS)


def test_weights_survive_a_file(tmp_path: Path) -> None:
    tier = _tier(np.linspace(-4, 4, BUCKETS))
    tier.save(tmp_path / "weights.arrow")
    again = _loaded(tmp_path / "weights.arrow", tier.rule)
    assert np.allclose(again.weights, tier.weights, atol=2e-3)
