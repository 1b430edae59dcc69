"""Find out whether an ONNX file points at other files, without the onnx package."""

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


def has_external_data(model: bytes) -> bool:
    """Return whether any tensor of a serialised ONNX model lives in another file.

    Raises ValueError when the bytes are no protocol buffer.
    """
    return _walk(memoryview(model), _MODEL)


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
