"""The notebooks run offline in a checkout that stays as it is; a check is added to each."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_notebooks_and_each_has_a_check() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(CHECKS)


def test_it_is_kept_without_outputs(path: Path) -> None:
    for cell in nbformat.read(path, 4).cells:
        assert not cell.get("outputs"), f"{path.name}, {cell.id}: has outputs; {STRIP}"


def test_its_links_exist(path: Path) -> None:
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#:]+)\)", cell.source):
                assert (path.parent / target).exists(), f"{cell.id}: {target}"


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


@pytest.mark.slow
def test_it_runs(path: Path, checkout: Path, jupyter: Path) -> None:
    notebook = nbformat.read(path, 4)
    drawing = [cell for cell in notebook.cells if "\nplt.show()" in cell.source]
    notebook.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    notebook.cells.append(nbformat.v4.new_code_cell(_dedented(CHECKS[path.stem])))
    _run(notebook, checkout / "notebooks", jupyter / "ipc")
    for cell in drawing:
        assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.id


def _run(notebook: Any, folder: Path, channel: Path) -> None:  # noqa: ANN401
    """Execute the notebook in place."""
    from traitlets.config import Config

    client = nbclient.NotebookClient(
        notebook,
        timeout=900,
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
