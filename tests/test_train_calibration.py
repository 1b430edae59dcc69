"""Calibration of a whole bundle: what it decides, and rows that cannot decide it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from synthetic_corpus import row, table
from tiny_bundle import tiny_settings, write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import Bundle
from scamdetect.bundle.scorer import Scorer
from scamdetect.calibration.thresholds import KindThresholds
from scamdetect.errors import InputError, RecipeError
from scamdetect.labels import Kind
from scamdetect.train.calibration import Calibration, calibrate, prove_kinds
from scamdetect.train.data.mix import reference_weights


def rows(n_legit: int, n_scam: int, lang: str = "en") -> list[dict[str, object]]:
    words = {"en": ("hello lunch", "guaranteed profit"), "ru": ("обед", "прибыль")}[lang]
    fillers = [" ".join("ab"[int(bit)] for bit in f"{n % 16:04b}") for n in range(n_legit + n_scam)]
    start = 0 if lang == "en" else 10_000
    honest = [
        row(start + n, "legit", lang=lang, norm=f"{words[n % 8 == 0]} {fillers[n]}")
        for n in range(n_legit)
    ]
    return honest + [
        row(
            start + n,
            "scam",
            lang=lang,
            kinds=["investment"],
            kinds_provenance="read",
            norm=f"{words[n % 8 != 0]} {filler}",
        )
        for n, filler in enumerate(fillers[n_legit:], n_legit)
    ]


@pytest.fixture(scope="module")
def corpus() -> pa.Table:
    return table([*rows(300, 80), *rows(40, 20, "ru")])


@pytest.fixture(scope="module")
def calibration(tiny_bundle: Path, corpus: pa.Table) -> Calibration:
    return calibrate(corpus, Scorer(Bundle.load(tiny_bundle), threads=1))


def test_the_bundle_with_it_loads_and_answers(calibration: Calibration, tmp_path: Path) -> None:
    settings = tiny_settings() | calibration.settings()
    folder = write_tiny_bundle(tmp_path / "bundle", **json.loads(json.dumps(settings)))
    detector = ScamDetector.load(folder, threads=1)
    point = detector.operating_point(fpr=0.2)
    assert point.n == 340 and point.n_scam == 100 and point.upper_bound > 0.1
    assert detector.operating_point(fpr=0.2).effective_n == pytest.approx(
        calibration.operating_points[0].effective_n, abs=0.1
    )
    assert detector.operating_point(fpr=0.05, lang="en").n == 300
    assert detector.operating_point(fpr=0.05, kind="investment").n_scam == 100
    named_from = {kind: pair.f1 for kind, pair in detector.kind_thresholds.items()}
    assert (named_from.pop(Kind.INVESTMENT) or 0) > 0
    assert set(named_from.values()) == {None}


def test_rates_and_languages_beyond_the_rows_are_not_stored(calibration: Calibration) -> None:
    # All 340 honest rows are of one block, whose groups weigh alike.
    assert calibration.operating_points[0].effective_n == pytest.approx(340)
    strictest = {
        lang: min(point.fpr for point in calibration.operating_points if point.lang == lang)
        for lang in (None, "en")
    }
    assert strictest == {None: 0.005, "en": 0.005}
    assert calibration.flag.fpr == 0.005 and calibration.review.fpr == 0.03
    assert {point.lang for point in calibration.operating_points} == {None, "en"}
    assert calibration.rows.languages == {"en": (300, 80), "ru": (40, 20)}
    assert "ru" not in calibration.scalings.by_language


def test_given_weights_hold_for_the_points_too(tiny_bundle: Path, corpus: pa.Table) -> None:
    scorer = Scorer(Bundle.load(tiny_bundle), threads=1)
    given = calibrate(corpus, scorer, reference_weights(corpus))
    # Each language has half of the weight: 1 / (1/4/300 + 1/4/40) = 141 even rows.
    assert given.operating_points[0].effective_n == pytest.approx(141.18, abs=0.01)
    assert given.flag.fpr == 0.01 and given.record()["blocks"] == {}


def test_points_weigh_honest_rows_by_the_blocks_of_traffic(tiny_bundle: Path) -> None:
    # Of 2,000 notices 4 % read like scams, of 500 talk and 500 money rows none.
    norms = ["guaranteed profit" if n < 80 else "hello lunch" for n in range(2000)]
    honest = [
        row(n, "legit", norm=f"{norm} {n}", slices=["transactional"])
        for n, norm in enumerate(norms)
    ]
    for start, name in ((3000, "everyday"), (4000, "finance")):
        honest += [row(start + n, "legit", norm=f"hello {n}", slices=[name]) for n in range(500)]
    scams = [row(9000 + n, "scam", norm=f"guaranteed profit gift {n}") for n in range(100)]
    calibration = calibrate(table(honest + scams), Scorer(Bundle.load(tiny_bundle), threads=1))
    # So 2 % of the honest mass reads like scams: half of the mass is notices.
    assert calibration.review.effective_n == pytest.approx(1 / (0.25 / 2000 + 0.13 / 500))
    by_rate = {p.fpr: p for p in calibration.operating_points if p.lang is p.kind is None}
    assert by_rate[0.02].threshold < by_rate[0.01].threshold
    assert calibration.honest_to_review == pytest.approx(0.02)
    assert calibration.record()["blocks"] == {"notices": 0.5, "talk": 0.3, "money": 0.2}


@pytest.mark.parametrize(("rows_a_group", "strictest"), [(1, 0.005), (4, 0.01)])
def test_flag_and_review_stand_between_the_scores(
    tiny_bundle: Path, tmp_path: Path, rows_a_group: int, strictest: float
) -> None:
    levels = ["hello lunch", "profit", "guaranteed profit", "guaranteed profit gift card"]
    # Of 400 honest texts 2 stand on the third level and 10 on the second: 0.5 % and 3 %.
    told = [levels[2]] * 2 + [levels[1]] * 10 + [levels[0]] * 388
    corpus = [row(n, "legit", norm=norm, group=n // rows_a_group) for n, norm in enumerate(told)]
    corpus += [row(n, "scam", norm=levels[2 + n % 2], group=n) for n in range(500, 600)]
    calibration = calibrate(table(corpus), Scorer(Bundle.load(tiny_bundle), threads=1))
    folder = write_tiny_bundle(tmp_path / "bundle", **calibration.settings())
    none, low, middle, _ = ScamDetector.load(folder, threads=1).predict_proba(levels)[:, 2]
    assert calibration.flag.threshold == pytest.approx((low + middle) / 2, abs=1e-5)
    assert calibration.review.threshold == pytest.approx((none + low) / 2, abs=1e-5)
    assert (calibration.flag.fpr, calibration.review.fpr) == (strictest, 0.03)
    assert calibration.flag.effective_n == pytest.approx(400 / rows_a_group)
    assert Bundle.load(folder).thresholds_fpr == {"flag": strictest, "review": 0.03}


def test_without_a_supported_rate_nothing_is_released(tiny_bundle: Path) -> None:
    corpus = table([one | {"group": one["group"] % 4} for one in rows(100, 60)])
    scorer = Scorer(Bundle.load(tiny_bundle), threads=1)
    with pytest.raises(RecipeError, match="100 legit .*effective number 4. support no .*0.005 to"):
        calibrate(corpus, scorer)


def test_a_calibrated_bundle_is_not_calibrated_again(
    calibration: Calibration, corpus: pa.Table, tmp_path: Path
) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", **calibration.settings())
    with pytest.raises(RecipeError, match="bundle is already calibrated"):
        calibrate(corpus, Scorer(Bundle.load(folder), threads=1))


def test_probabilities_are_made_for_the_base_rate(calibration: Calibration, tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", **calibration.settings())
    found = ScamDetector.load(folder, threads=1).predict_proba(["guaranteed profit a a b b"])
    # Of honest texts 1 in 8 and of scams 7 in 8 say this: 0.2 * 7/8 / (0.2 * 7/8 + 0.8 * 1/8).
    assert found[0, 2] == pytest.approx(0.636, abs=0.06)


@pytest.mark.parametrize(
    ("n_legit", "n_scam", "named"),
    [(300, 49, "scam"), (49, 80, "legit"), (300, 0, "scam"), (0, 80, "legit")],
)
def test_one_class_is_not_enough(tiny_bundle: Path, n_legit: int, n_scam: int, named: str) -> None:
    scorer = Scorer(Bundle.load(tiny_bundle), threads=1)
    n = n_scam if named == "scam" else n_legit
    with pytest.raises(RecipeError, match=f"50 {named} rows .* has {n}"):
        calibrate(table(rows(n_legit, n_scam)), scorer)


def test_an_unknown_language_tag_is_refused(calibration: Calibration, tmp_path: Path) -> None:
    detector = ScamDetector.load(
        write_tiny_bundle(tmp_path / "bundle", **calibration.settings()), threads=1
    )
    with pytest.raises(InputError, match="lang='xx'.*points: en"):
        detector.operating_point(fpr=0.05, lang="xx")


def test_kinds_need_dev_rows_that_agree(calibration: Calibration, tiny_bundle: Path) -> None:
    named = replace(
        calibration,
        kind_thresholds=calibration.kind_thresholds
        | {Kind.INVESTMENT: KindThresholds(0.001, None)},
    )
    scorer = Scorer(Bundle.load(tiny_bundle), threads=1)
    agreeing = table(rows(0, 200))
    proven = prove_kinds(named, scorer, agreeing)
    assert proven.kind_thresholds == named.kind_thresholds
    assert 60 < proven.kinds_proven_on == proven.record()["kinds_proven_on"] < 140
    others = [one | {"kinds": ["romance"]} for one in rows(0, 200)]
    proven = prove_kinds(named, scorer, table(others))
    assert proven.kind_thresholds[Kind.INVESTMENT] == KindThresholds(None, None)
    assert prove_kinds(named, scorer, table(rows(0, 20))) == named
