"""Read the campaign of each row of scored dumps, as written by ``scamdetect campaigns``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from scamdetect.dumps.columns import read_columns
from scamdetect.dumps.open import open_dump
from scamdetect.errors import InputError

_NEEDED = ("row",)
_INPUT = "input"


class Members:
    """The members file, read together with the dumps: its rows are in the same order."""

    def __init__(self, path: Path, inputs: Sequence[str]) -> None:
        self.path = path
        self._inputs = list(inputs)
        self._rows = _rows(path, self._inputs)
        self._next = next(self._rows, None)

    def of_rows(self, dump: int, first: int, count: int) -> list[str | None]:
        """Return the campaigns of the next rows, None for rows without one.

        ``dump`` counts from 0, as ``first`` does within it. Raises InputError if the file is not in
        the order of the dumps.
        """
        found: list[str | None] = [None] * count
        while self._next is not None and self._next[:2] < (dump, first + count):
            at, row, campaign = self._next
            if at == dump and row >= first:
                found[row - first] = campaign
            following = next(self._rows, None)
            if following is not None and following[:2] <= (at, row):
                raise InputError(
                    f"{self.path}: its rows are not in the order of the dumps; pass the file as "
                    "scamdetect campaigns wrote it"
                )
            self._next = following
        return found

    def check_end(self) -> None:
        """Raise InputError if the file has rows that the dumps lack."""
        if self._next is not None:
            raise InputError(
                f"{self.path}: has rows that are not in the dumps, so it belongs to others; "
                "pass the members of these dumps"
            )


def _rows(path: Path, inputs: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the number of the dump, the row in it, and the campaign."""
    dump = open_dump(path, text_column="campaign", overwrite_columns=True)
    has_inputs = _INPUT in dump.columns
    if has_inputs != (len(inputs) > 1):
        raise InputError(
            f"{path}: is from {'several dumps' if has_inputs else 'one dump'}, but got "
            f"{len(inputs)}; pass those that scamdetect campaigns read"
        )
    places = {name: number for number, name in enumerate(inputs)}
    for batch in read_columns(path, "campaign", _NEEDED, (_INPUT,)):
        if batch.rejected:
            raise InputError(f"{path}: {batch.rejected} broken records; make the file again")
        names = batch.columns.get(_INPUT, [None] * len(batch.texts))
        for name, row, campaign in zip(names, batch.columns["row"], batch.texts, strict=True):
            number = 0 if name is None else places.get(name)
            if number is None:
                raise InputError(
                    f"{path}: refers to a dump that is not given; pass all dumps under the "
                    "names used for scamdetect campaigns"
                )
            if row is None or not row.isdecimal() or not campaign:
                raise InputError(
                    f"{path}: a row without a number or a campaign; pass the members file of "
                    "scamdetect campaigns"
                )
            yield number, int(row), campaign
