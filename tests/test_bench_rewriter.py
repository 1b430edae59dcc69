"""Messages rewritten by a model: what is taken, what is not, and that it is paid once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bad_endpoint as bad
import pytest
from bad_endpoint import Answer, Request, bad_endpoint, chat, honest_rewriter, message_of
from hang import HANG

from scamdetect.bench.answers import Rewriter, Setting
from scamdetect.bench.endpoints import endpoint
from scamdetect.bench.rewriting.by_model import LONGEST, rewriter_of
from scamdetect.errors import EndpointError

pytestmark = pytest.mark.network_loopback

TEXT = "My heart, the captain wants 400 for my leave papers"
OTHER = "Dearest, 400 is what the captain asks for my leave"


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setattr(endpoint, "_BACKOFF", lambda state: 0.0)
    return Setting(tmp_path, lambda line: None, timeout=HANG)


@pytest.fixture
def rewrite(setting: Setting) -> Callable[..., str | None]:
    """Return a function that rewrites a text by a server of this script."""

    def run(
        script: Any,  # noqa: ANN401
        text: str = TEXT,
        lang: str = "en",
        change: str = "paraphrase",
        seen: list[Request] | None = None,
    ) -> str | None:
        with bad_endpoint(script, seen) as url:
            return rewriter_of(f"{url}/v1", "writer-1", setting).rewrite(text, lang, change)

    return run


Rewrite = Callable[..., str | None]


def wrapped(text: str) -> Answer:
    return chat(f"<rewritten>{text}</rewritten>")


@pytest.mark.parametrize("change", ["paraphrase", "friendlier", "shorter", "more_formal"])
def test_changes_within_a_language(rewrite: Rewrite, change: str) -> None:
    seen: list[Request] = []
    script = honest_rewriter(lambda text: text.replace("wants", "asks for"))
    assert rewrite(script, TEXT, "pcm", change, seen) == TEXT.replace("wants", "asks for")
    assert message_of(seen[0]) == TEXT
    system = seen[0].body["messages"][0]["content"]
    assert "code is pcm" in system and "test detectors" in system and "[link]" in system


@pytest.mark.parametrize(("lang", "away"), [("en", "es"), ("vi", "en"), ("es", "en")])
def test_a_text_is_translated_there_and_back(rewrite: Rewrite, lang: str, away: str) -> None:
    seen: list[Request] = []
    assert rewrite([wrapped("there"), wrapped("and back")], TEXT, lang, "translate_back", seen) == (
        "and back"
    )
    assert [message_of(request) for request in seen] == [TEXT, "there"]
    for request, code in zip(seen, (away, lang), strict=True):
        assert f"language with the code {code}." in request.body["messages"][0]["content"]


def test_a_translation_that_fails_on_the_way_is_none(rewrite: Rewrite) -> None:
    seen: list[Request] = []
    assert rewrite([chat("Sorry, no.")], TEXT, "vi", "translate_back", seen) is None
    assert len(seen) == 1


@pytest.mark.parametrize("begin", ["<think>", ""])
def test_what_a_model_thinks_is_no_message(rewrite: Rewrite, begin: str) -> None:
    draft = f"{begin}As asked: <rewritten>a draft</rewritten>. Better so.</think>"
    assert rewrite([chat(f"{draft}<rewritten>{OTHER}</rewritten>")]) == OTHER


NOTHING = {
    "two answers": chat(f"<rewritten>{OTHER}</rewritten> or <rewritten>Hi</rewritten>"),
    "thoughts without an end": chat(f"<think>Perhaps <rewritten>{OTHER}</rewritten>, or"),
    "refused": chat(None, refusal="I cannot."),
    "filtered": chat("<rewritten>hi</rewritten>", finish="content_filter"),
    "refused in prose": chat("I'm sorry, but I can't help with that."),
    "cut": chat(f"<rewritten>{OTHER}", finish="length"),
    "empty": wrapped("  \n"),
    "fence of nothing": wrapped("```\n\n```"),
    "unchanged": wrapped(f" {TEXT.upper()}\n"),
}


@pytest.mark.parametrize("answer", NOTHING.values(), ids=NOTHING)
def test_what_is_no_rewrite_is_none(rewrite: Rewrite, answer: Answer) -> None:
    assert rewrite([answer]) is None


@pytest.mark.parametrize(
    "written", [f'"{OTHER}"', f"“{OTHER}”", f"```\n{OTHER}\n```", f"```text\n“{OTHER}”\n```", OTHER]
)
def test_fences_and_quotes_of_the_model_are_taken_off(rewrite: Rewrite, written: str) -> None:
    assert rewrite([chat(f"Sure!\n<rewritten>\n{written}\n</rewritten>")]) == OTHER


def test_quotes_of_the_message_stay(rewrite: Rewrite) -> None:
    assert rewrite([wrapped('"Pay at once"')], '"Pay now"') == '"Pay at once"'


@pytest.mark.parametrize(
    ("text", "written", "kept"),
    [
        ("Pay at [link] now", "Now pay at [link]!", True),
        ("Pay at [link] now", "Now pay at [enlace]!", False),
        ("Go to https://bank.example/a?b=1.", "Visit https://bank.example/a?b=1, please", True),
        ("Go to https://bank.example/a?b=1.", "Visit https://bank.example, please", False),
        ("请访问bank.example/a马上", "马上去bank.example/a", True),
        ("请访问bank.example马上", "马上去 bank-example", False),
        ("Done.call me", "It is done. Call me", True),
    ],
)
def test_links_and_masks_must_come_through(
    rewrite: Rewrite, text: str, written: str, kept: bool
) -> None:
    assert rewrite([wrapped(written)], text) == (written if kept else None)


def test_a_long_text_is_not_asked_about(rewrite: Rewrite) -> None:
    seen: list[Request] = []
    assert rewrite([wrapped(OTHER)], "a " * LONGEST, seen=seen) is None
    assert seen == []


def test_a_second_run_costs_no_call(setting: Setting) -> None:
    seen: list[Request] = []
    with bad_endpoint([wrapped("there"), wrapped("back"), chat("No.")], seen) as url:
        for _ in range(2):
            rewriter = rewriter_of(url, "writer-1", setting)
            assert rewriter.rewrite(TEXT, "vi", "translate_back") == "back"
            assert rewriter.rewrite(TEXT, "vi", "paraphrase") is None
    assert len(seen) == 3


def test_what_is_down_stops_and_tells_no_text(rewrite: Rewrite) -> None:
    with pytest.raises(EndpointError, match="HTTP 500") as caught:
        rewrite([bad.DOWN])
    assert TEXT not in str(caught.value)


def test_an_answer_that_was_cut_is_asked_for_again(rewrite: Rewrite) -> None:
    # Else the next run would find it, and have other rows.
    assert rewrite([bad.CUT_JSON, wrapped(OTHER)]) == OTHER


@pytest.mark.parametrize("answer", [Answer(status=400), bad.PROSE], ids=["filtered", "prose page"])
def test_what_is_not_answered_stays_so(answer: Answer, setting: Setting) -> None:
    def script(request: Request) -> Answer:
        return answer if message_of(request) == TEXT else wrapped(OTHER)

    seen: list[Request] = []
    with bad_endpoint(script, seen) as url:
        assert rewriter_of(url, "writer-1", setting).rewrite(TEXT, "en", "shorter") is None
        asked = len(seen)
        assert rewriter_of(url, "writer-1", setting).rewrite(TEXT, "en", "shorter") is None
    assert len(seen) == asked


@pytest.mark.parametrize("answer", [bad.PROSE, bad.NO_CHOICES], ids=["prose page", "no choices"])
def test_what_is_no_chat_endpoint_stops(rewrite: Rewrite, answer: Answer) -> None:
    with pytest.raises(EndpointError, match="address"):
        rewrite([answer])


def test_a_text_that_the_service_filters_is_none(rewrite: Rewrite) -> None:
    def answer(request: Request) -> Answer:
        return Answer(status=400) if TEXT in message_of(request) else wrapped(OTHER)

    assert rewrite(answer) is None


def test_it_says_how_it_rewrites(setting: Setting) -> None:
    rewriter: Rewriter = rewriter_of("https://host.test/v1", "writer-1", setting)
    assert rewriter.name == "writer-1"
    assert sorted(rewriter.changes) == [
        "friendlier", "more_formal", "paraphrase", "shorter", "translate_back"
    ]  # fmt: skip
    assert len(set(rewriter.changes.values())) == 5
    assert rewriter.changes["translate_back"].count("Your task:") == 2
    with pytest.raises(KeyError):
        rewriter.rewrite(TEXT, "en", "angrier")
