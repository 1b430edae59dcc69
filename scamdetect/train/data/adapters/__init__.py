"""Readers for the sources whose format is odd, by the name that a source's TOML file gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from scamdetect.train.data.readers import Draft

if TYPE_CHECKING:
    from scamdetect.train.data.registry import Source

Adapter = Callable[["Source", Path], Iterator[Draft]]

_MODULES = (
    "chats",
    "mail",
    "messages",
)

ADAPTERS: dict[str, Adapter] = {
    name: function
    for module in _MODULES
    for name, function in import_module(f"{__name__}.{module}").ADAPTERS.items()
}
