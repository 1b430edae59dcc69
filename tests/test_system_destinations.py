"""What a command may write: nothing that it reads, and nothing that is there unasked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scamdetect.errors import InputError, OutputError
from scamdetect.system.destinations import (
    check_no_input,
    check_parent,
    file_destination,
    followed,
    new_folder,
    own_destination,
    private_folder,
    replaced_folder,
)


def make(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_link_stands_for_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to(tmp_path / "three")
    assert followed(tmp_path / "one") == tmp_path / "three"
    assert file_destination(tmp_path / "one", overwrite=False) == tmp_path / "three"
    make(tmp_path / "three")
    with pytest.raises(InputError, match=r"one: already exists; .*--overwrite"):
        file_destination(tmp_path / "one", overwrite=False)
    assert file_destination(tmp_path / "one", overwrite=True) == tmp_path / "three"


def test_links_in_a_circle_are_told(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match="a: symbolic links form a circle"):
        file_destination(tmp_path / "a", overwrite=True)
    with pytest.raises(InputError, match="a: symbolic links form a circle"):
        check_parent(tmp_path / "a" / "out.csv")
    with pytest.raises(InputError, match="already exists"):
        new_folder(tmp_path / "a")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives links away")
def test_the_link_of_another_user_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("victim")
    os.lchown(tmp_path / "a", 12345, -1)
    with pytest.raises(InputError, match="a symbolic link of another user"):
        file_destination(tmp_path / "a", overwrite=True)


def test_no_input_is_written_under_any_name(tmp_path: Path) -> None:
    source = make(tmp_path / "in.csv")
    bundle = make(tmp_path / "bundle" / "model.onnx").parent
    (tmp_path / "link.csv").symlink_to("in.csv")
    os.link(source, tmp_path / "hard.csv")
    os.link(bundle / "model.onnx", tmp_path / "m")
    os.symlink("bundle", tmp_path / "folder")
    names = ["in.csv", "link.csv", "hard.csv", "bundle/../in.csv", "bundle", "m"]
    for name in [*names, "folder/model.onnx"]:
        with pytest.raises(InputError, match="an input would be overwritten"):
            file_destination(tmp_path / name, overwrite=True, inputs=[source, bundle])
    check_no_input(tmp_path / "other.csv", [source, bundle, tmp_path / "none"])


def test_a_name_in_other_letters_is_the_same_file_where_the_system_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(tmp_path / "in.csv")
    real = os.stat

    def blind_to_case(path: str | Path, **options: bool) -> os.stat_result:
        return real(str(path).replace("IN.csv", "in.csv"), **options)

    with monkeypatch.context() as context:
        context.setattr(os, "stat", blind_to_case)
        with pytest.raises(InputError, match=r"IN\.csv: an input would be overwritten"):
            check_no_input(tmp_path / "IN.csv", [source])


def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(InputError, match="exists and is not a file"):
            file_destination(path, overwrite=True)
    with pytest.raises(InputError, match="none: folder not found"):
        file_destination(tmp_path / "none" / "x", overwrite=True)


def test_a_file_of_its_own_kind_is_replaced_unasked(tmp_path: Path) -> None:
    def is_page(path: Path) -> bool:
        return path.read_text() == "page"

    page, other = make(tmp_path / "page", "page"), make(tmp_path / "other")
    assert own_destination(page, is_page, "report") == page
    assert own_destination(tmp_path / "new", is_page, "report") == tmp_path / "new"
    for path in (other, tmp_path):
        with pytest.raises(InputError, match="exists and is not a report"):
            own_destination(path, is_page, "report")


def test_a_folder_is_replaced_only_if_asked_and_if_it_holds_no_input(tmp_path: Path) -> None:
    bundle = make(tmp_path / "bundle" / "manifest.json").parent
    (tmp_path / "link").symlink_to("bundle")
    found = replaced_folder(tmp_path / "link", "manifest.json", overwrite=True)
    assert found == bundle
    for path, overwrite, inputs, problem in (
        (bundle, False, [], "already exists"),
        (bundle, True, [bundle], "would be replaced"),
        (bundle, True, [bundle / "manifest.json"], "would be replaced"),
        (tmp_path, True, [], "is not a bundle"),
    ):
        with pytest.raises(InputError, match=problem):
            replaced_folder(path, "manifest.json", overwrite=overwrite, inputs=inputs)


def test_a_private_folder_is_no_link_and_lets_nobody_else_in(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(0o755)
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with pytest.raises(InputError, match="link: is not a folder; remove it or go elsewhere"):
        private_folder(tmp_path / "link", "go elsewhere")
    for name in ("new", "there"):
        private_folder(tmp_path / name, "go elsewhere")
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700


def test_a_folder_whose_name_is_too_long_is_not_told_missing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="File name too long"):
        check_parent(tmp_path / ("x" * 300) / "out.csv")
