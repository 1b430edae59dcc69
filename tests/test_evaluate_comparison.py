"""Scores that outlive a killed run, and nothing else that looks like them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scamdetect.evaluate.comparison import ScoreCache, code_sha256
from scamdetect.labels import Kind
from scamdetect.train.data.scores import DetectorScores

pytestmark = pytest.mark.slow

ROWS = ["a", "b", "c"]
SCORES = DetectorScores(
    "one",
    np.array([0.25, np.nan, 0.75]),
    np.array([False, False, True]),
    (frozenset(), frozenset(), frozenset({Kind.ROMANCE, Kind.INVESTMENT})),
    np.array(["en", "und", "vi"], dtype=object),
    "one@1+ab",
)


CODE = ("scamdetect.text.normalise",)


def _cache(folder: Path | None, corpus: str = "corpus") -> ScoreCache:
    return ScoreCache(folder, corpus, list[str]().append)


def _never() -> DetectorScores:
    pytest.fail("scored again")


def test_kept_scores_come_back_as_they_were(tmp_path: Path) -> None:
    cache = _cache(tmp_path / "scores")
    cache.scores("one", "one", CODE, ROWS, lambda: SCORES)
    found = cache.scores("one", "one", CODE, ROWS, _never)
    np.testing.assert_array_equal(found.scam, SCORES.scam)
    np.testing.assert_array_equal(found.flagged, SCORES.flagged)
    np.testing.assert_array_equal(found.languages, SCORES.languages)
    assert (found.kinds, found.name, found.model_id) == (SCORES.kinds, "one", "one@1+ab")


def test_what_a_baseline_does_not_tell_stays_unknown(tmp_path: Path) -> None:
    cache = _cache(tmp_path)
    plain = DetectorScores("two", SCORES.scam, SCORES.flagged)
    cache.scores("two", "two", CODE, ROWS, lambda: plain)
    found = cache.scores("two", "two", CODE, ROWS, _never)
    assert found.kinds is None and found.languages is None and found.model_id is None


@pytest.mark.parametrize(
    ("detector", "rows", "corpus"),
    [("other", ROWS, "corpus"), ("one", ["a", "c", "b"], "corpus"), ("one", ROWS, "newer")],
)
def test_other_detectors_rows_and_corpora_are_scored_anew(
    tmp_path: Path, detector: str, rows: list[str], corpus: str
) -> None:
    _cache(tmp_path).scores("one", "one", CODE, ROWS, lambda: SCORES)
    calls = []
    _cache(tmp_path, corpus).scores("one", detector, CODE, rows, lambda: calls.append(1) or SCORES)
    assert calls == [1]


def test_a_damaged_file_is_scored_anew(tmp_path: Path) -> None:
    cache = _cache(tmp_path)
    cache.scores("one", "one", CODE, ROWS, lambda: SCORES)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:40])
    assert cache.scores("one", "one", CODE, ROWS, lambda: SCORES) is SCORES
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_bundle_under_another_name_keeps_its_scores_and_says_so(tmp_path: Path) -> None:
    lines: list[str] = []
    cache = ScoreCache(tmp_path, "corpus", lines.append)
    cache.scores("one", "one@1+ab", CODE, ROWS, lambda: SCORES)
    assert lines == []
    assert cache.scores("moved", "one@1+ab", CODE, ROWS, _never).name == "moved"
    assert lines == ["moved: kept scores of 3 rows"]


def test_changed_code_or_another_version_is_scored_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scores_by.py").write_text("x = 1", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    first = code_sha256(["scores_by"])
    assert first == code_sha256(["scores_by"])
    (tmp_path / "scores_by.py").write_text("x = 2", encoding="utf-8")
    second = code_sha256(["scores_by"])
    monkeypatch.setattr("scamdetect.__version__", "another")
    assert len({first, second, code_sha256(["scores_by"])}) == 3
    with pytest.raises(ModuleNotFoundError):
        code_sha256(["no_such_module"])


def test_without_a_folder_nothing_is_kept() -> None:
    assert _cache(None).scores("one", "one", CODE, ROWS, lambda: SCORES) is SCORES
