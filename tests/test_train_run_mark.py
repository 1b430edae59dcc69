"""One long run at a stable rate, and what is made of the states that it keeps on the way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from synthetic_corpus import row, table
from tiny_base import TINY_TABLES, TINY_TEXTS, write_tiny_base

from scamdetect.errors import RecipeError
from scamdetect.train.fit import train, train_from
from scamdetect.train.run import Mark, Run, load_trained

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parent.parent
RECIPE = (
    """
name = "long"
checkpoint_minutes = {minutes}
[base]
name = "{base}"
layers = 1
"""
    + TINY_TABLES
    + """
schedule = "stable"
keep_at = [4_000, 8_000]
average = 0.9
"""
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _corpus(tmp_path_factory.mktemp("corpus") / "corpus.parquet", 200)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    base = write_tiny_base(tmp_path_factory.mktemp("base"))
    path.write_text(RECIPE.format(base=base, minutes=0), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def stable(tmp_path_factory: pytest.TempPathFactory, recipe: Path, corpus: Path) -> Path:
    """Return the folder of a run at a stable rate that nothing interrupted."""
    out = tmp_path_factory.mktemp("runs") / "stable"
    train(recipe, corpus, out, resume=True, log=_ignore)
    return out


def _corpus(path: Path, rows: int) -> Path:
    verdicts = [("legit", "scam", "legit", "spam")[n % 4] for n in range(rows)]
    texts = [f"{TINY_TEXTS[verdict]} {n}" for n, verdict in enumerate(verdicts)]
    made = zip(verdicts, texts, strict=True)
    pq.write_table(table(row(n, v, role="train", norm=t) for n, (v, t) in enumerate(made)), path)
    return path


def _ignore(line: str) -> None:
    pass


def _until(part: str) -> Callable[[str], None]:
    def log(line: str) -> None:
        if part in line:
            raise KeyboardInterrupt

    return log


def _record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(Run(folder).record.read_text("utf-8"))
    return record


def _steps(folder: Path) -> list[int]:
    lines = Run(folder).metrics.read_text("utf-8").splitlines()
    return [json.loads(line)["step"] for line in lines]


def _state(folder: Path, mark: int) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(Run(folder).kept(mark), weights_only=True)
    return state


def _equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) for name in one)


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(Run(folder).weights)


def test_a_stable_run_keeps_its_states_and_ends_like_any_run(stable: Path) -> None:
    assert [path.name for path in Run(stable).all_kept] == ["kept-4000.pt", "kept-8000.pt"]
    assert load_trained(stable)[2]["tokens"] == pytest.approx(12_000, rel=0.05)
    rates = {mark: _state(stable, mark)["optimiser"]["param_groups"] for mark in (4_000, 8_000)}
    assert rates[4_000][0]["lr"] == rates[8_000][0]["lr"] == 2e-2, "the head's, as the recipe says"
    assert not list(stable.glob("*.part"))


@pytest.mark.parametrize("minutes", [0, 60], ids=["with a checkpoint", "without one"])
@pytest.mark.parametrize("at", ["after 4,000 tokens", "after 8,000 tokens", "step 40/"])
def test_a_resumed_run_keeps_the_states_of_an_unbroken_one(
    stable: Path, recipe: Path, corpus: Path, tmp_path: Path, minutes: int, at: str
) -> None:
    out, again = tmp_path / "run", tmp_path / "recipe.toml"
    text = recipe.read_text("utf-8")
    again.write_text(text.replace("minutes = 0", f"minutes = {minutes}"), encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        train(again, corpus, out, resume=True, log=_until(at))
    written = {path: path.stat().st_mtime_ns for path in Run(out).all_kept}
    assert written
    train(again, corpus, out, resume=True, log=_ignore)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert _equal(_weights(stable), _weights(out))
    for mark in (4_000, 8_000):
        one, other = _state(stable, mark), _state(out, mark)
        assert one["step"] == other["step"]
        assert _equal(one["model"], other["model"])
        assert _equal(one["average"], other["average"])


def test_a_run_begun_anew_drops_what_it_kept(
    stable: Path, recipe: Path, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(stable, out)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, corpus, out, resume=False, log=_until("step 20/"))
    assert not Run(out).all_kept
    shutil.copyfile(Run(stable).kept(4_000), Run(out).kept(4_000))
    Run(out).record.unlink()
    Run(out).checkpoint.unlink()
    with pytest.raises(RecipeError, match=r"kept-4000\.pt without run\.json"):
        train(recipe, corpus, out, resume=True, log=_ignore)


def test_a_decay_ends_as_a_finished_run_of_all_its_tokens(
    stable: Path, corpus: Path, tmp_path: Path
) -> None:
    out, kept = tmp_path / "decayed", _state(stable, 4_000)
    train_from(Mark.load(stable, 4_000, averaged=False), corpus, out, True, _ignore)
    record, whole = load_trained(out)[2], _record(stable)
    assert record["start"] == {"tokens": 4_000, "averaged": False}
    assert 4_400 <= record["tokens"] < 4_400 + 2 * 192
    assert kept["step"] < record["steps"] == _steps(out)[-1] < whole["steps"]
    same = ("recipe", "corpus", "seed", "rows", "languages", "base")
    assert [record[key] for key in same] == [whole[key] for key in same]
    assert not _equal(kept["model"], _weights(out))
    assert not Run(out).checkpoint.exists()
    assert Run(stable).kept(4_000).exists()


def test_a_broken_off_decay_ends_as_if_nothing_had_happened(
    stable: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scamdetect.train.fit._LOG_EVERY", 1)
    mark = Mark.load(stable, 4_000, averaged=False)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train_from(mark, corpus, whole, True, _ignore)
    steps = _steps(whole)
    assert steps == list(range(_state(stable, 4_000)["step"] + 1, _record(whole)["steps"] + 1))
    with pytest.raises(KeyboardInterrupt):
        train_from(mark, corpus, broken, True, _until(f"step {steps[1]}/"))
    assert torch.load(Run(broken).checkpoint, weights_only=True)["step"] == steps[0]
    train_from(mark, corpus, broken, True, _ignore)
    assert _equal(_weights(whole), _weights(broken))
    assert _steps(broken) == steps


def test_the_average_at_a_mark_is_a_finished_run_too(
    stable: Path, corpus: Path, tmp_path: Path
) -> None:
    out, kept = tmp_path / "averaged", _state(stable, 8_000)
    train_from(Mark.load(stable, 8_000, averaged=True), corpus, out, True, _ignore)
    record, weights = load_trained(out)[2], _weights(out)
    assert (record["steps"], record["start"]["averaged"]) == (kept["step"], True)
    moved = [name for name in weights if not torch.equal(weights[name], kept["model"][name])]
    assert {"verdict.weight", "encoder.encoder.layer.0.output.dense.weight"} <= set(moved)
    for name in moved:
        assert any(torch.equal(weights[name], one) for one in kept["average"].values())
    assert "encoder.embeddings.word_embeddings.weight" not in moved


def test_what_is_no_mark_is_refused(
    stable: Path, recipe: Path, corpus: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=r"none: not a run \(run\.json is missing"):
        Mark.load(tmp_path / "none", 4_000, averaged=False)
    with pytest.raises(RecipeError, match=r"no state at 5000 .*: 4000, 8000"):
        Mark.load(stable, 5_000, averaged=False)
    plain, out = tmp_path / "plain.toml", tmp_path / "plain"
    text = recipe.read_text("utf-8").replace("average = 0.9", "")
    plain.write_text(text, encoding="utf-8")
    train(plain, corpus, out, resume=True, log=_ignore)
    with pytest.raises(RecipeError, match=r"no running average"):
        Mark.load(out, 4_000, averaged=True)
    changed = Run(out).recipe.read_text("utf-8").replace("seed = 0", "seed = 1")
    Run(out).recipe.write_text(changed, encoding="utf-8")
    with pytest.raises(RecipeError, match=r"reads as recipe .* run\.json records"):
        Mark.load(out, 4_000, averaged=False)


def test_a_mark_is_bound_to_its_corpus_its_plan_and_its_folder(
    stable: Path, recipe: Path, corpus: Path, tmp_path: Path
) -> None:
    mark, out = Mark.load(stable, 4_000, averaged=False), tmp_path / "run"
    with pytest.raises(RecipeError, match="trained on another corpus"):
        train_from(mark, _corpus(tmp_path / "other.parquet", 204), out, True, _ignore)
    for resume in (True, False):
        with pytest.raises(RecipeError, match="is the run to start from"):
            train_from(mark, corpus, stable, resume, _ignore)
    copy = tmp_path / "copy"
    shutil.copytree(stable, copy)
    Run(copy).record.write_text(json.dumps(_record(stable) | {"steps": 9}), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"another plan: steps 9 \(now \d+\)"):
        train_from(Mark.load(copy, 4_000, averaged=False), corpus, out, True, _ignore)
    train_from(mark, corpus, out, True, _ignore)
    other = Mark.load(stable, 8_000, averaged=False)
    with pytest.raises(RecipeError, match="a run with another start; use another --out"):
        train_from(other, corpus, out, True, _ignore)
    with pytest.raises(RecipeError, match="a run with another start; use another --out"):
        train(recipe, corpus, out, resume=True, log=_ignore)


def test_a_plan_too_short_for_its_marks_is_refused_before_it_trains(
    recipe: Path, tmp_path: Path
) -> None:
    text = recipe.read_text("utf-8").replace("[data]", "[data]\nmost_draws = 2")
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    few = _corpus(tmp_path / "few.parquet", 40)
    with pytest.raises(RecipeError, match=r"plan has .* but the mark 4,000 .* data\.most_draws"):
        train(tmp_path / "recipe.toml", few, tmp_path / "run", resume=True, log=_ignore)
