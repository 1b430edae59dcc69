"""The session over the graph."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from tiny_bundle import LANGUAGES

from scamdetect.bundle.runtime import (
    PROBE,
    PROBE_SHAPE,
    Session,
    VectorSession,
    multiplies_exactly,
    open_session,
)
from scamdetect.errors import BundleError, InputError, MissingExtraError


def opened(path: Path, *options: Any, **named: Any) -> Session:  # noqa: ANN401
    return open_session(path.read_bytes(), path, len(LANGUAGES), *options, **named)


def test_a_run_gives_three_float32_tables(tiny_bundle: Path) -> None:
    session = opened(tiny_bundle / "model.onnx", threads=1)
    ids = np.array([[0, 5, 2, 1], [0, 2, 1, 1]])
    logits = session.run(ids, (ids != 1).astype(np.int64))
    assert [part.shape for part in logits] == [(2, 3), (2, 18), (2, len(LANGUAGES))]
    assert all(part.dtype == np.float32 for part in logits)


@pytest.mark.parametrize("options", [{"runtime": "tensorrt"}, {"threads": 0}, {"threads": -2}])
def test_impossible_options_are_refused(tiny_bundle: Path, options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        opened(tiny_bundle / "model.onnx", **options)  # type: ignore[arg-type]


@pytest.mark.skipif(importlib.util.find_spec("openvino") is not None, reason="openvino installed")
def test_a_missing_runtime_names_its_extra(tiny_bundle: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"'openvino'.*pip install .*\[openvino\]"):
        opened(tiny_bundle / "model.onnx", "openvino")


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino missing")
def test_both_runtimes_agree(tiny_bundle: Path) -> None:
    ids = np.array([[0, 5, 9, 2], [0, 7, 2, 1]])
    mask = (ids != 1).astype(np.int64)
    first, second = (
        opened(tiny_bundle / "model.onnx", name).run(ids, mask)
        for name in ("onnxruntime", "openvino")
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def _open_vectors(graph: bytes, path: Path) -> VectorSession:
    return VectorSession(graph, path, len(LANGUAGES))


def _open(graph: bytes, path: Path) -> Session:
    return open_session(graph, path, len(LANGUAGES))


OLD = tuple(map(int, ort.__version__.split(".")[:2])) < (1, 21)


@pytest.mark.skipif(OLD, reason="this ONNX Runtime takes no folder for weights")
@pytest.mark.parametrize("open_it", [_open, _open_vectors])
def test_no_runtime_looks_for_weights_where_it_runs(
    tiny_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    open_it: Callable[[bytes, Path], object],
) -> None:
    model = onnx.load(str(tiny_bundle / "model.onnx"))
    table = model.graph.initializer[0]
    (tmp_path / "weights.bin").write_bytes(table.raw_data)
    onnx.external_data_helper.set_external_data(table, "weights.bin")
    table.ClearField("raw_data")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match=r"elsewhere: ONNX Runtime cannot load it"):
        open_it(model.SerializeToString(), Path("elsewhere"))


def test_a_graph_in_another_format_is_not_loaded(tiny_bundle: Path, tmp_path: Path) -> None:
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "model.onnx")
    options.log_severity_level = 3
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(str(tiny_bundle / "model.onnx"), options)
    assert (tmp_path / "model.onnx").read_bytes()[4:8] == b"ORTM"
    with pytest.raises(BundleError, match="cannot load it"):
        opened(tmp_path / "model.onnx")


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


def test_a_kernel_that_saturates_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert multiplies_exactly(fast=True) is multiplies_exactly(fast=False) is True
    multiplies_exactly.cache_clear()
    saturated = np.full((PROBE_SHAPE[0], PROBE_SHAPE[2]), 32_767 * PROBE_SHAPE[1] // 2, np.int32)

    class Session:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def run(self, *_: object) -> list[np.ndarray]:
            return [saturated]

    monkeypatch.setattr("scamdetect.bundle.runtime.ort.InferenceSession", Session)
    assert multiplies_exactly(fast=True) is multiplies_exactly(fast=False) is False
    multiplies_exactly.cache_clear()


def test_exact_kernels_are_asked_for_only_where_the_fast_ones_saturate(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    entry = ort.SessionOptions.add_session_config_entry

    def recorded(self: ort.SessionOptions, key: str, value: str) -> None:
        asked.append(key)
        entry(self, key, value)

    monkeypatch.setattr(ort.SessionOptions, "add_session_config_entry", recorded)
    opened(tiny_bundle / "model.onnx")
    assert "session.x64quantprecision" not in asked
    monkeypatch.setattr("scamdetect.bundle.runtime.multiplies_exactly", lambda fast: not fast)
    opened(tiny_bundle / "model.onnx")
    assert "session.x64quantprecision" in asked
