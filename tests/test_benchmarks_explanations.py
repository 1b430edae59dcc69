"""The scripts that measure explanations as processes, on a tiny bundle and invented rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from hang import HANG
from invented_authored import SCAM, row

from scamdetect.train.data.authored import write_rows

_ROOT = Path(__file__).resolve().parent.parent
_LURE = (
    "We met for lunch at noon. Guaranteed profit with bitcoin number {}! Send money to me today."
)


def _run(script: str, authored: Path, *bundle: Path) -> subprocess.CompletedProcess[str]:
    options = ("--authored", authored, "--out", authored.parent)
    return subprocess.run(
        [sys.executable, _ROOT / "benchmarks" / script, *bundle, *options],
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
        capture_output=True, text=True, encoding="utf-8", timeout=HANG,
    )  # fmt: skip


def test_explanations_are_measured_on_dev_rows(tmp_path: Path, tiny_bundle: Path) -> None:
    rows = [row(n, **SCAM, part="dev", text=_LURE.format(n)) for n in range(1, 9)]
    rows.append(row(9, **SCAM, part="dev", text="are you there my friend"))
    rows.append(row(10, **SCAM, part="train", text="guaranteed bitcoin profit. write to me."))
    rows.append(row(11, part="dev", text="guaranteed bitcoin profit. i never saw that."))
    write_rows(tmp_path / "authored" / "en.jsonl", rows)
    done = _run("explanations.py", tmp_path / "authored", tiny_bundle)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("explanations-*.json")
    measured = json.loads(path.read_text(encoding="utf-8"))["faithfulness"]
    assert (measured["n_scam"], measured["n_flagged"], measured["n_of_one_span"]) == (9, 8, 0)
    figures = measured["by_language"]["all"]
    assert figures["n"] == 8 and figures["deletion_gain"]["value"] > 0
    assert figures["windows_beaten"]["value"] > 0.5
    assert measured["by_language"]["en"] == figures
    page = path.with_suffix(".md").read_text(encoding="utf-8")
    assert page == done.stdout and "| en | 8 |" in page
    assert "Guaranteed" not in page


def test_without_a_flagged_scam_it_says_so(tmp_path: Path, tiny_bundle: Path) -> None:
    rows = [row(1, **SCAM, part="dev", text="are you there"), row(2, part="dev", text="hello")]
    write_rows(tmp_path / "authored" / "en.jsonl", rows)
    done = _run("explanations.py", tmp_path / "authored", tiny_bundle)
    assert done.returncode == 0, done.stderr
    assert "Nothing to explain" in done.stdout


def test_cues_are_counted_by_side_slice_and_language(tmp_path: Path) -> None:
    rows = [row(n, **SCAM, part="dev", text=_LURE.format(n)) for n in (1, 2)]
    rows.append(row(3, **SCAM, part="dev", text="are you there my friend"))
    rows.append(row(4, **SCAM, part="train", text="hurry, send money to me"))
    rows += [row(n, part="dev", text=f"please hurry, gold is {n} dollars") for n in (5, 6)]
    rows.append(row(7, part="final", text="hurry"))
    write_rows(tmp_path / "authored" / "en.jsonl", rows)
    done = _run("cue_rates.py", tmp_path / "authored")
    assert done.returncode == 0, done.stderr
    cues = json.loads((tmp_path / "cue_rates.json").read_text(encoding="utf-8"))["cues"]
    assert cues["scam"]["n"] == 3 and cues["scam"]["rates"]["money"]["value"] == 2 / 3
    assert cues["legit"]["n"] == 2 and cues["legit: finance"]["rates"]["urgency"]["value"] == 1
    assert cues["scam en"] == cues["scam"]
    assert "No score depends on cues" in done.stdout and "hurry" not in done.stdout


def test_a_missing_folder_is_told(tmp_path: Path, tiny_bundle: Path) -> None:
    for script, bundle in (("explanations.py", [tiny_bundle]), ("cue_rates.py", [])):
        done = _run(script, tmp_path / "none", *bundle)
        assert done.returncode == 1
        assert done.stderr.startswith(f"{script.removesuffix('.py')}: ")
