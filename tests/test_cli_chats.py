"""Chat exports on the real command line, from recognition to the destination."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command_line import score

CHAT = """12/31/23, 9:40\u202fPM - Messages and calls are end-to-end encrypted.
12/31/23, 9:41\u202fPM - Ann Example: guaranteed profit
bitcoin
12/31/23, 9:42\u202fPM - Ben Example: <Media omitted>
12/31/23, 9:43\u202fPM - Ben Example: hello lunch
"""
EXPORT = {
    "name": "Ann Example", "type": "personal_chat", "id": 7, "messages": [
        {"id": 1, "type": "message", "from": "Ann", "text": ["guaranteed ", {"text": "profit"}]},
        {"id": 2, "type": "service", "actor": "Ann", "action": "pin_message", "text": ""},
        {"id": 3, "type": "message", "text": 5},
    ],
}  # fmt: skip


def test_whatsapp_is_scored_into_parquet(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "WhatsApp Chat with Ann.txt").write_text(CHAT, encoding="utf-8")
    done = score(tmp_path, "WhatsApp Chat with Ann.txt", "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    assert "read as a chat exported from WhatsApp" in done.stderr
    assert "its dates are read with the month first" in done.stderr
    rows = pq.read_table(tmp_path / "WhatsApp Chat with Ann.scored.parquet").to_pylist()
    assert [(row["kind"], row["scamdetect_decision"]) for row in rows] == [
        ("system", "unscored"), ("message", "flag"), ("media", "unscored"), ("message", "pass"),
    ]  # fmt: skip
    assert rows[1]["text"] == "guaranteed profit\nbitcoin"
    assert rows[1]["time"] == "2023-12-31T21:41"


@pytest.mark.parametrize("target", ["out.csv", "out.tsv", "out.jsonl", "out.parquet"])
def test_telegram_is_scored_into_every_format(
    tmp_path: Path, tiny_bundle: Path, target: str
) -> None:
    (tmp_path / "result.json").write_text(json.dumps(EXPORT, indent=1), encoding="utf-8")
    done = score(tmp_path, "result.json", "-o", target, "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    assert "flagged 1, review 0, passed 0, unscored 1, rejected 1" in done.stderr
    (reject,) = (tmp_path / f"{target}.rejected.jsonl").read_text("utf-8").splitlines()
    assert json.loads(reject)["record"] == 3
    if target == "out.jsonl":
        first, second = (tmp_path / target).read_text("utf-8").splitlines()
        assert json.loads(first)["text"] == "guaranteed profit"
        assert json.loads(second)["notice"] == "pin_message"


def test_the_format_option(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "a.txt").write_text(CHAT, encoding="utf-8")
    done = score(tmp_path, "a.txt", "--format", "txt", "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    assert "5 rows in" in done.stderr
    assert (tmp_path / "a.scored.jsonl").exists()
    (tmp_path / "a.log").write_text(CHAT, encoding="utf-8")
    done = score(tmp_path, "a.log", "--format", "whatsapp", "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.scored.parquet").exists()
    done = score(tmp_path, "a.log", "--format", "signal", "--model", tiny_bundle)
    assert done.returncode == 2
    assert "'telegram'" in done.stderr
