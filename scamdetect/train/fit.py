"""Fine-tune a base by a recipe; a killed run resumes exactly from its checkpoint."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from scamdetect.errors import RecipeError
from scamdetect.labels import KINDS, VERDICTS
from scamdetect.system.files import append, read_text, write_text, writing
from scamdetect.train.base import load_base
from scamdetect.train.data.scores import machine
from scamdetect.train.model import (
    ScamModel,
    autocast,
    keep_lowest_layers,
    multi_task_loss,
    parameter_groups,
    set_dropout,
)
from scamdetect.train.plan import draw_rows, make_batches
from scamdetect.train.recipe import Recipe, load_recipe, recipe_hash, write_recipe
from scamdetect.train.rows import TrainingRows, collate, prepare_rows, read_roles
from scamdetect.train.run import (
    Ints,
    Mark,
    Run,
    Stretch,
    check_same_plan,
    check_same_run,
    corpus_sha256,
    running_average,
    tokens_spent,
    update_average,
    whole_plan,
    write_record,
)

Log = Callable[[str], None]
Logits = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
# An additional loss: takes ids and mask, the token states after each layer, the logits and the
# numbers of the rows (n,); returns a loss and its parts for the log.
Pull = Callable[
    [tuple[torch.Tensor, torch.Tensor], Sequence[torch.Tensor], Logits, npt.NDArray[np.int64]],
    tuple[torch.Tensor, dict[str, float]],
]

_LOG_EVERY = 20


def train(
    recipe_path: Path,
    corpus: Path,
    out: Path,
    resume: bool,
    log: Log,
) -> None:
    """Train to the end and write weights, tokenizer, recipe, record and metrics to ``out``.

    With ``resume`` an interrupted run of the same recipe and corpus continues from its checkpoint,
    also on another device. Another recipe or corpus in ``out``, or a checkpoint of other rows or
    without a record, raises RecipeError.
    """
    _train(load_recipe(recipe_path), corpus, out, resume, log, None)


def train_from(
    mark: Mark,
    corpus: Path,
    out: Path,
    resume: bool,
    log: Log,
) -> None:
    """Decay from the mark, or take the average there, and write to ``out`` what ``train`` does.

    The record counts all rows, steps, tokens and minutes from the start of the mark's run. Resumes
    and raises RecipeError as ``train`` does, also for another corpus or plan than that of the
    mark's run.
    """
    _train(mark.recipe, corpus, out, resume, log, mark)


def _train(
    recipe: Recipe,
    corpus: Path,
    out: Path,
    resume: bool,
    log: Log,
    mark: Mark | None,
) -> None:
    run = Run(out)
    identity = {"recipe": recipe_hash(recipe), "corpus": corpus_sha256(corpus), "seed": recipe.seed}
    if mark is not None:
        mark.check_same_run(identity, out)
    identity["start"] = None if mark is None else mark.identity
    out.mkdir(parents=True, exist_ok=True)
    check_same_run(run, identity, resume)
    if run.weights.exists():
        run.checkpoint.unlink(missing_ok=True)  # from a run killed at its very end
        log(f"{out}: this run is finished")
        return
    write_recipe(recipe, run.recipe)  # complete: the defaults of a later version may differ
    seed_everything(recipe.seed)
    table = read_roles(corpus, ["train"], recipe.data.licences)
    base = load_base(recipe.base.name)
    encoder, tokenizer = base.encoder, base.tokenizer
    if recipe.base.layers is not None:
        keep_lowest_layers(encoder, recipe.base.layers)
    if recipe.base.freeze_embeddings:
        encoder.get_input_embeddings().requires_grad_(False)
    write_text(run.tokenizer, tokenizer.to_str(pretty=False))
    rows = prepare_rows(table, tokenizer, recipe)
    model = ScamModel(encoder, len(VERDICTS), len(KINDS), len(rows.languages), recipe.base.pooling)
    set_dropout(model, recipe.optimiser.dropout)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    twins = rows.targets.pair.numpy() if recipe.loss.pair else None
    order = draw_rows(rows.facts, recipe.data, recipe.seed, log)
    lengths = np.minimum(rows.facts.lengths, recipe.data.max_tokens)
    batches = make_batches(order, lengths, recipe.optimiser.batch_tokens, recipe.seed, twins)
    spent = tokens_spent(batches, lengths)
    stretch = whole_plan(spent, recipe.optimiser)
    plan = _plan(batches, spent, stretch) | {"rows": len(rows.ids)}
    if mark is not None:
        mark.check_same_plan(plan)
        stretch = mark.stretch(spent, recipe.optimiser)
        plan |= _plan(batches, spent, stretch)
        log(f"{stretch.last - stretch.first} steps more from {mark.state}")
    log(
        f"{plan['rows']} rows, {plan['draws']} draws, {plan['tokens']:,} tokens, "
        f"{plan['steps']} steps, {len(rows.languages)} languages, "
        f"vocabulary {tokenizer.get_vocab_size()}, {device}"
    )
    record = identity | {
        "base": base.name,
        "languages": rows.languages,
        **plan,
        "torch": torch.__version__,
        "machine": machine(),
        "threads": torch.get_num_threads(),
        "device": device.type if device.type == "cpu" else torch.cuda.get_device_name(device),
        "sources": sorted(set(table["source"].to_pylist())),
    }
    check_same_plan(run, record)
    write_record(run, record)
    start = None if mark is None else mark.state
    seconds = fit_batches(model, None, rows, batches, recipe, run, device, log, stretch, start)
    if mark is not None and mark.averaged:
        mark.take_average(model)
    write_record(run, record | {"minutes": round(seconds / 60, 1)})
    encoder.config.save_pretrained(out)
    save_weights(run, model)
    log(f"finished after {seconds / 60:.1f} minutes: {run.weights}")


def _plan(batches: list[Ints], spent: Ints, stretch: Stretch) -> dict[str, int]:
    return {
        "draws": sum(map(len, batches[: stretch.last])),
        "steps": stretch.last,
        "tokens": int(spent[stretch.last - 1]),
    }


def save_weights(run: Run, model: ScamModel) -> None:
    """Write the final weights, after which there is nothing to resume; raise OSError."""
    state = {name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}
    with writing(run.weights) as file:  # save_file has its own error for a full disk
        file.write(save(state))
    run.checkpoint.unlink(missing_ok=True)


def seed_everything(seed: int) -> None:
    """Seed every generator used in training."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def fit_batches(
    model: ScamModel,
    pull: Pull | None,
    rows: TrainingRows,
    batches: list[np.ndarray],
    recipe: Recipe,
    run: Run,
    device: torch.device,
    log: Log,
    stretch: Stretch | None = None,
    start: Path | None = None,
) -> float:
    """Train on the batches, from the run's checkpoint if there is one.

    ``stretch`` are the steps to take, by default all; ``start`` is a kept state to start from.
    Returns the seconds taken. Raises RecipeError if the loss is not finite.
    """
    table = recipe.optimiser
    if stretch is None:
        lengths = np.minimum(rows.facts.lengths, recipe.data.max_tokens)
        stretch = whole_plan(tokens_spent(batches, lengths), table)
    optimiser = torch.optim.AdamW(parameter_groups(model, table))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, stretch.rate)
    average = running_average(model, table.average) if table.average and stretch.keep else None
    step, spent = _restore(run, model, optimiser, schedule, average, start)
    started = saved = time.monotonic()
    model.train()
    while step < stretch.last:
        ids, mask, targets = collate(
            rows, batches[step], recipe.data.max_tokens, np.random.default_rng((recipe.seed, step))
        )
        ids, mask, targets = ids.to(device), mask.to(device), targets.to(device)
        with autocast(device, table.precision):
            states = model.states(ids, mask)
            outputs = model.heads(*model.pool(states, mask))
            taught = None if pull is None else pull((ids, mask), states, outputs, batches[step])
        loss, parts = multi_task_loss(outputs, targets, recipe.loss)
        if taught is not None:
            loss, parts = loss + taught[0], parts | taught[1]
        if not torch.isfinite(loss):
            raise RecipeError(
                f"the loss is {loss.item()} at step {step}; lower optimiser.learning_rate or set "
                "optimiser.precision = 'fp32'"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), table.clip)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad(set_to_none=True)
        if average is not None:
            update_average(average, model)
        step += 1
        now = time.monotonic()
        seconds = spent + now - started
        if step % _LOG_EVERY == 0 or step == stretch.last:
            _log_step(run, step, stretch.last, seconds, loss.item(), parts, log)
        # Before the checkpoint, because a resumed run would not pass the mark again.
        if step in stretch.keep and not (kept := run.kept(stretch.keep[step])).exists():
            _save_checkpoint(run, model, optimiser, schedule, step, seconds, average, path=kept)
            log(f"kept the state after {stretch.keep[step]:,} tokens: {kept}")
        if now - saved > 60 * recipe.checkpoint_minutes:
            _save_checkpoint(run, model, optimiser, schedule, step, seconds, average)
            saved = time.monotonic()
    return spent + time.monotonic() - started


