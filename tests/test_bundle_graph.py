"""Finding external data without the onnx package."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message
from hypothesis import example, given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from wire import FIXED32, FIXED64, LENGTH, OVER_32_BITS, VARINT, block, key, number, varint

from scamdetect.bundle.graph import halves, has_external_data

# Field numbers of onnx.proto.
GRAPH, NODE, INITIALIZER, ATTRIBUTE, SUBGRAPH, TENSOR = 7, 1, 5, 5, 6, 5
EXTERNAL_DATA, DATA_LOCATION = 13, 14


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


def ways(kind: Descriptor, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the fields that lead from a message to tensors, through no kind of message twice."""
    for field in kind.fields:
        child = field.message_type
        if child is TensorProto.DESCRIPTOR:
            yield (*before, field.name)
        elif child is not None and child.full_name not in before:
            yield from ways(child, (*before, child.full_name, field.name))


WAYS = sorted({tuple(n for n in way if "." not in n) for way in ways(onnx.ModelProto.DESCRIPTOR)})


@pytest.mark.parametrize("way", WAYS, ids=".".join)
def test_external_data_is_found_on_every_way_to_a_tensor(way: tuple[str, ...]) -> None:
    whole = message = onnx.ModelProto(ir_version=8)
    for name in way:
        child = getattr(message, name)
        message = child.add() if hasattr(child, "add") else child
        message.SetInParent()
    assert not has_external_data(whole.SerializeToString())
    message.CopyFrom(outside())
    assert has_external_data(whole.SerializeToString())


LOCATION = onnx.StringStringEntryProto(key="location", value="x.bin").SerializeToString()
HIDDEN = {  # external data that parsers see which cut keys, lengths and enums to 32 bits
    "a key over 32 bits": block(EXTERNAL_DATA, LOCATION, over=OVER_32_BITS),
    "a key over 64 bits": block(EXTERNAL_DATA, LOCATION, over=1 << 66),
    "a key that is too long": block(EXTERNAL_DATA, LOCATION, length=5),
    "a length that is too long": key(EXTERNAL_DATA, LENGTH)
    + varint(len(LOCATION), length=5)
    + LOCATION,
    "a length over 32 bits": key(EXTERNAL_DATA, LENGTH)
    + varint(len(LOCATION) + OVER_32_BITS)
    + LOCATION,
    "an enum over 32 bits": number(DATA_LOCATION, 1 + OVER_32_BITS),
    "an enum over 64 bits": number(DATA_LOCATION, 1 + (1 << 64)),
    "an enum that is too long": key(DATA_LOCATION, VARINT) + varint(1, length=10),
    "an enum of another value": number(DATA_LOCATION, 2),
    "an enum given twice": number(DATA_LOCATION, 1) + number(DATA_LOCATION, 0),
    "an enum as a fixed number": key(DATA_LOCATION, FIXED32) + bytes((1, 0, 0, 0)),
    "external data as a fixed number": key(EXTERNAL_DATA, FIXED64) + bytes(8),
    "a field without a number": key(0, VARINT) + bytes(1),
    "a group": key(99, 3) + number(DATA_LOCATION, 1) + key(99, 4),
    "the end of a group": key(99, 4),
    "a sixth kind of field": key(99, 6) + bytes(8),
    "a seventh kind of field": key(99, 7) + bytes(8),
}


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_what_other_readers_take_otherwise_is_refused(hidden: bytes) -> None:
    with pytest.raises(ValueError, match=r"byte \d+|field \d+"):
        has_external_data(block(GRAPH, block(INITIALIZER, hidden)))


def test_a_message_that_would_be_merged_into_one_before_is_refused() -> None:
    twice = block(TENSOR, number(DATA_LOCATION, 1)) + block(TENSOR, number(DATA_LOCATION, 0))
    with pytest.raises(ValueError, match="field 5 .* twice"):
        has_external_data(block(GRAPH, block(NODE, block(ATTRIBUTE, twice))))


def test_deep_nesting_ends_as_an_error() -> None:
    graph = b""
    for _ in range(2_000):
        graph = block(NODE, block(ATTRIBUTE, block(SUBGRAPH, graph)))
    with pytest.raises(ValueError, match="levels"):
        has_external_data(block(GRAPH, graph))


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer_or_a_value_error(data: bytes) -> None:
    try:
        assert has_external_data(data) in (True, False)
    except ValueError as problem:
        assert str(problem)


def names_a_file(message: Message) -> bool:
    """Return whether the onnx package finds external data in a message that it has parsed."""
    if isinstance(message, TensorProto):
        return bool(message.external_data) or message.data_location == TensorProto.EXTERNAL
    return any(
        names_a_file(child)
        for field, value in message.ListFields()
        if field.message_type is not None
        for child in ([value] if isinstance(value, Message) else value)
    )


