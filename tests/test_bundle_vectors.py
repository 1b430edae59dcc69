"""Sentence vectors of the tiny bundle, whose verdict head reads logits of verdicts and kinds."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from tiny_bundle import write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.bundle import vectors
from scamdetect.bundle.bundle import MODEL, Bundle, write_manifest
from scamdetect.bundle.graph import read_by, with_output
from scamdetect.bundle.vectors import SentenceVectors, sentence_vectors
from scamdetect.calibration.probabilities import softmax
from scamdetect.errors import BundleError, InputError, SharingError, TextsError

LONG = "lunch " * 60 + "guaranteed bitcoin profit " + "lunch " * 60
TEXTS = ["profit", LONG, "lunch", "", "profit", "Hello, call +1 555 0100 200", "你好"]


def test_vectors_are_of_the_window_that_decides(tiny_bundle: Path, detector: ScamDetector) -> None:
    found = SentenceVectors(Bundle.load(tiny_bundle), threads=1).of(TEXTS)
    assert found.shape == (7, 3 + 18) and found.dtype == np.float32
    assert np.isnan(found[3]).all() and not np.isnan(np.delete(found, 3, axis=0)).any()
    scores = detector.predict_proba(TEXTS)
    assert softmax(found[:, :3]) == pytest.approx(scores, abs=1e-6, nan_ok=True)
    assert detector.predict(LONG).n_windows > 1


def test_order_and_company_change_nothing(tiny_bundle: Path) -> None:
    whole = SentenceVectors(Bundle.load(tiny_bundle)).of(TEXTS)
    fresh = SentenceVectors(Bundle.load(tiny_bundle))
    for place in reversed(range(len(TEXTS))):
        assert fresh.of([TEXTS[place]])[0] == pytest.approx(whole[place], nan_ok=True)
    assert fresh.of([]).shape == (0, whole.shape[1])


def test_a_text_is_read_once_and_few_are_kept(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = SentenceVectors(Bundle.load(tiny_bundle))
    monkeypatch.setattr(vectors, "REMEMBERED", 3)
    first = encoder.of(["profit", "lunch", "profit"])
    read: list[int] = []
    real = encoder._session.run
    monkeypatch.setattr(
        encoder._session, "run", lambda ids, mask: read.append(len(ids)) or real(ids, mask)
    )
    assert (encoder.of(["lunch", "profit"]) == first[[1, 0]]).all() and not read
    encoder.of(["gift", "card", "sale"])
    assert (encoder.of(["profit"]) == first[0]).all()
    assert sum(read) == 4


def test_one_is_kept_open_until_the_bundle_changes(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle")
    one = sentence_vectors(folder)
    assert sentence_vectors(folder) is one is not sentence_vectors(folder, 1)
    write_manifest(folder, {"again": True})
    assert sentence_vectors(folder) is not one
    (folder / MODEL).write_bytes(b"no model")
    write_manifest(folder, {})
    with pytest.raises(BundleError):
        sentence_vectors(folder)


def test_what_is_impossible_is_told(tmp_path: Path, tiny_bundle: Path) -> None:
    with pytest.raises(InputError, match="threads=0"):
        sentence_vectors(tiny_bundle, 0)
    with pytest.raises(BundleError, match="folder not found"):
        sentence_vectors(tmp_path / "none")


@pytest.mark.parametrize("value", ["profit", np.array("profit"), None])
def test_several_texts_are_wanted(tiny_bundle: Path, value: object) -> None:
    with pytest.raises((TypeError, TextsError), match="list"):
        sentence_vectors(tiny_bundle).of(value)  # type: ignore[arg-type]


def test_an_open_encoder_stays_in_its_process(tiny_bundle: Path) -> None:
    encoder = sentence_vectors(tiny_bundle)
    assert (copy.deepcopy(encoder).of(["profit"]) == encoder.of(["profit"])).all()
    with pytest.raises(SharingError, match="each process"):
        pickle.dumps(encoder)


def test_an_output_is_added_as_the_onnx_package_would(tiny_bundle: Path) -> None:
    graph = (tiny_bundle / MODEL).read_bytes()
    assert read_by(graph, "verdict_logits") == "told"
    with pytest.raises(ValueError, match="no node computes 'nothing'"):
        read_by(graph, "nothing")
    model = onnx.load_from_string(graph)
    model.graph.output.append(onnx.ValueInfoProto(name="told"))
    made = onnx.load_from_string(with_output(graph, "told"))
    assert made == model
    name = "a" * 300
    assert onnx.load_from_string(with_output(graph, name)).graph.output[-1].name == name
    session = ort.InferenceSession(with_output(graph, "told"))
    assert [node.name for node in session.get_outputs()][-1] == "told"
