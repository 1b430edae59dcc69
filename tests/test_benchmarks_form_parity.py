"""The script that asks how much form alone tells: on rows whose form gives the class away."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import synthetic_corpus

pytest.importorskip("sklearn")
pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parent.parent


def test_the_script_writes_what_form_tells(tmp_path: Path) -> None:
    rows = [
        synthetic_corpus.row(
            n, verdict, role="train", norm=f"{'PAY!' if verdict == 'scam' else 'see you'} {n * 7}"
        )
        for n in range(90)
        for verdict in ("legit", "scam")
    ]
    pq.write_table(synthetic_corpus.table(rows), tmp_path / "corpus.parquet")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('name = "r"\n[data]\ntokens = 1000\nspam_share = 0.0\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "form_parity.py", tmp_path / "corpus.parquet",
         recipe, "--out", tmp_path],
        capture_output=True, text=True, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "form_parity.json").read_text(encoding="utf-8"))
    assert found["draws"][0]["auc"] > 0.9
    assert "| restyled rows |" in (tmp_path / "form_parity.md").read_text(encoding="utf-8")
