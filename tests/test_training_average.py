"""Runs of other seeds become one: the mean of their weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from synthetic_corpus import row, table
from tiny_base import TINY_TABLES, TINY_TEXTS, write_tiny_base

from scamdetect.errors import RecipeError
from scamdetect.training.average import average
from scamdetect.training.fit import train
from scamdetect.training.recipe import load_recipe, recipe_hash
from scamdetect.training.run import Run, load_trained


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, base = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("base")
    write_tiny_base(base)
    rows = [
        row(n, verdict, role="train", norm=f"{TINY_TEXTS[verdict]} {n}")
        for n, verdict in enumerate(["legit", "scam"] * 20)
    ]
    pq.write_table(table(rows), folder / "corpus.parquet")
    for seed in (0, 1):
        head = f'name = "tiny"\nseed = {seed}\n[base]\nname = "{base.as_posix()}"\nlayers = 1\n'
        (folder / "recipe.toml").write_text(head + TINY_TABLES, encoding="utf-8")
        run = folder / f"run-{seed}"
        train(folder / "recipe.toml", folder / "corpus.parquet", run, resume=True, log=len)
    return [folder / f"run-{seed}" for seed in (0, 1)]


def test_the_mean_is_a_finished_run(runs: list[Path], tmp_path: Path) -> None:
    average(runs, tmp_path / "mean")
    model, _, record, _ = load_trained(tmp_path / "mean")
    first, second, mean = (load_file(Run(one).weights) for one in (*runs, tmp_path / "mean"))
    for name in mean:
        torch.testing.assert_close(mean[name], (first[name] + second[name]) / 2)
    ids = torch.tensor([[0, 5, 2]])
    assert torch.isfinite(model(ids, torch.ones_like(ids))[0]).all()
    assert record["averaged"] == [0, 1]
    steps = [json.loads(Run(one).record.read_text("utf-8"))["steps"] for one in runs]
    assert record["steps"] == sum(steps)


def test_only_runs_that_differ_in_their_seed_are_averaged(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="two runs at least"):
        average(runs[:1], tmp_path / "out")
    with pytest.raises(RecipeError, match="no finished run"):
        average([runs[0], tmp_path], tmp_path / "out")
    with pytest.raises(RecipeError, match="two of the runs have one seed"):
        average([runs[0], runs[0]], tmp_path / "out")
    with pytest.raises(RecipeError, match=r"run-0 exists"):
        average(runs, runs[0])
    other = tmp_path / "other"
    shutil.copytree(runs[1], other)
    recipe = Run(other).recipe.read_text("utf-8").replace("tokens = 12000", "tokens = 13000")
    Run(other).recipe.write_text(recipe, encoding="utf-8")
    with pytest.raises(RecipeError, match=r"recipe\.toml reads as recipe .* records"):
        average([runs[0], other], tmp_path / "out")
    changes = {"corpus": "f" * 64, "recipe": recipe_hash(load_recipe(Run(other).recipe))}
    record = json.loads(Run(other).record.read_text("utf-8")) | changes
    Run(other).record.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(RecipeError, match="other has another recipe and corpus than"):
        average([runs[0], other], tmp_path / "out")
    assert not (tmp_path / "out").exists()
