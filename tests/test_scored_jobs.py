"""Jobs on a scored file: the same bytes however they end, and what they refuse by name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from killed_job import killed_at

from scamdetect import ScamDetector
from scamdetect.dumps import score_file
from scamdetect.dumps.allow_list import AllowList
from scamdetect.errors import InputError, JobInterrupted, NothingToResume
from scamdetect.scored import work as work_module
from scamdetect.scored.groups import write_groups
from scamdetect.scored.job import Step
from scamdetect.scored.threads import write_threads

ROWS = 24

Make = Callable[..., Path]  # what makes one file out of a scored one


def _groups(scored: Path, detector: ScamDetector, **options: Any) -> Path:  # noqa: ANN401
    asked = {"by": "who", "time_column": "at"} | options
    return write_groups(scored, **asked).destination


def _threads(scored: Path, detector: ScamDetector, **options: Any) -> Path:  # noqa: ANN401
    asked = {"thread_column": "who", "sender_column": "who", "time_column": "at"} | options
    return write_threads(scored, detector=detector, **asked).destination


BOTH = pytest.mark.parametrize("make", [_groups, _threads])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make several segments, buckets and chunks of a few rows."""
    for name, value in (
        ("dumps.batches.BATCH_ROWS", 6),
        ("scored.groups.SEGMENT_ROWS", 10),
        ("scored.groups.BUCKET_BYTES", 500),
        ("scored.threads.SEGMENT_ROWS", 10),
        ("scored.threads.BUCKET_BYTES", 300),
        ("scored.work._CHUNK", 1),
        ("scored.work._HELD_ROWS", 4),
        ("scored.work._HELD_BYTES", 200),
        ("scored.work._SLICE_ROWS", 2),
    ):
        monkeypatch.setattr(f"scamdetect.{name}", value)


def _scored(folder: Path, detector: ScamDetector, **options: Any) -> Path:  # noqa: ANN401
    folder.mkdir(exist_ok=True)
    lines = [
        f"user {n % 5},{1_700_000_000 + n},{'guaranteed profit' if n % 7 == 3 else 'lunch'} {n}"
        for n in range(ROWS)
    ]
    (folder / "in.csv").write_text("\n".join(["who,at,text", *lines, ""]), encoding="utf-8")
    scored = folder / "out.csv"
    score_file(folder / "in.csv", scored, detector=detector, **options)
    return scored


def _work(folder: Path) -> dict[str, Any]:
    found = list(folder.glob("*.parts/state.json"))
    return json.loads(found[0].read_bytes()) if found else {"segments": [], "runs": []}


@pytest.mark.usefixtures("small")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@BOTH
def test_a_kill_at_any_step_is_made_up_for(
    tmp_path: Path, detector: ScamDetector, make: Make
) -> None:
    scored = _scored(tmp_path, detector)
    before = {path.name for path in tmp_path.iterdir()}
    made = make(scored, detector)
    expected = made.read_bytes()
    made.unlink()
    step, killed, found = 0, True, set()
    while killed:
        step += 1
        killed = killed_at(step, partial(make, scored, detector))
        state = _work(tmp_path)
        found.add((len(state["segments"]), len(state["runs"])))
        if killed and not made.exists():
            make(scored, detector, resume=True)
        elif killed:
            message = "--resume" if state["segments"] else "already exists"
            with pytest.raises(InputError, match=message):
                make(scored, detector)
            try:
                make(scored, detector, resume=True)
            except NothingToResume:
                assert not _work(tmp_path)["segments"]
        assert made.read_bytes() == expected, step
        left = {path.name for path in tmp_path.iterdir()} - before - {made.name}
        assert not left or not list((tmp_path / left.pop()).glob("state.json")), step
        made.unlink()
    assert {segments for segments, _ in found} == {0, 1, 2}
    assert len({runs for _, runs in found}) > 3


@pytest.mark.usefixtures("small")
@BOTH
def test_stop_keeps_what_is_finished(tmp_path: Path, detector: ScamDetector, make: Make) -> None:
    scored = _scored(tmp_path, detector)
    steps: list[Step] = []
    made = make(scored, detector, watch=steps.append)
    shares = [step.share for step in steps if step.name not in ("read", "write")]
    assert shares == sorted(shares) and shares[-1] == 1
    assert [step.rows for step in steps if step.name == "read" and step.ended][-1] == ROWS
    expected = made.read_bytes()
    made.unlink()
    ended: list[Step] = []
    with pytest.raises(JobInterrupted) as caught:
        make(
            scored, detector,
            watch=lambda step: ended.append(step) if step.ended else None,
            stop=lambda: bool(ended) and ended[-1].name != "read",
        )  # fmt: skip
    assert "24 rows read and 1 of" in caught.value.__notes__[0]
    assert not made.exists()
    with pytest.raises(InputError, match="unfinished work .* --resume"):
        make(scored, detector)
    again: list[Step] = []
    make(scored, detector, resume=True, watch=again.append)
    assert "read" not in {step.name for step in again if step.ended}
    assert made.read_bytes() == expected
    with pytest.raises(NothingToResume):
        make(scored, detector, resume=True)


