"""Sources told from vectors and from texts."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
from synthetic_corpus import row, table

from scamdetect.evaluate.source_probe import probe_texts, probe_vectors, source_tasks
from scamdetect.labels import Verdict


def _corpus(sources: int = 3, rows: int = 100, lang: str = "en") -> pa.Table:
    words = random.Random(0).choices("river lamp window tennis garden letter".split(), k=4000)
    return table(
        row(
            1000 * source + n, "legit", role="train", source=f"s{source}", lang=lang,
            norm=f"form{source} " + " ".join(words[4 * n : 4 * n + 8]),
        )
        for source in range(sources)
        for n in range(rows)
    )  # fmt: skip


def test_a_task_needs_three_sources_of_a_hundred_rows() -> None:
    (task,) = source_tasks(_corpus(), Verdict.LEGIT)
    assert (task.lang, task.rows.size) == ("en", 300)
    assert source_tasks(_corpus(sources=2), Verdict.LEGIT) == []
    assert source_tasks(_corpus(rows=99), Verdict.LEGIT) == []
    assert source_tasks(_corpus(), Verdict.SCAM) == []


def test_large_sources_are_sampled_alike() -> None:
    corpus = pa.concat_tables([_corpus(rows=100), _corpus(sources=2, rows=300)])
    (task,) = source_tasks(corpus, Verdict.LEGIT)
    names, counts = np.unique(corpus["source"].take(pa.array(task.rows)), return_counts=True)
    assert list(names) == ["s0", "s1", "s2"] and set(counts) == {100}


def _grouped(sizes: list[int]) -> pa.Table:
    corpus = _corpus(rows=sum(sizes))
    groups = np.repeat(np.arange(3 * len(sizes)), sizes * 3)
    return corpus.set_column(corpus.column_names.index("group"), "group", pa.array(groups))


def test_no_group_is_more_than_a_third_of_its_source() -> None:
    corpus = _grouped([400, *[10] * 20])
    (task,) = source_tasks(corpus, Verdict.LEGIT)
    taken = corpus.take(pa.array(task.rows))
    sources = np.unique(taken["source"], return_counts=True)[1]
    assert set(sources) == {100}
    assert np.unique(taken["group"], return_counts=True)[1].max() <= 33


def test_a_source_of_few_groups_is_left_out() -> None:
    assert source_tasks(_grouped([100] * 9), Verdict.LEGIT) == []
    assert source_tasks(_grouped([400, *[1] * 20]), Verdict.LEGIT) == []
    assert len(source_tasks(_grouped([100] * 10), Verdict.LEGIT)) == 1


def test_vectors_that_hold_the_source_are_told_from_those_that_do_not() -> None:
    corpus = _corpus()
    tasks = source_tasks(corpus, Verdict.LEGIT)
    rows = tasks[0].rows
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(rows.size, 8))
    blind = probe_vectors(corpus, tasks, rows, noise)
    source = np.array([int(name[1:]) for name in corpus["source"].take(pa.array(rows)).to_pylist()])
    telling = probe_vectors(corpus, tasks, rows, noise + 9 * np.eye(8)[source])
    assert blind is not None and telling is not None
    assert telling.accuracy == 1.0 and telling.by_language == {"en": 1.0}
    assert blind.accuracy < 0.45 and blind.chance == 1 / 3
    ngrams = probe_texts(corpus, tasks)
    assert ngrams is not None and ngrams.accuracy > 0.95 and ngrams.n == 300


def test_copies_stay_on_one_side() -> None:
    """A vector that only names its group says nothing of groups never seen."""
    corpus = _corpus()
    groups = np.repeat(np.arange(30), 10)
    corpus = corpus.set_column(corpus.column_names.index("group"), "group", pa.array(groups))
    tasks = source_tasks(corpus, Verdict.LEGIT)
    found = probe_vectors(corpus, tasks, tasks[0].rows, np.eye(30)[groups[tasks[0].rows]])
    assert found is not None and found.accuracy < 0.6


def test_without_tasks_there_is_no_figure() -> None:
    assert probe_texts(_corpus(sources=1), []) is None
