"""Look into an ONNX file, and name one more output of it, without the onnx package."""

from __future__ import annotations

from collections.abc import Iterator

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
_MODEL_GRAPH, _GRAPH_NODE, _GRAPH_OUTPUT = 7, 1, 12
_NODE_INPUT, _NODE_OUTPUT, _VALUE_NAME = 1, 2, 1


def has_external_data(model: bytes) -> bool:
    """Return whether any tensor of a serialised ONNX model lives in another file.

    Raises ValueError when the bytes are no protocol buffer.
    """
    return _walk(memoryview(model), _MODEL)


def read_by(model: bytes, output: str) -> str:
    """Return the name of the first tensor that the node reads which gives an output.

    Raises ValueError where no node does, and when the bytes are no protocol buffer.
    """
    for graph in _parts(memoryview(model), _MODEL_GRAPH):
        for node in _parts(graph, _GRAPH_NODE):
            if output in _names(node, _NODE_OUTPUT) and (inputs := _names(node, _NODE_INPUT)):
                return inputs[0]
    raise ValueError(f"no node gives {output!r}")


def with_output(model: bytes, name: str) -> bytes:
    """Return the model with one output more, a tensor that it computes anyway.

    Joined messages of protocol buffers are one message with the fields of both, so that the model
    itself is not touched.
    """
    value = _field(_VALUE_NAME, name.encode())
    return model + _field(_MODEL_GRAPH, _field(_GRAPH_OUTPUT, value))


def _parts(message: memoryview, wanted: int) -> Iterator[memoryview]:
    for field, value in _fields(message):
        if field == wanted and isinstance(value, memoryview):
            yield value


def _names(node: memoryview, wanted: int) -> list[str]:
    return [bytes(part).decode("utf-8", "replace") for part in _parts(node, wanted)]


def _field(number: int, content: bytes) -> bytes:
    size, rest = b"", len(content)
    while rest > 0x7F:
        size, rest = size + bytes((rest & 0x7F | 0x80,)), rest >> 7
    return bytes((number << 3 | 2,)) + size + bytes((rest,)) + content


def _walk(message: memoryview, kind: int) -> bool:
    for field, value in _fields(message):
        if kind == _TENSOR:
            if field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value == 1):
                return True
        elif (child := _PATHS[kind].get(field)) is not None:
            if not isinstance(value, memoryview):
                raise ValueError(f"field {field} has the wrong wire type")
            if _walk(value, child):
                return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    place, end = 0, len(message)
    while place < end:
        key, place = _varint(message, place)
        wire = key & 7
        if wire == 0:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if wire == 2:
            size, place = _varint(message, place)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {place}")
        if place + size > end:
            raise ValueError(f"a field ends after byte {end}")
        yield key >> 3, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise ValueError(f"cut off at byte {place}")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError(f"a number is too long at byte {place}")
