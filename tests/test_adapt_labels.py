from __future__ import annotations

import csv
from pathlib import Path

import pytest

from scamdetect.adapt.labels import write_records


@pytest.mark.parametrize("text", ["Dear Ann\nplease pay", "a\rb", 'say "hi"\r\nnow'])
def test_a_message_with_line_breaks_stays_one_row(tmp_path: Path, text: str) -> None:
    write_records([{"row": "1", "text": text, "label": "scam"}], tmp_path / "queue.csv")
    with (tmp_path / "queue.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["text"], row["label"]) == (text, "scam")
