"""Export a model to one fp32 graph, and convert it to int8 with one activation scale per token.

With one scale for a whole batch, the usual dynamic quantisation, a message's score depends on its
neighbours. One scale per token (row) avoids that and loses less: x is scaled to [-127, 127] by its
own largest value, rounded, multiplied in integers with weights that have one scale per column, and
scaled back. The output of a GELU is rarely negative: shifted up by the GELU's minimum it fills all
255 steps, and the bias subtracts the shift.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn

from scamdetect.train.model import ScamModel

INT8_PEAK = 127  # the largest weight of a column becomes this
BLOCK = 32  # neighbours that share a scale in a 4-bit table
_ZERO_POINT = 128  # unsigned activations and signed weights are the fast pair on every x86 kernel
GELU_DEPTH = 0.17  # GELU(x) >= -0.16998
_GELU_STEPS = 3  # nodes from its Erf to its result


def quantise(source: Path, target: Path) -> None:
    """Write the graph ``source`` as ``target``, weight matrices and embedding table in int8.

    A table that is still on its original 4-bit grid is stored in 4 bits, without loss.
    """
    model = onnx.load(str(source))
    graph = model.graph
    quantiser = _Quantiser(graph)
    weights = quantiser.weights
    nodes = []
    for node in graph.node:
        if node.op_type == "MatMul" and _is_matrix(weights.get(node.input[1])):
            nodes += quantiser.integer_matmul(node, numpy_helper.to_array(weights[node.input[1]]))
        elif node.op_type == "Gather" and _is_large_table(weights.get(node.input[0])):
            table = numpy_helper.to_array(weights[node.input[0]])
            packed = pack_nibbles(table)
            nodes += (
                quantiser.integer_gather(node, table)
                if packed is None
                else quantiser.nibble_gather(node, *packed)
            )
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def quantise_columns(
    weight: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return int8 weights and one scale per column (the last axis) of a matrix."""
    scale = np.maximum(np.abs(weight).max(axis=0), 1e-8) / INT8_PEAK
    return np.rint(weight / scale).astype(np.int8), scale.astype(np.float32)


