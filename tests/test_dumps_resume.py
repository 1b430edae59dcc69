"""Jobs that end early: what is kept, what is refused, and that going on gives the same bytes."""

from __future__ import annotations

import errno
import fcntl
import gzip
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dump_files import content
from hypothesis import given, settings
from hypothesis import strategies as st
from killed_job import killed_at
from test_dumps_writers import EchoDetector

from scamdetect.calibration.thresholds import Thresholds
from scamdetect.dumps import batches, parquet, score_file
from scamdetect.dumps import work as parts
from scamdetect.dumps.tally import Summary
from scamdetect.errors import InputError, JobInterrupted, OutputError
from scamdetect.labels import Kind
from scamdetect.prediction import Prediction
from scamdetect.system.files import Access

ROWS, BATCH, PART = 44, 4, 8  # so that there are 6 parts, the last one smaller


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", BATCH)
    monkeypatch.setattr(parquet, "BATCH_ROWS", BATCH)


class CountingDetector(EchoDetector):
    """Count the calls and raise at one of them."""

    def __init__(self, fail_at: int = 0, problem: BaseException | None = None) -> None:
        self.calls = 0
        self._fail_at, self._problem = fail_at, problem or KeyboardInterrupt()

    def predict(self, texts: Iterable[object], /) -> list[Prediction]:
        self.calls += 1
        if self.calls == self._fail_at:
            raise self._problem
        return super().predict(texts)


def _source(folder: Path) -> Path:
    """Write a CSV file with a record that cannot be read in every part but the third."""
    lines = [f"{n},message {n}" if n % 8 != 3 or n == 19 else f"{n}" for n in range(ROWS)]
    path = folder / "in.csv"
    path.write_text("\n".join(["id,text", *lines, ""]), encoding="utf-8")
    return path


def _score(source: Path, target: str = "out.csv", **options: Any) -> Summary:  # noqa: ANN401
    options = {"detector": EchoDetector(), "part_rows": PART} | options
    return score_file(source, source.with_name(target), **options)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: content(path) for path in folder.iterdir() if path.is_file()}


def _stop_after(source: Path, finished: int, **options: Any) -> None:  # noqa: ANN401
    """Run the job until an error in the part after these many."""
    detector = CountingDetector(fail_at=finished * PART // BATCH + 2)
    with pytest.raises(KeyboardInterrupt):
        _score(source, detector=detector, **options)


@pytest.fixture
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, bytes]]:
    """Return the files of an uninterrupted run to a destination of that name."""

    def run(target: str) -> dict[str, bytes]:
        folder = tmp_path_factory.mktemp("whole")
        _score(_source(folder), target)
        return _files(folder)

    return run


@settings(deadline=None, max_examples=25)
@given(
    sizes=st.lists(st.integers(1, ROWS + 1), min_size=2, max_size=2),
    target=st.sampled_from(["out.csv", "out.tsv", "out.jsonl", "out.parquet"]),
    fail_at=st.integers(1, ROWS // BATCH),
)
def test_neither_the_part_size_nor_an_end_shows_in_the_output(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], target: str, fail_at: int
) -> None:
    found = []
    for size in sizes:
        source = _source(tmp_path_factory.mktemp("parts"))
        with pytest.raises(KeyboardInterrupt):
            _score(source, target, part_rows=size, detector=CountingDetector(fail_at))
        _score(source, target, part_rows=size, resume=True)
        found.append(_files(source.parent))
    assert found[0] == found[1]
    assert sorted(found[0]) == [
        "in.csv", target, f"{target}.job.json", f"{target}.rejected.jsonl",
    ]  # fmt: skip


