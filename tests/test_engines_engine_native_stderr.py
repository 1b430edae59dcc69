"""What native code writes to stderr loses the named lines and no other."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from scamdetect.engines.engine import leaving_out


def test_the_named_lines_alone_are_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    with leaving_out("log level"):
        os.write(2, b"[I] Set log level to 3\n[E] the disk is full\n")
    os.write(2, b"[I] Set log level again\n")
    assert capfd.readouterr().err == "[E] the disk is full\n[I] Set log level again\n"


def test_an_error_loses_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), leaving_out("log level"):
        os.write(2, b"half a line")
        raise ValueError("no")
    assert capfd.readouterr().err == "half a line"


def test_a_process_without_stderr_goes_on() -> None:
    code = (
        "import sys\nsys.stderr = None\n"
        "from scamdetect.engines.engine import leaving_out\n"
        "with leaving_out('x'):\n    print('on')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"on"
