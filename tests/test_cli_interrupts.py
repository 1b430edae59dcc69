"""Ctrl-C while the command line is still loading."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import environment
from hang import HANG

# The command line, with an interrupt just as a module is looked for.
_INTERRUPTED = """
import os, runpy, signal, sys
wanted = sys.argv.pop(1)
def see(event, arguments):
    if event == "import" and arguments[0] == wanted:
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(see)
runpy.run_module("scamdetect.cli", run_name="__main__", alter_sys=True)
"""


def _predict(folder: Path, module: str, bundle: Path, handler: signal.Handlers):
    return subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, module, "predict", "hello", "--model", str(bundle)],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=HANG,
        preexec_fn=lambda: signal.signal(signal.SIGINT, handler),
    )  # fmt: skip


@pytest.mark.parametrize(
    "module",
    [
        "click",
        "scamdetect.cli.commands",
        "scamdetect.cli.console",
        "numpy",
        "onnxruntime.capi.onnxruntime_pybind11_state",
        "tokenizers",
        "scamdetect.detector",
    ],
)
def test_an_interrupted_import_is_one_line(tmp_path: Path, tiny_bundle: Path, module: str) -> None:
    done = _predict(tmp_path, module, tiny_bundle, signal.SIG_DFL)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == "scamdetect: interrupted"


def test_a_process_that_ignores_interrupts_goes_on(tmp_path: Path, tiny_bundle: Path) -> None:
    done = _predict(tmp_path, "numpy", tiny_bundle, signal.SIG_IGN)
    assert done.returncode == 0 and done.stdout


def test_little_is_loaded_before_interrupts_are_expected() -> None:
    code = "import sys, scamdetect.cli\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=environment(), capture_output=True, text=True
    )
    assert not {"click", "json", "re", "typing"} & set(done.stdout.split())
    assert "scamdetect.cli" in done.stdout.split()