def test_types_and_dictionaries_pass_through_the_parts(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": pa.chunked_array([["a", "b"] * 8, ["c", "a"] * 8]).dictionary_encode(),
            "nested": [{"a": [1, None]}, None] * 16,
            "nothing": pa.nulls(32),
        }
    ).replace_schema_metadata({"owner": "me"})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=5)
    _score(tmp_path / "in.parquet", "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.schema.metadata[b"owner"] == b"me"
    assert found.select(table.column_names).equals(table)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
def test_a_kill_at_any_step_loses_at_most_one_part(
    tmp_path: Path, whole: Callable[[str], dict[str, bytes]], target: str
) -> None:
    expected = whole(target)
    step, killed = 0, True
    while killed:
        step += 1
        folder = tmp_path / str(step)
        folder.mkdir()
        source = _source(folder)
        killed = killed_at(step, partial(_score, source, target))
        finished = _finished_parts(folder / f"{target}.parts")
        detector = CountingDetector()
        if killed and finished is None and (folder / target).exists():  # after the very end
            with pytest.raises(InputError, match="nothing to resume"):
                _score(source, target, resume=True)
        elif killed:
            _score(source, target, resume=True, detector=detector)
            assert detector.calls == max(0, ROWS - (finished or 0) * PART) // BATCH
        assert _files(folder) == expected, step
    assert step > 40  # the run has that many steps to be killed at


def _finished_parts(folder: Path) -> int | None:
    state = folder / "state.json"
    return len(json.loads(state.read_bytes())["parts"]) if state.exists() else None


def test_an_error_keeps_the_finished_parts_and_says_so(
    tmp_path: Path, whole: Callable[[str], dict[str, bytes]]
) -> None:
    source = _source(tmp_path)
    with pytest.raises(KeyboardInterrupt) as caught:
        _score(source, detector=CountingDetector(fail_at=6))
    assert caught.value.__notes__ == [
        f"2 finished parts (14 rows) kept in {tmp_path / 'out.csv.parts'}: run the same command "
        "with --resume to continue"
    ]
    assert _files(tmp_path).keys() == {"in.csv"}
    detector = CountingDetector()
    summary = _score(source, detector=detector, resume=True)
    assert detector.calls == 7
    assert (summary.rows, summary.resumed, summary.rejected) == (39, 14, 5)
    assert summary == replace(
        _score(source, overwrite=True), seconds=summary.seconds, resumed=summary.resumed
    )
    assert _files(tmp_path) == whole("out.csv")


def test_stop_ends_the_job_at_a_border(
    tmp_path: Path, whole: Callable[[str], dict[str, bytes]]
) -> None:
    source = _source(tmp_path)
    answers = iter([False, False, True])
    with pytest.raises(JobInterrupted) as caught:
        _score(source, stop=lambda: next(answers))
    assert caught.value.__notes__[0].startswith("2 finished parts (14 rows)")
    with pytest.raises(JobInterrupted, match="interrupted"):
        _score(source, resume=True, stop=lambda: True)
    _score(source, resume=True, stop=lambda: False)
    assert _files(tmp_path) == whole("out.csv")


def test_progress_goes_on_where_it_stopped(tmp_path: Path) -> None:
    source = _source(tmp_path)
    _stop_after(source, 3)
    seen: list[tuple[int, float]] = []
    standings = []
    _score(source, resume=True, progress=lambda *now: seen.append(now), watch=standings.append)
    assert seen == sorted(seen)
    assert seen[0][0] == 24
    assert seen[-1] == (ROWS, 1.0)
    assert [standing.parts for standing in standings if standing.ended] == [4, 5, 6]
    first, last = standings[0], standings[-1]
    assert (first.resumed, first.rate, first.seconds_left) == (24, 0.0, None)
    assert last.rate > 0
    assert last.seconds_left == 0


def test_unfinished_work_needs_a_choice(
    tmp_path: Path, whole: Callable[[str], dict[str, bytes]]
) -> None:
    source = _source(tmp_path)
    _stop_after(source, 1)
    with pytest.raises(InputError, match=r"out\.csv\.parts: .*--resume, or .*--overwrite"):
        _score(source)
    detector = CountingDetector()
    _score(source, overwrite=True, detector=detector, part_rows=PART * 2)
    assert detector.calls == ROWS // BATCH
    assert _files(tmp_path) == whole("out.csv")


def test_resume_without_unfinished_work(tmp_path: Path) -> None:
    source = _source(tmp_path)
    assert _score(source, resume=True).resumed == 0
    before = _files(tmp_path)
    with pytest.raises(InputError, match="nothing to resume"):
        _score(source, resume=True)
    assert _files(tmp_path) == before
    assert _score(source, resume=True, overwrite=True).rows == 39


def test_leave_to_overwrite_lasts_until_the_end(tmp_path: Path) -> None:
    source = _source(tmp_path)
    (tmp_path / "out.csv").write_text("of an earlier run")
    _stop_after(source, 2, overwrite=True)
    assert (tmp_path / "out.csv").read_text() == "of an earlier run"
    _score(source, resume=True)
    assert (tmp_path / "out.csv").read_text("utf-8").startswith("id,text,scamdetect_")


def test_a_destination_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    source = _source(tmp_path)
    _stop_after(source, 2)
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(InputError, match=r"out\.csv: already exists"):
        _score(source, resume=True)
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert _score(source, resume=True, overwrite=True).resumed == 14


def _detector(**attributes: object) -> EchoDetector:
    detector = EchoDetector()
    for name, value in attributes.items():
        setattr(detector, name, value)
    return detector


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_column": "id"}, "text_column was 'text', is 'id'"),
        ({"encoding": "latin-1"}, "encoding was 'utf-8', is 'iso8859-1'"),
        ({"only_flagged": True}, "only_flagged was False, is True"),
        ({"part_rows": 9}, "part_rows was 8, is 9"),
        ({"source_format": "tsv", "text_column": "id,text"}, "format was 'csv', is 'tsv'"),
        ({"detector": _detector(model_id="new@1+1")}, "model_id was 'echo@0[+]0', is 'new@1[+]1"),
        ({"detector": _detector(thresholds=Thresholds(0.7, 0.5))}, "flag was 0.5, is 0.7"),
        (
            {"detector": _detector(thresholds=Thresholds(0.5, 0.4, {Kind.ROMANCE: 0.3}))},
            "kind_flags was None, is {'romance': 0.3}",
        ),
        (
            {"detector": _detector(thresholds=Thresholds(0.5, 0.4, review_scam_verdicts=False))},
            "review_scam_verdicts was True, is False",
        ),
        ({"detector": _detector(clears=True)}, "tier was 'full', is 'auto'"),
    ],
)
def test_other_settings_are_refused_by_name(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    source = _source(tmp_path)
    _stop_after(source, 1)
    with pytest.raises(InputError, match=rf"state\.json: .*{message}.*--overwrite"):
        _score(source, resume=True, **options)
    assert _score(source, resume=True, encoding="utf8").resumed == 7


def test_columns_that_differ_are_cut_in_the_message(tmp_path: Path) -> None:
    # A file without a header has a message for the name of a column.
    message = "guaranteed profit, pay the release fee to my account today"
    source = tmp_path / "in.csv"
    source.write_text(f'text,"{message}"\n' + "hello,x\n" * ROWS, encoding="utf-8")
    _stop_after(source, 1)
    expected = rf"columns was \(text, \({len(message)} characters\)\), is \(text\)"
    with pytest.raises(InputError, match=expected):
        _score(source, resume=True, columns=["text"])


def test_a_source_that_changed_is_refused(tmp_path: Path) -> None:
    source = _source(tmp_path)
    _stop_after(source, 1)
    with source.open("a") as file:
        file.write("99,more\n")
    with pytest.raises(InputError, match=r"in\.csv: changed since the job started.*--overwrite"):
        _score(source, resume=True)


def test_parts_of_another_division_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _source(tmp_path)
    _stop_after(source, 1)
    monkeypatch.setattr(batches, "BATCH_ROWS", 3)
    with pytest.raises(InputError, match=r"record 8.*--overwrite"):
        _score(source, resume=True)


def _nested_source(path: Path) -> Path:
    """Write rows whose text is in the column ``message`` as ``body``."""
    path.parent.mkdir()
    rows = [{"id": n, "message": {"body": f"message {n}", "from": "Ann"}} for n in range(ROWS)]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode(), mtime=0))
    else:
        path.write_bytes(pa.compress(json.dumps(rows).encode(), "zstd", asbytes=True))
    return path


