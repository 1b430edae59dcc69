"""The script that measures explanations as a process, on a tiny bundle and invented rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from invented_authored import SCAM, row

from scamdetect.data.authored import write_rows

_ROOT = Path(__file__).resolve().parent.parent
_LURE = (
    "We met for lunch at noon. Guaranteed profit with bitcoin number {}! Send money to me today."
)


def _run(authored: Path, bundle: Path, out: Path) -> subprocess.CompletedProcess[str]:
    script = _ROOT / "benchmarks" / "explanations.py"
    return subprocess.run(
        [sys.executable, script, bundle, "--authored", authored, "--out", out],
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
        capture_output=True, text=True, encoding="utf-8", timeout=120,
    )  # fmt: skip


def test_explanations_are_measured_on_dev_rows(tmp_path: Path, tiny_bundle: Path) -> None:
    rows = [row(n, **SCAM, part="dev", text=_LURE.format(n)) for n in range(1, 9)]
    rows.append(row(9, **SCAM, part="dev", text="are you there my friend"))
    rows.append(row(10, **SCAM, part="train", text="bitcoin profit, hurry"))
    rows += [row(n, part="dev", text=f"please hurry, gold is {n} dollars") for n in (11, 12)]
    rows.append(row(13, part="final", text="never read"))
    write_rows(tmp_path / "authored" / "en.jsonl", rows)
    done = _run(tmp_path / "authored", tiny_bundle, tmp_path)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("explanations-*.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    measured = record["faithfulness"]
    assert (measured["n_scam"], measured["n_flagged"], measured["n_of_one_span"]) == (9, 8, 0)
    figures = measured["by_language"]["all"]
    assert figures["n"] == 8 and figures["deletion_gain"]["value"] > 0
    assert figures["windows_beaten"]["value"] > 0.5
    assert measured["by_language"]["en"] == figures
    cues = record["cues"]
    assert cues["scam"]["n"] == 9 and cues["scam"]["rates"]["money"]["value"] == 8 / 9
    assert cues["legit"]["n"] == 2 and cues["legit: finance"]["rates"]["urgency"]["value"] == 1
    page = path.with_suffix(".md").read_text(encoding="utf-8")
    assert page == done.stdout and "| en | 8 |" in page and "No score depends on cues" in page
    assert "hurry" not in page and "Guaranteed" not in page


def test_without_a_flagged_scam_it_says_so(tmp_path: Path, tiny_bundle: Path) -> None:
    rows = [row(1, **SCAM, part="dev", text="are you there"), row(2, part="dev", text="hello")]
    write_rows(tmp_path / "authored" / "en.jsonl", rows)
    done = _run(tmp_path / "authored", tiny_bundle, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Nothing to explain" in done.stdout


def test_a_missing_folder_is_told(tmp_path: Path, tiny_bundle: Path) -> None:
    done = _run(tmp_path / "none", tiny_bundle, tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("explanations: ")
