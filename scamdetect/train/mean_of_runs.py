"""Average the weights of several runs.

Decays from different marks of a run, or seeds of one recipe, are similar enough that their mean is
a model, which transfers better than each: Wortsman et al. 2022, Model soups, arXiv:2203.05482.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from scamdetect.errors import RecipeError
from scamdetect.system.os_errors import unwritable
from scamdetect.train.fit import save_weights
from scamdetect.train.recipe import Recipe, recipe_hash
from scamdetect.train.run import Run, load_trained, write_record

Record = Mapping[str, Any]
_SAME = ("corpus", "base", "languages")
_SPENT = ("draws", "steps", "tokens", "minutes")


def mean_of_runs(folders: Sequence[Path], out: Path, log: Callable[[str], None]) -> None:
    """Write the finished run ``out``, whose weights are the mean of those of the runs.

    It has the recipe of the first; the record lists all. Raises RecipeError for fewer than two
    runs, for recipes that differ in more than name and seed, for another corpus, base or languages,
    and if ``out`` exists; OutputError if writing fails.
    """
    if len(folders) < 2:
        raise RecipeError("a mean needs at least two runs")
    if os.path.lexists(out):
        raise RecipeError(f"{out} already exists; remove it or choose another --out")
    model, _, first, recipe = load_trained(folders[0])
    records = [first]
    total = {name: tensor.double() for name, tensor in model.state_dict().items()}
    for folder in folders[1:]:
        other, _, record, of_other = load_trained(folder)
        if (differing := _differing(recipe, first, of_other, record)) is not None:
            raise RecipeError(
                f"{folder} and {folders[0]} differ in {differing}; use runs with the same"
            )
        records.append(record)
        for name, tensor in other.state_dict().items():
            total[name] += tensor
    model.load_state_dict({name: (both / len(folders)).float() for name, both in total.items()})
    run = Run(out)
    try:
        out.mkdir(parents=True)
        for name in ("config.json", run.tokenizer.name, run.recipe.name):
            shutil.copyfile(folders[0] / name, out / name)
        write_record(run, dict(_together(records)))
        save_weights(run, model)
    except OSError as problem:
        raise unwritable(out, problem) from problem
    log(f"{out}: the mean of {len(folders)} runs")


def _differing(recipe: Recipe, record: Record, of_other: Recipe, other: Record) -> str | None:
    """Return a difference between two runs that must not exist, or None."""
    if recipe_hash(replace(of_other, name=recipe.name, seed=recipe.seed)) != recipe_hash(recipe):
        return "recipe"
    return next((key for key in _SAME if other.get(key) != record.get(key)), None)


def _together(records: Sequence[Record]) -> Record:
    """Return the record of the mean: the total cost, and each run by seed and start.

    Runs of one seed share their start, so a seed counts once, by its longest run.
    """
    of_seed: dict[int, Record] = {}
    for record in sorted(records, key=lambda one: int(one["tokens"])):
        of_seed[record["seed"]] = record
    spent = {key: round(sum(one[key] for one in of_seed.values()), 1) for key in _SPENT}
    runs = [{key: one.get(key) for key in ("seed", "start", *_SPENT)} for one in records]
    return {**records[0], **spent, "start": None, "mean_of": runs}
