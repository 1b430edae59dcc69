"""Score message dumps: tables in the same formats out; JSON, chats and mail as Parquet."""

from __future__ import annotations

TYPE_CHECKING = False  # the constant of typing
if TYPE_CHECKING:
    from scamdetect.dumps.job import score_file

__all__ = ["score_file"]


def __getattr__(name: str) -> object:
    # Most imports from this package need no job.
    if name != "score_file":
        raise AttributeError(f"module 'scamdetect.dumps' has no attribute {name!r}")
    from scamdetect.dumps.job import score_file

    return score_file
