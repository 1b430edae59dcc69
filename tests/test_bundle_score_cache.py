"""Scores that are kept: exact, bounded, without texts, and no copy is scored twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_bundle import write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.bundle.scoring import MOST_CACHED, ScoreCache, Scorer, Scores
from scamdetect.errors import BundleError, InputError
from scamdetect.labels import KINDS, VERDICTS
from scamdetect.prediction import CLEARED

words = st.sampled_from(["profit", "hello", "gift", "обед", "利润", "lunch", "+447700900123"])
messages = st.lists(words, min_size=1, max_size=60).map(" ".join)
streams = st.lists(messages, min_size=1, max_size=8).flatmap(
    lambda some: st.lists(st.sampled_from([*some, "", None]), max_size=30)
)


class _Counting:
    """Computes scores that depend on the text alone, and notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> Scores:
        self.asked += texts
        values = np.array([len(text) + sum(map(ord, text)) for text in texts], dtype=np.float32)
        return Scores(
            verdict=np.sqrt(np.outer(values, np.arange(1, 1 + len(VERDICTS), dtype=np.float32))),
            kind=np.outer(1 / (values + 1), np.ones(len(KINDS))).astype(np.float32),
            language=values.astype(np.int32) - 9,
            scored=values.astype(np.int32),
            windows=values.astype(np.int32) + 1,
            cleared=values % 2 == 0,
        )


def _same(first: Scores, second: Scores) -> bool:
    pairs = [(getattr(first, one.name), getattr(second, one.name)) for one in fields(Scores)]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


