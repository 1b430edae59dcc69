"""Errors of the system are told in plain words, with the path and what to do."""

from __future__ import annotations

import errno
import os
import urllib.error
from pathlib import Path

import pytest
from command_line import command

from scamdetect.bundle.bundle import Bundle
from scamdetect.dumps.sources import find_source
from scamdetect.engines.parquet_folder import local_source
from scamdetect.errors import BundleError, InputError, OutputError
from scamdetect.reports.dump import page_path
from scamdetect.scored.read import open_scored
from scamdetect.system.destinations import new_folder
from scamdetect.system.os_errors import (
    files_read,
    no_folder,
    said,
    shareable,
    unforeseen,
    unreadable,
    unwritable,
    words,
)

LONG = "n" * 300
NUMBERS = [
    errno.EACCES, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EROFS,
    errno.ENOSPC, errno.EMFILE, errno.ENOENT, errno.EIO, errno.EDQUOT,
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_no_error_of_the_system_is_a_number(number: int) -> None:
    problem = OSError(number, os.strerror(number), "/a/file.csv")
    for told in (
        str(unreadable("/a/file.csv", problem)),
        str(unwritable("/a/file.csv", problem)),
        unforeseen(problem),
    ):
        assert told.startswith("/a/file.csv: ")
        assert "Errno" not in told and str(number) not in told
        assert told.count("file.csv") == 1


@pytest.mark.parametrize(
    ("number", "read", "write"),
    [
        (errno.EACCES, "(Permission denied); get read permission", "get write permission"),
        (errno.ENAMETOOLONG, "shorter name", "use a shorter name or choose another destination"),
        (errno.EMFILE, "ulimit -n", "ulimit -n"),
        (errno.ELOOP, "Symbolic links form a circle", "repair the link"),
        (errno.EISDIR, "It is a folder, not a file); pass a file in it", "It is a folder"),
        (errno.ENOSPC, "No space left on device", "make room or choose another destination"),
    ],
)
def test_the_cure_goes_with_the_error(number: int, read: str, write: str) -> None:
    problem = OSError(number, os.strerror(number))
    assert read in str(unreadable("x", problem))
    assert write in str(unwritable("x", problem))


def test_a_caller_may_know_a_better_cure() -> None:
    problem = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    told = unreadable("x", problem, error=BundleError, cure="export it again")
    assert isinstance(told, BundleError)
    assert str(told) == "x: cannot be read (No such file or directory); export it again"
    told = unreadable(Path("s3://me:secret@bucket/x.csv"), problem, cure="export it again")
    assert str(told).startswith("s3:/bucket/x.csv: cannot be read")
    assert "download it" in str(told)


def test_what_a_library_says_is_kept_where_it_says_more() -> None:
    assert words(OSError(errno.EIO, "The bucket is in another region")) == (
        "The bucket is in another region"
    )
    assert words(PermissionError("Access Denied")) == "Access Denied"
    arrow = OSError(errno.ENOENT, "Failed to open 'x'. Detail: [errno 2] No such file")
    assert words(arrow) == "No such file or directory"


def test_secrets_of_the_environment_are_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = ValueError("Port could not be cast to integer value as 'pa55'")
    assert said(problem) == str(problem)
    assert shareable(problem) is problem
    monkeypatch.setenv("HTTPS_PROXY", "http://me:pa55/word@proxy.test:80")
    assert said(problem) == "ValueError"
    assert shareable(problem) is None
    hidden = urllib.error.HTTPError("https://h.test", 403, "pa55", None, None)  # type: ignore[arg-type]
    assert said(hidden) == "HTTPError, HTTP status 403"


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    assert "folder not found; create it first" in str(no_folder(tmp_path / "none"))
    assert "file: is a file, not a folder" in str(no_folder(tmp_path / "file"))
    assert "ymbolic links form a circle" in str(no_folder(tmp_path / "loop"))
    assert "name too long" in str(no_folder(tmp_path / LONG))
    with pytest.raises(BundleError, match="not readable: cannot be read .Permission denied"):
        with files_read(BundleError):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "not readable")


@pytest.mark.parametrize(
    "name", ["loop.csv", f"{LONG}.csv", "in.csv/x.csv", "none/x.csv", "none.csv"]
)
def test_a_source_that_cannot_be_read_is_blamed_itself(tmp_path: Path, name: str) -> None:
    (tmp_path / "in.csv").touch()
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    with pytest.raises(InputError, match=f"{name}: cannot be read .*; "):
        find_source(tmp_path / name)


def test_a_link_is_blamed_and_not_its_folder(tmp_path: Path) -> None:
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    for source in (tmp_path, tmp_path / "*.csv"):
        with pytest.raises(InputError, match=r"loop\.csv: cannot be read .Symbolic links"):
            find_source(source)


def test_commands_tell_no_bare_number(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nhi\n", encoding="utf-8")
    (tmp_path / "loop").symlink_to("loop")
    for given in (
        ["score", f"{LONG}.csv"], ["score", "in.csv", "-o", f"{LONG}.csv"], ["report", "loop"],
        ["score", "in.csv", "--work-folder", "loop"], ["predict", "hi", "--model", LONG],
    ):  # fmt: skip
        done = command(tmp_path, *given)
        assert done.returncode in (2, 4), given
        assert "Errno" not in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr


def test_other_rooms_raise_no_bare_error(tmp_path: Path) -> None:
    long = tmp_path / LONG
    with pytest.raises(InputError, match="cannot be read .File name too long"):
        open_scored(long)
    with pytest.raises(InputError, match="cannot be read .File name too long"):
        local_source(f"{long}*")
    with pytest.raises(OutputError, match="cannot be written .File name too long"):
        page_path(tmp_path / "x.csv", long)
    with pytest.raises(OutputError, match="cannot be written .File name too long"):
        new_folder(long)
    with pytest.raises(BundleError, match="cannot be read .File name too long"):
        Bundle.load(long)


def test_a_library_names_no_query_of_a_path() -> None:
    problem = RuntimeError("Max retries exceeded with url: /webhdfs/v1/x?user.name=me&op=GET (no)")
    assert said(problem) == "Max retries exceeded with url: /webhdfs/v1/x (no)"
