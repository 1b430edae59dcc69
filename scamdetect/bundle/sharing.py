"""What holds an open model or processes: copies share it, and it stays in its process."""

from __future__ import annotations

from typing import NoReturn, Self, SupportsIndex

from scamdetect.errors import SharingError


class StaysInProcess:
    """A base for what cannot be written down; whoever pickles it is told what to do instead."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        raise SharingError(
            "a detector, or what else holds an open model, cannot be pickled; pass the folder of "
            "its bundle and call ScamDetector.load in each process, or let one detector start "
            "processes of its own by workers="
        )
