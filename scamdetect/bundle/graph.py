"""Inspect an ONNX file, add an output to it or split it in two, without the onnx package.

The result decides whether a graph is loaded, so this code must see what the runtime's parser sees.
Some parsers truncate long numbers to 32 bits or join repeated fields. So nothing is guessed:
anything that a serialiser would not write is rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

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
    _TENSOR: {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_DEFAULT, _EXTERNAL = 0, 1
_MODEL_GRAPH, _GRAPH_NODE, _GRAPH_TENSOR, _GRAPH_INPUT, _GRAPH_OUTPUT = 7, 1, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_ATTRIBUTE, _VALUE_NAME, _TENSOR_NAME = 1, 2, 5, 1, 8
_GRAPH_KEPT = (2, 10)  # name and description; the halves select what they need of the rest
_ATTRIBUTE_GRAPHS = (6, 11)
# The type of a tensor of floats (element type 1) with three dimensions of any size.
_VALUE_TYPE, _TENSOR_TYPE, _FLOATS = 2, 1, b"\x08\x01\x12\x06" + b"\x0a\x00" * 3
# If one of these occurs twice in a message, a parser uses the last one or merges both. A model's
# graph, which `with_output` adds to, is not among them: merged graphs contain everything.
_ONCE: dict[int, frozenset[int]] = {
    _TRAINING: frozenset((1, 2)),
    _ATTRIBUTE: frozenset((5, 6, 22)),
    _SPARSE: frozenset((1, 2)),
    _TENSOR: frozenset((_DATA_LOCATION,)),
}
_VARINT, _FIXED64, _BLOCK, _FIXED32 = 0, 1, 2, 5  # wire types; no model has groups, 3 and 4
_MOST_LEVELS = 100  # the depth limit of protocol buffer parsers

_Field = tuple[int, int, int | memoryview]  # number, wire type, content


def has_external_data(model: bytes) -> bool:
    """Return True if any tensor of a serialised ONNX model is stored in another file.

    Raises ValueError for bytes that are not a protocol buffer, or that parsers read differently.
    """
    found = False
    levels = [(_MODEL, set[int](), _fields(memoryview(model)))]
    while levels:
        kind, seen, fields = levels[-1]
        field = next(fields, None)
        if field is None:
            levels.pop()
            continue
        number = field[0]
        if number in seen:
            raise ValueError(f"field {number} of a message occurs twice")
        if number in _ONCE.get(kind, ()):
            seen.add(number)
        if kind == _TENSOR:
            found |= _is_outside(field)
        elif (child := _PATHS[kind].get(number)) is not None:
            if len(levels) == _MOST_LEVELS:
                raise ValueError(f"more than {_MOST_LEVELS} levels of messages")
            levels.append((child, set(), _fields(_block(field))))
    return found


def read_by(model: bytes, output: str) -> str:
    """Return the first input tensor of the node that computes an output.

    Raises ValueError if no node does, and for bytes that are not a protocol buffer.
    """
    for graph in _parts(memoryview(model), _MODEL_GRAPH):
        for node in _parts(graph, _GRAPH_NODE):
            if output in _names(node, _NODE_OUTPUT) and (inputs := _names(node, _NODE_INPUT)):
                return inputs[0]
    raise ValueError(f"no node computes {output!r}")


def with_output(model: bytes, name: str) -> bytes:
    """Return the model with an additional output, a tensor that it computes anyway.

    Concatenated protocol buffer messages are one message with the fields of both, so the model
    itself is not changed.
    """
    value = _written(_VALUE_NAME, name.encode())
    return model + _written(_MODEL_GRAPH, _written(_GRAPH_OUTPUT, value))


def halves(model: bytes, name: str) -> tuple[bytes, bytes]:
    """Return the model split at a float tensor: the part that computes it, and the rest.

    The tensor, of three dimensions, is an output of the first half, with the model outputs that do
    not depend on it, and an input of the second half, which has the other outputs. Each half
    contains the nodes, weights and inputs that it needs. Raises ValueError if no node computes the
    tensor, if a node contains a graph, and for bytes that are not a protocol buffer.
    """
    around, inside = list[_Field](), list[_Field]()
    for field in _fields(memoryview(model)):
        if field[0] == _MODEL_GRAPH:
            inside += _fields(_block(field))
        else:
            around.append(field)
    nodes = [_block(field) for field in inside if field[0] == _GRAPH_NODE]
    for node in nodes:
        for attribute in _parts(node, _NODE_ATTRIBUTE):
            if any(field[0] in _ATTRIBUTE_GRAPHS for field in _fields(attribute)):
                raise ValueError("a node contains a graph")
    givers = {output: node for node in nodes for output in _names(node, _NODE_OUTPUT)}
    if name not in givers:
        raise ValueError(f"no node computes {name!r}")
    outputs = [_value_name(_block(field)) for field in inside if field[0] == _GRAPH_OUTPUT]
    above = {output for output in outputs if name in _read(givers, [output])}
    below = _read(givers, [name, *(output for output in outputs if output not in above)])
    value = _written(_VALUE_NAME, name.encode())
    floats = _written(_VALUE_TYPE, _written(_TENSOR_TYPE, _FLOATS))
    head = [part for field in around for part in _pieces(field)]
    found = []
    for read, given, added in (
        (below, set(outputs) - above, _written(_GRAPH_OUTPUT, value + floats)),
        (_read(givers, above, name), above, _written(_GRAPH_INPUT, value + floats)),
    ):
        kept = [part for f in inside if _is_kept(f, read, given) for part in _pieces(f)]
        size = sum(map(len, kept)) + len(added)
        # Copied once: the weights are most of a bundle's memory.
        found.append(b"".join([*head, _opening(_MODEL_GRAPH, size), *kept, added]))
    return found[0], found[1]


def _read(
    givers: Mapping[str, memoryview], wanted: Iterable[str], given: str | None = None
) -> set[str]:
    """Return the names of the wanted tensors and of all tensors that they depend on.

    ``given`` is a tensor to exclude, with everything that only it depends on.
    """
    read, left = set[str](), list(wanted)
    while left:
        tensor = left.pop()
        if tensor == given or tensor in read:
            continue
        read.add(tensor)
        if tensor in givers:
            left += _names(givers[tensor], _NODE_INPUT)
    return read


def _is_kept(field: _Field, read: set[str], outputs: set[str]) -> bool:
    """Return True if a graph that computes the tensors ``read`` needs this field."""
    number = field[0]
    if number == _GRAPH_NODE:
        return not read.isdisjoint(_names(_block(field), _NODE_OUTPUT))
    if number == _GRAPH_TENSOR:
        return not read.isdisjoint(_names(_block(field), _TENSOR_NAME))
    if number == _GRAPH_INPUT:
        return _value_name(_block(field)) in read
    if number == _GRAPH_OUTPUT:
        return _value_name(_block(field)) in outputs
    return number in _GRAPH_KEPT


def _value_name(value: memoryview) -> str:
    return next(iter(_names(value, _VALUE_NAME)), "")


def _pieces(field: _Field) -> list[bytes | memoryview]:
    """Return the parts of a field as written, without copying its content."""
    number, wire, content = field
    if isinstance(content, int):
        return [_number(number << 3 | wire), _number(content)]
    if wire == _BLOCK:
        return [_opening(number, len(content)), content]
    return [_number(number << 3 | wire), content]


def _parts(message: memoryview, wanted: int) -> Iterator[memoryview]:
    for field in _fields(message):
        if field[0] == wanted:
            yield _block(field)


def _names(node: memoryview, wanted: int) -> list[str]:
    return [bytes(part).decode("utf-8", "replace") for part in _parts(node, wanted)]


def _written(number: int, content: bytes) -> bytes:
    return _opening(number, len(content)) + content


def _opening(number: int, size: int) -> bytes:
    return _number(number << 3 | _BLOCK) + _number(size)


def _number(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found, value = found + bytes((value & 0x7F | 0x80,)), value >> 7
    return found + bytes((value,))


def _is_outside(field: _Field) -> bool:
    """Return True if a field of a tensor marks its values as external."""
    number, wire, content = field
    if number == _EXTERNAL_DATA:
        _block(field)
        return True
    if number != _DATA_LOCATION:
        return False
    if wire != _VARINT or content not in (_DEFAULT, _EXTERNAL):
        raise ValueError(f"field {number} of a tensor has a value that does not exist")
    return content == _EXTERNAL


def _block(field: _Field) -> memoryview:
    number, wire, content = field
    if wire != _BLOCK or isinstance(content, int):
        raise ValueError(f"field {number} has the wrong wire type")
    return content


def _fields(message: memoryview) -> Iterator[_Field]:
    place, end = 0, len(message)
    while place < end:
        start = place
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if number == 0 or key >> 32:
            raise ValueError(f"invalid field number at byte {start}")
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, wire, value
            continue
        if wire == _BLOCK:
            size, place = _varint(message, place)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {start}")
        if size > end - place:
            raise ValueError(f"a field ends after byte {end}")
        yield number, wire, message[place : place + size]
        place += size


def _varint(message: memoryview, start: int) -> tuple[int, int]:
    """Return the number at an offset and the offset after it."""
    value = 0
    for place in range(start, start + 10):
        if place >= len(message):
            raise ValueError(f"truncated at byte {place}")
        byte = message[place]
        value |= (byte & 0x7F) << 7 * (place - start)
        if byte < 0x80:
            if value >> 64 or (byte == 0 and place > start):
                break
            return value, place + 1
    raise ValueError(f"number too long at byte {start}")
