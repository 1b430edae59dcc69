"""Tell one text from several, whatever holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeGuard

from scamdetect.errors import TextsError

_ONE = (str, bytes, bytearray, memoryview, Mapping)


def is_several(value: object) -> TypeGuard[Iterable[object]]:
    """Return whether an object gives texts, or what else is wanted, one after the other.

    Raises TextsError on an array or tensor without a dimension, which is neither one nor several.
    """
    # A frame or table would give the names of its columns, or the columns, for texts.
    if not isinstance(value, Iterable) or isinstance(value, _ONE) or hasattr(value, "columns"):
        return False
    if getattr(value, "ndim", None) == 0:
        raise TextsError(
            f"got a {type(value).__name__} without a dimension, which is neither one text nor "
            "several; pass .item(), or a list"
        )
    return True


def check_several(
    value: object, wanted: str = "several texts", cure: str = "pass a list: [text]"
) -> None:
    """Raise TypeError unless the value holds several of what is wanted, TextsError as above."""
    if not is_several(value):
        raise TypeError(f"expected {wanted}, got one {type(value).__name__}; {cure}")
