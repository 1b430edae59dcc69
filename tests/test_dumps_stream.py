"""Records from an open file are scored to another as a job scores a file, in bounded memory."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scamdetect import ScamDetector
from scamdetect.dumps import score_file
from scamdetect.dumps.allow_list import AllowList
from scamdetect.dumps.stream import score_stream
from scamdetect.dumps.tally import Summary
from scamdetect.errors import InputError

Score = Callable[..., tuple[Summary, bytes]]


@pytest.fixture
def score(detector: ScamDetector) -> Score:
    def scored(
        source: bytes,
        kind: str,
        **options: Any,  # noqa: ANN401
    ) -> tuple[Summary, bytes]:
        out = io.BytesIO()
        summary = score_stream(
            io.BytesIO(source), out, detector=detector, source_format=kind, **options
        )
        return summary, out.getvalue()

    return scored


SOURCES = {
    "csv": b'id;text\r\n7;guaranteed bitcoin profit\r\n8;\r\n9;"a;b"\r\n',
    "tsv": "id\ttext\n1\tпрофит\n".encode("utf-16"),
    "jsonl": b'{"n": 1.50, "text": "guaranteed profit"}\n\n{"text": null, "more": [1]}\n',
}


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("only_flagged", [False, True])
def test_the_rows_are_those_of_a_job(
    tmp_path: Path, detector: ScamDetector, score: Score, kind: str, only_flagged: bool
) -> None:
    (tmp_path / f"in.{kind}").write_bytes(SOURCES[kind])
    target = tmp_path / f"out.{kind}"
    job = score_file(tmp_path / f"in.{kind}", target, detector=detector, only_flagged=only_flagged)
    summary, out = score(SOURCES[kind], kind, only_flagged=only_flagged)
    assert out == target.read_bytes()
    assert (summary.rows, summary.flagged, summary.notes) == (job.rows, job.flagged, job.notes)


def test_text_becomes_json_lines(score: Score) -> None:
    _, out = score("guaranteed profit\nпривет\n".encode(), "txt")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["text"] for row in rows] == ["guaranteed profit", "привет"]
    assert [row["scamdetect_decision"] for row in rows] == ["flag", "pass"]


class Endless(io.BufferedIOBase):
    """Lines without an end, of which it remembers how many bytes were read."""

    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None and 0 < size <= 1 << 20
        self.read_bytes += size
        return (b"guaranteed profit!!\nhello" * (size // 25 + 1))[:size]

    read1 = read


class ReaderGone(Exception):
    pass


def test_rows_are_written_before_the_input_ends(detector: ScamDetector) -> None:
    class Head(io.BytesIO):
        def write(self, data: Any, /) -> int:  # noqa: ANN401
            if self.tell() > 1 << 20:
                raise ReaderGone
            return super().write(data)

    source = Endless()
    with pytest.raises(ReaderGone):
        score_stream(source, Head(), detector=detector, source_format="txt")  # type: ignore[arg-type]
    assert source.read_bytes < 4 << 20


def test_rejected_records_go_to_the_named_file(tmp_path: Path, score: Score) -> None:
    source = b"id,text\n1\n2,hello\n3,a,b\n"
    with pytest.raises(InputError, match=r"standard input:2: .*--rejects"):
        score(source, "csv")
    summary, out = score(source, "csv", rejects=tmp_path / "r.jsonl")
    assert (summary.rows, summary.rejected, summary.rejects) == (1, 2, tmp_path / "r.jsonl")
    kept = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text("utf-8").splitlines()]
    assert [(one["line"], one["raw"]) for one in kept] == [(2, "1\n"), (4, "3,a,b\n")]
    assert (tmp_path / "r.jsonl").stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="--overwrite"):
        score(source, "csv", rejects=tmp_path / "r.jsonl")
    with pytest.raises(InputError, match="--max-rejects is 1"):
        score(source, "csv", rejects=tmp_path / "r.jsonl", overwrite=True, max_rejects=1)


def test_output_columns_that_come_late_are_not_doubled(score: Score) -> None:
    lines = b'{"text": "hello"}\n' * 3000
    late = lines + b'{"text": "a", "scamdetect_verdict": "old"}\n'
    with pytest.raises(InputError, match="scamdetect_verdict"):
        score(late, "jsonl")
    _, out = score(late, "jsonl", overwrite_columns=True)
    last = out.splitlines()[-1]
    assert last.count(b"scamdetect_verdict") == 1 and b"old" not in last


def test_columns_and_lists_work_as_for_files(tmp_path: Path, score: Score) -> None:
    source = b"id,who,text\n1,ann,guaranteed bitcoin profit\n"
    (tmp_path / "known.csv").write_text("sender\nann\n", encoding="utf-8")
    known = AllowList.load(tmp_path / "known.csv")
    summary, out = score(source, "csv", allow_list=known, sender_column="who", columns=["text"])
    assert summary.allowed == 1 and out.startswith(b"text,scamdetect_verdict")


@pytest.mark.parametrize(
    ("source", "kind", "options", "named"),
    [
        (b"", "csv", {}, "standard input"),
        (b"id,body\n1,x\n", "csv", {}, "'text'"),
        (b"[]", "json", {}, "json"),
        (gzip.compress(b"id,text\n1,x\n", mtime=0), "csv", {}, "gzip"),
        (b'{"text": "a"}\n', "jsonl", {"spreadsheet_safe": True}, "--spreadsheet-safe"),
        (b'{"body": "a"}\n', "jsonl", {}, "'text'"),
        (b"text\nx\n", "csv", {"columns": ["id"]}, "'id'"),
    ],
)
def test_bad_input_is_an_error_that_names_it(
    score: Score, source: bytes, kind: str, options: dict[str, Any], named: str
) -> None:
    with pytest.raises(InputError, match=named):
        score(source, kind, **options)
