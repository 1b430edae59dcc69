from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import synthetic_corpus
from synthetic_corpus import row
from tiny_base import TINY_TABLES, TINY_TEXTS, write_tiny_base

from scamdetect.bench.figures.generator_gap import read_gaps
from scamdetect.bench.generators import CORPUS, TFIDF, Learner, measure_gaps
from scamdetect.bundle.bundle import Bundle, write_manifest
from scamdetect.errors import InputError

# The writer words scams much as honest messages are worded.
WRITERS_TEXTS = TINY_TEXTS | {"scam": "hello meeting tomorrow bridge"}


def write_corpus(path: Path, *, noisy: bool) -> Path:
    """Write a corpus with a writer; ``noisy``: some honest messages are worded as scams.

    Without those any threshold is next to nothing.
    """
    rows = []
    for n in range(600):
        verdict = ("legit", "scam", "legit", "spam")[n % 4]
        role = ("train", "calibrate")[n // 4 % 2]
        words = TINY_TEXTS["scam" if noisy and n % 40 in (0, 4) else verdict]
        rows.append(row(n, verdict, role=role, norm=f"{words} {n}"))
        own = {"source": "ai", "generated": "writer", "norm": f"{WRITERS_TEXTS[verdict]} {n} x"}
        rows.append(row(5000 + n, verdict, role=("train", "dev")[n % 8 > 3], **own))
    pq.write_table(synthetic_corpus.table(rows), path)
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "corpus.parquet", noisy=False)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Learner:
    folder = tmp_path_factory.mktemp("recipe")
    base = write_tiny_base(tmp_path_factory.mktemp("base"))
    tables = f'[base]\nname = "{base.as_posix()}"\n[vocabulary]\nmax_pieces = 100\n' + (
        'whole_scripts = ["TAMIL"]\n' + TINY_TABLES
    )
    (folder / "tiny.toml").write_text(f'name = "tiny"\nseed = 3\n{tables}', encoding="utf-8")
    return Learner("tiny", folder / "tiny.toml")


def ignore(line: str) -> None:
    pass


def state_of_before(bundle: Path, **gone: float) -> None:
    """Give the manifest's recipe keys of the loss that this version does not know."""
    training = Bundle.load(bundle).training
    training["recipe"]["loss"] |= gone
    write_manifest(bundle, training)


def test_an_unseen_writer_is_found_less(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus.parquet", noisy=True)
    (gap,) = measure_gaps(corpus, ("writer",), (Learner(TFIDF, None),), tmp_path, None, ignore)
    assert (gap.n_scam, gap.n_legit) == (75, 150)
    assert gap.with_it.trained_rows == 300
    assert gap.without_it.trained_rows == 0
    assert gap.with_it.recall is not None and gap.with_it.recall.value == 1.0
    assert gap.without_it.recall is not None and gap.without_it.recall.value < 0.5
    assert (gap.gap("f1") or 0) > 20
    assert read_gaps(tmp_path) == [gap]


def test_bundles_say_what_they_never_saw_and_are_kept(
    corpus: Path, recipe: Learner, tmp_path: Path
) -> None:
    (gap,) = measure_gaps(corpus, ("writer",), (recipe,), tmp_path, None, ignore)
    trained = tmp_path / "trained" / "tiny"
    whole, part = trained / "with-all" / "bundle", trained / "without-writer" / "bundle"
    assert Bundle.load(whole).training["without_generators"] == []
    assert Bundle.load(part).training["without_generators"] == ["writer"]
    assert "ai" not in {one["source"] for one in Bundle.load(part).training["sources"]}
    lines: list[str] = []
    assert measure_gaps(corpus, ("writer",), (recipe,), tmp_path, None, lines.append) == [gap]
    assert [line for line in lines if line.endswith("kept")] == [f"{whole}: kept", f"{part}: kept"]

    # The same folder with another corpus: what is kept may have learnt what is measured now.
    other_corpus = write_corpus(tmp_path / "noisy.parquet", noisy=True)
    with pytest.raises(InputError, match="trained on other rows"):
        measure_gaps(other_corpus, ("writer",), (recipe,), tmp_path, None, ignore)
    lines.clear()
    assert measure_gaps(corpus, ("writer",), (recipe,), tmp_path, None, lines.append) == [gap]
    assert [line for line in lines if line.endswith("kept")]

    # A manifest of an earlier version names parts of the loss that are gone; they were off.
    for bundle in (whole, part):
        state_of_before(bundle, contrastive=0.0, honest_margin=0.0, source_adversary=0.0)
    assert measure_gaps(corpus, ("writer",), (recipe,), tmp_path, None, ignore) == [gap]

    # A bundle of this corpus and recipe stands in for the one with all generators.
    other = tmp_path / "other"
    (same,) = measure_gaps(
        trained / "with-all" / CORPUS, ("writer",), (recipe,), other, whole, ignore
    )
    assert same.with_it == gap.with_it
    assert not (other / "trained" / "tiny" / "with-all").exists()

    state_of_before(whole, contrastive=0.1)
    with pytest.raises(InputError, match="keys unknown to this version"):
        measure_gaps(trained / "with-all" / CORPUS, ("writer",), (recipe,), other, whole, ignore)
    with pytest.raises(InputError, match="trained on other rows or by another recipe"):
        measure_gaps(corpus, ("writer",), (recipe,), tmp_path, None, ignore)


def test_a_reference_of_another_corpus_is_refused(
    corpus: Path, recipe: Learner, tiny_bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="was not trained on"):
        measure_gaps(corpus, ("writer",), (recipe,), tmp_path, tiny_bundle, ignore)


def test_learners_of_one_name_would_share_a_folder(corpus: Path, tmp_path: Path) -> None:
    twins = (Learner(TFIDF, None), Learner(TFIDF, tmp_path / "tfidf.toml"))
    with pytest.raises(InputError, match="two learners have the same name"):
        measure_gaps(corpus, ("writer",), twins, tmp_path, None, ignore)


def test_gaps_of_other_learners_stay(corpus: Path, tmp_path: Path) -> None:
    for name in ("first", "second", "first"):
        measure_gaps(corpus, ("writer",), (Learner(name, None),), tmp_path, None, ignore)
    assert sorted(gap.learner for gap in read_gaps(tmp_path)) == ["first", "second"]
