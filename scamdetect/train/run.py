"""The folder of a run: its files, schedule, kept states and running average."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from scamdetect.errors import RecipeError
from scamdetect.labels import KINDS, VERDICTS
from scamdetect.system.files import file_sha256, read_text, write_text
from scamdetect.system.os_errors import unreadable
from scamdetect.train.model import ScamModel
from scamdetect.train.recipe import OptimiserTable, Recipe, load_recipe, recipe_hash


@dataclass(frozen=True)
class Run:
    """The files of a run folder."""

    folder: Path

    @property
    def checkpoint(self) -> Path:
        """The state to resume from."""
        return self.folder / "checkpoint.pt"

    def kept(self, mark: int) -> Path:
        """Return the file of the state after so many tokens, to decay from."""
        return self.folder / f"kept-{mark}.pt"

    @property
    def all_kept(self) -> list[Path]:
        """The kept states, by their marks."""
        return sorted(self.folder.glob("kept-*.pt"), key=lambda path: (len(path.name), path.name))

    @property
    def metrics(self) -> Path:
        """One JSON line per logged step."""
        return self.folder / "metrics.jsonl"

    @property
    def record(self) -> Path:
        """What determined the run: recipe, corpus, versions, languages, time."""
        return self.folder / "run.json"

    @property
    def recipe(self) -> Path:
        """The recipe with every key."""
        return self.folder / "recipe.toml"

    @property
    def tokenizer(self) -> Path:
        """The full tokenizer of the base; a release trims it."""
        return self.folder / "tokenizer.json"

    @property
    def weights(self) -> Path:
        """The final weights."""
        return self.folder / "model.safetensors"


def load_trained(folder: Path) -> tuple[ScamModel, Tokenizer, dict[str, Any], Recipe]:
    """Return the model, tokenizer, record and recipe of a finished run.

    Raises RecipeError for a folder without one, or whose recipe is not that of the record.
    """
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModel

    run = Run(folder)
    if not run.weights.exists():
        raise RecipeError(f"{folder}: not a finished run (model.safetensors is missing)")
    record = json.loads(read_text(run.record))
    recipe = recorded_recipe(run, record)
    encoder = AutoModel.from_config(AutoConfig.from_pretrained(folder))  # type: ignore[no-untyped-call]
    if hasattr(encoder, "pooler"):
        encoder.pooler = None
    model = ScamModel(
        encoder, len(VERDICTS), len(KINDS), len(record["languages"]), recipe.base.pooling
    )
    model.load_state_dict(load_file(run.weights))
    model.eval()
    return model, Tokenizer.from_file(str(run.tokenizer)), record, recipe


def recorded_recipe(run: Run, record: Mapping[str, Any]) -> Recipe:
    """Return the recipe of the run.

    Raises RecipeError if it is not the recorded one: the file was changed, contains removed keys,
    or omits keys whose defaults have changed.
    """
    cure = "restore the recipe, use the version that trained the run, or train again"
    try:
        recipe = load_recipe(run.recipe)
    except RecipeError as problem:
        raise RecipeError(f"{problem}; {cure}") from problem
    if (found := recipe_hash(recipe)) != record["recipe"]:
        raise RecipeError(
            f"{run.recipe} reads as recipe {found}, but {run.record.name} records "
            f"{record['recipe']}: the file was changed, or this version of scamdetect has other "
            f"keys or defaults; {cure}"
        )
    return recipe


def corpus_sha256(path: Path) -> str:
    """Return the sha256 of the corpus in hex; raise RecipeError if it cannot be read."""
    try:
        return file_sha256(path)
    except OSError as problem:
        cure = "run: scamdetect data build"
        raise unreadable(path, problem, error=RecipeError, cure=cure) from problem


def check_same_run(run: Run, identity: dict[str, Any], resume: bool) -> None:
    """Raise RecipeError if the folder holds another run; without ``resume`` empty it."""
    if run.weights.exists() and not run.record.exists():
        raise RecipeError(
            f"{run.folder} contains another model ({run.weights.name} without "
            f"{run.record.name}); use another --out"
        )
    if not resume:
        for path in (run.checkpoint, *run.all_kept, run.metrics, run.weights, run.record):
            path.unlink(missing_ok=True)
        return
    if not run.record.exists():
        if state := next((p for p in (run.checkpoint, *run.all_kept) if p.exists()), None):
            raise RecipeError(
                f"{run.folder} contains {state.name} without {run.record.name}, so its run is "
                "unknown; use another --out, or --no-resume to start again"
            )
        return
    before = json.loads(read_text(run.record))
    differing = [key for key, value in identity.items() if before.get(key) != value]
    if differing:
        raise RecipeError(
            f"{run.folder} contains a run with another {' and '.join(differing)}; use another "
            "--out, or --no-resume to start again"
        )


def check_same_plan(run: Run, record: Mapping[str, Any]) -> None:
    """Raise RecipeError if the checkpoint belongs to another plan than this ``record``'s."""
    if not run.checkpoint.exists():
        return
    if differing := differing_plan(json.loads(read_text(run.record)), record):
        raise RecipeError(
            f"{run.folder}: {run.checkpoint.name} belongs to {differing}: this version draws "
            "other rows from the same corpus and recipe; continue with the version that "
            "started the run, or use --no-resume to start again"
        )


