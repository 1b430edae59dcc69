"""The benchmark of models that misbehave, as a process, on a few invented messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hang import HANG
from invented_authored import SCAM, pair_of, row

from scamdetect.train.data.authored import AuthoredRow, write_rows

ROOT = Path(__file__).resolve().parent.parent


def messages() -> list[AuthoredRow]:
    """Return messages of both parts, enough honest ones that a threshold can be set."""
    rows = [
        row(number, part="calibrate", text=f"the gold shop asked {number} dollars on sunday")
        for number in range(1, 161)
    ]
    for number in range(161, 165):
        text = f"invest {number} coins with my uncle and get double on friday"
        rows.append(row(number, **SCAM, part="dev", text=text))
        rows.append(row(number + 100, part="dev", text=f"lunch at {number} gold street on monday"))
    return [*rows, *pair_of(400, part="dev")]


@pytest.mark.network_loopback
def test_all_that_must_hold_holds(tmp_path: Path) -> None:
    rows = messages()
    write_rows(tmp_path / "authored" / "en.jsonl", rows)
    done = subprocess.run(
        [
            sys.executable, ROOT / "benchmarks" / "bench_endpoints.py", "--authored",
            tmp_path / "authored", "--limit", "60", "--out", tmp_path / "results",
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, encoding="utf-8", timeout=3 * HANG,
    )  # fmt: skip
    assert done.stderr == ""
    record = json.loads((tmp_path / "results" / "bench_endpoints.json").read_text("utf-8"))
    assert [name for name, holds in record["checks"].items() if not holds] == []
    assert done.returncode == 0
    assert sum(one["malformed"] for one in record["judge"]) > 0
    written = (tmp_path / "results" / "bench_endpoints.md").read_text("utf-8")
    assert "| run | 0 | 0 |" in written
    assert not any(one.text in written for one in rows)
    assert "127.0.0.1" not in written and str(tmp_path) not in written
