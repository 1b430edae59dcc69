"""Files of all commands: nothing is replaced unasked, no input is written, access stays narrow."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from command_line import run

Arguments = tuple[str | Path, ...]


@pytest.fixture
def folder(tmp_path: Path, tiny_bundle: Path) -> Path:
    """Return a folder with a dump, its scored file, a queue and a bundle."""
    texts = ["guaranteed profit", "profit", "hello lunch", "darling", "buy a gift card"]
    rows = [f"{n},s{n % 3},t{n % 2},{texts[n % 5]} {n}" for n in range(20)]
    (tmp_path / "in.csv").write_text("\n".join(["id,sender,thread,text", *rows]), encoding="utf-8")
    (tmp_path / "allow.csv").write_text("sender\ns1\n", encoding="utf-8")
    shutil.copytree(tiny_bundle, tmp_path / "bundle")
    made = run("score", "in.csv", "-o", "scored.csv", "--model", "bundle", cwd=tmp_path)
    assert made.exit_code == 0, made.stderr
    made = run("review", "queue", "scored.csv", "-o", "queue.csv", "-n", "5", cwd=tmp_path)
    assert made.exit_code == 0, made.stderr
    return tmp_path


SCORE = ("score", "in.csv", "--model", "bundle")
COMMANDS: dict[str, Arguments] = {
    "out.csv": SCORE,
    "table.csv": ("review", "queue", "scored.csv", "-n", "5"),
    "labelled.csv": ("review", "labels", "queue.csv"),
    "page.html": ("explain", "profit", "--model", "bundle"),
    "senders.csv": ("campaigns", "scored.csv", "--by", "sender"),
    "campaigns.csv": ("campaigns", "scored.csv"),
    "threads.csv": ("chat", "scored.csv", "--thread-column", "thread", "--model", "bundle"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_is_replaced_only_with_overwrite(folder: Path, name: str) -> None:
    arguments = (*COMMANDS[name], "-o", name)
    (folder / name).write_text("precious", encoding="utf-8")
    done = run(*arguments, cwd=folder)
    assert done.exit_code == 2 and f"{name}: already exists" in done.stderr
    assert (folder / name).read_text(encoding="utf-8") == "precious"
    done = run(*arguments, "--overwrite", cwd=folder)
    assert done.exit_code == 0, done.stderr
    assert (folder / name).read_text(encoding="utf-8") != "precious"


@pytest.mark.parametrize(
    "arguments",
    [
        (*SCORE, "-o", "in.csv"),
        (*SCORE, "-o", "hard.csv"),
        (*SCORE, "--allow-list", "allow.csv", "--sender-column", "sender", "-o", "allow.csv"),
        ("review", "queue", "scored.csv", "-o", "scored.csv"),
        ("review", "labels", "queue.csv", "-o", "link.csv"),
        ("explain", "x", "-o", "bundle/README.md", "--model", "bundle"),
        ("campaigns", "scored.csv", "--by", "sender", "-o", "scored.csv"),
    ],
    ids=lambda arguments: " ".join(map(str, arguments)),
)
def test_no_command_writes_what_it_reads(folder: Path, arguments: Arguments) -> None:
    os.link(folder / "in.csv", folder / "hard.csv")
    (folder / "link.csv").symlink_to("queue.csv")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = run(*arguments, "--overwrite", cwd=folder)
    assert done.exit_code == 2 and "would be overwritten" in done.stderr
    assert {path: path.read_bytes() for path in before} == before


def test_a_report_is_replaced_only_with_overwrite(folder: Path) -> None:
    pytest.importorskip("jinja2", reason="needs the extra report")
    options = ("report", "scored.csv", "-o", "allow.csv")
    done = run(*options, cwd=folder)
    assert done.exit_code == 2 and "already exists" in done.stderr
    assert run(*options, "--overwrite", cwd=folder).exit_code == 0


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_results_are_as_private_as_the_source(folder: Path, mode: int) -> None:
    (folder / "in.csv").chmod(mode)
    before = os.umask(0o022)
    try:
        assert run(*SCORE, "-o", "scored.csv", "--overwrite", cwd=folder).exit_code == 0
        for name, arguments in COMMANDS.items():
            if name != "page.html" and name != "labelled.csv":
                done = run(*arguments, "-o", name, cwd=folder)
                assert done.exit_code == 0, done.stderr
                assert (folder / name).stat().st_mode & 0o777 == mode, name
    finally:
        os.umask(before)


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.jsonl", "pipe.parquet"])
@pytest.mark.parametrize("command", [("review", "queue"), ("report",)], ids=" ".join)
def test_a_pipe_is_refused_at_once(folder: Path, command: Arguments, name: str) -> None:
    os.mkfifo(folder / name)
    assert name in run("score", name, "-o", "new.csv", cwd=folder).stderr
    done = run(*command, name, "-o", "new.html", cwd=folder)
    assert done.exit_code == 2 and name in done.stderr
