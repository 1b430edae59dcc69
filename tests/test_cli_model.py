"""The group ``scamdetect model``: describe and check a bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import run
from tiny_bundle import write_tiny_bundle

from scamdetect.errors import BundleError


def test_info_describes_the_bundle(tiny_bundle: Path) -> None:
    facts = json.loads(run("model", "info", "--model", tiny_bundle).stdout)
    assert facts["id"].startswith("scamdetect-tiny@")
    assert facts["thresholds"].keys() == {"flag", "review"}
    assert facts["languages"] and facts["cascade"] is False


def test_check_lists_what_it_checks(tiny_bundle: Path) -> None:
    done = run("model", "check", "--model", tiny_bundle)
    assert done.exit_code == 0
    for name in ("python", "numpy", "onnxruntime", "tokenizers", "pyarrow", "int8", "bundle"):
        assert name in done.stdout
    assert "note   self-test    the bundle has no known answers" in done.stdout


def test_the_shipped_bundle_gives_its_known_answers() -> None:
    assert "0 of 8 known answers differ" in run("model", "check").stdout


def test_another_answer_is_a_failed_check(tmp_path: Path) -> None:
    answer = {"text": "guaranteed profit", "scam_probability": 0.01}
    folder = write_tiny_bundle(tmp_path / "bundle", known_answers=[answer])
    done = run("model", "check", "--model", folder)
    assert done.exit_code == 1 and "1 of 1 known answers differ" in done.stdout


def test_a_damaged_bundle_is_named(tmp_path: Path, tiny_bundle: Path) -> None:
    broken = shutil.copytree(tiny_bundle, tmp_path / "broken")
    content = bytearray((broken / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (broken / "model.onnx").write_bytes(content)
    done = run("model", "check", "--model", broken)
    assert done.exit_code == 1 and "WRONG  bundle" in done.stdout and "model.onnx" in done.stdout
    assert run("predict", "hello", "--model", broken).exit_code == 2


@pytest.mark.parametrize(
    ("exact", "state", "finding"),
    [
        ({True: True, False: True}, "ok", "8-bit products are exact"),
        ({True: False, False: True}, "ok", "exact, slower ones are used"),
        ({True: False, False: False}, "WRONG", "scores are wrong"),
    ],
)
def test_processors_whose_8_bit_products_saturate_are_found(
    monkeypatch: pytest.MonkeyPatch, exact: dict[bool, bool], state: str, finding: str
) -> None:
    def load(*arguments: object) -> None:
        raise BundleError("not loaded")

    monkeypatch.setattr("scamdetect.bundle.session.multiplies_exactly", lambda fast: exact[fast])
    monkeypatch.setattr("scamdetect.detector.ScamDetector.load", load)
    line = next(x for x in run("model", "check").stdout.splitlines() if " int8 " in x)
    assert line.startswith(state) and finding in line
