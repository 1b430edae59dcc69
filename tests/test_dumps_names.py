"""Files and folders whose names are not UTF-8, as sources and as destinations."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import command, score
from dump_files import read_rows
from test_dumps_resume import CountingDetector
from test_dumps_writers import EchoDetector

from scamdetect.dumps import score_file
from scamdetect.scored.groups import write_groups

NAME = os.fsdecode(b"caf\xe9")
ROWS = [
    {"id": str(n), "text": f"hello {n}", "sender": f"s{n % 2}", "thread": "t"} for n in range(6)
]


@pytest.fixture(autouse=True)
def folder_takes_such_names(tmp_path: Path) -> None:
    try:
        (tmp_path / NAME).write_bytes(b"")
    except OSError:
        pytest.skip("the file system takes no such names")
    (tmp_path / NAME).unlink()


def _write(path: Path, times: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ROWS * times
    if path.suffix == ".parquet":
        with path.open("wb") as file:
            pq.write_table(pa.Table.from_pylist(rows), file)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        lines = [",".join(ROWS[0]), *(",".join(row.values()) for row in rows), ""]
        path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _rows(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".parquet":
        with path.open("rb") as file:
            found: list[dict[str, object]] = pq.read_table(file).to_pylist()
            return found
    return read_rows(path)


@pytest.mark.parametrize("target", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_any_format_on_either_side(
    tmp_path: Path, extension: str, target: str, tiny_bundle: Path
) -> None:
    source = _write(tmp_path / f"{NAME}.{extension}")
    summary = score_file(source, tmp_path / f"{NAME}.out.{target}", detector=EchoDetector())
    assert [row["text"] for row in _rows(summary.destination)] == [row["text"] for row in ROWS]
    groups = write_groups(summary.destination, by="sender", source=source)
    assert len(_rows(groups.destination)) == 2
    assert not list(tmp_path.glob("*.parts"))


def test_the_commands_take_and_write_such_names(tmp_path: Path, tiny_bundle: Path) -> None:
    for extension in ("csv", "parquet"):
        _write(tmp_path / f"{NAME}.{extension}")
        scored = f"{NAME}.scored.{extension}"
        done = score(tmp_path, f"{NAME}.{extension}", "--model", tiny_bundle)
        assert done.returncode == 0, done.stderr
        for arguments in (
            ("groups", scored, "--by", "sender"),
            ("threads", scored, "--thread-column", "thread", "--model", tiny_bundle),
            ("report", scored),
            ("drift", scored, scored, "-o", f"{NAME}.{extension}.html"),
            ("queue", scored, "-n", "2", "-o", f"{NAME}.{extension}.queue.csv"),
        ):
            done = command(tmp_path, *arguments)
            assert done.returncode in (0, 1), done.stderr
            assert "written to" in done.stdout + done.stderr


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_a_killed_job_goes_on(tmp_path: Path, extension: str) -> None:
    source = _write(tmp_path / f"{NAME}.{extension}", times=1000)
    target = tmp_path / f"{NAME}.out.{extension}"
    with pytest.raises(KeyboardInterrupt):
        score_file(source, target, detector=CountingDetector(fail_at=2), part_rows=100)
    summary = score_file(source, target, detector=EchoDetector(), part_rows=100, resume=True)
    assert summary.resumed
    assert len(_rows(target)) == 6000


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_folders_globs_and_partitions(tmp_path: Path, extension: str) -> None:
    folder = tmp_path / f"d{NAME}"
    for name in (NAME, "b"):
        _write(folder / f"k{NAME}={NAME}" / f"{name}.{extension}")
    summary = score_file(folder, detector=EchoDetector())
    assert summary.destination == tmp_path / f"d{NAME}.scored.parquet"
    rows = _rows(summary.destination)
    assert {row["scamdetect_file"] for row in rows} == {
        rf"kcaf\udce9=caf\udce9/{name}.{extension}" for name in (r"caf\udce9", "b")
    }
    assert {row[r"kcaf\udce9"] for row in rows} == {r"caf\udce9"}
    found = score_file(f"{folder}/*/caf*", tmp_path / "out.jsonl", detector=EchoDetector())
    assert found.rows == 6
