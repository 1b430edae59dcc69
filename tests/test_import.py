"""Importing is light, and what needs an extra says so."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hang import HANG

import scamdetect

PACKAGE = Path(scamdetect.__file__).parent
HEAVY = {"torch", "transformers", "sklearn", "datasets", "pandas", "ray", "pyspark", "matplotlib"}
TRAIN_SIDE = ("train", "evaluate", "bench", "adapt")
# What is imported without a library, and the extra that the error names.
EXTRAS = [
    ("sklearn", "import scamdetect; scamdetect.ScamClassifier", "sklearn"),
    ("lxml", "from scamdetect.dumps.source import open_dump; open_dump('in.eml')", "mail"),
    (
        "fsspec",
        "from scamdetect.dumps.source import find_source; find_source('s3://a/b')",
        "remote",
    ),
    ("huggingface_hub", "from scamdetect import ScamDetector; ScamDetector.load('a/b')", "hub"),
    (
        "phonenumbers",
        "from scamdetect.text.indicators import IndicatorType, indicators_of\n"
        "indicators_of('call +44 7700 900123', tuple(IndicatorType))",
        "share",
    ),
]


def fresh(code: str, cwd: Path = PACKAGE.parent) -> str:
    """Return what a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=cwd,
        env={"PYTHONPATH": str(PACKAGE.parent), "HOME": str(cwd)},
        timeout=HANG,
    )
    return done.stdout


def test_the_import_loads_the_standard_library_and_one_module() -> None:
    code = (
        "import json, sys\nbefore = set(sys.modules)\nimport scamdetect\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    names = json.loads(fresh(code))
    assert [name for name in names if name.partition(".")[0] not in sys.stdlib_module_names] == [
        "scamdetect"
    ]


def test_a_csv_job_loads_few_modules(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nguaranteed bitcoin profit\nhello\n", encoding="utf-8")
    arguments = ["scamdetect", "score", "in.csv", "--quiet", "--model", str(tiny_bundle)]
    code = (
        f"import json, sys\nsys.argv = {arguments!r}\n"
        "import scamdetect.cli\n"
        "try:\n    scamdetect.cli.main()\n"
        "except SystemExit as end:\n    print(json.dumps([end.code, *sys.modules]))"
    )
    code_of_job, *names = json.loads(fresh(code, tmp_path))
    assert code_of_job == 0 and "scam" in (tmp_path / "in.scored.csv").read_text("utf-8")
    # pyarrow itself imports pandas when it makes an array, if pandas is installed.
    assert not (HEAVY - {"pandas"}) & {name.partition(".")[0] for name in names}
    ours = [name for name in names if name.partition(".")[0] == "scamdetect"]
    assert len(ours) <= 60, sorted(ours)
    assert not [name for name in ours if name.split(".")[1:2] in (["scored"], ["reports"])]


def test_the_public_names_exist_and_no_others() -> None:
    for name in dir(scamdetect):
        if name != "__version__":
            assert getattr(scamdetect, name).__name__ == name
    assert dir(scamdetect) == sorted([*scamdetect.__all__, "ScamClassifier"])
    with pytest.raises(AttributeError, match="Nothing"):
        scamdetect.Nothing  # noqa: B018


def test_no_module_of_the_core_imports_a_heavy_library_at_its_top() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).parts[0] in TRAIN_SIDE:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in getattr(node, "names", ())]
            names = [getattr(node, "module", "") or ""] + names
            tops = {name.partition(".")[0] for name in names}
            assert not (isinstance(node, ast.Import | ast.ImportFrom) and tops & HEAVY), path


def test_a_missing_library_names_its_extra(tmp_path: Path) -> None:
    (tmp_path / "in.eml").write_text("Subject: hi\n\nhi\n", encoding="utf-8")
    code = (
        "import json, sys\nsaid = []\n"
        f"for library, statement, _ in {EXTRAS!r}:\n"
        "    sys.modules[library] = None\n"
        "    from scamdetect.errors import MissingExtraError\n"
        "    try:\n        exec(statement)\n"
        "    except MissingExtraError as error:\n        said.append(error.extra)\n"
        "print(json.dumps(said))"
    )
    assert json.loads(fresh(code, tmp_path)) == [extra for _, _, extra in EXTRAS]


@pytest.mark.slow
def test_a_classifier_needs_no_torch(tiny_bundle: Path) -> None:
    # None in sys.modules would do, but SciPy takes what is there for torch itself.
    code = (
        "import sys\nclass Absent:\n    def find_spec(self, name, *_):\n"
        "        if name.partition('.')[0] in ('torch', 'transformers', 'onnx'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from scamdetect import ScamClassifier\n"
        f"made = ScamClassifier({str(tiny_bundle)!r}).fit(['profit', 'lunch'], [1, 0])\n"
        "print(made.predict(['profit gift', 'lunch meeting']).tolist())"
    )
    assert fresh(code).strip() == "[1, 0]"
