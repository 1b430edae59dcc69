"""The session over the graph, and the sentence vectors."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from tiny_bundle import LANGUAGES, write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import MODEL, Bundle, write_manifest
from scamdetect.bundle.session import PROBE, PROBE_SHAPE, Session, multiplies_exactly, open_graph
from scamdetect.bundle.vectors import SentenceVectors, sentence_vectors
from scamdetect.calibration.probabilities import softmax
from scamdetect.errors import BundleError, InputError, SharingError, TextsError

OLD = tuple(map(int, ort.__version__.split(".")[:2])) < (1, 21)
LONG = "lunch " * 60 + "guaranteed bitcoin profit " + "lunch " * 60
TEXTS = ["profit", LONG, "lunch", "", "profit", "Hello, call +1 555 0100 200", "你好"]


@pytest.mark.parametrize("tensor", [None, "seen"])
def test_a_run_gives_three_float32_tables(tiny_bundle: Path, tensor: str | None) -> None:
    session = Session(Bundle.load(tiny_bundle), tensor)
    ids = np.array([[0, 5, 2, 1], [0, 2, 1, 1]])
    logits = session.run(ids, (ids != 1).astype(np.int64))
    assert [part.shape for part in logits] == [(2, 3), (2, 18), (2, len(LANGUAGES))]
    assert all(part.dtype == np.float32 for part in logits)
    alone = session.run(ids[:1], np.array([[1, 1, 1, 0]]))
    assert [part.shape[0] for part in alone] == [1, 1, 1]


@pytest.mark.skipif(OLD, reason="this ONNX Runtime takes no folder for weights")
def test_no_weights_are_looked_for_in_the_current_folder(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = onnx.load(str(tiny_bundle / MODEL))
    table = model.graph.initializer[0]
    (tmp_path / "weights.bin").write_bytes(table.raw_data)
    onnx.external_data_helper.set_external_data(table, "weights.bin")
    table.ClearField("raw_data")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match="elsewhere: ONNX Runtime cannot load it"):
        open_graph(model.SerializeToString(), Path("elsewhere"))


def test_the_probe_is_the_product_that_it_says() -> None:
    rows, depth, columns = PROBE_SHAPE
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["activations", "weights"], ["products"])],
        "int8_probe",
        [helper.make_tensor_value_info("activations", TensorProto.UINT8, [rows, depth])],
        [helper.make_tensor_value_info("products", TensorProto.INT32, [rows, columns])],
        [numpy_helper.from_array(np.full((depth, columns), 127, np.int8), "weights")],
    )
    assert onnx.load(str(PROBE)).graph == graph
    assert multiplies_exactly(fast=True) is multiplies_exactly(fast=False) is True


def test_exact_kernels_are_used_only_if_the_fast_ones_saturate(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries: list[str] = []
    add = ort.SessionOptions.add_session_config_entry

    def recorded(self: ort.SessionOptions, key: str, value: str) -> None:
        entries.append(key)
        add(self, key, value)

    monkeypatch.setattr(ort.SessionOptions, "add_session_config_entry", recorded)
    Session(Bundle.load(tiny_bundle))
    assert "session.x64quantprecision" not in entries
    monkeypatch.setattr("scamdetect.bundle.session.multiplies_exactly", lambda fast: not fast)
    Session(Bundle.load(tiny_bundle))
    assert "session.x64quantprecision" in entries


def test_vectors_are_of_the_window_that_decides(tiny_bundle: Path, detector: ScamDetector) -> None:
    encoder = SentenceVectors(Bundle.load(tiny_bundle), threads=1)
    vectors = encoder.of(TEXTS)
    assert vectors.shape == (7, 3 + 18) and vectors.dtype == np.float32
    assert np.isnan(vectors[3]).all() and not np.isnan(np.delete(vectors, 3, axis=0)).any()
    scores = detector.predict_proba(TEXTS)
    assert softmax(vectors[:, :3]) == pytest.approx(scores, abs=1e-6, nan_ok=True)
    for index in reversed(range(len(TEXTS))):  # cached or alone: the same
        assert encoder.of([TEXTS[index]])[0] == pytest.approx(vectors[index], nan_ok=True)
        fresh = sentence_vectors(tiny_bundle).of([TEXTS[index]])
        assert fresh[0] == pytest.approx(vectors[index], nan_ok=True)
    assert encoder.of([]).shape == (0, encoder.width)


def test_a_text_is_read_once(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SentenceVectors(Bundle.load(tiny_bundle))
    first = encoder.of(["profit", "lunch", "profit"])
    monkeypatch.setattr(encoder, "_session", None)
    assert (encoder.of(["lunch", "profit"]) == first[[1, 0]]).all()
    monkeypatch.setattr("scamdetect.bundle.vectors.REMEMBERED", 1)
    encoder.of(["lunch"])
    assert len(encoder._kept) == 1


def test_an_encoder_stays_open_until_the_bundle_changes(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle")
    encoder = sentence_vectors(folder)
    assert sentence_vectors(folder) is encoder is not sentence_vectors(folder, 1)
    write_manifest(folder, {"again": True})
    assert sentence_vectors(folder) is not encoder
    (folder / MODEL).write_bytes(b"no model")
    write_manifest(folder, {})
    with pytest.raises(BundleError):
        sentence_vectors(folder)


def test_invalid_use_of_an_encoder(tmp_path: Path, tiny_bundle: Path) -> None:
    with pytest.raises(InputError, match="threads=0"):
        sentence_vectors(tiny_bundle, 0)
    with pytest.raises(BundleError, match="folder not found"):
        sentence_vectors(tmp_path / "none")
    encoder = sentence_vectors(tiny_bundle)
    for value in ("profit", np.array("profit"), None):
        with pytest.raises((TypeError, TextsError), match="list"):
            encoder.of(value)  # type: ignore[arg-type]
    assert (copy.deepcopy(encoder).of(["profit"]) == encoder.of(["profit"])).all()
    with pytest.raises(SharingError, match="each process"):
        pickle.dumps(encoder)
