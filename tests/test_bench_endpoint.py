"""An endpoint is asked again after what may pass, at a rate, within a budget, and tells nothing."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import bad_endpoint as bad
import pytest
from bad_endpoint import Answer, Request, bad_endpoint
from hang import HANG

from scamdetect.bench.endpoints.endpoint import Endpoint, address, key_for, url_identity
from scamdetect.errors import BudgetSpent, EndpointError, InputError

pytestmark = pytest.mark.network_loopback

KEY = "sk-very-secret-0123456789"
TEXT = "Professor Lim's group made 38 % in May"
FINE = bad.as_json({"fine": True})


def endpoint(url: str, **settings: Any) -> Endpoint:  # noqa: ANN401
    return Endpoint(url, **{"timeout": HANG, "sleep": lambda seconds: None, **settings})


@pytest.mark.parametrize(
    "passing",
    [bad.BUSY, bad.DOWN, bad.HANGS_UP, bad.CUT_CONNECTION, Answer(status=503), Answer(status=408)],
)
def test_what_may_pass_is_asked_again(passing: Answer) -> None:
    seen: list[Request] = []
    with bad_endpoint([passing, passing, FINE], seen) as url:
        reply = endpoint(url).post({"texts": [TEXT]})
    assert reply.body == {"fine": True} and reply.seconds > 0
    assert [request.body for request in seen] == [{"texts": [TEXT]}] * 3


@pytest.mark.parametrize(
    ("status", "cure"),
    [(400, "documentation"), (401, "SCAMDETECT_API_KEY"), (404, "address"), (307, "redirects to")],
)
def test_what_will_not_pass_is_asked_once(status: int, cure: str) -> None:
    seen: list[Request] = []
    elsewhere = {"Location": "http://127.0.0.1:9/"}
    with bad_endpoint([Answer(b"no", status, elsewhere), FINE], seen) as url:
        with pytest.raises(EndpointError, match=cure) as caught:
            endpoint(url).post({})
    assert (caught.value.status, len(seen)) == (status, 1)


def test_an_endpoint_that_stays_down_is_given_up_after_some_attempts() -> None:
    seen: list[Request] = []
    with bad_endpoint([bad.DOWN], seen) as url:
        with pytest.raises(EndpointError, match=f"{url}.*tried 3 times.*HTTP 500") as caught:
            endpoint(url, attempts=3).post({})
    assert (caught.value.status, len(seen)) == (500, 3)


def test_a_port_without_a_server_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(EndpointError, match=rf"{url}.*tried once.*ConnectError"):
        endpoint(url, attempts=1).post({})


@pytest.mark.parametrize("slow", [bad.late(FINE, 0.5), Answer(b"[1]" * 50, drip=0.05)])
def test_an_answer_that_takes_too_long_is_left(slow: Answer) -> None:
    with bad_endpoint([slow]) as url, pytest.raises(EndpointError, match=r"within 0\.2 s"):
        endpoint(url, timeout=0.2, attempts=1).post({})


@pytest.mark.parametrize("answer", [bad.PROSE, bad.CUT_JSON, bad.NESTED, Answer(b"\xff\xfe{")])
def test_an_answer_that_is_no_json_is_none(answer: Answer) -> None:
    with bad_endpoint([answer]) as url:
        assert endpoint(url).post({}).body is None


def test_a_huge_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Answer(b'"' + b"x" * 200_000 + b'"'), FINE]
    monkeypatch.setattr("scamdetect.bench.endpoints.endpoint.MAX_ANSWER_BYTES", 100_000)
    with bad_endpoint(answers) as url:
        asked = endpoint(url)
        assert asked.post({}).body is None
        assert asked.post({}).body == {"fine": True}


def test_text_that_utf8_cannot_hold_is_sent() -> None:
    seen: list[Request] = []
    with bad_endpoint([FINE], seen) as url:
        endpoint(url).post({"texts": ["a\ud800b", "สวัสดี"]})
    assert seen[0].body == {"texts": ["a\ud800b", "สวัสดี"]}


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0.5, 60),
        ("86400", 60, 60),
        ("", 0.5, 60),
        ("soon", 0.5, 60),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0.5, 60),
        ("Fri, 01 Jan 2500 00:00:00 GMT", 60, 60),
    ],
)
def test_the_wait_is_what_the_server_asks_for_within_limits(
    asked: str, least: float, most: float
) -> None:
    slept: list[float] = []
    with bad_endpoint([Answer(status=429, headers={"Retry-After": asked}), FINE]) as url:
        endpoint(url, sleep=slept.append).post({})
    assert len(slept) == 1 and least <= slept[0] <= most


def test_threads_share_the_rate_and_repeats_count(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = SimpleNamespace(monotonic=lambda: 100.0, perf_counter=lambda: 0.0)
    monkeypatch.setattr("scamdetect.bench.endpoints.endpoint.time", stopped)
    monkeypatch.setattr("scamdetect.bench.endpoints.endpoint._BACKOFF", lambda state: 77.0)
    slept: list[float] = []
    with bad_endpoint([bad.DOWN, FINE]) as url:
        asked = endpoint(url, per_second=50, sleep=slept.append)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(asked.post, range(11)))
    assert sorted(slept) == pytest.approx([turn / 50 for turn in range(1, 12)] + [77.0])


def test_threads_share_the_budget() -> None:
    seen: list[Request] = []
    with bad_endpoint([FINE], seen) as url:
        asked = endpoint(url, max_calls=5)

        def outcome(number: int) -> str:
            try:
                return str(asked.post(number).body)
            except BudgetSpent as problem:
                return str(problem)

        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(outcome, range(9)))
    assert len(seen) == 5
    assert outcomes.count("{'fine': True}") == 5
    (spent,) = set(outcomes) - {"{'fine': True}"}
    assert "budget of 5 calls" in spent and "--max-calls" in spent


def test_repeats_spend_the_budget() -> None:
    with bad_endpoint([bad.DOWN]) as url, pytest.raises(BudgetSpent):
        endpoint(url, max_calls=2, attempts=9).post({})


SILENT = {
    "down": Answer(TEXT.encode(), 500),
    "refuses": Answer(TEXT.encode(), 400),
    "hangs up": bad.HANGS_UP,
    "no HTTP": Answer(TEXT.encode(), headers={"Content-Encoding": "gzip"}),
    "cut": Answer(TEXT.encode(), claimed=900),
}


@pytest.mark.parametrize("answer", SILENT.values(), ids=SILENT)
def test_neither_key_nor_text_nor_query_is_told(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="scamdetect")
    seen: list[Request] = []
    with bad_endpoint([answer], seen) as url:
        asked = endpoint(f"{url}/score?token=hidden", key=KEY, attempts=2)
        with pytest.raises(EndpointError) as caught:
            asked.post({"texts": [TEXT]})
    assert seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert seen[0].path == "/score?token=hidden"
    told = "".join(traceback.format_exception(caught.value)) + repr(asked) + caplog.text
    assert f"{url}/score" in told
    assert not any(secret in told for secret in (KEY, TEXT, "hidden", TEXT[:9]))


def test_no_library_logs_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with bad_endpoint([FINE]) as url:
        endpoint(url, key=KEY).post({"texts": [TEXT]})
    assert caplog.records and KEY not in caplog.text and TEXT not in caplog.text


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with bad_endpoint([FINE]) as url:
        assert endpoint(url, attempts=1).post({}).body == {"fine": True}


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("ftp://host.example/a", "scheme 'ftp'"),
        ("host.example/a", "http://host:port/path"),
        ("http://", "http://host:port/path"),
        ("http://host.example:port/", "not a URL"),
        (f"https://me:{KEY}@host.example/", "user and password"),
        ("https://host.example/#model", "#"),
    ],
)
def test_what_is_no_address_is_refused(url: str, cure: str) -> None:
    with pytest.raises(InputError, match=cure) as caught:
        Endpoint(url)
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"per_second": 0},
        {"per_second": float("nan")},
        {"max_calls": -1},
        {"attempts": 0},
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InputError):
        endpoint("http://127.0.0.1/", **settings)


@pytest.mark.parametrize("wrong", [f"{KEY}\n{KEY}", f"{KEY}é", f"{KEY} {KEY}", " "])
def test_a_key_that_no_header_holds_is_refused_unseen(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCAMDETECT_API_KEY", wrong)
    for use in (lambda: key_for("http://a.example"), lambda: endpoint("http://a.test", key=wrong)):
        with pytest.raises(InputError, match="SCAMDETECT_API_KEY") as caught:
            use()
        assert KEY not in str(caught.value)


def test_keys_go_where_they_belong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCAMDETECT_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    assert key_for("https://api.openai.com/v1") == "theirs"
    assert key_for("http://api.openai.com/v1") is None
    assert key_for("https://notopenai.com/v1") is None
    assert key_for("https://detector.example") is None
    monkeypatch.setenv("SCAMDETECT_API_KEY", "ours\n")
    assert key_for("https://detector.example") == "ours"
    assert key_for("https://api.openai.com/v1") == "ours"


def test_targets_and_identities() -> None:
    assert address("//host.test/a") == "http://host.test/a"
    assert address("https://host.test/a") == "https://host.test/a"
    one, other = (url_identity(f"https://host.test/a?v={n}") for n in (1, 2))
    assert one != other and one.startswith("https://host.test/a?") and "v=" not in one
    assert url_identity("https://host.test/a") == "https://host.test/a"


def test_more_threads_than_a_pool_has_room_for_wait_for_no_turn() -> None:
    everyone = threading.Barrier(210)

    def answer(request: Request) -> Answer:
        everyone.wait(HANG)
        return FINE

    with bad_endpoint(answer) as url:
        asked = endpoint(url, attempts=1)
        with ThreadPoolExecutor(210) as pool:
            assert all(reply.body for reply in pool.map(asked.post, range(210)))


def test_many_threads_get_their_own_answers() -> None:
    def echo(request: Request) -> Answer:
        return bad.as_json(request.body)

    barrier = threading.Barrier(4)
    with bad_endpoint(echo) as url:
        asked = endpoint(url)

        def ask(number: int) -> bool:
            if number < 4:
                barrier.wait(HANG)
            return asked.post({"n": number}).body == {"n": number}

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(ask, range(40)))
