"""Invented sources: descriptions and original files for the tests of the data road."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from scamdetect.train.data.registry import Source

CSV = {"format": "csv", "parts": [{"files": "*.csv"}]}
ROW = {"text": ["text"], "label": "label", "lang": "en", "channel": "sms"}
LABELS = {"ham": "legit", "promo": "spam", "scam": "scam", "skip": "drop"}


def description(slug: str, files: Mapping[str, bytes], /, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the table of a source that reads the files as CSV with the columns text and label."""
    table: dict[str, Any] = {
        "slug": slug,
        "title": "Invented",
        "repository": "example/example",
        "commit": "0" * 40,
        "source_dir": "",
        "licence": "CC0-1.0",
        "licence_class": "permissive",
        "citation": "none",
        "role": "train",
        "languages": ["en"],
        "quality": "invented",
        "leaks": "none",
        "personal_data": False,
        "label_source": "invented",
        "real": "invented",
        "files": [
            {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for path, data in files.items()
        ],
        "read": CSV,
        "row": ROW,
        "labels": LABELS,
    }
    return table | changes


def make_source(slug: str, files: Mapping[str, bytes], /, **changes: Any) -> Source:  # noqa: ANN401
    """Return the source that ``description`` describes."""
    return msgspec.convert(description(slug, files, **changes), Source)


def write_files(raw: Path, slug: str, files: Mapping[str, bytes]) -> None:
    """Write the original files below the folder of the source."""
    for path, data in files.items():
        (raw / slug / path).parent.mkdir(parents=True, exist_ok=True)
        (raw / slug / path).write_bytes(data)


def write_toml(path: Path, table: Mapping[str, Any]) -> Path:
    """Write the table as TOML; what is None is left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} = {_toml(value)}\n" for key, value in table.items() if value is not None]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def csv_bytes(*rows: tuple[str, str]) -> bytes:
    """Return a CSV file with the columns text and label; the texts hold no quotes."""
    lines = ["text,label", *(f'"{text}",{label}' for text, label in rows)]
    return ("\n".join(lines) + "\n").encode()


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
