"""The service in this process: what it answers, what it refuses, and that it keeps texts quiet."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import httpx
import pytest
from hang import HANG
from tiny_bundle import CONVERSATION, PRESET_POINTS, write_tiny_bundle

from scamdetect import Prediction, ScamDetector
from scamdetect.dumps.allow_list import AllowList, template_hash
from scamdetect.errors import InputError

pytest.importorskip("starlette", reason="needs the extra serve")

from scamdetect.serve.app import create_app
from scamdetect.serve.request import Limits

LURE = "Guaranteed profit, darling! Buy a gift card"
SECRET = "my-secret-words"
JSON = {"Content-Type": "application/json"}
TOKEN = {"Authorization": "Bearer s3cret"}

Talk = Callable[[httpx.AsyncClient], Awaitable[Any]]


def talk(
    detector: Any,  # noqa: ANN401
    conversation: Talk,
    limits: Limits | None = None,
    token: str | None = None,
    headers: dict[str, str] | None = None,
    **options: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Return what the conversation with the service returns; ``headers`` go with each request."""

    async def run() -> Any:  # noqa: ANN401
        app = create_app(detector, limits, token, **options)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://service", headers=headers
        ) as client:
            return await conversation(client)

    return asyncio.run(run())


def post(detector: Any, content: Any, limits: Limits | None = None, **headers: str) -> Any:  # noqa: ANN401
    return talk(
        detector,
        lambda client: client.post("/v1/predict", content=content, headers=JSON | headers),
        limits,
    )


async def shown(client: httpx.AsyncClient, line: str) -> None:
    """Wait until the metrics have the line."""
    while f"{line}\n" not in (await client.get("/metrics")).text:
        await asyncio.sleep(0.01)


class Held:
    """Answers once it is let go, and counts how many calls ran at the same time."""

    model_id = "held@0+0"
    presets: dict[str, Any] = {}

    def __init__(self, detector: ScamDetector) -> None:
        self.go = threading.Event()
        self.calls = self.most = self.now = 0
        self._lock = threading.Lock()
        self._detector = detector

    def predict(self, texts: Iterable[object], /) -> list[Prediction]:
        with self._lock:
            self.calls += 1
            self.now += 1
            self.most = max(self.most, self.now)
        self.go.wait(HANG)
        with self._lock:
            self.now -= 1
        return self._detector.predict(texts)


@pytest.fixture(scope="module")
def judging(tmp_path_factory: pytest.TempPathFactory) -> ScamDetector:
    """Return a detector with every preset and a rule for conversations."""
    folder = tmp_path_factory.mktemp("bundles") / "judging"
    write_tiny_bundle(folder, operating_points=PRESET_POINTS, conversation=CONVERSATION)
    return ScamDetector.load(folder, threads=1, cache_size=0)


def test_predictions_are_those_of_python(detector: ScamDetector) -> None:
    texts = [LURE, None, "", "hello lunch", "\ud800 profit", "a\x00b", "利润"]
    answer = post(detector, json.dumps({"texts": texts}))
    assert answer.status_code == 200
    assert answer.json() == {"predictions": [p.to_dict() for p in detector.predict(texts)]}
    assert post(detector, '{"texts": []}').json() == {"predictions": []}


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/conversation", "/v1/explain"])
@pytest.mark.parametrize(
    "body",
    [b'{"my-secret-words": 1}', b'["my-secret-words"]', b'{"texts": ["my-secret-words", 1]}'],
)
def test_what_cannot_be_answered_has_one_shape_and_no_text(
    detector: ScamDetector, path: str, body: bytes
) -> None:
    answer = talk(
        detector,
        lambda client: client.post(path, content=body),
        token="s3cret",
        headers=JSON | TOKEN,
    )
    assert answer.status_code == 422
    assert answer.json().keys() == {"error"}
    assert answer.json()["error"].keys() == {"code", "message"}
    assert SECRET not in answer.text


