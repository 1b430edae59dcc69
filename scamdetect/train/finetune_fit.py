"""Continue training from a bundle on own and rehearsed rows, with a pull to the bundle's answers.

Rehearsal of earlier rows and distillation towards the earlier model's answers are the two usual
methods against forgetting (Robins 1995; Li and Hoiem 2016, "Learning without forgetting",
arXiv:1606.09282). The word embeddings do not change.
"""

from __future__ import annotations

import copy
import dataclasses
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from tokenizers import Tokenizer

from scamdetect.bundle.bundle import Bundle
from scamdetect.train.data.corpus_rows import GROUP_CAP
from scamdetect.train.data.mix import balanced_sample
from scamdetect.train.data.table import column, is_authored
from scamdetect.train.finetune_rows import OWN, of_role, own_and_rehearsed
from scamdetect.train.fit import Logits, Pull, fit_batches, save_weights, seed_everything
from scamdetect.train.model import ScamModel, answer_loss, encoder_layers, set_dropout
from scamdetect.train.plan import RowFacts, draw_rows, make_batches
from scamdetect.train.quantise import INT8_PEAK
from scamdetect.train.recipe import Recipe, recipe_hash, stated_recipe, write_recipe
from scamdetect.train.rows import prepare_rows
from scamdetect.train.run import Run, check_same_plan, write_record

Log = Callable[[str], None]

EPOCHS = 3.0
REHEARSED_ROWS = 20_000  # of the train rows, to draw from
REHEARSAL_TIMES, FEWEST_REHEARSED = 2, 200_000  # tokens for each own one, and the minimum
# Of the rates of the bundle's own run: its heads are trained already.
RATES = {
    "learning_rate": 1 / 3,
    "head_learning_rate": 1 / 5,
    "kinds_learning_rate": 1 / 30,
    "language_learning_rate": 1 / 10,
}
PULL, TEMPERATURE = 1.0, 2.0  # weight of the bundle's answers, and their temperature


def finetune_recipe(bundle: Bundle, seed: int) -> Recipe:
    """Return the recipe of the bundle's own run, with the smaller steps of a fine-tune.

    A fine-tune is short: its learning rates fall to the end, no states are kept, and rehearsed rows
    can be repeated as often as the own ones need.
    """
    recipe = stated_recipe(bundle.training.get("recipe")) or Recipe(name="unknown")
    replace = msgspec.structs.replace
    rates = {name: share * getattr(recipe.optimiser, name) for name, share in RATES.items()}
    return replace(
        recipe,
        name="finetune",
        seed=seed,
        base=replace(recipe.base, freeze_embeddings=True, prefix=bundle.prefix),
        data=replace(recipe.data, most_draws=0),
        optimiser=replace(recipe.optimiser, schedule="linear", keep_at=(), average=0.0, **rates),
    )


def train_on(
    model: ScamModel,
    tokenizer: Tokenizer,
    own: pa.Table,
    rehearsed: pa.Table,
    recipe: Recipe,
    languages: Sequence[str],
    epochs: float,
    run: Run,
    identity: Mapping[str, Any],
    log: Log,
) -> None:
    """Train the model in place on the rows of the role train, and store its weights in the run.

    ``identity`` determines the run and starts its record. A killed run resumes from its checkpoint.
    Raises RecipeError if the loss is not finite or the checkpoint belongs to another plan.
    """
    seed_everything(recipe.seed)
    pool = balanced_sample(of_role(rehearsed, "train"), REHEARSED_ROWS)
    table = own_and_rehearsed(of_role(own, "train"), pool)
    recipe = _fed(recipe, table)
    rows = prepare_rows(table, tokenizer, recipe, languages)
    mine = column(table, "source") == OWN
    order, budget = draw(rows.facts, mine, column(table, "group"), recipe, epochs)
    recipe = msgspec.structs.replace(
        recipe, data=msgspec.structs.replace(recipe.data, tokens=budget)
    )
    twins = rows.targets.pair.numpy() if recipe.loss.pair else None
    lengths = np.minimum(rows.facts.lengths, recipe.data.max_tokens)
    batches = make_batches(order, lengths, recipe.optimiser.batch_tokens, recipe.seed, twins)
    tokens, seen = int(lengths[order].sum()), int(lengths[order[mine[order]]].sum())
    log(
        f"training: {int(mine.sum()):,} own rows {epochs:g} times and {len(order):,} draws in all, "
        f"{tokens:,} tokens, {seen / tokens:.0%} of them own, {len(batches)} steps"
    )
    record = dict(identity) | {
        "recipe": recipe_hash(recipe),
        "rows": int(mine.sum()),
        "draws": len(order),
        "steps": len(batches),
        "tokens": tokens,
        "own_tokens": seen,
        "torch": torch.__version__,
    }
    check_same_plan(run, record)
    write_record(run, record)
    write_recipe(recipe, run.recipe)
    model.encoder.get_input_embeddings().requires_grad_(False)
    set_dropout(model, recipe.optimiser.dropout)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    pull = pull_to_answers(model, ~mine)
    leave_grid(model, recipe.seed)
    seconds = fit_batches(model, pull, rows, batches, recipe, run, device, log)
    write_record(run, record | {"minutes": round(seconds / 60, 1)})
    model.eval().cpu()
    save_weights(run, model)


