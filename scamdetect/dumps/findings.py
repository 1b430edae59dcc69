"""What the rows of a part tell beside their scores: campaigns and, where asked for, groups."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import IO, Any

from scamdetect.dumps.columns import Grouping
from scamdetect.dumps.groups import Groups
from scamdetect.dumps.rows import Rows
from scamdetect.errors import InputError
from scamdetect.frames.times import instants
from scamdetect.prediction import Prediction
from scamdetect.scored.campaigns import Campaigns


class Findings:
    """The campaigns and groups of some rows, added in the order of the dump."""

    def __init__(self, grouping: Grouping) -> None:
        self.campaigns = Campaigns()
        self.groups = None if grouping.by is None else Groups(grouping.by, grouping.time)
        self._grouping = grouping

    def add(
        self, rows: Rows, texts: Sequence[Any], predictions: Sequence[Prediction], first_row: int
    ) -> None:
        """Add rows, the first of which is row ``first_row``; raise InputError on a nested group."""
        time, by = self._grouping.time, self._grouping.by
        times = None
        if time is not None:
            values = self._grouping.values(rows, time)
            times = values, instants(values)
        self.campaigns.add(texts, predictions, first_row, times and times[1].iso())
        if self.groups is not None and by is not None:
            self.groups.add(self._grouping.values(rows, by), predictions, first_row, times)


def save_campaigns(file: IO[bytes], campaigns: Campaigns) -> None:
    """Write the campaigns of a part; raise OSError."""
    file.write(json.dumps(campaigns.to_dict()).encode("ascii"))


def load_campaigns(file: IO[bytes]) -> Campaigns:
    """Return what ``save_campaigns`` wrote; raise InputError on other data."""
    try:
        return Campaigns.from_dict(json.load(file))
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise InputError(f"{file.name}: damaged; begin anew with --overwrite") from problem
