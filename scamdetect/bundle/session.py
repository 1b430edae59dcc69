"""A session over a bundle's ONNX graph: token ids in, logits out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from scamdetect.bundle.bundle import MODEL, Bundle
from scamdetect.bundle.graph import halves
from scamdetect.bundle.tokens import Ids
from scamdetect.errors import BundleError
from scamdetect.labels import KINDS, VERDICTS

Floats = NDArray[np.float32]

INPUTS = ("input_ids", "attention_mask")
OUTPUTS = ("verdict_logits", "kind_logits", "language_logits")
AGAIN = "export the bundle again"
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

    verdict: Floats
    kind: Floats
    language: Floats


def no_logits(size: int, languages: int) -> Logits:
    """Return logits of 0."""
    widths = (len(VERDICTS), len(KINDS), languages)
    return Logits(*(np.zeros((size, width), np.float32) for width in widths))


class Session:
    """Run a bundle's graph, whole or split at a ``tensor``; thread-safe.

    ONNX Runtime sums a batch of one row in another order, which changes the last digit. So that a
    row's results do not depend on its neighbours such a row runs twice, unless it is ``alone`` in
    its call. Raises BundleError if the graph does not match.
    """

    def __init__(self, bundle: Bundle, tensor: str | None = None) -> None:
        path, self._tensor = bundle.folder / MODEL, tensor
        parts = [bundle.read(MODEL)]
        try:
            if tensor is not None:
                parts = list(halves(parts.pop(), tensor))
        except ValueError as problem:
            raise BundleError(f"{path}: cannot be split ({problem}); {AGAIN}") from problem
        self._graphs = list[ort.InferenceSession]()
        while parts:  # release each copy of 60 MB as soon as possible
            self._graphs.append(open_graph(parts.pop(0), path))
        shapes = {node.name: node.shape for graph in self._graphs for node in graph.get_outputs()}
        inputs = [[node.name for node in graph.get_inputs()] for graph in self._graphs]
        check_graph(path, inputs[0], shapes, len(bundle.languages))
        self._upper_inputs = inputs[-1]
        if tensor is not None:
            lower = [node.name for node in self._graphs[0].get_outputs()]
            if not {*inputs[1]} <= {tensor, INPUTS[1]} or OUTPUTS[2] not in lower:
                raise BundleError(
                    f"{path}: the part after {tensor!r} must read only it and the mask, and not "
                    f"compute the language; {AGAIN}"
                )

    def run(self, input_ids: Ids, attention_mask: Ids, *, alone: bool = False) -> Logits:
        """Return the logits of a padded batch (n, tokens)."""
        if self._tensor is not None:
            states, language = self.lower(input_ids, attention_mask, alone=alone)
            return self.upper(states, language, attention_mask, alone=alone)
        feeds = dict(zip(INPUTS, (input_ids, attention_mask), strict=True))
        return Logits(*self._run(0, OUTPUTS, feeds, alone))

    def lower(
        self, input_ids: Ids, attention_mask: Ids, *, alone: bool = False
    ) -> tuple[Floats, Floats]:
        """Return the states (n, tokens, width) at the split, and the language logits."""
        assert self._tensor is not None
        feeds = dict(zip(INPUTS, (input_ids, attention_mask), strict=True))
        states, language = self._run(0, (self._tensor, OUTPUTS[2]), feeds, alone)
        return states, language

    def upper(
        self, states: Floats, language: Floats, attention_mask: Ids, *, alone: bool = False
    ) -> Logits:
        """Return the logits of a padded batch from the output of ``lower``."""
        feeds: dict[str | None, NDArray[Any]] = {self._tensor: states, INPUTS[1]: attention_mask}
        read = {name: feeds[name] for name in self._upper_inputs}
        verdict, kind = self._run(1, OUTPUTS[:2], read, alone)
        return Logits(verdict, kind, language)

    def _run(
        self, graph: int, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]], alone: bool
    ) -> list[Floats]:
        size = len(next(iter(feeds.values())))
        if size == 1 and not alone:
            feeds = {name: np.repeat(feed, 2, axis=0) for name, feed in feeds.items()}
        return [output[:size] for output in self._graphs[graph].run(outputs, feeds)]


def open_graph(graph: bytes, path: Path) -> ort.InferenceSession:
    """Return ONNX Runtime's session of a verified graph; ``path`` appears in errors only."""
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
        raise BundleError(f"{path}: ONNX Runtime cannot load it ({problem}); {AGAIN}") from problem
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
    highest = np.full(PROBE_SHAPE[:2], 255, np.uint8)
    (products,) = probe.run(None, {"activations": highest})
    return bool((products == PROBE_SHAPE[1] * 255 * 127).all())


def check_graph(
    path: Path, inputs: Sequence[str], shapes: Mapping[str, Sequence[object]], languages: int
) -> None:
    """Raise BundleError unless a graph has these inputs and outputs of the right shapes."""
    if sorted(inputs) != sorted(INPUTS):
        raise BundleError(f"{path}: the inputs are {inputs}, not {list(INPUTS)}; {AGAIN}")
    for name, width in zip(OUTPUTS, (len(VERDICTS), len(KINDS), languages), strict=True):
        shape = shapes.get(name, ())
        if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != width):
            raise BundleError(f"{path}: {name} is missing or is not (n, {width}); {AGAIN}")
