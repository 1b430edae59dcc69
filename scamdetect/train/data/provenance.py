"""Where a figure comes from: the day, the machine and the commit."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path


def today() -> str:
    """Return the date in UTC."""
    return datetime.now(UTC).date().isoformat()


def file_stem(model_id: str) -> str:
    """Return the model id as a file may be named."""
    return model_id.replace("@", "-").replace("+", "-")


def machine() -> str:
    """Return the processor, its cores and the system."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def commit() -> str | None:
    """Return the commit of the package's checkout and whether it has changed since, or None."""
    git = ["git", "-C", str(Path(__file__).resolve().parent)]
    try:
        head = _output([*git, "rev-parse", "--short=12", "HEAD"])
        changed = _output([*git, "status", "--porcelain", "--untracked-files=no", "--", "../.."])
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{head} with uncommitted changes" if changed else head


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()