def draw(
    facts: RowFacts,
    own: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.object_],
    recipe: Recipe,
    epochs: float,
) -> tuple[npt.NDArray[np.int64], int]:
    """Return the rows (draws,) in training order, and the number of tokens to rehearse.

    Every round takes at most two rows of a group of own ones (n,), so that a campaign of a thousand
    copies does not dominate; a half round takes half of them. Rehearsed rows are drawn as by a
    recipe.
    """
    generator = np.random.default_rng(recipe.seed)
    rounds = [_a_round(np.flatnonzero(own), groups, generator) for _ in range(int(np.ceil(epochs)))]
    last = epochs - np.floor(epochs)
    if last:
        rounds[-1] = rounds[-1][: max(1, round(last * rounds[-1].size))]
    mine = np.concatenate(rounds)
    lengths = np.minimum(facts.lengths, recipe.data.max_tokens)
    budget = max(REHEARSAL_TIMES * int(lengths[mine].sum()), FEWEST_REHEARSED)
    theirs = dataclasses.replace(facts, weights=np.where(own, 0.0, facts.weights))
    table = msgspec.structs.replace(recipe.data, tokens=budget)
    drawn = draw_rows(theirs, table, recipe.seed)
    return generator.permutation(np.concatenate([mine, drawn])), budget


def pull_to_answers(model: ScamModel, rehearsed: npt.NDArray[np.bool_]) -> Pull:
    """Return the pull of the ``rehearsed`` rows (n,) towards the model's initial answers."""
    shared = model.encoder.get_input_embeddings()  # frozen, and most of the weights
    before = copy.deepcopy(model, {id(shared): shared}).eval()
    before.requires_grad_(False)

    def pull(
        batch: tuple[torch.Tensor, torch.Tensor],
        states: Sequence[torch.Tensor],
        answers: Logits,
        places: npt.NDArray[np.int64],
    ) -> tuple[torch.Tensor, dict[str, float]]:
        ids, mask = batch
        rows = torch.from_numpy(rehearsed[places]).to(ids.device)
        if not rows.any():
            return answers[0].sum() * 0.0, {"kept_answers": 0.0}
        with torch.no_grad():
            theirs = before(ids[rows], mask[rows])
        loss = answer_loss(
            (answers[0].float()[rows], answers[1].float()[rows]),
            (theirs[0].float(), theirs[1].float()),
            TEMPERATURE,
        )
        return PULL * loss, {"kept_answers": loss.item()}

    return pull


def leave_grid(model: ScamModel, seed: int) -> None:
    """Move the matrices of the layers (in place) randomly within their int8 steps.

    They come from a bundle and so are on its grid, and rounding would restore them wherever
    training moved them by less than half a step, which is nearly everywhere. From random positions
    between the steps, rounding keeps the training result on average (dither: Roberts 1962).
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in encoder_layers(model.encoder).parameters():
            if parameter.ndim == 2:
                step = parameter.abs().amax(dim=1, keepdim=True) / INT8_PEAK
                chance = torch.rand(parameter.shape, generator=generator) - 0.5
                parameter.add_(step * chance.to(parameter.device))


def _a_round(
    own: npt.NDArray[np.int64], groups: npt.NDArray[np.object_], generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    taken: dict[object, list[int]] = defaultdict(list)
    for row in generator.permutation(own).tolist():
        if len(taken[groups[row]]) < GROUP_CAP:
            taken[groups[row]].append(row)
    return generator.permutation([row for rows in taken.values() for row in rows]).astype(np.int64)


def _fed(recipe: Recipe, table: pa.Table) -> Recipe:
    """Return the recipe without the loss terms for which the table has no rows."""
    soft = recipe.loss.soft if table["reader"].null_count < table.num_rows else 0.0
    twins = is_authored(table) & np.array([p is not None for p in column(table, "thread_id")])
    pair = recipe.loss.pair if twins.any() else 0.0
    return msgspec.structs.replace(
        recipe, loss=msgspec.structs.replace(recipe.loss, soft=soft, pair=pair)
    )


def load_weights(model: ScamModel, path: Path) -> None:
    """Load the weights of a run that was killed after training."""
    from safetensors.torch import load_file

    model.load_state_dict(load_file(path))
    model.eval()
