"""A whole run in miniature: it learns, repeats itself and survives a kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from hang import HANG
from safetensors.torch import load_file
from synthetic_corpus import row, table
from tiny_base import PIECES, TINY_TABLES, TINY_TEXTS, write_tiny_base

from scamdetect.errors import RecipeError
from scamdetect.train.fit import train
from scamdetect.train.recipe import load_recipe
from scamdetect.train.run import Run, load_trained

pytestmark = pytest.mark.slow

TESTS = Path(__file__).resolve().parent
RECIPE = (
    """
name = "tiny"
seed = {seed}
checkpoint_minutes = 0
[base]
name = "{base}"
layers = 1
"""
    + TINY_TABLES
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.parquet"
    rows = []
    for n in range(200):
        verdict = ("legit", "scam", "legit", "spam")[n % 4]
        source, text = f"en_{n // 4 % 2}", f"{TINY_TEXTS[verdict]} {n}"
        rows.append(row(n, verdict, role="train", source=source, norm=text))
    pq.write_table(table([*rows, row(900, "scam", role="dev", norm="never seen")]), path)
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    return _recipe(tmp_path_factory.mktemp("recipe"), base)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, recipe: Path, corpus: Path) -> Path:
    """Return the folder of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    train(recipe, corpus, out, resume=True, log=_ignore)
    return out


def _recipe(folder: Path, base: Path, seed: int = 0) -> Path:
    path = folder / "recipe.toml"
    path.write_text(RECIPE.format(base=base, seed=seed), encoding="utf-8")
    return path


def _ignore(line: str) -> None:
    pass


