"""The record of a job beside its result: what it tells, when it is there, and what is no record."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from scamdetect import ScamDetector
from scamdetect.dumps import score_file
from scamdetect.dumps.allow_list import AllowList
from scamdetect.dumps.identity import JobRecord, read_job_record
from scamdetect.errors import InputError

LURE, PLAIN = "guaranteed bitcoin profit", "hello lunch"


def _score(folder: Path, detector: ScamDetector, **options: Any) -> JobRecord:  # noqa: ANN401
    source = folder / "in.csv"
    source.write_text(f"who;text\nann;{LURE}\nbob;{PLAIN}\nbroken\ncid;\n", encoding="utf-8")
    done = score_file(source, folder / "out.csv", detector=detector, **options)
    return read_job_record(done.destination.with_name("out.csv.job.json"))


def test_the_record_tells_what_was_asked_read_and_counted(
    tmp_path: Path, detector: ScamDetector
) -> None:
    strict = detector.with_thresholds(flag=0.9, review=0.2, kind_flags={"romance": 0.3})
    record = _score(tmp_path, strict, allow_list=AllowList(frozenset([(None, "0" * 64)])))
    status = (tmp_path / "in.csv").stat()
    assert record.source == {
        "source": str(tmp_path / "in.csv"), "source_bytes": status.st_size,
        "source_modified_ns": status.st_mtime_ns, "format": "csv",
    }  # fmt: skip
    assert (record.asked.text_column, record.asked.encoding, record.asked.delimiter) == (
        "text", None, None,
    )  # fmt: skip
    assert record.asked.allow_list is not None and not record.asked.only_flagged
    assert (record.detected["encoding"], record.detected["delimiter"]) == ("utf-8", ";")
    assert (record.model.model_id, record.model.flag, record.model.review) == (
        detector.model_id, 0.9, 0.2,
    )  # fmt: skip
    assert record.model.kind_flags == {"romance": 0.3}
    size = (tmp_path / "out.csv").stat().st_size
    assert vars(record.destination) == {
        "name": "out.csv", "format": "csv", "delimiter": ";", "bytes": size,
    }  # fmt: skip
    assert (record.rows, record.written) == (3, 3)
    counts = json.loads(record.path.read_bytes())["counts"]
    assert (counts["rejected"], counts["decisions"]["unscored"]) == (1, 1)


def test_it_holds_no_message_and_no_name_of_a_column(
    tmp_path: Path, detector: ScamDetector
) -> None:
    text = _score(tmp_path, detector).path.read_text("ascii")
    assert not any(word in text for word in (LURE, PLAIN, "ann", "who"))


def test_flagged_rows_only_are_told(tmp_path: Path, detector: ScamDetector) -> None:
    record = _score(tmp_path, detector, only_flagged=True)
    assert record.asked.only_flagged and (record.rows, record.written) == (3, 1)


def test_it_allows_what_the_result_allows(tmp_path: Path, detector: ScamDetector) -> None:
    _score(tmp_path, detector)
    (tmp_path / "in.csv").chmod(0o640)
    record = _score(tmp_path, detector, overwrite=True)
    modes = {stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("out.csv", record.path.name)}
    assert modes == {0o640}


def test_one_whose_result_was_removed_is_replaced(tmp_path: Path, detector: ScamDetector) -> None:
    _score(tmp_path, detector)
    for name in ("out.csv", "out.csv.rejected.jsonl"):
        (tmp_path / name).unlink()
    assert _score(tmp_path, detector).rows == 3


def test_another_file_of_its_name_stays_without_overwrite(
    tmp_path: Path, detector: ScamDetector
) -> None:
    (tmp_path / "out.csv.job.json").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"out\.csv\.job\.json: .*--overwrite"):
        _score(tmp_path, detector)
    assert (tmp_path / "out.csv.job.json").read_text("utf-8") == "mine"
    assert _score(tmp_path, detector, overwrite=True).rows == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "damaged .*score again"),
        ("[]", "damaged"),
        ('{"schema_version": 1}', "damaged"),
        ('{"schema_version": 2}', "has schema 2, but .* reads 1"),
    ],
)
def test_what_is_no_record_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.job.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=rf"a\.job\.json: {message}"):
        read_job_record(tmp_path / "a.job.json")
    with pytest.raises(InputError, match=r"b\.job\.json: .*No such file"):
        read_job_record(tmp_path / "b.job.json")
