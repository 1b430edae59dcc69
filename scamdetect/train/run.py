"""The folder of a run: its files, what they record, and whether they belong together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from scamdetect.errors import RecipeError
from scamdetect.labels import KINDS, VERDICTS
from scamdetect.system.files import file_sha256, read_text, write_text
from scamdetect.system.os_errors import unreadable
from scamdetect.train.model import ScamModel
from scamdetect.train.recipe import Recipe, load_recipe, recipe_hash


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
        """The states that are kept, by their marks."""
        return sorted(self.folder.glob("kept-*.pt"), key=lambda path: (len(path.name), path.name))

    @property
    def metrics(self) -> Path:
        """One JSON line a logged step."""
        return self.folder / "metrics.jsonl"

    @property
    def record(self) -> Path:
        """What decided the run: recipe, corpus, versions, languages, time."""
        return self.folder / "run.json"

    @property
    def recipe(self) -> Path:
        """The recipe with every key."""
        return self.folder / "recipe.toml"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer of the base, whole; a release trims it."""
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
        raise RecipeError(f"{folder}: no finished run (model.safetensors is missing)")
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

    Raises RecipeError where it is not the recorded one: the file was changed, it holds keys that
    are gone, or it leaves out keys whose defaults are others now.
    """
    cure = "put the recipe back, use the version that trained the run, or train again"
    try:
        recipe = load_recipe(run.recipe)
    except RecipeError as problem:
        raise RecipeError(f"{problem}; {cure}") from problem
    if (found := recipe_hash(recipe)) != record["recipe"]:
        raise RecipeError(
            f"{run.recipe} reads as recipe {found}, {run.record.name} records {record['recipe']}: "
            "the file was changed, or this version of scamdetect knows other keys or defaults; "
            f"{cure}"
        )
    return recipe


def corpus_sha256(path: Path) -> str:
    """Return the sha256 of the corpus in hex; raise RecipeError where it cannot be read."""
    try:
        return file_sha256(path)
    except OSError as problem:
        cure = "run: scamdetect data build"
        raise unreadable(path, problem, error=RecipeError, cure=cure) from problem


def check_same_run(run: Run, identity: dict[str, Any], resume: bool) -> None:
    """Raise RecipeError where the folder holds another run; without ``resume`` empty it."""
    if run.weights.exists() and not run.record.exists():
        raise RecipeError(
            f"{run.folder} holds a model of another making ({run.weights.name} without "
            f"{run.record.name}); use another --out"
        )
    if not resume:
        for path in (run.checkpoint, *run.all_kept, run.metrics, run.weights, run.record):
            path.unlink(missing_ok=True)
        return
    if not run.record.exists():
        if state := next((p for p in (run.checkpoint, *run.all_kept) if p.exists()), None):
            raise RecipeError(
                f"{run.folder} holds {state.name} without {run.record.name}, so nobody "
                "knows of which run; use another --out, or --no-resume to start anew"
            )
        return
    before = json.loads(read_text(run.record))
    differing = [key for key, value in identity.items() if before.get(key) != value]
    if differing:
        raise RecipeError(
            f"{run.folder} holds a run with another {' and '.join(differing)}; "
            "use another --out, or --no-resume to start anew"
        )


def check_same_plan(run: Run, record: Mapping[str, Any]) -> None:
    """Raise RecipeError where the checkpoint belongs to another plan than this ``record``'s."""
    if not run.checkpoint.exists():
        return
    if differing := differing_plan(json.loads(read_text(run.record)), record):
        raise RecipeError(
            f"{run.folder}: {run.checkpoint.name} belongs to {differing}: this version "
            "draws other rows from the same corpus and recipe; go on with the version that began, "
            "or use --no-resume to start anew"
        )


def differing_plan(before: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """Return in what the plans of two records differ, "" if they are the same."""
    return ", ".join(
        f"{key} {before.get(key)} (now {record[key]})"
        for key in ("rows", "draws", "steps", "tokens")
        if before.get(key) != record[key]
    )


def write_record(run: Run, record: dict[str, Any]) -> None:
    """Write what decided the run."""
    write_text(run.record, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
