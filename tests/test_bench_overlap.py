from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import synthetic_corpus
from bench_rows import row, suite

pytest.importorskip("sklearn")

from scamdetect.bench.answers import Detector, Training
from scamdetect.bench.figures.results import FILE, audit, read_overlaps
from scamdetect.errors import InputError
from scamdetect.system.files import file_sha256

pytestmark = pytest.mark.slow

LONG = "guaranteed bitcoin profit, darling, pay the release fee before the bridge closes tonight"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.parquet"
    rows = [synthetic_corpus.row(1, "scam", role="train", norm=LONG)]
    rows += [synthetic_corpus.row(2, "scam", role="dev", norm="of the role dev")]
    pq.write_table(synthetic_corpus.table(rows), path)
    return path


SUITE = suite(
    [
        row("same", "scam", text=LONG),
        row("half", "scam", text=LONG[:60] + " and then there is a word or two of its own"),
        row("new", "scam", text="of the role dev", generator="writer"),
        row("copy", "scam", text=LONG, clean_id="same", change="x"),
    ]
)


def detector(name: str, sha256: str | None) -> Detector:
    return Detector(name, name, lambda texts: [0.5] * len(texts), Training(corpus_sha256=sha256))


def test_clean_rows_are_looked_for_in_train_rows(corpus: Path, tmp_path: Path) -> None:
    audit([SUITE], [detector("a", file_sha256(corpus)), detector("b", "other")], corpus, tmp_path)
    found = {one.by: one for one in read_overlaps(tmp_path)}
    people, writer = found["invented"], found["writer"]
    assert (people.n, people.exact, people.contained) == (2, 1, 2)
    assert (writer.n, writer.exact, writer.contained) == (1, 0, 0)
    assert people.detectors == ("a",)


def test_a_detector_that_comes_later_is_named_too(corpus: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "a"):
        audit([SUITE], [detector(name, file_sha256(corpus))], corpus, tmp_path)
    assert [one.detectors for one in read_overlaps(tmp_path)] == [("a", "b")] * 2


def test_no_audit_of_detectors_that_learnt_elsewhere(corpus: Path, tmp_path: Path) -> None:
    audit([SUITE], [detector("a", "other")], corpus, tmp_path)
    assert read_overlaps(tmp_path) == []


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("[{}]", encoding="utf-8")
    with pytest.raises(InputError, match=FILE):
        read_overlaps(tmp_path)