def test_ids_come_back_and_are_not_logged(
    detector: ScamDetector, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [SECRET, 7, -(2**63), ""]
    with caplog.at_level(logging.DEBUG):
        answer = post(detector, json.dumps({"texts": [LURE, "hello", None, ""], "ids": ids}))
        refused = post(detector, json.dumps({"texts": [LURE, "hello"], "ids": [SECRET, None]}))
    assert answer.json().keys() == {"ids", "predictions"}
    assert answer.json()["ids"] == ids and len(answer.json()["predictions"]) == 4
    assert refused.json()["error"]["code"] == "wrong_value"
    assert SECRET not in refused.text + caplog.text


def test_a_preset_changes_decisions_and_shows_no_threshold(judging: ScamDetector) -> None:
    text = "profit gift"  # a scam probability of 0.94
    plain = post(judging, json.dumps({"texts": [text]})).json()["predictions"][0]
    assert plain["decision"] == "flag" and "threshold" not in json.dumps(plain)
    for preset, decision in (("strict", "review"), ("sweep", "flag")):
        found = post(judging, json.dumps({"texts": [text], "preset": preset})).json()
        assert found == {"predictions": [plain | {"decision": decision}]}


@pytest.mark.parametrize("key", ["flag", "review", "threshold", "thresholds", "kind_flags"])
def test_no_thresholds_are_accepted(judging: ScamDetector, key: str) -> None:
    answer = post(judging, json.dumps({"texts": [LURE], key: 0.5}))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "wrong_members")


def test_a_preset_that_flags_of_kinds_rule_out_is_not_offered(judging: ScamDetector) -> None:
    strict = judging.with_thresholds(flag=0.95, kind_flags={"romance": 0.92})
    for preset, status in (("strict", 200), ("balanced", 422), ("sweep", 422)):
        body = json.dumps({"texts": [LURE], "preset": preset})
        assert post(strict, body).status_code == status


TALK = [
    {"sender": "mia", "text": "hello lunch", "time": "2026-03-01T09:00:00Z"},
    {"sender": "you", "text": "guaranteed profit?", "time": 1772355700},
    {"sender": "mia", "text": LURE, "time": None},
    "thanks",
    None,
]


def guarded(detector: Any, path: str, body: Any, token: str | None = "s3cret") -> httpx.Response:  # noqa: ANN401
    answer: httpx.Response = talk(
        detector, lambda client: client.post(path, json=body), token=token, headers=TOKEN
    )
    return answer


def test_a_conversation_is_judged_as_in_python(judging: ScamDetector) -> None:
    body = {"messages": TALK, "me": "you", "id": "thread 7"}
    answer = guarded(judging, "/v1/conversation", body)
    expected = judging.predict_conversation(TALK, me="you")
    assert expected.suspect == "mia"
    assert answer.json() == {"id": "thread 7", "conversation": expected.to_dict()}


def test_texts_are_explained_as_in_python(judging: ScamDetector) -> None:
    texts = [f"{LURE}. See you at lunch", None]
    answer = guarded(judging, "/v1/explain", {"texts": texts, "ids": [1, "b"]})
    expected = [judging.explain(text).to_dict() for text in texts]
    assert expected[0]["spans"]
    assert answer.json() == {"ids": [1, "b"], "explanations": expected}


def test_an_explanation_has_the_decision_of_the_prediction(judging: ScamDetector) -> None:
    known = AllowList(frozenset([("bank", None)]))
    body = {"texts": [LURE, "profit gift"], "senders": ["bank", None], "preset": "strict"}

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        paths = ("/v1/predict", "/v1/explain")
        answers = [await client.post(path, json=body) for path in paths]
        return [*answers, await client.get("/metrics")]

    predicted, explained, page = talk(
        judging, conversation, token="s3cret", headers=TOKEN, allow_list=known
    )
    found = [one["prediction"] for one in explained.json()["explanations"]]
    assert found == predicted.json()["predictions"]
    assert [one["decision"] for one in found] == ["pass", "review"]
    assert "scamdetect_rows_total 4\n" in page.text


@pytest.mark.parametrize("path", ["/v1/conversation", "/v1/explain"])
def test_costly_paths_need_a_service_with_a_token(judging: ScamDetector, path: str) -> None:
    body = {"texts": [LURE]} if path == "/v1/explain" else {"messages": [LURE]}
    without = guarded(judging, path, body, token=None)
    assert (without.status_code, without.json()["error"]["code"]) == (403, "needs_token")
    other = guarded(judging, path, body, token="another")
    assert (other.status_code, other.headers["www-authenticate"]) == (401, "Bearer")
    assert guarded(judging, path, body).status_code == 200