def _metrics(folder: Path) -> list[dict[str, Any]]:
    lines = Run(folder).metrics.read_text("utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def _same_weights(one: Path, other: Path) -> bool:
    first, second = load_file(Run(one).weights), load_file(Run(other).weights)
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


def test_the_loss_falls_and_the_run_is_recorded(whole: Path, corpus: Path) -> None:
    metrics = _metrics(whole)
    record = json.loads(Run(whole).record.read_text("utf-8"))
    assert metrics[-1]["step"] == record["steps"] >= 40
    assert metrics[-1]["verdict"] < 0.7 * metrics[0]["verdict"]
    assert (record["rows"], record["languages"]) == (200, ["en"])
    assert record["tokens"] == pytest.approx(12_000, rel=0.05)
    assert not Run(whole).checkpoint.exists()
    assert not list(whole.glob("*.part"))


def test_a_finished_run_is_loaded_and_tells_its_classes_apart(whole: Path) -> None:
    model, tokenizer, record, recipe = load_trained(whole)
    assert (recipe.name, model.language.out_features) == ("tiny", 1)
    embeddings = model.encoder.get_input_embeddings().num_embeddings
    assert embeddings == tokenizer.get_vocab_size() == len(PIECES)
    assert len(model.encoder.encoder.layer) == 1

    def verdict(text: str) -> int:
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.no_grad():
            return int(model(ids, torch.ones_like(ids))[0].argmax())

    assert [verdict(f"{text} 999") for text in TINY_TEXTS.values()] == [0, 1, 2]


def test_every_part_of_the_loss_trains_together(base: Path, tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, base)
    own = {"role": "train", "verdict_provenance": "authored", "source": "authored_en"}
    rows = [
        row(
            n, verdict, norm=f"{TINY_TEXTS[verdict]} {n}", thread_id=f"en-p{n // 2}",
            reader=90 if verdict == "scam" else 9, **own,
        )
        for n, verdict in enumerate(("legit", "scam") * 100)
    ]  # fmt: skip
    corpus = tmp_path / "corpus.parquet"
    pq.write_table(table(rows), corpus)
    text = f"{recipe.read_text('utf-8')}\n[loss]\nsoft = 1\npair = 1\n"
    recipe.write_text(text, encoding="utf-8")
    train(recipe, corpus, tmp_path / "run", resume=True, log=_ignore)
    last = _metrics(tmp_path / "run")[-1]
    assert {"soft", "pair"} <= set(last)
    assert last["verdict"] < _metrics(tmp_path / "run")[0]["verdict"]
    assert load_trained(tmp_path / "run")[3].loss.pair == 1


def test_a_finished_run_is_not_repeated(whole: Path, recipe: Path, corpus: Path) -> None:
    before = Run(whole).weights.stat().st_mtime_ns
    lines: list[str] = []
    train(recipe, corpus, whole, resume=True, log=lines.append)
    assert lines == [f"{whole}: this run is finished"]
    assert Run(whole).weights.stat().st_mtime_ns == before


def test_a_run_keeps_its_whole_recipe_and_is_trained_from_it_again(
    whole: Path, recipe: Path, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    assert "layer_decay = 0.9" in Run(out).recipe.read_text("utf-8")
    assert load_recipe(Run(out).recipe) == load_recipe(recipe)
    train(Run(out).recipe, corpus, out, resume=False, log=_ignore)
    assert _same_weights(whole, out)


def test_a_recipe_that_the_record_does_not_know_is_refused(
    whole: Path, recipe: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    shutil.copyfile(recipe, Run(out).recipe)  # as written by hand, without the defaults
    assert load_trained(out)[3].name == "tiny"
    text = recipe.read_text("utf-8").replace("layers = 1", 'layers = 1\npooling = "first"')
    Run(out).recipe.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=r"recipe\.toml reads as recipe .* run\.json records"):
        load_trained(out)


def test_a_run_by_a_recipe_with_a_key_that_is_gone_is_refused_with_what_to_do(
    whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    text = Run(out).recipe.read_text("utf-8").replace("[loss]", "[loss]\ncontrastive = 0.0")
    Run(out).recipe.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=r"`contrastive`.*; .* the version that trained the run"):
        load_trained(out)


def test_the_seed_decides(whole: Path, base: Path, corpus: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    train(_recipe(tmp_path, base), corpus, again, resume=True, log=_ignore)
    assert _same_weights(whole, again)
    assert _metrics(whole) == _metrics(again)
    train(_recipe(tmp_path, base, seed=1), corpus, other, resume=True, log=_ignore)
    assert not _same_weights(whole, other)


def test_a_killed_run_ends_as_if_nothing_had_happened(
    whole: Path, recipe: Path, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    _train_until_killed(recipe, corpus, out, at="step 20/")
    state = torch.load(Run(out).checkpoint, weights_only=True)
    assert state["step"] == 19
    assert not Run(out).weights.exists()
    _refuses_what_it_cannot_go_on_with(out, recipe, corpus, tmp_path / "copy")
    # As a machine with accelerators leaves it: their state fits none of this one's.
    torch.save(state | {"random_cuda": [state["random"]] * 64}, Run(out).checkpoint)
    with pytest.raises(RecipeError, match="not a finished run"):
        load_trained(out)
    with Run(out).metrics.open("a", encoding="utf-8") as file:
        file.write('{"step": 40, "lo')  # as a full disk may leave it
    train(recipe, corpus, out, resume=True, log=_ignore)
    assert _same_weights(whole, out)
    assert _metrics(whole) == _metrics(out)


@pytest.mark.parametrize(
    ("old", "new", "at", "left"),
    [
        pytest.param(
            "checkpoint_minutes = 0", "checkpoint_minutes = 60", "step 20/", [],
            id="before the first checkpoint",
        ),
    ],
)  # fmt: skip
def test_wherever_a_run_is_killed_it_ends_with_the_same_weights(
    base: Path, corpus: Path, tmp_path: Path, old: str, new: str, at: str, left: list[str]
) -> None:
    recipe, out, whole = _recipe(tmp_path, base), tmp_path / "run", tmp_path / "whole"
    recipe.write_text(recipe.read_text("utf-8").replace(old, new, 1), encoding="utf-8")
    _train_until_killed(recipe, corpus, out, at)
    files = (Run(out).checkpoint, Run(out).weights)
    assert [path.name for path in files if path.exists()] == left
    for folder in (out, whole):
        train(recipe, corpus, folder, resume=True, log=_ignore)
    assert _same_weights(whole, out)
    assert _metrics(whole) == _metrics(out)
    assert not Run(out).checkpoint.exists()


def _train_until_killed(recipe: Path, corpus: Path, out: Path, at: str) -> None:
    """Train in a process that dies at a line of its log or before it removes a file."""
    code = f"""
import os, signal
from pathlib import Path
import torch
from scamdetect.train.fit import train

torch.set_num_threads({torch.get_num_threads()})

def log(line):
    if line.startswith({at!r}):
        os.kill(os.getpid(), signal.SIGKILL)

def unlink(path, missing_ok=False, unlink=Path.unlink):
    log(path.name)
    unlink(path, missing_ok)

Path.unlink = unlink
train(Path({str(recipe)!r}), Path({str(corpus)!r}), Path({str(out)!r}), resume=True, log=log)
"""
    killed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=TESTS.parent,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        timeout=HANG,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()


def _refuses_what_it_cannot_go_on_with(
    killed: Path, recipe: Path, corpus: Path, copy: Path
) -> None:
    shutil.copytree(killed, copy)
    record = json.loads(Run(copy).record.read_text("utf-8"))
    Run(copy).record.write_text(json.dumps(record | {"steps": 9}), encoding="utf-8")
    with pytest.raises(RecipeError, match=rf"steps 9 \(now {record['steps']}\)"):
        train(recipe, corpus, copy, resume=True, log=_ignore)
    Run(copy).record.unlink()
    with pytest.raises(RecipeError, match=r"checkpoint\.pt without run\.json.*--no-resume"):
        train(recipe, corpus, copy, resume=True, log=_ignore)


@pytest.mark.skipif(os.name == "nt", reason="has no limit of a file's size")
@pytest.mark.parametrize("write", ["checkpoint", "weights"])
def test_a_full_disk_is_an_oserror_and_leaves_no_half(tmp_path: Path, write: str) -> None:
    code = (
        "import resource, sys, torch\n"
        "from pathlib import Path\n"
        "from types import SimpleNamespace\n"
        "from scamdetect.train.fit import _save_checkpoint, save_weights\n"
        "from scamdetect.train.run import Run\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "model, run = torch.nn.Linear(300, 300), Run(Path(sys.argv[1]))\n"
        "none = SimpleNamespace(state_dict=dict)\n"
        "try:\n"
        "    if sys.argv[2] == 'weights':\n"
        "        save_weights(run, model)\n"
        "    else:\n"
        "        _save_checkpoint(run, model, none, none, 1, 1.0)\n"
        "except OSError as problem:\n"
        "    print(problem.strerror)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), write],
        capture_output=True, encoding="utf-8", timeout=HANG,
    )  # fmt: skip
    assert told.stdout.strip() == "File too large", told.stderr
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_unknown_origin_is_dropped_on_demand(
    whole: Path, recipe: Path, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    Run(out).checkpoint.write_bytes(b"of another day")
    train(recipe, corpus, out, resume=False, log=_ignore)
    assert _same_weights(whole, out)


def test_another_recipe_or_corpus_is_refused_by_name(
    whole: Path, recipe: Path, base: Path, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    with pytest.raises(RecipeError, match="run contains a run with another recipe and seed; use"):
        train(_recipe(tmp_path, base, seed=1), corpus, out, resume=True, log=_ignore)
    grown = tmp_path / "corpus.parquet"
    pq.write_table(table([row(n, "scam", role="train") for n in range(3)]), grown)
    with pytest.raises(RecipeError, match="another corpus; use"):
        train(recipe, grown, out, resume=True, log=_ignore)
    assert _same_weights(whole, out)


def test_a_run_is_begun_anew_on_demand(
    whole: Path, base: Path, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    train(_recipe(tmp_path, base, seed=1), corpus, out, resume=False, log=_ignore)
    assert json.loads(Run(out).record.read_text("utf-8"))["seed"] == 1
    assert not _same_weights(whole, out)
    assert [line["step"] for line in _metrics(out)] == sorted(
        {line["step"] for line in _metrics(out)}
    )


def test_a_model_of_another_making_is_not_written_over(
    recipe: Path, base: Path, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "base"
    shutil.copytree(base, out)
    for resume in (True, False):
        with pytest.raises(RecipeError, match="another model"):
            train(recipe, corpus, out, resume=resume, log=_ignore)
    assert sorted(p.name for p in out.iterdir()) == sorted(p.name for p in base.iterdir())


def test_a_corpus_without_scams_is_refused(recipe: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.parquet"
    pq.write_table(table([row(n, "legit", role="train") for n in range(9)]), corpus)
    with pytest.raises(RecipeError, match="no scam rows"):
        train(recipe, corpus, tmp_path / "run", resume=True, log=_ignore)


def test_a_missing_corpus_names_the_command(recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.parquet: cannot be read.*scamdetect data build"):
        train(recipe, tmp_path / "none.parquet", tmp_path / "run", resume=True, log=_ignore)


def test_a_loss_that_is_no_number_stops_the_run(
    recipe: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> tuple[torch.Tensor, dict[str, float]]:
        return torch.tensor(float("nan"), requires_grad=True), {}

    monkeypatch.setattr("scamdetect.train.fit.multi_task_loss", broken)
    with pytest.raises(RecipeError, match=r"loss is nan at step 0; lower optimiser\.learning_rate"):
        train(recipe, corpus, tmp_path / "out", resume=True, log=_ignore)
