"""Scores that outlive a killed run, and nothing else that looks like them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scamdetect.evaluation.score_cache import ScoreCache
from scamdetect.evaluation.scoring import DetectorScores
from scamdetect.labels import Kind

ROWS = ["a", "b", "c"]
SCORES = DetectorScores(
    "one",
    np.array([0.25, np.nan, 0.75]),
    np.array([False, False, True]),
    (frozenset(), frozenset(), frozenset({Kind.ROMANCE, Kind.INVESTMENT})),
    np.array(["en", "und", "vi"], dtype=object),
    "one@1+ab",
)


def _never() -> DetectorScores:
    pytest.fail("scored again")


def test_kept_scores_come_back_as_they_were(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path / "scores", "corpus")
    cache.scores("one", ROWS, lambda: SCORES)
    found = cache.scores("one", ROWS, _never)
    np.testing.assert_array_equal(found.scam, SCORES.scam)
    np.testing.assert_array_equal(found.flagged, SCORES.flagged)
    np.testing.assert_array_equal(found.languages, SCORES.languages)
    assert (found.kinds, found.name, found.model_id) == (SCORES.kinds, "one", "one@1+ab")


def test_what_a_baseline_does_not_tell_stays_unknown(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path, "corpus")
    plain = DetectorScores("two", SCORES.scam, SCORES.flagged)
    cache.scores("two", ROWS, lambda: plain)
    found = cache.scores("two", ROWS, _never)
    assert found.kinds is None and found.languages is None and found.model_id is None


@pytest.mark.parametrize(
    ("detector", "rows", "corpus"),
    [("other", ROWS, "corpus"), ("one", ["a", "c", "b"], "corpus"), ("one", ROWS, "newer")],
)
def test_other_detectors_rows_and_corpora_are_scored_anew(
    tmp_path: Path, detector: str, rows: list[str], corpus: str
) -> None:
    ScoreCache(tmp_path, "corpus").scores("one", ROWS, lambda: SCORES)
    calls = []
    ScoreCache(tmp_path, corpus).scores(detector, rows, lambda: calls.append(1) or SCORES)
    assert calls == [1]


def test_a_damaged_file_is_scored_anew(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path, "corpus")
    cache.scores("one", ROWS, lambda: SCORES)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:40])
    assert cache.scores("one", ROWS, lambda: SCORES) is SCORES
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_without_a_folder_nothing_is_kept() -> None:
    assert ScoreCache(None, "corpus").scores("one", ROWS, lambda: SCORES) is SCORES
