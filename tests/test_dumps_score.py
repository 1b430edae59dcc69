"""Jobs: what is written, what is refused, and how a killed job goes on."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from killed_job import killed_at
from sum_detector import SumDetector

from scamdetect import ScamDetector
from scamdetect.dumps.decide import AllowList, Listed
from scamdetect.dumps.score import ScoreOptions, score_file
from scamdetect.dumps.stream import score_stream
from scamdetect.dumps.summary import Progress, Summary, read_job_record
from scamdetect.errors import InputError, JobInterrupted, NothingToResume, OutputError
from scamdetect.frames.columns import COLUMNS, SCHEMA

MARK = "zqxj secret message, dear"


def score(
    source: Path,
    target: Path | None = None,
    detector: SumDetector | None = None,
    **options: Any,  # noqa: ANN401
) -> Summary:
    """Score a file with these options."""
    chosen = ScoreOptions(**options)
    return score_file(source, target, detector=detector or SumDetector(), options=chosen)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a CSV file of 50 rows with two empty messages, a broken line and a bad byte."""
    lines = [f'{n},"message {n * 7}, hello",+49{n % 5}' for n in range(46)]
    raw = "\n".join(["id,text,from", *lines, "46,,x", "47, ,x", "broken", "49,end,y"]).encode()
    path = tmp_path / "dump.csv"
    path.write_bytes(raw + b"\n50,p\xffy,z\n")
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a result in any format."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    raw = path.read_bytes()
    if path.suffix in (".gz", ".zst"):
        raw = gzip.decompress(raw) if path.suffix == ".gz" else _unpacked(path)
        path = path.with_suffix("")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in raw.splitlines()]
    delimiter = "\t" if path.suffix == ".tsv" else ","
    return list(csv.DictReader(io.StringIO(raw.decode(), newline=""), delimiter=delimiter))


def _unpacked(path: Path) -> bytes:
    with pa.input_stream(str(path), compression="zstd") as file:
        return file.read()


@pytest.mark.parametrize("name", ["csv", "tsv", "jsonl", "parquet", "csv.gz", "jsonl.zst"])
def test_every_row_is_written_in_order_in_every_format(source: Path, name: str) -> None:
    target = source.with_name(f"out.{name}")
    summary = score(source, target)
    found = rows(target)
    assert [row["id"] for row in found] == [*map(str, range(48)), "49", "50"]
    assert list(found[0]) == ["id", "text", "from", *COLUMNS]
    assert [row["scamdetect_decision"] for row in found[46:48]] == ["unscored"] * 2
    expected = SumDetector().predict([row["text"] for row in found])
    for row, prediction in zip(found, expected, strict=True):
        assert row["scamdetect_decision"] == prediction.decision.value
        if prediction.scam_probability is not None:
            probability = float(row["scamdetect_scam_probability"])
            assert probability == pytest.approx(prediction.scam_probability)
    assert (summary.rows, summary.written, summary.unscored) == (50, 50, 2)
    assert (summary.rejected, summary.damaged) == (1, 1)
    assert sum((summary.flagged, summary.review, summary.passed)) == 48


def test_rejects_and_the_job_record_are_next_to_the_result(source: Path) -> None:
    summary = score(source)
    assert summary.destination == source.with_name("dump.scored.csv")
    lines = [json.loads(line) for line in Path(summary.rejects).read_text().splitlines()]
    assert [(line["line"], line.get("kept", False)) for line in lines] == [(50, False), (52, True)]
    assert lines[0]["raw"] == "broken\n"
    record = read_job_record(summary.destination)
    assert record is not None
    assert (record.model_id, record.flag, record.review) == ("sum-1", 0.8, 0.4)
    assert (record.source_format, record.text_column, record.rows) == ("csv", "text", 50)
    assert read_job_record(source) is None
    assert sorted(path.name for path in source.parent.iterdir()) == [
        "dump.csv", "dump.scored.csv", "dump.scored.csv.job.json", "dump.scored.csv.rejected.jsonl",
    ]  # fmt: skip


def test_columns_only_flagged_and_nested_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    bodies = ("".join(chr(97 + n % 26) * (n % 9 + 1)) for n in range(99))
    path.write_text("".join(f'{{"id":1,"m":{{"body":"{body}"}},"x":1}}\n' for body in bodies))
    score(path, text_column="m.body", columns=["m", "id"], only_flagged=True)
    found = rows(tmp_path / "a.scored.jsonl")
    assert list(found[0])[:3] == ["m", "id", "scamdetect_verdict"]
    assert {row["scamdetect_decision"] for row in found} == {"flag"}
    assert set(found[0]["m"]) == {"body"}
    assert found[0]["scamdetect_kinds"][0]["kind"] == "romance"


