"""Ngrams fitted on rows, their join, and a bundle that gets them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from command_line import run
from synthetic_corpus import row, table

pytest.importorskip("sklearn")
pytest.importorskip("torch", reason="needs the extra train")

from tiny_trained import write_own

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import CARD, MODEL, NGRAMS, Bundle
from scamdetect.bundle.ngrams import Join, NgramReader, Ngrams
from scamdetect.bundle.scorer import Scorer
from scamdetect.bundle.tokens import TokenWindows
from scamdetect.errors import BundleError, RecipeError
from scamdetect.system.files import file_sha256
from scamdetect.train import finetune_fit
from scamdetect.train import words as words_module
from scamdetect.train.finetune import finetune
from scamdetect.train.recipe import WordsTable
from scamdetect.train.release import add_words
from scamdetect.train.words import (
    Runs,
    features,
    fit_join,
    fit_words,
    known_runs,
    left_out_odds,
    make_words,
    runs_of,
    word_masses,
)

pytestmark = pytest.mark.slow

SETTINGS = WordsTable(runs=5_000)


@pytest.fixture(scope="module")
def cutter(tiny_bundle: Path) -> TokenWindows:
    return TokenWindows(Bundle.load(tiny_bundle))


def corpus(n: int = 60, sources: int = 3) -> pa.Table:
    """Return rows of which "unpaid toll" marks the scams of every source."""
    rows = []
    for number in range(n):
        source = f"en_{number % sources}"
        rows.append(row(number, "scam", source=source, role="train", norm=f"unpaid toll {number}"))
        text = f"see you at lunch {number}"
        rows.append(row(n + number, "legit", source=source, role="train", norm=text))
    return table(rows)


def test_words_tell_what_they_were_taught(cutter: TokenWindows) -> None:
    train, pieces = corpus(), NgramReader(cutter.tokenizer)
    tokens = cutter.encode(train["norm"].to_pylist())
    words = Ngrams(fit_words(runs_of(pieces, tokens), train, SETTINGS), pieces)
    toll, lunch, other = words.log_odds(cutter.encode(["your unpaid toll", "lunch at noon", "жжж"]))
    assert toll > 0.2 > -0.2 > lunch
    assert other == 0


def test_features_score_as_the_table_does(cutter: TokenWindows) -> None:
    train, pieces = corpus(), NgramReader(cutter.tokenizer)
    tokens = cutter.encode(train["norm"].to_pylist())
    runs = runs_of(pieces, tokens)
    made = fit_words(runs, train, SETTINGS)
    by_features = features(runs, made.fingerprints) @ (made.weights * made.scale)
    assert by_features == pytest.approx(Ngrams(made, pieces).log_odds(tokens))


def test_a_run_of_one_group_is_not_known() -> None:
    runs = Runs(np.array([7, 9, 7, 9], np.uint32), np.array([0, 0, 1, 2]), 3)
    groups, scam, weights = np.array([4, 4, 5]), np.array([True, True, False]), np.ones(3)
    assert known_runs(runs, groups, scam, weights, 10).tolist() == [9]
    assert known_runs(runs, np.array([4, 5, 6]), scam, weights, 1).tolist() == [7]


def test_the_sides_of_a_language_have_one_mass() -> None:
    rows = [row(n, "scam", role="train") for n in range(3)]
    rows += [row(n, "legit", role="train") for n in range(10, 40)]
    rows += [row(n, "legit", role="train", lang="th") for n in range(50, 60)]
    rows += [row(n, "spam", role="train", not_legit=True) for n in range(70, 75)]
    own = {"source": "authored_en", "verdict_provenance": "authored"}
    rows += [row(n, "legit", role="train", **own) for n in range(80, 90)]
    made = table(rows)
    masses = word_masses(made, WordsTable(runs=1, authored_weight=0.0))
    assert masses[:3].sum() == pytest.approx(masses[3:].sum()) == pytest.approx(np.sqrt(3))
    assert (masses[33:] == 0).all()


def test_rows_without_two_sides_teach_nothing(cutter: TokenWindows) -> None:
    train = table([row(n, "legit", role="train") for n in range(9)])
    runs = runs_of(NgramReader(cutter.tokenizer), [[1]] * 9)
    with pytest.raises(RecipeError, match=r"no language has scams.*set words\.runs to 0"):
        fit_words(runs, train, SETTINGS)


def test_left_out_sources_are_scored_by_words_of_the_others(cutter: TokenWindows) -> None:
    train, pieces = corpus(), NgramReader(cutter.tokenizer)
    # One source marks its scams by a word of its own.
    texts = [
        text.replace("unpaid toll", "gift card") if source == "en_0" else text
        for text, source in zip(train["norm"].to_pylist(), train["source"].to_pylist(), strict=True)
    ]
    tokens = cutter.encode(texts)
    told: list[str] = []
    odds = left_out_odds(
        runs_of(pieces, tokens), train, tokens, train, pieces, SETTINGS, told.append
    )
    scam = np.array(train["verdict"].to_pylist()) == "scam"
    own = np.array(train["source"].to_pylist()) == "en_0"
    assert odds[scam & ~own].min() > odds[scam & own].max()
    assert len(told) == 3


def test_a_join_weighs_each_side_by_what_it_tells() -> None:
    random = np.random.default_rng(0)
    scam = random.random(4_000) < 0.5
    good, bad = (np.where(scam, shift, -shift) + random.normal(size=4_000) for shift in (1.5, 0.2))
    join = fit_join(good, bad, scam, np.ones(4_000))
    assert join.encoder > 2 > 1 > join.ngrams > 0
    against = fit_join(good, -bad, scam, np.ones(4_000))
    assert (against.ngrams, against.encoder) == (0, pytest.approx(join.encoder, rel=0.1))
    assert fit_join(-good, -bad, scam, np.ones(4_000)) == Join(1.0, 0.0, 0.0)
    fixed = fit_join(good, bad, scam, np.ones(4_000), 1.5)
    assert fixed.ngrams == pytest.approx(1.5 * fixed.encoder)
    assert fixed.encoder > 0.5
    apart = fit_join(np.where(scam, 3.0, -3.0), bad, scam, np.ones(4_000))
    assert apart.encoder < 10


def test_rows_of_sources_that_the_encoder_knows_do_not_decide_the_join(
    trained: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words_module, "FEWEST_NEW", 5)
    scorer = Scorer(Bundle.load(trained[0]))
    rows = corpus()
    records = [
        make_words(rows, rows, scorer, SETTINGS, seen, lambda line: None)[2]
        for seen in (["en_0", "en_1", "en_2"], ["en_0", "authored_en"])
    ]
    assert [one["join_on_new_sources"] for one in records] == [False, True]
    assert [one["join_rows"] for one in records] == [120, 80]


def test_a_bundle_gets_words(trained: tuple[Path, Path], tmp_path: Path) -> None:
    folder, corpus = trained
    out, again = tmp_path / "out", tmp_path / "again"
    told: list[str] = []
    add_words(folder, corpus, out, "2.0.0", SETTINGS, told.append)
    before, after = Bundle.load(folder), Bundle.load(out)
    assert before.join is None and after.join is not None
    assert after.version == "2.0.0"
    assert file_sha256(out / MODEL) == file_sha256(folder / MODEL)
    assert after.training["encoder"]["bundle"] == before.model_id
    assert "runs of words" in (out / CARD).read_text(encoding="utf-8")
    assert any(line.startswith("joined: ") for line in told)
    with ScamDetector.load(out, threads=1) as one:
        texts = ["guaranteed bitcoin profit", "hello, lunch meeting", "near bridge"]
        alone = [one.predict_proba([text])[0] for text in texts]
        assert one.predict_proba(texts) == pytest.approx(np.array(alone), abs=1e-6)
        explained = one.explain(texts[0])
    assert explained.words and explained.words == tuple(
        sorted(explained.words, key=lambda word: -abs(word[1]))
    )
    add_words(out, corpus, again, "2.0.0", SETTINGS, told.append)  # on top of words
    assert file_sha256(again / NGRAMS) == file_sha256(out / NGRAMS)
    assert Bundle.load(again).thresholds == after.thresholds


def test_a_fine_tuned_bundle_keeps_the_words(
    trained: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune_fit, "FEWEST_REHEARSED", 500)
    base = tmp_path / "base"
    add_words(*trained, base, "2.0.0", SETTINGS, lambda line: None)
    own, told = write_own(tmp_path / "own.csv"), list[str]()
    result = finetune(
        own, tmp_path / "new", base=base, text_column="body", label_column="what",
        label_map=tmp_path / "map.toml", rehearsal=trained[1], epochs=0.1, say=told.append,
    )  # fmt: skip
    made = Bundle.load(result.bundle)
    assert made.read(NGRAMS) == Bundle.load(base).read(NGRAMS)
    assert made.join is not None
    assert any(line.startswith("words joined again: ") for line in told)


def test_a_taken_folder_is_refused(trained: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(BundleError, match="exists"):
        add_words(trained[0], trained[1], tmp_path / "out", "1", SETTINGS, print)


def test_the_command_makes_the_bundle(trained: tuple[Path, Path], tmp_path: Path) -> None:
    folder, corpus = trained
    options = ("--words", "--corpus", corpus, "-o", tmp_path / "out", "--version", "2.0.0")
    done = run("export", folder, *options)
    assert done.exit_code == 0, done.stderr
    assert Bundle.load(tmp_path / "out").join is not None


def test_runs_of_some_rows_are_numbered_anew() -> None:
    runs = Runs(np.array([5, 6, 7], np.uint32), np.array([0, 2, 2]), 3)
    some = runs.of(np.array([2]))
    assert (some.prints.tolist(), some.owners.tolist(), some.n) == ([6, 7], [0, 0], 1)
    assert replace(runs, n=3).of(np.array([1])).prints.size == 0