@pytest.mark.usefixtures("small")
def test_a_resumed_job_judges_no_thread_twice_and_counts_all(
    tmp_path: Path, detector: ScamDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[int] = []
    real = ScamDetector.predict_conversations

    def judge(self: ScamDetector, conversations: Any, **options: Any) -> Any:  # noqa: ANN401
        given = list(conversations)
        judged.append(len(given))
        return real(self, given, **options)

    monkeypatch.setattr(ScamDetector, "predict_conversations", judge)
    scored = _scored(tmp_path, detector)
    options: dict[str, Any] = {"detector": detector, "thread_column": "who"}
    whole = write_threads(scored, **options)
    assert sum(judged) == whole.threads == 5
    judged.clear()
    with pytest.raises(JobInterrupted):
        write_threads(scored, overwrite=True, stop=lambda: bool(judged), **options)
    assert 0 < sum(judged) < 5
    resumed = write_threads(scored, overwrite=True, resume=True, **options)
    assert sum(judged) == 5
    assert resumed == replace(whole, resumed=ROWS)


def _stopped(scored: Path, detector: ScamDetector, make: Make) -> Path:
    """Leave a job with finished segments and one run; return its work folder."""
    ended: list[Step] = []
    with pytest.raises(JobInterrupted):
        make(
            scored, detector,
            watch=lambda step: ended.append(step) if step.ended else None,
            stop=lambda: bool(ended) and ended[-1].name != "read",
        )  # fmt: skip
    (folder,) = scored.parent.glob("*.parts")
    return folder


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["segment-000001.arrow", "run-000000.arrow", "state.json"])
@BOTH
def test_damage_is_named_with_its_cure(
    tmp_path: Path, detector: ScamDetector, make: Make, name: str
) -> None:
    scored = _scored(tmp_path, detector)
    path = _stopped(scored, detector, make) / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=rf"{name}: damaged .*--overwrite"):
        make(scored, detector, resume=True)
    assert make(scored, detector, overwrite=True).exists()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (_groups, {"by": "at"}, "by was 'who', is 'at'"),
        (_groups, {"time_column": None}, "time_column was 'at', is None"),
        (_threads, {"me": "user 1"}, "me was None, is 'user 1'"),
        (_threads, {"thread_column": "at"}, "thread_column was 'who', is 'at'"),
    ],
)
def test_other_settings_are_refused_by_name(
    tmp_path: Path, detector: ScamDetector, make: Make, options: dict[str, Any], message: str
) -> None:
    scored = _scored(tmp_path, detector)
    _stopped(scored, detector, make)
    with pytest.raises(InputError, match=message):
        make(scored, detector, resume=True, **options)
    os.utime(scored, (1, 1))
    with pytest.raises(InputError, match="changed since the job started .source_modified_ns"):
        make(scored, detector, resume=True)


@BOTH
def test_a_foreign_folder_and_another_run_are_left_alone(
    tmp_path: Path, detector: ScamDetector, make: Make
) -> None:
    scored = _scored(tmp_path, detector)
    made = make(scored, detector)
    made.unlink()
    folder = tmp_path / f"{made.name}.parts"
    folder.mkdir()
    (folder / "mine").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="contains 'mine'"):
        make(scored, detector)
    assert (folder / "mine").exists()


@BOTH
def test_flagged_rows_only_are_refused_by_name(
    tmp_path: Path, detector: ScamDetector, make: Make
) -> None:
    scored = _scored(tmp_path, detector, only_flagged=True)
    for source in (None, tmp_path / "in.csv"):
        with pytest.raises(InputError, match=r"out\.csv: contains only flagged rows.*--only-fl"):
            make(scored, detector, source=source)


@BOTH
def test_what_is_not_as_it_was_scored_is_refused(
    tmp_path: Path, detector: ScamDetector, make: Make
) -> None:
    scored, source = _scored(tmp_path, detector), tmp_path / "in.csv"
    status = source.stat()
    source.write_bytes(source.read_bytes()[:-1] + b" ")
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    with pytest.raises(
        InputError, match=r"in\.csv: not the file that was scored.*source_modified_ns was"
    ):
        make(scored, detector, source=source)
    other = tmp_path / "other.csv"
    other.write_text("who,at,text\na,1,b\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"other\.csv: not the file that was scored.*source_bytes was"
    ):
        make(scored, detector, source=other)
    content = scored.read_bytes()
    scored.write_bytes(content + b"x")
    with pytest.raises(InputError, match=r"out\.csv: changed since it was scored .* bytes instead"):
        make(scored, detector)
    lines = content.splitlines(keepends=True)
    scored.write_bytes(b"".join(lines[:-2]) + lines[-2][:-1] + b"y" * (len(lines[-1]) + 1))
    with pytest.raises(InputError, match=r"out\.csv: changed since .* rows instead of 24"):
        make(scored, detector)
    (tmp_path / "out.csv.job.json").unlink()
    with pytest.raises(InputError, match=r"out\.csv\.job\.json is missing"):
        make(scored, detector)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "other.csv", "out.csv"]


