"""What suites are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Log = Callable[[str], None]


class Rewriter(Protocol):
    """Rewrites messages: what it is asked for, a text and its language give another text."""

    @property
    def name(self) -> str:
        """Return what rewrites: "rules", or the model."""
        ...

    @property
    def changes(self) -> dict[str, str]:
        """Return what can be asked for, and how it is done (a prompt) by name."""
        ...

    def rewrite(self, text: str, lang: str, change: str) -> str | None:
        """Return the text as asked, None where there is no such text (refused, unchanged)."""
        ...


@dataclass(frozen=True)
class Material:
    """Where the rows of suites come from; None for what is not there.

    ``corpus`` is the file of ``scamdetect data build``, ``authored`` the folder of the project's
    own messages, ``rewriter`` what the suite ``rewrite`` is made with.
    """

    corpus: Path | None
    authored: Path | None
    log: Log
    rewriter: Rewriter | None = None