def test_parquet_keeps_types_and_gets_ours(tmp_path: Path) -> None:
    table = pa.table({"n": pa.array([1, 2], pa.int8()), "text": ["a", None], "l": [[1], None]})
    pq.write_table(table, tmp_path / "a.parquet")
    score(tmp_path / "a.parquet")
    schema = pq.read_schema(tmp_path / "a.scored.parquet")
    assert schema.types == [*table.schema.types, *SCHEMA.types]


def test_formats_that_cannot_be_written_become_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"text":"a","n":{"b":1}}]')
    (tmp_path / "b.txt").write_text("a\n\nb\n")
    assert score(tmp_path / "a.json").destination.name == "a.scored.parquet"
    assert rows(tmp_path / "a.scored.parquet")[0]["n"] == '{"b": 1}'
    assert score(tmp_path / "b.txt").destination.name == "b.scored.jsonl"
    assert [row["text"] for row in rows(tmp_path / "b.scored.jsonl")] == ["a", "", "b"]


def test_a_delimiter_stays_and_formulas_are_defused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('n;text\n-5;=cmd|x\n+1,5;"@a ""b"""\n')
    score(tmp_path / "a.csv", spreadsheet_safe=True)
    lines = (tmp_path / "a.scored.csv").read_text().splitlines()
    assert lines[0].startswith("n;text;scamdetect_verdict;")
    assert lines[1].startswith("-5;'=cmd|x;")
    assert lines[2].startswith('+1,5;"\'@a ""b""";')
    with pytest.raises(InputError, match="only CSV and TSV"):
        score(tmp_path / "a.csv", tmp_path / "b.jsonl", spreadsheet_safe=True)


def _refused(path: Path, message: str, target: Path | None = None, **options: Any) -> None:  # noqa: ANN401
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(InputError, match=message):
        score(path, target, **options)
    assert sorted(path.parent.rglob("*")) == before


def test_what_is_refused_leaves_nothing(source: Path) -> None:
    folder = source.parent
    _refused(source, "has no column 'body'.*--text-column", text_column="body")
    _refused(source, "has no column 'text.x'", text_column="text.x")
    _refused(source, "has no column 'to'", columns=["to"])
    _refused(source, "each once", columns=["id", "id"])
    _refused(source, "each once", columns=[])
    _refused(source, "extension is not one", folder / "out.xlsx")
    _refused(source, "folder not found", folder / "no" / "out.csv")
    _refused(source, "the source would be overwritten", source, overwrite=True)
    _refused(source, "--max-rejects must be", max_rejects="many")
    _refused(source, "part_rows=0", part_rows=0)
    _refused(source, "needs an allow-list", sender_column="from")
    (folder / "link.csv").symlink_to(source)
    _refused(source, "the source would be overwritten", folder / "link.csv", overwrite=True)
    (folder / "dump.scored.csv").write_text("mine")
    _refused(source, "already exists")
    _refused(source, "an input would be", inputs=[folder / "dump.scored.csv"], overwrite=True)


def test_columns_of_ours_in_the_source(source: Path) -> None:
    score(source)
    scored = source.with_name("dump.scored.csv")
    _refused(scored, "already has the columns scamdetect_verdict", source.with_name("b.csv"))
    score(scored, source.with_name("b.csv"), overwrite_columns=True)
    assert source.with_name("b.csv").read_bytes() == scored.read_bytes()


def test_too_many_rejects_stop_the_job(source: Path) -> None:
    score(source, max_rejects=1)
    for limit in (0, "1%"):
        with pytest.raises(InputError, match="1 of 51 records cannot be read"):
            score(source, source.with_name("b.csv"), max_rejects=limit)
        assert not source.with_name("b.csv").exists()


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.jsonl.gz"])
def test_a_killed_job_resumes_to_the_same_bytes(source: Path, name: str) -> None:
    """Kill at every seventh step that changes the disk, another one with each format."""
    options = {"part_rows": 1, "overwrite": True}
    source.write_bytes(source.read_bytes() + b"".join(b"%d,m %d,x\n" % (n, n) for n in range(4999)))
    score(source, source.with_name(f"whole.{name}"), **options)
    whole = source.with_name(f"whole.{name}").read_bytes()
    target = source.with_name(name)
    for step in range(len(name), 400, 7):
        killed = killed_at(step, lambda: score(source, target, **options))
        if killed:
            assert not target.exists() or target.read_bytes() == whole
            score(source, target, resume=True, **options)
        assert target.read_bytes() == whole
        assert Path(f"{target}.rejected.jsonl").read_bytes().count(b"\n") == 2
        assert not Path(f"{target}.parts").exists()
        for path in source.parent.glob(f"{name}*"):
            path.unlink()
        if not killed:
            return
    pytest.fail("the job never ended")


