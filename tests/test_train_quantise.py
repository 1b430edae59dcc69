"""The exported graphs: fp32 equals torch, int8 stays close and never depends on the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from tiny_base import PIECES, tiny_encoder

from scamdetect.train.model import ScamModel
from scamdetect.train.quantise import OUTPUTS, export_fp32, pack_nibbles, quantise, quantise_columns

pytestmark = pytest.mark.slow

Arrays = list[NDArray[np.float32]]


@pytest.fixture(scope="module")
def model() -> ScamModel:
    torch.manual_seed(3)
    return ScamModel(tiny_encoder(), 3, 18, 4).eval()


@pytest.fixture(scope="module")
def fp32(tmp_path_factory: pytest.TempPathFactory, model: ScamModel) -> Path:
    path = tmp_path_factory.mktemp("graphs") / "fp32.onnx"
    export_fp32(model, path)
    return path


@pytest.fixture(scope="module")
def int8(fp32: Path) -> Path:
    path = fp32.with_name("int8.onnx")
    quantise(fp32, path)
    return path


@pytest.fixture(scope="module")
def batch() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    generator = np.random.default_rng(0)
    ids = generator.integers(4, len(PIECES), (6, 12))
    mask = np.ones_like(ids)
    for row, end in enumerate((12, 3, 7, 12, 5, 9)):
        mask[row, end:] = 0
        ids[row, end:] = 1
    return ids, mask


def test_fp32_graph_gives_the_logits_of_the_torch_model(
    fp32: Path, model: ScamModel, batch: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> None:
    with torch.no_grad():
        expected = model(*map(torch.from_numpy, batch))
    for ours, theirs in zip(_run(fp32, *batch), expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def test_export_leaves_the_model_in_evaluation_mode(fp32: Path, model: ScamModel) -> None:
    assert not any(module.training for module in model.modules())


def test_int8_graph_stays_close_to_fp32(
    fp32: Path, int8: Path, batch: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> None:
    exact, small = _run(fp32, *batch), _run(int8, *batch)
    assert np.abs(exact[0] - small[0]).max() < 0.15 * exact[0].std()
    assert not np.array_equal(exact[0], small[0])


def test_int8_logits_do_not_depend_on_neighbours_or_padding(
    int8: Path, batch: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> None:
    ids, mask = batch
    together = _run(int8, ids, mask)[0]
    for row in range(len(ids)):
        end = int(mask[row].sum())
        alone = _run(int8, ids[row : row + 1, :end], mask[row : row + 1, :end])[0]
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)


def test_int8_graph_holds_standard_operators_and_signed_weights(int8: Path) -> None:
    graph = onnx.load(str(int8)).graph
    assert {node.domain for node in graph.node} <= {"", "ai.onnx"}
    weights = {tensor.name: tensor.data_type for tensor in graph.initializer}
    matrices = [n.input[1] for n in graph.node if n.op_type == "MatMulInteger"]
    assert len(matrices) == 12  # six a layer
    assert {weights[name] for name in matrices} == {onnx.TensorProto.INT8}


def test_columns_come_back_within_half_a_step() -> None:
    weight = np.random.default_rng(1).normal(size=(20, 5)).astype(np.float32)
    values, scales = quantise_columns(weight)
    assert np.abs(values * scales - weight).max() <= scales.max() / 2 + 1e-6
    assert np.abs(values).max() == 127


def test_a_table_on_its_four_bit_grid_is_packed_without_loss(tmp_path: Path) -> None:
    table = _four_bit_table()
    packed = pack_nibbles(table)
    assert packed is not None
    assert packed[0].nbytes + packed[1].nbytes < table.nbytes / 7
    ids = np.array([[5, 599, 0], [7, 7, 8]])
    session = ort.InferenceSession(str(_gather_graph(table, tmp_path)))
    assert "nibbles" in (tmp_path / "small.onnx").read_bytes().decode("latin-1")
    np.testing.assert_array_equal(session.run(None, {"ids": ids})[0], table[ids])


def test_a_table_off_the_grid_is_kept_in_int8(tmp_path: Path) -> None:
    table = _four_bit_table()
    table[3, 5] += 1e-3
    assert pack_nibbles(table) is None
    ids = np.arange(600)[None]
    session = ort.InferenceSession(str(_gather_graph(table, tmp_path)))
    found = session.run(None, {"ids": ids})[0]
    steps = np.abs(table).max(axis=1, keepdims=True) / 127
    assert (np.abs(found[0] - table) <= 0.51 * steps).all()


@pytest.mark.parametrize("with_bias", [True, False])
def test_what_a_gelu_gives_fills_all_steps(tmp_path: Path, with_bias: bool) -> None:
    generator = np.random.default_rng(4)
    weight = generator.normal(size=(32, 5)).astype(np.float32)
    bias = generator.normal(size=5).astype(np.float32) * with_bias
    node, tensor = onnx.helper.make_node, onnx.numpy_helper.from_array
    nodes = [
        node("Div", ["x", "root"], ["scaled"]),
        node("Erf", ["scaled"], ["erf"]),
        node("Add", ["erf", "one"], ["above"]),
        node("Mul", ["x", "above"], ["twice"]),
        node("Mul", ["twice", "half"], ["gelu"]),
        node("MatMul", ["gelu", "weight"], ["product"]),
        node("Add", ["product", "bias"], ["y"]) if with_bias else node("Neg", ["product"], ["y"]),
    ]
    values = {
        "root": np.float32(np.sqrt(2)),
        "one": np.float32(1),
        "half": np.float32(0.5),
        "weight": weight,
        "bias": bias,
    }
    graph = onnx.helper.make_graph(
        nodes,
        "gelu",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["rows", "n", 32])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["rows", "n", 5])],
        [tensor(np.asarray(value), name) for name, value in values.items()],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "x.onnx")
    quantise(tmp_path / "x.onnx", tmp_path / "small.onnx")
    x = generator.normal(size=(2, 3, 32)).astype(np.float32)
    exact, small = (
        ort.InferenceSession(str(tmp_path / name)).run(None, {"x": x})[0]
        for name in ("x.onnx", "small.onnx")
    )
    (product,) = (
        n
        for n in onnx.load(str(tmp_path / "small.onnx")).graph.node
        if n.op_type == "MatMulInteger"
    )
    assert len(product.input) == 2  # no zero point: from 0 up
    assert np.abs(exact - small).max() < 0.02 * exact.std()


def _four_bit_table() -> NDArray[np.float32]:
    generator = np.random.default_rng(2)
    nibbles = generator.integers(0, 16, (600, 4, 32))
    nibbles[..., 7] = 0  # where the grid was made: the largest magnitude is -8 steps
    scales = generator.normal(size=(600, 4, 1)).astype(np.float16).astype(np.float32)
    values = (nibbles - 8).astype(np.float32) * scales
    values[9] = 0.0
    return values.reshape(600, 128)


def _gather_graph(table: NDArray[np.float32], folder: Path) -> Path:
    """Return the quantised form of a graph that only looks rows of the table up."""
    node = onnx.helper.make_node("Gather", ["table", "ids"], ["rows"], axis=0)
    shape = ["batch", "tokens"]
    graph = onnx.helper.make_graph(
        [node],
        "lookup",
        [onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, shape)],
        [onnx.helper.make_tensor_value_info("rows", onnx.TensorProto.FLOAT, [*shape, 128])],
        [onnx.numpy_helper.from_array(table, "table")],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "x.onnx")
    quantise(folder / "x.onnx", folder / "small.onnx")
    return folder / "small.onnx"


def _run(path: Path, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Arrays:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs: Arrays = session.run(list(OUTPUTS), {"input_ids": ids, "attention_mask": mask})
    return outputs
