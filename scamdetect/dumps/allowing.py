"""Apply an allow-list, if there is one, to the rows of a dump."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scamdetect.dumps.allow_list import AllowList
from scamdetect.dumps.columns import Grouping
from scamdetect.dumps.rows import Rows
from scamdetect.errors import InputError
from scamdetect.prediction import Prediction


@dataclass(frozen=True)
class Allowing:
    """An allow-list, if any, and the columns that tell senders."""

    allow_list: AllowList | None
    grouping: Grouping

    def passed(
        self, rows: Rows, texts: Sequence[object], predictions: list[Prediction]
    ) -> list[Prediction]:
        """Return the predictions of rows after the allow-list."""
        if self.allow_list is None:
            return predictions
        return self.allow_list.apply(predictions, texts, self._senders(rows))

    def left(self, rows: Rows, texts: Sequence[object]) -> Sequence[object]:
        """Return the texts of rows with None in place of those that are allowed."""
        if self.allow_list is None:
            return texts
        allowed = self.allow_list.allows(texts, self._senders(rows))
        return [None if is_allowed else t for t, is_allowed in zip(texts, allowed, strict=True)]

    def _senders(self, rows: Rows) -> list[object] | None:
        column = self.grouping.sender
        return None if column is None else list(self.grouping.values(rows, column).to_pylist())


def check_senders(
    allow_list: AllowList | None,
    sender_column: str | None,
    thread_column: str | None,
    me: str | None,
) -> None:
    """Raise InputError where senders are needed and not named, or named and not needed."""
    if sender_column is not None and allow_list is None and thread_column is None:
        raise InputError(
            "sender_column (--sender-column) is for an allow-list or threads; give --allow-list or "
            "--thread-column too"
        )
    if me is not None and (sender_column is None or thread_column is None):
        raise InputError(
            "me (--me) names the side of threads that is not judged; say which columns have "
            "threads and senders with thread_column (--thread-column) and sender_column "
            "(--sender-column)"
        )
    if me is not None and not me.strip():
        raise InputError("me (--me) is blank; give the name of the own side, or leave it out")
    if allow_list is not None and allow_list.needs_senders and sender_column is None:
        raise InputError(
            "the allow-list names senders; say which column has those of the messages with "
            "sender_column (--sender-column)"
        )
