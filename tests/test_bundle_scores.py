"""Scores: exact in any batch, cleared by the cascade, cached without texts."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_bundle import CLEARING, tiny_cascade, write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import CASCADE, Bundle
from scamdetect.bundle.cache import MOST_CACHED, ScoreCache, Scores, no_scores
from scamdetect.bundle.cascade import GRID, Cascade, mean_states
from scamdetect.bundle.scorer import Scorer
from scamdetect.calibration.probabilities import Scaling
from scamdetect.errors import BundleError, InputError
from scamdetect.labels import Decision, Verdict
from scamdetect.prediction import CLEARED

HONEST, LURE = "lunch lunch", "guaranteed profit darling"
WORDS = st.sampled_from(["lunch", "hello", "profit", "sale", "обед", "利润", "+447700900123"])
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=50).map(" ".join), max_size=30)


@pytest.fixture(scope="module")
def clearing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("cascade") / "bundle", proven=True)


@pytest.fixture(scope="module")
def scorer(clearing: Path) -> Scorer:
    return Scorer(Bundle.load(clearing))


@given(texts=TEXTS, clear=st.booleans())
def test_neighbours_change_no_score(scorer: Scorer, texts: list[str], clear: bool) -> None:
    together = scorer.score(texts, clear=clear)
    assert len(together) == len(texts)
    for index, text in enumerate(texts):
        # A second text, so that the row is not alone in its call.
        assert scorer.score([text, "x"], clear=clear)[0] == together[index]


def test_a_cleared_message_has_a_reason_and_others_are_read_in_full(clearing: Path) -> None:
    texts = [HONEST, LURE, None, f"{LURE} {HONEST}", "", "lunch " * 90]
    quick = ScamDetector.load(clearing)
    predicted, whole = quick.predict(texts), ScamDetector.load(clearing, tier="full").predict(texts)
    assert quick.clears and predicted == list(quick.stream(texts))
    assert predicted[1:] == whole[1:]
    cleared = predicted[0]
    assert (cleared.decision, cleared.verdict) == (Decision.PASS, Verdict.LEGIT)
    assert (cleared.reason, cleared.n_windows, cleared.kinds) == (CLEARED, 1, ())
    assert cleared.language == whole[0].language == "en"
    # Of four tokens two add 2 to the logit of an honest message; the head weighs that with -4.
    assert cleared.scam_probability == pytest.approx(1 / (1 + np.exp(4.0)))
    of_whole_model = np.float32([one.scam_probability for one in whole[:2]])
    assert np.array_equal(quick.predict_proba(texts[:2])[:, 2], of_whole_model)


def test_n_grams_clear_with_the_language_of_the_pieces(tmp_path: Path) -> None:
    # Without n-grams all log-odds are 0, which is below 1.
    rule = CLEARING | {"words_below": 1.0, "proven": True}
    folder = write_tiny_bundle(tmp_path / "bundle", proven=True, cascade=rule)
    predicted = ScamDetector.load(folder).predict([HONEST, LURE])
    assert [(one.reason, one.language) for one in predicted] == [(CLEARED, "en"), (CLEARED, "und")]


def test_when_the_cascade_is_off(clearing: Path, tmp_path: Path) -> None:
    detector = ScamDetector.load(clearing)
    assert detector.clears and detector.with_thresholds(flag=0.99).clears
    assert not detector.with_thresholds(review=0.1).clears
    assert not ScamDetector.load(clearing, tier="full").clears
    assert not ScamDetector.load(write_tiny_bundle(tmp_path / "b", proven=False)).clears
    with pytest.raises(InputError, match="unknown tier 'second'"):
        ScamDetector.load(clearing, tier="second")  # type: ignore[arg-type]


def test_a_cascade_survives_a_file(tmp_path: Path) -> None:
    cascade, path = tiny_cascade(), tmp_path / CASCADE
    cascade.save(path)
    again = Cascade.load(path.read_bytes(), path, cascade.rule, 5)
    for name in ("hidden", "output", "pieces", "languages", "votes"):
        assert np.array_equal(getattr(again, name), getattr(cascade, name))
    with pytest.raises(BundleError, match="inconsistent"):
        Cascade.load(path.read_bytes(), path, cascade.rule, 1)


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_the_exit_head_gives_a_row_the_same_digits_in_any_batch(n: int, seed: int) -> None:
    random, cascade = np.random.default_rng(seed), tiny_cascade()
    hidden, output = (np.round(random.normal(size=s) * GRID) / GRID for s in ((18, 7), (8,)))
    head = Cascade(cascade.rule, hidden, output, cascade.pieces, cascade.languages, cascade.votes)
    means, odds = random.normal(size=(n, 16)), random.normal(size=n)
    alone = [head.exit_odds(means[i : i + 1], odds[i : i + 1])[0] for i in range(n)]
    assert head.exit_odds(means, odds).tolist() == alone


def test_padding_changes_no_digit_of_a_mean() -> None:
    states = np.random.default_rng(0).normal(size=(3, 5, 8)).astype(np.float32)
    mask = np.ones((3, 5), np.int64)
    wide = np.concatenate([states, np.full((3, 4, 8), 7, np.float32)], axis=1)
    padded = np.concatenate([mask, np.zeros((3, 4), np.int64)], axis=1)
    assert np.array_equal(mean_states(states, mask), mean_states(wide, padded))


def test_cleared_messages_are_scaled_to_own_messages() -> None:
    moved = tiny_cascade().probabilities(np.zeros(1), np.array([-4.0]), Scaling(1.0, 1.0))
    assert moved[0, 2] == pytest.approx(1 / (1 + np.exp(3.0))) and moved.sum() == pytest.approx(1)


class Counting:
    """Computes scores that depend only on the text, and notes the texts."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: Sequence[str]) -> Scores:
        self.texts += texts
        scores = no_scores(len(texts))
        values = np.array([sum(map(ord, text)) for text in texts], np.float32)
        scores.verdict, scores.kind = np.sqrt(values)[:, None], 1 / (values[:, None] + 1)
        scores.language, scores.scored = values - 9, values
        scores.cleared = values % 2 == 0
        return scores


