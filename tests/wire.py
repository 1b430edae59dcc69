"""Protocol buffers written by hand, in ways that no serialiser writes them too."""

from __future__ import annotations

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
OVER_32_BITS = 1 << 32  # what is added to a key that other readers cut to 32 bits


def varint(value: int, length: int = 1) -> bytes:
    """Return the number in at least so many bytes, those over what it needs being empty."""
    written = b""
    while value > 0x7F or len(written) + 1 < length:
        written, value = written + bytes((value & 0x7F | 0x80,)), value >> 7
    return written + bytes((value,))


def key(field: int, wire: int, *, over: int = 0, length: int = 1) -> bytes:
    """Return what stands before a field, with bits ``over`` those of a key."""
    return varint((field << 3 | wire) + over, length)


def block(field: int, content: bytes, *, over: int = 0, length: int = 1) -> bytes:
    """Return a field that holds bytes or a message."""
    return key(field, LENGTH, over=over, length=length) + varint(len(content)) + content


def number(field: int, value: int, *, over: int = 0, length: int = 1) -> bytes:
    """Return a field that holds a whole number or an enum."""
    return key(field, VARINT, over=over, length=length) + varint(value)
