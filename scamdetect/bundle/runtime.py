"""A session over a bundle's ONNX graph: token ids in, logits out."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, get_args

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from scamdetect.bundle.graph import halves, read_by, with_output
from scamdetect.errors import BundleError, InputError, MissingExtraError
from scamdetect.labels import KINDS, VERDICTS

RuntimeName = Literal["auto", "onnxruntime", "openvino"]
Ids = NDArray[np.int64]
Floats = NDArray[np.float32]

MOST_THREADS = 1024  # more are probably a mistake, and the library would fail
_INPUTS = ("input_ids", "attention_mask")
_OUTPUTS = ("verdict_logits", "kind_logits", "language_logits")
_AGAIN = "export the bundle again"
# x86 without VNNI adds pairs of 8-bit products in 16 bits, which overflow (onnxruntime#12072). The
# exact kernels are half as fast, so they are requested only if the fast ones are wrong.
_EXACT = ("session.x64quantprecision", "1")
# The loaded bytes are those that were checked: a serialised ONNX model with all weights inside. The
# folder setting is a second check after `has_external_data`; ONNX Runtime supports it from 1.21 on.
_AS_CHECKED = {
    "session.load_model_format": "ONNX",
    "session.model_external_initializers_file_folder_path": os.devnull,
}
PROBE = Path(__file__).with_name("int8_probe.onnx")
PROBE_SHAPE = (4, 64, 16)  # size of the test product: rows, depth, columns


class Logits(NamedTuple):
    """Raw float32 scores of a batch: (n, verdicts), (n, kinds), (n, languages)."""

    verdict: NDArray[np.float32]
    kind: NDArray[np.float32]
    language: NDArray[np.float32]


class _Graph(Protocol):
    """An opened graph; thread-safe."""

    inputs: list[str]
    shapes: dict[str, list[object]]  # of the outputs, None if a size is variable

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[Floats]:
        """Return the outputs."""


class Session:
    """Run a bundle's graph, in one or two steps; thread-safe."""

    def __init__(self, graphs: Sequence[_Graph], tensor: str | None = None) -> None:
        self._graphs, self._tensor = graphs, tensor

    def run(self, input_ids: Ids, attention_mask: Ids) -> Logits:
        """Return the logits of a padded batch (n, tokens)."""
        if self._tensor is not None:
            return self.upper(*self.lower(input_ids, attention_mask), attention_mask)
        return Logits(*self._graphs[0].run(_OUTPUTS, _feeds(input_ids, attention_mask)))

    def lower(self, input_ids: Ids, attention_mask: Ids) -> tuple[Floats, Floats]:
        """Return the states (n, tokens, width) at the split, and the language logits."""
        assert self._tensor is not None
        outputs = (self._tensor, _OUTPUTS[2])
        states, language = self._graphs[0].run(outputs, _feeds(input_ids, attention_mask))
        return states, language

    def upper(self, states: Floats, language: Floats, attention_mask: Ids) -> Logits:
        """Return the logits of a padded batch from the output of ``lower``."""
        assert self._tensor is not None
        feeds: dict[str, NDArray[Any]] = {self._tensor: states, _INPUTS[1]: attention_mask}
        read = {name: feeds[name] for name in self._graphs[1].inputs}
        verdict, kind = self._graphs[1].run(_OUTPUTS[:2], read)
        return Logits(verdict, kind, language)


def _feeds(input_ids: Ids, attention_mask: Ids) -> dict[str, Ids]:
    return dict(zip(_INPUTS, (input_ids, attention_mask), strict=True))


def open_session(
    graph: bytes,
    path: Path,
    languages: int,
    runtime: RuntimeName = "auto",
    threads: int | None = None,
    tensor: str | None = None,
) -> Session:
    """Return a session for the verified content of an ONNX file; ``auto`` is ONNX Runtime.

    ``path`` appears in errors only and is not read. ``threads`` limits the threads of OpenVINO
    (None: all cores); a run of ONNX Runtime takes the thread that calls it. If a ``tensor`` is
    named, the graph is split there, and the session can also run in two steps; the languages must
    not depend on it. Raises InputError for an unknown runtime or invalid thread count,
    MissingExtraError if the runtime is not installed, BundleError if the graph does not match.
    """
    if runtime not in get_args(RuntimeName):
        raise InputError(f"unknown runtime {runtime!r}; use one of {get_args(RuntimeName)}")
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise InputError(
            f"threads={threads!r} is invalid; use 1 to {MOST_THREADS}, or None for all cores"
        )
    try:
        parts = [graph] if tensor is None else list(halves(graph, tensor))
    except ValueError as problem:
        raise BundleError(
            f"{path}: cannot be split at {tensor!r} ({problem}); {_AGAIN}"
        ) from problem
    kind = _OpenVino if runtime == "openvino" else _OnnxRuntime
    del graph  # here and below: release copies of 60 MB as soon as possible
    opened = list[_Graph]()
    while parts:
        opened.append(kind(parts.pop(0), path, threads))
    if tensor is not None and (
        not set(opened[1].inputs) <= {tensor, _INPUTS[1]} or _OUTPUTS[2] not in opened[0].shapes
    ):
        raise BundleError(
            f"{path}: the part after {tensor!r} reads {opened[1].inputs} and must not compute "
            f"the language; {_AGAIN}"
        )
    shapes = opened[0].shapes | opened[-1].shapes
    _check_graph(path, opened[0].inputs, shapes, languages)
    return Session(opened, tensor)


