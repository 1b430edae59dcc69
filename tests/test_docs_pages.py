"""What pages say of the bundle, the results and the package is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from scamdetect.bundle.bundle import Bundle

ROOT = Path(__file__).resolve().parent.parent
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
_FIGURE = re.compile(r"\d+\.\d%(?: \[[^\]]+\]| -> \d+\.\d%)?")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_changelog_names_the_shipped_bundle_with_its_thresholds() -> None:
    bundle = Bundle.load()
    changelog = read("CHANGELOG.md")
    (row,) = re.findall(rf"^\| `{re.escape(bundle.model_id)}` \|.*$", changelog, re.MULTILINE)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2] == f"{bundle.thresholds.flag:.4f}"
    assert cells[3] == f"{bundle.thresholds.review:.4f}"
    assert f"### `{bundle.model_id}`" in changelog


def test_the_changelog_gives_the_figures_of_the_log() -> None:
    logged = {
        cells[2]: [f"{float(cells[place]):.1%}" for place in (9, 11, 12)]
        for line in read("benchmarks/results/final_log.csv").splitlines()
        if (cells := line.split(","))[3] == "final"
    }
    # The same weights under another version, as the changelog says.
    logged["scamdetect-small@0.1.1+88bdf03a"] = logged["scamdetect-small@0.1.0+5ebedd58"]
    rows = re.findall(r"^\| `(scamdetect-.+?)` \|(.*)\|$", read("CHANGELOG.md"), re.MULTILINE)
    assert {name: [cell.strip() for cell in row.split("|")][-3:] for name, row in rows} == logged


@pytest.mark.parametrize("name", ["docs/index.md", "docs/threat_model.md"])
def test_figures_stand_in_a_page_that_is_linked(name: str) -> None:
    page = read(name)
    targets = re.findall(r"\]\((\.\./[^)#]+\.md)", page)
    sources = [(ROOT / "docs" / target).read_text(encoding="utf-8") for target in targets]
    figures = _FIGURE.findall(page)
    assert len(figures) > 3
    for figure in figures:
        assert any(figure in source for source in sources), f"{name}: {figure}"


def test_the_page_on_installation_names_every_extra() -> None:
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    rows = "".join(line for line in read("docs/install.md").splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", rows)) >= set(extras)


@pytest.mark.parametrize("name", ["thresholds", "conversation"])
def test_a_chart_is_of_the_shipped_bundle(name: str) -> None:
    assert Bundle.load().model_id in read(f"docs/assets/{name}.svg"), (
        "run: python docs/hooks/pictures.py"
    )


def test_pictures_are_small_and_described() -> None:
    for picture in (ROOT / "docs" / "assets").glob("*.svg"):
        assert picture.stat().st_size < 50_000, picture.name
    for page in (ROOT / "docs").rglob("*.md"):
        for alt, target in _PICTURE.findall(page.read_text(encoding="utf-8")):
            assert len(alt.split()) >= 5, f"{page.name}: describe {target}"
            assert (page.parent / target).is_file(), f"{page.name}: {target}"


@pytest.mark.parametrize("name", ["SECURITY.md", "CHANGELOG.md"])
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", read(name)):
        assert ":" in target or (ROOT / target).exists(), target
