"""Detectors by name, and their answers checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_setting import setting
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.bench import names
from scamdetect.bench.answers import Answers, Detector, Setting
from scamdetect.bench.names import checked, load_detector
from scamdetect.errors import DetectorError, InputError, MissingExtraError, OutputError
from scamdetect.labels import Kind

TEXTS = ["a text that is secret", "another secret"]
Loader = Callable[[str, Setting], Any]


def answering(answer: object) -> Detector:
    return Detector(name="mine", identity="1", score=lambda texts: answer)


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[[Loader], None]:
    """Return what makes a loader the one of every scheme."""

    def registered(loader: Loader) -> None:
        monkeypatch.setattr(names, "load", lambda group, name: loader)

    return registered


@pytest.mark.parametrize(
    ("spec", "target", "name"),
    [
        ("tfidf", "", "tfidf"),
        ("tfidf:", "", "tfidf"),
        ("mine=tfidf", "", "mine"),
        ("scamdetect:models/scamdetect-small", "models/scamdetect-small", "scamdetect-small"),
        ("sklearn:C:\\models\\my svm.skops", "C:\\models\\my svm.skops", "sklearn-my-svm.skops"),
        ("svm-2.0=sklearn:a=b.skops", "a=b.skops", "svm-2.0"),
        ("hf:org/model", "org/model", "hf-model"),
        ("python:my.rules:score", "my.rules:score", "python-score"),
        (
            "http:http://me:word@h.test:80/score?key=1#p",
            "http://me:word@h.test:80/score?key=1#p",
            "http-p",
        ),
        ("http:http://me:word@h.test/?key=1", "http://me:word@h.test/?key=1", "http-h.test"),
        ("llm:http://h.test/v1#big model", "http://h.test/v1#big model", "llm-big-model"),
        ("llm:http://h.test/v1#org/some:8b", "http://h.test/v1#org/some:8b", "llm-some-8b"),
    ],
)
def test_a_spec_is_split_at_its_first_colon(register, tmp_path, spec, target, name) -> None:
    given: list[str] = []

    def loader(target: str, setting: Setting) -> Detector:
        given.append(target)
        return answering(None)

    register(loader)
    assert load_detector(spec, setting(tmp_path)).name == name
    assert given == [target]


@given(st.text(max_size=30))
def test_a_name_is_safe_as_a_file_name(target: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "load", lambda group, name: lambda target, setting: answering(None))
        name = load_detector(f"any:{target}", setting(Path())).name
    assert name and not set(name) & set('/\\:*?"<>|\0 \n') and name.strip(".") == name


@pytest.mark.parametrize("spec", ["", ":target", "mine=", "mine=:x"])
def test_a_spec_without_a_scheme_is_refused(tmp_path: Path, spec: str) -> None:
    with pytest.raises(InputError, match=r"\[label=\]scheme:target.*keywords"):
        load_detector(spec, setting(tmp_path))


@pytest.mark.parametrize("spec", ["a/b=tfidf", "=tfidf", "..=tfidf"])
def test_a_label_must_be_a_file_name(tmp_path: Path, spec: str) -> None:
    with pytest.raises(InputError, match="invalid label"):
        load_detector(spec, setting(tmp_path))


def test_an_unknown_scheme_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'C'; known: .*keywords"):
        load_detector("C:\\models", setting(tmp_path))


@pytest.mark.slow
def test_a_registered_detector_scores(tmp_path: Path) -> None:
    pytest.importorskip("skops", reason="needs the extra bench")
    ready = load_detector("rules=keywords", setting(tmp_path))
    assert ready.name == "rules" and checked(ready, TEXTS).scam.shape == (2,)


@pytest.mark.parametrize(
    ("problem", "expected", "message"),
    [
        (InputError("use another"), InputError, "any:x: use another"),
        (ValueError("bad port"), InputError, r"any:x: .*ValueError: bad port"),
        (MissingExtraError("torch", "bench"), MissingExtraError, "pip install"),
    ],
)
def test_a_loader_that_fails_is_named(register, tmp_path, problem, expected, message) -> None:
    def loader(target: str, setting: Setting) -> Detector:
        raise problem

    register(loader)
    with pytest.raises(expected, match=message):
        load_detector("any:x", setting(tmp_path))


def test_a_loader_that_gives_no_detector_is_named(register, tmp_path: Path) -> None:
    register(lambda target, setting: [0.5])
    with pytest.raises(InputError, match="any:x: its loader returned list"):
        load_detector("any:x", setting(tmp_path))


@pytest.mark.parametrize("user", ["me:word", "me:pass@word", "word", "me:pa/word"])
def test_errors_show_no_key_of_a_url(register, tmp_path: Path, user: str) -> None:
    register(lambda target, setting: None)
    with pytest.raises(InputError) as caught:
        load_detector(f"llm:http://{user}@h.test/score?key=abc#p", setting(tmp_path))
    assert "h.test/score" in str(caught.value)
    assert "word" not in str(caught.value) and "abc" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [[0.25, None], np.array([0.25, np.nan], dtype=np.float32), (0.25, float("nan"))],
)
def test_plain_arrays_become_answers(given) -> None:
    answers = checked(answering(given), TEXTS)
    assert answers.scam.dtype == np.float64
    np.testing.assert_array_equal(answers.scam, [0.25, np.nan])
    assert (answers.flagged, answers.kinds, answers.problems) == (None, None, None)


def test_full_answers_keep_what_they_say() -> None:
    given: Any = Answers(
        scam=[0.5, 1.0 + 1e-7],  # type: ignore[arg-type]
        flagged=[True, False],  # type: ignore[arg-type]
        kinds=[{"romance"}, ()],  # type: ignore[arg-type]
        problems=[None, "refused"],  # type: ignore[arg-type]
        seconds=[0.1, None],  # type: ignore[arg-type]
        cost=[0, 0.01],  # type: ignore[arg-type]
    )
    answers = checked(answering(given), TEXTS)
    assert answers.scam.tolist() == [0.5, 1.0]
    assert answers.flagged is not None and answers.flagged.tolist() == [True, False]
    assert answers.kinds == (frozenset({Kind.ROMANCE}), frozenset())
    assert answers.problems == (None, "refused")
    assert answers.seconds is not None and np.isnan(answers.seconds[1])
    assert answers.cost is not None and answers.cost.tolist() == [0.0, 0.01]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([0.5], r"2 scam probabilities .*shape \(1,\)"),
        (np.zeros((2, 3)), r"shape \(2, 3\)"),
        (0.5, r"shape \(\)"),
        (None, r"shape \(\)"),
        ([0.5, 1.3], "from 0 to 1, .*1 outside, the first 1.3"),
        ([0.5, np.inf], "the first inf"),
        ([-0.1, 0.5], "the first -0.1"),
        (["0.5", "0.1"], "type <U3"),
        ([0.5, "a text that is secret"], "type"),
        ([[0.5], [0.1, 0.2]], "got list"),
        (Answers(scam=[0.1, 0.2], flagged=[1, 0]), "flagged must be 2 booleans"),  # type: ignore[arg-type]
        (Answers(scam=[0.1, 0.2], flagged=[True]), "flagged must be 2"),  # type: ignore[arg-type]
        (Answers(scam=[0.1, 0.2], kinds=({"romance"},)), "kinds must be 2"),  # type: ignore[arg-type]
        (Answers(scam=[0.1, 0.2], kinds=({"secret"}, ())), "investment"),  # type: ignore[arg-type]
        (Answers(scam=[0.1, 0.2], kinds=("romance", "job")), "kinds must"),  # type: ignore[arg-type]
        (Answers(scam=[0.1, 0.2], problems=("refused",)), "problems must be 2"),  # type: ignore[arg-type]
        (Answers(scam=[0.1, 0.2], problems="no"), "problems must be 2"),  # type: ignore[arg-type]
        (Answers(scam=[0.1, 0.2], seconds=[-1, 0]), "seconds must be 2"),  # type: ignore[arg-type]
        (Answers(scam=[0.1, 0.2], cost=[1]), "cost must be 2"),  # type: ignore[arg-type]
    ],
)
def test_answers_that_cannot_be_used_are_told_without_quoting(given, message) -> None:
    with pytest.raises(DetectorError, match=f"mine: .*{message}") as caught:
        checked(answering(given), TEXTS)
    assert "secret" not in str(caught.value)


def raising(problem: Exception) -> Detector:
    def score(texts: object) -> None:
        raise problem

    return Detector(name="mine", identity="1", score=score)


def test_a_foreign_error_is_told_by_type_and_place_alone() -> None:
    with pytest.raises(DetectorError, match="mine: it raised ValueError at test_bench") as caught:
        checked(raising(ValueError(TEXTS[0])), TEXTS)
    assert "secret" not in str(caught.value) and caught.value.__suppress_context__


def test_an_error_of_ours_says_its_cure() -> None:
    with pytest.raises(DetectorError, match="mine: use another port"):
        checked(raising(InputError("use another port")), TEXTS)


def test_a_full_disk_is_no_failure_at_a_row() -> None:
    # Else each row would be asked about anew, and paid for, to find the one that is to blame.
    with pytest.raises(OutputError, match="full"):
        checked(raising(OutputError("the disk is full")), TEXTS)
