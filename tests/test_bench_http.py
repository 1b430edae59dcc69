"""A detector behind an address: its contract, and what becomes of rows when it breaks it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bad_endpoint as bad
import numpy as np
import pytest
from bad_endpoint import Answer, Request, bad_endpoint, honest_scores
from hang import HANG

from scamdetect.bench.answers import Answers, Setting
from scamdetect.bench.detectors import http
from scamdetect.bench.endpoints import endpoint
from scamdetect.errors import BudgetSpent, EndpointError, InputError
from scamdetect.labels import Kind

pytestmark = pytest.mark.network_loopback

TEXTS = ["Sure return of 38 %, ask Ivy", "See you at six", "Two eggs and milk please"]


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setattr(endpoint, "_BACKOFF", lambda state: 0.0)
    return Setting(tmp_path, lambda line: None, timeout=HANG)


def asked(
    script: Any,  # noqa: ANN401
    setting: Setting,
    texts: list[str] = TEXTS,
    seen: list[Request] | None = None,
) -> Answers:
    with bad_endpoint(script, seen) as url:
        found = http.load(url.removeprefix("http:") + "/score", setting).score(texts)
    assert isinstance(found, Answers)
    return found


def singly(one: Answer) -> Callable[[Request], Answer]:
    """Answer single texts honestly, and ``one`` for a batch and for the second text."""

    def answer(request: Request) -> Answer:
        texts = request.body["texts"]
        bad_one = len(texts) > 1 or texts == [TEXTS[1]]
        return one if bad_one else honest_scores("sure return")(request)

    return answer


def test_an_honest_detector(setting: Setting) -> None:
    seen: list[Request] = []
    found = asked(honest_scores("sure return"), setting, seen=seen)
    assert [request.body for request in seen] == [{"texts": TEXTS}]
    np.testing.assert_array_equal(found.scam, [0.96, 0.03, 0.03])
    np.testing.assert_array_equal(found.flagged, [True, False, False])
    assert found.kinds == (frozenset({Kind.INVESTMENT}), frozenset(), frozenset())
    assert found.problems == (None, None, None)
    assert found.seconds is not None and 0 < found.seconds[0] == found.seconds[2]


def test_what_a_detector_does_not_tell_stays_untold(setting: Setting) -> None:
    found = asked([bad.as_json({"scam": [0, None, 1]})], setting)
    np.testing.assert_array_equal(found.scam, [0, np.nan, 1])
    assert (found.flagged, found.kinds) == (None, None)
    assert found.problems == (None, "unscored", None)


def test_unknown_kinds_are_dropped(setting: Setting) -> None:
    told = {"scam": [0.5], "kinds": [["romance", "weather", 3, ["crypto"]]]}
    found = asked([bad.as_json(told)], setting, TEXTS[:1])
    assert found.kinds == (frozenset({Kind.ROMANCE}),)


MALFORMED = {
    "prose": bad.PROSE,
    "cut": bad.CUT_JSON,
    "huge": bad.HUGE,
    "list": bad.as_json([0.1, 0.2, 0.3]),
    "no scam": bad.as_json({"score": [0.1, 0.2, 0.3]}),
    "too few": bad.as_json({"scam": [0.1, 0.2]} | {"kinds": [[], []]}),
    "too many": bad.as_json({"scam": [0.1] * 9}),
    "kinds too few": bad.as_json({"scam": [0.1] * 3, "kinds": [[]] * 2}),
    "flags no list": bad.as_json({"scam": [0.1] * 3, "flagged": True}),
}


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_batch_is_asked_text_by_text(answer: Answer, setting: Setting) -> None:
    seen: list[Request] = []
    found = asked(singly(answer), setting, seen=seen)
    np.testing.assert_array_equal(found.scam, [0.96, np.nan, 0.03])
    assert found.problems == (None, "malformed", None)
    assert found.flagged is not None and found.flagged.tolist() == [True, False, False]
    assert [len(request.body["texts"]) for request in seen] == [3, 1, 1, 1]


@pytest.mark.parametrize("value", [float("nan"), 1.01, -0.1, 97, True, "0.5", [0.5], 10**400])
def test_a_row_that_is_no_probability_is_malformed_alone(value: object, setting: Setting) -> None:
    def answer(request: Request) -> Answer:
        values = {TEXTS[1]: value}
        return bad.as_json({"scam": [values.get(text, 0.2) for text in request.body["texts"]]})

    seen: list[Request] = []
    found = asked(answer, setting, seen=seen)
    np.testing.assert_array_equal(found.scam, [0.2, np.nan, 0.2])
    assert found.problems == (None, "malformed", None)
    assert [request.body["texts"] for request in seen] == [TEXTS, [TEXTS[1]]]


def test_a_single_malformed_answer_is_asked_for_again(setting: Setting) -> None:
    answers = [bad.PROSE, bad.as_json({"scam": [0.4]})]
    assert asked(answers, setting, TEXTS[:1]).scam.tolist() == [0.4]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_text_that_is_not_wanted_is_refused_alone(status: int, setting: Setting) -> None:
    found = asked(singly(Answer(status=status)), setting)
    np.testing.assert_array_equal(found.scam, [0.96, np.nan, 0.03])
    assert found.problems == (None, "refused", None)
    assert asked(singly(Answer(status=status)), setting, [TEXTS[1]]).problems == ("refused",)


def test_an_endpoint_that_wants_no_text_stops_the_run(setting: Setting) -> None:
    with pytest.raises(EndpointError, match="HTTP 422"):
        asked([Answer(status=422)], setting)


def test_an_endpoint_that_stays_down_stops_the_run(setting: Setting) -> None:
    with pytest.raises(EndpointError, match="HTTP 500") as caught:
        asked([bad.DOWN], setting)
    assert not any(text in str(caught.value) for text in TEXTS)


def test_hiccups_are_not_seen(setting: Setting) -> None:
    answers = iter([bad.BUSY, bad.DOWN, bad.HANGS_UP])
    found = asked(lambda asked: next(answers, None) or honest_scores("return")(asked), setting)
    assert found.scam.tolist() == [0.96, 0.03, 0.03]


def test_the_budget_holds(setting: Setting) -> None:
    with pytest.raises(BudgetSpent):
        asked([bad.PROSE], dataclasses.replace(setting, max_calls=2))


def test_the_key_is_sent_and_not_told(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCAMDETECT_API_KEY", "top-secret")
    seen: list[Request] = []
    with bad_endpoint(honest_scores("return"), seen) as url:
        detector = http.load(f"{url}/score?token=hidden", setting)
        detector.score(TEXTS)
    assert seen[0].headers["authorization"] == "Bearer top-secret"
    assert not any(secret in repr(detector) for secret in ("top-secret", "hidden"))
    assert detector.name == f"{url}/score".removeprefix("http://")


@pytest.mark.parametrize("target", ["", "host.test/score", "ftp://host.test", "//"])
def test_a_target_that_is_no_address_is_refused(target: str, setting: Setting) -> None:
    with pytest.raises(InputError, match="http"):
        http.load(target, setting)


def test_both_ways_to_write_a_target(setting: Setting) -> None:
    identities = [
        http.load(target, setting).identity
        for target in ("//host.test/a", "http://host.test/a", "https://host.test/a")
    ]
    assert identities[0] == identities[1] != identities[2]
