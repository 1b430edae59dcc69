"""ScamClassifier as scikit-learn's tools use it, over the tiny bundle."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from tiny_bundle import write_tiny_bundle

from scamdetect import ScamClassifier, ScamDetectError
from scamdetect.bundle.bundle import CARD, Bundle, write_manifest
from scamdetect.errors import BundleError, InputError, TextsError

pytestmark = pytest.mark.slow

TEXTS = [f"{word} {rest}" for word in ("profit", "gift", "lunch", "meeting") for rest in "abcdef"]
LABELS = np.repeat(["bad", "fine"], 12)
# Enough labels for words, of which the tiny bundle knows none.
UNKNOWN = [
    f"{word} {one}{other}" for word in ("zebra", "quokka") for one in "abcde" for other in "uvwxyz"
]
UNKNOWN_LABELS = np.repeat(["bad", "fine"], 30)


@pytest.fixture
def classifier(tiny_bundle: Path) -> ScamClassifier:
    return ScamClassifier(tiny_bundle, threads=1)


def test_it_learns_labels_of_any_name(classifier: ScamClassifier) -> None:
    fitted = classifier.fit(TEXTS, LABELS)
    assert fitted is classifier and list(classifier.classes_) == ["bad", "fine"]
    new = ["profit now", "lunch now"]
    assert list(classifier.predict(new)) == ["bad", "fine"]
    chances = classifier.predict_proba(new)
    assert chances.shape == (2, 2) and chances.sum(axis=1) == pytest.approx(1)
    assert chances[0, 0] > 0.5 > chances[1, 0]
    assert (classifier.decision_function(new) < 0).tolist() == [True, False]
    assert classifier.score(TEXTS, LABELS) == 1


def test_three_classes_and_weights(tiny_bundle: Path) -> None:
    labels = np.repeat([0, 1, 2], 8)
    made = ScamClassifier(tiny_bundle, C=10, class_weight="balanced").fit(TEXTS, labels)
    assert made.predict_proba(TEXTS[:2]).shape == (2, 3)
    twice = clone(made).fit(TEXTS + TEXTS[:5], [*labels, *labels[:5]])
    weighted = clone(made).fit(TEXTS, labels, sample_weight=np.r_[np.full(5, 2), np.ones(19)])
    assert weighted.decision_function(TEXTS) == pytest.approx(
        twice.decision_function(TEXTS), abs=1e-2
    )


@pytest.mark.parametrize(
    "given",
    [
        list,
        np.array,
        pd.Series,
        pa.array,
        lambda texts: np.array(texts, object)[:, None],
        lambda texts: pd.DataFrame({"text": texts}),
    ],
)
def test_any_column_of_texts_gives_the_same(classifier: ScamClassifier, given: Any) -> None:  # noqa: ANN401
    expected = classifier.fit(TEXTS, LABELS).predict_proba(TEXTS)
    assert (classifier.predict_proba(given(TEXTS)) == expected).all()
    assert (clone(classifier).fit(given(TEXTS), LABELS).predict_proba(TEXTS) == expected).all()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("profit", "got one str; pass a list"),
        ([], "an empty list"),
        (["profit", None], "row 1 of the texts is missing"),
        (pd.Series(["profit", np.nan]), "row 1 of the texts is missing"),
        (pd.Series(["profit", pd.NA]), "row 1 of the texts is missing"),
        (pd.Series(["profit", pd.NA], dtype="string"), "row 1 of the texts is missing"),
        (["profit", np.zeros(2)], "row 1 of the texts is a ndarray"),
        (["profit", 3], "row 1 of the texts is a int"),
        (["profit", b"lunch"], "row 1 of the texts is a bytes"),
        (np.zeros((3, 2)), r"got \(3, 2\); choose the column"),
        (sparse.csr_array(np.eye(2)), "got one csr_array"),
        ({"text": "profit"}, "got one dict"),
    ],
)
def test_what_is_no_text_is_told_and_not_shown(
    classifier: ScamClassifier,
    given: Any,  # noqa: ANN401
    told: str,
) -> None:
    classifier.fit(TEXTS, LABELS)
    for call in (classifier.predict, lambda texts: clone(classifier).fit(texts, LABELS[:2])):
        with pytest.raises(TextsError, match=told) as caught:
            call(given)
        assert "profit" not in str(caught.value)
        assert isinstance(caught.value, ValueError) and isinstance(caught.value, ScamDetectError)


def test_an_empty_text_is_an_average_one(classifier: ScamClassifier) -> None:
    found = classifier.fit([*TEXTS, ""], [*LABELS, "fine"]).decision_function(["", "  \u200b "])
    assert found[0] == found[1] == pytest.approx(classifier.head_.intercept_[0])


@pytest.mark.parametrize("words", [True, False])
def test_it_learns_words_that_the_encoder_does_not_know(
    classifier: ScamClassifier, words: bool
) -> None:
    made = classifier.set_params(words=words).fit(UNKNOWN, UNKNOWN_LABELS)
    right = made.predict(["zebra now", "quokka now"]) == ["bad", "fine"]
    assert right.all() == words


def test_few_labels_are_learnt_by_vectors_only(classifier: ScamClassifier) -> None:
    expected = clone(classifier).set_params(words=False).fit(TEXTS, LABELS)
    found = classifier.fit(TEXTS, LABELS).decision_function(TEXTS)
    assert (found == expected.decision_function(TEXTS)).all()


def test_words_are_those_of_the_normalised_text(classifier: ScamClassifier) -> None:
    texts = [f"{one} +1 202 555 01{n}" for n, one in enumerate(UNKNOWN, start=10)]
    made = classifier.fit(texts, UNKNOWN_LABELS)
    assert made.words_ is not None
    found = made.decision_function(["zebra +1 202 555 0143", "zebra +1 202 555 0199"])
    assert found[0] == found[1]


def test_a_weight_counts_as_so_many_rows_with_words(classifier: ScamClassifier) -> None:
    again = [*range(60), *range(5)]
    twice = classifier.fit(np.array(UNKNOWN)[again], UNKNOWN_LABELS[again])
    weighted = clone(classifier).fit(
        UNKNOWN, UNKNOWN_LABELS, sample_weight=np.r_[np.full(5, 2), np.ones(55)]
    )
    assert weighted.words_ is not None
    assert weighted.decision_function(UNKNOWN) == pytest.approx(
        twice.decision_function(UNKNOWN), abs=1e-2
    )


def test_three_classes_with_words(classifier: ScamClassifier) -> None:
    texts = [f"{word} {n}" for word in ("zebra", "quokka", "okapi") for n in range(20)]
    made = classifier.fit(texts, np.repeat(["a", "b", "c"], 20))
    assert list(made.predict(["an okapi", "a zebra"])) == ["c", "a"]


@pytest.mark.parametrize("words", [True, False])
@pytest.mark.filterwarnings("ignore:invalid value")  # of numpy, on the mean of no vectors
def test_texts_without_a_character_are_fitted(classifier: ScamClassifier, words: bool) -> None:
    made = classifier.set_params(words=words).fit([""] * 60, UNKNOWN_LABELS)
    assert made.predict_proba(["profit"])[0] == pytest.approx([0.5, 0.5])


def test_many_texts_are_read_in_parts(classifier: ScamClassifier) -> None:
    expected = classifier.fit(TEXTS, LABELS).predict_proba(TEXTS)
    many = classifier.predict_proba(TEXTS * 50)
    assert many == pytest.approx(np.tile(expected, (50, 1)))


def test_errors_of_scikit_learn_come_through(classifier: ScamClassifier) -> None:
    with pytest.raises(NotFittedError):
        classifier.predict(TEXTS)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        classifier.fit(TEXTS, LABELS[:-1])
    with pytest.raises(ValueError, match="2 classes"):
        classifier.fit(TEXTS, ["bad"] * len(TEXTS))
    with pytest.raises(ValueError, match="'C'"):
        clone(classifier).set_params(C=-1).fit(TEXTS, LABELS)
    with pytest.raises(InputError, match="threads=0"):
        clone(classifier).set_params(threads=0).fit(TEXTS, LABELS)
    with pytest.raises(BundleError, match="folder not found"):
        clone(classifier).set_params(bundle="nowhere").fit(TEXTS, LABELS)


def test_it_works_in_the_tools_around(classifier: ScamClassifier) -> None:
    scores = cross_val_score(classifier, TEXTS, LABELS, cv=3, scoring="roc_auc")
    assert (scores == 1).all()
    calibrated = CalibratedClassifierCV(classifier, cv=3).fit(np.array(TEXTS), LABELS)
    assert calibrated.predict_proba(["profit now"])[0, 0] > 0.5
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    piped = make_pipeline(lower, classifier).fit([text.upper() for text in TEXTS], LABELS)
    assert piped.predict(["PROFIT NOW"]) == ["bad"]
    searched = GridSearchCV(classifier, {"C": [0.01, 1.0]}, cv=2).fit(TEXTS, LABELS)
    assert searched.best_score_ == 1
    frame = pd.DataFrame({"id": range(24), "body": TEXTS})
    chosen = ColumnTransformer([("texts", "passthrough", ["body"])])
    assert (
        Pipeline([("of", chosen), ("is", clone(classifier))])
        .fit(frame, LABELS)
        .score(frame, LABELS)
    )


def test_the_estimator_check_runs_what_applies_to_texts(classifier: ScamClassifier) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        results = check_estimator(classifier)
    assert results and {one["status"] for one in results} == {"passed"}
    # All other checks of scikit-learn feed numbers, as it says of its own vectorisers of texts.
    assert any(one.category is SkipTestWarning for one in told)


def test_a_pickle_holds_the_head_and_no_encoder(
    tmp_path: Path, tiny_bundle: Path, classifier: ScamClassifier
) -> None:
    expected = classifier.fit(UNKNOWN, UNKNOWN_LABELS).predict_proba(TEXTS)
    assert classifier.words_ is not None
    joblib.dump(classifier, tmp_path / "head.joblib")
    assert (tmp_path / "head.joblib").stat().st_size < 20_000
    assert b"zebra" not in pickle.dumps(classifier)
    code = (
        f"import joblib, json\nmade = joblib.load({str(tmp_path / 'head.joblib')!r})\n"
        f"print(json.dumps(made.predict_proba({TEXTS!r}).tolist()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert np.array(json.loads(done.stdout)) == pytest.approx(expected)


def test_a_missing_or_changed_bundle_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle")
    made = ScamClassifier(folder).fit(TEXTS, LABELS)
    expected = made.predict_proba(TEXTS)
    folder.rename(tmp_path / "moved")
    with pytest.raises(
        BundleError, match=rf"fitted on {re.escape(made.model_id_)}, .* folder not found"
    ):
        made.predict(TEXTS)
    made.set_params(bundle=tmp_path / "moved")
    assert (made.predict_proba(TEXTS) == expected).all()
    shutil.copytree(tmp_path / "moved", folder)
    (folder / CARD).write_text("# Another\n", encoding="utf-8")
    write_manifest(folder, {})
    assert (made.set_params(bundle=folder).predict_proba(TEXTS) == expected).all()
    write_tiny_bundle(folder, version="0.0.2")
    with pytest.raises(BundleError, match="scamdetect-tiny@0.0.2"):
        made.set_params(bundle=folder).predict(TEXTS)


def test_parameters_are_those_given(tiny_bundle: Path) -> None:
    made = ScamClassifier(str(tiny_bundle), C=2.0, class_weight={"bad": 3}, threads=1)
    assert made.get_params() == {
        "bundle": str(tiny_bundle), "C": 2.0, "class_weight": {"bad": 3}, "threads": 1,
        "words": True,
    }  # fmt: skip
    assert clone(made).get_params() == made.get_params()
    assert made.fit(TEXTS, LABELS).model_id_ == Bundle.load(tiny_bundle).model_id
