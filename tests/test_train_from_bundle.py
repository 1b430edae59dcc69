"""The network read back out of a bundle's graph."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from scamdetect.bundle.bundle import MODEL, Bundle, write_manifest
from scamdetect.errors import BundleError
from scamdetect.train.from_bundle import check_same_answers, load_from_bundle
from scamdetect.train.quantise import export_fp32, pack_nibbles, quantise, unpack_nibbles

pytestmark = pytest.mark.slow


def constants(path: Path) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(str(path)).graph.initializer}


def test_quantising_it_again_gives_the_same_graph(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    bundle = Bundle.load(trained[0])
    model, tokenizer = load_from_bundle(bundle)
    assert check_same_answers(model, tokenizer, bundle) < 0.05
    export_fp32(model, tmp_path / "fp32.onnx")
    quantise(tmp_path / "fp32.onnx", tmp_path / MODEL)
    before, after = constants(bundle.folder / MODEL), constants(tmp_path / MODEL)
    assert before.keys() == after.keys()
    for name, values in before.items():
        if values.dtype == np.int8:
            assert (values == after[name]).all(), name
        else:
            assert np.allclose(values, after[name], atol=1e-6), name


def test_a_graph_of_another_making_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="describes no encoder .*'tiny'"):
        load_from_bundle(Bundle.load(tiny_bundle))


def test_a_missing_constant_is_named(trained: tuple[Path, Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained[0], copy)
    model = onnx.load(str(copy / MODEL))
    for constant in model.graph.initializer:
        if constant.name == "model.verdict.bias":
            constant.name = "x"
    for node in model.graph.node:
        node.input[:] = ["x" if name == "model.verdict.bias" else name for name in node.input]
    onnx.save(model, str(copy / MODEL))
    write_manifest(copy, Bundle.load(trained[0]).training)
    with pytest.raises(BundleError, match=r"has no constant 'model\.verdict\.bias'"):
        load_from_bundle(Bundle.load(copy))


def test_weights_that_answer_otherwise_are_refused(trained: tuple[Path, Path]) -> None:
    bundle = Bundle.load(trained[0])
    model, tokenizer = load_from_bundle(bundle)
    with torch.no_grad():
        model.verdict.bias += 1
    with pytest.raises(BundleError, match=r"differ by 1.0\d\d from its own"):
        check_same_answers(model, tokenizer, bundle)


def test_tables_in_nibbles_come_back_to_the_bit() -> None:
    random = np.random.default_rng(0)
    scales = random.uniform(0.01, 0.1, (5, 2, 1)).astype(np.float16).astype(np.float32)
    steps = random.integers(-8, 8, (5, 2, 32)).astype(np.float32)
    steps[:, :, 0] = -8
    table = (steps * scales).reshape(5, 64)
    packed = pack_nibbles(table)
    assert packed is not None
    assert (unpack_nibbles(*packed) == table).all()