@BOTH
def test_a_moved_source_is_the_same(tmp_path: Path, detector: ScamDetector, make: Make) -> None:
    scored = _scored(tmp_path, detector, columns=["text"])
    with pytest.raises(InputError, match="no column") as caught:
        make(scored, detector)
    assert "--source" in caught.value.__notes__[0]
    (tmp_path / "in.csv").rename(tmp_path / "moved.csv")
    whole = _scored(tmp_path / "whole", detector)
    joined = make(scored, detector, source=tmp_path / "moved.csv")
    assert joined.read_bytes() == make(whole, detector).read_bytes()


def test_threads_need_the_model_and_the_allow_list_of_the_job(
    tmp_path: Path, detector: ScamDetector
) -> None:
    allow_list = AllowList(frozenset([("user 3", None)]))
    scored = _scored(tmp_path, detector, allow_list=allow_list, sender_column="who")
    for other in (None, AllowList(frozenset([("user 1", None)]))):
        with pytest.raises(InputError, match="was scored with a.* allow-list; pass"):
            _threads(scored, detector, allow_list=other)
    assert _threads(scored, detector, allow_list=allow_list).exists()
    plain = _scored(tmp_path / "plain", detector)
    with pytest.raises(InputError, match="was scored without an allow-list"):
        _threads(plain, detector, allow_list=allow_list)
    record = tmp_path / "plain" / "out.csv.job.json"
    record.write_text(record.read_text("utf-8").replace("scamdetect-tiny@", "another@"), "utf-8")
    with pytest.raises(InputError, match="scored with another@.*, not with scamdetect-tiny@"):
        _threads(plain, detector)


def test_threads_have_the_thresholds_of_the_job(tmp_path: Path, detector: ScamDetector) -> None:
    strict = detector.with_thresholds(flag=0.999, review=0.99, kind_flags={})
    _scored(tmp_path / "a", detector)
    scored = _scored(tmp_path / "b", strict)
    found = [_threads(scored, judge).read_bytes() for judge in (strict,)]
    (tmp_path / "b" / "out.threads.csv").unlink()
    assert _threads(scored, detector).read_bytes() == found[0]


def test_neither_names_nor_times_nor_results_are_for_others(
    tmp_path: Path, detector: ScamDetector
) -> None:
    scored = _scored(tmp_path, detector)
    (tmp_path / "in.csv").chmod(0o600)
    made = _groups(scored, detector, source=tmp_path / "in.csv")
    assert made.stat().st_mode & 0o777 == 0o600


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.lists(st.tuples(st.integers(-3, 0), st.integers(1, 9)), max_size=9), max_size=5),
    st.integers(1, 4), st.integers(1, 12), st.integers(1, 5), st.integers(1, 20),
)  # fmt: skip
def test_merged_runs_are_one_sorted_run(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[list[tuple[int, int]]],
    chunk: int,
    held: int,
    rows: int,
    weight: int,
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    paths, expected, place = [], [], 0
    schema = pa.schema([("key", pa.int64()), ("place", pa.int64()), ("weight", pa.int64())])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("_CHUNK", chunk), ("_HELD_ROWS", held), ("_SLICE_ROWS", rows),
            ("_SLICE_WEIGHT", weight),
        ):  # fmt: skip
            patch.setattr(work_module, name, value)
        for number, run in enumerate(runs):
            found = []
            for key, heavy in sorted(run):
                found.append({"key": key, "place": place, "weight": heavy})
                place += 1
            expected += found
            paths.append(folder / f"{number}.arrow")
            with paths[-1].open("wb") as file:
                work_module._save_run(file, pa.Table.from_pylist(found, schema=schema))

        def keys(table: pa.Table) -> np.ndarray:
            return np.column_stack([table["key"].to_numpy(), table["place"].to_numpy()])

        tables = list(work_module.merged(paths, ("key", "place"), keys, "weight"))
    assert [row for table in tables for row in table.to_pylist()] == sorted(
        expected, key=lambda row: (row["key"], row["place"])
    )
    for table in tables:
        assert table.num_rows <= rows
        assert table.num_rows == 1 or sum(table["weight"].to_pylist()) <= weight
