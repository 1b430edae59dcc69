"""--engine: what it refuses, what it leaves behind, and what it tells."""

from __future__ import annotations

import json
import os
from pathlib import Path

import engine_dumps
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import score
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect import ScamDetector
from scamdetect.engines import engine as module
from scamdetect.engines.batches import ScoreBatches
from scamdetect.engines.engine import score_parquet
from scamdetect.engines.parquet_folder import local_source, open_source, read_piece, result_folder
from scamdetect.errors import EngineError, InputError
from scamdetect.scored.groups import write_groups
from scamdetect.scored.threads import write_threads


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return engine_dumps.write(tmp_path / "a.parquet", engine_dumps.table(900))


@pytest.fixture
def scoring(tiny_bundle: Path) -> ScoreBatches:
    return ScoreBatches(model=tiny_bundle)


def written_whole(source, written, scoring, workers, show):
    """Do what an engine does, here."""
    written.mkdir()
    for number, piece in enumerate(source.pieces(400)):
        scored = scoring(read_piece(pa.Table.from_pylist([piece])))
        pq.write_table(scored, written / f"x-{number}.parquet")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--resume"], "--resume does not work with --engine ray"),
        (["--part-rows", "20000"], "--part-rows does not work with --engine ray"),
        (["--max-rejects", "1"], "--max-rejects does not work with --engine ray"),
        (["--only-flagged"], "--only-flagged does not work with --engine ray"),
        (["--encoding", "utf-8"], "--encoding does not work with --engine ray"),
        (["--format", "csv"], "--format csv: --engine ray reads only Parquet"),
        (["--text-column", "nothing"], "a.parquet has no column 'nothing'"),
        (["--text-column", "id"], "column 'id' holds int64, not text"),
        (["--columns", "nothing"], "a.parquet has no column 'nothing' to keep"),
        (["-o", "no/folder/x.parquet"], "no/folder: folder not found"),
        (["-o", "a.parquet", "--overwrite"], "the source would be overwritten"),
        (["-o", ".", "--overwrite"], "the source would be overwritten"),
        (["-o", "..", "--overwrite"], "the source would be overwritten"),
        (["-o", "/"], "the root has no name"),
        (["-o", "s3://b/x.parquet"], "s3://b/x.parquet: an engine writes a local folder; for"),
        (["-o", "x.csv"], "x.csv: an engine writes a folder of Parquet parts"),
        (["-o", "x.jsonl.gz"], "x.jsonl.gz: an engine writes a folder of Parquet parts"),
        (["--workers", "-1"], "workers=-1"),
        (["--threads", "0"], "threads"),
        (["--flag", "2"], "flag"),
    ],
)
def test_what_an_engine_cannot_do_is_refused_by_name(
    source: Path, tiny_bundle: Path, options: list[str], named: str
) -> None:
    done = score(source.parent, "a.parquet", "--engine", "ray", "--model", tiny_bundle, *options)
    assert done.returncode == 2, done.stderr
    assert named in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in source.parent.iterdir()] == ["a.parquet"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (
            "s3://b/x.parquet",
            "s3://b/x.parquet: an engine reads a local file or folder; for object",
        ),
        ("s3://u:secret@b/x", "s3://b/x: an engine reads a local file or folder"),
        ("p*.parquet", r"p\*.parquet: .*glob"),
    ],
)
def test_an_engine_reads_neither_urls_nor_globs(
    source: Path, scoring: ScoreBatches, given: str, named: str
) -> None:
    with pytest.raises(InputError, match=named):
        score_parquet(given, engine="spark", scoring=scoring)


def test_a_file_url_and_a_name_with_the_signs_of_a_glob_are_local(tmp_path: Path) -> None:
    assert local_source(f"file://{tmp_path}/a.parquet") == tmp_path / "a.parquet"
    (tmp_path / "a[1].parquet").touch()
    assert local_source(tmp_path / "a[1].parquet") == tmp_path / "a[1].parquet"


def test_the_result_lies_beside_the_source_as_that_of_the_local_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "dumps.2024"
    (here / "in").mkdir(parents=True)
    assert result_folder(here, None) == tmp_path / "dumps.2024.scored.parquet"
    assert result_folder(here / "a.parquet", None) == here / "a.scored.parquet"
    monkeypatch.chdir(here)
    assert result_folder(Path("."), None) == tmp_path / "dumps.2024.scored.parquet"
    monkeypatch.chdir(here / "in")
    assert result_folder(Path(".."), None) == tmp_path / "dumps.2024.scored.parquet"
    with pytest.raises(InputError, match="pass it with -o"):
        result_folder(Path("/"), None)
    for name in ("scored", "run.2024", "x.parquet", "x.pq"):
        assert result_folder(here, name) == Path(name)


