"""What a report reads, and where its page goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from scamdetect.errors import InputError
from scamdetect.reports.dump import GENERATOR, local_source, page_path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("in.scored.csv", "in.report.html"),
        ("in.csv.gz", "in.report.html"),
        ("dumps.2024.scored.parquet", "dumps.2024.report.html"),
    ],
)
def test_a_file_gives_its_stem(tmp_path: Path, name: str, expected: str) -> None:
    assert page_path(tmp_path / name, None) == tmp_path / expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dumps.2024", "dumps.2024.report.html"),
        ("dumps", "dumps.report.html"),
        ("dumps.2024.scored.parquet", "dumps.2024.report.html"),
    ],
)
def test_a_folder_loses_only_the_extension_of_a_format(
    tmp_path: Path, name: str, expected: str
) -> None:
    (tmp_path / name).mkdir()
    assert page_path(tmp_path / name, None) == tmp_path / expected


def test_folders_without_a_name_get_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "outer.1" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert page_path(local_source("."), None) == inner.with_name("inner.report.html")
    assert page_path(local_source(".."), None) == tmp_path / "outer.1.report.html"
    assert local_source("../inner") == Path("../inner")
    with pytest.raises(InputError, match="name the page with -o"):
        page_path(local_source("/"), None)


@pytest.mark.parametrize("kind", [str, Path])
def test_urls_and_globs_are_refused(tmp_path: Path, kind: type[str] | type[Path]) -> None:
    with pytest.raises(InputError, match=r"^s3://b/x.parquet: a report reads local files"):
        local_source(kind("s3://b/x.parquet"))
    with pytest.raises(InputError, match=r"^sftp://host/x: a report reads"):
        local_source(kind("sftp://me:secret@host/x"))
    with pytest.raises(InputError, match=r"^s3://b/x.html: a report is written to a local file"):
        page_path(tmp_path / "x.csv", kind("s3://b/x.html"))
    with pytest.raises(InputError, match="glob"):
        local_source(kind(str(tmp_path / "p*.parquet")))
    (tmp_path / "p[1].csv").touch()
    assert local_source(kind(str(tmp_path / "p[1].csv"))) == tmp_path / "p[1].csv"


def test_an_earlier_page_alone_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text(f'<meta name="generator" content="{GENERATOR}">', encoding="utf-8")
    assert page_path(tmp_path / "a.csv", page) == page
    page.write_text("mine", encoding="utf-8")
    for taken in (page, tmp_path):
        with pytest.raises(InputError, match="exists and is not a report"):
            page_path(tmp_path / "a.csv", taken)
    with pytest.raises(InputError, match="folder not found"):
        page_path(tmp_path / "a.csv", tmp_path / "none" / "a.html")
    with pytest.raises(InputError):
        local_source("x" * 300 + "*")
