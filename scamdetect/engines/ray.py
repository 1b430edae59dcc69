"""Score Ray datasets. Importing this turns off Ray's usage statistics in processes of this one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scamdetect.engines import TableScorer
from scamdetect.errors import MissingExtraError

if TYPE_CHECKING:
    from ray.data import Dataset

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


def score(
    dataset: Dataset,
    *,
    text_column: str = "text",
    model: str | Path | None = None,
    workers: int | None = None,
    **options: Any,  # noqa: ANN401
) -> Dataset:
    """Return the dataset with the ``scamdetect_*`` columns appended, computed when consumed.

    ``options`` are those of ``TableScorer``. Each of the ``workers`` takes a block at a time; by
    default one CPU is left to read and write. Ray's blocks of 128 MiB keep a worker busy for hours:
    ``repartition`` the dataset first.

    Raises MissingExtraError if Ray is not installed.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("ray[data]", "ray") from error
    scorer = TableScorer(text_column, model, **options)
    if workers is None:
        workers = max(1, (int(ray.cluster_resources().get("CPU", 1)) - 1) // scorer.threads)
    return dataset.map_batches(
        TableScorer,
        fn_constructor_args=(text_column, scorer.model),
        fn_constructor_kwargs=options,
        batch_format="pyarrow",
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=scorer.threads,
    )