def test_a_result_within_the_source_is_refused_where_it_would_be_read(
    source: Path, scoring: ScoreBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_run_ray", written_whole)
    monkeypatch.chdir(source.parent)
    (source.parent / "in").mkdir()
    for name in ("out", "in/out.parquet", "_out=1"):
        with pytest.raises(InputError, match=f"{name}: would be read as part of"):
            score_parquet(".", name, engine="ray", scoring=scoring, overwrite=True)
    score_parquet(".", "_out", engine="ray", scoring=scoring)
    assert score_parquet(".", "_out", engine="ray", scoring=scoring, overwrite=True).rows == 900


@pytest.mark.network_loopback
@pytest.mark.parametrize("engine", ["ray", "spark"])
def test_the_command_line(
    source: Path, tiny_bundle: Path, detector: ScamDetector, engine: str
) -> None:
    pytest.importorskip({"ray": "ray", "spark": "pyspark"}[engine], reason="needs the extra")
    options = ["--engine", engine, "--workers", "2", "--model", tiny_bundle, "--columns", "at,id"]
    done = score(source.parent, "a.parquet", *options, "--fail-on-flagged", "--log-json")
    assert done.returncode == 10, done.stderr
    (summary,) = map(json.loads, done.stderr.splitlines())
    wanted = engine_dumps.local(source, detector)
    wanted = wanted.select(["at", "id", *wanted.column_names[-11:]])
    decisions = wanted["scamdetect_decision"].to_pylist()
    assert engine_dumps.read(source.with_name("a.scored.parquet")).equals(wanted)
    assert (summary["rows"], summary["flagged"]) == (900, decisions.count("flag"))
    assert summary["unscored"] == decisions.count("unscored")
    assert {path.name for path in source.parent.iterdir()} == {
        "a.parquet", "a.scored.parquet", "a.scored.parquet.job.json",
    }  # fmt: skip


def test_the_summary_is_that_of_the_local_engine(
    source: Path, scoring: ScoreBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_run_ray", written_whole)
    from scamdetect.dumps import score_file

    mine = score_parquet(source, engine="ray", scoring=scoring)
    theirs = score_file(source, source.with_name("b.parquet"), detector=scoring.detector())
    for name in ("rows", "written", "flagged", "review", "passed", "unscored", "cleared"):
        assert getattr(mine, name) == getattr(theirs, name)
    assert mine.flagged_by_kind == theirs.flagged_by_kind
    assert mine.verdicts == theirs.verdicts
    assert mine.flagged_by_language == theirs.flagged_by_language
    assert mine.model_id == theirs.model_id


def test_groups_and_threads_read_the_folder_of_parts(
    source: Path, scoring: ScoreBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_run_ray", written_whole)
    from scamdetect.dumps.job import score_file

    detector = scoring.detector()
    parts = score_parquet(source, source.with_name("b"), engine="ray", scoring=scoring).destination
    assert len(list(parts.iterdir())) > 1
    whole = score_file(source, source.with_name("c.parquet"), detector=detector).destination
    for original in (None, source):
        groups = [
            pq.read_table(write_groups(one, by="ok", source=original, overwrite=True).destination)
            for one in (parts, whole)
        ]
        threads = [
            pq.read_table(
                write_threads(
                    one, detector=detector, thread_column="ok", source=original, overwrite=True
                ).destination
            )
            for one in (parts, whole)
        ]
        assert groups[0].equals(groups[1]) and groups[0].num_rows == 2
        assert threads[0].equals(threads[1]) and threads[0].num_rows == 1
    with pytest.raises(InputError, match="would be read as part of"):
        write_groups(parts, parts / "groups.parquet", by="ok")


def test_a_destination_is_kept_until_the_next_is_whole(
    source: Path, scoring: ScoreBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_run_ray", written_whole)
    target = source.with_name("b")
    score_parquet(source, target, engine="ray", scoring=scoring)
    before = engine_dumps.read(target)
    with pytest.raises(InputError, match="already exists.*--overwrite"):
        score_parquet(source, target, engine="ray", scoring=scoring)

    def fails(source, written, scoring, workers, show):
        written.mkdir()
        (written / "half.parquet").write_bytes(b"PAR1")
        raise RuntimeError("guaranteed profit\nscamdetect.errors.BundleError: x: damaged\n")

    monkeypatch.setattr(module, "_run_ray", fails)
    with pytest.raises(EngineError, match="ray job failed: BundleError: x: damaged;") as error:
        score_parquet(source, target, engine="ray", scoring=scoring, overwrite=True)
    assert "profit" not in str(error.value)
    assert engine_dumps.read(target).equals(before)
    assert {path.name for path in source.parent.iterdir()} == {"a.parquet", "b", "b.job.json"}
    monkeypatch.setattr(module, "_run_ray", written_whole)
    other = ScoreBatches(model=scoring.model, columns=("id",))
    score_parquet(source, target, engine="ray", scoring=other, overwrite=True)
    assert engine_dumps.read(target).column_names[:2] == ["id", "scamdetect_verdict"]
    (target / "mine.txt").write_text("keep me")
    with pytest.raises(InputError, match="is not a folder of part files"):
        score_parquet(source, target, engine="ray", scoring=other, overwrite=True)
    assert (target / "mine.txt").read_text() == "keep me"


def test_a_cluster_that_does_not_answer_is_told(
    source: Path, scoring: ScoreBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(source, written, scoring, workers, show):
        raise ConnectionError("no cluster there")

    monkeypatch.setattr(module, "_run_ray", fails)
    with pytest.raises(
        EngineError, match="the ray job failed: no cluster there; the result was removed"
    ):
        score_parquet(source, engine="ray", scoring=scoring)


def test_a_lost_row_is_told(
    source: Path, scoring: ScoreBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loses(source, written, scoring, workers, show):
        written_whole(source, written, scoring, workers, show)
        next(written.iterdir()).unlink()

    monkeypatch.setattr(module, "_run_ray", loses)
    with pytest.raises(EngineError, match=r"ray wrote \d+ rows of 900"):
        score_parquet(source, engine="ray", scoring=scoring)
    assert [path.name for path in source.parent.iterdir()] == ["a.parquet"]


def test_another_run_at_work_is_left_alone(source: Path, scoring: ScoreBatches) -> None:
    source.with_name("a.scored.parquet.partial").mkdir()
    with pytest.raises(InputError, match="another run is using it or was killed"):
        score_parquet(source, engine="ray", scoring=scoring)


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_folders_are_read_whole_or_refused(tmp_path: Path, scoring: ScoreBatches) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    with pytest.raises(InputError, match="no Parquet file in this folder"):
        open_source(folder, scoring)
    for name in ("b10.parquet", "b2.parquet", "a.pq", "_temporary.parquet", ".hidden.parquet"):
        engine_dumps.write(folder / name, engine_dumps.table(3))
    (folder / "notes.txt").touch()
    found = [file.name for file in open_source(folder, scoring).files]
    assert found == ["a.pq", "b2.parquet", "b10.parquet"]
    (folder / "year=2024").mkdir()
    engine_dumps.write(folder / "year=2024" / "a.parquet", engine_dumps.table(3))
    with pytest.raises(InputError, match="the folder 'year=2024' holds a column"):
        open_source(folder, scoring)
    (folder / "year=2024").rename(folder / "_year=2024")
    with pytest.raises(InputError, match="the folder '_year=2024' holds a column"):
        open_source(folder, scoring)
    (folder / "_year=2024" / "a.parquet").unlink()
    engine_dumps.write(folder / "c.parquet", engine_dumps.table(3).drop(["ok"]))
    with pytest.raises(InputError, match=r"c\.parquet: its columns or types differ from .*a\.pq"):
        open_source(folder, scoring)
    (folder / "c.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"c\.parquet: not a complete Parquet file"):
        open_source(folder, scoring)
    with pytest.raises(InputError, match=r"a\.csv: an engine reads Parquet"):
        open_source(tmp_path / "a.csv", scoring)


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=3), most=st.integers(1, 50))
def test_pieces_are_all_rows_in_their_order(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_bundle: Path,
    sizes: list[int],
    most: int,
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    wanted = [engine_dumps.table(rows, seed) for seed, rows in enumerate(sizes)]
    for place, content in enumerate(wanted):
        engine_dumps.write(folder / f"{place}.parquet", content, row_group=15)
    pieces = open_source(folder, ScoreBatches(model=tiny_bundle)).pieces(most)
    found = [read_piece(pa.Table.from_pylist([piece])) for piece in pieces]
    assert all(part.num_rows <= most for part in found)
    assert pa.concat_tables(found).equals(pa.concat_tables(wanted))
