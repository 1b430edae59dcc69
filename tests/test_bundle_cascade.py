"""The cascade: what it clears, when it is asked, and what it may not decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_bundle import CLEARING, tiny_cascade, write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import CASCADE, Bundle, write_manifest
from scamdetect.bundle.cascade import GRID, Cascade, Lost, mean_states, proof_line
from scamdetect.bundle.scoring import Scorer
from scamdetect.calibration.probabilities import Scaling
from scamdetect.errors import BundleError, InputError
from scamdetect.labels import Decision, Verdict
from scamdetect.prediction import CLEARED

HONEST, LURE = "lunch lunch", "guaranteed profit darling"
TEXTS = st.lists(
    st.lists(st.sampled_from(["lunch", "hello", "profit", "sale", "x"]), min_size=1, max_size=9)
    .map(" ".join),
    max_size=40,
)  # fmt: skip


@pytest.fixture(scope="module")
def cleared_by(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("cascade") / "bundle", proven=True)


@pytest.fixture(scope="module")
def scorer(cleared_by: Path) -> Scorer:
    return Scorer(Bundle.load(cleared_by))


def test_a_cleared_message_says_so_and_the_others_are_read_in_full(cleared_by: Path) -> None:
    texts = [HONEST, LURE, None, f"{LURE} {HONEST}", ""]
    with ScamDetector.load(cleared_by) as quick:
        assert quick.clears
        found = quick.predict(texts)
        streamed = list(quick.stream(texts))
    whole = ScamDetector.load(cleared_by, tier="full").predict(texts)
    assert found == streamed
    assert found[1:] == whole[1:]
    cleared = found[0]
    assert (cleared.decision, cleared.verdict) == (Decision.PASS, Verdict.LEGIT)
    assert (cleared.reason, cleared.n_windows, cleared.kinds) == (CLEARED, 1, ())
    assert cleared.language == whole[0].language == "en"
    assert cleared.probabilities and sum(cleared.probabilities.values()) == pytest.approx(1)
    # Of four tokens two add 2 to the logit of an honest message; the head weighs that with -4.
    assert cleared.scam_probability == pytest.approx(1 / (1 + np.exp(4.0)))


def test_workers_clear_the_same(cleared_by: Path) -> None:
    texts = [f"{HONEST} {'hello ' * (n % 3)}" for n in range(70)] + [
        f"{LURE} {n}" for n in range(9)
    ]
    alone = ScamDetector.load(cleared_by).predict(texts)
    with ScamDetector.load(cleared_by, workers=1) as pooled:
        assert pooled.predict(texts) == alone
    assert CLEARED in {one.reason for one in alone}


@given(texts=TEXTS)
def test_neighbours_change_no_answer(scorer: Scorer, texts: list[str]) -> None:
    together = scorer.score(texts, clear=True)
    for place, text in enumerate(texts):
        alone = scorer.score([text], clear=True)
        assert np.array_equal(alone.verdict[0], together.verdict[place])
        assert alone.cleared[0] == together.cleared[place]
        assert alone.language[0] == together.language[place]


def test_what_words_clear_has_the_language_of_its_pieces(tmp_path: Path) -> None:
    # Without words all log-odds are 0, which is below 1.
    rule = CLEARING | {"words_below": 1.0, "proven": True}
    folder = write_tiny_bundle(tmp_path / "bundle", proven=True, cascade=rule)
    found = ScamDetector.load(folder).predict([HONEST, LURE])
    assert [one.reason for one in found] == [CLEARED, CLEARED]
    assert [one.language for one in found] == ["en", "und"]
    assert found[0].scam_probability == pytest.approx(0.5)


def test_only_a_proven_cascade_clears(cleared_by: Path, tmp_path: Path) -> None:
    assert not ScamDetector.load(write_tiny_bundle(tmp_path / "b", proven=False)).clears
    assert ScamDetector.load(cleared_by).predict(HONEST).reason == CLEARED
    assert not ScamDetector.load(cleared_by, tier="full").clears


def test_a_lower_review_threshold_than_the_proofs_turns_it_off(cleared_by: Path) -> None:
    detector = ScamDetector.load(cleared_by)
    assert detector.with_thresholds(flag=0.99).clears
    assert not detector.with_thresholds(review=0.1).clears


def test_probabilities_are_always_of_the_whole_model(
    cleared_by: Path, detector: ScamDetector
) -> None:
    texts = [HONEST, LURE]
    quick = ScamDetector.load(cleared_by)
    assert np.array_equal(quick.predict_proba(texts), detector.predict_proba(texts))
    assert np.array_equal(quick.kind_proba(texts), detector.kind_proba(texts))
    assert quick.explain(HONEST).prediction.reason is None


def test_a_text_of_several_windows_is_read_in_full(cleared_by: Path) -> None:
    found = ScamDetector.load(cleared_by).predict("lunch " * 90)
    assert found.n_windows > 1 and found.reason is None


def test_an_unknown_tier_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(InputError, match="unknown tier 'second'"):
        ScamDetector.load(tiny_bundle, tier="second")  # type: ignore[arg-type]


def test_file_and_rule_belong_together(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", proven=True)
    (folder / CASCADE).unlink()
    write_manifest(folder, {})
    with pytest.raises(BundleError, match=r"cascade\.arrow and 'cascade'"):
        ScamDetector.load(folder)


@pytest.mark.parametrize(
    "change",
    [{"exit_below": "low"}, {"words_scaling": [0, 1]}, {"exit_scaling": [1]}, {"spam_share": 2},
     {"proven": 1}, {"tensor": 3}, {"more": 1}],
)  # fmt: skip
def test_a_wrong_rule_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    rule = CLEARING | {"proven": True} | change
    with pytest.raises(BundleError, match="'cascade' needs"):
        ScamDetector.load(write_tiny_bundle(tmp_path / "bundle", proven=True, cascade=rule))


def test_a_tensor_that_the_graph_lacks_is_named(tmp_path: Path) -> None:
    rule = CLEARING | {"proven": True, "tensor": "nowhere"}
    with pytest.raises(BundleError, match="split at 'nowhere'"):
        ScamDetector.load(write_tiny_bundle(tmp_path / "bundle", proven=True, cascade=rule))


@pytest.mark.parametrize("content", [b"", b"ARROW1\x00\x00 cut short"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", proven=True)
    (folder / CASCADE).write_bytes(content)
    write_manifest(folder, {})
    with pytest.raises(BundleError, match=r"cascade\.arrow: not a valid cascade"):
        ScamDetector.load(folder)


def test_a_language_that_the_bundle_lacks_is_refused(tmp_path: Path) -> None:
    cascade = tiny_cascade()
    cascade.save(tmp_path / CASCADE)
    content = (tmp_path / CASCADE).read_bytes()
    with pytest.raises(BundleError, match="the cascade is inconsistent"):
        Cascade.load(content, tmp_path / CASCADE, cascade.rule, 1)


def test_a_cascade_survives_a_file(tmp_path: Path) -> None:
    cascade = tiny_cascade()
    cascade.save(tmp_path / CASCADE)
    content = (tmp_path / CASCADE).read_bytes()
    again = Cascade.load(content, tmp_path / CASCADE, cascade.rule, 5)
    for name in ("hidden", "output", "pieces", "languages", "votes"):
        assert np.array_equal(getattr(again, name), getattr(cascade, name))


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_the_exit_head_gives_a_row_the_same_digits_in_any_batch(n: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    hidden = np.round(random.normal(size=(18, 7)) * GRID) / GRID
    cascade = tiny_cascade()
    head = Cascade(
        cascade.rule, hidden, np.round(random.normal(size=8) * GRID) / GRID,
        cascade.pieces, cascade.languages, cascade.votes,
    )  # fmt: skip
    means, odds = random.normal(size=(n, 16)), random.normal(size=n)
    together = head.exit_odds(means, odds)
    alone = [head.exit_odds(means[n : n + 1], odds[n : n + 1])[0] for n in range(n)]
    assert together.tolist() == alone


def test_padding_changes_no_digit_of_a_mean() -> None:
    states = np.random.default_rng(0).normal(size=(3, 5, 8)).astype(np.float32)
    mask = np.ones((3, 5), np.int64)
    wide = np.concatenate([states, np.full((3, 4, 8), 7, np.float32)], axis=1)
    padded = np.concatenate([mask, np.zeros((3, 4), np.int64)], axis=1)
    assert np.array_equal(mean_states(states, mask), mean_states(wide, padded))


def test_own_probabilities_go_through_the_scaling_to_own_messages() -> None:
    cascade = tiny_cascade()
    odds, exits = np.zeros(1), np.array([-4.0])
    plain = cascade.probabilities(odds, exits, Scaling())
    moved = cascade.probabilities(odds, exits, Scaling(1.0, 1.0))
    assert moved[0, 2] == pytest.approx(1 / (1 + np.exp(3.0)))
    assert plain.sum() == pytest.approx(1) and moved.sum() == pytest.approx(1)


def test_a_proof_counts_what_is_lost_with_its_bounds() -> None:
    lost = Lost(rows=1000, cleared=500, flags=200, flags_lost=1, reviews=400, reviews_lost=4)
    assert lost.holds
    assert not Lost(1000, 500, 200, 2, 400, 4).holds
    assert not Lost(1000, 500, 200, 1, 400, 5).holds
    flags, reviews = lost.bounds()
    assert 0.005 < flags < 0.025 and 0.01 < reviews < 0.023
    row = {name: getattr(lost, name) for name in Lost.__slots__}
    line = proof_line({"check": row, "honest": row})
    assert "clears 50% of honest held-out rows; loses 1 of 200 flags (95 % bound 2.35%)" in line
