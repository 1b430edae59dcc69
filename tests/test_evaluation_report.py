"""A bundle evaluated from end to end on an invented corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from synthetic_corpus import corpus

from scamdetect import ScamDetector
from scamdetect.errors import InputError
from scamdetect.evaluation import baseline
from scamdetect.evaluation.report import build_report, evaluate_bundle
from scamdetect.evaluation.table import column


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.parquet"
    pq.write_table(corpus(), path)
    return path


@pytest.fixture(scope="module")
def written(
    tiny_bundle: Path, corpus_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], str, list[str]]:
    """Return the JSON, the Markdown and the lines logged of a dev evaluation."""
    out, lines = tmp_path_factory.mktemp("out") / "results", list[str]()
    evaluate_bundle(tiny_bundle, corpus_file, out, False, lines.append)
    assert {path.name for path in out.iterdir()} == {
        "evaluate-scamdetect-tiny.json",
        "evaluate-scamdetect-tiny.md",
    }
    record = json.loads((out / "evaluate-scamdetect-tiny.json").read_text(encoding="utf-8"))
    return record, (out / "evaluate-scamdetect-tiny.md").read_text(encoding="utf-8"), lines


def test_bundle_and_baseline_stand_on_the_same_rows(
    written: tuple[dict[str, Any], str, list[str]],
) -> None:
    shipped, tfidf = written[0]["detectors"]
    assert (shipped["detector"], tfidf["detector"]) == ("scamdetect-tiny", baseline.NAME)
    for found in (shipped, tfidf):
        counts = [(s["source"], s["n_scam"], s["n_legit"], s["n_spam"]) for s in found["sources"]]
        assert counts == [("pt_mz_mpesa_smishing", 40, 40, 0), ("vi_sms_ie403", 40, 40, 40)]
        assert found["transferred"]["n_legit"] == 40
        assert found["selection"]["score"] == 1.0
        assert all(source["recall_at"]["1%"]["value"] == 1.0 for source in found["sources"])


def test_test_sources_stay_shut_without_final(
    written: tuple[dict[str, Any], str, list[str]],
) -> None:
    assert "id_sms_spam" not in written[1]
    assert written[0]["n_rows"] == 200


def test_the_record_says_what_was_measured(
    written: tuple[dict[str, Any], str, list[str]], detector: ScamDetector
) -> None:
    record, markdown, lines = written
    assert record["model_id"] == detector.model_id
    assert len(record["corpus_sha256"]) == 64
    assert record["machine"] and record["date"]
    assert record["languages"][0]["n"] == 200 + 120
    assert lines[-1] == markdown.splitlines()[-1]
    for title in ("By left-out source", "False alarms by slice", "Recall by kind", "Language"):
        assert f"## {title}" in markdown


def test_no_text_of_a_row_is_written(written: tuple[dict[str, Any], str, list[str]]) -> None:
    everything = json.dumps(written[0]) + written[1] + "\n".join(written[2])
    for text in column(corpus(), "norm"):
        assert text not in everything


def test_final_opens_the_test_sources(tiny_bundle: Path, corpus_file: Path, tmp_path: Path) -> None:
    evaluate_bundle(tiny_bundle, corpus_file, tmp_path, True, lambda line: None)
    record = json.loads((tmp_path / "evaluate-scamdetect-tiny-final.json").read_text("utf-8"))
    roles = {source["source"]: source["role"] for source in record["detectors"][0]["sources"]}
    assert roles["id_sms_spam"] == "test"


def test_large_calibrate_parts_are_sampled_and_say_so(
    detector: ScamDetector, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scamdetect.evaluation.report.CALIBRATE_ROWS", 60)
    report = build_report(detector, "tiny", corpus_file, False, lambda line: None)
    assert report.n_calibrate == 60
    assert any("60 of 120" in note for note in report.notes)


def test_a_missing_column_is_named(tiny_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "corpus.parquet"
    pq.write_table(corpus().drop_columns(["slices"]), path)
    with pytest.raises(InputError, match="lacks the columns slices"):
        evaluate_bundle(tiny_bundle, path, tmp_path, False, lambda line: None)


def test_a_file_that_is_no_parquet_is_named(tiny_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "corpus.parquet"
    path.write_text("not parquet", encoding="utf-8")
    with pytest.raises(InputError, match="corpus.parquet: cannot be read"):
        evaluate_bundle(tiny_bundle, path, tmp_path, False, lambda line: None)


def test_without_calibrate_rows_nothing_transfers(tiny_bundle: Path, tmp_path: Path) -> None:
    path, whole = tmp_path / "corpus.parquet", corpus()
    pq.write_table(whole.filter(column(whole, "role") != "calibrate"), path)
    with pytest.raises(InputError, match="role calibrate"):
        evaluate_bundle(tiny_bundle, path, tmp_path, False, lambda line: None)
