"""Flags of kinds: they turn reviews into flags, say so, and never do anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_bundle import write_tiny_bundle

from scamdetect import Decision, Kind, ScamDetector
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.engines import score_table
from scamdetect.errors import InputError
from scamdetect.labels import KINDS
from scamdetect.prediction import CLEARED

REVIEWED = "darling"  # scam 0.67, romance 0.49
BANDS = {"flag": 0.9, "review": 0.4}
ORDER = [Decision.PASS, Decision.REVIEW, Decision.FLAG]

probabilities = st.floats(0, 1, width=32)


def test_a_kind_flags_what_would_go_to_review_and_says_so(detector: ScamDetector) -> None:
    plain = detector.with_thresholds(**BANDS)
    before = plain.predict(REVIEWED)
    assert before.decision is Decision.REVIEW and before.reason is None
    after = plain.with_thresholds(kind_flags={"romance": 0.3}).predict(REVIEWED)
    assert (after.decision, after.reason) == (Decision.FLAG, "flagged by kind romance")
    assert after.probabilities == before.probabilities and after.kinds == before.kinds
    assert plain.with_thresholds(kind_flags={Kind.ROMANCE: 0.49}).predict(REVIEWED) == before
    assert plain.with_thresholds(kind_flags={Kind.CRYPTO: 0.3}).predict(REVIEWED) == before


def test_below_review_no_kind_flags(detector: ScamDetector) -> None:
    strict = detector.with_thresholds(flag=0.9, review=0.7, kind_flags={"romance": 0.01})
    assert strict.predict(REVIEWED).decision is Decision.PASS


def test_all_kinds_that_flag_are_named_strongest_first(detector: ScamDetector) -> None:
    text = "hello darling gift"
    flagging = {"romance": 0.3, "impersonation": 0.3, "crypto": 0.3}
    found = detector.with_thresholds(**BANDS, kind_flags=flagging).predict(text)
    assert found.reason == "flagged by kind romance, impersonation"


def test_a_message_over_flag_needs_no_kind(detector: ScamDetector) -> None:
    found = detector.with_thresholds(kind_flags={"romance": 0.1}).predict("darling profit gift")
    assert (found.decision, found.reason) == (Decision.FLAG, None)


def test_a_message_read_in_part_gives_both_reasons(tmp_path: Path) -> None:
    limited = ScamDetector.load(write_tiny_bundle(tmp_path / "b", max_windows=2), threads=1)
    text = REVIEWED + " x" * 100
    found = limited.with_thresholds(**BANDS, kind_flags={"romance": 0.3}).predict(text)
    assert found.reason == "flagged by kind romance; scored 2 of 5 windows"


@given(probabilities, st.dictionaries(st.sampled_from(KINDS), st.floats(0.01, 0.79)), st.randoms())
@settings(max_examples=30, deadline=None)
def test_it_only_adds_flags_and_more_probability_never_less(scam, flags, random) -> None:  # noqa: ANN001
    plain, bands = Thresholds(0.8, 0.4), Thresholds(0.8, 0.4, flags)
    kinds = {kind: random.uniform(0, scam) for kind in KINDS}

    def decided(scam: float, kinds: dict[Kind, float]) -> int:
        decision = bands.decide(scam)
        if decision is Decision.REVIEW and bands.flagging_kinds(kinds):
            decision = Decision.FLAG
        return ORDER.index(decision)

    now = decided(scam, kinds)
    assert now >= ORDER.index(plain.decide(scam))
    assert (now == 0) == (scam < 0.4)
    more = {kind: random.uniform(p, 1) for kind, p in kinds.items()}
    assert decided(random.uniform(scam, 1), more) >= now


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"romanse": 0.3}, "unknown kind 'romanse'; known kinds: investment, romance, .*other"),
        ({"romance": "x"}, "the flag of kind romance must be a number above 0; got 'x'"),
        ({"romance": True}, "romance must be a number"),
        ({"romance": 0.0}, "romance=0.0 has no effect .*above 0 and below 0.9"),
        ({"romance": float("nan")}, "has no effect"),
        ({"romance": 0.9}, "romance=0.9 has no effect with flag=0.9"),
    ],
)
def test_impossible_flags_name_the_cure(
    detector: ScamDetector, flags: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        detector.with_thresholds(kind_flags=flags)


def test_they_stay_until_taken_back_and_nothing_makes_them_idle(detector: ScamDetector) -> None:
    own = detector.with_thresholds(kind_flags={"romance": 0.5})
    assert own.with_thresholds(review=0.5).thresholds.kind_flags == {Kind.ROMANCE: 0.5}
    assert own.with_thresholds(kind_flags={}).thresholds == detector.thresholds
    assert detector.thresholds.kind_flags == {} and "romance=0.5" in repr(own)
    with pytest.raises(InputError, match="romance=0.5 has no effect with flag=0.4"):
        own.with_thresholds(flag=0.4)
    with pytest.raises(InputError, match="review=0.6 and flag=0.6 leave none"):
        own.with_thresholds(flag=0.6)


def test_streams_tables_and_engines_decide_alike(detector: ScamDetector, tiny_bundle: Path) -> None:
    flags = {"romance": 0.3}
    texts = [f"{REVIEWED} {number}" for number in range(70)]
    flagging = detector.with_thresholds(**BANDS, kind_flags=flags)
    found = flagging.predict(texts)
    assert list(flagging.stream(texts)) == found
    assert {one.reason for one in found} == {"flagged by kind romance"}
    table = pa.table({"text": texts})
    scored = flagging.score_table(table)
    assert set(scored["scamdetect_decision"].to_pylist()) == {"flag"}
    assert scored == score_table(table, model=tiny_bundle, **BANDS, kind_flags=flags)


def test_what_was_cleared_early_has_no_kinds_to_be_flagged_by(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "b", proven=True)
    detector = ScamDetector.load(folder).with_thresholds(kind_flags={"romance": 0.001})
    assert detector.clears
    cleared = detector.predict("lunch lunch")
    assert (cleared.decision, cleared.reason) == (Decision.PASS, CLEARED)


def test_the_command_line_takes_several(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": REVIEWED}), encoding="utf-8")
    options = ("--model", tiny_bundle, "--review", "0.4", "--kind-flag", "romance=0.3")
    done = run("score", "a.jsonl", *options, "--kind-flag", "crypto=0.2", cwd=tmp_path)
    assert done.exit_code == 0 and "flagged 1, review 0" in done.stderr
    row = json.loads((tmp_path / "a.scored.jsonl").read_text("utf-8"))
    assert row["scamdetect_reason"] == "flagged by kind romance"
    assert row["scamdetect_schema_version"] == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("romance", "'romance' is not KIND=PROBABILITY"),
        ("romance=high", "'romance=high' is not KIND=PROBABILITY"),
        ("romanse=0.3", "unknown kind 'romanse'; known kinds: investment, "),
    ],
)
def test_the_command_line_names_what_is_wrong(
    tmp_path: Path, tiny_bundle: Path, value: str, message: str
) -> None:
    (tmp_path / "a.csv").write_text("text\nhi\n", encoding="utf-8")
    done = run("score", "a.csv", "--model", tiny_bundle, "--kind-flag", value, cwd=tmp_path)
    assert done.exit_code == 2 and message in done.stderr
