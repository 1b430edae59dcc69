"""Which rows a fine-tune sees how often, under which recipe, and what holds it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_base import tiny_encoder
from tiny_trained import write_own

from scamdetect.adapt.own_rows import read_label_map
from scamdetect.bundle.bundle import Bundle
from scamdetect.labels import KINDS, VERDICTS
from scamdetect.train import finetune_fit, fit
from scamdetect.train.finetune_fit import (
    draw,
    finetune_recipe,
    leave_grid,
    pull_to_answers,
    train_on,
)
from scamdetect.train.finetune_rows import read_own_table, rehearsal_table
from scamdetect.train.from_bundle import load_from_bundle
from scamdetect.train.model import ScamModel, encoder_layers
from scamdetect.train.plan import RowFacts
from scamdetect.train.quantise import quantise_columns
from scamdetect.train.recipe import DataTable, Recipe, ScamShares
from scamdetect.train.run import Run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("epochs", "seen"), [(1, 7), (3, 21), (2.5, 18), (0.5, 4)])
def test_a_round_takes_two_of_a_group_and_rehearsal_twice_the_tokens(
    monkeypatch: pytest.MonkeyPatch, epochs: float, seen: int
) -> None:
    monkeypatch.setattr(finetune_fit, "FEWEST_REHEARSED", 0)
    own = np.arange(60) < 20
    groups = np.array([*[0] * 15, *range(1, 6), *range(100, 140)], dtype=object)
    facts = RowFacts(
        lengths=np.full(60, 10),
        classes=["legit", "scam", "spam"] * 20,
        cells=[("x", "en", "")] * 60,
        weights=np.ones(60),
    )
    order, budget = draw(facts, own, groups, Recipe(name="x"), epochs)
    assert own[order].sum() == seen
    copies = (order < 15).sum()
    assert copies <= 2 * np.ceil(epochs)
    assert budget == 2 * 10 * seen
    assert 0.9 * budget <= 10 * (~own[order]).sum() <= 1.1 * budget + 20


def test_few_own_rows_are_seen_beside_many_rehearsed_ones() -> None:
    own = np.arange(60) < 20
    facts = RowFacts(np.full(60, 10), ["legit", "scam", "spam"] * 20, [("x", "en", "")] * 60,
                     np.ones(60))  # fmt: skip
    order, budget = draw(facts, own, np.arange(60).astype(object), Recipe(name="x"), 3)
    assert budget == 200_000
    assert own[order].sum() == 60


def test_the_recipe_is_that_of_the_bundle_with_smaller_steps(
    tiny_bundle: Path, trained: tuple[Path, Path]
) -> None:
    recipe = finetune_recipe(Bundle.load(trained[0]), 7)
    assert (recipe.name, recipe.seed, recipe.data.max_tokens) == ("finetune", 7, 32)
    assert recipe.optimiser.batch_tokens == 192
    assert recipe.optimiser.learning_rate == pytest.approx(5e-3 / 3)
    assert recipe.base.freeze_embeddings
    # A bundle may have been made without a recipe of ours.
    assert finetune_recipe(Bundle.load(tiny_bundle), 0).data == Recipe(name="x").data


def test_a_bundle_of_a_long_run_is_trained_on_by_a_short_one(trained: tuple[Path, Path]) -> None:
    bundle = Bundle.load(trained[0])
    stated = msgspec.to_builtins(finetune_recipe(bundle, 7))
    stated["data"] |= {"most_draws": 8}
    stated["optimiser"] |= {"schedule": "stable", "keep_at": [9], "average": 0.9}
    bundle.training["recipe"] = stated
    recipe = finetune_recipe(bundle, 7)
    table = recipe.optimiser
    assert (table.schedule, table.keep_at, table.average) == ("linear", (), 0.0)
    assert recipe.data.most_draws == 0


def test_rehearsed_scams_come_at_the_shares_of_the_recipe() -> None:
    facts = RowFacts(
        lengths=np.full(400, 10),
        classes=["legit", "scam"] * 200,
        cells=[("x", "en", "")] * 400,
        weights=np.ones(400),
        groups=["", "real", "", "weak"] * 100,
    )
    data = DataTable(scam_shares=ScamShares(real=0.9, weak=0.1))
    groups = np.arange(400).astype(object)
    order, _ = draw(facts, np.arange(400) < 4, groups, Recipe(name="x", data=data), 1)
    seen = [facts.groups[row] for row in order.tolist()]
    assert seen.count("real") / seen.count("weak") == pytest.approx(9, rel=0.02)


def test_the_shipped_bundle_is_trained_on_at_the_rates_of_its_own_run() -> None:
    shipped = Bundle.load()
    stated = shipped.training["recipe"]
    recipe = finetune_recipe(shipped, 0)
    assert recipe.optimiser.learning_rate == pytest.approx(stated["optimiser"]["learning_rate"] / 3)
    assert (recipe.loss.soft, recipe.loss.pair) == (stated["loss"]["soft"], stated["loss"]["pair"])


def test_a_killed_training_ends_with_the_same_weights(
    trained: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Bundle.load(trained[0])
    own = read_own_table(
        write_own(tmp_path / "own.csv"), text_column="body", label_column="what",
        group_column=None, kinds_column=None, known=read_label_map(tmp_path / "map.toml"), seed=0,
    ).table  # fmt: skip
    rehearsed = rehearsal_table(trained[1], "default", [])
    recipe = msgspec.structs.replace(finetune_recipe(bundle, 0), checkpoint_minutes=0)
    monkeypatch.setattr(finetune_fit, "FEWEST_REHEARSED", 2_000)

    def train(folder: str) -> Path:
        run = Run(tmp_path / folder)
        run.folder.mkdir(exist_ok=True)
        train_on(
            *load_from_bundle(bundle), own, rehearsed, recipe, bundle.languages, 1, run, {},
            lambda line: None,
        )  # fmt: skip
        return run.weights

    whole = load_file(train("whole"))
    write, steps = fit._save_checkpoint, []

    def write_and_die(*given: Any) -> None:  # noqa: ANN401
        write(*given)
        steps.append(given[4])
        if len(steps) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(fit, "_save_checkpoint", write_and_die)
    with pytest.raises(KeyboardInterrupt):
        train("killed")
    again = load_file(train("killed"))
    assert steps[4:6] == [5, 6], "it went on, and did not begin anew"
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_a_step_under_half_of_one_of_int8_outlives_rounding() -> None:
    model = ScamModel(tiny_encoder(), len(VERDICTS), len(KINDS), 1)
    matrix = encoder_layers(model.encoder)[0].output.dense.weight  # type: ignore[union-attr]
    with torch.no_grad():
        values, scales = quantise_columns(matrix.numpy().T)
        matrix.copy_(torch.from_numpy((values * scales).T))
        on_grid = matrix.clone()
        learnt = torch.from_numpy(0.2 * scales)[:, None]

        def kept() -> float:
            values, new = quantise_columns((matrix + learnt).numpy().T)
            return float((torch.from_numpy((values * new).T) - on_grid).div(learnt).mean())

        assert abs(kept()) < 0.1, "rounded away"
        leave_grid(model, 0)
        assert ((matrix - on_grid).abs() <= 0.51 * torch.from_numpy(scales)[:, None]).all()
        assert 0.8 < kept() < 1.2


def test_only_rehearsed_rows_are_pulled_to_what_was_answered() -> None:
    torch.manual_seed(0)
    model = ScamModel(tiny_encoder(), len(VERDICTS), len(KINDS), 1).eval()
    model.encoder.get_input_embeddings().requires_grad_(False)
    own, rehearsed = 0, 1
    pull = pull_to_answers(model, np.array([False, True]))
    ids, mask = torch.tensor([[0, 5, 6, 2], [0, 9, 8, 2]]), torch.ones(2, 4, dtype=torch.int64)

    def loss(*rows: int) -> float:
        n = len(rows)
        answers = model(ids[:n], mask[:n])
        return pull((ids[:n], mask[:n]), [], answers, np.array(rows))[0].item()

    assert loss(rehearsed, rehearsed) == pytest.approx(0, abs=1e-6)
    with torch.no_grad():
        model.verdict.bias += torch.tensor([3.0, 0.0, -3.0])
    assert loss(own, own) == 0
    assert loss(rehearsed, rehearsed) > 0.1
    assert loss(own, rehearsed) == pytest.approx(loss(rehearsed, rehearsed), rel=0.5)
    assert model.encoder.get_input_embeddings().weight.grad is None
