"""Pipelines of scikit-learn as detectors of the benchmark."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from bench_setting import setting

pytest.importorskip("skops", reason="needs the extra bench")

import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from scamdetect.bench.detectors.sklearn import load
from scamdetect.bench.names import checked
from scamdetect.errors import InputError

pytestmark = pytest.mark.slow

TEXTS = [
    "lunch tomorrow near the bridge",
    "the meeting moved to three",
    "see you at the station",
    "sale of shoes this week",
    "new discount on coats",
    "shoes at half the price",
    "guaranteed bitcoin profit",
    "pay the release fee now",
    "your prize waits, pay the fee",
]
NAMES = ["legit"] * 3 + ["spam"] * 3 + ["scam"] * 3


def saved(folder: Path, model: object) -> str:
    path = folder / "model.skops"
    skops.io.dump(model, path)
    return str(path)


def test_probabilities_are_those_of_the_scam_class(tmp_path: Path) -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=100.0)).fit(TEXTS, NAMES)
    ready = load(saved(tmp_path, model), setting(tmp_path))
    answers = checked(ready, TEXTS)
    np.testing.assert_allclose(answers.scam, model.predict_proba(TEXTS)[:, 1])
    assert answers.flagged is not None and answers.flagged.tolist() == [n == "scam" for n in NAMES]
    assert ready.note == "" and ready.training is None


def test_mapped_classes_are_added_up_and_are_another_detector(tmp_path: Path) -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, NAMES)
    path = saved(tmp_path, model)
    alone = load(path, setting(tmp_path))
    both = load(path, setting(tmp_path, label_map={"scam": "scam", "spam": "scam"}))
    honest = model.predict_proba(TEXTS)[:, 0]
    np.testing.assert_allclose(checked(both, TEXTS).scam, 1 - honest)
    assert alone.identity != both.identity


@pytest.mark.parametrize("first", [True, False])
def test_a_decision_function_points_to_the_scam_class(tmp_path: Path, first: bool) -> None:
    other = "zero" if first else "honest"  # classes stand in the order of the alphabet
    names = ["scam" if name == "scam" else other for name in NAMES]
    model = make_pipeline(CountVectorizer(), LinearSVC()).fit(TEXTS, names)
    assert list(model.classes_).index("scam") == (0 if first else 1)
    ready = load(saved(tmp_path, model), setting(tmp_path))
    answers = checked(ready, TEXTS)
    assert "decision function" in ready.note
    assert answers.flagged is not None
    np.testing.assert_array_equal(answers.scam > 0.5, answers.flagged)
    assert answers.scam[6:].min() > answers.scam[:6].max()


def test_numbers_and_private_types_of_scikit_learn_are_taken(tmp_path: Path) -> None:
    truth = [int(name == "scam") for name in NAMES]
    model = make_pipeline(CountVectorizer(), CalibratedClassifierCV(LinearSVC(), cv=3))
    model.fit(TEXTS, truth)
    answers = checked(load(saved(tmp_path, model), setting(tmp_path)), TEXTS)
    np.testing.assert_allclose(answers.scam, model.predict_proba(TEXTS)[:, 1])


class Foreign:
    """A step of nobody's."""

    def fit(self, texts, truth=None):
        return self

    def transform(self, texts):
        return texts


@pytest.mark.parametrize(
    ("step", "named"),
    [
        (Foreign(), "Foreign"),
        (FunctionTransformer(pickle.loads), "loads"),
        (FunctionTransformer(np.save), "save"),
    ],
)
def test_foreign_types_and_functions_are_refused_by_name(
    tmp_path: Path, step: object, named: str
) -> None:
    model = make_pipeline(step, CountVectorizer(), LogisticRegression())
    path = saved(tmp_path, model)
    with pytest.raises(InputError, match=f"model.skops.*{named}"):
        load(path, setting(tmp_path))


def test_a_class_that_would_write_a_file_when_made_is_refused(tmp_path: Path) -> None:
    # What skops calls with arguments from the file: this one would overwrite another file.
    victim = tmp_path / "victim.txt"
    victim.write_text("dear diary")
    text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
    written = [text | {"content": json.dumps(part)} for part in (str(victim), "uint8", "w+")]
    written += [text | {"__class__": "int", "content": part} for part in ("0", "5")]
    arguments = {
        "__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode",
        "content": written,
    }  # fmt: skip
    made = {
        "__class__": "memmap", "__module__": "numpy", "__loader__": "ConstructorFromReduceNode",
        "content": arguments,
    }  # fmt: skip
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, NAMES)
    path = Path(saved(tmp_path, model))
    with zipfile.ZipFile(path) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    schema = json.loads(contents["schema.json"])
    contents["schema.json"] = json.dumps(
        made | {key: schema[key] for key in ("protocol", "_skops_version")}
    ).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in contents.items():
            file.writestr(name, content)
    with pytest.raises(InputError, match=r"model.skops.*numpy\.memmap"):
        load(str(path), setting(tmp_path))
    assert victim.read_text() == "dear diary"


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibrated_pipelines_are_taken(tmp_path: Path, method: str) -> None:
    inner = CalibratedClassifierCV(LogisticRegression(), cv=3, method=method)
    model = make_pipeline(TfidfVectorizer(dtype=np.float32), inner).fit(TEXTS, NAMES)
    answers = checked(load(saved(tmp_path, model), setting(tmp_path)), TEXTS)
    np.testing.assert_allclose(answers.scam, model.predict_proba(TEXTS)[:, 1], atol=1e-6)


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib"])
def test_pickles_are_never_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(LogisticRegression()))
    with pytest.raises(InputError, match=r"skops\.io\.dump"):
        load(str(tmp_path / name), setting(tmp_path))


def test_what_is_no_fitted_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.skops.*not found"):
        load(str(tmp_path / "none.skops"), setting(tmp_path))
    (tmp_path / "text.skops").write_text("no zip")
    with pytest.raises(InputError, match="not a skops file"):
        load(str(tmp_path / "text.skops"), setting(tmp_path))
    for model in (LogisticRegression(), CountVectorizer().fit(TEXTS)):
        path = saved(tmp_path, model)
        with pytest.raises(InputError, match="cannot score"):
            load(path, setting(tmp_path))
