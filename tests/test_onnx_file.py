"""Finding external data without the onnx package."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from scamdetect.onnx_file import has_external_data


def outside() -> onnx.TensorProto:
    tensor = TensorProto(name="w", dims=[1], data_type=TensorProto.FLOAT, raw_data=b"\0\0\0\0")
    onnx.external_data_helper.set_external_data(tensor, "weights.bin")
    return tensor


def model(**parts: object) -> bytes:
    graph = helper.make_graph([], "g", [], [], **parts)  # type: ignore[arg-type]
    return helper.make_model(graph).SerializeToString()


def branch() -> bytes:
    inner = helper.make_graph([], "inner", [], [], initializer=[outside()])
    node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    return helper.make_model(helper.make_graph([node], "g", [], [])).SerializeToString()


def function() -> bytes:
    node = helper.make_node("Constant", [], ["y"], value=outside())
    body = helper.make_function("d", "F", [], ["y"], [node], [helper.make_opsetid("", 17)])
    graph = helper.make_graph([], "g", [], [])
    return helper.make_model(graph, functions=[body]).SerializeToString()


def sparse() -> bytes:
    tensor = onnx.SparseTensorProto(values=outside(), dims=[4])
    return model(sparse_initializer=[tensor])


@pytest.mark.parametrize("place", [branch, function, sparse])
def test_external_data_is_found_wherever_it_hides(place) -> None:  # noqa: ANN001
    assert has_external_data(place())


def test_external_data_of_an_initializer_is_found() -> None:
    assert has_external_data(model(initializer=[outside()]))


def test_a_self_contained_model_has_none(tiny_bundle: Path) -> None:
    assert not has_external_data((tiny_bundle / "model.onnx").read_bytes())


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer_or_a_value_error(data: bytes) -> None:
    try:
        assert has_external_data(data) in (True, False)
    except ValueError as problem:
        assert str(problem)
