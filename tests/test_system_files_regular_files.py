"""Files are opened only if they are files."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from scamdetect.adapt.own_rows import read_label_map
from scamdetect.dumps.allow_list import AllowList
from scamdetect.dumps.lines import opened
from scamdetect.dumps.sources import find_source
from scamdetect.errors import InputError
from scamdetect.system.files import check_regular, file_sha256, open_regular, read_bytes, read_text


def make_pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def make_device(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


def make_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    return path


@pytest.mark.parametrize(
    ("make", "what"),
    [(make_pipe, "a pipe"), (make_device, "a device"), (make_socket, "a socket")],
)
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], Path], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    path = make(Path("x"))
    for read in (check_regular, open_regular, read_bytes, read_text, file_sha256, AllowList.load):
        with pytest.raises(InputError, match=f"^x: is {what}, not a file; write"):
            read(path)  # type: ignore[operator]
    with pytest.raises(InputError, match=what):
        read_label_map(path)
    with pytest.raises(InputError, match=what), opened(path):
        pass


def test_a_file_that_becomes_a_pipe_after_the_check_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_pipe(tmp_path / "x")
    monkeypatch.setattr("scamdetect.system.files.check_regular", lambda path: None)
    with pytest.raises(InputError, match="a pipe"):
        open_regular(path)


def test_a_pipe_in_a_folder_of_dumps_is_not_passed_over_as_empty(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello\n")
    make_pipe(tmp_path / "b.txt")
    with pytest.raises(InputError, match=r"b\.txt: is a pipe"):
        find_source(tmp_path)


def test_files_are_read_through_links_and_folders_are_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\r\ntwo")
    (tmp_path / "link").symlink_to("a")
    assert read_bytes(tmp_path / "link") == b"one\r\ntwo"
    assert read_text(tmp_path / "link") == "one\ntwo"
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")
