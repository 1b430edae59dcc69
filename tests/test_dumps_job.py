"""The scoring job: counts, names, what is refused, and what is left behind."""

from __future__ import annotations

import gc
import inspect
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from scamdetect import ScamDetector
from scamdetect.dumps import score_file
from scamdetect.dumps.job import ScoreOptions
from scamdetect.errors import InputError
from scamdetect.prediction import Prediction


def _write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_summary_counts_what_happened(tmp_path: Path, detector: ScamDetector) -> None:
    body = (
        "guaranteed profit bitcoin\nprofit guaranteed darling\nпри прибыль прибыль\nprofit\n"
        "hello lunch\n\n"
    )
    summary = score_file(_write(tmp_path, "in.txt", body), detector=detector)
    assert summary.rows == 6
    assert (summary.flagged, summary.review, summary.passed) == (3, 1, 1)
    assert (summary.unscored, summary.rejected, summary.rejects) == (1, 0, None)
    assert summary.flagged_by_kind == {"investment": 3, "crypto": 1, "romance": 1}
    assert summary.flagged_by_language == {"en": 2, "ru": 1}
    assert summary.destination == tmp_path / "in.scored.jsonl"
    assert summary.model_id == detector.model_id
    assert summary.seconds >= 0


def test_a_detector_scores_a_file_itself(tmp_path: Path, detector: ScamDetector) -> None:
    source = _write(tmp_path, "in.csv", "id,note\n1,guaranteed profit bitcoin\n2,hello\n")
    mine = detector.score_file(source, tmp_path / "a.csv", text_column="note", only_flagged=True)
    score_file(source, tmp_path / "b.csv", detector=detector, text_column="note", only_flagged=True)
    assert (mine.rows, mine.flagged, mine.destination) == (2, 1, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert detector.score_file(source, text_column="note").destination.name == "in.scored.csv"


def test_a_detector_takes_the_options_of_the_job() -> None:
    named = {name: kind.__forward_arg__ for name, kind in ScoreOptions.__annotations__.items()}
    taken = {
        name: one.annotation
        for name, one in inspect.signature(score_file).parameters.items()
        if one.kind is one.KEYWORD_ONLY
    }
    assert taken.pop("detector") == "Detector"
    assert named == taken


def test_scores_are_those_of_predict(tmp_path: Path, detector: ScamDetector) -> None:
    texts = ["guaranteed profit", "hello", "", "😀😀", "مرحبا", "a\0b", "profit " * 500]
    source = _write(tmp_path, "in.jsonl", "\n".join(json.dumps({"text": t}) for t in texts))
    score_file(source, tmp_path / "out.jsonl", detector=detector)
    rows = [json.loads(x) for x in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    expected = detector.predict(texts)
    assert [row["scamdetect_decision"] for row in rows] == [p.decision for p in expected]
    for row, prediction in zip(rows, expected, strict=True):
        assert row["scamdetect_scam_probability"] == pytest.approx(prediction.scam_probability)


def test_rows_without_text_stay_unscored(tmp_path: Path, detector: ScamDetector) -> None:
    lines = ['{"text":"hello","n":1}', '{"n":2}', '{"text":null}', '{"text":5}', '{"text":"  "}']
    summary = score_file(_write(tmp_path, "in.jsonl", "\n".join(lines)), detector=detector)
    rows = [json.loads(line) for line in summary.destination.read_text("utf-8").splitlines()]
    assert [row["scamdetect_decision"] for row in rows] == ["pass"] + ["unscored"] * 4
    assert all(row["scamdetect_reason"] for row in rows[1:])
    assert summary.unscored == 4


def test_rejects_are_kept_beside_the_destination(tmp_path: Path, detector: ScamDetector) -> None:
    source = _write(tmp_path, "in.csv", "id,text\n1,hello\n2\n3,hello\n")
    summary = score_file(source, tmp_path / "out.parquet", detector=detector)
    assert summary.rejects == tmp_path / "out.parquet.rejected.jsonl"
    (reject,) = [json.loads(line) for line in summary.rejects.read_text("utf-8").splitlines()]
    assert reject == {
        "record": 2, "line": 3, "lines": 1, "reason": "1 cells, but the header has 2",
        "raw": "2\n",
    }  # fmt: skip
    assert (summary.rows, summary.rejected) == (2, 1)


def test_rejects_of_an_earlier_run_do_not_stay(tmp_path: Path, detector: ScamDetector) -> None:
    source = _write(tmp_path, "in.csv", "id,text\n1,hello\n2\n")
    rejects = score_file(source, detector=detector).rejects
    assert rejects is not None
    (tmp_path / "in.scored.csv").unlink()
    _write(tmp_path, "in.csv", "id,text\n1,hello\n2,x\n")
    with pytest.raises(InputError, match=r"rejected\.jsonl: already exists"):
        score_file(source, detector=detector)
    assert score_file(source, detector=detector, overwrite=True).rejects is None
    assert not rejects.exists()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a.b.CSV", "a.b.scored.CSV"),
        ("a.tsv", "a.scored.tsv"),
        ("a.ndjson", "a.scored.ndjson"),
        ("a.txt", "a.scored.jsonl"),
        ("a.b.csv.GZ", "a.b.scored.csv"),
        ("a.txt.zst", "a.scored.jsonl"),
    ],
)
def test_default_destination(
    tmp_path: Path, detector: ScamDetector, source: str, expected: str
) -> None:
    content = '{"text":"hi"}\n' if source.endswith("json") else "text\nhi\n"
    summary = score_file(_write(tmp_path, source, content), detector=detector)
    assert summary.destination == tmp_path / expected
    assert summary.destination.exists()


