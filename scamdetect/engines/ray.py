"""Score a Ray dataset with a pool of actors, each of which loads the model once.

Importing this module turns Ray's usage statistics off for clusters that this process starts.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from scamdetect.engines.batches import ScoreBatches
from scamdetect.errors import MissingExtraError

if TYPE_CHECKING:
    from ray.data import Dataset

__all__ = ["ScoreBatches", "score_dataset"]

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


def score_dataset(
    dataset: Dataset,
    scoring: ScoreBatches | None = None,
    *,
    workers: int | None = None,
) -> Dataset:
    """Return the dataset with the ``scamdetect_*`` columns appended, computed when consumed.

    ``workers`` actors with a CPU for each scoring thread take a block at a time; the default is the
    cluster's number of CPUs minus one, which reads and writes. A killed actor is restarted and gets
    its block again, Ray's default. Ray's blocks of 128 MiB keep an actor busy for hours:
    ``repartition`` the dataset first.

    Raises MissingExtraError if Ray is not installed.
    """
    ray = import_ray()
    scoring = scoring or ScoreBatches()
    if workers is None:
        workers = max(1, (int(ray.cluster_resources().get("CPU", 1)) - 1) // scoring.threads)
    return dataset.map_batches(
        ScoreBatches,
        fn_constructor_kwargs=vars(scoring),
        batch_format="pyarrow",
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, initial_size=workers),
        num_cpus=scoring.threads,
    )


def import_ray() -> Any:  # noqa: ANN401 - the package is not a dependency of the core
    """Return the package ``ray`` with ``ray.data``; raise MissingExtraError without it."""
    try:
        import ray
        import ray.data
    except ImportError as problem:
        raise MissingExtraError("ray[data]", "ray") from problem
    return ray
