"""Calibration of a whole bundle: what it decides, and rows that cannot decide it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from synthetic_corpus import row, table
from tiny_bundle import tiny_settings, write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.bundle import Bundle
from scamdetect.errors import InputError, RecipeError
from scamdetect.labels import Kind
from scamdetect.scoring import Scorer
from scamdetect.training.calibration import Calibration, calibrate


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
            start + n, "scam", lang=lang, kinds=["investment"], norm=f"{words[n % 8 != 0]} {filler}"
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
    assert detector.kind_thresholds[Kind.INVESTMENT].f1 > 0


def test_rates_and_languages_beyond_the_rows_are_not_stored(calibration: Calibration) -> None:
    # Worth 207 even rows: one false alarm exceeds 0.2 % and not 0.5 %.
    assert min(point.fpr for point in calibration.operating_points) == 0.005
    assert {point.lang for point in calibration.operating_points} == {None, "en"}
    assert calibration.rows.languages == {"en": (300, 80), "ru": (40, 20)}
    assert "ru" not in calibration.scalings.by_language


def test_probabilities_are_made_for_the_base_rate(calibration: Calibration, tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", **calibration.settings())
    found = ScamDetector.load(folder, threads=1).predict_proba(["guaranteed profit a a b b"])
    # Of honest texts 1 in 8 and of scams 7 in 8 say this: 0.2 * 7/8 / (0.2 * 7/8 + 0.8 * 1/8).
    assert found[0, 2] == pytest.approx(0.636, abs=0.06)


@pytest.mark.parametrize(("n_legit", "n_scam", "named"), [(300, 49, "scam"), (49, 80, "legit")])
def test_one_class_is_not_enough(tiny_bundle: Path, n_legit: int, n_scam: int, named: str) -> None:
    scorer = Scorer(Bundle.load(tiny_bundle), threads=1)
    with pytest.raises(RecipeError, match=f"50 {named} rows .* has 49"):
        calibrate(table(rows(n_legit, n_scam)), scorer)


def test_an_unknown_language_tag_is_refused(calibration: Calibration, tmp_path: Path) -> None:
    detector = ScamDetector.load(
        write_tiny_bundle(tmp_path / "bundle", **calibration.settings()), threads=1
    )
    with pytest.raises(InputError, match="lang='xx'.*of their own: en"):
        detector.operating_point(fpr=0.05, lang="xx")
