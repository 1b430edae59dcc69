"""The audit of a corpus: rows that leak between roles, and texts that reveal their source."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic_corpus

pytest.importorskip("rensa")

from scamdetect.errors import SourceError
from scamdetect.train.data.audit import audit_corpus, guess_sources


def unlike(number: int) -> str:
    words = "river lamp window tennis garden letter coffee winter bridge music paper doctor".split()
    return " ".join(random.Random(number).choices(words, k=12))


def test_leaks_between_roles_and_sources_are_counted(tmp_path: Path) -> None:
    rows = [
        synthetic_corpus.row(1, "scam", role="train", norm=unlike(1)),
        synthetic_corpus.row(2, "legit", role="train", norm=unlike(2)),
        synthetic_corpus.row(4, "legit", role="dev", norm=unlike(4), source="held"),
        synthetic_corpus.row(5, "legit", role="dev", norm=unlike(2), source="held"),
    ]
    pq.write_table(synthetic_corpus.table(rows), tmp_path / "c.parquet")
    audit = audit_corpus(tmp_path / "c.parquet")
    assert audit.role_leaks["dev", "train"] == (1, 1)
    assert audit.role_leaks["test", "train"] == (0, 0)
    assert audit.source_leaks == {("en_invented", "held"): 1}
    assert ("dev rows also in train", "1 equal, 1 near-duplicates") in audit.rows()
    assert "river" not in str(audit.rows())


def test_sources_of_other_words_are_guessed_and_equal_ones_are_not() -> None:
    texts = [f"alpha beta {unlike(n)}" for n in range(80)] + [f"gamma {n}" for n in range(80)]
    sources = ["a"] * 80 + ["b"] * 80
    (apart,) = guess_sources(texts, sources, ["en"] * 160, range(160))
    assert apart.accuracy > 0.95 and apart.chance == 0.5
    (alike,) = guess_sources([unlike(n) for n in range(160)], sources, ["en"] * 160, range(160))
    assert alike.accuracy < 0.75
    assert guess_sources(texts, ["a"] * 160, ["en"] * 160, range(160)) == []


def test_a_file_that_is_no_corpus_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    path.write_bytes(b"PAR1 half")
    with pytest.raises(SourceError, match=r"c\.parquet: not a corpus; run: scamdetect data build"):
        audit_corpus(path)
    pq.write_table(pa.table({"text": ["x"]}), path)
    with pytest.raises(SourceError, match=r"c\.parquet: (not a corpus|lacks)"):
        audit_corpus(path)
