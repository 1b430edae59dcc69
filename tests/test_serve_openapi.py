"""Compare the OpenAPI file with the service, and send requests made from it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, get_args

import httpx
import pytest
from docs_samples import ROOT
from hypothesis import HealthCheck, settings
from markdown_blocks import arguments, commands, program
from tiny_bundle import CONVERSATION, PRESET_POINTS, write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.explain.cues import CueKind
from scamdetect.labels import KINDS

pytest.importorskip("starlette", reason="needs the extra serve")
pytest.importorskip("schemathesis", reason="needs the extra dev")

import schemathesis
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from schemathesis import checks
from schemathesis.config import SchemathesisConfig
from starlette.applications import Starlette

from scamdetect.dumps.allow_list import AllowList
from scamdetect.serve.app import create_app
from scamdetect.serve.body import LONGEST_NAME
from scamdetect.serve.openapi import description
from scamdetect.serve.request import Code, Limits

FILE = ROOT / "scamdetect" / "serve" / "openapi.json"
PAGE = ROOT / "docs" / "serving.md"
PRESETS = ("balanced", "sweep", "strict")
TOKEN = {"Authorization": "Bearer s3cret"}
SMALL = Limits(texts=4, explained=2, characters=30, parallel=2)
REQUESTS = {
    "/v1/predict": "PredictRequest",
    "/v1/explain": "ExplainRequest",
    "/v1/conversation": "ConversationRequest",
}
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
]
CONFIG = {
    "seed": 1,
    "generation": {"max-examples": 25, "deterministic": True, "database": "none"},
}
DESCRIBED = description(SMALL, PRESETS)
api = schemathesis.openapi.from_dict(DESCRIBED, config=SchemathesisConfig.from_dict(CONFIG))


@pytest.fixture(scope="module")
def with_presets(tmp_path_factory: pytest.TempPathFactory) -> ScamDetector:
    """Return a detector with every preset and a rule for conversations."""
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_tiny_bundle(folder, operating_points=PRESET_POINTS, conversation=CONVERSATION)
    return ScamDetector.load(folder, threads=1, cache_size=0)


@pytest.fixture
def app(with_presets: ScamDetector) -> Starlette:
    allow_list = AllowList(frozenset([("bank", None)]))
    return create_app(with_presets, SMALL, "s3cret", allow_list=allow_list)


@api.parametrize()
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # ``app`` keeps no state
def test_requests_made_from_the_file_are_answered_as_it_says(
    case: schemathesis.Case, app: Starlette
) -> None:
    accepted = [checks.positive_data_acceptance] if _is_aligned(case.body) else []
    case.call_and_validate(app=app, headers=TOKEN, checks=[*CHECKS, *accepted])


def _is_aligned(body: object) -> bool:
    """Return whether all lists have one length, which no schema can ask for."""
    if not isinstance(body, dict):
        return True
    return len({len(one) for one in body.values() if isinstance(one, list)}) < 2


def ask(app: Starlette, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path, headers=TOKEN, **options)

    return asyncio.run(run())


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def test_the_file_is_valid_and_describes_the_default_service(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1.")
    assert description(Limits(), PRESETS) == document


def test_the_file_has_the_paths_of_the_service(app: Starlette, document: dict[str, Any]) -> None:
    served = {(route.path, method) for route in app.routes for method in route.methods - {"HEAD"}}
    described = {(path, m.upper()) for path, ways in document["paths"].items() for m in ways}
    assert served == described
    message = ask(app, "GET", "/").json()["error"]["message"]
    assert all(f"{method} {path}" in message for path, method in served)


def test_the_file_has_the_codes_kinds_and_cues_of_the_package(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    codes = set(schemas["Error"]["properties"]["error"]["properties"]["code"]["enum"])
    assert codes == set(get_args(Code))
    page = PAGE.read_text(encoding="utf-8")
    assert [code for code in codes if f"`{code}`" not in page] == []
    assert schemas["Kind"]["enum"] == [kind.value for kind in KINDS]
    cues = schemas["Explanation"]["properties"]["cues"]["items"]["properties"]
    assert cues["kind"]["enum"] == [kind.value for kind in CueKind]
    assert schemas["Id"]["maxLength"] == LONGEST_NAME


@pytest.mark.parametrize("path", REQUESTS)
def test_the_example_of_a_path_gets_every_key_of_its_answer(
    with_presets: ScamDetector, document: dict[str, Any], path: str
) -> None:
    operation = document["paths"][path]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    answer = ask(create_app(with_presets, token="s3cret"), "POST", path, json=example)
    assert answer.status_code == 200
    reference = operation["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator({**reference, "components": document["components"]}).validate(
        answer.json()
    )
    schema = document["components"]["schemas"][reference["$ref"].rpartition("/")[2]]
    assert answer.json().keys() == schema["properties"].keys()


@pytest.mark.parametrize("path", REQUESTS)
def test_the_keys_of_a_request_are_those_that_the_service_takes(
    app: Starlette, document: dict[str, Any], path: str
) -> None:
    schema = document["components"]["schemas"][REQUESTS[path]]
    (required,) = schema["required"]
    given = {required: ["hi"], "senders": ["a"], "ids": [1], "preset": "sweep", "me": "b", "id": 1}
    for key in {**given, "threshold": 0.5, "flag": 0.5}:
        answer = ask(app, "POST", path, json={required: ["hi"], key: given.get(key, 0.5)})
        if key in schema["properties"]:
            assert answer.status_code == 200, key
        else:
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (422, "wrong_members")
            assert f'Unknown key "{key}"' in error["message"]
    assert ask(app, "POST", path, json={}).status_code == 422


@pytest.mark.parametrize("path", REQUESTS)
def test_the_limits_of_a_running_service_are_in_its_description(app: Starlette, path: str) -> None:
    served = ask(app, "GET", "/openapi.json").json()
    assert served == DESCRIBED
    schemas = served["components"]["schemas"]
    (key,) = schemas[REQUESTS[path]]["required"]
    array = schemas[REQUESTS[path]]["properties"][key]["$ref"].rpartition("/")[2]
    most, longest = schemas[array]["maxItems"], schemas["Text"]["maxLength"]
    assert (most, longest) == (SMALL.explained if path == "/v1/explain" else SMALL.texts, 30)

    def status(entries: int, characters: int) -> int:
        return ask(app, "POST", path, json={key: ["x" * characters] * entries}).status_code

    assert status(most, longest) == 200
    assert status(most + 1, 1) == status(1, longest + 1) == 422


def test_keys_that_a_service_does_not_take_are_not_described(detector: ScamDetector) -> None:
    # The tiny bundle has too few rows for a preset, and there is no allow-list.
    served = ask(create_app(detector, token="s3cret"), "GET", "/openapi.json").json()
    validate(served)
    assert served["components"]["schemas"]["PredictRequest"]["properties"].keys() == {
        "texts", "ids",
    }  # fmt: skip


def test_each_path_has_a_curl_example_that_works(
    with_presets: ScamDetector, document: dict[str, Any]
) -> None:
    app, asked = create_app(with_presets, token="s3cret"), set()
    for line in commands(PAGE):
        if program(line) == "curl":
            method, url, options = _curl(line)
            assert url.startswith("http://127.0.0.1:8000/")
            path = url.removeprefix("http://127.0.0.1:8000")
            answer = ask(app, method, path, **options)
            assert answer.status_code == 200, line
            asked.add(path)
    assert asked == set(document["paths"])


def _curl(line: str) -> tuple[str, str, dict[str, Any]]:
    words = arguments(line)
    method, url, options = "GET", "", {}
    while words:
        word = words.pop(0)
        if word == "-d":
            method, options["json"] = "POST", json.loads(words.pop(0))
        elif word == "-H":
            assert words.pop(0).split(":")[0] in ("Content-Type", "Authorization")
        elif not word.startswith("-"):
            url = word
    return method, url, options
