"""A state that a run kept at a mark: where a decay begins, or the average there is taken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from scamdetect.errors import RecipeError
from scamdetect.system.files import read_text
from scamdetect.train.recipe import OptimiserTable, Recipe
from scamdetect.train.run import Run, differing_plan, recorded_recipe
from scamdetect.train.running_average import take_average
from scamdetect.train.schedule import Ints, Stretch, decay, mark_and_decay


@dataclass(frozen=True)
class Mark:
    """A mark of a run, finished or not, and what to make of the state there."""

    run: Run
    record: Mapping[str, Any]  # what decided the run
    recipe: Recipe
    tokens: int
    averaged: bool  # take the running average as it is, instead of a decay

    @classmethod
    def load(cls, folder: Path, tokens: int, averaged: bool) -> Self:
        """Return the mark of the run in the folder.

        Raises RecipeError if the folder holds no run, or its recipe was changed, or no state of
        that mark is kept, or no average.
        """
        run = Run(folder)
        if not run.record.exists():
            raise RecipeError(f"{folder}: no run ({run.record.name} is missing)")
        record = json.loads(read_text(run.record))
        recipe = recorded_recipe(run, record)
        if not run.kept(tokens).exists():
            found = ", ".join(path.stem.removeprefix("kept-") for path in run.all_kept) or "none"
            raise RecipeError(
                f"{folder}: no state is kept at {tokens} tokens ({run.kept(tokens).name} is "
                f"missing); kept are: {found}"
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
        """What names the mark in the record of the run that begins there."""
        return {"tokens": self.tokens, "averaged": self.averaged}

    def check_same_run(self, identity: Mapping[str, Any], out: Path) -> None:
        """Raise RecipeError for the corpus or teacher of another run, and for the run's folder."""
        if out.resolve() == self.run.folder.resolve():
            raise RecipeError(f"{out} is the run to begin from; use another --out")
        for key in ("corpus", "teacher"):
            if self.record.get(key) != identity.get(key):
                raise RecipeError(
                    f"{self.run.folder} was trained with another {key} or none; pass that"
                )

    def check_same_plan(self, plan: Mapping[str, Any]) -> None:
        """Raise RecipeError if the run's own plan was not the ``plan`` of this version."""
        if differing := differing_plan(self.record, plan):
            raise RecipeError(
                f"{self.run.folder} has another plan: {differing}; this version draws other rows "
                "from the same corpus and recipe, so use the version that trained the run"
            )

    def stretch(self, spent: Ints, table: OptimiserTable) -> Stretch:
        """Return the steps to take from here on; none for the average."""
        if not self.averaged:
            return decay(spent, table, self.tokens)
        first, _ = mark_and_decay(spent, table, self.tokens)
        return Stretch(first, first, lambda step: 1.0, {})

    def take_average(self, model: torch.nn.Module) -> None:
        """Give the model (in place) the average that was kept."""
        state = torch.load(self.state, weights_only=True, map_location="cpu")
        take_average(model, state["average"])