def test_destinations_that_are_refused(tmp_path: Path, detector: ScamDetector) -> None:
    source = _write(tmp_path, "in.csv", "text\nhi\n")
    taken = _write(tmp_path, "taken.csv", "mine")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to(source)
    (tmp_path / "hard.csv").hardlink_to(source)
    for name, message in [
        ("taken.csv", "--overwrite"),
        ("in.csv", "source would be overwritten"),
        ("./in.csv", "source would be overwritten"),
        ("link.csv", "source would be overwritten"),
        ("hard.csv", "source would be overwritten"),
        ("folder.csv", "not a file"),
        ("none/out.csv", "not found"),
        ("out.txt", "not a known format"),
        ("out", "no extension"),
    ]:
        with pytest.raises(InputError, match=message):
            score_file(
                source, tmp_path / name, detector=detector, overwrite=message != "--overwrite"
            )
    assert source.read_text("utf-8") == "text\nhi\n"
    assert taken.read_text("utf-8") == "mine"
    assert score_file(source, taken, detector=detector, overwrite=True).rows == 1


def test_link_to_a_destination_is_followed(tmp_path: Path, detector: ScamDetector) -> None:
    source = _write(tmp_path, "in.csv", "text\nhi\n")
    (tmp_path / "out.csv").symlink_to(tmp_path / "real.csv")
    score_file(source, tmp_path / "out.csv", detector=detector)
    assert (tmp_path / "out.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text("utf-8").startswith("text,scamdetect_")


def test_failure_midway_leaves_no_trace(
    tmp_path: Path, detector: ScamDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", noise.append)

    class Failing:
        model_id = "failing"
        thresholds = detector.thresholds
        clears = False
        preset = None
        calls = 0

        def predict(self, texts: Iterable[object], /) -> list[Prediction]:
            self.calls += 1
            if self.calls == 2:
                raise KeyboardInterrupt
            return detector.predict(texts)

    source = _write(tmp_path, "in.csv", "id,text\n1\n" + "1,hello\n" * 5000)
    with pytest.raises(KeyboardInterrupt):
        score_file(source, tmp_path / "out.parquet", detector=Failing())
    assert list(tmp_path.iterdir()) == [source]
    gc.collect()
    assert noise == []


def test_progress_grows_to_the_whole(tmp_path: Path, detector: ScamDetector) -> None:
    source = _write(tmp_path, "in.csv", "id,text\n1\n" + "1,hello\n" * 5000)
    seen: list[tuple[int, float]] = []
    score_file(source, detector=detector, progress=lambda *now: seen.append(now))
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == (5001, 1.0)


def test_scores_again_over_its_own_output(tmp_path: Path, detector: ScamDetector) -> None:
    source = _write(tmp_path, "in.csv", "id,text,note\n1,profit profit,x\n2,hello,\n")
    first = score_file(source, detector=detector).destination
    with pytest.raises(InputError, match="already has the columns scamdetect_verdict"):
        score_file(first, tmp_path / "again.csv", detector=detector)
    again = score_file(
        first, tmp_path / "again.csv", detector=detector, overwrite_columns=True
    ).destination
    assert again.read_bytes() == first.read_bytes()
