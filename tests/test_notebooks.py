"""The notebooks stand in git without outputs, and run offline in a checkout that stays as it is.

Cells are added to what is run: shell lines that fail stop the notebook, and at its end what it
found is held against what is known.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hang import HANG

import scamdetect

nbformat = pytest.importorskip("nbformat", reason="needs the extra notebooks")
nbclient = pytest.importorskip("nbclient", reason="needs the extra notebooks")
pytest.importorskip("ipykernel", reason="needs the extra notebooks")

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STRIP = "run: jupyter nbconvert --clear-output --inplace notebooks/*.ipynb"
READ = (
    "notebooks",
    "data/authored",
    "data/samples",
    "benchmarks/results",
    "models/scamdetect-small",
)

OFFLINE = '''"""In every Python that a notebook starts: no network."""

import socket


def refuse(self, address):
    raise OSError(f"a notebook reached for the network: {address!r}")


socket.socket.connect = socket.socket.connect_ex = refuse
'''
STRICT = """
def strict(command, run=get_ipython().system):
    run(command)
    assert get_ipython().user_ns["_exit_code"] == 0, command

get_ipython().system = strict
"""
CHECKS = {
    "1_quickstart": """
        assert inbox["scamdetect_decision"].tolist() == [
            one.decision.value for one in detector.predict(inbox["text"].tolist())
        ]
        assert set(dev["part"]) == {"dev"}
        assert found_scams / len(scam) > (legit >= flag).mean()
    """,
    "2_fine_tune": """
        assert len(queue) == 200 and (queue["part"] == "audit").sum() == 160
        assert (WORK / "own-bundle" / "manifest.json").is_file()
        assert own.thresholds != detector.thresholds
        assert set(dev["part"]) == {"dev"} and set(earlier["part"]) == {"calibrate"}
        with_labels, without = ends[1]
        assert with_labels > without + 0.1
        assert where.to_numpy().sum() == len(about_dev)
    """,
    "3_choosing_a_threshold": """
        assert set(dev["part"]) == {"dev"} and len(choose) + len(measure) == len(dev)
        assert not set(choose["group"]) & set(measure["group"])
        flagged_now = with_kind.predict(measure.loc[added(measure, bar), "text"])
        assert flagged_now and all(one.decision == "flag" for one in flagged_now)
        assert 0 < over_twice < 1 and slices["n"].sum() == (~dev["scam"]).sum()
        assert [row[1] for row in table] == sorted((row[1] for row in table), reverse=True)
    """,
    "4_ai_generated_scams": """
        assert set(ours) == {"scamdetect", "keywords", "mine"}
        assert ours["scamdetect"]["seen"] and not ours["mine"]["training_known"]
        assert all(one["pairs_by_rank"]["n"] == len(sides) for one in ours.values())
        assert 0 < ours["mine"]["pairs_by_rank"]["value"] < right["scamdetect"]
    """,
    "5_reading_a_report": """
        assert sum("bar missed" in line for line in news) == counts[False]
        assert all(any(name in line for line in news) for name in beaten)
    """,
    "6_two_platforms": """
        assert [len(table) for table in campaigns.values()] == [3, 3]
        assert [table["operation"].nunique() for table in campaigns.values()] == [1, 1]
        assert sorted(review["type"]) == ["handle", "wallet"] and len(listed) == 28
        assert not (listed["scamdetect_decision"] == "pass").any() and len(pairs) == 2
    """,
}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_notebooks_and_each_has_a_check() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(CHECKS)


def test_it_is_stripped(path: Path) -> None:
    for cell in nbformat.read(path, 4).cells:
        assert not cell.get("outputs"), f"{path.name}, {cell.id}: has outputs; {STRIP}"
        assert not cell.get("execution_count"), f"{path.name}, {cell.id}: was executed; {STRIP}"
        assert not cell.metadata, f"{path.name}, {cell.id}: an editor left {dict(cell.metadata)}"


def test_its_cells_have_ids_of_their_own(path: Path) -> None:
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
    ids = Counter(cell.id for cell in notebook.cells)
    slug = path.stem.partition("_")[2].replace("_", "-")
    for name, count in ids.items():
        assert re.fullmatch(rf"{slug}-[a-z0-9-]+", name), f"{name}: give the cell an id {slug}-…"
        assert count == 1, f"{name}: two cells have this id"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"


def test_it_holds_no_path_of_a_machine(path: Path) -> None:
    for cell in nbformat.read(path, 4).cells:
        found = re.search(
            r"(?<![\w.}])/(?:home|Users|root|tmp|mnt|work)/\w|\b[A-Z]:\\", cell.source
        )
        assert found is None, f"{path.name}, {cell.id}: {cell.source[found.start() :][:40]}"


def test_its_links_lead_somewhere(path: Path) -> None:
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#:]+)\)", cell.source):
                assert (path.parent / target).exists(), f"{cell.id}: {target}"


def test_the_page_names_it(path: Path) -> None:
    page = (ROOT / "docs" / "notebooks.md").read_text(encoding="utf-8")
    assert f"](../notebooks/{path.name})" in page


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a copy of what notebooks read, and look afterwards whether it is as it was."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in READ:
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints")
        )
    shutil.copytree(ROOT / "docs", folder / "docs")
    before = _files(folder)
    yield folder
    assert _files(folder) == before, "a notebook wrote into the checkout"


@pytest.fixture
def jupyter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder for what Jupyter and the notebook write; what they start has no network."""
    with tempfile.TemporaryDirectory(prefix="nb") as folder:  # short: it names a Unix socket
        (Path(folder) / "sitecustomize.py").write_text(OFFLINE, encoding="utf-8")
        package = Path(scamdetect.__file__).resolve().parent.parent
        paths = [folder, str(package), os.environ.get("PYTHONPATH", "")]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        beside = str(Path(sys.executable).parent)  # `scamdetect` of this very environment
        monkeypatch.setenv("PATH", os.pathsep.join([beside, os.environ["PATH"]]))
        for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "TMPDIR"):
            monkeypatch.setenv(name, folder)
        yield Path(folder)


def test_it_runs(path: Path, checkout: Path, jupyter: Path) -> None:
    notebook = nbformat.read(path, 4)
    drawing = [cell for cell in notebook.cells if "\nplt.show()" in cell.source]
    notebook.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    notebook.cells.append(nbformat.v4.new_code_cell(_dedented(CHECKS[path.stem])))
    _run(notebook, checkout / "notebooks", jupyter / "ipc")
    for cell in drawing:
        assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.id
    assert drawing
    warned = [
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stderr" and "Warning" in output.text
    ]
    assert not warned


def _run(notebook: Any, folder: Path, channel: Path) -> None:  # noqa: ANN401
    """Execute the notebook in place."""
    from traitlets.config import Config

    client = nbclient.NotebookClient(
        notebook,
        timeout=HANG,
        resources={"metadata": {"path": str(folder)}},
        config=Config({"KernelManager": {"transport": "ipc", "ip": str(channel)}}),
    )
    client.execute()


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def _dedented(code: str) -> str:
    import textwrap

    return textwrap.dedent(code).strip()