def test_few_texts_are_explained_at_once(judging: ScamDetector) -> None:
    answer = guarded(judging, "/v1/explain", {"texts": ["hi"] * (Limits().explained + 1)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "too_many_texts")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_only_plain_json_is_read(
    detector: ScamDetector, headers: dict[str, str], status: int
) -> None:
    assert post(detector, '{"texts": ["hi"]}', **headers).status_code == status


def test_a_body_too_large_is_refused_before_it_is_read(detector: ScamDetector) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:  # noqa: ANN401
        pytest.fail("the body was read")

    async def send(message: Any) -> None:  # noqa: ANN401
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"101")]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/predict", "headers": headers,
        "query_string": b"",
    }  # fmt: skip
    asyncio.run(create_app(detector, Limits(body_bytes=100))(scope, receive, send))
    assert sent[0]["status"] == 413 and b"larger than 100 bytes" in sent[1]["body"]


def test_a_body_that_does_not_say_its_size_is_counted(detector: ScamDetector) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 10
            yield b"x" * 10

    assert post(detector, endless(), Limits(body_bytes=100)).status_code == 413
    assert read <= 120


def test_a_slow_body_is_given_up(detector: ScamDetector) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b'{"texts"'
        await asyncio.sleep(10)
        yield b': ["hi"]}'

    answer = post(detector, slow(), Limits(body_seconds=0.05))
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "too_slow")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        (b"Bearer other", 401),
        (b"Bearer", 401),
        (b"Basic s3cret", 401),
        ("Bearer s3crét".encode("latin-1"), 401),
        (b"Bearer s3cret", 200),
        (b"bearer s3cret", 200),
    ],
)
def test_a_token_guards_all_but_that_it_lives(
    detector: ScamDetector, header: bytes | None, status: int
) -> None:
    given = {} if header is None else {"Authorization": header}

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.post("/v1/predict", json={"texts": ["hi"]}, headers=given),
            await client.get("/metrics", headers=given),
            await client.get("/healthz", headers=given),
        ]

    predicted, metrics, health = talk(detector, conversation, token="s3cret")
    assert (predicted.status_code, metrics.status_code) == (status, status)
    # Probes have no token, and whoever has none does not learn which model it is.
    assert health.status_code == 200
    named = {"model_id": detector.model_id} if status == 200 else {}
    assert health.json() == {"status": "ok"} | named
    if status == 401:
        assert predicted.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("host", "local", "token", "status"),
    [
        ("127.0.0.1:8000", True, None, 200),
        ("localhost", True, None, 200),
        ("LOCALHOST:8000", True, None, 200),
        ("[::1]:8000", True, None, 200),
        ("192.0.2.7", True, None, 200),
        ("rebound.example:8000", True, None, 421),
        ("127.0.0.1.rebound.example", True, None, 421),
        ("localhost@rebound.example", True, None, 421),
        ("[", True, None, 421),
        ("", True, None, 421),
        ("scamdetect:8000", False, None, 200),
        ("scamdetect.example", True, "s3cret", 200),
    ],
)
def test_a_web_page_reaches_no_local_service_under_its_own_name(
    detector: ScamDetector, host: str, local: bool, token: str | None, status: int
) -> None:
    headers = {"Host": host, "Authorization": "Bearer s3cret"}

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.post("/v1/predict", json={"texts": ["hi"]}, headers=headers),
            await client.get("/metrics", headers=headers),
            await client.get("/healthz", headers=headers),
        ]

    answers = talk(detector, conversation, token=token, local=local)
    assert [answer.status_code for answer in answers] == [status] * 3
    if status == 421:
        assert {answer.json()["error"]["code"] for answer in answers} == {"wrong_host"}
        assert detector.model_id not in answers[2].text
    else:
        assert answers[2].json() == {"status": "ok", "model_id": detector.model_id}


