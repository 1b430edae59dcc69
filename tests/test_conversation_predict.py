from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scamdetect import Decision, ScamDetector
from scamdetect.conversation.predict import (
    NOTHING_JUDGED,
    ONLY_QUOTES,
    OWN_SIDE,
    read_conversations,
)
from scamdetect.errors import InputError
from tests.tiny_bundle import CONVERSATION, write_tiny_bundle

OPENER, LURE = "hello, how are you?", "guaranteed profit with bitcoin"


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> ScamDetector:
    folder = write_tiny_bundle(
        tmp_path_factory.mktemp("fitted") / "bundle", conversation=CONVERSATION
    )
    return ScamDetector.load(folder)


def said(*turns: tuple[str, object]) -> list[dict[str, object]]:
    return [{"sender": sender, "text": text} for sender, text in turns]


def test_the_risk_rises_with_the_lure_and_names_who_wrote_it(detector: ScamDetector) -> None:
    found = detector.predict_conversation(
        said(("A", OPENER), ("B", "thanks, hello"), ("A", LURE), ("B", "no, lunch"))
    )
    assert (found.decision, found.suspect, found.crossed_at) == (Decision.FLAG, "A", 2)
    assert found.turns_that_mattered == (2,)
    assert found.kinds[0].kind == "investment"
    risks = [turn.risk for turn in found.turns]
    assert risks[1] is not None and risks[2] is not None and risks[1] < 0.6 < risks[2]
    assert found.risk == risks[-1] == risks[2]


def test_the_last_words_together_tell_what_no_message_tells(detector: ScamDetector) -> None:
    words = ("guaranteed", "profit", "bitcoin")
    parts = detector.predict_conversation(said(*(("A", word) for word in words)))
    by_many = detector.predict_conversation(said(*zip("ABC", words, strict=True)))
    assert parts.risk is not None and by_many.risk is not None
    assert parts.risk > by_many.risk


def test_ones_own_side_is_not_judged(detector: ScamDetector) -> None:
    messages = said(("A", OPENER), ("B", LURE))
    found = detector.predict_conversation(messages, me="B")
    assert found.decision is Decision.PASS
    assert [turn.reason for turn in found.turns] == [None, OWN_SIDE]
    assert detector.predict_conversation(messages).suspect == "B"


@pytest.mark.parametrize("me", ["", " ", float("nan")])
def test_a_blank_own_side_is_refused(detector: ScamDetector, me: str) -> None:
    with pytest.raises(InputError, match="me is blank"):
        detector.predict_conversation([{"sender": "", "text": LURE}], me=me)


def test_an_error_names_the_conversation_and_its_message(detector: ScamDetector) -> None:
    with pytest.raises(InputError, match="conversation 1: message 2 has no keys; pass text"):
        detector.predict_conversations([[OPENER], [OPENER, None, {}]])


def test_quoting_a_lure_makes_no_suspect(detector: ScamDetector) -> None:
    found = detector.predict_conversation(said(("A", LURE), ("B", LURE), ("B", f"> {LURE}")))
    assert found.suspect == "A"
    assert [turn.reason for turn in found.turns] == [None, ONLY_QUOTES, ONLY_QUOTES]


PADDINGS = [". " * 300, "\U0001f600" * 500, "!" * 600, "haha" * 150, "ok " * 200, "ok\nsure\n" * 99]


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("apart", [False, True])
def test_padding_pushes_no_words_out_of_the_window(
    detector: ScamDetector, padding: str, apart: bool
) -> None:
    words = ("guaranteed", "profit", "bitcoin")
    said = [(word, padding) if apart else (f"{word} {padding}",) for word in words]
    (reading,) = read_conversations(detector, 60, [[text for turn in said for text in turn]])
    plain = read_conversations(detector, 60, [words])[0].judged[-1].window
    assert max(turn.window for turn in reading.judged) == pytest.approx(plain, abs=0.1)


@pytest.mark.parametrize("filler", ["ok", "Hello!", "\U0001f600", "..."])
def test_turns_that_say_nothing_new_do_not_make_a_conversation_long(
    detector: ScamDetector, filler: str
) -> None:
    plain = detector.predict_conversation(["hello", "ok", "profit", "guaranteed", "bitcoin"])
    padded = detector.predict_conversation(
        ["hello", "ok", "profit", *[filler] * 100, "guaranteed", *[filler] * 100, "bitcoin"]
    )
    assert padded.risk == pytest.approx(plain.risk, abs=0.01)


@pytest.mark.parametrize("messages", [[], [None], [""], [{"text": float("nan")}], [b"bytes"]])
def test_nothing_to_judge_is_unscored(detector: ScamDetector, messages: list[object]) -> None:
    found = detector.predict_conversation(messages)
    assert found.decision is Decision.UNSCORED
    assert (found.risk, found.suspect, found.needs_context) == (None, None, False)
    assert found.notes == (NOTHING_JUDGED,)
    assert len(found.turns) == len(messages)


def test_a_bundle_without_a_rule_goes_by_its_highest_message(tiny_bundle: Path) -> None:
    with ScamDetector.load(tiny_bundle) as plain:
        found = plain.predict_conversation([OPENER, LURE])
        highest = max(p.scam_probability or 0 for p in plain.predict([OPENER, LURE]))
        assert plain.conversation_rule.fitted_on == {}
    assert found.risk == pytest.approx(highest, abs=1e-5)


def test_the_cascade_clears_no_turn(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", proven=True, conversation=CONVERSATION)
    turns = ["lunch lunch", "lunch with darling"]
    with ScamDetector.load(folder) as quick, ScamDetector.load(folder, tier="full") as exact:
        assert quick.predict(turns) != exact.predict(turns)
        assert quick.predict_conversation(turns) == exact.predict_conversation(turns)


def test_many_conversations_are_scored_as_each_alone(detector: ScamDetector) -> None:
    conversations = [said(("A", OPENER), ("B", LURE)), [], [LURE, OPENER]]
    together = detector.predict_conversations(conversations)
    assert together == [detector.predict_conversation(one) for one in conversations]


def test_long_threads_take_two_texts_a_turn_of_bounded_length(
    detector: ScamDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    predict = ScamDetector.predict

    def spy(one: ScamDetector, texts: list[str]) -> object:
        seen.extend(texts)
        return predict(one, texts)

    monkeypatch.setattr(ScamDetector, "predict", spy)
    found = detector.predict_conversation([f"hello {n}" for n in range(3_000)])
    assert len(found.turns) == 3_000
    assert len(seen) == 6_000
    assert max(map(len, seen)) <= CONVERSATION["window_characters"]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("AB"), st.sampled_from([OPENER, LURE, "lunch", "profit", "", None])
        ),
        max_size=8,
    )
)
def test_the_risk_never_falls_and_prefixes_agree(
    detector: ScamDetector, turns: list[tuple[str, object]]
) -> None:
    found = detector.predict_conversation(said(*turns))
    risks = [turn.risk for turn in found.turns if turn.risk is not None]
    assert risks == sorted(risks)
    for count in range(1, len(turns)):
        part = detector.predict_conversation(said(*turns[:count]))
        assert part.turns == found.turns[:count]
