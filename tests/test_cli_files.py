"""The command line with hostile files: planted links, pipes, its own input as output, modes."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest
from command_line import command
from scored_rows import scored_row, write_scored


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    scores = np.random.default_rng(0).random(60).tolist()
    rows = [{"text": f"message {n}"} | scored_row(score) for n, score in enumerate(scores)]
    return write_scored(tmp_path / "scored.parquet", rows)


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text("text,sender,thread\nprofit,a,1\nhello,b,1\n\x00,a,2\nbroken\n")
    return path


def run(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return command(folder, *arguments)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    "name",
    ["lock", "state.json.part", "part-000000.csv.part", "joined.csv.part", "state.json",
     "part-000000.csv", "joined.csv", "part-000000.rejected.jsonl.part", "joined.job.json.part"],
)  # fmt: skip
def test_a_link_planted_in_the_work_folder_is_not_followed(
    tmp_path: Path, dump: Path, tiny_bundle: Path, name: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "out.csv.parts").mkdir()
    (tmp_path / "out.csv.parts" / name).symlink_to(victim)
    options = ["--model", tiny_bundle, "--overwrite", "--quiet"]
    done = run(tmp_path, "score", dump, "-o", "out.csv", *options)
    assert victim.read_text() == "precious"
    if name == "lock":
        assert done.returncode == 2 and "lock: is a link" in done.stderr
    else:
        assert done.returncode == 0 and not (tmp_path / "out.csv").is_symlink()


@pytest.mark.parametrize(
    "name",
    ["lock", "state.json.part", "segment-000000.arrow", "segment-000000.arrow.part",
     "bucket-000000.arrow", "run-000000.arrow.part", "joined.csv.part"],
)  # fmt: skip
def test_a_link_planted_in_the_work_folder_of_groups_is_not_followed(
    tmp_path: Path, dump: Path, tiny_bundle: Path, name: str
) -> None:
    assert run(tmp_path, "score", dump, "-o", "out.csv", "--model", tiny_bundle).returncode == 0
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "out.groups.csv.parts").mkdir()
    (tmp_path / "out.groups.csv.parts" / name).symlink_to(victim)
    done = run(tmp_path, "groups", "out.csv", "--by", "sender", "--overwrite")
    assert victim.read_text() == "precious"
    if name == "lock":
        assert done.returncode == 2 and "lock: is a link" in done.stderr
    else:
        assert done.returncode == 0 and not (tmp_path / "out.groups.csv").is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_work_folder_of_another_user_is_refused(
    tmp_path: Path, dump: Path, tiny_bundle: Path
) -> None:
    (tmp_path / "out.csv.parts").mkdir(0o777)
    os.chown(tmp_path / "out.csv.parts", 12345, -1)
    done = run(tmp_path, "score", dump, "-o", "out.csv", "--model", tiny_bundle)
    assert done.returncode == 2 and "belongs to another user" in done.stderr


@pytest.mark.parametrize("name", ["pipe.json", "pipe.txt", "pipe.csv", "pipe.parquet", "pipe.mbox"])
def test_a_pipe_as_a_dump_is_refused_at_once(tmp_path: Path, tiny_bundle: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    done = run(tmp_path, "score", name, "-o", "out.parquet", "--model", tiny_bundle)
    assert done.returncode == 2 and f"{name}: is a pipe, not a file" in done.stderr
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(
    "arguments",
    [
        ("score", "in.csv", "--allow-list", "pipe.csv"),
        ("score", "in.csv", "--model", "bundle"),
        ("labels", "pipe.csv"),
        ("labels", "pipe.json"),
        ("report", "pipe.csv"),
        ("queue", "pipe.csv"),
        ("drift", "pipe.csv", "pipe.csv"),
        ("calibrate", "tiny", "--data", "pipe.csv", "--fpr", "0.1", "-o", "new"),
        ("calibrate", "tiny", "--data", "in.csv", "--label-map", "pipe.json", "--fpr", "0.1",
         "-o", "new"),
        ("hub", "push", "bundle", "a/b"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_pipe_is_no_other_input(
    tmp_path: Path, dump: Path, tiny_bundle: Path, arguments: tuple[str, ...]
) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "tiny")
    shutil.copytree(tiny_bundle, tmp_path / "bundle")
    (tmp_path / "bundle" / "model.onnx").unlink()
    for name in ("pipe.csv", "pipe.json", "bundle/model.onnx"):
        os.mkfifo(tmp_path / name)
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert "is a pipe" in done.stderr or "only plain files" in done.stderr, done.stderr


def test_the_output_of_a_command_is_no_file(tmp_path: Path, tiny_bundle: Path) -> None:
    line = f"python -m scamdetect.cli score <(echo hello) --format txt --model {tiny_bundle}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "is a pipe, not a file; write the data to a file first" in done.stderr


def test_queue_labels_and_explain_replace_nothing_unasked(
    tmp_path: Path, scored: Path, tiny_bundle: Path
) -> None:
    commands = {
        "queue.csv": ("queue", scored),
        "tasks.json": ("queue", scored, "--label-studio", "tasks.json"),
        "labelled.csv": ("labels", "filled.csv", "-o", "labelled.csv"),
        "page.html": ("explain", "profit", "--html", "page.html", "--model", tiny_bundle),
    }
    assert run(tmp_path, "queue", scored, "-o", "filled.csv", "-n", "5").returncode == 0
    for name, arguments in commands.items():
        (tmp_path / name).write_text("precious")
        done = run(tmp_path, *arguments)
        assert done.returncode == 2, name
        assert f"{name}: already exists; remove it or pass --overwrite" in done.stderr
        assert (tmp_path / name).read_text() == "precious"
        assert run(tmp_path, *arguments, "--overwrite").returncode == 0, name
        assert (tmp_path / name).read_text() != "precious"
    (tmp_path / "tasks.json").unlink()
    assert "tasks.xml: already exists" in run(tmp_path, *commands["tasks.json"]).stderr


def test_drift_replaces_an_earlier_one_only_if_asked(tmp_path: Path, scored: Path) -> None:
    pytest.importorskip("jinja2", reason="needs the extra report")
    assert run(tmp_path, "drift", scored, scored, "-o", "out").returncode == 0
    refused = run(tmp_path, "drift", scored, scored, "-o", "out")
    assert refused.returncode == 2 and "already exists" in refused.stderr
    assert run(tmp_path, "drift", scored, scored, "-o", "out", "--overwrite").returncode == 0


def test_no_command_writes_what_it_reads(
    tmp_path: Path, scored: Path, dump: Path, tiny_bundle: Path
) -> None:
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    (tmp_path / "allow.csv").write_text("sender\na\n")
    assert run(tmp_path, "queue", scored, "-o", "queue.csv", "-n", "5").returncode == 0
    os.link(scored, tmp_path / "hard.csv")
    os.link(scored, tmp_path / "hard.xml")
    (tmp_path / "link.csv").symlink_to("queue.csv")
    (tmp_path / "drift").mkdir()
    os.link(scored, tmp_path / "drift" / "drift.json")
    score = ("score", dump, "--model", bundle, "--sender-column", "sender")
    commands: list[tuple[str | Path, ...]] = [
        ("queue", scored, "-o", scored),
        ("queue", scored, "-o", "hard.csv"),
        ("queue", scored, "--label-studio", "hard.json"),
        ("labels", "queue.csv", "-o", "link.csv"),
        ("explain", "x", "--html", "bundle/README.md", "--model", bundle),
        ("drift", scored, scored, "-o", "drift"),
        (*score, "--allow-list", "allow.csv", "-o", "allow.csv"),
        (*score, "--allow-list", "allow.csv", "-o", "in.csv"),
    ]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for arguments in commands:
        done = run(tmp_path, *arguments, "--overwrite")
        assert done.returncode == 2 and "would be overwritten" in done.stderr, arguments
    done = run(tmp_path, "report", scored, "-o", scored)
    assert done.returncode == 2 and "would be overwritten" in done.stderr
    assert {path: path.read_bytes() for path in before} == before


def test_a_file_that_is_called_like_a_half_output_stays(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "page.html.part").write_text("mine")
    explain = ("explain", "x", "--html", "page.html", "--model", tiny_bundle)
    assert run(tmp_path, *explain).returncode == 0
    assert (tmp_path / "page.html.part").read_text() == "mine"


def test_a_message_does_not_make_a_dump_a_report(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text('text\n<meta name="generator" content="scamdetect report 1.0">\n')
    scored = write_scored(tmp_path / "scored.parquet", [{"text": "x"} | scored_row(0.5)])
    done = run(tmp_path, "report", scored, "-o", other, "--no-samples")
    assert done.returncode == 2 and "exists and is not a report" in done.stderr


@pytest.mark.parametrize(("given", "expected"), [(0o600, 0o600), (0o640, 0o640), (0o644, 0o644)])
def test_results_may_be_read_by_nobody_who_may_not_read_the_source(
    tmp_path: Path, dump: Path, tiny_bundle: Path, given: int, expected: int
) -> None:
    dump.chmod(given)
    model = ["--model", tiny_bundle]
    before = os.umask(0o022)
    try:
        done = [
            run(tmp_path, "score", dump, "-o", "out.csv", *model),
            run(tmp_path, "groups", "out.csv", "--by", "sender"),
            run(tmp_path, "threads", "out.csv", "--thread-column", "thread", *model),
        ]
    finally:
        os.umask(before)
    assert [one.returncode for one in done] == [0, 0, 0]
    made = sorted(path.name for path in tmp_path.iterdir() if path != dump)
    assert made == [
        "out.csv", "out.csv.job.json", "out.csv.rejected.jsonl", "out.groups.csv",
        "out.threads.csv",
    ]  # fmt: skip
    assert {mode(tmp_path / name) for name in made} == {expected}


def test_the_strictest_of_many_sources_counts(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "dumps").mkdir()
    for name, bits in (("a.txt", 0o644), ("b.txt", 0o600)):
        (tmp_path / "dumps" / name).write_text("hello\n")
        (tmp_path / "dumps" / name).chmod(bits)
    arguments = ("dumps", "-o", "out.parquet", "--model", tiny_bundle)
    assert run(tmp_path, "score", *arguments).returncode == 0
    assert mode(tmp_path / "out.parquet") == 0o600
    assert run(tmp_path, "queue", "out.parquet", "-o", "queue.csv").returncode == 0
    assert mode(tmp_path / "queue.csv") == 0o600


def test_a_destination_in_a_circle_of_links_is_told(
    tmp_path: Path, dump: Path, scored: Path, tiny_bundle: Path
) -> None:
    (tmp_path / "a.csv").symlink_to("b.csv")
    (tmp_path / "b.csv").symlink_to("a.csv")
    for arguments in (("score", dump, "--model", tiny_bundle), ("queue", scored)):
        for options in (("-o", "a.csv"), ("-o", "a.csv/x.csv")):
            done = run(tmp_path, *arguments, *options)
            assert done.returncode == 2 and "links form a circle" in done.stderr, options
