"""Fitting a cascade: it learns, it clears only what the whole model clears, and must prove it."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from synthetic_corpus import row, table
from tiny_bundle import write_tiny_bundle

from scamdetect.bundle.bundle import Bundle
from scamdetect.bundle.scorer import Scorer
from scamdetect.train import cascade as cascades
from scamdetect.train.cascade import (
    PADDING,
    Lost,
    Padded,
    fit_votes,
    honest_words,
    lower_readings,
    make_cascade,
    padded_scams,
)

pytestmark = pytest.mark.slow

HONEST = ("lunch meeting tomorrow {n}", "hello, thanks for lunch {n}", "lunch lunch {n}")
LURE = ("guaranteed profit {n}", "darling, bitcoin profit {n}", "gift card {n}")
OWN = {"verdict_provenance": "authored", "source": "everyday_en"}


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    thresholds = {"flag": 0.7, "review": 0.5}
    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    return Scorer(Bundle.load(write_tiny_bundle(folder, thresholds=thresholds)))


@pytest.fixture(autouse=True)
def tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cascades, "_TENSOR", "seen")


def _rows(role: str, source: str, n: int = 90, texts: tuple[str, ...] = HONEST) -> pa.Table:
    rows = [
        row(
            number,
            "scam" if number % 3 == 0 else "legit",
            role=role,
            source=source,
            group=number,
            norm=(LURE if number % 3 == 0 else texts)[number // 3 % 3].format(n=number),
        )
        for number in range(n)
    ]
    return table(rows)


def _silent(line: str) -> None:
    assert line


def test_what_it_clears_is_honest_to_the_whole_model_too(scorer: Scorer) -> None:
    parts = _rows("train", "en_one", 600), _rows("calibrate", "en_one", 300), _rows("dev", "en_two")
    made = make_cascade(*parts, scorer, _silent)
    assert made is not None
    cascade, record = made
    assert cascade.rule.proven
    whole = Lost(**record["check"])
    assert whole.cleared > 0 and whole.flags > 0 and whole.reviews_lost == 0
    assert record["texts"] == whole.rows == record["honest"]["rows"] + record["scams"]["rows"]
    assert record["sources"] == record["languages"] == {}
    # What it says of them is a probability below review.
    readings = lower_readings(Scorer(scorer.bundle, tensor="seen"), ["lunch lunch 7"])
    exits = cascade.exit_odds(readings.means, readings.odds)
    assert exits[0] < cascade.rule.exit_below
    told = cascade.probabilities(readings.odds, exits, scorer.bundle.own_scaling)
    assert told[0, 2] < scorer.bundle.thresholds.review


def test_a_lure_in_honest_words_disproves_it(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A head that finds all honest stands for one that left-out lures deceive.
    blind = np.zeros((len(scorer.bundle.languages) + 21 + 2, 1)), np.array([0.0, -9.0])
    width = lower_readings(Scorer(scorer.bundle, tensor="seen"), ["lunch"]).means.shape[1]
    monkeypatch.setattr(cascades, "fit_head", lambda _: (np.zeros((width + 2, 1)), blind[1]))
    monkeypatch.setattr(cascades, "_SPENT", 1.0)
    parts = _rows("train", "en_one"), _rows("calibrate", "en_one"), _rows("dev", "en_two")
    monkeypatch.setattr(cascades, "_lowest_but", lambda scores, number: -8.0)
    made = make_cascade(*parts, scorer, _silent)
    assert made is not None and not made[0].rule.proven
    assert made[1]["check"]["flags_lost"] == made[1]["check"]["flags"] > 0
    assert made[1]["sources"]["en_two"] == list(made[1]["check"].values())


def test_a_graph_without_such_a_layer_gets_none(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cascades, "_TENSOR", "layer {}")
    lines: list[str] = []
    parts = _rows("train", "en_one"), _rows("calibrate", "en_one"), _rows("dev", "en_two")
    assert make_cascade(*parts, scorer, lines.append) is None
    assert "cannot be split" in lines[0]


def test_pieces_vote_for_the_language_that_has_them(scorer: Scorer) -> None:
    texts = [
        "lunch tomorrow",
        "meeting lunch",
        "\u043e\u0431\u0435\u0434",
        "\u0e01\u0e02\u0e04",
    ] * 4
    readings = lower_readings(Scorer(scorer.bundle, tensor="seen"), texts)
    pieces, languages, votes = fit_votes(readings, len(scorer.bundle.languages))
    assert (np.diff(pieces) > 0).all() and votes.min() > 0
    of_lunch = languages[pieces == scorer.windows.encode(["lunch"])[0][-1]]
    assert [scorer.bundle.languages[code] for code in of_lunch] == ["en"]


def test_honest_words_may_clear_few_more_scams() -> None:
    assert Padded(scams=100, cleared=3, cleared_padded=4, reviews_lost=0).holds
    assert not Padded(scams=100, cleared=3, cleared_padded=5, reviews_lost=0).holds


def test_scams_get_honest_words_of_their_language() -> None:
    rows = [
        row(1, "scam", **OWN, norm="guaranteed profit"),
        row(2, "legit", **OWN, norm="lunch tomorrow at the bridge"),
        row(3, "legit", **OWN, norm="hallo", lang="de"),
        row(4, "scam", norm="of another source"),
    ]
    ((plain, padded),) = padded_scams(table(rows))
    assert plain == "guaranteed profit" and padded.startswith("guaranteed profit lunch tomorrow")
    assert len(padded.split()) == 2 + PADDING and "hallo" not in padded
    assert len(honest_words(["a b c"], random.Random(0)).split()) == PADDING