def test_what_is_allowed_passes(detector: ScamDetector) -> None:
    known = AllowList(frozenset([("bank", None), (None, template_hash(f"{LURE} 17"))]))
    bodies = [
        {"texts": [LURE, LURE, "hello"], "senders": ["bank", None, "bank"]},
        {"texts": [f"{LURE} 99"]},
        {"texts": [LURE], "senders": None},
        {"texts": [LURE], "senders": ["bank", "bank"]},
        {"texts": [LURE], "senders": [7]},
    ]

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        answers = [await client.post("/v1/predict", json=body) for body in bodies]
        return [*answers, await client.get("/metrics")]

    some, one, *refused, page = talk(detector, conversation, allow_list=known)
    found = [(one["decision"], one["reason"]) for one in some.json()["predictions"]]
    assert found == [("pass", "allowed by sender"), ("flag", None), ("pass", None)]
    assert one.json()["predictions"][0]["reason"] == "allowed by template"
    assert [answer.status_code for answer in refused] == [422, 422, 422]
    assert '"senders" has 2 entries' in refused[1].json()["error"]["message"]
    assert "senders[0] is a number" in refused[2].text
    assert "scamdetect_allowed_total 2\n" in page.text
    unasked = post(detector, json.dumps(bodies[0]))
    assert (unasked.status_code, unasked.json()["error"]["code"]) == (422, "wrong_members")


def test_more_than_may_wait_are_told_when_to_come_again(detector: ScamDetector) -> None:
    held = Held(detector)

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        def ask() -> asyncio.Task[httpx.Response]:
            return asyncio.create_task(client.post("/v1/predict", json={"texts": [LURE]}))

        first = [ask() for _ in range(3)]
        await shown(client, "scamdetect_waiting_requests 2")
        while held.calls == 0:
            await asyncio.sleep(0.01)
        refused = await ask()
        assert held.calls == 1
        held.go.set()
        return [*(await asyncio.gather(*first)), refused]

    *answered, refused = talk(held, conversation, Limits(parallel=1, queue=2))
    assert [answer.status_code for answer in answered] == [200, 200, 200]
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")
    assert int(refused.headers["retry-after"]) >= 1
    assert held.most == 1


def test_no_body_is_read_where_no_more_may_wait(detector: ScamDetector) -> None:
    held, read = Held(detector), list[int]()

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield b"{"

    async def conversation(client: httpx.AsyncClient) -> int:
        asked = [
            asyncio.create_task(client.post("/v1/predict", json={"texts": [LURE]}))
            for _ in range(2)
        ]
        await shown(client, "scamdetect_waiting_requests 1")
        while held.calls == 0:
            await asyncio.sleep(0.01)
        refused = await client.post("/v1/predict", content=body(), headers=JSON)
        held.go.set()
        await asyncio.gather(*asked)
        return refused.status_code

    assert talk(held, conversation, Limits(parallel=1, queue=1)) == 503 and not read


def test_nobody_waits_longer_than_the_limit(detector: ScamDetector) -> None:
    held = Held(detector)

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        first = asyncio.create_task(client.post("/v1/predict", json={"texts": [LURE]}))
        while held.calls == 0:
            await asyncio.sleep(0.01)
        second = await client.post("/v1/predict", json={"texts": [LURE]})
        held.go.set()
        return [
            await first,
            second,
            await client.post("/v1/predict", json={"texts": [LURE]}),
        ]

    answers = talk(held, conversation, Limits(parallel=1, wait_seconds=0.1))
    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert held.calls == 2