def pack_nibbles(
    table: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float16]] | None:
    """Return a table of integer multiples of a block scale as 4-bit values, or None.

    A block is 32 neighbours of a row; its values are (n - 8) * scale for n of 0 to 15. The low
    halves of the bytes (rows, width / 2) hold the first half of a row, the high ones the second.
    None if any value is off that grid, as after training the table.
    """
    rows, width = table.shape
    if width % (2 * BLOCK):
        return None
    blocks = table.reshape(rows, -1, BLOCK)
    # The value of the largest magnitude is -8 times the scale, if it was made from the grid.
    place = np.abs(blocks).argmax(axis=2)[..., None]
    scales = np.take_along_axis(blocks, place, axis=2) / -8
    halves = scales.astype(np.float16)
    steps = np.rint(blocks / np.where(scales == 0, 1, scales))
    back = steps.astype(np.float32) * halves.astype(np.float32)
    if np.abs(steps + 0.5).max() > 8 or not np.array_equal(back, blocks):
        return None
    nibbles = (steps + 8).astype(np.uint8).reshape(rows, width)
    packed = nibbles[:, : width // 2] | (nibbles[:, width // 2 :] << np.uint8(4))
    return packed.astype(np.uint8), halves[..., 0].astype(np.float16)


def unpack_nibbles(
    packed: npt.NDArray[np.uint8], scales: npt.NDArray[np.float16]
) -> npt.NDArray[np.float32]:
    """Return the table packed by ``pack_nibbles``; scales may have a last axis of one."""
    nibbles = np.concatenate([packed & 0x0F, packed >> 4], axis=1).astype(np.float32)
    blocks = (nibbles - 8).reshape(len(packed), -1, BLOCK)
    table = blocks * scales.astype(np.float32).reshape(len(packed), -1, 1)
    return np.asarray(table.reshape(nibbles.shape), np.float32)


def _is_matrix(tensor: onnx.TensorProto | None) -> bool:
    return tensor is not None and len(tensor.dims) == 2


def _is_large_table(tensor: onnx.TensorProto | None) -> bool:
    return _is_matrix(tensor) and tensor is not None and tensor.dims[0] > 512


class _Quantiser:
    """Create the integer graph's nodes and constants; each tensor is quantised only once."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.weights = {tensor.name: tensor for tensor in graph.initializer}
        self.producers = {name: node for node in graph.node for name in node.output}
        self.done: set[str] = set()
        self.zero_point = self._constant("int8/zero_point", np.array(_ZERO_POINT, dtype=np.uint8))
        self.one = self._constant("int8/one", np.array(1.0, dtype=np.float32))
        self.as_vector = self._constant("int8/as_vector", np.array([-1]))
        self.peak = self._constant("int8/peak", np.array(127.0, dtype=np.float32))
        self.full = self._constant("int8/full", np.array(255.0, dtype=np.float32))
        self.depth = self._constant("int8/depth", np.array(GELU_DEPTH, dtype=np.float32))
        self.leading = [
            self._constant("int8/first", np.array([0])),
            self._constant("int8/last", np.array([-1])),
        ]
        self.tiny = self._constant("int8/tiny", np.array(1e-8, dtype=np.float32))

    def integer_matmul(
        self, node: onnx.NodeProto, weight: npt.NDArray[np.float32]
    ) -> list[onnx.NodeProto]:
        """Return nodes that compute the MatMul of activations by a constant matrix in integers."""
        source, base = node.input[0], node.output[0]
        depth, width = weight.shape
        values, scales = quantise_columns(weight)
        matrix = self._constant(f"{base}/int8", values)
        column_scale = self._constant(f"{base}/scale", scales)
        n_columns = self._constant(f"{base}/n_columns", np.array([width]))
        nodes: list[onnx.NodeProto] = []
        lifted = self._is_gelu(source)
        if source not in self.done:
            self.done.add(source)
            nodes += self._quantise_rows(source, depth, lifted)
        zero_point = [] if lifted else [self.zero_point]
        nodes += [
            helper.make_node(
                "MatMulInteger", [f"{source}/uint8", matrix, *zero_point], [f"{base}/int32"]
            ),
            helper.make_node(
                "DequantizeLinear", [f"{base}/int32", f"{source}/scale"], [f"{base}/rows"], axis=0
            ),
            helper.make_node("Mul", [f"{base}/rows", column_scale], [f"{base}/product"]),
        ]
        product = f"{base}/product"
        if lifted:
            lift = GELU_DEPTH * (values * scales).sum(axis=0, dtype=np.float64)
            if not self._lower_bias(base, lift):
                lift_name = self._constant(f"{base}/lift", lift.astype(np.float32))
                nodes.append(helper.make_node("Sub", [product, lift_name], [f"{base}/lowered"]))
                product = f"{base}/lowered"
        return [
            *nodes,
            helper.make_node("Concat", [f"{source}/leading", n_columns], [f"{base}/shape"], axis=0),
            helper.make_node("Reshape", [product, f"{base}/shape"], [base]),
        ]

    def integer_gather(
        self, node: onnx.NodeProto, table: npt.NDArray[np.float32]
    ) -> list[onnx.NodeProto]:
        """Return nodes that look rows up in an int8 table with one scale per row."""
        values, scales = quantise_columns(np.ascontiguousarray(table.T))
        base, index = node.output[0], node.input[1]
        rows = self._constant(f"{base}/int8", np.ascontiguousarray(values.T))
        row_scales = self._constant(f"{base}/scale", scales[:, None])
        return [
            helper.make_node("Gather", [rows, index], [f"{base}/row"], axis=0),
            helper.make_node("Gather", [row_scales, index], [f"{base}/row_scale"], axis=0),
            helper.make_node("Cast", [f"{base}/row"], [f"{base}/float"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Mul", [f"{base}/float", f"{base}/row_scale"], [base]),
        ]

    def nibble_gather(
        self,
        node: onnx.NodeProto,
        packed: npt.NDArray[np.uint8],
        scales: npt.NDArray[np.float16],
    ) -> list[onnx.NodeProto]:
        """Return nodes that look rows up in a table of two values per byte."""
        base, index = node.output[0], node.input[1]
        single = onnx.TensorProto.FLOAT
        table = self._constant(f"{base}/nibbles", packed)
        row_scales = self._constant(f"{base}/scales", scales[..., None])
        sixteen = self._constant(f"{base}/sixteen", np.array(16.0, dtype=np.float32))
        eight = self._constant(f"{base}/eight", np.array(8.0, dtype=np.float32))
        in_blocks = self._constant(f"{base}/in_blocks", np.array([0, 0, -1, BLOCK]))
        whole = self._constant(f"{base}/whole", np.array([0, 0, 2 * packed.shape[1]]))
        return [
            helper.make_node("Gather", [table, index], [f"{base}/bytes"], axis=0),
            helper.make_node("Cast", [f"{base}/bytes"], [f"{base}/both"], to=single),
            helper.make_node("Div", [f"{base}/both", sixteen], [f"{base}/shifted"]),
            helper.make_node("Floor", [f"{base}/shifted"], [f"{base}/high"]),
            helper.make_node("Mul", [f"{base}/high", sixteen], [f"{base}/high_part"]),
            helper.make_node("Sub", [f"{base}/both", f"{base}/high_part"], [f"{base}/low"]),
            helper.make_node("Concat", [f"{base}/low", f"{base}/high"], [f"{base}/row"], axis=-1),
            helper.make_node("Sub", [f"{base}/row", eight], [f"{base}/steps"]),
            helper.make_node("Reshape", [f"{base}/steps", in_blocks], [f"{base}/blocks"]),
            helper.make_node("Gather", [row_scales, index], [f"{base}/halves"], axis=0),
            helper.make_node("Cast", [f"{base}/halves"], [f"{base}/row_scales"], to=single),
            helper.make_node("Mul", [f"{base}/blocks", f"{base}/row_scales"], [f"{base}/scaled"]),
            helper.make_node("Reshape", [f"{base}/scaled", whole], [base]),
        ]

    def _quantise_rows(self, name: str, depth: int, lifted: bool) -> list[onnx.NodeProto]:
        """Return nodes that convert ``name`` (..., depth) to the uint8 matrix (tokens, depth)."""
        source = f"{name}/lifted" if lifted else name
        as_matrix = self._constant(f"{name}/as_matrix", np.array([-1, depth]))
        flat, peak = f"{name}/flat", f"{name}/peak"
        nodes = [
            helper.make_node("Shape", [name], [f"{name}/dims"]),
            helper.make_node("Slice", [f"{name}/dims", *self.leading], [f"{name}/leading"]),
        ]
        if lifted:
            nodes.append(helper.make_node("Add", [name, self.depth], [source]))
        nodes += [
            helper.make_node("Reshape", [source, as_matrix], [flat]),
            helper.make_node("ReduceMax", [flat], [f"{name}/max"], axes=[1], keepdims=1),
        ]
        if lifted:
            highest, zero_point = self.full, []
            nodes.append(helper.make_node("Max", [f"{name}/max", self.tiny], [peak]))
        else:
            highest, zero_point = self.peak, [self.zero_point]
            nodes += [
                helper.make_node("ReduceMin", [flat], [f"{name}/min"], axes=[1], keepdims=1),
                helper.make_node("Neg", [f"{name}/min"], [f"{name}/low"]),
                helper.make_node("Max", [f"{name}/max", f"{name}/low", self.tiny], [peak]),
            ]
        # QuantizeLinear accepts a scale per row, but OpenVINO rejects one that is not constant.
        return [
            *nodes,
            helper.make_node("Div", [highest, peak], [f"{name}/inverse"]),
            helper.make_node("Mul", [flat, f"{name}/inverse"], [f"{name}/scaled"]),
            helper.make_node(
                "QuantizeLinear", [f"{name}/scaled", self.one, *zero_point], [f"{name}/uint8"]
            ),
            helper.make_node("Div", [peak, highest], [f"{name}/step"]),
            helper.make_node("Reshape", [f"{name}/step", self.as_vector], [f"{name}/scale"]),
        ]

    def _is_gelu(self, name: str, steps: int = _GELU_STEPS) -> bool:
        node = self.producers.get(name)
        if node is None or node.op_type == "Erf":
            return node is not None
        near = steps > 0 and node.op_type in ("Mul", "Add")
        return near and any(self._is_gelu(source, steps - 1) for source in node.input)

    def _lower_bias(self, product: str, lift: npt.NDArray[np.float64]) -> bool:
        """Subtract the shift from the bias that is added to the product, if it has no other use."""
        readers = [node for node in self.graph.node if product in node.input]
        if len(readers) != 1 or readers[0].op_type != "Add":
            return False
        for place, name in enumerate(readers[0].input):
            bias = self.weights.get(name)
            if bias is not None and list(bias.dims) == list(lift.shape):
                lowered = (numpy_helper.to_array(bias) - lift).astype(np.float32)
                readers[0].input[place] = self._constant(f"{product}/bias", lowered)
                return True
        return False

    def _constant(self, name: str, values: npt.NDArray[np.generic]) -> str:
        self.graph.initializer.append(numpy_helper.from_array(values, name))
        return name


OPSET = 17
INPUTS = ("input_ids", "attention_mask")
OUTPUTS = ("verdict_logits", "kind_logits", "language_logits")


def export_fp32(model: ScamModel, path: Path) -> None:
    """Write the model as the ONNX file ``path``.

    In: ids and mask, int64 (batch, tokens). Out: three blocks of logits, float32 (batch, classes).
    """
    model = model.eval().cpu()
    ids = torch.tensor([[0, 5, 6, 2], [0, 7, 2, 1]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    axes = {name: {0: "batch", 1: "tokens"} for name in INPUTS}
    axes |= {name: {0: "batch"} for name in OUTPUTS}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Positional(model).eval(),  # otherwise the exporter leaves dropout on
            (ids, mask),
            str(path),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(str(path))


class _Positional(nn.Module):
    """The model with the positional signature that the exporter traces."""

    def __init__(self, model: ScamModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the three blocks of logits."""
        outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = self.model(
            input_ids, attention_mask
        )
        return outputs
