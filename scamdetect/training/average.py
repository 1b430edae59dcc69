"""Average the weights of runs that differ in their seed alone: a "soup" of equals.

Wortsman et al. 2022 (arXiv:2203.05482): runs that start from one base lie in one basin, and the
mean of their weights often holds better on unseen sources than any of them, at no cost later.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from scamdetect.errors import RecipeError
from scamdetect.files import writing
from scamdetect.regular_files import read_text
from scamdetect.training.recipe import without_seed
from scamdetect.training.run import Run, recorded_recipe, write_record

_SAME = ("corpus", "base", "languages", "sources")
_SUMMED = ("draws", "steps", "tokens", "minutes")


def average(folders: Sequence[Path], out: Path) -> None:
    """Leave in ``out`` a finished run with the mean weights of the finished runs.

    Raises RecipeError with fewer than two runs, an unfinished one, one of another recipe or corpus
    than the first, two of one seed, and where ``out`` exists.
    """
    if len(folders) < 2:
        raise RecipeError("an average needs two runs at least; name their folders")
    if os.path.lexists(out):
        raise RecipeError(f"{out} exists; remove it or choose another --out")
    records = [_record(folder) for folder in folders]
    recipes = [
        without_seed(recorded_recipe(Run(folder), record))
        for folder, record in zip(folders, records, strict=True)
    ]
    first = records[0]
    for folder, record, recipe in zip(folders[1:], records[1:], recipes[1:], strict=True):
        differing = [key for key in _SAME if record[key] != first[key]]
        if recipe != recipes[0]:
            differing.insert(0, "recipe")
        if differing:
            raise RecipeError(
                f"{folder} has another {' and '.join(differing)} than {folders[0]}; only runs "
                "that differ in their seed are averaged"
            )
    seeds = [record["seed"] for record in records]
    if len(set(seeds)) < len(seeds):
        raise RecipeError(f"two of the runs have one seed ({seeds}); name each seed once")
    out.mkdir(parents=True)
    for name in ("config.json", "recipe.toml", "tokenizer.json"):
        shutil.copyfile(folders[0] / name, out / name)
    run = Run(out)
    summed = {key: round(sum(record[key] for record in records), 1) for key in _SUMMED}
    write_record(run, first | summed | _cost(records) | {"averaged": seeds})
    with writing(run.weights) as file:
        file.write(save(_mean([Run(folder).weights for folder in folders])))


def _cost(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return where the runs ran and what they drew together, null where they differ or hide it."""
    same = {
        key: records[0].get(key) if len({record.get(key) for record in records}) == 1 else None
        for key in ("machine", "threads", "device")
    }
    joules = [record.get("joules") for record in records]
    known = [drawn for drawn in joules if drawn is not None]
    return same | {"joules": sum(known) if len(known) == len(joules) else None}


def _record(folder: Path) -> dict[str, Any]:
    run = Run(folder)
    if not run.weights.exists() or not run.record.exists():
        raise RecipeError(f"{folder}: no finished run (model.safetensors or run.json is missing)")
    record: dict[str, Any] = json.loads(read_text(run.record))
    return record


def _mean(paths: Sequence[Path]) -> dict[str, torch.Tensor]:
    total = load_file(paths[0])
    for path in paths[1:]:
        for name, tensor in load_file(path).items():
            total[name] += tensor
    return {name: tensor / len(paths) for name, tensor in total.items()}
