"""A message whose verdict is scam goes to review at least, the same everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from tiny_bundle import CONVERSATION, write_tiny_bundle

from scamdetect import Decision, ScamDetector, Verdict
from scamdetect.calibration.thresholds import Thresholds

TEXT = "darling"  # scam 0.67: under the review threshold below
BANDS = {"flag": 0.9, "review": 0.7}
BY_VERDICT = "review by verdict"

probabilities = st.floats(0, 1, width=32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("high") / "b", thresholds=BANDS)


@pytest.fixture(scope="module")
def high(folder: Path) -> ScamDetector:
    return ScamDetector.load(folder, threads=1)


def test_the_verdict_scam_is_review_at_least_and_the_reason_names_it(high: ScamDetector) -> None:
    found = high.predict(TEXT)
    assert found.verdict is Verdict.SCAM and found.scam_probability == pytest.approx(
        0.665, abs=0.01
    )
    assert (found.decision, found.reason) == (Decision.REVIEW, BY_VERDICT)
    assert high.predict("hello").decision is Decision.PASS
    assert high.predict("darling profit").reason is None


def test_a_lower_review_keeps_it_and_a_higher_one_is_exact(high: ScamDetector) -> None:
    assert high.with_thresholds(flag=0.95).predict(TEXT).decision is Decision.REVIEW
    assert high.with_thresholds(review=0.69).predict(TEXT).decision is Decision.REVIEW
    raised = high.with_thresholds(review=0.8)
    assert raised.predict(TEXT).decision is Decision.PASS
    assert raised.with_thresholds(flag=0.95).predict(TEXT).decision is Decision.PASS
    assert raised.with_thresholds(review=0.7).predict(TEXT).decision is Decision.REVIEW


def test_streams_tables_and_dumps_decide_alike(
    high: ScamDetector, folder: Path, tmp_path: Path
) -> None:
    texts = [TEXT, "hello", "profit darling gift card"]
    decisions = ["review", "pass", "flag"]
    assert [one.decision for one in high.stream(texts)] == decisions
    table = high.score_table(pa.table({"text": texts}))
    assert table["scamdetect_decision"].to_pylist() == decisions
    rows = [json.dumps({"text": text}) for text in texts]
    (tmp_path / "a.jsonl").write_text("\n".join(rows), encoding="utf-8")
    done = run("score", "a.jsonl", "--model", folder, cwd=tmp_path)
    assert done.exit_code == 0 and "flagged 1, review 1, passed 1" in done.stderr
    scored = tmp_path / "a.scored.jsonl"
    found = [json.loads(line) for line in scored.read_text("utf-8").splitlines()]
    assert [row["scamdetect_decision"] for row in found] == decisions


def test_conversations_are_judged_by_their_risk(tmp_path: Path) -> None:
    rule = CONVERSATION | {"thresholds": {"flag": 0.9, "review": 0.8}}
    folder = write_tiny_bundle(tmp_path / "b", thresholds=BANDS, conversation=rule)
    assert ScamDetector.load(folder).predict_conversation([TEXT]).decision is Decision.PASS


@given(probabilities, st.sampled_from([None, *Verdict]))
def test_it_never_takes_a_decision_down(scam: float, verdict: Verdict | None) -> None:
    order = [Decision.PASS, Decision.REVIEW, Decision.FLAG]
    bands, exact = Thresholds(0.8, 0.6), Thresholds(0.8, 0.6, review_scam_verdicts=False)
    decided = order.index(bands.decide(scam, verdict))
    assert decided >= order.index(exact.decide(scam, verdict)) == order.index(bands.decide(scam))
    assert decided >= (verdict is Verdict.SCAM)
