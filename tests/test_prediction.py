"""The result of one message."""

from __future__ import annotations

import dataclasses
import json
import pickle

import pytest

from scamdetect import Decision, Kind, KindScore, Prediction, Verdict
from scamdetect.prediction import ranked, unscored

SCAM = Prediction(
    decision=Decision.FLAG,
    verdict=Verdict.SCAM,
    legit_probability=0.05,
    spam_probability=0.0,
    scam_probability=0.95,
    kinds=(KindScore(Kind.INVESTMENT, 0.9), KindScore(Kind.CRYPTO, 0.6)),
    language="en",
    n_windows=1,
    reason=None,
    model_id="tiny@1+0",
)


def test_probabilities_follow_the_label_order() -> None:
    assert SCAM.probabilities == {"legit": 0.05, "spam": 0.0, "scam": 0.95}
    assert list(SCAM.probabilities) == list(Verdict)


def test_to_dict_is_plain_json_with_a_schema_version() -> None:
    plain = SCAM.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["schema_version"] == 1
    assert plain["kinds"][0] == {"kind": "investment", "probability": 0.9}
    assert all(type(value) is not Verdict for value in plain.values())


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"other": 0.5, "crypto": 0.6, "romance": 0.9}, ["romance", "crypto"]),
        ({"crypto": 0.6, "other": 0.7}, ["other", "crypto"]),
        ({"other": 0.2}, ["other"]),
        ({"romance": 0.5, "investment": 0.5}, ["investment", "romance"]),
        ({}, []),
    ],
)
def test_kinds_are_ranked_without_an_other_under_a_named_one(
    given: dict[str, float], kept: list[str]
) -> None:
    assert [one.kind for one in ranked(KindScore(Kind(k), p) for k, p in given.items())] == kept


def test_unscored_has_a_reason_and_no_guess() -> None:
    plain = unscored("missing", "tiny@1+0").to_dict()
    assert (plain["decision"], plain["reason"], plain["n_windows"]) == ("unscored", "missing", 0)
    assert plain["verdict"] is plain["probabilities"] is plain["scam_probability"] is None


def test_predictions_are_values() -> None:
    assert pickle.loads(pickle.dumps(SCAM)) == SCAM and len({SCAM, SCAM}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        SCAM.decision = Decision.PASS  # type: ignore[misc]
