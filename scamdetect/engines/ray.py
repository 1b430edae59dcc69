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
    **options: Any,  # noqa: ANN401 - those of TableScorer
) -> Dataset:
    """Return the dataset with the ``scamdetect_*`` columns appended, computed when consumed.

    ``workers`` actors load the model once and take a block at a time; the default is the cluster's
    number of CPUs minus one, which reads and writes. Ray's blocks of 128 MiB keep an actor busy
    for hours: ``repartition`` the dataset first. ``options`` are those of ``TableScorer``.

    Raises MissingExtraError if Ray is not installed.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("ray[data]", "ray") from error
    scorer = TableScorer(text_column, model, **options)
    if workers is None:
        cpus = int(ray.cluster_resources().get("CPU", 1))
        workers = max(1, (cpus - 1) // scorer.threads)
    return dataset.map_batches(
        TableScorer,
        fn_constructor_kwargs=vars(scorer),
        batch_format="pyarrow",
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=scorer.threads,
    )