def test_who_left_while_waiting_is_not_scored(detector: ScamDetector) -> None:
    held = Held(detector)

    async def converse() -> str:
        app = create_app(held, Limits(parallel=1))
        heard = [{"type": "http.request", "body": b'{"texts": ["hi"]}'}]

        async def receive() -> Any:  # noqa: ANN401
            return heard.pop(0) if heard else {"type": "http.disconnect"}

        async def send(message: Any) -> None:  # noqa: ANN401
            pass

        scope = {
            "type": "http", "method": "POST", "path": "/v1/predict", "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }  # fmt: skip
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            first = asyncio.create_task(client.post("/v1/predict", json={"texts": [LURE]}))
            await shown(client, "scamdetect_working_requests 1")
            gone = asyncio.create_task(app(scope, receive, send))
            await shown(client, "scamdetect_waiting_requests 1")
            held.go.set()
            await asyncio.gather(first, gone)
            return (await client.get("/metrics")).text

    page = asyncio.run(converse())
    assert held.calls == 1
    assert 'path="/v1/predict",status="200"} 1' in page
    assert 'path="/v1/predict",status="499"} 1' in page
    assert "scamdetect_working_requests 0" in page


def test_200_requests_at_once_get_their_own_answers(detector: ScamDetector) -> None:
    texts = [f"{'profit ' * (number % 3)}hello {number}" for number in range(200)]

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        asked = (client.post("/v1/predict", json={"texts": [text]}) for text in texts)
        return await asyncio.gather(*asked)

    answers = talk(detector, conversation, Limits(parallel=4, queue=200, wait_seconds=HANG))
    found = [answer.json()["predictions"][0] for answer in answers]
    assert found == [one.to_dict() for one in detector.predict(texts)]


def test_a_failure_says_nothing_of_the_text(
    detector: ScamDetector, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        model_id = "failing@0+0"
        presets: dict[str, Any] = {}

        def predict(self, texts: Iterable[object], /) -> list[Prediction]:
            raise RuntimeError(f"cannot read {texts}")

    with caplog.at_level(logging.DEBUG):
        answer = post(Failing(), json.dumps({"texts": [SECRET]}))
    assert answer.status_code == 500 and answer.json()["error"]["code"] == "failed"
    assert SECRET not in answer.text + caplog.text
    assert "/v1/predict failed: RuntimeError" in caplog.text


def test_metrics_add_up(detector: ScamDetector) -> None:
    async def conversation(client: httpx.AsyncClient) -> str:
        for texts in ([LURE, "hello", None], [LURE]):
            await client.post("/v1/predict", json={"texts": texts})
        await client.post("/v1/predict", content=b"{", headers=JSON)
        await client.post("/v1/conversation", json={"messages": [SECRET]})
        await client.get(f"/{SECRET}")
        return (await client.get("/metrics")).text

    page = talk(detector, conversation, token="s3cret", headers=TOKEN)
    found = dict(re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", page, re.MULTILINE))
    assert found['scamdetect_requests_total{path="/v1/predict",status="200"}'] == "2"
    assert found['scamdetect_requests_total{path="/v1/predict",status="400"}'] == "1"
    assert found['scamdetect_requests_total{path="other",status="404"}'] == "1"
    assert found["scamdetect_rows_total"] == "4"
    assert found['scamdetect_decisions_total{decision="flag"}'] == "2"
    assert found['scamdetect_conversations_total{decision="pass"}'] == "1"
    assert found["scamdetect_waiting_requests"] == "0"
    assert found["scamdetect_predict_seconds_count"] == "2"
    assert found['scamdetect_predict_seconds_bucket{le="+Inf"}'] == "2"
    buckets = [int(count) for name, count in found.items() if "_bucket" in name]
    assert buckets == sorted(buckets) and float(found["scamdetect_predict_seconds_sum"]) > 0
    bounds = [float(bound) for bound in re.findall(r'le="([^"]+)"', page)]
    assert bounds == sorted(bounds) and len(bounds) == len(buckets)
    named = {name.partition("{")[0].removesuffix("_bucket") for name in found}
    named -= {f"scamdetect_predict_seconds_{end}" for end in ("sum", "count")}
    assert named == set(re.findall(r"^# HELP (\w+) .", page, re.MULTILINE))
    assert named == set(
        re.findall(r"^# TYPE (\w+) (?:counter|gauge|histogram)$", page, re.MULTILINE)
    )
    assert SECRET not in page and f'model_id="{detector.model_id}"' in page


@pytest.mark.parametrize("host", ["[", 'x/a"b#', "evil.example"])
def test_a_host_names_no_path_in_metrics(detector: ScamDetector, host: str) -> None:
    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        asked = {"headers": {"Host": host}}
        return [await client.get("/healthz", **asked), await client.get("/metrics")]

    health, page = talk(detector, conversation)
    assert health.status_code == 200
    assert 'scamdetect_requests_total{path="/healthz",status="200"} 1' in page.text
    assert page.text.count("scamdetect_requests_total{") == 1 and host not in page.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/healthz/", 404),
        ("POST", "/v1/predict/", 404),
        ("POST", "/openapi.json", 405),
        ("GET", "/v1/explain", 405),
        ("GET", "/v1/predict", 405),
        ("POST", "/healthz", 405),
    ],
)
def test_other_addresses_are_refused_in_json(
    detector: ScamDetector, method: str, path: str, status: int
) -> None:
    answer = talk(detector, lambda client: client.request(method, path))
    assert answer.status_code == status and "/v1/predict" in answer.json()["error"]["message"]
    assert not {name for name in answer.headers if name.startswith("access-control")}


@pytest.mark.parametrize("name", ["texts", "queue", "body_seconds"])
def test_impossible_limits_are_named(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}=0 is invalid"):
        Limits(**{name: 0})
