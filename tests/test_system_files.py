"""Files are made anew, through no link, whole or not at all, and nobody opens them otherwise."""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import scamdetect
from scamdetect.errors import InputError
from scamdetect.system.files import (
    OWNER,
    Access,
    access_of,
    append,
    create,
    locked,
    narrow,
    write_text,
    writing,
)

PACKAGE = Path(scamdetect.__file__).parent


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("precious")
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_no_planted_link_is_written_through(tmp_path: Path, victim: Path) -> None:
    for link in ("out.part", "out"):
        (tmp_path / link).symlink_to(victim)
    write_text(tmp_path / "out", "new")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "out").is_symlink() and (tmp_path / "out").read_text() == "new"
    os.link(victim, tmp_path / "other.part")
    write_text(tmp_path / "other", "newer")
    assert victim.read_text() == "precious"


def test_a_file_that_has_the_name_of_the_half_stays(tmp_path: Path) -> None:
    (tmp_path / "out.part").write_text("precious")
    write_text(tmp_path / "out", "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "out": "new", "out.part": "precious",
    }  # fmt: skip


def test_a_link_planted_in_the_last_moment_is_not_followed(
    tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").symlink_to(victim)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(FileExistsError):
        create(tmp_path / "out")
    assert victim.read_text() == "precious"


def test_nothing_is_appended_through_a_link_or_to_a_pipe(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "log").symlink_to(victim)
    os.mkfifo(tmp_path / "pipe")
    for name in ("log", "pipe"):
        with pytest.raises(InputError, match="is not written; remove it"):
            append(tmp_path / name)
    assert victim.read_text() == "precious"
    for line in (b"one\n", b"two\n"):
        with append(tmp_path / "own", OWNER) as file:
            file.write(line)
    assert (tmp_path / "own").read_bytes() == b"one\ntwo\n" and mode(tmp_path / "own") == 0o600


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "lock").symlink_to(victim)
    with pytest.raises(InputError, match="lock: is a link"), locked(tmp_path):
        pass


def test_an_error_leaves_nothing_and_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("earlier")
    with pytest.raises(ZeroDivisionError), writing(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_text() == "earlier" and os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize(
    ("modes", "expected"),
    [([0o644], 0o644), ([0o600], 0o600), ([0o644, 0o640], 0o640), ([0o400], 0o600), ([], 0o644)],
)
def test_a_file_may_be_read_by_nobody_who_may_not_read_its_sources(
    tmp_path: Path, modes: list[int], expected: int
) -> None:
    sources = [tmp_path / str(number) for number in range(len(modes))]
    for source, bits in zip(sources, modes, strict=True):
        source.touch()
        source.chmod(bits)
    access = access_of([*sources, tmp_path / "none"])
    write_text(tmp_path / "out", "x", access)
    assert mode(tmp_path / "out") == expected
    (tmp_path / "made").touch()
    narrow(tmp_path / "made", access)
    assert mode(tmp_path / "made") == expected


def test_the_umask_and_the_mode_of_the_replaced_file_hold(tmp_path: Path) -> None:
    (tmp_path / "kept").touch(0o600)
    for name, expected in (("kept", 0o600), ("new", 0o640)):
        os.umask(0o027)
        write_text(tmp_path / name, "x")
        assert mode(tmp_path / name) == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to other groups")
def test_another_group_than_that_of_the_source_reads_nothing(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for path, group in ((one, 1234), (two, 4321)):
        path.touch(0o640)
        os.chown(path, -1, group)
    write_text(tmp_path / "out", "x", access_of([one]))
    assert mode(tmp_path / "out") == 0o600
    assert access_of([one, two]) == Access(0o600)
    assert access_of([one]) == Access(0o640, 1234)


# Modules that open files for writing by themselves, and why that is harmless.
WRITERS = {
    "cli/streams.py": "opens the standard streams and the null device",
    "system/files.py": "creates files exclusively and follows no link",
    "engines/spark.py": "writes into folders that it has just made",
}


def opens_for_writing(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Attribute):
        name = call.func.attr
    else:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name in ("write_text", "write_bytes"):
        return isinstance(call.func, ast.Attribute)
    modes = [one.value for one in call.args if isinstance(one, ast.Constant)]
    return name == "open" and any(isinstance(one, str) and set(one) & set("wax") for one in modes)


def test_the_package_opens_files_for_writing_in_one_place() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and opens_for_writing(node)
    }
    assert found == set(WRITERS)
