"""One run of train, export and predict on a tiny corpus and a tiny base, by the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")

from command_line import run
from tiny_base import TINY_RECIPE, TINY_TEXTS, write_tiny_base
from tiny_trained import write_rehearsal

from scamdetect import ScamDetector


def test_a_model_is_trained_exported_and_predicts(tmp_path: Path) -> None:
    corpus = write_rehearsal(tmp_path / "corpus.parquet")
    recipe = tmp_path / "tiny.toml"
    base = write_tiny_base(tmp_path / "base")
    recipe.write_text(TINY_RECIPE.format(base=base.as_posix()), encoding="utf-8")
    for command in (
        ("train", recipe, "--corpus", corpus, "-o", tmp_path / "run"),
        ("export", tmp_path / "run", "--corpus", corpus, "-o", tmp_path / "bundle"),
    ):
        result = run(*command)
        assert result.exit_code == 0, result.stderr
    predictions = ScamDetector.load(tmp_path / "bundle").predict(list(TINY_TEXTS.values()))
    legit, _, scam = (prediction.scam_probability for prediction in predictions)
    assert legit is not None and scam is not None and legit < 0.5 < scam