def _log_step(
    run: Run, step: int, steps: int, seconds: float, loss: float, parts: dict[str, float], log: Log
) -> None:
    line = {"step": step, "seconds": round(seconds, 1), "loss": round(loss, 5)}
    text = json.dumps(line | {k: round(v, 5) for k, v in parts.items()})
    with append(run.metrics) as file:
        file.write(f"{text}\n".encode())
    left = seconds / step * (steps - step)
    log(f"step {step}/{steps}  loss {loss:.4f}  {seconds / 60:.1f} min, {left / 60:.1f} min left")


def _save_checkpoint(
    run: Run,
    model: ScamModel,
    optimiser: Optimizer,
    schedule: LRScheduler,
    step: int,
    seconds: float,
    average: AveragedModel | None = None,
    path: Path | None = None,
) -> None:
    state = {
        "step": step,
        "seconds": seconds,
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "schedule": schedule.state_dict(),
        "average": None if average is None else average.state_dict(),
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all(),
    }
    with writing(path or run.checkpoint) as file:
        try:
            torch.save(state, file)
        except RuntimeError as problem:
            if isinstance(
                problem.__context__, OSError
            ):  # torch hides a full disk behind its own error
                raise problem.__context__ from None
            raise


def _restore(
    run: Run,
    model: ScamModel,
    optimiser: Optimizer,
    schedule: LRScheduler,
    average: AveragedModel | None,
    start: Path | None,
) -> tuple[int, float]:
    path = run.checkpoint if run.checkpoint.exists() else start
    if path is None:
        run.metrics.unlink(missing_ok=True)
        return 0, 0.0
    # Loaded tensors move to the parameters' device, which may differ from the one that saved them.
    state = torch.load(path, weights_only=True, map_location="cpu")
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["schedule"])
    if average is not None:
        average.load_state_dict(state["average"])
    torch.set_rng_state(state["random"])
    if len(states := state.get("random_cuda", [])) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states)
    lines = read_text(run.metrics).splitlines() if run.metrics.exists() else []
    # A kill may have truncated the last line.
    whole = [line for line in lines if line.endswith("}")]
    kept = [line for line in whole if json.loads(line)["step"] <= state["step"]]
    write_text(run.metrics, "".join(line + "\n" for line in kept))
    return int(state["step"]), float(state["seconds"])
