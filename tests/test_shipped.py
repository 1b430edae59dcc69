"""The shipped bundle gives a message one answer, whatever stands around it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scamdetect import ScamDetector
from scamdetect.bundle.cache import ScoreCache
from scamdetect.prediction import CLEARED

WITHIN = 0.001  # of a probability
AUTHORED = Path(__file__).resolve().parent.parent / "data" / "authored"


@pytest.fixture(scope="module")
def shipped() -> ScamDetector:
    return ScamDetector.load(cache_size=0)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Return 10 messages of each of 26 languages, shuffled."""
    chosen: list[str] = []
    for path in sorted(AUTHORED.glob("*.jsonl")):
        rows = map(json.loads, path.read_text("utf-8").splitlines())
        own = sorted({row["text"] for row in rows if row["part"] != "final"})
        chosen += [own[index] for index in np.random.default_rng(5).permutation(len(own))[:10]]
    return [chosen[index] for index in np.random.default_rng(5).permutation(len(chosen))]


def check_equal(first: np.ndarray, second: np.ndarray) -> None:
    assert float(np.abs(first - second).max()) <= WITHIN
    assert np.array_equal(first.argmax(axis=1), second.argmax(axis=1))


@pytest.fixture(scope="module")
def alone(shipped: ScamDetector, texts: list[str]) -> np.ndarray:
    return np.concatenate([shipped.predict_proba([text]) for text in texts])


@pytest.mark.parametrize("order", ["as they come", "shuffled", "beside a long text"])
def test_neighbours_do_not_change_a_score(
    shipped: ScamDetector, texts: list[str], alone: np.ndarray, order: str
) -> None:
    places = np.arange(len(texts))
    if order == "shuffled":
        places = np.random.default_rng(0).permutation(len(texts))
    more = [" ".join(texts[:80])] if order == "beside a long text" else []
    found = np.empty_like(alone)
    found[places] = shipped.predict_proba([*(texts[place] for place in places), *more])[
        : len(texts)
    ]
    check_equal(alone, found)


def test_kept_scores_and_batches_are_exact(shipped: ScamDetector, texts: list[str]) -> None:
    expected = shipped.predict_proba(texts)
    caching = shipped.with_thresholds()
    caching._cache = ScoreCache()
    # Calls in which many, one and no text are new, and batches of one row.
    for size in (40, 41, 2, 90, 90):
        assert np.array_equal(caching.predict_proba(texts[:size]), expected[:size])
    for places in ([0, 100], [0, 1, 101], [102, 103]):
        found = caching.predict_proba([texts[place] for place in places])
        assert np.array_equal(found, expected[places])


def test_what_is_not_cleared_early_has_the_digits_of_a_full_reading(
    shipped: ScamDetector, texts: list[str]
) -> None:
    whole = ScamDetector.load(tier="full", cache_size=0).predict(texts)
    for size in (1, 2, len(texts)):
        quick = [
            one
            for start in range(0, len(texts), size)
            for one in shipped.predict(texts[start : start + size])
        ]
        kept = [n for n, one in enumerate(quick) if one.reason != CLEARED]
        assert 0 < len(kept) < len(texts)
        if size > 1:
            assert [quick[n] for n in kept] == [whole[n] for n in kept]
        assert [one.decision for one in quick] == [one.decision for one in whole]


def test_threads_do_not_change_a_score(texts: list[str], alone: np.ndarray) -> None:
    check_equal(alone, ScamDetector.load(threads=1).predict_proba(texts))


def test_the_shipped_bundle_has_every_preset(shipped: ScamDetector) -> None:
    assert list(shipped.presets) == ["balanced", "sweep", "strict"]
    assert shipped.preset is not None and shipped.preset.name == "balanced"
