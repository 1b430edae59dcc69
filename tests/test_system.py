from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec
import pytest

from scamdetect.errors import InputError, OutputError, SourceError
from scamdetect.system.destinations import (
    check_no_input,
    check_parent,
    file_destination,
    followed,
    private_folder,
    replaced_folder,
)
from scamdetect.system.files import OWNER, access_of, append, locked, open_regular, writing
from scamdetect.system.os_errors import unreadable, unwritable, written
from scamdetect.system.shown import missing_column, visible, visible_line
from scamdetect.train.typed import Table, locate_jsonl, read_jsonl, read_toml, write_jsonl


def test_a_file_is_written_completely_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with writing(target) as file:
        file.write(b"old")
    with pytest.raises(ZeroDivisionError), writing(target) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out"]


def test_a_new_file_is_readable_for_those_who_could_read_all_sources(tmp_path: Path) -> None:
    public, private = tmp_path / "public", tmp_path / "private"
    for path, mode in ((public, 0o644), (private, 0o600)):
        path.write_text("x")
        path.chmod(mode)
    with writing(tmp_path / "out", access_of([public, private])):
        pass
    assert (tmp_path / "out").stat().st_mode & 0o777 == OWNER
    assert access_of([tmp_path]) == OWNER


def test_a_planted_link_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    (tmp_path / "out").symlink_to(tmp_path / "mine")
    with writing(tmp_path / "out") as file:
        file.write(b"new")
    assert (tmp_path / "mine").read_text() == "keep"
    with pytest.raises(OSError):
        (tmp_path / "log").symlink_to(tmp_path / "mine")
        append(tmp_path / "log")


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(InputError, match="not a regular file"):
            open_regular(path)


def test_two_runs_cannot_use_one_folder(tmp_path: Path) -> None:
    with locked(tmp_path):
        with pytest.raises(InputError, match="another run"), locked(tmp_path):
            pass
    with locked(tmp_path):
        pass


def test_destinations(tmp_path: Path) -> None:
    source, link = tmp_path / "in.csv", tmp_path / "link.csv"
    source.write_text("x")
    link.symlink_to(source)
    assert followed(link) == source
    with pytest.raises(InputError, match="an input would be overwritten"):
        file_destination(link, overwrite=True, inputs=[tmp_path])
    with pytest.raises(InputError, match="already exists"):
        file_destination(source, overwrite=False)
    with pytest.raises(InputError, match="not a file"):
        file_destination(tmp_path, overwrite=True)
    with pytest.raises(InputError, match="folder not found"):
        check_parent(tmp_path / "missing" / "out.csv")
    check_no_input(tmp_path / "new", [source])
    assert file_destination(source, overwrite=True) == source


def test_only_a_bundle_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    with pytest.raises(InputError, match="is not a bundle"):
        replaced_folder(folder, "manifest.json", overwrite=True)
    (folder / "manifest.json").write_text("{}")
    assert replaced_folder(folder, "manifest.json", overwrite=True) == folder
    with pytest.raises(InputError, match="contains the input"):
        replaced_folder(folder, "manifest.json", overwrite=True, inputs=[folder / "data"])


def test_a_private_folder_is_closed_to_others(tmp_path: Path) -> None:
    private_folder(tmp_path / "work", "choose another")
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is not a folder"):
        private_folder(tmp_path / "file", "choose another")


def test_errors_name_the_path_the_problem_and_the_fix(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "make room or choose another destination" in str(unwritable("out.csv", full))
    missing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    assert "only local files" in str(unreadable(Path("s3://bucket/x.csv"), missing))
    with pytest.raises(OutputError, match="out.csv: cannot be written"), written("out.csv"):
        raise full


@pytest.mark.parametrize("name", ["Dear customer, your parcel waits", "call 0812 3456", "1500"])
def test_a_first_line_that_may_be_a_message_is_not_shown(name: str) -> None:
    problem = missing_column("x.csv", "'text'", ["id", name], cure="name another")
    assert name not in str(problem)
    assert "does not look like a header" in str(problem)
    assert "id, sent_at" in str(
        missing_column("x.csv", "'text'", ["id", "sent_at"], cure="name another")
    )


def test_hidden_characters_become_codes() -> None:
    assert visible("a\u202eb\x1b") == "a⟨U+202E⟩b⟨U+001B⟩"
    assert visible("क्\u200dष") == "क्\u200dष"
    assert visible_line("a\nb") == "a⟨U+000A⟩b"


class Fruit(Table, frozen=True):
    name: str
    weight: int = 1


def test_typed_files(tmp_path: Path) -> None:
    path = tmp_path / "fruit.jsonl"
    write_jsonl(path, [Fruit("fig"), Fruit("date", 2)])
    assert read_jsonl(path, Fruit, SourceError) == [Fruit("fig"), Fruit("date", 2)]
    path.write_text('{"name": "fig"}\n{"name": 1}\n')
    with pytest.raises(SourceError, match="fruit.jsonl:2"):
        read_jsonl(path, Fruit, SourceError)
    located, problems = locate_jsonl(path, Fruit, SourceError, lambda _: "correct it")
    assert [row.where for row in located] == [f"{path}:1"]
    assert len(problems) == 1 and problems[0].endswith("correct it")
    path.write_text("name = 'fig'\ncolour = 1\n")
    with pytest.raises(SourceError, match="colour"):
        read_toml(path, Fruit, SourceError)
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(SourceError, match="UTF-8"):
        read_toml(path, Fruit, SourceError)
    assert issubclass(Fruit, msgspec.Struct)