class _Stop:
    """Stop after some parts."""

    def __init__(self, parts: int) -> None:
        self.left = parts

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def _stopped(source: Path, target: Path, detector: SumDetector, **options: Any) -> None:  # noqa: ANN401
    chosen = ScoreOptions(part_rows=1, **options)
    with pytest.raises(JobInterrupted) as caught:
        score_file(source, target, detector=detector, options=chosen, stop=_Stop(1))
    assert "--resume" in caught.value.__notes__[0]


@pytest.fixture
def long_source(tmp_path: Path) -> Path:
    """Return a text file of three parts of one batch each."""
    path = tmp_path / "long.txt"
    path.write_text("".join(f"message {n}\n" for n in range(5000)))
    return path


def test_a_resumed_job_scores_only_the_rest(long_source: Path) -> None:
    target, detector = long_source.with_name("out.csv"), SumDetector()
    _stopped(long_source, target, detector)
    folder = Path(f"{target}.parts")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    _refused(long_source, "contains the unfinished work.*--resume", target)
    states: list[Progress] = []
    chosen = ScoreOptions(part_rows=1, resume=True)
    summary = score_file(
        long_source, target, detector=detector, options=chosen, progress=states.append
    )
    assert len(detector.texts) == 5000
    assert (summary.resumed, summary.rows) == (2048, 5000)
    assert states[-1].parts == 3
    assert states[-1].share == 1.0
    assert [state.part_ended for state in states] == [False, True] * 2
    with pytest.raises(NothingToResume):
        score(long_source, target, resume=True)


CHANGES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "part_rows": lambda path: {"part_rows": 2},
    "columns": lambda path: {"columns": ["text"], "overwrite_columns": True},
    "only_flagged": lambda path: {"only_flagged": True},
    "model_id": lambda path: {"detector": SumDetector("sum-2")},
    "flag": lambda path: {"detector": SumDetector(flag=0.9)},
    "source_version": lambda path: os.utime(path, (1, 1)) or {},
    "indicators": lambda path: {"listed": Listed({"domain:evil.example": ("a",)})},
}


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "columns"])
def test_resume_refuses_another_job_by_name(long_source: Path, name: str) -> None:
    target = long_source.with_name("out.csv")
    _stopped(long_source, target, SumDetector())
    options = {"part_rows": 1, "resume": True} | CHANGES[name](long_source)
    with pytest.raises(InputError, match=f"has another {name}"):
        score(long_source, target, **options)
    score(long_source, target, part_rows=1, overwrite=True)
    assert not Path(f"{target}.parts").exists()


def test_foreign_and_damaged_work(long_source: Path) -> None:
    target = long_source.with_name("out.csv")
    _stopped(long_source, target, SumDetector())
    folder = Path(f"{target}.parts")
    part = folder / "part-000000.parquet"
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(InputError, match="part-000000.parquet: damaged"):
        score(long_source, target, part_rows=1, resume=True)
    (folder / "photo.jpg").touch()
    with pytest.raises(InputError, match="'photo.jpg', which is not part of a job"):
        score(long_source, target, overwrite=True)


