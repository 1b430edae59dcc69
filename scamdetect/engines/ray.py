"""Score Ray datasets. Importing this turns off Ray's usage statistics in processes of this one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scamdetect.engines import score_table
from scamdetect.errors import MissingExtraError

if TYPE_CHECKING:
    from ray.data import Dataset

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


def score(
    dataset: Dataset,
    *,
    text_column: str = "text",
    model: str | Path | None = None,
    threads: int = 1,
    **options: Any,  # noqa: ANN401
) -> Dataset:
    """Return the dataset with the ``scamdetect_*`` columns appended, computed when consumed.

    ``options`` are those of ``engines.score_table``. Each task takes a block and as many CPUs as
    ``threads``. Ray's blocks of 128 MiB keep a task busy for hours: ``repartition`` the dataset
    first. Raises MissingExtraError if Ray is not installed.
    """
    try:
        import ray.data  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("ray[data]", "ray") from error
    model = None if model is None else Path(model).resolve()  # a worker runs in another folder
    return dataset.map_batches(
        score_table,
        fn_kwargs={"text_column": text_column, "model": model, "threads": threads, **options},
        batch_format="pyarrow",
        batch_size=None,
        num_cpus=threads,
    )