def differing_plan(before: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """Return the differences between the plans of two records, "" if they are the same."""
    return ", ".join(
        f"{key} {before.get(key)} (now {record[key]})"
        for key in ("rows", "draws", "steps", "tokens")
        if before.get(key) != record[key]
    )


def write_record(run: Run, record: dict[str, Any]) -> None:
    """Write what determined the run."""
    write_text(run.record, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


# With a constant rate and short decays from marks on the way, one long run shows what runs of
# several lengths would reach. Of the decays compared by Hägele et al. 2024 (arXiv:2405.18392), one
# minus the square root is best, and a tenth of the steps is nearly enough.


Ints = npt.NDArray[np.int64]
Rate = Callable[[int], float]  # the share of the full learning rate at a step


@dataclass(frozen=True)
class Stretch:
    """The steps of a plan from ``first`` to before ``last``."""

    first: int
    last: int
    rate: Rate
    keep: Mapping[int, int]  # after how many steps the state is kept, and the mark in tokens


def tokens_spent(batches: Sequence[Ints], lengths: Ints) -> Ints:
    """Return the tokens (steps,) that a run has seen after each batch; ``lengths`` is by row."""
    return np.cumsum([int(lengths[batch].sum()) for batch in batches])


def whole_plan(spent: Ints, table: OptimiserTable) -> Stretch:
    """Return all steps of the plan; ``spent`` (steps,) is the number of tokens after each.

    Raises RecipeError if the plan ends before a mark and its decay, or marks share a step.
    """
    keep = {mark_and_decay(spent, table, mark)[0]: mark for mark in table.keep_at}
    if len(keep) < len(table.keep_at):
        raise RecipeError("marks of optimiser.keep_at share a step; set them further apart")
    return Stretch(0, len(spent), _rate(len(spent), table), keep)


def decay(spent: Ints, table: OptimiserTable, mark: int) -> Stretch:
    """Return the steps of the decay from a mark of the plan; raise as ``whole_plan`` does."""
    first, last = mark_and_decay(spent, table, mark)
    before = _rate(len(spent), table)

    def rate(step: int) -> float:
        return before(step) * (1 - math.sqrt(max(0, step - first) / (last - first)))

    return Stretch(first, last, rate, {})


def mark_and_decay(spent: Ints, table: OptimiserTable, mark: int) -> tuple[int, int]:
    """Return the steps up to the mark and up to the end of its decay.

    Raises RecipeError if the plan, whose tokens are ``spent`` (steps,), ends before that.
    """
    first = _steps(spent, mark)
    reached = int(spent[min(first, len(spent)) - 1])
    end = max(mark, reached) + table.decay_share * max(mark, reached)
    last = _steps(spent, end)
    if last > len(spent):
        raise RecipeError(
            f"the plan has {int(spent[-1]):,} tokens, but the mark {mark:,} of optimiser.keep_at "
            f"and its decay need {end:,.0f}; raise data.tokens, or add rows if they reach "
            "data.most_draws"
        )
    return first, last


def _steps(spent: Ints, tokens: float) -> int:
    return int(np.searchsorted(spent, tokens)) + 1


def _rate(steps: int, table: OptimiserTable) -> Rate:
    warmup = max(1, round(table.warmup * steps))
    if table.schedule == "stable":
        return lambda step: min((step + 1) / warmup, 1.0)
    return lambda step: min((step + 1) / warmup, max(0.0, (steps - step) / max(1, steps - warmup)))


def running_average(model: nn.Module, decay: float) -> AveragedModel:
    """Return the exponential average of the model's trained weights, which starts at the first."""
    mean = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(_trained(model), multi_avg_fn=mean)


def update_average(average: AveragedModel, model: nn.Module) -> None:
    """Add the model's weights to the average, once per step."""
    average.update_parameters(_trained(model))


def take_average(model: nn.Module, state: Mapping[str, Any]) -> None:
    """Set the model's weights (in place) to the average in ``AveragedModel.state_dict``."""
    average = running_average(model, 0.0)
    average.load_state_dict(state)
    with torch.no_grad():
        for own, other in zip(_trained(model), average.module.parameters(), strict=True):
            own.copy_(other)


def _trained(model: nn.Module) -> nn.ParameterList:
    return nn.ParameterList([p for p in model.parameters() if p.requires_grad])


@dataclass(frozen=True)
class Mark:
    """A mark of a run, finished or not, and what to make of the state there."""

    run: Run
    record: Mapping[str, Any]  # what determined the run
    recipe: Recipe
    tokens: int
    averaged: bool  # take the running average directly, instead of a decay

    @classmethod
    def load(cls, folder: Path, tokens: int, averaged: bool) -> Self:
        """Return the mark of the run in the folder.

        Raises RecipeError if the folder holds no run, or its recipe was changed, or no state of
        that mark is kept, or no average.
        """
        run = Run(folder)
        if not run.record.exists():
            raise RecipeError(f"{folder}: not a run ({run.record.name} is missing)")
        record = json.loads(read_text(run.record))
        recipe = recorded_recipe(run, record)
        if not run.kept(tokens).exists():
            found = ", ".join(path.stem.removeprefix("kept-") for path in run.all_kept) or "none"
            raise RecipeError(
                f"{folder}: no state at {tokens} tokens ({run.kept(tokens).name} is missing); "
                f"kept states: {found}"
            )
        if averaged and not recipe.optimiser.average:
            raise RecipeError(
                f"{folder}: its recipe keeps no running average (optimiser.average is 0)"
            )
        return cls(run, record, recipe, tokens, averaged)

    @property
    def state(self) -> Path:
        """The file of the state."""
        return self.run.kept(self.tokens)

    @property
    def identity(self) -> dict[str, Any]:
        """The mark's entry in the record of a run that starts there."""
        return {"tokens": self.tokens, "averaged": self.averaged}

    def check_same_run(self, identity: Mapping[str, Any], out: Path) -> None:
        """Raise RecipeError for another corpus, and for the run's own folder."""
        if out.resolve() == self.run.folder.resolve():
            raise RecipeError(f"{out} is the run to start from; use another --out")
        if self.record.get("corpus") != identity.get("corpus"):
            raise RecipeError(f"{self.run.folder} was trained on another corpus; pass that")

    def check_same_plan(self, plan: Mapping[str, Any]) -> None:
        """Raise RecipeError if the run's own plan is not this version's ``plan``."""
        if differing := differing_plan(self.record, plan):
            raise RecipeError(
                f"{self.run.folder} has another plan: {differing}; this version draws other "
                "rows from the same corpus and recipe, so use the version that trained the run"
            )

    def stretch(self, spent: Ints, table: OptimiserTable) -> Stretch:
        """Return the steps to take from here; none for the average."""
        if not self.averaged:
            return decay(spent, table, self.tokens)
        first, _ = mark_and_decay(spent, table, self.tokens)
        return Stretch(first, first, lambda step: 1.0, {})

    def take_average(self, model: torch.nn.Module) -> None:
        """Set the model's weights (in place) to the kept average."""
        state = torch.load(self.state, weights_only=True, map_location="cpu")
        take_average(model, state["average"])
