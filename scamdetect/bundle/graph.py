"""Inspect an ONNX file, add an output to it or split it in two, without the onnx package.

The result decides whether a graph is loaded, so this code must see what the runtime's parser sees.
Some parsers truncate long numbers to 32 bits or join repeated fields. So nothing is guessed:
anything that a serialiser would not write is rejected with a ValueError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

# Field numbers of onnx.proto: for each message, the fields that can lead to a tensor.
_TENSOR, _NODE, _GRAPH, _ATTRIBUTE, _SPARSE, _FUNCTION, _TRAINING, _MODEL = range(8)
_PATHS: dict[int, dict[int, int]] = {
    _MODEL: {7: _GRAPH, 20: _TRAINING, 25: _FUNCTION},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
# If one of these occurs twice in a message, a parser uses the last one or merges both. A model's
# graph, which `with_output` adds to, is not among them: merged graphs contain everything.
_ONCE = {_TRAINING: {1, 2}, _ATTRIBUTE: {5, 6, 22}, _SPARSE: {1, 2}, _TENSOR: {_DATA_LOCATION}}
_MOST_LEVELS = 100  # the depth limit of protocol buffer parsers
_VARINT, _FIXED64, _BLOCK, _FIXED32 = 0, 1, 2, 5  # wire types; no model has groups, 3 and 4
_SIZES = {_FIXED64: 8, _FIXED32: 4}

_MODEL_GRAPH, _GRAPH_NODE, _GRAPH_TENSOR, _GRAPH_INPUT, _GRAPH_OUTPUT = 7, 1, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_ATTRIBUTE, _VALUE_NAME, _TENSOR_NAME = 1, 2, 5, 1, 8
_NAMED = {_GRAPH_NODE: _NODE_OUTPUT, _GRAPH_TENSOR: _TENSOR_NAME, _GRAPH_INPUT: _VALUE_NAME}
_GRAPH_KEPT = (2, 10)  # name and description
_ATTRIBUTE_GRAPHS = (6, 11)
# The type of a tensor of floats (element type 1) with three dimensions of any size.
_VALUE_TYPE, _TENSOR_TYPE, _FLOATS = 2, 1, b"\x08\x01\x12\x06" + b"\x0a\x00" * 3

_Field = tuple[int, int, int | memoryview]  # number, wire type, content


def has_external_data(model: bytes) -> bool:
    """Return True if any tensor of a serialised ONNX model is stored in another file."""
    return _is_external(memoryview(model), _MODEL, 1)


def _is_external(message: memoryview, kind: int, level: int) -> bool:
    if level > _MOST_LEVELS:
        raise ValueError(f"more than {_MOST_LEVELS} levels of messages")
    external = False
    seen = set[int]()
    for field in _fields(message):
        number, wire, content = field
        if number in seen:
            raise ValueError(f"field {number} of a message occurs twice")
        seen |= {number} & _ONCE.get(kind, set())
        if kind == _TENSOR and number == _DATA_LOCATION:
            if wire != _VARINT or content not in (0, 1):
                raise ValueError(f"field {number} of a tensor has a value that does not exist")
            external |= content == 1
        elif kind == _TENSOR and number == _EXTERNAL_DATA:
            external |= _block(field) is not None
        elif (child := _PATHS.get(kind, {}).get(number)) is not None:
            external |= _is_external(_block(field), child, level + 1)
    return external


def read_by(model: bytes, output: str) -> str:
    """Return the first input tensor of the node that computes an output."""
    for graph in _blocks(memoryview(model), _MODEL_GRAPH):
        for node in _blocks(graph, _GRAPH_NODE):
            if output in _names(node, _NODE_OUTPUT) and (inputs := _names(node, _NODE_INPUT)):
                return inputs[0]
    raise ValueError(f"no node computes {output!r}")


def with_output(model: bytes, name: str) -> bytes:
    """Return the model with an additional output, a tensor that it computes anyway.

    Concatenated protocol buffer messages are one message with the fields of both.
    """
    value = _written(_VALUE_NAME, name.encode())
    return model + _written(_MODEL_GRAPH, _written(_GRAPH_OUTPUT, value))


def halves(model: bytes, name: str) -> tuple[bytes, bytes]:
    """Return the model split at a float tensor: the part that computes it, and the rest.

    The tensor, of three dimensions, is an output of the first half, with the model outputs that do
    not depend on it, and an input of the second half, which has the other outputs. Each half
    contains the nodes, weights and inputs that it needs.
    """
    around, inside = list[_Field](), list[_Field]()
    for field in _fields(memoryview(model)):
        if field[0] == _MODEL_GRAPH:
            inside += _fields(_block(field))
        else:
            around.append(field)
    nodes = [_block(field) for field in inside if field[0] == _GRAPH_NODE]
    for attribute in (part for node in nodes for part in _blocks(node, _NODE_ATTRIBUTE)):
        if any(field[0] in _ATTRIBUTE_GRAPHS for field in _fields(attribute)):
            raise ValueError("a node contains a graph")
    inputs_of = {
        output: _names(node, _NODE_INPUT) for node in nodes for output in _names(node, _NODE_OUTPUT)
    }
    if name not in inputs_of:
        raise ValueError(f"no node computes {name!r}")
    outputs = {
        output
        for field in inside
        if field[0] == _GRAPH_OUTPUT
        for output in _names(_block(field), _VALUE_NAME)
    }
    upper = {output for output in outputs if name in _needed(inputs_of, [output])}
    lower = outputs - upper
    value = _written(_VALUE_NAME, name.encode()) + _written(
        _VALUE_TYPE, _written(_TENSOR_TYPE, _FLOATS)
    )

    def half(needed: set[str], kept_outputs: set[str], added: bytes) -> bytes:
        kept = [part for f in inside if _is_kept(f, needed, kept_outputs) for part in _parts(f)]
        head = [part for field in around for part in _parts(field)]
        opening = _opening(_MODEL_GRAPH, sum(map(len, kept)) + len(added))
        return b"".join([*head, opening, *kept, added])  # copied once: most memory is weights

    return (
        half(_needed(inputs_of, [name, *lower]), lower, _written(_GRAPH_OUTPUT, value)),
        half(_needed(inputs_of, upper, name), upper, _written(_GRAPH_INPUT, value)),
    )


def _needed(
    inputs_of: dict[str, list[str]], outputs: Iterable[str], given: str | None = None
) -> set[str]:
    """Return the tensors that the outputs depend on, including them, without one that is given."""
    needed, left = set[str](), list(outputs)
    while left:
        tensor = left.pop()
        if tensor != given and tensor not in needed:
            needed.add(tensor)
            left += inputs_of.get(tensor, [])
    return needed


def _is_kept(field: _Field, needed: set[str], outputs: set[str]) -> bool:
    if field[0] in _NAMED:
        return not needed.isdisjoint(_names(_block(field), _NAMED[field[0]]))
    if field[0] == _GRAPH_OUTPUT:
        return not outputs.isdisjoint(_names(_block(field), _VALUE_NAME))
    return field[0] in _GRAPH_KEPT


def _parts(field: _Field) -> list[bytes | memoryview]:
    """Return the parts of a field as written, without copying its content."""
    number, wire, content = field
    if isinstance(content, int):
        return [_number(number << 3 | wire), _number(content)]
    return [_opening(number, len(content)) if wire == _BLOCK else _number(number << 3 | wire),
            content]  # fmt: skip


def _blocks(message: memoryview, wanted: int) -> Iterator[memoryview]:
    return (_block(field) for field in _fields(message) if field[0] == wanted)


def _names(message: memoryview, wanted: int) -> list[str]:
    return [bytes(part).decode("utf-8", "replace") for part in _blocks(message, wanted)]


def _written(number: int, content: bytes) -> bytes:
    return _opening(number, len(content)) + content


def _opening(number: int, size: int) -> bytes:
    return _number(number << 3 | _BLOCK) + _number(size)


def _number(value: int) -> bytes:
    written = b""
    while value > 0x7F:
        written, value = written + bytes((value & 0x7F | 0x80,)), value >> 7
    return written + bytes((value,))


def _block(field: _Field) -> memoryview:
    number, wire, content = field
    if wire != _BLOCK or isinstance(content, int):
        raise ValueError(f"field {number} has the wrong wire type")
    return content


def _fields(message: memoryview) -> Iterator[_Field]:
    index, end = 0, len(message)
    while index < end:
        start = index
        key, index = _varint(message, index)
        number, wire = key >> 3, key & 7
        if number == 0 or key >> 32 or wire not in (_VARINT, _BLOCK, *_SIZES):
            raise ValueError(f"invalid field number or wire type at byte {start}")
        if wire == _VARINT:
            value, index = _varint(message, index)
            yield number, wire, value
            continue
        size, index = (_SIZES[wire], index) if wire in _SIZES else _varint(message, index)
        if size > end - index:
            raise ValueError(f"a field ends after byte {end}")
        yield number, wire, message[index : index + size]
        index += size


def _varint(message: memoryview, start: int) -> tuple[int, int]:
    """Return the number at an index and the index after it."""
    value = 0
    for index in range(start, min(start + 10, len(message))):
        byte = message[index]
        value |= (byte & 0x7F) << 7 * (index - start)
        if byte < 0x80:
            if value >> 64 or (byte == 0 and index > start):
                break
            return value, index + 1
    raise ValueError(f"truncated or too long number at byte {start}")