class VectorSession:
    """ONNX Runtime with one more output of the graph: the vectors that the verdict head reads.

    Raises BundleError if the graph does not match; otherwise as ``open_session``.
    """

    def __init__(self, graph: bytes, path: Path, languages: int) -> None:
        try:
            vectors = read_by(graph, _OUTPUTS[0])
        except ValueError as problem:
            raise BundleError(f"{path}: has no vectors ({problem}); {_AGAIN}") from problem
        self._session = _OnnxRuntime(with_output(graph, vectors), path)
        _check_graph(path, self._session.inputs, self._session.shapes, languages)
        self._outputs = (*_OUTPUTS, vectors)

    def run(self, input_ids: Ids, attention_mask: Ids) -> tuple[Logits, NDArray[np.float32]]:
        """Return the logits and the vectors, float32 (n, width), of a padded batch (n, tokens)."""
        *logits, vectors = self._session.run(self._outputs, _feeds(input_ids, attention_mask))
        return Logits(*logits), vectors


class _OnnxRuntime:
    def __init__(self, graph: bytes, path: Path, threads: int | None = None) -> None:
        self._session = _onnx_session(graph, path)
        self.inputs = [node.name for node in self._session.get_inputs()]
        self.shapes = {node.name: node.shape for node in self._session.get_outputs()}

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[Floats]:
        found: list[Floats] = self._session.run(outputs, feeds)
        return found


def _onnx_session(graph: bytes, path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    # Threads that share a batch wait for each other at every step; `tokens.in_threads` gives each
    # a batch of its own.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Batches differ in shape, so a memory plan for one never fits the next.
    options.enable_mem_pattern = False
    for name, value in _AS_CHECKED.items():
        options.add_session_config_entry(name, value)
    if not multiplies_exactly(fast=True):
        options.add_session_config_entry(*_EXACT)
    try:
        session = ort.InferenceSession(
            graph,
            options,
            providers=["CPUExecutionProvider"],
            # The fused CPU kernel is slower than its parts (a third of the time of a run).
            disabled_optimizers=["SkipLayerNormFusion"],
        )
    except Exception as problem:
        raise BundleError(f"{path}: ONNX Runtime cannot load it ({problem}); {_AGAIN}") from (
            problem
        )
    # It keeps the bytes to open them again on another device, which is not needed here.
    session._model_bytes = None
    return session


@cache
def multiplies_exactly(*, fast: bool) -> bool:
    """Return True if ONNX Runtime multiplies 8-bit integers without saturation here.

    Either with its ``fast`` kernels or with those for processors on which these saturate. The
    products are the largest in a bundle's graph: unsigned 255 by signed 127.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if not fast:
        options.add_session_config_entry(*_EXACT)
    probe = ort.InferenceSession(str(PROBE), options, providers=["CPUExecutionProvider"])
    highest = np.full((PROBE_SHAPE[0], PROBE_SHAPE[1]), 255, np.uint8)
    (products,) = probe.run(None, {"activations": highest})
    return bool((products == PROBE_SHAPE[1] * 255 * 127).all())


class _OpenVino:
    def __init__(self, graph: bytes, path: Path, threads: int | None) -> None:
        if importlib.util.find_spec("openvino") is None:
            raise MissingExtraError("openvino", "openvino")
        openvino = importlib.import_module("openvino")
        # Full precision, so that a score does not depend on the engine; one run per request.
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        try:
            core = openvino.Core()
            self._model = core.compile_model(core.read_model(graph), "CPU", settings)
        except RuntimeError as problem:
            raise BundleError(f"{path}: OpenVINO cannot load it ({problem}); {_AGAIN}") from (
                problem
            )
        self.shapes = {
            port.get_any_name(): [
                part.get_length() if part.is_static else None for part in port.partial_shape
            ]
            for port in self._model.outputs
        }
        self.inputs = [port.get_any_name() for port in self._model.inputs]

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[Floats]:
        # A separate request for each call, because a shared one serves one thread at a time.
        found = self._model.create_infer_request().infer(dict(feeds))
        return [np.array(found[name]) for name in outputs]


def _check_graph(
    path: Path, inputs: list[str], outputs: dict[str, list[object]], languages: int
) -> None:
    if sorted(inputs) != sorted(_INPUTS):
        raise BundleError(f"{path}: the inputs are {inputs}, not {list(_INPUTS)}; {_AGAIN}")
    widths = dict(zip(_OUTPUTS, (len(VERDICTS), len(KINDS), languages), strict=True))
    for name, width in widths.items():
        shape = outputs.get(name)
        if shape is None:
            raise BundleError(f"{path}: has no output {name!r}; {_AGAIN}")
        if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != width):
            raise BundleError(f"{path}: {name} has the shape {shape}, not (n, {width}); {_AGAIN}")
