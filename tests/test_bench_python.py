"""Functions of the user's own as detectors of the benchmark."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_setting import setting

from scamdetect.bench.detectors.python import load
from scamdetect.bench.names import checked
from scamdetect.errors import InputError

MODULE = """
WORDS = ["fee"]

def score(texts):
    return [0.9 if "fee" in text else 0.1 for text in texts]

class Rules:
    def __call__(self, texts):
        return score(texts)

class Needy:
    def __init__(self, path):
        self.path = path
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the current folder, which holds a module that is nowhere else."""
    (tmp_path / "invented_rules.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("invented_rules", "invented_needy"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["score", "Rules"])
def test_a_function_or_class_of_the_current_folder_scores(folder: Path, name: str) -> None:
    ready = load(f"invented_rules:{name}", setting(folder))
    assert checked(ready, ["pay the fee", "hello"]).scam.tolist() == [0.9, 0.1]


def test_another_source_is_another_detector(folder: Path) -> None:
    first = load("invented_rules:score", setting(folder)).identity
    (folder / "invented_rules.py").write_text(MODULE.replace("0.9", "0.8"), encoding="utf-8")
    assert load("invented_rules:score", setting(folder)).identity != first


@pytest.mark.parametrize("name", ["score", "Rules"])
def test_what_a_module_has_from_another_is_known_by_that_too(folder: Path, name: str) -> None:
    (folder / "invented_needy.py").write_text("from invented_rules import *", encoding="utf-8")
    first = load(f"invented_needy:{name}", setting(folder)).identity
    (folder / "invented_rules.py").write_text(MODULE.replace("0.9", "0.8"), encoding="utf-8")
    assert load(f"invented_needy:{name}", setting(folder)).identity != first


def test_a_module_that_hides_another_is_named_by_its_file(folder: Path) -> None:
    # What is installed comes before the current folder.
    (folder / "json.py").write_text(MODULE, encoding="utf-8")
    with pytest.raises(InputError, match=r"json.__init__\.py.* has no 'score'"):
        load("json:score", setting(folder))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("invented_rules", "python:module:function"),
        ("invented_rules:", "python:module:function"),
        ("invented_nothing:score", "module 'invented_nothing' not found"),
        ("invented_rules.inner:score", "module 'invented_rules.inner' not found"),
        ("invented_needy:score", "needs 'invented_library'"),
        ("invented_rules:scores", "no 'scores'; it has: Needy, Rules, score"),
        ("invented_rules:WORDS", "not a function of texts but list"),
        ("invented_rules:Needy", "without arguments"),
    ],
)
def test_what_is_missing_is_named(folder: Path, target: str, message: str) -> None:
    (folder / "invented_needy.py").write_text("import invented_library", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load(target, setting(folder))
