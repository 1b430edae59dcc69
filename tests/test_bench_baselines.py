"""Baselines as detectors of the benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bench_setting import Logged, setting
from synthetic_corpus import row, table

pytest.importorskip("skops", reason="needs the extra bench")

from scamdetect.bench.answers import Training
from scamdetect.bench.detectors import baselines
from scamdetect.bench.detectors.baselines import encoder, keywords, tfidf
from scamdetect.bench.names import checked
from scamdetect.errors import InputError
from scamdetect.evaluate.baselines import train_baseline
from scamdetect.system.files import file_sha256
from scamdetect.train.data.table import normalised

pytestmark = pytest.mark.slow

TEXTS = ["GUARANTEED bitcoin  profit, pay the release fee", "\u200b", "lunch near the bridge?"]


def train_rows(generated: str | None = "my-model") -> pa.Table:
    rows = [row(i, verdict, role="train") for i in range(30) for verdict in ("legit", "scam")]
    rows += [row(90, "scam", role="train", source="made", generated=generated)]
    return table(rows)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.parquet"
    others = table(row(i, "scam", role="dev", source="other", generated="unseen") for i in (1, 2))
    pq.write_table(pa.concat_tables([train_rows(), others]), path)
    return path


def test_tfidf_learns_from_train_rows_and_says_so(corpus: Path, tmp_path: Path) -> None:
    ready = tfidf("", setting(tmp_path / "kept", corpus=corpus))
    answers = checked(ready, TEXTS)
    assert answers.scam[0] > 0.5 > answers.scam[2]
    assert np.isnan(answers.scam[1]) and answers.problems == (None, "unscored", None)
    assert ready.training == Training(
        sources=frozenset({"en_invented", "made"}),
        generators=frozenset({"my-model"}),
        corpus_sha256=file_sha256(corpus),
    )


def test_texts_are_normalised_first(corpus: Path, tmp_path: Path) -> None:
    ready = tfidf("", setting(tmp_path, corpus=corpus))
    plain, disguised = "bitcoin profit", "\uff42\uff49\uff54coin pro\u200bfit"
    scam = checked(ready, [plain, disguised]).scam
    assert scam[0] == scam[1]


def test_a_fit_is_kept_until_the_corpus_changes(corpus: Path, tmp_path: Path) -> None:
    folder, log = tmp_path / "kept", Logged()
    first = tfidf("", setting(folder, log, corpus))
    fitted = len(log.lines)
    again = tfidf("", setting(folder, log, corpus))
    assert len(log.lines) == fitted > 0
    assert again.identity == first.identity
    np.testing.assert_array_equal(checked(again, TEXTS).scam, checked(first, TEXTS).scam)
    pq.write_table(train_rows("another-model"), corpus)
    other = tfidf("", setting(folder, log, corpus))
    assert other.identity != first.identity and len(log.lines) > fitted


def test_a_damaged_fit_is_made_anew(corpus: Path, tmp_path: Path) -> None:
    folder, log = tmp_path / "kept", Logged()
    first = tfidf("", setting(folder, log, corpus))
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    again = tfidf("", setting(folder, log, corpus))
    assert any("fitting again" in line for line in log.lines)
    np.testing.assert_array_equal(checked(again, TEXTS).scam, checked(first, TEXTS).scam)


def test_tfidf_is_what_its_rows_teach(corpus: Path, tmp_path: Path) -> None:
    kept = checked(tfidf("", setting(tmp_path, corpus=corpus)), TEXTS)
    fitted = train_baseline(train_rows(), Logged())
    np.testing.assert_array_equal(fitted.scam_probabilities(normalised(TEXTS)), kept.scam)


def test_the_encoder_keeps_its_regression(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="needs the extra train")
    from tiny_base import write_tiny_base

    monkeypatch.setattr(baselines, "BASE", str(write_tiny_base(tmp_path / "base")))
    folder, log = tmp_path / "kept", Logged()
    first = checked(encoder("", setting(folder, log, corpus)), TEXTS)
    fitted = len(log.lines)
    again = checked(encoder("", setting(folder, log, corpus)), TEXTS)
    assert first.scam[0] > first.scam[2] and np.isnan(first.scam[1])
    np.testing.assert_array_equal(again.scam, first.scam)
    assert len(log.lines) == fitted


def test_keywords_learn_from_nothing(tmp_path: Path) -> None:
    ready = keywords("", setting(tmp_path))
    answers = checked(ready, TEXTS)
    assert answers.flagged is not None
    assert answers.scam[[0, 2]].tolist() == answers.flagged[[0, 2]].tolist()
    assert set(answers.scam[[0, 2]]) <= {0.0, 1.0} and np.isnan(answers.scam[1])
    assert ready.training == Training() and "not a probability" in ready.note


@pytest.mark.parametrize("loader", [tfidf, encoder, keywords])
def test_a_target_is_refused(loader, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="takes no target, got 'half'"):
        loader("half", setting(tmp_path))


@pytest.mark.parametrize("loader", [tfidf, encoder])
def test_a_corpus_is_needed(loader, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="scamdetect data build"):
        loader("", setting(tmp_path))