def test_a_full_disk_keeps_the_parts(long_source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    target = long_source.with_name("out.csv")
    with monkeypatch.context() as patch:
        patch.setattr("scamdetect.dumps.score.write_tables", full)
        with pytest.raises(OutputError, match="No space left") as caught:
            score(long_source, target)
    assert "1 finished part (5,000 rows)" in caught.value.__notes__[0]
    assert not target.exists()
    score(long_source, target, resume=True)
    assert len(rows(target)) == 5000


def test_a_work_folder_elsewhere(long_source: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    target = tmp_path / "out.csv"
    _stopped(long_source, target, SumDetector(), work_folder=work)
    assert (work / "out.csv.parts").exists()
    score(long_source, target, part_rows=1, resume=True, work_folder=work)
    assert not list(work.iterdir())


def test_results_are_as_private_as_the_source(source: Path) -> None:
    source.chmod(0o600)
    score(source)
    for path in source.parent.glob("dump.scored*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_allow_list_and_indicators_decide(tmp_path: Path) -> None:
    lines = [f"{n},visit http://evil.example/{n} now,{'bank' if n % 2 else 'x'}" for n in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(["id,text,from", *lines, "60,fine,x"]))
    options = {"allow_list": AllowList(frozenset({("bank", None)})), "sender_column": "from"}
    summary = score(tmp_path / "a.csv", tmp_path / "b.csv", **options)
    assert summary.allowed > 0
    assert {row["scamdetect_decision"] for row in rows(tmp_path / "b.csv")[1::2]} == {"pass"}
    options["listed"] = Listed({"domain:evil.example": ("feed",)})
    summary = score(tmp_path / "a.csv", tmp_path / "c.csv", **options)
    found = rows(tmp_path / "c.csv")
    assert summary.listed == 60
    assert summary.listed_by_feed == {"feed": 60}
    assert {row["scamdetect_decision"] for row in found[:60]} == {"flag", "review"}
    assert found[0]["scamdetect_indicators"] == "domain:evil.example"
    assert found[60]["scamdetect_indicators"] == ""
    with pytest.raises(InputError, match="contains senders; name the column"):
        ScoreOptions(allow_list=options["allow_list"])


def test_a_feed_that_matches_honest_messages_stops_the_job(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("see http://good.example/a\n" * 2000)
    listed = Listed({"domain:good.example": ("feed",)})
    with pytest.raises(InputError, match="2,000 of the first 2,000 messages contain an indicator"):
        score(tmp_path / "a.txt", listed=listed)
    assert score(tmp_path / "a.txt", listed=listed, max_listed="100%").listed == 2000


def test_no_text_in_errors(tmp_path: Path) -> None:
    broken = {
        "a.csv": f'id,text\n1,"{MARK}\n2,{MARK},{MARK}\n',
        "b.csv": f"{MARK},{MARK}\n{MARK},x\n",
        "a.jsonl": f'{{"text":"{MARK}"\n{{"n":1}}\n',
        "a.json": f'[{{"text":"{MARK}" {MARK}}}]',
        "c.txt": f"{MARK}\n",
    }
    for name, content in broken.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(InputError) as caught:
            score(tmp_path / name, text_column="body", max_rejects=0)
        assert MARK not in f"{caught.value!r} {caught.value.__cause__!r}"


def _streamed(raw: bytes, kind: str, **more: Any) -> tuple[Summary, bytes]:  # noqa: ANN401
    out = io.BytesIO()
    rejects = more.pop("rejects", None)
    options = ScoreOptions(source_format=kind, **more)
    summary = score_stream(
        io.BytesIO(raw), out, detector=SumDetector(), options=options, rejects=rejects
    )
    return summary, out.getvalue()


def test_a_stream_gives_what_the_file_gives(source: Path) -> None:
    score(source, source.with_name("b.csv"))
    rejects = source.with_name("rejects.jsonl")
    summary, out = _streamed(source.read_bytes(), "csv", rejects=rejects)
    assert out == source.with_name("b.csv").read_bytes()
    assert rejects.read_bytes() == Path(f"{source.with_name('b.csv')}.rejected.jsonl").read_bytes()
    assert (summary.rows, summary.rejected) == (50, 1)
    with pytest.raises(InputError, match="standard input:50: .*--rejects FILE"):
        _streamed(source.read_bytes(), "csv")
    with pytest.raises(InputError, match="already exists"):
        _streamed(source.read_bytes(), "csv", rejects=rejects)


def test_a_stream_of_objects_keeps_columns_that_come_late() -> None:
    raw = b'{"text":"a"}\n' * 3000 + b'{"text":"b","late":[1]}\n'
    _, out = _streamed(raw, "jsonl")
    last = json.loads(out.splitlines()[-1])
    assert (last["text"], last["late"]) == ("b", [1])
    _, out = _streamed(b"a\n\nb\n", "txt", only_flagged=True)
    assert all(json.loads(line)["scamdetect_decision"] == "flag" for line in out.splitlines())
    with pytest.raises(InputError, match="parquet cannot be read from it"):
        _streamed(raw, "parquet")


class _Slow(io.RawIOBase):
    """A pipe that gives a line at a time, and notes what was written by then."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        line = next(self._lines, b"")
        buffer[: len(line)] = line
        return len(line)


def test_a_pipe_that_gives_little_at_a_time() -> None:
    lines = iter([b"text\n", *(b"message %d\n" % n for n in range(10_000))])
    out = io.BytesIO()
    options = ScoreOptions(source_format="csv")
    reader = io.BufferedReader(_Slow(lines))
    assert score_stream(reader, out, detector=SumDetector(), options=options).rows == 10_000
    assert out.getvalue().count(b"\n") == 10_001


def test_a_real_detector_scores_a_file(detector: ScamDetector, source: Path) -> None:
    summary = detector.score_file(source, part_rows=10)
    texts = [row["text"] for row in rows(source.with_name("dump.scored.csv"))]
    expected = [prediction.decision.value for prediction in detector.predict(texts)]
    found = [row["scamdetect_decision"] for row in rows(source.with_name("dump.scored.csv"))]
    assert found == expected
    assert summary.rows == 50
