"""The loader's rows are compared with a reference."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from invented_source import csv_bytes, make_source, write_files

from scamdetect.cli.console import comparison_lines
from scamdetect.errors import SourceError
from scamdetect.train.data.audit import Comparison, compare
from scamdetect.train.data.rows import row_hash

OURS = csv_bytes(("Hi you", "ham"), ("buy now", "promo"), ("send gold", "scam"), ("bye!", "ham"))


def compared(folder: Path, *expected: tuple[str, str], **changes: Any) -> Comparison:  # noqa: ANN401
    files = {"a.csv": OURS}
    write_files(folder / "raw", "one", files)
    rows = [{"text": text, "verdict": verdict, "lang": "en"} for text, verdict in expected]
    (folder / "reference").mkdir(exist_ok=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "reference" / "one.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    source = make_source("one", files, **changes)
    return compare(source, folder / "raw", folder, folder / "reference")


def test_equal_rows_pass(tmp_path: Path) -> None:
    found = compared(
        tmp_path, ("Hi you", "legit"), ("buy now", "spam"), ("send gold", "scam"), ("bye!", "legit")
    )
    assert (found.rows, found.reference, found.equal, found.share) == (4, 4, 4, 1.0)
    assert found.passed


def test_each_difference_is_listed(tmp_path: Path) -> None:
    found = compared(tmp_path, ("Hi you", "scam"), ("buy now", "spam"), ("else", "legit"))
    assert found.equal == 1
    assert found.missing == (row_hash("one", "else"),)
    assert found.other_verdict == (row_hash("one", "Hi you"),)
    assert set(found.extra) == {row_hash("one", "send gold"), row_hash("one", "bye!")}
    assert found.share == pytest.approx(1 / 5)
    assert not found.passed
    lines = comparison_lines(found, 2)
    assert len(lines) == 4
    assert "FAILED" in lines[0] and "2 more" in lines[3]


def test_a_sample_leaves_rows_out(tmp_path: Path) -> None:
    found = compared(tmp_path, ("buy now", "spam"), reference="subset", reference_note="a sample")
    assert (found.share, found.extra, found.note) == (1.0, (), "a sample")


def test_a_sample_may_have_drawn_a_twin(tmp_path: Path) -> None:
    found = compared(tmp_path, ("buy now", "spam"), ("HI, you!", "legit"), reference="subset")
    assert (found.equal, found.twins, found.missing, found.share) == (1, 1, (), 1.0)
    assert "twins 1 (" in comparison_lines(found, None)[0]


@pytest.mark.parametrize(
    ("text", "verdict", "reference"),
    [
        ("HI, you!", "legit", "equal"),  # only a sample may draw twins
        ("HI, you!", "scam", "subset"),  # a twin has the same verdict
        ("!?", "legit", "subset"),
    ],
)
def test_what_is_no_twin(tmp_path: Path, text: str, verdict: str, reference: str) -> None:
    found = compared(tmp_path, (text, verdict), reference=reference)
    assert (found.twins, found.missing) == (0, (row_hash("one", text),))


def test_a_row_that_is_equal_is_nobody_elses_twin(tmp_path: Path) -> None:
    found = compared(tmp_path, ("bye!", "legit"), ("bye", "legit"), reference="subset")
    assert (found.equal, found.twins, len(found.missing)) == (1, 0, 1)


def test_sources_that_cannot_be_read_here_do_not_fail(tmp_path: Path) -> None:
    found = compared(tmp_path, ("x", "legit"), status="unobtainable", note="withdrawn")
    assert (found.state, found.reference, found.passed) == ("not obtainable", 1, True)
    assert comparison_lines(found, None) == ["one: not obtainable (withdrawn)"]
    found = compared(tmp_path, ("x", "legit"), status="unverified", note="too large")
    assert (found.state, found.passed) == ("unverified", True)


def test_a_reference_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    compared(tmp_path)
    source = make_source("one", {"a.csv": OURS})
    path = tmp_path / "reference" / "one.jsonl.gz"
    for content in (b"no gzip", gzip.compress(b"no json\n"), gzip.compress(b"{}")[:-4]):
        path.write_bytes(content)
        with pytest.raises(SourceError, match="one.jsonl.gz: cannot be read as a reference"):
            compare(source, tmp_path / "raw", tmp_path, tmp_path / "reference")
    path.unlink()
    with pytest.raises(SourceError, match="the reference of one is missing"):
        compare(source, tmp_path / "raw", tmp_path, tmp_path / "reference")
