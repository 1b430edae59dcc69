"""A run goes on where it stopped, and a detector that fails is named with its row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from bench_rows import rows, suite

from scamdetect.bench.answers import Answers, Detector, Training
from scamdetect.bench.folder import PART_ROWS, RunFolder
from scamdetect.bench.run import RAISED, run
from scamdetect.errors import EndpointError, InputError, JobInterrupted
from scamdetect.labels import Kind

pytestmark = pytest.mark.slow

SCAMS, LEGIT = 700, 500
SUITE = suite(rows(SCAMS, LEGIT))


def by_word(texts: Sequence[str]) -> list[float]:
    return [0.9 if "profit" in text else 0.1 for text in texts]


class Counting:
    """A score that counts the texts it was asked and may fail at one of them."""

    def __init__(self, fails: str = "", error: Exception | None = None) -> None:
        self.asked = 0
        self.fails, self.error = fails, error or RuntimeError("boom")

    def __call__(self, texts: Sequence[str]) -> list[float]:
        self.asked += len(texts)
        if self.fails and any(text.endswith(self.fails) for text in texts):
            raise self.error
        return by_word(texts)


def detector(score: Callable, name: str = "d", **changes: object) -> Detector:
    return Detector(name, f"{name}-1", score, batch=100, **changes)  # type: ignore[arg-type]


def answers(folder: Path, name: str = "d") -> Answers | None:
    return RunFolder(folder).read_answers("invented", name, SUITE.rows["id"].to_pylist())


def test_answers_are_those_of_the_rows(tmp_path: Path) -> None:
    assert run([SUITE], [detector(by_word)], tmp_path, "b") == []
    found = answers(tmp_path)
    assert found is not None and found.seconds is not None
    scam = np.array(SUITE.rows["verdict"].to_pylist()) == "scam"
    assert ((found.scam > 0.5) == scam).all()
    assert (found.flagged, found.kinds, found.problems, found.cost) == (None, None, None, None)


def test_all_that_a_detector_tells_is_kept(tmp_path: Path) -> None:
    def score(texts: Sequence[str]) -> Answers:
        n = len(texts)
        kinds = (frozenset({Kind.ROMANCE}),) * n
        scam = np.where(np.arange(n) % 2, np.nan, 0.5)
        problems = tuple("refused" if one else None for one in np.isnan(scam))
        return Answers(scam, np.ones(n, bool), kinds, problems, np.full(n, 2.0), np.full(n, 0.1))

    run([SUITE], [detector(score, training=Training(frozenset({"s"})))], tmp_path, "b")
    found = answers(tmp_path)
    assert found is not None and found.kinds is not None and found.problems is not None
    assert np.isnan(found.scam).mean() == 0.5
    assert found.kinds[0] == frozenset({Kind.ROMANCE})
    assert set(found.problems) == {None, "refused"}
    record = RunFolder(tmp_path).read_record()
    assert record is not None and record.detectors[0].training == Training(frozenset({"s"}))


def test_no_file_holds_text(tmp_path: Path) -> None:
    run([SUITE], [detector(by_word)], tmp_path, "b")
    for path in tmp_path.rglob("*.*"):
        assert b"guaranteed" not in path.read_bytes()


def test_a_second_run_scores_what_is_missing(tmp_path: Path) -> None:
    asked = iter([False, True])
    score = Counting()
    with pytest.raises(JobInterrupted, match="run the same command"):
        run([SUITE], [detector(score)], tmp_path, "b", stop=lambda: next(asked))
    assert score.asked == PART_ROWS
    assert answers(tmp_path) is None
    run([SUITE], [detector(score)], tmp_path, "b")
    assert score.asked == SCAMS + LEGIT
    run([SUITE], [detector(score), detector(by_word, "e")], tmp_path, "b")
    assert score.asked == SCAMS + LEGIT
    record = RunFolder(tmp_path).read_record()
    assert record is not None and [one.name for one in record.detectors] == ["d", "e"]


def test_a_failing_row_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    broken = Counting(fails="s0642")
    failures = run([SUITE], [detector(broken), detector(by_word, "e")], tmp_path, "b")
    ((where, who, why),) = [(one.suite, one.detector, one.reason) for one in failures]
    assert (where, who) == ("invented", "d")
    assert "RuntimeError" in why and "row 1,143" in why and "id s0642" in why
    assert "profit" not in why and "boom" not in why
    assert answers(tmp_path) is None and answers(tmp_path, "e") is not None

    mended = Counting()
    assert run([SUITE], [detector(mended)], tmp_path, "b") == []
    assert mended.asked == SCAMS + LEGIT - 2 * PART_ROWS


def test_failing_rows_may_be_left_without_an_answer(tmp_path: Path) -> None:
    broken = Counting(fails="s0642")
    assert run([SUITE], [detector(broken)], tmp_path, "b", skip_failing=True) == []
    found = answers(tmp_path)
    assert found is not None and found.problems is not None
    assert np.isnan(found.scam).sum() == 1
    assert found.problems.count(RAISED) == 1


def test_a_batch_that_fails_as_a_whole_is_told(tmp_path: Path) -> None:
    def score(texts: Sequence[str]) -> list[float]:
        return by_word(texts)[:1]

    (failure,) = run([SUITE], [detector(score)], tmp_path, "b")
    assert "rows 1 to 100" in failure.reason and "smaller batch" in failure.reason


def test_an_endpoint_that_is_down_stops_its_detector_alone(tmp_path: Path) -> None:
    down = Counting(fails="l0000", error=EndpointError("http://x.test is down"))
    other = suite(rows(5, 5), "other")
    failures = run([SUITE, other], [detector(down), detector(by_word, "e")], tmp_path, "b")
    assert [(one.suite, one.detector) for one in failures] == [("invented", "d")]
    ids = other.rows["id"].to_pylist()
    assert RunFolder(tmp_path).read_answers("other", "d", ids) is None
    assert RunFolder(tmp_path).read_answers("other", "e", ids) is not None


def test_calls_run_side_by_side_where_allowed(tmp_path: Path) -> None:
    run([SUITE], [detector(by_word, parallel=4)], tmp_path, "b")
    found = answers(tmp_path)
    scam = np.array(SUITE.rows["verdict"].to_pylist()) == "scam"
    assert found is not None and ((found.scam > 0.5) == scam).all()


@pytest.mark.parametrize(
    ("suites", "detectors", "benchmark", "said"),
    [
        ([suite(rows(4, 4))], [detector(by_word)], "b", "scores of another suite invented"),
        ([SUITE], [Detector("d", "d-2", by_word)], "b", "another 'd'"),
        ([SUITE], [detector(by_word)], "c", "a run of b"),
        ([SUITE], [detector(by_word)] * 2, "b", "two detectors have the same name"),
        ([SUITE], [detector(by_word, "a"), detector(by_word, "A")], "b", "two detectors have"),
        ([SUITE, suite(rows(4, 4))], [detector(by_word)], "b", "two suites have the same name"),
    ],
)
def test_a_folder_holds_one_run(
    tmp_path: Path, suites: list, detectors: list, benchmark: str, said: str
) -> None:
    run([SUITE], [detector(by_word)], tmp_path, "b")
    with pytest.raises(InputError, match=said):
        run(suites, detectors, tmp_path, benchmark)


def test_two_runs_into_one_folder_at_a_time_are_refused(tmp_path: Path) -> None:
    def score(texts: Sequence[str]) -> list[float]:
        with pytest.raises(InputError, match="another run"):
            run([SUITE], [detector(by_word, "e")], tmp_path, "b")
        return by_word(texts)

    assert run([SUITE], [detector(score)], tmp_path, "b") == []
    assert run([SUITE], [detector(by_word, "e")], tmp_path, "b") == []


def test_answers_to_other_rows_are_refused(tmp_path: Path) -> None:
    run([SUITE], [detector(by_word)], tmp_path, "b")
    (tmp_path / "run.json").unlink()
    other = suite(rows(LEGIT, SCAMS))
    run([other], [detector(by_word)], tmp_path, "b")
    with pytest.raises(InputError, match="answers to other rows"):
        RunFolder(tmp_path).read_answers("invented", "d", other.rows["id"].to_pylist())


@pytest.mark.parametrize("damage", [b"", b"PAR1 no more", b"{}"])
def test_damaged_files_are_named(tmp_path: Path, damage: bytes) -> None:
    run([SUITE], [detector(by_word)], tmp_path, "b")
    folder = RunFolder(tmp_path)
    for path, read in (
        (folder.part("invented", "d", 1), lambda: answers(tmp_path)),
        (tmp_path / "suites" / "invented.parquet", lambda: folder.read_rows("invented")),
        (tmp_path / "run.json", folder.read_record),
    ):
        path.write_bytes(damage)
        with pytest.raises(InputError, match=path.name):
            read()
