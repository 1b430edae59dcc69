"""The service: what it answers, what it refuses, and that it shows no text."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from command_line import environment, run
from hang import HANG
from tiny_bundle import CONVERSATION, PRESET_POINTS, write_tiny_bundle

from scamdetect import Prediction, ScamDetector
from scamdetect.dumps.decide import AllowList

pytest.importorskip("fastapi", reason="needs the extra serve")

from scamdetect.serve.app import create_app  # noqa: E402
from scamdetect.serve.schema import Limits  # noqa: E402

LURE = "Guaranteed profit, darling! Buy a gift card"
SECRET = "my-secret-words"
JSON = {"Content-Type": "application/json"}
TOKEN = {"Authorization": "Bearer s3cret"}
PATHS = ["/v1/predict", "/v1/conversation", "/v1/explain"]


def talk(app: Any, conversation: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:  # noqa: ANN401
    """Return what the conversation of a client with the service returns."""

    async def run() -> Any:  # noqa: ANN401
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await conversation(client)

    return asyncio.run(run())


def request(app: Any, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
    answer = talk(app, lambda client: client.request(method, path, **options))
    assert isinstance(answer, httpx.Response)
    return answer


def post(app: Any, path: str, body: object, **headers: str) -> httpx.Response:  # noqa: ANN401
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request(app, "POST", path, content=content, headers=JSON | TOKEN | headers)


@pytest.fixture(scope="module")
def judging(tmp_path_factory: pytest.TempPathFactory) -> ScamDetector:
    """Return a detector with every preset and a rule for conversations."""
    folder = tmp_path_factory.mktemp("bundles") / "judging"
    write_tiny_bundle(folder, operating_points=PRESET_POINTS, conversation=CONVERSATION)
    return ScamDetector.load(folder, threads=1, cache_size=0)


@pytest.fixture(scope="module")
def app(judging: ScamDetector) -> Any:  # noqa: ANN401
    return create_app(judging, token="s3cret")


@pytest.fixture(scope="module")
def limited(judging: ScamDetector) -> Any:  # noqa: ANN401
    return create_app(
        judging, Limits(texts=3, explained=2, characters=50, body_bytes=300), "s3cret"
    )


# -- answers ---------------------------------------------------------------------------------------


def test_predictions_are_those_of_python(app: Any, judging: ScamDetector) -> None:  # noqa: ANN401
    texts = [LURE, None, "", "hello lunch", "\ud800 profit", "a\x00b", "利润", "profit\ud83d"]
    answer = post(app, "/v1/predict", {"texts": texts})
    assert answer.json() == {"predictions": [p.to_dict() for p in judging.predict(texts)]}
    assert post(app, "/v1/predict", {"texts": []}).json() == {"predictions": []}


def test_ids_come_back_unchanged(app: Any) -> None:  # noqa: ANN401
    ids = ["m1", 7, -(2**63), ""]
    answer = post(app, "/v1/predict", {"texts": [LURE, "hello", None, ""], "ids": ids}).json()
    assert answer["ids"] == ids and len(answer["predictions"]) == 4


@pytest.mark.parametrize("preset", ["balanced", "sweep", "strict"])
def test_a_preset_changes_the_decisions(app: Any, judging: ScamDetector, preset: str) -> None:  # noqa: ANN401
    texts = [LURE, "profit", "hello"]
    expected = judging.with_thresholds(preset=preset).predict(texts)  # type: ignore[arg-type]
    answer = post(app, "/v1/predict", {"texts": texts, "preset": preset}).json()
    assert answer == {"predictions": [prediction.to_dict() for prediction in expected]}


def test_explanations_and_conversations_are_those_of_python(
    app: Any,  # noqa: ANN401
    judging: ScamDetector,
) -> None:
    answer = post(app, "/v1/explain", {"texts": [LURE, None], "ids": [1, 2]}).json()
    explanations = [judging.explain(text).to_dict() for text in (LURE, None)]
    assert answer == {"ids": [1, 2], "explanations": explanations}
    messages = [
        {"sender": "mia", "text": LURE, "time": "2026-03-01T09:00:00Z"},
        "hello",
        None,
        {"text": None, "time": 1772356000},
    ]
    answer = post(app, "/v1/conversation", {"messages": messages, "me": "you", "id": 7}).json()
    expected = judging.predict_conversation(messages, me="you").to_dict()
    assert answer == {"id": 7, "conversation": expected}


def test_what_the_allow_list_has_passes(tmp_path: Path, judging: ScamDetector) -> None:
    (tmp_path / "known.txt").write_text("bank\n", encoding="utf-8")
    allow_list = AllowList.load(tmp_path / "known.txt")
    app = create_app(judging, token="s3cret", allow_list=allow_list)
    body = {"texts": [LURE, LURE], "senders": ["bank", None]}
    predictions = post(app, "/v1/predict", body).json()["predictions"]
    assert [prediction["decision"] for prediction in predictions] == ["pass", "flag"]
    explained = post(app, "/v1/explain", body).json()["explanations"]
    assert [one["prediction"]["decision"] for one in explained] == ["pass", "flag"]
    assert "scamdetect_allowed_total 2.0" in request(app, "GET", "/metrics", headers=TOKEN).text


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/predict", b'{"texts": ["my-secret-words"', 400, "not_json"),
        ("/v1/predict", b'{"texts": ["my-secret-words", NaN]}', 400, "not_json"),
        ("/v1/predict", b'{"texts": ["my-secret-words \xff"]}', 400, "not_json"),
        ("/v1/predict", b"[" * 100, 400, "not_json"),
        ("/v1/predict", b'["my-secret-words"]', 422, "wrong_content"),
        ("/v1/predict", {SECRET: 1}, 422, "wrong_content"),
        ("/v1/predict", {"texts": ["hello"], SECRET: 1}, 422, "wrong_content"),
        ("/v1/predict", {"texts": SECRET}, 422, "wrong_content"),
        ("/v1/predict", {"texts": [SECRET, 1]}, 422, "wrong_content"),
        ("/v1/predict", {"texts": [SECRET], "flag": 0.1}, 422, "wrong_content"),
        ("/v1/predict", {"texts": [SECRET], "senders": ["a"]}, 422, "wrong_content"),
        ("/v1/predict", {"texts": [SECRET, ""], "ids": [1]}, 422, "wrong_content"),
        ("/v1/predict", {"texts": [""], "ids": [SECRET * 14]}, 422, "wrong_content"),
        ("/v1/predict", {"texts": [""], "ids": [True]}, 422, "wrong_content"),
        ("/v1/predict", {"texts": [""], "ids": [2**63]}, 422, "wrong_content"),
        ("/v1/predict", {"texts": [""], "preset": SECRET}, 422, "unknown_preset"),
        ("/v1/predict", {"texts": [""] * 4}, 422, "too_many_texts"),
        ("/v1/predict", {"texts": [SECRET * 5]}, 422, "text_too_long"),
        ("/v1/predict", {"texts": [SECRET * 50]}, 413, "body_too_large"),
        ("/v1/explain", {"texts": [SECRET] * 3}, 422, "too_many_texts"),
        ("/v1/conversation", {"messages": [{SECRET: 1}]}, 422, "wrong_content"),
        ("/v1/conversation", {"messages": [{"text": SECRET, "time": True}]}, 422, "wrong_content"),
        ("/v1/conversation", {"messages": [{"text": SECRET, "sender": []}]}, 422, "wrong_content"),
        ("/v1/conversation", {"messages": [{"text": SECRET * 5}]}, 422, "text_too_long"),
        ("/v1/conversation", {"messages": [SECRET], "me": " "}, 422, "wrong_value"),
    ],
)
def test_a_wrong_body_is_refused_without_its_text(
    limited: Any,  # noqa: ANN401
    caplog: pytest.LogCaptureFixture,
    path: str,
    body: object,
    status: int,
    code: str,
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = post(limited, path, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["message"] and SECRET not in answer.text + caplog.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Type": "text/plain"}, 415), ({"Content-Encoding": "gzip"}, 415)],
)
def test_only_plain_json_is_read(app: Any, headers: dict[str, str], status: int) -> None:  # noqa: ANN401
    assert post(app, "/v1/predict", {"texts": []}, **headers).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/v1/predict", 405), ("POST", "/v1/predict/", 404)],
)
def test_other_addresses_are_refused(app: Any, method: str, path: str, status: int) -> None:  # noqa: ANN401
    answer = request(app, method, path, content=b"{}", headers=TOKEN | JSON)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == "no_such_address"
    assert "location" not in answer.headers


@pytest.mark.parametrize("path", [*PATHS, "/metrics", "/openapi.json", "/docs", "/healthz"])
@pytest.mark.parametrize("given", [None, "Bearer no", "Basic s3cret", "Bearer \xff", "Bearer"])
def test_all_but_the_health_needs_the_token(app: Any, path: str, given: str | None) -> None:  # noqa: ANN401
    headers = {} if given is None else {"Authorization": given.encode("latin-1")}
    answer = request(app, "POST" if path in PATHS else "GET", path, headers=headers)
    if path == "/healthz":
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    else:
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"


def test_the_health_names_the_model_only_with_the_token(app: Any, judging: ScamDetector) -> None:  # noqa: ANN401
    answer = request(app, "GET", "/healthz", headers=TOKEN).json()
    assert answer == {"status": "ok", "model_id": judging.model_id}


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:80", 200), ("localhost", 200), ("[::1]:8000", 200), ("evil.example", 421),
     ("localhost.evil.example", 421), ("", 421), ("[", 421)],
)  # fmt: skip
def test_without_a_token_no_web_page_gets_in_by_its_name(
    judging: ScamDetector, host: str, status: int
) -> None:
    app = create_app(judging)
    assert request(app, "GET", "/healthz", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("path", PATHS[1:])
def test_costly_paths_need_a_service_with_a_token(judging: ScamDetector, path: str) -> None:
    answer = post(create_app(judging), path, {"texts": []})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "needs_token")


def test_a_failure_shows_only_its_type(
    judging: ScamDetector, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(ScamDetector, "predict", fail)
    with caplog.at_level(logging.DEBUG):
        answer = post(create_app(judging, token="s3cret"), "/v1/predict", {"texts": [SECRET]})
    assert answer.status_code == 500 and "RuntimeError" in caplog.text
    assert SECRET not in answer.text + caplog.text


# -- many requests ---------------------------------------------------------------------------------


class Waiting(SimpleNamespace):
    """A detector that answers when it is let go."""

    model_id = "waiting@0+0"

    def predict(self, texts: Iterable[object]) -> list[Prediction]:
        self.go.wait(HANG)
        return self.detector.predict(texts)  # type: ignore[no-any-return]

    def with_thresholds(self, *, preset: str | None) -> Waiting:
        return self


def test_more_than_may_wait_are_refused(detector: ScamDetector) -> None:
    waiting = Waiting(go=threading.Event(), detector=detector)
    app = create_app(waiting, Limits(parallel=1, queue=1), "s3cret")  # type: ignore[arg-type]
    body = {"json": {"texts": ["hello"]}, "headers": TOKEN}

    async def conversation(client: httpx.AsyncClient) -> tuple[int, list[int], str]:
        first = [asyncio.create_task(client.post("/v1/predict", **body)) for _ in range(2)]
        while "waiting_requests 1.0" not in (await client.get("/metrics", headers=TOKEN)).text:
            await asyncio.sleep(0.01)
        third = await client.post("/v1/predict", **body)
        waiting.go.set()
        done = [answer.status_code for answer in await asyncio.gather(*first)]
        return third.status_code, done, third.headers["retry-after"]

    assert talk(app, conversation) == (503, [200, 200], "1")


def test_nobody_waits_longer_than_the_limit(detector: ScamDetector) -> None:
    waiting = Waiting(go=threading.Event(), detector=detector)
    app = create_app(waiting, Limits(wait_seconds=0.05), "s3cret")  # type: ignore[arg-type]
    body = {"json": {"texts": ["hello"]}, "headers": TOKEN}

    async def conversation(client: httpx.AsyncClient) -> list[int]:
        tasks = [asyncio.create_task(client.post("/v1/predict", **body)) for _ in range(2)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        waiting.go.set()
        return sorted(answer.status_code for answer in await asyncio.gather(*tasks))

    assert talk(app, conversation) == [200, 503]


def test_requests_at_once_get_their_own_answers(app: Any, judging: ScamDetector) -> None:  # noqa: ANN401
    texts = [f"profit {'hello ' * (n % 7)}" for n in range(40)]

    async def conversation(client: httpx.AsyncClient) -> list[Any]:
        posts = [client.post("/v1/predict", json={"texts": [t]}, headers=TOKEN) for t in texts]
        return [answer.json()["predictions"][0] for answer in await asyncio.gather(*posts)]

    assert talk(app, conversation) == [p.to_dict() for p in judging.predict(texts)]


def test_metrics_add_up_and_have_no_url(judging: ScamDetector) -> None:
    app = create_app(judging, token="s3cret")
    post(app, "/v1/predict", {"texts": [LURE, "hello", None]})
    post(app, "/v1/predict", b"no")
    post(app, "/v1/conversation", {"messages": [LURE]})
    request(app, "GET", f"/{SECRET}", headers=TOKEN)
    page = request(app, "GET", "/metrics", headers=TOKEN).text
    for line in (
        'scamdetect_requests_total{path="/v1/predict",status="200"} 1.0',
        'scamdetect_requests_total{path="other",status="404"} 1.0',
        'scamdetect_decisions_total{decision="flag"} 1.0',
        'scamdetect_decisions_total{decision="unscored"} 1.0',
        "scamdetect_predict_seconds_count 1.0",
        "scamdetect_working_requests 0.0",
    ):
        assert f"{line}\n" in page
    assert "scamdetect_conversations_total" in page and SECRET not in page


# -- description -----------------------------------------------------------------------------------


def test_the_description_is_valid_and_has_every_path(app: Any) -> None:  # noqa: ANN401
    validator = pytest.importorskip("openapi_spec_validator")
    document = request(app, "GET", "/openapi.json", headers=TOKEN).json()
    validator.validate(document)
    assert set(document["paths"]) == {*PATHS, "/healthz", "/metrics", "/docs"}
    assert "'characters': 20000" in document["info"]["description"]
    keys = document["components"]["schemas"]["Texts"]["properties"]
    assert keys.keys() == {"texts", "ids", "senders", "preset"}


def test_the_page_of_the_paths_loads_nothing(app: Any) -> None:  # noqa: ANN401
    page = request(app, "GET", "/docs", headers=TOKEN).text
    assert all(path in page for path in PATHS)
    assert not any(word in page for word in ("http:", "https:", "src=", "<script", "<link"))


# -- the process -----------------------------------------------------------------------------------


@contextmanager
def serving(*options: str | Path, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "scamdetect", "serve", "--port", "0", *map(str, options)],
        env=environment() | variables, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    with process:
        try:
            yield process, process.stderr.readline().split()[-1]
        finally:
            process.kill()


@pytest.mark.network_loopback
def test_the_command_serves_and_ends_on_sigterm(tiny_bundle: Path) -> None:
    options = ("--model", tiny_bundle, "--kind-flag", "romance=0.3")
    with serving(*options, SCAMDETECT_TOKEN="s3cret") as (process, address):
        body = {"json": {"texts": [LURE, "darling"]}, "timeout": HANG}
        assert httpx.post(f"{address}/v1/predict", **body).status_code == 401
        answer = httpx.post(f"{address}/v1/predict", headers=TOKEN, **body).json()
        assert [one["decision"] for one in answer["predictions"]] == ["flag", "flag"]
        process.send_signal(signal.SIGTERM)
        _, printed = process.communicate(timeout=HANG)
        assert (process.returncode, printed) == (0, "")


@pytest.mark.parametrize(
    ("options", "token", "message"),
    [
        (("--host", "0.0.0.0"), None, "set SCAMDETECT_TOKEN"),
        (("--host", "192.0.2.1"), "s3cret", "cannot listen on 192.0.2.1"),
        (("--host", "\udcff"), "s3cret", "cannot listen on"),
        ((), "two words", "SCAMDETECT_TOKEN must be ASCII"),
        ((), "", "SCAMDETECT_TOKEN must be ASCII"),
        (("--preset", "strict", "--flag", "0.5"), "s3cret", "preset"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    tiny_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    token: str | None,
    message: str,
) -> None:
    monkeypatch.delenv("SCAMDETECT_TOKEN", raising=False)
    if token is not None:
        monkeypatch.setenv("SCAMDETECT_TOKEN", token)
    done = run("serve", "--port", "0", "--model", tiny_bundle, *options)
    assert done.exit_code == 2 and done.stderr.count("\n") == 1 and message in done.stderr
