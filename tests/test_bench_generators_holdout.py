from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic_corpus
from synthetic_corpus import row

from scamdetect.bench.generators import hold_out, write_corpus
from scamdetect.errors import InputError
from scamdetect.train.data.table import column


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = []
    for number in range(300):
        verdict = ("legit", "scam")[number % 2]
        role = ("train", "train", "train", "calibrate")[number % 4]
        made = {"source": "ai", "generated": "writer", "group": number // 3}
        rows.append(row(number, verdict, role=role, **made))
        rows.append(row(1000 + number, verdict, role=role, source="people"))
        own = {"source": "authored_en", "generated": "author"}
        rows.append(row(2000 + number, verdict, role=("train", "dev")[number % 4 == 3], **own))
    path = tmp_path_factory.mktemp("corpus") / "corpus.parquet"
    pq.write_table(synthetic_corpus.table(rows), path)
    return path


def hashes(table: pa.Table) -> set[str]:
    return set(column(table, "row_hash"))


def test_rows_that_measure_are_learnt_from_in_no_corpus(corpus: Path) -> None:
    held = hold_out(corpus, ("writer", "author"))
    for name in ("writer", "author"):
        measured = held.measured(name)
        for learnt in (held.with_all(), held.without("writer"), held.without("author")):
            roles = np.isin(column(learnt, "role").astype(str), ("train", "calibrate"))
            assert not hashes(measured) & hashes(learnt.filter(pa.array(roles)))
    assert set(column(held.measured("author"), "role")) == {"dev"}
    assert 0.15 < held.measured("writer").num_rows / 300 < 0.45


def test_groups_are_never_parted(corpus: Path) -> None:
    held = hold_out(corpus, ("writer",))
    measured = set(column(held.measured("writer"), "group"))
    left = held.with_all()
    ours = column(left, "source") == "ai"
    assert not measured & set(column(left, "group")[ours])


def test_a_human_original_leaves_training_with_the_rewrite_that_measures(
    corpus: Path, tmp_path: Path
) -> None:
    table = pq.read_table(corpus)
    twins = [row(9000 + n, "scam", role="train", source="people", group=n // 3) for n in range(300)]
    path = tmp_path / "corpus.parquet"
    pq.write_table(pa.concat_tables([table, synthetic_corpus.table(twins)]), path)
    held = hold_out(path, ("writer",))
    measured = set(column(held.measured("writer"), "group"))
    for learnt in (held.with_all(), held.without("writer")):
        assert not measured & set(column(learnt, "group"))


def test_without_a_generator_nothing_of_it_is_learnt(corpus: Path) -> None:
    held = hold_out(corpus, ("writer", "author"))
    left = held.without("writer")
    assert "ai" not in set(column(left, "source"))
    assert {"people", "authored_en"} <= set(column(left, "source"))
    assert held.trained_rows("writer") > 0


def test_dev_rows_alone_leave_the_corpus_as_it_is(corpus: Path) -> None:
    held = hold_out(corpus, ("author",))
    assert not held.changes_training
    assert held.with_all().equals(held.corpus)
    assert hold_out(corpus, ("writer",)).changes_training


def test_an_unknown_generator_is_refused(corpus: Path) -> None:
    with pytest.raises(InputError, match="0 scams.*author, writer"):
        hold_out(corpus, ("nobody",))


def test_an_equal_corpus_keeps_its_bytes(corpus: Path, tmp_path: Path) -> None:
    table = pq.read_table(corpus)
    path = tmp_path / "deep" / "corpus.parquet"
    write_corpus(table, path)
    before = path.stat().st_mtime_ns
    write_corpus(table, path)
    assert path.stat().st_mtime_ns == before
    write_corpus(table.slice(1), path)
    assert pq.read_table(path).num_rows == table.num_rows - 1
