"""The session over the graph."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import LANGUAGES

from scamdetect.errors import InputError, MissingExtraError
from scamdetect.runtime import open_session


def test_a_run_gives_three_float32_tables(tiny_bundle: Path) -> None:
    session = open_session(tiny_bundle / "model.onnx", len(LANGUAGES), threads=1)
    ids = np.array([[0, 5, 2, 1], [0, 2, 1, 1]])
    logits = session.run(ids, (ids != 1).astype(np.int64))
    assert [part.shape for part in logits] == [(2, 3), (2, 18), (2, len(LANGUAGES))]
    assert all(part.dtype == np.float32 for part in logits)


@pytest.mark.parametrize("options", [{"runtime": "tensorrt"}, {"threads": 0}, {"threads": -2}])
def test_impossible_options_are_refused(tiny_bundle: Path, options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        open_session(tiny_bundle / "model.onnx", len(LANGUAGES), **options)  # type: ignore[arg-type]


@pytest.mark.skipif(importlib.util.find_spec("openvino") is not None, reason="openvino installed")
def test_a_missing_runtime_names_its_extra(tiny_bundle: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'scamdetect\[openvino\]'"):
        open_session(tiny_bundle / "model.onnx", len(LANGUAGES), "openvino")


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino missing")
def test_both_runtimes_agree(tiny_bundle: Path) -> None:
    ids = np.array([[0, 5, 9, 2], [0, 7, 2, 1]])
    mask = (ids != 1).astype(np.int64)
    first, second = (
        open_session(tiny_bundle / "model.onnx", len(LANGUAGES), name).run(ids, mask)
        for name in ("onnxruntime", "openvino")
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