@given(st.lists(TEXTS.map(lambda texts: list(dict.fromkeys(texts))), max_size=6), st.integers(0, 9))
def test_cached_scores_are_those_of_computing_again(calls: list[list[str]], size: int) -> None:
    cache, compute = ScoreCache(size), Counting()
    for texts in calls:
        assert cache.score(texts, compute, clear=False).tobytes() == Counting()(texts).tobytes()
        assert len(cache._kept) <= size


def test_a_text_is_computed_once_for_each_way_of_asking() -> None:
    cache, compute = ScoreCache(), Counting()
    for _ in range(2):
        cache.score(["a", "b"], compute, clear=False)
    assert compute.texts == ["a", "b"]
    cache.score(["a"], compute, clear=False)  # alone, its last digit can differ
    cache.score(["a", "b"], compute, clear=True)
    assert compute.texts == ["a", "b", "a", "a", "b"]
    cache.score(["c", "b"], compute, clear=True)  # not alone either
    assert compute.texts[5:] == ["c", "b"]
    cache.forget()
    cache.score(["b", "c"], compute, clear=True)
    assert compute.texts[7:] == ["b", "c"]


def test_a_cache_holds_no_text_and_keyed_digests() -> None:
    first, second = ScoreCache(), ScoreCache()
    for cache in (first, second):
        cache.score(["guaranteed profit", "x"], Counting(), clear=False)
        assert not any(b"profit" in key + row for key, row in cache._kept.items())
    assert not set(first._kept) & set(second._kept)


def test_threads_share_a_cache(tiny_bundle: Path) -> None:
    detector = ScamDetector.load(tiny_bundle, cache_size=20)
    lists = [[f"{text} {n % 7}" for text in (LURE, HONEST)] for n in range(40)]
    expected = ScamDetector.load(tiny_bundle, cache_size=0)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(detector.predict, lists)) == list(map(expected.predict, lists))


@pytest.mark.parametrize("size", [-1, True, 1.5, MOST_CACHED + 1])
def test_an_invalid_cache_size_is_refused(tiny_bundle: Path, size: int) -> None:
    with pytest.raises(InputError, match="cache_size"):
        ScamDetector.load(tiny_bundle, cache_size=size)


def test_invalid_numbers_of_the_graph_are_refused(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = ScamDetector.load(tiny_bundle, threads=1)
    run = detector._scorer.session.run
    monkeypatch.setattr(
        detector._scorer.session, "run",
        lambda *batch, **options: run(*batch, **options)._replace(kind=np.full((1, 18), np.nan)),
    )  # fmt: skip
    with pytest.raises(BundleError, match="invalid scores"):
        detector.predict("hello")
