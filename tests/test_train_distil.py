"""A student: where it starts, what it learns from its teacher, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from synthetic_corpus import row, table
from tiny_base import TINY_TABLES, TINY_TEXTS, write_tiny_base

from scamdetect.errors import RecipeError
from scamdetect.train.distil import Teacher, answer_loss, evenly, state_loss
from scamdetect.train.fit import train
from scamdetect.train.model import ScamModel, encoder_layers
from scamdetect.train.recipe import Recipe, TeacherTable, load_recipe, recipe_hash, write_recipe
from scamdetect.train.run import Run, load_trained

RECIPE = 'name = "tiny"\ncheckpoint_minutes = 0\n[base]\nname = "{base}"\n{layers}' + TINY_TABLES


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.parquet"
    verdicts = ("legit", "scam", "legit", "spam") * 50
    rows = [
        row(n, verdict, role="train", norm=f"{TINY_TEXTS[verdict]} {n}")
        for n, verdict in enumerate(verdicts)
    ]
    pq.write_table(table(rows), path)
    return path


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    """Return the folder of a finished run of two layers."""
    folder = tmp_path_factory.mktemp("teacher")
    base = write_tiny_base(folder / "base")
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(base=base, layers=""), encoding="utf-8")
    train(recipe, corpus, folder / "run", resume=True, log=_ignore)
    return folder / "run"


def _student(folder: Path, teacher: Path, layers: int = 1, asks: str = "[teacher]") -> Path:
    base = teacher.parent / "base"
    text = RECIPE.format(base=base, layers=f"layers = {layers}\n") + f"{asks}\n"
    path = folder / "student.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _ignore(line: str) -> None:
    pass


def _load(folder: Path | None, recipe: Path) -> Teacher:
    found = Teacher.load(folder, load_recipe(recipe))
    assert found is not None
    return found


def test_a_student_starts_from_the_teachers_highest_layer_and_heads(
    teacher: Path, tmp_path: Path
) -> None:
    found = _load(teacher, _student(tmp_path, teacher))
    model = load_trained(teacher)[0]
    student = ScamModel(load_trained(teacher)[0].encoder, 3, model.kinds.out_features, 1)
    del encoder_layers(student.encoder)[0]
    for parameter in student.parameters():
        torch.nn.init.zeros_(parameter)
    found.start(student, found.record["languages"])
    taught = encoder_layers(model.encoder)[1].state_dict()
    own = encoder_layers(student.encoder)[0].state_dict()
    assert all(torch.equal(own[name], taught[name]) for name in taught)
    assert torch.equal(student.verdict.weight, model.verdict.weight)
    assert torch.equal(student.kinds.bias, model.kinds.bias)
    assert not student.language.weight.any()


def test_a_student_comes_nearer_to_its_teacher_and_records_it(
    teacher: Path, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train(_student(tmp_path, teacher), corpus, out, resume=True, log=_ignore, teacher_run=teacher)
    lines = [json.loads(line) for line in Run(out).metrics.read_text("utf-8").splitlines()]
    last = lines[-2]  # the last batch of all is a small one
    assert last["teacher_states"] < 0.8 * lines[0]["teacher_states"]
    assert last["teacher_answers"] < lines[0]["teacher_answers"]
    model, _, record, recipe = load_trained(out)
    its = json.loads(Run(teacher).record.read_text("utf-8"))
    assert record["teacher"] == {key: its[key] for key in ("recipe", "corpus", "seed")}
    assert (len(encoder_layers(model.encoder)), recipe.teacher) == (1, TeacherTable())


@pytest.mark.parametrize(
    ("layers", "asks", "with_run", "problem"),
    [
        (1, "", True, "one without it takes none"),
        (1, "[teacher]", False, r"needs the folder of the teacher's run \(--teacher\)"),
        (2, "[teacher]", True, "the teacher has 2 layers; set base.layers under that"),
        (1, "[teacher]\nanswers = -1", True, "teacher.answers is -1"),
        (1, "[teacher]\ntemperature = 0", True, "teacher.temperature is 0"),
    ],
)  # fmt: skip
def test_what_cannot_teach_is_refused(
    teacher: Path, tmp_path: Path, layers: int, asks: str, with_run: bool, problem: str
) -> None:
    with pytest.raises(RecipeError, match=problem):
        recipe = load_recipe(_student(tmp_path, teacher, layers, asks))
        Teacher.load(teacher if with_run else None, recipe)


def test_a_teacher_of_another_reading_is_refused(teacher: Path, tmp_path: Path) -> None:
    recipe = load_recipe(_student(tmp_path, teacher))
    other = msgspec.structs.replace(recipe.base, prefix="query: ")
    with pytest.raises(
        RecipeError, match=r"the teacher's base.prefix is '', but the recipe's is 'que"
    ):
        Teacher.load(teacher, msgspec.structs.replace(recipe, base=other))
    with pytest.raises(
        RecipeError, match=r"learned the languages \['en'\], but the corpus has \['pt'"
    ):
        found = Teacher.load(teacher, recipe)
        assert found is not None
        found.start(found.model, ["pt"])


def test_the_layers_that_a_student_takes_are_spread_evenly() -> None:
    assert evenly(12, 6) == [1, 3, 5, 7, 9, 11]
    assert evenly(12, 3) == [3, 7, 11]
    assert evenly(2, 1) == [1]


@given(st.lists(st.floats(-8, 8), min_size=6, max_size=6), st.floats(0.5, 4))
def test_the_same_answers_cost_nothing_and_others_cost(
    values: list[float], temperature: float
) -> None:
    logits = torch.tensor(values)
    verdict, kinds = logits[:3][None], logits[3:][None]
    same = answer_loss((verdict, kinds), (verdict, kinds), temperature)
    assert same.item() == pytest.approx(0, abs=1e-4)
    other = answer_loss((verdict + torch.tensor([0, 0, 2.0]), kinds), (verdict, kinds), temperature)
    assert other.item() > -1e-4


def test_states_are_compared_by_direction_and_at_real_tokens_alone() -> None:
    states = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    mask = torch.tensor([[1, 0]])
    padded = torch.tensor([[[2.0, 0.0], [5.0, 0.0]]])
    assert state_loss([states], [padded], mask).item() == pytest.approx(0)
    assert state_loss([states], [padded], mask + torch.tensor([[0, 1]])).item() > 0.4


def test_a_recipe_without_a_teacher_keeps_its_name(tmp_path: Path) -> None:
    plain = Recipe("r")
    write_recipe(plain, tmp_path / "r.toml")
    assert "teacher" not in (tmp_path / "r.toml").read_text("utf-8")
    taught = msgspec.structs.replace(plain, teacher=TeacherTable(answers=2.0))
    write_recipe(taught, tmp_path / "taught.toml")
    assert load_recipe(tmp_path / "taught.toml") == taught
    assert recipe_hash(plain) != recipe_hash(taught)
