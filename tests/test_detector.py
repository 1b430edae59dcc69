"""The public predict API over the tiny bundle."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_bundle import write_tiny_bundle

from scamdetect import Decision, Prediction, ScamDetector, Verdict
from scamdetect.calibration.operating_points import OperatingPoint
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.detector import STREAM_WINDOW
from scamdetect.errors import InputError, SharingError, TextsError

LURE = "Guaranteed profit, darling! Buy a gift card"
HONEST = "hello, lunch tomorrow? thanks"
PROMO = "big sale, discount offer"
MIXED = [LURE, None, HONEST, "", PROMO, LURE, 7, "прибыль", "利润", b"raw", "สวัสดี"]

words = st.sampled_from(["profit", "hello", "gift", "sale", "x", "обед", "利润", "👍", "lunch"])
messages = st.lists(words, min_size=1, max_size=90).map(" ".join)


def test_a_lure_is_flagged(detector: ScamDetector) -> None:
    found = detector.predict(LURE)
    assert (found.verdict, found.decision) == (Verdict.SCAM, Decision.FLAG)
    assert found.kinds[0].kind == "investment" and "romance" in {k.kind for k in found.kinds}
    assert [k.probability for k in found.kinds] == sorted(
        (k.probability for k in found.kinds), reverse=True
    )
    assert found.language == "en" and found.n_windows == 1 and found.reason is None
    assert found.model_id == detector.model_id


def test_languages_and_unsure(detector: ScamDetector) -> None:
    found = detector.predict(["прибыль", "利润", "สวัสดี", "12:30"])
    assert [p.language for p in found] == ["ru", "zh", "th", "und"]


def test_a_list_equals_its_members(detector: ScamDetector) -> None:
    assert detector.predict(MIXED) == [detector.predict(item) for item in MIXED]
    assert detector.predict([]) == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing"),
        (math.nan, "missing"),
        (np.float32("nan"), "missing"),
        (pd.NA, "missing"),
        (pd.NaT, "missing"),
        (b"profit", "not text: bytes"),
        (3, "not text: int"),
        (1.5, "not text: float"),
        (True, "not text: bool"),
        ({"text": "profit"}, "not text: dict"),
        (pd.DataFrame({"text": ["profit"]}), "not text: DataFrame"),
        ("", "empty after normalisation"),
        (" \n\t\u200b\x00", "empty after normalisation"),
    ],
)
def test_what_cannot_be_scored_says_why(detector: ScamDetector, value: object, reason: str) -> None:
    for found in (detector.predict(value), detector.predict([value])[0]):
        assert isinstance(found, Prediction)
        assert (found.decision, found.reason) == (Decision.UNSCORED, reason)
        assert found.verdict is found.probabilities is found.scam_probability is None
        assert found.kinds == () and found.n_windows == 0
    assert np.isnan(detector.predict_proba([value])).all()
    assert np.isnan(detector.kind_proba([value])).all()


@given(st.text(alphabet=st.characters(), max_size=80))
@settings(max_examples=100, deadline=None)
def test_any_text_gets_an_answer(detector, text) -> None:  # noqa: ANN001
    found = detector.predict(text)
    if found.probabilities is None:
        assert found.reason == "empty after normalisation"
    else:
        assert sum(found.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_a_megabyte_is_scored_over_windows(detector: ScamDetector) -> None:
    found = detector.predict("x y z " * 180_000 + LURE)
    assert found.decision is Decision.FLAG and found.n_windows > 5_000


def test_a_window_limit_is_never_silent(tmp_path: Path) -> None:
    limited = ScamDetector.load(write_tiny_bundle(tmp_path / "b", max_windows=3), threads=1)
    found = limited.predict("hello lunch " * 200)
    assert found.n_windows == 3 and found.reason == "scored 3 of 18 windows"
    assert limited.predict(HONEST).reason is None


def test_tables_of_probabilities(detector: ScamDetector) -> None:
    proba, kinds = detector.predict_proba(MIXED), detector.kind_proba(MIXED)
    assert proba.dtype == kinds.dtype == np.float32
    assert proba.shape == (len(MIXED), 3) and kinds.shape == (len(MIXED), len(detector.kinds_))
    assert detector.classes_ == ("legit", "spam", "scam")
    for row, prediction in zip(proba, detector.predict(MIXED), strict=True):
        if prediction.probabilities is None:
            assert np.isnan(row).all()
        else:
            assert row.tolist() == [np.float32(p) for p in prediction.probabilities.values()]
    assert detector.predict_proba([]).shape == (0, 3)


@pytest.mark.parametrize("value", [np.array(LURE), np.array(None), np.array(3.0)])
def test_an_array_without_a_dimension_is_neither_one_text_nor_several(
    detector: ScamDetector, value: object
) -> None:
    calls: list[Callable[[Any], object]] = [
        detector.predict,
        detector.predict_proba,
        detector.kind_proba,
        detector.stream,
        detector.explain,
        detector.predict_conversation,
        detector.predict_conversations,
        lambda texts: detector.predict_conversations([texts]),
    ]
    for call in calls:
        with pytest.raises(TextsError, match=r"pass .item\(\) or a list") as caught:
            call(value)
        assert LURE not in str(caught.value)
    with pytest.raises(InputError, match="as a table"):
        detector.score_table(value)
    assert detector.predict([value])[0].reason == "not text: ndarray"
    assert detector.predict(np.str_(LURE)) == detector.predict(LURE)
    assert detector.predict(np.float64("nan")).reason == "missing"  # type: ignore[call-overload]


def test_copies_share_the_open_model_and_cannot_be_pickled(detector: ScamDetector) -> None:
    changed = detector.with_thresholds(flag=0.95)
    for other in (copy.copy(changed), copy.deepcopy(changed), copy.deepcopy([changed])[0]):
        assert other is not changed and other.thresholds == changed.thresholds
        assert other.predict(MIXED) == changed.predict(MIXED)
    for value in (detector, [changed], detector.predict):
        with pytest.raises(SharingError, match=r"ScamDetector\.load in each process") as caught:
            pickle.dumps(value)
        assert isinstance(caught.value, TypeError)  # as pickling has it
    assert pickle.loads(pickle.dumps(detector.bundle)).model_id == detector.model_id


def test_ways_to_load(
    detector: ScamDetector, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulled: list[tuple[str, str | None]] = []

    def download(repo_id: str, revision: str | None = None) -> Path:
        pulled.append((repo_id, revision))
        return tiny_bundle

    monkeypatch.setattr("scamdetect.hub.download", download)
    monkeypatch.chdir(tmp_path)
    assert ScamDetector(detector.bundle, threads=1).predict(LURE) == detector.predict(LURE)
    assert ScamDetector.from_pretrained("owner/name", revision="v1").model_id == detector.model_id
    assert pulled == [("owner/name", "v1")]
    folder = write_tiny_bundle(tmp_path / "owner" / "name", version="7.7.7")
    assert "@7.7.7+" in ScamDetector.load("owner/name").model_id  # an existing folder wins
    with pytest.raises(InputError, match="revision refers to a bundle on the hub"):
        ScamDetector.load(folder, revision="v1")
    assert len(pulled) == 1


def test_a_child_stays_one(tiny_bundle: Path) -> None:
    class Own(ScamDetector):
        pass

    own = Own.load(tiny_bundle, threads=1)
    strict = own.with_thresholds(flag=0.95)
    assert type(own) is type(strict) is Own
    assert own.thresholds.flag != strict.thresholds.flag == 0.95


@pytest.mark.parametrize(
    "several",
    [tuple(MIXED[:3]), pd.Series(MIXED[:3]), np.array(MIXED[:3], object), pa.array(MIXED[:3])],
)
def test_any_collection_of_texts_will_do(detector: ScamDetector, several: object) -> None:
    assert detector.predict(several) == detector.predict(MIXED[:3])  # type: ignore[call-overload]


def test_a_stream_is_lazy_and_bounded(detector: ScamDetector) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        for number in itertools.count():
            taken += 1
            yield f"hello {number % 5}"

    stream = detector.stream(endless())
    assert taken == 0
    found = list(itertools.islice(stream, STREAM_WINDOW + 1))
    assert len(found) == STREAM_WINDOW + 1 and taken == 2 * STREAM_WINDOW
    assert found[5] == detector.predict("hello 0")


def test_thresholds_move_the_decision_alone(detector: ScamDetector) -> None:
    text = "прибыль"
    before = detector.predict(text)
    assert before.decision is Decision.REVIEW
    strict = detector.with_thresholds(flag=0.6, review=0.5)
    after = strict.predict(text)
    assert after.decision is Decision.FLAG and after.probabilities == before.probabilities
    assert detector.predict(text) == before
    assert detector.with_thresholds(flag=0.95).thresholds.review == detector.thresholds.review


def test_review_follows_a_lower_flag_down(detector: ScamDetector) -> None:
    point = OperatingPoint(0.05, 0.4, 0.06, 500, 0.9)
    assert detector.with_thresholds(flag=point).thresholds == Thresholds(flag=0.4, review=0.4)
    assert detector.with_thresholds(flag=point, review=0.1).thresholds.review == 0.1


@pytest.mark.parametrize("name", ["flag", "review"])
@pytest.mark.parametrize("value", ["x", True, [0.5]])
def test_a_threshold_that_is_no_number_is_named(
    detector: ScamDetector, name: str, value: object
) -> None:
    with pytest.raises(InputError, match=f"{name} must be a number .* or an OperatingPoint; got "):
        detector.with_thresholds(**{name: value})
    assert detector.with_thresholds(flag=np.float32(0.95)).thresholds.flag == np.float32(0.95)


def test_an_operating_point_gives_its_threshold(detector: ScamDetector) -> None:
    point = detector.operating_point(fpr=0.005)
    assert (point.threshold, point.n, point.recall) == (0.9, 500, 0.8)
    assert detector.with_thresholds(flag=point, review=0.3).thresholds.flag == 0.9
    with pytest.raises(InputError, match=r"this bundle has 0\.005"):
        detector.operating_point(fpr=0.01)
    with pytest.raises(InputError, match="lang='th'.*lang=None"):
        detector.operating_point(fpr=0.005, lang="th")


def test_a_language_has_its_calibration_and_an_unsure_text_the_one_of_all(
    tmp_path: Path, detector: ScamDetector
) -> None:
    folder = write_tiny_bundle(tmp_path / "b", language_calibration={"ru": [1.0, -2.0]})
    own = ScamDetector.load(folder, threads=1)
    texts = ["прибыль", "利润", "profit прибыль", "12:30"]
    before, after = detector.predict(texts), own.predict(texts)
    assert [p.language for p in after] == ["ru", "zh", "und", "und"]
    assert after[0].scam_probability < before[0].scam_probability
    assert [p.scam_probability for p in after[1:]] == [p.scam_probability for p in before[1:]]


def test_no_kind_is_likelier_than_the_scam(detector: ScamDetector) -> None:
    texts = [LURE, HONEST, PROMO, "profit hello lunch", "利润"]
    assert (detector.kind_proba(texts) <= detector.predict_proba(texts)[:, 2:]).all()


def test_a_kind_is_named_from_its_own_threshold(tmp_path: Path, detector: ScamDetector) -> None:
    own = {"investment": {"f1": 1.0, "precision": None}, "other": {"f1": 0.01, "precision": None}}
    strict = ScamDetector.load(write_tiny_bundle(tmp_path / "b", kind_thresholds=own), threads=1)
    kinds = [k.kind for k in strict.predict(LURE).kinds]
    assert "investment" not in kinds and "romance" in kinds
    assert strict.kind_thresholds["investment"].f1 == 1.0  # type: ignore[index]
    assert detector.kind_thresholds == {}


def test_a_kind_that_is_never_named_is_other_on_a_scam_to_review(tmp_path: Path) -> None:
    never = {name: {"f1": None, "precision": None} for name in ScamDetector.kinds_}
    folder = write_tiny_bundle(tmp_path / "b", kind_thresholds=never, kind_threshold=0.3)
    detector = ScamDetector.load(folder, threads=1)
    found = detector.predict(LURE)
    strongest = detector.kind_proba([LURE])[0].max()
    assert [k.kind for k in found.kinds] == ["other"]
    assert found.kinds[0].probability == pytest.approx(strongest)
    assert found.scam_probability is not None and 0.3 < strongest <= found.scam_probability < 1
    # At a review threshold over its scam probability, nothing stands for the kind.
    strict = detector.with_thresholds(flag=1.0, review=1.0)
    assert strict.predict(LURE).kinds == ()
    assert detector.predict(HONEST).kinds == ()
