"""The last step of a job: a finished file gets its name, on whatever disk that is."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from scamdetect.dumps.work import move
from scamdetect.errors import InputError


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    path = tmp_path / "work" / "joined.csv"
    path.write_bytes(b"new")
    path.chmod(0o640)
    return path


def _refuse(monkeypatch: pytest.MonkeyPatch, joined: Path, number: int) -> None:
    """Let the system refuse to rename the file, and no other."""
    rename = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self == joined:
            raise OSError(number, "refused")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)


@pytest.mark.parametrize("other_disk", [False, True])
def test_a_finished_file_takes_the_place_of_an_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, joined: Path, other_disk: bool
) -> None:
    final = tmp_path / "out.csv"
    final.write_bytes(b"old")
    if other_disk:
        _refuse(monkeypatch, joined, errno.EXDEV)
    move(joined, final)
    assert final.read_bytes() == b"new" and final.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["out.csv", "work"]


def test_a_file_that_cannot_be_placed_stays_to_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, joined: Path
) -> None:
    final = tmp_path / "out.csv"
    final.write_bytes(b"old")
    _refuse(monkeypatch, joined, errno.EACCES)
    with pytest.raises(PermissionError):
        move(joined, final)
    assert (joined.read_bytes(), final.read_bytes()) == (b"new", b"old")


def test_a_file_that_has_its_name_is_done_and_one_that_is_nowhere_is_named(
    tmp_path: Path, joined: Path
) -> None:
    final = tmp_path / "out.csv"
    for _ in range(2):  # a kill may have come between the move and the end of the job
        move(joined, final)
    assert final.read_bytes() == b"new"
    final.unlink()
    with pytest.raises(InputError, match=r"joined\.csv: missing; put it back, or .*--overwrite"):
        move(joined, final)
