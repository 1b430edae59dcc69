"""A mean of runs is a run, of runs that are alike alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from synthetic_corpus import row, table
from tiny_base import TINY_TABLES, TINY_TEXTS, write_tiny_base

from scamdetect.errors import RecipeError
from scamdetect.train.fit import train
from scamdetect.train.mean_of_runs import mean_of_runs
from scamdetect.train.run import load_trained

RECIPE = 'name = "tiny"\nseed = {seed}\n[base]\nname = "{base}"\nlayers = {layers}\n' + TINY_TABLES


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return two runs that differ in their seed, and one of more layers."""
    folder = tmp_path_factory.mktemp("runs")
    base = write_tiny_base(tmp_path_factory.mktemp("base"))
    texts = [(v, f"{TINY_TEXTS[v]} {n}") for n in range(40) for v in ("legit", "scam", "spam")]
    rows = (row(n, v, role="train", norm=text) for n, (v, text) in enumerate(texts))
    pq.write_table(table(rows), folder / "corpus.parquet")
    made = {}
    for name, seed, layers in (("first", 0, 1), ("second", 1, 1), ("deeper", 0, 2)):
        recipe = folder / f"{name}.toml"
        recipe.write_text(RECIPE.format(seed=seed, base=base, layers=layers), encoding="utf-8")
        made[name] = folder / name
        train(recipe, folder / "corpus.parquet", made[name], resume=True, log=print)
    return made


def test_the_weights_are_the_mean_and_the_record_names_the_runs(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    both = [runs["first"], runs["second"]]
    mean_of_runs(both, tmp_path / "mean", print)
    mean, _, record, _ = load_trained(tmp_path / "mean")
    first, second = (load_trained(run)[0].state_dict() for run in both)
    moved = 0
    for name, tensor in mean.state_dict().items():
        assert torch.allclose(tensor, (first[name] + second[name]) / 2, atol=1e-6), name
        moved += not torch.equal(first[name], second[name])
    assert moved > 0
    assert [one["seed"] for one in record["mean_of"]] == [0, 1]
    assert record["tokens"] == sum(one["tokens"] for one in record["mean_of"])


def test_runs_of_one_seed_count_once(runs: dict[str, Path], tmp_path: Path) -> None:
    longer = tmp_path / "longer"
    shutil.copytree(runs["first"], longer)
    record = json.loads((longer / "run.json").read_text(encoding="utf-8"))
    tokens = record["tokens"] + 100
    (longer / "run.json").write_text(json.dumps(record | {"tokens": tokens}), encoding="utf-8")
    mean_of_runs([longer, runs["first"]], tmp_path / "mean", print)
    assert load_trained(tmp_path / "mean")[2]["tokens"] == tokens


def test_unlike_runs_one_run_and_a_folder_that_exists_are_refused(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="recipe"):
        mean_of_runs([runs["first"], runs["deeper"]], tmp_path / "mean", print)
    with pytest.raises(RecipeError, match="two"):
        mean_of_runs([runs["first"]], tmp_path / "mean", print)
    with pytest.raises(RecipeError, match="exists"):
        mean_of_runs([runs["first"], runs["second"]], runs["deeper"], print)
    assert not (tmp_path / "mean").exists()


def test_another_corpus_is_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(runs["second"], other)
    record = json.loads((other / "run.json").read_text(encoding="utf-8"))
    (other / "run.json").write_text(json.dumps(record | {"corpus": "0"}), encoding="utf-8")
    with pytest.raises(RecipeError, match="corpus"):
        mean_of_runs([runs["first"], other], tmp_path / "mean", print)