@pytest.mark.parametrize("target", ["out.csv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("name", ["in.jsonl.gz", "in.json.zst", "in.parquet"])
def test_compressed_and_nested_sources_are_resumed(tmp_path: Path, name: str, target: str) -> None:
    options: dict[str, Any] = {"text_column": "message.body", "columns": ["message", "id"]}
    whole = _nested_source(tmp_path / "whole" / name)
    _score(whole, target, **options)
    source = _nested_source(tmp_path / "ended" / name)
    _stop_after(source, 2, target=target, **options)
    with pytest.raises(InputError, match=r"text_column was 'message\.body', is 'message\.from'"):
        _score(source, target, resume=True, **options | {"text_column": "message.from"})
    assert _score(source, target, resume=True, **options).resumed == 2 * PART
    assert _files(source.parent) == _files(whole.parent)


def test_names_that_utf8_lacks_are_remembered(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    lines = [f'{{"text": "{n}", "\\ud83d": {n}}}' for n in range(ROWS)]
    source.write_text("\n".join(lines), encoding="utf-8")
    _stop_after(source, 2, target="out.jsonl")
    assert _score(source, "out.jsonl", resume=True).resumed == 2 * PART


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


def _age(path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace('"schema_version": 3', '"schema_version": 2'))


def _miscount(path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace('"rows": 7', '"rows": 8'))


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("part-000001.csv", Path.unlink, "missing"),
        ("part-000001.csv", _cut, "damaged .* bytes instead of"),
        ("part-000001.csv", _flip, "damaged .*content"),
        ("part-000000.rejected.jsonl", Path.unlink, "missing"),
        ("part-000000.rejected.jsonl", _flip, "damaged"),
        ("state.json", Path.unlink, "cannot be read"),
        ("state.json", _cut, "damaged"),
        ("state.json", _flip, "damaged"),
        ("state.json", lambda path: path.write_text("[]"), "damaged"),
        ("state.json", lambda path: path.write_text('{"schema_version": 3}'), "damaged"),
        ("state.json", _miscount, "damaged"),
        (
            "state.json",
            _age,
            "has schema 2, .* reads 3",
        ),
    ],
)
def test_damage_is_named_with_its_cure(
    tmp_path: Path, name: str, damage: Callable[[Path], object], message: str
) -> None:
    source = _source(tmp_path)
    _stop_after(source, 2)
    damage(tmp_path / "out.csv.parts" / name)
    with pytest.raises(InputError, match=f"{name}: .*{message}.*--overwrite"):
        _score(source, resume=True)
    assert _score(source, overwrite=True).rows == 39


def test_a_folder_that_no_job_made_stays(tmp_path: Path) -> None:
    source = _source(tmp_path)
    mine = tmp_path / "out.csv.parts" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    for options in ({"overwrite": True}, {"resume": True}):
        with pytest.raises(InputError, match=r"out\.csv\.parts: contains 'mine\.txt'"):
            _score(source, **options)
    assert mine.read_text() == "mine"
    (tmp_path / "out.tsv.parts").write_text("mine")
    with pytest.raises(InputError, match=r"out\.tsv\.parts: is not a folder"):
        _score(source, "out.tsv", overwrite=True)


@pytest.mark.parametrize("option", ["resume", "overwrite"])
def test_two_runs_do_not_share_a_folder(tmp_path: Path, option: str) -> None:
    source = _source(tmp_path)
    _stop_after(source, 1)
    before = _files(tmp_path / "out.csv.parts")
    with (tmp_path / "out.csv.parts" / "lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another run"):
            _score(source, **{option: True})
    assert _files(tmp_path / "out.csv.parts") == before


@pytest.mark.parametrize("path", ["part-000002.csv", "state.json", "joined.csv"])
def test_a_full_disk_keeps_the_finished_parts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: Callable[[str], dict[str, bytes]],
    path: str,
) -> None:
    source = _source(tmp_path)
    written: list[str] = []

    @contextmanager
    def full(target: Path, access: Access) -> Iterator[IO[bytes]]:
        written.append(target.name)
        with real(target, access) as file:
            yield file
            if target.name == path and (path != "state.json" or written.count(path) == 4):
                raise OSError(errno.ENOSPC, "No space left on device")

    real = parts.writing
    monkeypatch.setattr(parts, "writing", full)
    monkeypatch.setattr("scamdetect.dumps.state.writing", full)
    with pytest.raises(OutputError, match=r"out\.csv: cannot be written.*No space") as caught:
        _score(source)
    assert "--resume" in caught.value.__notes__[0]
    assert not list(tmp_path.rglob("*.part"))
    monkeypatch.undo()
    monkeypatch.setattr(batches, "BATCH_ROWS", BATCH)
    assert _score(source, resume=True).resumed == (39 if path == "joined.csv" else 14)
    assert _files(tmp_path) == whole("out.csv")


def test_one_work_folder_keeps_destinations_of_one_name_apart(tmp_path: Path) -> None:
    for name in ("a", "b", "work"):
        (tmp_path / name).mkdir()
    source = _source(tmp_path)
    work = {"work_folder": tmp_path / "work", "part_rows": PART}
    detector = CountingDetector(fail_at=2 * PART // BATCH + 2)
    with pytest.raises(KeyboardInterrupt):
        score_file(source, tmp_path / "a" / "o.csv", detector=detector, overwrite=True, **work)
    (tmp_path / "b" / "o.csv").write_text("precious")
    with pytest.raises(InputError, match="destination was"):
        score_file(source, tmp_path / "b" / "o.csv", detector=EchoDetector(), resume=True, **work)
    assert (tmp_path / "b" / "o.csv").read_text() == "precious"


def test_a_work_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere \(--work-folder\): folder not found"):
        _score(_source(tmp_path), work_folder=tmp_path / "nowhere")