@pytest.fixture(scope="module")
def opened(tiny_bundle: Path) -> ScamDetector:
    return ScamDetector.load(tiny_bundle, threads=1)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list that gets every text which a scorer of this process reads."""
    read: list[str] = []
    score: Callable[..., Scores] = Scorer.score

    def noted(self: Scorer, texts: Sequence[str], *, clear: bool = False) -> Scores:
        read.extend(texts)
        return score(self, texts, clear=clear)

    monkeypatch.setattr(Scorer, "score", noted)
    return read


@given(streams, st.integers(0, 6), st.lists(st.integers(1, 9)), st.randoms())
@settings(max_examples=40, deadline=None)
def test_any_order_and_cut_of_a_stream_gives_the_answers_of_one_call(
    opened, detector, texts, size, cuts, random  # noqa: ANN001
) -> None:  # fmt: skip
    expected = dict(zip(texts, detector.predict(texts), strict=True))
    caching = opened.with_thresholds()
    caching._cache = ScoreCache(size)
    random.shuffle(texts)
    left, found = list(texts), []
    for cut in [*cuts, max(len(texts), 1)]:
        found += caching.predict(left[:cut])
        left = left[cut:]
    assert found == [expected[text] for text in texts]
    assert list(caching.stream(texts)) == found


@given(st.lists(st.text(max_size=9), max_size=40), st.integers(0, 9), st.integers(1, 9))
def test_kept_scores_are_the_computed_ones_to_the_last_digit(
    texts: list[str], size: int, cut: int
) -> None:
    cache, plain = ScoreCache(size), _Counting()
    for start in range(0, len(texts) + 1, cut):
        some = list(dict.fromkeys(texts[start : start + cut]))
        assert _same(cache.score(some, _Counting(), clear=False), plain(some))
        assert len(cache._kept) <= size


def test_a_copy_of_a_later_call_is_not_scored_again(tiny_bundle: Path, runs: list[str]) -> None:
    with ScamDetector.load(tiny_bundle, threads=1) as detector:
        first = detector.predict(["profit from +44 7700 900123", "hello"])
        assert len(runs) == 2
        # Masked, the numbers are the same token.
        again = ["hello", "profit from +44 7700 900999", "hello"]
        assert detector.predict(again) == list(detector.stream(again)) == [*first[::-1], first[1]]
        found = detector.predict_proba(again)
        assert np.array_equal(found[0], np.float32(list(first[1].probabilities.values())))
        strict = detector.with_thresholds(flag=0.99)
        assert strict.predict(again)[0] == first[1] and len(runs) == 2
        strict.predict(["gift", "sale", *again])
    assert runs[2:] == ["gift", "sale"]


def test_a_text_is_scored_by_itself_only_in_a_call_for_one() -> None:
    cache, calls = ScoreCache(), list[list[str]]()

    def compute(texts: Sequence[str]) -> Scores:
        calls.append(list(texts))
        return _Counting()(texts)

    for texts in (["a"], ["a", "b"], ["c", "a"], ["b", "a", "c"], ["b", "d"], ["c"], ["c"]):
        assert _same(cache.score(texts, compute, clear=False), _Counting()(texts))
    assert calls == [["a"], ["a", "b"], ["c", "a"], ["d", "b"], ["c"]]


def test_without_a_cache_every_call_scores(tiny_bundle: Path, runs: list[str]) -> None:
    with ScamDetector.load(tiny_bundle, threads=1, cache_size=0) as detector:
        assert detector.predict("hello") == detector.predict("hello")
    assert runs == ["hello", "hello"]


def test_close_forgets(tiny_bundle: Path, runs: list[str]) -> None:
    detector = ScamDetector.load(tiny_bundle, threads=1)
    for _ in range(2):
        detector.predict("hello")
    detector.close()
    detector.predict("hello")
    assert runs == ["hello", "hello"]


def test_workers_are_not_asked_for_what_is_kept(tiny_bundle: Path) -> None:
    texts = [f"hello {number}" for number in range(100)]
    with ScamDetector.load(tiny_bundle, threads=1, workers=1) as pooled:
        found = pooled.predict(texts)
        assert pooled._pool is not None
        pooled._pool.score = None  # type: ignore[method-assign,assignment]
        assert pooled.predict(texts[::-1]) == found[::-1]


def test_what_may_be_cleared_is_kept_apart(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "tiered", proven=True)
    with ScamDetector.load(folder, threads=1) as first:
        plain = ScamDetector.load(folder, threads=1, tier="full", cache_size=0)
        for _ in range(2):
            assert first.predict("lunch lunch").reason == CLEARED
            assert np.array_equal(
                first.predict_proba(["lunch lunch"]), plain.predict_proba(["lunch lunch"])
            )
            low = first.with_thresholds(review=0.1)
            assert low.predict("lunch lunch").reason is None


def test_the_texts_used_last_are_kept() -> None:
    cache, compute = ScoreCache(3), _Counting()
    for text in ["a", "b", "c", "a", "d", "a", "e"]:
        cache.score([text], compute, clear=False)
    assert compute.asked == ["a", "b", "c", "d", "e"]
    for text in ["a", "d", "e", "b"]:
        cache.score([text], compute, clear=False)
    assert compute.asked[5:] == ["b"]


def test_one_call_of_more_texts_than_are_kept_is_answered_whole() -> None:
    cache, texts = ScoreCache(2), [str(number) for number in range(9)]
    for _ in range(2):
        assert _same(cache.score(texts, _Counting(), clear=False), _Counting()(texts))
    assert len(cache._kept) == 2


def test_nothing_is_kept_of_a_call_that_fails() -> None:
    def fail(texts: Sequence[str]) -> Scores:
        raise BundleError("no scores")

    cache, compute = ScoreCache(), _Counting()
    with pytest.raises(BundleError):
        cache.score(["a"], fail, clear=False)
    cache.score(["a"], compute, clear=False)
    assert compute.asked == ["a"]


def test_no_text_is_kept_and_no_digest_can_be_guessed() -> None:
    text = "meet me at the old mill"
    caches = [ScoreCache(), ScoreCache()]
    for cache in caches:
        cache.score([text], _Counting(), clear=False)
        assert text.encode() not in b"".join([*cache._kept, *cache._kept.values()])
    assert not set(caches[0]._kept) & set(caches[1]._kept)


def test_threads_share_a_small_cache(tiny_bundle: Path, detector: ScamDetector) -> None:
    lists = [[f"profit {(number * place) % 11}" for place in range(9)] for number in range(48)]
    expected = [detector.predict(texts) for texts in lists]
    shared = ScamDetector.load(tiny_bundle, threads=1, cache_size=5)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(shared.predict, lists)) == expected


@pytest.mark.parametrize("size", [-1, MOST_CACHED + 1, 1.5, True, None])
def test_an_impossible_size_is_refused(tiny_bundle: Path, size: object) -> None:
    with pytest.raises(InputError, match=r"cache_size=.* is invalid; use 0"):
        ScamDetector.load(tiny_bundle, cache_size=size)  # type: ignore[arg-type]