def read_alike(data: bytes) -> None:
    try:
        found = has_external_data(data)
        parsed = onnx.ModelProto.FromString(data)
    except (ValueError, DecodeError):
        return  # refused by one of both
    assert found == names_a_file(parsed) == has_external_data(parsed.SerializeToString())


NUMBERS = st.sampled_from([0, 0, 1, 2, OVER_32_BITS, OVER_32_BITS + 1, (1 << 64) - 1])
LOOSE = st.sampled_from([{}, {}, {}, {}, {"length": 5}, {"over": OVER_32_BITS}])
LEAVES = st.one_of(
    st.builds(lambda value, loose: number(DATA_LOCATION, value, **loose), NUMBERS, LOOSE),
    st.builds(lambda loose: block(EXTERNAL_DATA, LOCATION, **loose), LOOSE),
    st.builds(lambda field: number(field, 1), st.integers(1, 30)),
    st.sampled_from([*HIDDEN.values(), b"", block(8, b"w"), key(99, FIXED64) + bytes(8)]),
)
TIMES = st.sampled_from([1, 1, 1, 2])
# By the numbers of their fields, from the model down to a tensor.
PLACES = st.sampled_from([(7, 5), (7, 1, 5, 5), (7, 1, 5, 6, 5), (7, 15, 1), (25, 7, 5, 10)])


@st.composite
def models(draw: st.DrawFn) -> bytes:
    """Return bytes with a tensor where a model may have one, written as strangely as may be."""
    content = b"".join(draw(st.lists(LEAVES, max_size=3)))
    for field in reversed(draw(PLACES)):
        content = b"".join([block(field, content, **draw(LOOSE)) for _ in range(draw(TIMES))])
    return content


@given(st.lists(models(), min_size=1, max_size=2).map(b"".join))
@example(block(GRAPH, block(INITIALIZER, block(EXTERNAL_DATA, LOCATION))))
@example(block(GRAPH, block(INITIALIZER, number(DATA_LOCATION, 1))) + block(GRAPH, b""))
def test_what_is_read_at_all_is_read_as_the_onnx_package_reads_it(data: bytes) -> None:
    read_alike(data)


@given(st.data())
def test_a_changed_byte_of_a_model_is_refused_or_read_alike(data: st.DataObject) -> None:
    changed = bytearray(branch())
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    read_alike(bytes(changed))


def cut(nodes: list[onnx.NodeProto]) -> onnx.ModelProto:
    """Return a graph of floats "x" and "m" with the outputs "low" and "high"."""
    names = ("x", "m", "low", "high")
    floats = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [None] * 3) for n in names]
    weights = [helper.make_tensor(n, TensorProto.FLOAT, [1], [v]) for n, v in (("a", 2), ("b", 3))]
    graph = helper.make_graph(nodes, "g", floats[:2], floats[2:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


EMPTY = helper.make_graph([], "empty", [], [])
NODES = [
    helper.make_node("Mul", ["x", "a"], ["states"]),
    helper.make_node("Neg", ["x"], ["low"]),
    helper.make_node("Mul", ["states", "b"], ["more"]),
    helper.make_node("Add", ["more", "m"], ["high"]),
]


def test_two_halves_do_what_the_whole_does() -> None:
    model = cut(NODES)
    lower, upper = (
        onnx.load_from_string(half) for half in halves(model.SerializeToString(), "states")
    )
    for half in (lower, upper):
        onnx.checker.check_model(half)
    assert [one.name for one in lower.graph.initializer] == ["a"]
    assert [one.name for one in upper.graph.initializer] == ["b"]
    assert {one.name for one in upper.graph.input} == {"states", "m"}
    x, m = (np.full((1, 2, 2), value, np.float32) for value in (1.5, 0.25))
    whole = ReferenceEvaluator(model).run(["low", "high"], {"x": x, "m": m})
    low, states = ReferenceEvaluator(lower).run(["low", "states"], {"x": x, "m": m})
    (high,) = ReferenceEvaluator(upper).run(["high"], {"states": states, "m": m})
    assert np.array_equal(whole[0], low) and np.array_equal(whole[1], high)


@pytest.mark.parametrize(
    ("nodes", "problem"),
    [
        (NODES[1:], "no node computes 'states'"),
        ([*NODES, helper.make_node("If", ["c"], ["y"], then_branch=EMPTY)], "contains a graph"),
    ],
)  # fmt: skip
def test_what_cannot_be_cut_is_refused(nodes: list[onnx.NodeProto], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        halves(cut(nodes).SerializeToString(), "states")
