"""Errors are built-ins too, outlive processes, and no handler for a built-in takes them for one."""

from __future__ import annotations

import builtins
import errno
import json
import os
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scamdetect
from scamdetect import errors
from scamdetect.adapt.labels import read_answers
from scamdetect.bench.folder import RunFolder
from scamdetect.dumps.identity import read_job_record
from scamdetect.dumps.lines import DamagedError, EmptyFileError, OtherContentError
from scamdetect.dumps.state import load
from scamdetect.errors import InputError, ScamDetectError
from scamdetect.system.os_errors import of_system, unforeseen, unreadable
from scamdetect.train.card_results import _read
from scamdetect.train.data.readers import MissingFileError
from scamdetect.train.recipe import load_recipe

OTHERS = (DamagedError, EmptyFileError, MissingFileError, OtherContentError)
KINDS = sorted(
    {
        one
        for one in (*vars(errors).values(), *OTHERS)
        if isinstance(one, type) and issubclass(one, ScamDetectError) and one is not ScamDetectError
    },
    key=lambda kind: kind.__name__,
)
CONNECTION = {OSError, ConnectionError}
BUILT_IN = {
    "BundleError": {ValueError},
    "DamagedError": {ValueError},
    "DetectorError": {RuntimeError},
    "EmptyFileError": {ValueError},
    "EndpointError": CONNECTION,
    "EngineError": {OSError},
    "InputError": {ValueError},
    "JobInterrupted": {RuntimeError},
    "MissingExtraError": {ImportError},
    "MissingFileError": {ValueError},
    "NothingToResume": {ValueError},
    "OtherContentError": {ValueError},
    "OutputError": {OSError},
    "RecipeError": {ValueError},
    "SharingError": {TypeError},
    "SourceError": {ValueError},
    "TextsError": {ValueError, TypeError},
    "WorkerError": {RuntimeError},
}


def made(kind: type[ScamDetectError], text: str) -> ScamDetectError:
    if kind is errors.MissingExtraError:
        return errors.MissingExtraError(text, "extra")
    if issubclass(kind, errors.EndpointError):
        return kind(text, status=503)
    return kind(text)


def test_every_error_is_the_built_in_that_it_resembles() -> None:
    named = {one for one in vars(builtins).values() if isinstance(one, type)}
    built_in = named - {object, BaseException, Exception}
    assert {kind.__name__: built_in & set(kind.__mro__) for kind in KINDS} == BUILT_IN


def test_the_root_itself_is_not_raised() -> None:
    sources = Path(scamdetect.__file__).parent.rglob("*.py")
    assert not [path for path in sources if "raise ScamDetectError(" in path.read_text("utf-8")]


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_is_the_one_that_was_given(kind: type[ScamDetectError]) -> None:
    error = made(kind, "a.csv: cannot be read; see https://me:pa55@host.test/x")
    assert "a.csv: cannot be read; see https://host.test/x" in str(error)
    assert repr(error) == f"{kind.__name__}({str(error)!r})"
    assert "pa55" not in str(error) and not of_system(error)
    if isinstance(error, OSError):
        assert unforeseen(error) == str(error)


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(), note=st.text(), protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_another_process_gets_the_same_error(
    kind: type[ScamDetectError], text: str, note: str, protocol: int
) -> None:
    error = made(kind, text)
    error.add_note(note)
    got = pickle.loads(pickle.dumps(error, protocol))
    assert type(got) is kind
    assert (str(got), got.args, vars(got)) == (str(error), error.args, vars(error))


@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_shows_what_came_before(kind: type[ScamDetectError]) -> None:
    with pytest.raises(kind) as caught:
        try:
            raise OSError(errno.EIO, "the disk")
        except OSError as problem:
            raise made(kind, "text") from problem
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__suppress_context__


READERS: dict[str, Callable[[Path], object]] = {
    "export.json": read_answers,
    "run.json": lambda path: RunFolder(path.parent).read_record(),
    "a.csv.job.json": read_job_record,
    "parts/state.json": load,
    "recipe.toml": load_recipe,
    "evaluation.json": lambda path: _read(path, "evaluation"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_is_not_called_damaged(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    told = re.escape(f"{path}: is a pipe, not a file; write the data to a file")
    with pytest.raises(InputError, match=f"^{told}"):
        READERS[name](path)


def test_a_run_of_another_version_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"schema_version": 99}), encoding="utf-8")
    with pytest.raises(InputError, match=r"run\.json: .*schema version 99"):
        RunFolder(tmp_path).read_record()


@pytest.fixture
def no_draft(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.mkdtemp", full)
    yield


def test_a_failure_to_read_names_what_was_read(tmp_path: Path) -> None:
    error = unreadable(tmp_path / "x", OSError(errno.EACCES, os.strerror(errno.EACCES)))
    assert isinstance(error, ValueError) and not isinstance(error, OSError)
